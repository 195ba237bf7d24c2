"""ReLU beside SiLU in warm calls, and the time that compiling adds to the first call."""

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
    """Warm calls of silu over relu, and the time of compiling."""
    groups = answering(
        evidence, pairs(evidence, lambda t: plain(t, "silu"), activation="relu", form=PLAIN)
    )
    if not groups:
        return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE)
    sentences = (*by_place(groups, "relu"), *map(_compiling, groups))
    drawn = figure("first-call", "silu over relu in warm calls", "", groups, "relu")
    return Answer(_ANCHOR, _QUESTION, sentences, (drawn,), command(groups))


def _compiling(group: Group[Pair]) -> str:
    """The first call's time beyond a later call's, in seconds and in later calls."""
    additions = [_seconds(pair) for pair in _compiled(group.records)]
    if not additions:
        return sentence(
            group.prefix,
            "what a first call takes is not in the rows: only where something was compiled is it "
            "kept, and never in eager mode",
        )
    return sentence(
        group.prefix,
        "what compiling added to the first call is no part of these ratios: ",
        "; ".join(additions),
        ". Each is one call, without an interval, and a compile cache may have shortened it",
    )


def _compiled(pairs: Sequence[Pair]) -> list[Pair]:
    """The largest size at which both compiled, per framework."""
    known = [pair for pair in pairs if all(_compile(t) > 0 for t in (pair.top, pair.bottom))]
    by_framework = {pair.setting.framework: pair for pair in sorted(known, key=_size)}
    return list(by_framework.values())


def _size(pair: Pair) -> int:
    return pair.top.case.size


def _compile(timed: Timed) -> float:
    kept = timed.estimates.get("compile_time")
    return kept.value if kept else 0.0


def _seconds(pair: Pair) -> str:
    additions = " and ".join(
        f"{timed.case.activation} {duration(_compile(timed) * 1e9)} or "
        f"{counted(_calls(timed), 'warm call')}"
        for timed in (pair.bottom, pair.top)
    )
    return f"{pair.setting.who}, {elements(_size(pair))}: {additions}"


def _calls(timed: Timed) -> int:
    return int(float(f"{_compile(timed) * 1e9 / timed.time.value:.3g}"))
