"""Activations over a copy, where the data comes from memory."""

from __future__ import annotations

from collections.abc import Sequence

from ..compare.values import Value, ratios
from ..read.evidence import PLAIN, Evidence
from .question import Question

ORDER = 50
_NAMES = ("gelu", "squareplus", "silu")


def _values(evidence: Evidence) -> Sequence[Value]:
    return ratios(
        evidence, lambda timed: timed.is_plain_value(_NAMES), activation="copy", form=PLAIN
    )


QUESTION = Question(
    title="Is it free when memory-bound?",
    names=_NAMES,
    values=_values,
    first="{name} takes {range} a copy's time",
    chart="Time over that of a copy",
    measure="--activation copy --direction forward --only timing --size memory",
    places=("memory",),
    at_one="copy",
)
