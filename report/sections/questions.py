"""Questions that people ask, each with its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from .. import modules, questions
from ..questions.question import Answer, answer
from ..read.evidence import Evidence
from ..words import counted

ORDER = 20
TITLE = "Questions"
_NAMED = 3


def SUMMARY(evidence: Evidence) -> str:
    """The first questions that are answered, and the number of all."""
    answered = [answer.question for answer in answers(evidence) if answer.figure]
    more = f"And {counted(len(answered) - _NAMED, 'more', 'more')}." * (len(answered) > _NAMED)
    return " ".join(filter(None, [*answered[:_NAMED], more]))


def content(evidence: Evidence) -> Mapping[str, Any] | None:
    """Every question that the rows answer; None where they answer no question."""
    if not any(answered.figure for answered in answers(evidence)):
        return None
    return {"answers": answers(evidence)}


@lru_cache(maxsize=2)
def answers(evidence: Evidence) -> Sequence[Answer]:
    """The answers, those that the rows give first."""
    of_all = [answer(module.QUESTION, evidence) for module in modules(questions)]
    return sorted(of_all, key=lambda answered: answered.figure is None)
