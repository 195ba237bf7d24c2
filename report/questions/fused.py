"""Fused activations: compiled, beside a compiled copy."""

from __future__ import annotations

from ..compare.groups import answering
from ..compare.pairs import pairs
from ..read.evidence import PLAIN, Evidence, Timed
from .answer import Answer, by_place, command, figure, plain, unmeasured

ORDER = 50
_ANCHOR = "fused"
_QUESTION = "Is it free when fused?"
_NAMES = ("relu", "gelu", "silu", "squareplus")
_COPY = "a compiled copy"
_BOUND = (
    "An activation fused into a kernel that otherwise only reads and writes the same data adds "
    "this much at most; beside other arithmetic, memory may hide less of it. No fused chain was "
    "timed."
)
_MEASURE = (
    "--activation copy --activation relu --activation gelu --activation silu "
    "--activation squareplus --mode compiled --direction forward --only timing "
    "--size l2 --size memory"
)


def answer(evidence: Evidence) -> Answer:
    """Compiled activations over a compiled copy of the same framework, by place."""
    groups = answering(evidence, pairs(evidence, _wanted, activation="copy", form=PLAIN))
    if not groups:
        return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE)
    sentences = (*by_place(groups, _COPY), _BOUND)
    drawn = figure("fused", "Compiled, over a compiled copy", "", groups, _COPY)
    return Answer(_ANCHOR, _QUESTION, sentences, (drawn,), command(groups))


def _wanted(timed: Timed) -> bool:
    return timed.case.mode == "compiled" and plain(timed, *_NAMES)
