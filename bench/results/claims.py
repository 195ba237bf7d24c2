"""Claims of the literature as they were judged: `claims.json` of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from ..host.errors import StoreError
from .door import Real, first_of
from .files import content, dump
from .store import CLAIMS, cannot_read, write_whole

Text = Annotated[str, Field(max_length=600)]
Name = Annotated[str, Field(max_length=120, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
"""A name that a command line and an address can hold as it is."""
_STRICT = ConfigDict(extra="forbid")


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
    Raises ValueError for an interval without its value.
    """

    __pydantic_config__ = _STRICT

    name: Text
    value: Real
    low: Real | None = None
    high: Real | None = None
    unit: Text = ""
    holds: bool | None = None
    said: Real | None = None
    decides: bool = True
    at: Real | None = None
    framework: Text = ""
    mode: Text = ""
    direction: Text = ""
    device: Text = ""
    dtype: Text = ""
    place: Text = ""

    def __post_init__(self) -> None:
        rising = [end for end in (self.low, self.value, self.high) if end is not None]
        if not all(lower <= upper for lower, upper in pairwise(rising)):
            raise ValueError(f"{self.name}: {self.value} is not within {self.low} to {self.high}")


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
    """The distance of a figure from the source's number, or from 1, on a logarithmic scale."""
    share = figure.value / figure.said if figure.said else figure.value
    return abs(math.log(share)) if share > 0 else math.inf


@dataclass(frozen=True)
class Judged:
    """A claim as it was judged: what was said and where, how it was tested, and what came out.

    `seconds` is how long the test took; `reason` says why there are no figures, if there are none.
    `quick` says whether it was the short form.
    """

    __pydantic_config__ = _STRICT

    name: Name
    topic: Topic
    sentence: Text
    source: Text
    method: Text
    verdict: Verdict
    figures: Annotated[tuple[Figure, ...], Field(max_length=10_000)] = ()
    why: Text = ""
    reason: Text = ""
    seconds: float = 0.0
    seed: int = 0
    quick: bool = False

    @property
    def deciding(self) -> tuple[Figure, ...]:
        """The figures that decide."""
        return tuple(figure for figure in self.figures if figure.decides)

    @property
    def counter_example(self) -> Figure | None:
        """The figure that is farthest from what was claimed; None where all hold."""
        against = [figure for figure in self.deciding if figure.holds is False]
        return max(against, key=_distance, default=None)


@dataclass(frozen=True)
class Claims:
    """Claims that were judged, with the command that judged the last of them and when.

    Raises ValueError for two of the same name.
    """

    __pydantic_config__ = _STRICT

    command: Annotated[str, Field(max_length=10_000)]
    started: Text
    judged: Annotated[tuple[Judged, ...], Field(max_length=1_000)]
    schema: Literal[1] = 1

    def __post_init__(self) -> None:
        if len({claim.name for claim in self.judged}) < len(self.judged):
            raise ValueError("two claims have the same name")

    def after(self, earlier: Claims | None, order: Sequence[str]) -> Claims:
        """These claims and those that an earlier judging has besides, in the order of `names`.

        Claims without a name there come last.
        """
        own = {claim.name: claim for claim in self.judged}
        kept = {claim.name: claim for claim in (earlier.judged if earlier else ())}
        place = {name: at for at, name in enumerate(order)}
        both = sorted({**kept, **own}.values(), key=lambda claim: place.get(claim.name, len(order)))
        return replace(self, judged=tuple(both))


MODEL = TypeAdapter(Claims)
"""The model of `claims.json`."""


def write(folder: Path, claims: Claims) -> Path:
    """Write the claims of a run and return the file. Raises StoreError where the disk refuses."""
    path = folder / CLAIMS
    write_whole(path, (dump(MODEL.dump_python(claims, mode="json"), indent=1) + "\n").encode())
    return path


def read(folder: Path) -> Claims | None:
    """The claims of a run; None where none were judged. Raises StoreError for a malformed file."""
    path = folder / CLAIMS
    if not path.exists():
        return None
    try:
        return MODEL.validate_json(content(path), strict=True)
    except OSError as error:
        raise cannot_read(path, error) from None
    except ValueError as error:
        raise StoreError(
            f"{path} is malformed: {first_of(error)}; judge the claims again or remove it"
        ) from None
