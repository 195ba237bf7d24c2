"""Every row: times, errors, differences between results, and what could not be measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..read.evidence import Evidence
from ..tables.grid import grid
from ..words import counted

ORDER = 60
TITLE = "Every row"
_TABLES: Mapping[str, tuple[str, str]] = {
    "timings": ("Times", "Time of every case, and the largest error of the same form"),
    "accuracy": ("Errors", "Largest error of every case against the exact value"),
    "between": ("Differences", "Distance of two results: two frameworks, or two conditions"),
    "missing": ("Not measured", "Cases without a value, and why"),
}
"""Each table's name and caption."""


def SUMMARY(evidence: Evidence) -> str:
    """The numbers of cases with and without a value."""
    return (
        f"{counted(len(evidence.timed), 'time')}, searchable; "
        f"{counted(len(evidence.missing), 'case')} not measured, and why."
    )


def content(evidence: Evidence) -> Mapping[str, Any] | None:
    """The tables that have rows; None where there are none."""
    tables = [
        (name, place)
        for id, (name, caption) in _TABLES.items()
        if (place := grid(evidence, id, caption))
    ]
    return {"tables": tables} if tables else None
