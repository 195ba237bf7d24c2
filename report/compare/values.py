"""Values: a figure of a case, or its ratio to the same case with something else in one place."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from ...bench.catalog.cases import Case
from ...bench.results.estimate import Estimate
from ..read.evidence import Evidence, Split, Timed
from ..words import number
from .settings import setting_of

STEADY = 0.25
"""The largest half-width, as a share, of a figure that a sentence may rest on."""


@dataclass(frozen=True)
class Value:
    """A figure of a case of a run."""

    run: str
    case: Case
    family: str
    estimate: Estimate

    @property
    def steady(self) -> bool:
        """Return whether the interval is narrow enough for a sentence."""
        return self.estimate.half_width <= STEADY


def figures(timed: Iterable[Timed], metric: str) -> list[Value]:
    """A metric of every case that has it."""
    return [
        Value(case.run, case.case, case.family, case.estimates[metric])
        for case in timed
        if metric in case.estimates
    ]


def slopes(splits: Iterable[Split]) -> list[Value]:
    """The time per element in cache with the call taken out, in ns, of every case that has it."""
    return [
        Value(split.run, replace(split.case, size=size), split.family, slope)
        for split in splits
        if (slope := split.slope) and (size := split.cached_size)
    ]


def ratios(evidence: Evidence, wanted: Callable[[Timed], bool], **others: Any) -> list[Value]:
    """Every wanted case over the same case with other values in some fields.

    The form `PLAIN` stands for the plain one.
    """
    compared = []
    for top in filter(wanted, evidence.timed):
        bottom = evidence.case(top.run, replace(top.case, **others))
        over = ratio(top, bottom) if bottom and bottom is not top else None
        compared += [Value(top.run, top.case, top.family, over)] if over else []
    return compared


def ratio(top: Timed, bottom: Timed) -> Estimate | None:
    """One case's time over another's: the ratio of their costs where both have the same unit.

    None where a time may be 0.
    """
    same = setting_of(top.run, top.case) == setting_of(bottom.run, bottom.case)
    if same and top.cost and bottom.cost:
        return quotient(top.cost, bottom.cost)
    return quotient(top.time, bottom.time)


def quotient(top: Estimate, bottom: Estimate) -> Estimate | None:
    """The ratio of two positive figures with independent errors; None where one may be 0."""
    value = top.value / bottom.value if bottom.value > 0 else math.nan
    if not value > 0 or any(figure.known and figure.low <= 0 for figure in (top, bottom)):
        return None
    return top.over(bottom) if top.known and bottom.known else Estimate(value)


def reach(values: Iterable[float]) -> str:
    """The range of some figures, two digits each: `1.2–6.7`; one figure if both ends are equal."""
    known = sorted(values)
    return "–".join(dict.fromkeys((brief(known[0]), brief(known[-1]))))


def brief(value: float) -> str:
    """A figure of two significant digits."""
    rounded = float(f"{value:.2g}")
    return number(value) if not 1e-3 <= abs(rounded) < 1e6 else f"{rounded:,.{_decimals(rounded)}f}"


def _decimals(value: float) -> int:
    return max(0, 1 - math.floor(math.log10(abs(value))))
