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
from actbench.report.sections import missing, trust
from actbench.report.tables.tables import all_tables

from .conftest import RELU

MakeRun = Callable[..., Path]


def test_trust_counts_cases_failures_and_widths(
    runs: dict[str, Path], evidence: dict[str, Evidence]
) -> None:
    rows = load(runs["failing"]).rows
    timed = rows[(rows.metric == "time_per_call") & (rows.status == "ok")]
    widths = (timed.high - timed.low) / timed.value
    failed = rows[rows.status.isin(["error", "timeout", "oom"])]
    unsupported = rows[(rows.metric == "time_per_call") & (rows.status == "unsupported")]
    [(name, stated)] = trust.state(evidence["failing"])
    line = dict(stated)
    assert name == runs["failing"].name
    assert f"{len(timed)} cases timed" in line["Measured"]
    kinds = f"{len(failed)} failed (1 error, 1 oom and 1 timeout), {len(unsupported)} unsup"
    assert kinds in line["Measured"]
    assert f"median width {widths.median():.1%}" in line["Intervals"]
    assert "3 samples preempted" in line["Machine"]
    assert "Another CPU, 1 core; " in line["Machine"]
    assert "71% of the measuring phase" in line["Time"]
    assert f"{len(timed)} timed cases passed" in line["Checks"]
    assert "none refused" in line["Checks"]
    [sentence] = trust.unfinished(evidence["failing"])
    assert "is interrupted, not finished" in sentence


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
    [(_, stated)] = trust.state(read([make_run(rows, spoilt_samples=0)]))
    line = " ".join(text for _, text in stated)
    assert (
        "3 of 6 intervals reached ±2%, 2 stayed wider because processes differ and "
        "1 stayed wider when the budget ended" in line
    )
    assert "0.031 s of it per case" in line
    assert "412 s of compiling, all processes together" in line
    assert "0 samples preempted or beside a slow clock." in line


def test_a_changed_floating_point_environment_is_said(make_run: MakeRun) -> None:
    before = {"flushes_results": False, "subnormals_are_zero": False, "rounding": "to nearest"}
    after = {**before, "flushes_results": True}
    workers = {"torch": {"framework": "torch", "before": before, "after": after}}
    [line] = trust.caveats(read([make_run([*RELU], "fast", workers=workers)]))
    assert line.startswith("Run fast. Importing torch changed")
    assert line.endswith("subnormal results become zero.")
    assert trust.caveats(read([make_run([*RELU], "calm")])) == []


def test_a_run_that_ended_in_its_first_process_is_of_one(make_run: MakeRun) -> None:
    one, two = (Sampling(processes, 9, 0, Ended.NARROW) for processes in (1, 2))
    gelu = replace(RELU[0], case=replace(RELU[0].case, activation="gelu"), sampling=two)
    rows = [replace(RELU[0], sampling=one), gelu]
    [line] = trust.caveats(read([make_run(rows, "cut", state="interrupted")]))
    assert line.startswith("Run cut timed 1 of 2 cases in one process: their intervals do")
    assert trust.caveats(read([make_run([gelu], "whole")])) == []
    [line] = trust.caveats(read([make_run([gelu], "planned", epochs=1)]))
    assert "timed 1 of 1 case in one process" in line


def test_refused_cases_stand_on_top(evidence: dict[str, Evidence], pages: dict[str, Path]) -> None:
    [refusal] = trust.refusals(evidence["split"])
    assert "refused 1 case, whose times would mislead. JAX gelu native compiled forward" in refusal
    assert "(float32, 4,194,304 elements (2^22)): returns before its work is done" in refusal
    page = pages["split"].read_text()
    assert page.index(refusal) < page.index('class="trust"')
    stated = dict(trust.state(evidence["split"])[0][1])
    assert "1 REFUSED, 0 failed" in stated["Measured"]
    assert stated["Checks"].endswith("; 1 case REFUSED.")
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
        "NumPy was not measured in this run: unsupported: NumPy has no compiled mode.",
        "JAX was not measured in this run: error: RuntimeError: no room.",
        "TensorFlow was not measured in this run: refused: no reason was kept.",
    ]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"state": "interrupted"}, "nothing of it was measured before the run ended"),
        (
            {"state": "running", "asked": {"frameworks": ["torch", "numpy"]}},
            "nothing of it was measured before the run ended",
        ),
        ({"state": "interrupted", "asked": {"frameworks": ["torch"]}}, "not asked for"),
        ({}, "not asked for"),
    ],
)
def test_what_a_run_did_not_come_to_was_asked_for(
    make_run: MakeRun, facts: dict[str, Any], reason: str
) -> None:
    stated = dict(trust.absent(read([make_run(RELU, **facts)])))
    assert f"NumPy was not measured in this run: {reason}." in stated


def test_a_worker_that_refuses_a_device_is_offered_the_cpu(make_run: MakeRun) -> None:
    rows = [replace(row, case=replace(row.case, device="cuda")) for row in RELU]
    reason = "NumPy has no cuda device"
    worker = {"framework": "numpy", "status": "unsupported", "reason": reason}
    workers = {"numpy/cuda/1": worker}
    stated = dict(trust.absent(read([make_run(rows, workers=workers)])))
    assert stated["NumPy was not measured in this run: NumPy has no cuda device."] == (
        "actbench run --framework numpy"
    )
    assert stated["JAX was not measured in this run: not asked for."] == (
        "actbench run --framework jax --device cuda"
    )


def test_nothing_is_missing_only_where_a_whole_run_has_rows(make_run: MakeRun) -> None:
    whole = "Nothing: every case that was asked for has a value."
    assert missing.nothing(read([make_run(RELU, "whole")])) == whole
    stopped = make_run(RELU, "stopped", state="interrupted")
    for path in (stopped, make_run([], "empty")):
        assert "does not mean that all have a value" in missing.nothing(read([path]))
