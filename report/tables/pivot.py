"""Tables that the page contains in full: names against columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..words import number


@dataclass(frozen=True)
class Cell:
    """A text and smaller lines below it, and its `heat`: 0 to 10."""

    text: str
    lines: tuple[str, ...] = ()
    heat: int | None = None


EMPTY = Cell("–")
_LARGEST = 24
"""The base-2 logarithm of the error, in ulp, from which on the colour is the strongest."""


def hot(ulp: float | None, *lines: str) -> Cell:
    """A cell of a largest error or distance in ulp, the stronger coloured the larger it is."""
    if ulp is None:
        return Cell(number(ulp), lines)
    share = 1.0 if math.isinf(ulp) else min(1.0, math.log2(1 + max(ulp, 0.0)) / _LARGEST)
    return Cell(number(ulp), lines, heat=round(10 * share))


@dataclass(frozen=True)
class Pivot:
    """A table of names, each with a smaller line below it, against columns."""

    heading: str
    corner: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, str, Sequence[Cell]]]
