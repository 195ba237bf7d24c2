"""The head of the page: the conditions of its figures, and warnings that come before them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ...bench.results.facts import RunFacts
from ...bench.results.status import Status
from ..read.evidence import Evidence
from ..words import capital, counted, listing, machine, title
from .model import Matrix

CHEAPEST = "Time over the cheapest ReLU of the same framework and mode"
OWN = "Time over each framework’s own ReLU"


def conditions(evidence: Evidence, matrix: Matrix) -> list[str]:
    """The unit of the figures with the conditions that they share; a line per run if several."""
    over = [unit(evidence)] if any(timed.cost for timed in matrix.timed.values()) else []
    runs = [of_run(matrix, name, run.facts) for name, run in evidence.runs.items()]
    if len(runs) == 1:
        return [" · ".join([*over, *runs])]
    return [*over, *runs]


def unit(evidence: Evidence) -> str:
    """The unit of the costs in words: the cheapest relu, if cases were timed in turn with it."""
    chosen = all(run.facts.blocks for run in evidence.runs.values())
    return CHEAPEST if chosen else OWN


def of_run(matrix: Matrix, name: str, facts: RunFacts) -> str:
    """`A: AMD EPYC, 2 cores · 1 thread · PyTorch 2.13, NumPy 2.4 · 28 November 2026`."""
    columns = [column for column in matrix.columns if column.run == name]
    mark = matrix.marks[name]
    run = [f"{mark}: run {name}" if mark else f"run {name}"] if mark or not columns else []
    devices = {column.device for column in columns} - {"cpu"}
    setups = dict.fromkeys(view.setup for *_, view in matrix.timed)
    parts = [
        *run,
        machine(facts.machine),
        *sorted(devices),
        *([next(iter(setups))] if len(setups) == 1 else []),
        ", ".join(_versions(facts, dict.fromkeys(column.framework for column in columns))),
        _day(facts.started),
    ]
    return " · ".join(filter(None, parts))


def _versions(facts: RunFacts, frameworks: Iterator[str] | dict[str, None]) -> Iterator[str]:
    for name in frameworks:
        versions = (worker.versions.get(name, "") for worker in facts.workers_of(name))
        version = ".".join(next(filter(None, versions), "").split(".")[:2])
        yield " ".join(filter(None, [title(name), version]))


def _day(text: str) -> str:
    """`28 November 2026`; the text itself where it is not a date."""
    try:
        return f"{datetime.fromisoformat(text):%-d %B %Y}"
    except ValueError:
        return text


def warnings(evidence: Evidence) -> list[str]:
    """Warnings on unfinished runs, and on cases whose times would mislead."""
    unfinished = [
        f"Run {name} is {run.facts.state}, not finished: it holds what was measured until then."
        for name, run in evidence.runs.items()
        if run.facts.state != "finished"
    ]
    unfinished += [
        f"Run {name} lacks {len(run.lost):,} lines of its samples, which cannot be read."
        for name, run in evidence.runs.items()
        if run.lost
    ]
    refused = [missing for missing in evidence.missing if missing.status is Status.REFUSED]
    whose = dict.fromkeys(f"{title(m.case.framework)} {m.case.activation}" for m in refused)
    if not refused:
        return unfinished
    some = [*whose][:3] + ["others"] * (len(whose) > 3)
    cases = counted(len(refused), "case")
    return [*unfinished, capital(f"{cases} refused, whose times would mislead: {listing(some)}.")]
