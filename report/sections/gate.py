"""The error rates of the regression gate, where a run measured them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...bench.results.store import Run
from ...bench.run import summary
from ...bench.run.summary import GATE
from ..read.evidence import Evidence
from ..tables.pivot import Cell, Pivot
from ..words import counted

ORDER = 15
TITLE = "How often the regression gate is wrong"


@dataclass(frozen=True)
class Measure:
    """One run's measure of the gate: a sentence, the table, and the command behind them."""

    sentence: str
    pivot: Pivot
    command: str


def SUMMARY(evidence: Evidence) -> str:
    """The first sentence."""
    return next(iter(sentences(evidence)), "")


def content(evidence: Evidence) -> Mapping[str, Any] | None:
    """A table for each run that measured the gate; None where none did."""
    of_runs = measures(evidence)
    return {"measures": of_runs} if of_runs else None


def leads(evidence: Evidence) -> bool:
    """Return whether the page begins with the gate: nothing else was measured."""
    return all(run.facts.selftest for run in evidence.runs.values())


def sentences(evidence: Evidence) -> list[str]:
    """A sentence per run that measured the gate."""
    return [measure.sentence for measure in measures(evidence)]


def measures(evidence: Evidence) -> list[Measure]:
    """The measure of each run that has one."""
    return [
        Measure(_sentence(conditions), _pivot(name, conditions), run.facts.command)
        for name, run in evidence.runs.items()
        if (conditions := _conditions(run))
    ]


def _conditions(run: Run) -> list[summary.Condition]:
    """The conditions in which the gate was measured."""
    lines = run.facts.selftest
    return [condition for condition in summary.conditions(lines) if GATE in condition.lines]


def _pivot(run: str, conditions: Sequence[summary.Condition]) -> Pivot:
    rivals = list(dict.fromkeys(tool for c in conditions for tool in c.lines if tool != GATE))
    columns = [
        "planted",
        "the gate calls",
        "undecided",
        "interval holds it",
        "s of timing per gate",
    ]
    columns += rivals
    rows = [
        (condition.hogs, "", list(map(Cell, _cells(condition, rivals)))) for condition in conditions
    ]
    return Pivot(f"Calls of the gate, run {run}", "hogs", columns, rows)


def _cells(condition: summary.Condition, rivals: Sequence[str]) -> list[str]:
    gate = condition.lines[GATE]
    others = [
        summary.calls(condition.lines[tool]) if tool in condition.lines else "–" for tool in rivals
    ]
    counts = [summary.calls(gate), gate.undecided.words, gate.covered.words]
    return [condition.what, *counts, f"{gate.seconds:.0f}", *others]


def _sentence(conditions: Sequence[summary.Condition]) -> str:
    """A sentence on false alarms of the gate on the same code."""
    lines = [condition.lines[GATE] for condition in conditions if not condition.planted]
    alarmed, of = (sum(getattr(line.alarmed, name) for line in lines) for name in ("count", "of"))
    return f"Of {counted(of, 'gate')} on the same code, {alarmed:,} raised a false alarm."
