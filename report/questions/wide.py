"""The form that holds for every input over the plain one."""

from __future__ import annotations

from collections.abc import Sequence

from ..compare.values import Value, ratios
from ..read.evidence import PLAIN, Evidence, Timed
from .question import Question

ORDER = 90
_NAMES = ("softplus", "gelu", "squareplus")


def _is_wide(timed: Timed) -> bool:
    case = timed.case
    return (case.form, case.direction) == ("wide", "forward") and case.activation in _NAMES


def _values(evidence: Evidence) -> Sequence[Value]:
    return ratios(evidence, _is_wide, form=PLAIN)


QUESTION = Question(
    title="What does exactness cost?",
    names=_NAMES,
    values=_values,
    first="exact {name} takes {range} its plain time",
    chart="The form that is exact for every input over the plain one",
    measure="--form native --form textbook --form wide --direction forward --only timing --size l2",
    at_one="plain",
    note="Computed in the next wider format and rounded once.",
)
