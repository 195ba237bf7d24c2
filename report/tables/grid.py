"""The place where the page's script draws a table, with its caption and notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..read.evidence import Evidence
from ..words import listing, machine, writable
from . import flags
from .tables import all_tables


@dataclass(frozen=True)
class Grid:
    """A table by its id: its caption, the notes under it, and the source of its rows.

    `mixture` is the warning that precedes rows of several runs.
    """

    id: str
    caption: str
    notes: Sequence[flags.Note]
    mixture: str
    paths: Sequence[str]


def grid(evidence: Evidence, name: str, caption: str) -> Grid | None:
    """The place of a table; None where it has no rows."""
    if not all_tables(evidence)[name]["rows"]:
        return None
    notes = flags.notes(evidence).get(name, [])
    return Grid(name, caption, notes, _mixture(evidence), paths(evidence))


def paths(evidence: Evidence) -> list[str]:
    """The files that the page is made of."""
    return [writable(str(run.path / "rows.jsonl")) for run in evidence.runs.values()]


def _mixture(evidence: Evidence) -> str:
    if len(evidence.runs) < 2:
        return ""
    runs = evidence.runs.items()
    whose = listing([f"{name} ({machine(run.facts.machine)})" for name, run in runs])
    return (
        f"Rows of {len(evidence.runs)} runs stand together: {whose}. A cost over relu is over the "
        "relu of its own run; other times are of their own machine and hour, and a difference "
        "between two runs may be that of those."
    )
