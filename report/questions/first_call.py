"""Is ReLU faster than SiLU, or is that the first call? Warm calls, beside what compiling takes."""

from __future__ import annotations

from collections.abc import Sequence

from ..compare.groups import Group, answering
from ..compare.pairs import Pair, pairs
from ..read.evidence import PLAIN, Evidence, Timed
from ..words import counted, duration, elements, sentence
from .answer import Answer, by_place, command, figure, plain, unmeasured

ORDER = 10
_ANCHOR = "first-call"
_QUESTION = "Is ReLU faster than SiLU, or is that the first call?"
_MEASURE = (
    "--activation relu --activation silu --direction forward --only timing --size launch --size l2"
)


def answer(evidence: Evidence) -> Answer:
    """Warm calls of silu over relu; beside them what compiling took."""
    found = answering(
        evidence, pairs(evidence, lambda t: plain(t, "silu"), activation="relu", form=PLAIN)
    )
    if not found:
        return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE)
    told = (*by_place(found, "relu"), *map(_compiling, found))
    drawn = figure("first-call", "silu over relu in warm calls", "", found, "relu")
    return Answer(_ANCHOR, _QUESTION, told, (drawn,), command(found))


def _compiling(group: Group[Pair]) -> str:
    """What the first call of compiled code took beyond a later one, and in how many later ones."""
    told = [_seconds(pair) for pair in _compiled(group.records)]
    if not told:
        return sentence(
            group.prefix,
            "what a first call takes is not in the rows: only where something was compiled is it "
            "kept, and never in eager mode",
        )
    return sentence(
        group.prefix,
        "what compiling added to the first call is no part of these ratios: ",
        "; ".join(told),
        ". Each is one call, without an interval, and a compile cache may have shortened it",
    )


def _compiled(found: Sequence[Pair]) -> list[Pair]:
    """The largest size at which both compiled, per framework."""
    known = [pair for pair in found if all(_compile(t) > 0 for t in (pair.top, pair.bottom))]
    by_framework = {pair.setting.framework: pair for pair in sorted(known, key=_size)}
    return list(by_framework.values())


def _size(pair: Pair) -> int:
    return pair.top.case.size


def _compile(timed: Timed) -> float:
    kept = timed.estimates.get("compile_time")
    return kept.value if kept else 0.0


def _seconds(pair: Pair) -> str:
    told = " and ".join(
        f"{timed.case.activation} {duration(_compile(timed) * 1e9)} or "
        f"{counted(_calls(timed), 'warm call')}"
        for timed in (pair.bottom, pair.top)
    )
    return f"{pair.setting.who}, {elements(_size(pair))}: {told}"


def _calls(timed: Timed) -> int:
    return int(float(f"{_compile(timed) * 1e9 / timed.time.value:.3g}"))
