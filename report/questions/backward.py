"""The gradient over the value."""

from __future__ import annotations

from collections.abc import Sequence

from ..compare.values import Value, ratios
from ..read.evidence import Evidence
from .question import Question

ORDER = 40
_NAMES = ("gelu", "squareplus", "relu")


def _values(evidence: Evidence) -> Sequence[Value]:
    return ratios(
        evidence, lambda timed: timed.is_plain_value(_NAMES, "backward"), direction="forward"
    )


QUESTION = Question(
    title="What does the backward pass cost?",
    names=_NAMES,
    values=_values,
    first="the gradient of {name} takes {range} its value's time",
    then="of {name} {range}",
    chart="The gradient over the value",
    measure="--size l2 --direction forward --direction backward",
    at_one="value",
)
