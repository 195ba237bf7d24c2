"""The tanh approximation of GELU over the exact function."""

from __future__ import annotations

from collections.abc import Sequence

from ..compare.values import Value, ratios
from ..read.evidence import PLAIN, Evidence
from .question import Question

ORDER = 80
_NAMES = ("gelu_tanh",)


def _values(evidence: Evidence) -> Sequence[Value]:
    return ratios(
        evidence, lambda timed: timed.is_plain_value(_NAMES), activation="gelu", form=PLAIN
    )


QUESTION = Question(
    title="What does the tanh GELU save?",
    names=_NAMES,
    values=_values,
    first="{name} takes {range} the exact function's time",
    chart="tanh GELU over GELU",
    measure="--activation gelu --direction forward --only timing --size l2",
    at_one="GELU",
)
