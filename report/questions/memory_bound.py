"""Activations whose data streams from memory: beside relu, and beside a copy."""

from __future__ import annotations

from ..compare.groups import Group, answering, streaming
from ..compare.pairs import Pair, pairs
from ..read.evidence import PLAIN, Evidence
from .answer import Answer, by_place, command, figure, plain, unmeasured

ORDER = 40
_ANCHOR = "memory-bound"
_QUESTION = "Is it memory-bound, so free on this device?"
_NAMES = ("gelu", "silu", "squareplus")
_OVER = {"relu": "relu", "copy": "a copy"}
_MEASURE = (
    "--activation relu --activation copy --activation gelu --activation silu "
    "--activation squareplus --direction forward --only timing --size memory"
)


def answer(evidence: Evidence) -> Answer:
    """gelu, silu and squareplus over relu and over a copy, where the data streams."""
    by_words = {words: _over(evidence, name) for name, words in _OVER.items()}
    if not by_words["relu"]:
        return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE)
    shown = {words: over for words, over in by_words.items() if over}
    drawn = [
        figure(f"memory-{index}", f"What streams, over {words}", "", over, words)
        for index, (words, over) in enumerate(shown.items())
    ]
    return Answer(
        _ANCHOR,
        _QUESTION,
        tuple(text for words, over in shown.items() for text in by_place(over, words)),
        tuple(drawn),
        command(group for over in shown.values() for group in over),
    )


def _over(evidence: Evidence, name: str) -> list[Group[Pair]]:
    over = pairs(evidence, lambda t: plain(t, *_NAMES), activation=name, form=PLAIN)
    return answering(evidence, over, streaming)
