"""Which questions are asked, and in which order."""

from __future__ import annotations

from collections.abc import Callable

from ..read.evidence import Evidence
from . import (
    backward,
    calls,
    compiling,
    default_gelu,
    fastest,
    first_call,
    free,
    losses,
    reproducible,
    slow_gelu,
    squareplus,
    stability,
)
from .answered import Answered

QUESTIONS: tuple[Callable[[Evidence], Answered], ...] = (
    first_call.answer,
    slow_gelu.answer,
    squareplus.answer,
    free.streaming,
    free.fused,
    compiling.answer,
    fastest.answer,
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
