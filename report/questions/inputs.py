"""Subnormal and saturated inputs against the usual ones, and activations that change order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from ...bench.catalog.given import NORMAL, SATURATED, SUBNORMAL
from ...bench.results.estimate import Estimate
from ..compare.groups import Group, groups
from ..compare.ratios import Verdict, decided, verdict
from ..compare.sizes import deciding
from ..compare.values import Value, brief, ratio, ratios
from ..read.evidence import Evidence, Timed
from ..words import capital, spelled, title
from .question import Question

ORDER = 95
_NAMES = ("softplus", "gelu", "silu", "elu", "squareplus", "relu")
_KINDS = (SUBNORMAL, SATURATED)


def _is_of(timed: Timed, kind: str) -> bool:
    return timed.is_plain_value(_NAMES) and timed.case.input == kind


def _values(evidence: Evidence) -> Sequence[Value]:
    return ratios(evidence, lambda timed: any(_is_of(timed, kind) for kind in _KINDS), input=NORMAL)


@dataclass(frozen=True)
class _Turn:
    """Two activations, the first of which takes longer on some inputs and less on usual ones."""

    lead: str
    names: tuple[str, str]
    there: float
    usually: float

    @property
    def sentence(self) -> str:
        """`Eager, in cache, inputs subnormal: ELU takes 3.1× GELU's time, usually 0.60×.`"""
        first, second = map(spelled, self.names)
        return (
            f"{capital(self.lead)}: {first} takes {brief(self.there)}× {second}\u2019s time, "
            f"usually {brief(self.usually)}×."
        )


def _says(evidence: Evidence) -> Iterator[str]:
    """The two activations that change order most on a kind of input; a note where none do."""
    unchanged = []
    for kind in _KINDS:
        among = [group for group in groups(evidence, evidence.timed) if _has(group, kind)]
        compared = [turn for group in among for turn in _compared(evidence, group)]
        turned = [turn for turn in compared if turn.there > 1 > turn.usually]
        if turned:
            yield max(turned, key=lambda turn: turn.there / turn.usually).sentence
        elif compared:
            unchanged.append(f"On {kind} inputs no two of these activations change places.")
    yield from unchanged


def _has(group: Group[Timed], kind: str) -> bool:
    return any(_is_of(timed, kind) for series in group.series for timed in series.records)


def _compared(evidence: Evidence, group: Group[Timed]) -> Iterator[_Turn]:
    """All pairs of activations of a framework and mode with both ratios decided."""
    size = deciding(group.sizes)
    for series in group.series:
        plain = [timed for timed in series.at(size) if timed.is_plain_value(_NAMES)]
        place = f"{series.setting.mode}, {size.words}, {group.unusual}"
        for first, second in permutations(plain, 2):
            there = _known(ratio(first, second))
            usually = _known(_usually(evidence, first, second))
            if there and usually:
                who = title(series.setting.framework)
                names = first.case.activation, second.case.activation
                yield _Turn(f"{who} {place}", names, there, usually)


def _usually(evidence: Evidence, *pair: Timed) -> Estimate | None:
    """The ratio of two activations on usual inputs, as far as both were timed there."""
    first, second = (evidence.case(t.run, replace(t.case, input=NORMAL)) for t in pair)
    return ratio(first, second) if first and second else None


def _known(estimate: Estimate | None) -> float | None:
    """The ratio where it is certainly on one side of 1."""
    if estimate is None or not decided(estimate) or verdict(estimate) is Verdict.SAME:
        return None
    return estimate.value


QUESTION = Question(
    title="Do subnormal or saturated inputs change the order?",
    names=_NAMES,
    values=_values,
    first="{name} takes {range} its usual time",
    chart="Time on subnormal and saturated inputs over that on usual ones",
    measure="--input normal --input subnormal --input saturated --mode eager --direction forward "
    "--only timing --size l2",
    at_one="usual",
    note="At saturated inputs eˣ is infinite or 0.",
    every=True,
    says=_says,
)
