"""The cost of a call: the time of a tiny one."""

from __future__ import annotations

from collections.abc import Sequence

from ..compare.values import Value, figures
from ..read.evidence import Evidence
from .question import Question

ORDER = 20
_NAMES = ("relu", "gelu", "squareplus")


def _values(evidence: Evidence) -> Sequence[Value]:
    plain = (timed for timed in evidence.timed if timed.is_plain_value(_NAMES))
    return figures(plain, "time_per_call")


QUESTION = Question(
    title="What does a call cost, whatever it computes?",
    names=_NAMES,
    values=_values,
    first="{name} takes {range}",
    chart="Time of one tiny call",
    measure="--direction forward --only timing --size launch",
    places=("launch",),
    unit=" µs",
    per=1000.0,
)
