"""The cost of correctness: the wide form over the plain one, with the errors of both."""

from __future__ import annotations

from collections.abc import Sequence

from ..compare.groups import Group, answering, in_cache
from ..compare.pairs import Pair, pairs
from ..compare.ratios import NamedRatio, span, tally
from ..read.evidence import PLAIN, Evidence, Timed
from ..words import number, sentence
from .answer import Answer, command, figure, unmeasured

ORDER = 130
_ANCHOR = "correctness"
_QUESTION = "What does correctness cost?"
_NAMES = ("gelu", "softplus", "squareplus")
_FEW = 3
CLOSE = 4.0
"""Errors in ulp up to which a form counts as right: what good mathematical libraries keep to."""
_MEASURE = "--form native --form textbook --form wide --size l2"


def answer(evidence: Evidence) -> Answer:
    """The time of the wide form over the plain one's, in cache, and the errors of both."""
    groups = answering(evidence, pairs(evidence, _wanted, form=PLAIN), in_cache)
    if not groups:
        return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE)
    sentences = [
        text for group in groups for text in (*_overall(group), _errors(group), _of_each(group))
    ]
    shown = [_shown(group) for group in groups]
    note = "● exp, ▲ algebraic, ■ max."
    drawn = figure("correctness", "The wide form over the plain one", note, shown, "plain")
    see = {"accuracy": "How right each form is"}
    return Answer(_ANCHOR, _QUESTION, tuple(sentences), (drawn,), command(shown), see=see)


def _wanted(timed: Timed) -> bool:
    case = timed.case
    return (case.form, case.direction) == ("wide", "forward") and timed.family != "primitive"


def _shown(group: Group[Pair]) -> Group[Pair]:
    """The pairs of activations that people name, else of the first few."""
    names = list(dict.fromkeys(pair.name for pair in group.records))
    named = [name for name in names if name in _NAMES] or names[:_FEW]
    return group.having(lambda pair: pair.name in named)


def _overall(group: Group[Pair]) -> list[str]:
    """The number of cases in which the wide form takes longer: a sentence per mode."""
    modes: dict[str, list[NamedRatio]] = {}
    for pair in group.records:
        modes.setdefault(pair.setting.mode, []).append(("", pair.ratio))
    where = group.sizes[0].where
    return [
        sentence(
            group.prefix, f"{mode}, {where}: ", tally("the wide form", "the plain one", ratios)
        )
        for mode, ratios in modes.items()
    ]


def _errors(group: Group[Pair]) -> str:
    """The number of right forms of each kind, where both were checked."""
    both = [errors for pair in group.records if (errors := _of_pair(pair))]
    if not both:
        return "Their errors were not checked in this run."
    wide, plain = (sum(errors[side] <= CLOSE for errors in both) for side in (0, 1))
    return (
        f"Its largest error on the inputs tested is at most {CLOSE:g} ulp in {wide} of "
        f"{len(both)}, the plain form's in {plain}."
    )


def _of_pair(pair: Pair) -> tuple[float, float] | None:
    """The errors in ulp of the wide and of the plain form, if both were checked."""
    wide, plain = pair.top.exactness, pair.bottom.exactness
    return (wide.error, plain.error) if wide and plain else None


def _of_each(group: Group[Pair]) -> str:
    """The ratios and the largest errors of each activation that is drawn, in one sentence."""
    by_name: dict[str, list[Pair]] = {}
    for pair in _shown(group).records:
        by_name.setdefault(pair.name, []).append(pair)
    clauses = [f"{name} {_reach(named)}" for name, named in by_name.items()]
    return sentence(f"as drawn: {'; '.join(clauses)}")


def _reach(named: Sequence[Pair]) -> str:
    """`1.12–32.2× (largest error 1.00 ulp, plain 1.67e7)`."""
    both = [errors for pair in named if (errors := _of_pair(pair))]
    wide, plain = (number(max((errors[side] for errors in both), default=None)) for side in (0, 1))
    beside = f" (largest error {wide} ulp, plain {plain})" * bool(both)
    return f"{span(pair.ratio for pair in named)}{beside}"
