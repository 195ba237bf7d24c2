"""Which questions are asked, and in which order."""

from __future__ import annotations

from collections.abc import Callable

from ..evidence import Evidence
from . import compiling, fastest, first_call, free, slow_gelu, squareplus
from .answered import Answered

QUESTIONS: tuple[Callable[[Evidence], Answered], ...] = (
    first_call.answer,
    slow_gelu.answer,
    squareplus.answer,
    free.streaming,
    free.fused,
    compiling.answer,
    fastest.answer,
)


def answers(evidence: Evidence) -> list[Answered]:
    """Every question with its answer."""
    return [question(evidence) for question in QUESTIONS]
