"""Squareplus beside softplus, by place."""

from __future__ import annotations

from ..compare.groups import answering
from ..compare.pairs import pairs
from ..read.evidence import PLAIN, Evidence
from .answer import Answer, by_place, command, figure, plain, unmeasured

ORDER = 30
_ANCHOR = "squareplus"
_QUESTION = "Is Squareplus cheaper than softplus, where, and by how much?"
_CLAIM = (
    'Beside it stands the abstract of J. T. Barron, "Squareplus: A Softplus-Like Algebraic '
    'Rectifier" (arXiv 2112.11687): squareplus is "∼6× faster to evaluate than softplus on a CPU". '
    "That is another machine and other software: it is quoted here, not tested."
)
_MEASURE = (
    "--activation softplus --activation squareplus --direction forward --only timing "
    "--size launch --size l2 --size memory"
)


def answer(evidence: Evidence) -> Answer:
    """softplus over squareplus in each place, beside the paper's claim."""
    groups = answering(
        evidence,
        pairs(evidence, lambda t: plain(t, "softplus"), activation="squareplus", form=PLAIN),
    )
    if not groups:
        return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE)
    note = "Right of the line squareplus is the cheaper one."
    drawn = figure("squareplus", "softplus over squareplus", note, groups, "squareplus")
    sentences = (*by_place(groups, "squareplus"), _CLAIM)
    return Answer(_ANCHOR, _QUESTION, sentences, (drawn,), command(groups))
