"""How often the regression gate is wrong, where a run measured it."""

from __future__ import annotations

from dataclasses import dataclass

from ...bench.gate import summary
from ...bench.gate.summary import GATE
from ...bench.results.store import Run
from ..read.evidence import Evidence
from ..words import counted


@dataclass(frozen=True)
class Row:
    """What was planted under which hogs, and what each tool called."""

    hogs: str
    planted: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One run's measure of the gate: what it says in a sentence, then the table of all of it."""

    run: str
    sentence: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    command: str


def tables(evidence: Evidence) -> list[Table]:
    """A table for each run that measured the gate."""
    return [
        _table(name, found, run.facts.command)
        for name, run in evidence.runs.items()
        if (found := _conditions(run))
    ]


def _conditions(run: Run) -> list[summary.Condition]:
    """What was planted, as far as the gate has a line for it."""
    lines = map(summary.line_of, run.facts.selftest)
    return [each for each in summary.conditions(lines) if GATE in each.lines]


def _table(run: str, found: list[summary.Condition], command: str) -> Table:
    rivals = list(dict.fromkeys(tool for each in found for tool in each.lines if tool != GATE))
    rows = []
    for each in found:
        mine = each.lines[GATE]
        others = [summary.calls(each.lines[t]) if t in each.lines else "–" for t in rivals]
        told = (summary.calls(mine), mine.undecided.words, mine.covered.words)
        cells = (*told, f"{mine.seconds:.0f}", *others)
        rows.append(Row(each.hogs, each.what, cells))
    columns = (
        *("the gate calls", "undecided", "interval holds it", "s of timing a gate"),
        *rivals,
    )
    return Table(run, _sentence(found), columns, tuple(rows), command)


def _sentence(found: list[summary.Condition]) -> str:
    """What the gate called on the same code, and pytest-benchmark beside it."""
    same = [each for each in found if not each.planted]
    parts = []
    for tool in dict.fromkeys(tool for each in same for tool in each.lines):
        lines = [each.lines[tool] for each in same if tool in each.lines]
        alarmed, gates = (sum(getattr(x.alarmed, n) for x in lines) for n in ("count", "of"))
        parts.append(f"{tool} in {alarmed} of {counted(gates, 'gate')}")
    return f"Cases whose code was the same were called slower or faster by {'; by '.join(parts)}."
