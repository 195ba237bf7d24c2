"""Cases that could not be measured, with their reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..read.evidence import Evidence
from ..tables.grid import grid

ORDER = 150
TITLE = "What could not be measured"
LINK = "Not measured"


def content(evidence: Evidence) -> Mapping[str, Any]:
    """The table of missing cases, or a sentence on an empty list."""
    caption = "Cases without a value, and why"
    return {"grid": grid(evidence, "missing", caption), "nothing": nothing(evidence)}


def nothing(evidence: Evidence) -> str:
    """The sentence for an empty list of missing cases."""
    runs = evidence.runs.values()
    if all(run.records and run.facts.state == "finished" for run in runs):
        return "Nothing: every case that was asked for has a value."
    return (
        "No case is listed with a reason, which does not mean that all have a value: what a run "
        "did not come to has no row."
    )
