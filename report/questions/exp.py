"""The cost of exp: the time of an element without the call."""

from __future__ import annotations

from collections.abc import Sequence

from ..compare.values import Value, slopes
from ..read.evidence import Evidence
from .question import Question

ORDER = 10
_NAMES = ("gelu", "squareplus", "silu", "softplus", "relu")


def _values(evidence: Evidence) -> Sequence[Value]:
    return slopes(
        split
        for split in evidence.splits
        if split.plain and split.case.activation in _NAMES and split.case.direction == "forward"
    )


QUESTION = Question(
    title="What does exp cost?",
    names=_NAMES,
    values=_values,
    first="an element of {name} takes {range}",
    then="of {name} {range}",
    chart="Time per element with the call taken out",
    measure="--direction forward --size launch --size l1 --size l2",
    unit=" ns",
)
