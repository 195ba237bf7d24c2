"""Runs as other tools store theirs: read back by the tool itself, or held to its own output."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

import pandas
import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.commands import main
from actbench.bench.host.machine import Machine
from actbench.bench.results.facts import RunFacts
from actbench.bench.results.rows import Row
from actbench.bench.results.samples import Missing, Paired
from actbench.bench.results.status import Status
from actbench.bench.results.store import RunWriter
from actbench.bench.run.benchmarks import FORMATS, name_of
from actbench.bench.run.reading import load
from actbench.bench.run.recording import derived

from ...conftest import run_facts

CASE = Case("numpy", "gelu", "native", "eager", "forward", "cpu", "float32", 1024, 1)
OTHER = replace(CASE, activation="relu", output="reused")
REFUSED = replace(CASE, activation="silu")
BLOCKS = {
    CASE: ((10_000, 12_000), (11_000, 99_000, 14_000, 11_000, 14_000)),
    OTHER: ((3_000, 5_000),),
}
"""The ns of a batch of ten calls, of each process; the longest is spoilt."""
NAME = "numpy/gelu/native/eager/forward/cpu/float32/1024/1"


def _facts() -> RunFacts:
    machine = Machine("Example", "x86_64", 2, python="3.11.7", system="Linux", load=0.5)
    return run_facts(machine=machine)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    writer = RunWriter(tmp_path_factory.mktemp("runs") / "run", _facts())
    for case, processes in BLOCKS.items():
        for process, elapsed in enumerate(processes):
            spoilt = tuple(ns == 99_000 for ns in elapsed)
            unit = (2_000,) * len(elapsed)
            writer.append(
                Paired(case, process, "max", 10, 10, elapsed, unit, spoilt, (0,) * len(elapsed))
            )
    writer.append(Missing(replace(CASE, form="wide"), "time_per_call", Status.ERROR, "no"))
    for case, elapsed, unit in ((CASE, 30_000, 6_000), (REFUSED, 9_000, 2_000)):
        writer.append(Paired(case, 0, "max", 10, 10, (elapsed,), (unit,), (False,), (0,)))
    writer.append(Missing(REFUSED, "time_per_call", Status.REFUSED, "by another process"))
    writer.facts.state = "finished"
    exactness = [Row(CASE, "max_ulp", math.inf), Row(OTHER, "max_ulp", 0.5)]
    writer.finish([*derived(writer), *exactness])
    return writer.path


def _exported(run: Path, form: str, *more: str) -> Any:
    target = run / "exported"
    assert main(["export", str(run), "--format", form, "--out", str(target), *more]) == 0
    return json.loads(target.read_text(), parse_constant=lambda name: pytest.fail(name))


def test_pytest_benchmark_compares_two_of_its_files(run: Path, tmp_path: Path) -> None:
    content = _exported(run, "pytest-benchmark")
    (tmp_path / "0001_a.json").write_text(json.dumps(content))
    for benchmark in content["benchmarks"]:
        stats = benchmark["stats"]
        for name in ("min", "max", "mean", "median", "q1", "q3", "ld15iqr", "hd15iqr", "total"):
            stats[name] *= 2
    (tmp_path / "0002_b.json").write_text(json.dumps(content))
    done = subprocess.run(
        [sys.executable, "-m", "pytest_benchmark", "compare", "0001_a.json", "0002_b.json",
         "--csv", "found.csv"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = csv.DictReader((tmp_path / "found.csv").read_text().splitlines())
    found = sorted(float(line["median"]) for line in lines if "gelu" in line["name"])
    own = median([1e-6, 1.2e-6, 1.1e-6, 1.4e-6, 1.1e-6, 1.4e-6])
    assert found == pytest.approx([own, 2 * own])


def test_the_statistics_of_pytest_benchmark_are_of_blocks_that_nobody_disturbed(run: Path) -> None:
    (first, second) = _exported(run, "pytest-benchmark")["benchmarks"]
    assert (first["name"], second["name"]) == (NAME, name_of(OTHER))
    stats = first["stats"]
    assert stats["data"] == pytest.approx([1e-6, 1.1e-6, 1.1e-6, 1.2e-6, 1.4e-6, 1.4e-6])
    assert stats["rounds"] == 6
    assert stats["iterations"] == 10
    assert stats["mean"] == pytest.approx(fmean(stats["data"]))
    assert stats["ops"] == pytest.approx(1 / stats["mean"])


_ITERATION = {
    *("name", "family_index", "per_family_instance_index", "run_name", "run_type"),
    *("repetitions", "repetition_index", "threads", "iterations"),
    *("real_time", "cpu_time", "time_unit"),
}
"""The names that google_benchmark 1.9.5 writes for a repetition, and below for an aggregate."""
_AGGREGATE = _ITERATION - {"repetition_index"} | {"aggregate_name", "aggregate_unit"}


def test_google_benchmark_has_a_repetition_per_process(run: Path) -> None:
    content = _exported(run, "google-benchmark")
    assert content["context"]["json_schema_version"] == 1
    entries = [entry for entry in content["benchmarks"] if entry["run_name"] == NAME]
    repetitions = [entry for entry in entries if entry["run_type"] == "iteration"]
    aggregates = {entry["aggregate_name"]: entry for entry in entries if entry not in repetitions}
    assert all(entry.keys() == _ITERATION for entry in repetitions)
    assert all(entry.keys() == _AGGREGATE for entry in aggregates.values())
    assert [entry["real_time"] for entry in repetitions] == [1100, 1250]
    assert [entry["repetition_index"] for entry in repetitions] == [0, 1]
    assert aggregates["mean"]["real_time"] == pytest.approx(1175)
    assert {entry["time_unit"] for entry in entries} == {"ns"}


@pytest.mark.parametrize("form", FORMATS)
def test_what_one_process_refused_has_no_times(run: Path, form: str) -> None:
    text = json.dumps(_exported(run, form))
    assert name_of(OTHER) in text
    assert name_of(REFUSED) not in text


def test_bencher_has_every_figure_with_its_interval(run: Path) -> None:
    content = _exported(run, "bencher")
    rows = {(row.case, row.metric): row for row in load(run).records if row.ok}
    assert content[NAME].keys() == {"latency", "relative-cost"}, "and no infinite error"
    time = rows[CASE, "time_per_call"]
    assert content[NAME]["latency"] == {
        "value": time.value,
        "lower_value": time.low,
        "upper_value": time.high,
    }
    assert content[name_of(OTHER)]["max-ulp"] == {"value": 0.5}
    for measures in content.values():
        for figures in measures.values():
            assert figures.keys() <= {"value", "lower_value", "upper_value"}


def test_github_action_benchmark_has_what_it_requires_of_each_figure(run: Path) -> None:
    entries = _exported(run, "github-action-benchmark")
    assert len({entry["name"] for entry in entries}) == len(entries)
    for entry in entries:
        assert isinstance(entry["name"], str)
        assert isinstance(entry["unit"], str)
        assert isinstance(entry["value"], int | float)
        assert isinstance(entry.get("range", ""), str)
        assert isinstance(entry.get("extra", ""), str)
    values = {entry["name"]: entry["value"] for entry in entries}
    assert values[f"{name_of(OTHER)} max_ulp"] == 0.5
    assert f"{NAME} max_ulp" not in values


@pytest.mark.parametrize("form", FORMATS)
def test_a_run_without_times_says_so(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = RunWriter(tmp_path / "run", _facts())
    writer.facts.state = "finished"
    writer.finish([Row(CASE, "max_ulp", 1.0)])
    status = main(["export", str(writer.path), "--format", form])
    said = capsys.readouterr()
    if form in ("bencher", "github-action-benchmark"):
        assert (status, "max" in said.out) == (0, True)
    else:
        assert (status, said.out) == (2, "")
        assert "has no times" in said.err


def test_a_table_is_of_rows(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(run), "--format", "bencher", "--table", "relative_cost"]) == 2
    assert "--table is json, csv or parquet" in capsys.readouterr().err


def test_parquet_is_read_back_by_pandas(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow: python -m pip install pyarrow")
    rows, table = tmp_path / "rows.parquet", tmp_path / "table.parquet"
    assert main(["export", str(run), "--format", "parquet", "--out", str(rows)]) == 0
    found, expected = pandas.read_parquet(rows), load(run).rows
    assert list(found.columns) == list(expected.columns)
    assert found.value.equals(expected.value)
    assert found.metric.tolist() == expected.metric.tolist()
    words = ["export", str(run), "--table", "relative_cost", "--format", "parquet"]
    assert main([*words, "--out", str(table)]) == 0
    assert "numpy eager" in pandas.read_parquet(table).columns


def test_parquet_without_its_package_is_one_sentence(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("pyarrow", "fastparquet"):
        monkeypatch.setitem(sys.modules, name, None)
    target = tmp_path / "rows.parquet"
    assert main(["export", str(run), "--format", "parquet", "--out", str(target)]) == 2
    assert "python -m pip install pyarrow" in capsys.readouterr().err
    assert not target.exists()
