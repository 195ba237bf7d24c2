"""Claims of the literature as they were judged: `claims.json` of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter

from .door import Real, first_of
from .files import content, dump
from .store import CLAIMS, cannot_read, malformed, write_whole


class Topic(StrEnum):
    """Kinds of claims that are read together, in the order in which they are read."""

    COST = "cost"
    IDENTITY = "identities"
    DERIVATIVE = "derivatives"
    SHAPE = "shape"
    NETWORK = "behaviour in networks"
    CODE = "textbook code"
    FORM = "the form to copy"


class Verdict(StrEnum):
    """The verdict of a claim."""

    HOLDS = "holds"
    LIMITED = "holds within limits"
    FAILS = "fails"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Figure:
    """A number by which a claim was judged, with its 95 % interval where it has one.

    `name` says what was measured. The setting says where: a field that is empty makes no
    difference to it. `at` is the input that gave the number, where one did. `holds` says whether
    the claim holds by this number, None where the number is not precise enough to say; one that
    only informs does not decide (`decides`). `said` is the source's own number, where it has one.
    """

    name: str
    value: Real
    low: Real | None = None
    high: Real | None = None
    unit: str = ""
    holds: bool | None = None
    said: Real | None = None
    decides: bool = True
    at: Real | None = None
    framework: str = ""
    mode: str = ""
    direction: str = ""
    device: str = ""
    dtype: str = ""
    place: str = ""


@dataclass(frozen=True)
class Outcome:
    """The figures of a claim, and in one sentence why they are so; empty where they say it."""

    figures: tuple[Figure, ...]
    why: str = ""

    @property
    def verdict(self) -> Verdict:
        """The verdict that follows from the figures that decide.

        Undecided where fewer than half of those do that were to decide.
        """
        deciding = [figure for figure in self.figures if figure.decides]
        decided = [figure for figure in deciding if figure.holds is not None]
        if 2 * len(decided) < len(deciding) or not decided:
            return Verdict.UNDECIDED
        if all(figure.holds for figure in decided):
            return Verdict.HOLDS
        return Verdict.LIMITED if any(figure.holds for figure in decided) else Verdict.FAILS


def _distance(figure: Figure) -> float:
    """How far a figure is from what was said, or from 1, on a logarithmic scale."""
    share = figure.value / figure.said if figure.said else figure.value
    return abs(math.log(share)) if share > 0 else math.inf


@dataclass(frozen=True)
class Judged:
    """A claim as it was judged: what was said and where, how it was tested, and what came out.

    `seconds` is how long the test took; `reason` says why there are no figures, if there are none.
    """

    name: str
    topic: Topic
    sentence: str
    source: str
    method: str
    verdict: Verdict
    figures: tuple[Figure, ...] = ()
    why: str = ""
    reason: str = ""
    seconds: float = 0.0

    @property
    def counter_example(self) -> Figure | None:
        """The figure that is farthest from what was claimed; None where each one holds."""
        against = [figure for figure in self.figures if figure.decides and figure.holds is False]
        return max(against, key=_distance, default=None)


@dataclass(frozen=True)
class Claims:
    """The claims that were judged in one go, with the command that judges them again."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    command: str
    seed: int
    quick: bool
    started: str
    judged: tuple[Judged, ...]
    schema: Literal[1] = 1


_CLAIMS = TypeAdapter(Claims)


def write(folder: Path, claims: Claims) -> Path:
    """Write the claims of a run and return the file. Raises StoreError where the disk refuses."""
    path = folder / CLAIMS
    write_whole(path, (dump(_CLAIMS.dump_python(claims, mode="json"), indent=1) + "\n").encode())
    return path


def read(folder: Path) -> Claims | None:
    """The claims of a run; None where none were judged. Raises StoreError for a malformed file."""
    path = folder / CLAIMS
    if not path.exists():
        return None
    try:
        return _CLAIMS.validate_json(content(path), strict=True)
    except OSError as error:
        raise cannot_read(path, error) from None
    except ValueError as error:
        raise malformed(path, first_of(error)) from None
