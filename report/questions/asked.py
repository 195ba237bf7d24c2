"""Which questions are asked, and in which order."""

from __future__ import annotations

from collections.abc import Callable

from ..evidence import Evidence
from .answered import Answered

QUESTIONS: tuple[Callable[[Evidence], Answered], ...] = ()


def answers(evidence: Evidence) -> list[Answered]:
    """Every question with its answer."""
    return [question(evidence) for question in QUESTIONS]
