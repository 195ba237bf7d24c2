"""Runs that add to an earlier one: what it lacks, on the same machine, or nothing at all."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.cases import PROFILES, Selection
from actbench.bench.catalog.frameworks import own
from actbench.bench.host.errors import UsageError
from actbench.bench.host.progress import Reporter
from actbench.bench.results import store
from actbench.bench.results.samples import Paired
from actbench.bench.run.recording import Outcome
from actbench.bench.run.request import Request
from actbench.bench.run.schedule import run


def _request(**changes: Any) -> Request:
    profile = replace(PROFILES["smoke"], batch=1e-5, blocks=4, seconds=0, per_binade=1)
    request = Request(
        profile=profile,
        selection=Selection(("numpy",), ("relu",), directions=("forward",), sizes=(64, 1024)),
        seed=0,
        out=None,
        pythons={},
        python=sys.executable,
        timeout=60.0,
        command="actbench run",
    )
    return replace(request, **changes)


def _run(**changes: Any) -> Outcome:
    return run(_request(**changes), Reporter(quiet=True))


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    return _run(out=tmp_path / "run").path


_MORE = Selection(("numpy",), ("relu", "squareplus"), directions=("forward",), sizes=(64, 1024))


def test_what_the_earlier_run_has_is_not_measured_again(earlier: Path) -> None:
    before = {row.case: row for row in store.load(earlier).records if row.metric == "time_per_call"}
    outcome = _run(into=earlier, selection=_MORE, command="actbench run --into")
    assert outcome.path == earlier
    run_now = store.load(earlier)
    now = {row.case: row for row in run_now.records if row.metric == "time_per_call"}
    assert {case.activation for case in now} == {"relu", "squareplus", "copy"}
    for case, row in before.items():
        if case.activation != "relu":  # the unit, which is timed beside whatever comes later
            assert now[case].sampling == row.sampling, "of the same processes"
    assert run_now.facts.state == "finished"
    assert run_now.facts.added == ["actbench run --into"]
    pairs = [sample for sample in store.read_samples(earlier) if isinstance(sample, Paired)]
    processes = {
        name: {pair.process for pair in pairs if pair.case.activation == name}
        for name in ("copy", "squareplus")
    }
    assert processes["copy"].isdisjoint(processes["squareplus"])
    assert not earlier.with_name("run.adding").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda facts: facts["machine"].update(cpu="Another"), "machine"),
        (lambda facts: facts.update(seed=7), "seed"),
        (lambda facts: facts["workers"]["numpy"]["versions"].update(numpy="1.0"), "numpy: numpy"),
        (lambda facts: facts["size_classes"]["cpu"].update(l2=1), "size classes"),
    ],
)
def test_another_machine_or_version_leaves_the_run_as_it_was(
    earlier: Path, change: Any, reason: str
) -> None:
    path = earlier / "run.json"
    facts = json.loads(path.read_text())
    change(facts)
    path.write_text(json.dumps(facts))
    before = {file.name: file.read_bytes() for file in earlier.iterdir() if file.is_file()}
    with pytest.raises(UsageError, match=f"cannot add.*{reason}"):
        _run(into=earlier, selection=_MORE)
    after = {file.name: file.read_bytes() for file in earlier.iterdir() if file.is_file()}
    assert after == before
    assert not earlier.with_name("run.adding").exists()


def test_results_that_were_checked_are_not_checked_again(earlier: Path) -> None:
    _run(into=earlier, selection=_MORE)
    checked = [row.case for row in store.load(earlier).records if row.metric == "max_ulp"]
    assert len(checked) == len(set(checked))
    assert {case.activation for case in checked} == {"relu", "squareplus"}


_FLAKY = """
import os

import numpy as np

def f(x):
    if os.path.exists("broken"):
        raise RuntimeError("for the time being")
    return np.maximum(x, 0)
"""


def test_what_failed_is_tried_again_and_then_counts_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flaky.py").write_text(_FLAKY)
    (tmp_path / "broken").touch()
    function = own("flaky:f", "relu", dims=2)
    only = Selection((function.name,), directions=("forward",), sizes=(64,))
    asked: Any = {"selection": only, "own": (function,)}
    path = _run(out=tmp_path / "run", **asked).path
    statuses = {
        metric: [row.status for row in store.load(path).records if row.metric == metric]
        for metric in ("time_per_call", "max_ulp")
    }
    assert "error" in statuses["time_per_call"]
    _run(into=path, **asked)
    again = [row for row in store.load(path).records if row.status == "error"]
    assert len(again) == sum(rows.count("error") for rows in statuses.values()), "it fails again"
    (tmp_path / "broken").unlink()
    _run(into=path, **asked)
    rows = [row for row in store.load(path).records if row.case.form == "flaky:f"]
    assert {row.status for row in rows} == {"ok"}
    assert {"time_per_call", "relative_cost", "max_ulp"} <= {row.metric for row in rows}
