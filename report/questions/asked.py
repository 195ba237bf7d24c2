"""Which questions are asked, and in which order."""

from __future__ import annotations

from collections.abc import Callable

from ..evidence import Evidence
from . import backward, calls, default_gelu, losses, reproducible, stability
from .answered import Answered

QUESTIONS: tuple[Callable[[Evidence], Answered], ...] = (
    calls.answer,
    backward.answer,
    default_gelu.answer,
    reproducible.answer,
    losses.answer,
    stability.answer,
)


def answers(evidence: Evidence) -> list[Answered]:
    """Every question with its answer."""
    return [question(evidence) for question in QUESTIONS]
