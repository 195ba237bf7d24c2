"""The questions that people ask, each answered from the rows or by what measures it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import modules, questions
from ..read.evidence import Evidence

ORDER = 30
TITLE = "The questions people ask"
LINK = "Questions"


def content(evidence: Evidence) -> Mapping[str, Any]:
    """Every question with its answer."""
    return {"answers": [module.answer(evidence) for module in modules(questions)]}
