"""One record is all that a metric takes to be exported, shown and listed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from actbench.bench.results import export
from actbench.bench.results.metrics import METRICS, Better, Column, Group, Metric
from actbench.bench.results.rows import Row
from actbench.bench.results.store import load
from actbench.report.page import render
from actbench.report.read.rows import read
from actbench.report.tables.tables import all_tables

from ..conftest import split_case, timing_rows

STORED = Metric(
    "energy",
    "J",
    "energy of one call",
    Group.TIME,
    columns=(Column("timings", "joule", "J a call"),),
)
DERIVED = Metric(
    "calls",
    "1/s",
    "calls in a second",
    Group.TIME,
    Better.MORE,
    columns=(Column("timings", "rate", "Calls a second"),),
    of="time_per_call",
    follows=lambda row: (1e9 / (row.value or 1.0), None, None),
)


@pytest.fixture
def run(make_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with one metric that is stored and one that follows, of which nobody else knows."""
    for metric in (STORED, DERIVED):
        monkeypatch.setitem(METRICS, metric.name, metric)  # type: ignore[arg-type]
    case = split_case("gelu")
    return make_run([*timing_rows(case, 2000.0, 0.1, None), Row(case, "energy", 3.5, 3.0, 4.0)])


def test_a_metric_is_exported(run: Path) -> None:
    stream = io.StringIO()
    export.write(load(run).records, "json", stream)
    exported = {row["metric"]: row for row in json.loads(stream.getvalue())}
    assert (exported["energy"]["value"], exported["energy"]["unit"]) == (3.5, "J")
    assert (exported["calls"]["value"], exported["calls"]["unit"]) == (5e5, "1/s")
    table = io.StringIO()
    export.write(load(run).records, "csv", table)
    table.seek(0)
    assert {"energy", "calls"} <= {record["metric"] for record in csv.DictReader(table)}


def test_a_metric_is_a_column_of_its_table_and_of_the_files_made_of_it(run: Path) -> None:
    table = all_tables(read([run]))["timings"]
    cells = {
        column["label"]: [row[place] for row in table["rows"]]
        for place, column in enumerate(table["columns"])
    }
    assert cells["J a call"] == [[3.5, 3.0, 4.0]]
    assert cells["Calls a second"] == [[5e5, None, None]]
    [joule] = [column for column in table["columns"] if column["key"] == "joule"]
    assert joule["header"] == "energy [J]"


def test_a_metric_is_listed_with_its_meaning(run: Path) -> None:
    text = render(read([run]))
    for metric in (STORED, DERIVED):
        assert metric.meaning in text


def test_what_follows_is_of_a_metric_that_is_stored() -> None:
    for metric in METRICS.values():
        assert bool(metric.of) == bool(metric.follows)
        assert not metric.of or not METRICS[metric.of].of


def test_every_column_has_a_place_of_its_own() -> None:
    places = [(c.table, c.key) for metric in METRICS.values() for c in metric.columns]
    assert len(places) == len(set(places))
