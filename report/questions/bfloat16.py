"""bfloat16 over float32."""

from __future__ import annotations

from collections.abc import Sequence

from ..compare.values import Value, ratios
from ..read.evidence import Evidence
from .question import Question

ORDER = 60
_NAMES = ("gelu", "squareplus", "relu")


def _values(evidence: Evidence) -> Sequence[Value]:
    return ratios(
        evidence,
        lambda timed: timed.is_plain_value(_NAMES) and timed.case.dtype == "bfloat16",
        dtype="float32",
    )


QUESTION = Question(
    title="Is bfloat16 faster?",
    names=_NAMES,
    values=_values,
    first="{name} takes {range} its float32 time",
    chart="bfloat16 over float32",
    measure="--dtype bfloat16 --dtype float32 --direction forward --only timing --size l2",
    at_one="float32",
)
