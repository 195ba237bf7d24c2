"""Stored runs by date, and how figures moved over the runs of one machine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ...bench.catalog.cases import Case
from ...bench.results import store
from ...bench.results.estimate import Estimate
from ...bench.results.facts import RunFacts
from ...bench.results.metrics import METRICS
from ...bench.results.rows import Row, with_derived
from ...bench.run.reading import load
from .changes import Change, changes
from .runs import Machine, day_of, machine_of, moment


@dataclass(frozen=True)
class Asked:
    """The choice of figures; an empty field stands for all.

    Without forms an activation is in its plain form.
    """

    metric: str
    activations: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    frameworks: tuple[str, ...] = ()

    def has(self, row: Row) -> bool:
        """Return whether a row holds a chosen figure."""
        case = row.case
        return (
            row.ok
            and row.metric == self.metric
            and row.value is not None
            and case.activation in (self.activations or (case.activation,))
            and (case.form in self.forms if self.forms else row.plain)
            and case.framework in (self.frameworks or (case.framework,))
        )


@dataclass(frozen=True)
class Entry:
    """A stored run: its path or address, as commands take it, and its facts and figures."""

    name: str
    facts: RunFacts
    cases: int
    figures: dict[Case, Estimate]

    @property
    def started(self) -> datetime | None:
        """The start of the run, in UTC; None where it is not a date."""
        return moment(self.facts.started)

    @property
    def day(self) -> str:
        """The date and the minute of its start, in UTC."""
        return day_of(self.started)

    @property
    def order(self) -> tuple[float, str]:
        """The sort key: by start, then by name; runs without a date come last."""
        return self.started.timestamp() if self.started else math.inf, self.name

    @property
    def machine(self) -> Machine:
        """The machine that measured it."""
        return machine_of(self.facts)

    @property
    def versions(self) -> dict[str, str]:
        """The version of each framework in the run."""
        return {
            worker.framework: version
            for worker in self.facts.workers.values()
            if (version := worker.versions.get(worker.framework, ""))
        }


@dataclass(frozen=True)
class Moved:
    """The figure of a case in the runs that have it, the oldest first."""

    case: Case
    runs: tuple[str, ...]
    figures: tuple[Estimate, ...]
    changes: tuple[Change, ...] = ()

    @property
    def ratio(self) -> float:
        """The last figure over the first."""
        first, last = self.figures[0].value, self.figures[-1].value
        return last / first if first else math.nan

    @property
    def apart(self) -> bool:
        """Return whether the intervals of the first and the last are known and do not overlap."""
        first, last = self.figures[0], self.figures[-1]
        return first.high < last.low or last.high < first.low


def read(name: str, folder: Path, asked: Asked | None) -> Entry:
    """A stored run with the figures asked for. Raises StoreError where it cannot be read."""
    facts = store.read_facts(folder)
    if not store.has_rows(folder, facts):
        rows = list(load(folder).records)
        return Entry(name, facts, len({row.case for row in rows if row.ok}), _figures(rows, asked))
    count = store.count_measured(folder)
    if asked is None:
        return Entry(name, facts, count, {})
    source = METRICS[asked.metric].of or asked.metric
    return Entry(name, facts, count, _figures(store.read_rows(folder, f'"{source}"'), asked))


def _figures(rows: Iterable[Row], asked: Asked | None) -> dict[Case, Estimate]:
    return {
        row.case: row.estimate
        for row in (with_derived(rows) if asked else ())
        if asked and asked.has(row) and row.estimate
    }


def moved(entries: Sequence[Entry]) -> list[Moved]:
    """The figures of all cases over the runs of one machine, the oldest first.

    Changes are claimed as on the page of trends: the error rate is shared by all cases.
    """
    by_case: dict[Case, list[tuple[str, Estimate]]] = {}
    for entry in entries:
        for case, figure in entry.figures.items():
            by_case.setdefault(case, []).append((entry.name, figure))
    return [
        Moved(case, names, figures, tuple(_claimed(figures, len(by_case))))
        for case, measured in by_case.items()
        for names, figures in [tuple(zip(*measured, strict=True))]
    ]


def _claimed(figures: Sequence[Estimate], series: int) -> list[Change]:
    """The changes where every figure has an interval above 0."""
    known = all(figure.known and figure.low > 0 for figure in figures)
    return changes(figures, series) if known else []
