"""Trust: counts, warnings, refusals, and frameworks that were not measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.results.rows import Ended, Row, Sampling
from actbench.bench.results.status import Status
from actbench.bench.results.store import load
from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read
from actbench.report.sections import trust
from actbench.report.tables.tables import all_tables

from .conftest import RELU

MakeRun = Callable[..., Path]


def test_trust_counts_cases_failures_and_widths(
    runs: dict[str, Path], evidence: dict[str, Evidence]
) -> None:
    rows = load(runs["failing"]).rows
    timed = rows[(rows.metric == "time_per_call") & (rows.status == "ok")]
    costs = rows[(rows.metric == "relative_cost") & (rows.status == "ok") & (rows.low != 1)]
    widths = (costs.high - costs.low) / costs.value / 2
    unsupported = rows[(rows.metric == "time_per_call") & (rows.status == "unsupported")]
    [(name, stated)] = trust.state(evidence["failing"])
    line = dict(stated)
    assert name == runs["failing"].name
    assert line["Timed"] == f"{len(timed)} cases"
    assert line["Without a value"] == (f"1 error, 1 oom, 1 timeout, {len(unsupported)} unsupported")
    assert line["Half-width of the costs"] == (
        f"±{widths.median():.1%} in the median, {(widths <= 0.03).mean():.0%} within ±3%"
    )
    assert line["Samples"] == "3 preempted"
    assert line["Machine"].startswith("Another CPU, 1 core")
    assert line["State"] == "interrupted"


def test_how_sampling_ended_is_counted(make_run: MakeRun) -> None:
    ends = {Ended.NARROW: 3, Ended.DIFFER: 2, Ended.BUDGET: 1}
    names = iter(["relu", "gelu", "silu", "elu", "mish", "tanh"])
    rows = [
        replace(
            RELU[0],
            case=replace(RELU[0].case, activation=next(names)),
            sampling=Sampling(2, 9, 0, ended),
        )
        for ended, amount in ends.items()
        for _ in range(amount)
    ]
    [(_, stated)] = trust.state(read([make_run(rows)]))
    assert dict(stated)["Intervals"] == (
        "3 as narrow as asked for, 2 wider, because processes differ, "
        "1 wider, because the budget ended"
    )


def test_the_agreement_of_independent_runs_is_said(make_run: MakeRun) -> None:
    half = {"count": 9, "of": 10, "low": 0.5, "high": 1.0}
    line = {
        "mode": "",
        "cells": 12,
        "half_width": 0.02,
        "narrow": half,
        "wider": half,
        "agree": half,
    }
    coverage = [{**line, "framework": name} for name in ("", "torch")]
    [(_, stated)] = trust.state(read([make_run([*RELU], coverage=coverage)]))
    assert dict(stated)["Independent runs agree"] == "in 90.0% of 12 costs"


def test_a_changed_floating_point_environment_is_said(make_run: MakeRun) -> None:
    before = {"flushes_results": False, "subnormals_are_zero": False, "rounding": "to nearest"}
    after = {**before, "flushes_results": True}
    workers = {"torch": {"framework": "torch", "before": before, "after": after}}
    [line] = trust.caveats(read([make_run([*RELU], "fast", workers=workers)]))
    assert line.startswith("Run fast. Importing PyTorch changed")
    assert line.endswith("subnormal results become zero.")
    assert trust.caveats(read([make_run([*RELU], "calm")])) == []


def test_a_run_that_ended_in_its_first_process_is_of_one(make_run: MakeRun) -> None:
    one, two = (Sampling(processes, 9, 0, Ended.NARROW) for processes in (1, 2))
    gelu = replace(RELU[0], case=replace(RELU[0].case, activation="gelu"), sampling=two)
    rows = [replace(RELU[0], sampling=one), gelu]
    [line] = trust.caveats(read([make_run(rows, "cut", state="interrupted")]))
    assert line.startswith("Run cut timed 1 case in one process: their intervals do")
    assert trust.caveats(read([make_run([gelu], "whole")])) == []
    [line] = trust.caveats(read([make_run([gelu], "planned", epochs=1)]))
    assert "timed 1 case in one process" in line


def test_refused_cases_stand_on_top(evidence: dict[str, Evidence], pages: dict[str, Path]) -> None:
    [refusal] = trust.refusals(evidence["split"])
    assert "refused 1 case, whose times would mislead. JAX gelu native compiled forward" in refusal
    assert "(float32, 4,194,304 elements (2^22)): returns before its work is done" in refusal
    page = pages["split"].read_text()
    warned = "1 case refused, whose times would mislead: JAX gelu."
    assert page.index(warned) < page.index('id="questions"') < page.index(refusal)
    assert "1 refused" in dict(trust.state(evidence["split"])[0][1])["Without a value"]
    table = all_tables(evidence["split"])["missing"]
    [status] = [column for column in table["columns"] if column["key"] == "status"]
    assert status["words"] == ["refused"]
    assert trust.refusals(evidence["failing"]) == []


# --- frameworks that are not there ----------------------------------------------------------------


def test_a_framework_that_is_not_there_says_why(evidence: dict[str, Evidence]) -> None:
    stated = dict(trust.absent(evidence["failing"]))
    [tensorflow] = [sentence for sentence in stated if sentence.startswith("TensorFlow")]
    assert "tensorflow is not installed here" in tensorflow
    assert stated[tensorflow] == "actbench run --framework tensorflow"


def failed(framework: str, reason: str, status: Status = Status.UNSUPPORTED, **changes: Any) -> Row:
    case = replace(RELU[0].case, framework=framework, **changes)
    return Row(case, "time_per_call", None, status=status, reason=reason)


def test_a_framework_whose_cases_have_no_value_says_why(make_run: MakeRun) -> None:
    """The reason of most rows; where some failed, theirs, however many do not exist."""
    rows = [
        *RELU,
        failed("numpy", "NumPy has no native relu"),
        failed("numpy", "NumPy has no compiled mode", form="max"),
        failed("numpy", "NumPy has no compiled mode", form="where"),
        failed("jax", "JAX has no native maxout"),
        failed("jax", "JAX has no native maxout", size=64),
        failed("jax", "RuntimeError: no room.", Status.ERROR, form="max"),
        failed("tensorflow", "", Status.REFUSED),
    ]
    assert [sentence for sentence, _ in trust.absent(read([make_run(rows)]))] == [
        "NumPy was not measured: unsupported: NumPy has no compiled mode.",
        "JAX was not measured: error: RuntimeError: no room.",
        "TensorFlow was not measured: refused: no reason was kept.",
    ]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"state": "interrupted"}, "the run ended before"),
        (
            {"state": "running", "asked": {"frameworks": ["torch", "numpy"]}},
            "the run ended before",
        ),
        ({"state": "interrupted", "asked": {"frameworks": ["torch"]}}, "not asked for"),
        ({}, "not asked for"),
    ],
)
def test_what_a_run_did_not_come_to_was_asked_for(
    make_run: MakeRun, facts: dict[str, Any], reason: str
) -> None:
    stated = dict(trust.absent(read([make_run(RELU, **facts)])))
    assert f"NumPy was not measured: {reason}." in stated


def test_a_worker_that_refuses_a_device_is_offered_the_cpu(make_run: MakeRun) -> None:
    rows = [replace(row, case=replace(row.case, device="cuda")) for row in RELU]
    reason = "NumPy has no cuda device"
    worker = {"framework": "numpy", "status": "unsupported", "reason": reason}
    workers = {"numpy/cuda/1": worker}
    stated = dict(trust.absent(read([make_run(rows, workers=workers)])))
    assert stated["NumPy was not measured: NumPy has no cuda device."] == (
        "actbench run --framework numpy"
    )
    assert stated["JAX was not measured: not asked for."] == (
        "actbench run --framework jax --device cuda"
    )
