"""Compiled over eager code of the same framework."""

from __future__ import annotations

from collections.abc import Sequence

from ..compare.values import Value, ratios
from ..read.evidence import Evidence
from .question import Question

ORDER = 30
_NAMES = ("gelu", "squareplus", "relu")


def _values(evidence: Evidence) -> Sequence[Value]:
    return ratios(
        evidence,
        lambda timed: timed.is_plain_value(_NAMES) and timed.case.mode == "compiled",
        mode="eager",
    )


QUESTION = Question(
    title="Does compiling help?",
    names=_NAMES,
    values=_values,
    first="{name} takes {range} its eager time",
    chart="Compiled over eager",
    measure="--direction forward --only timing --size launch --size l2",
    places=("cache", "launch"),
    at_one="eager",
)
