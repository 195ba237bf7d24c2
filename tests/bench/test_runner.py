"""Runs end to end, and with workers that crash, hang, run out of memory or are not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bench import store
from bench.cases import PROFILES, Case, Selection
from bench.derive import rows as derive_rows
from bench.metrics import Row
from bench.progress import Reporter
from bench.runner import Outcome, Request, run

ROOT = Path(__file__).resolve().parents[2]

# An interpreter whose NumPy worker has one form that fails: a real process, a real failure.
_FAULTY = """#!{python}
import sys
sys.path.insert(0, {root!r})
import os, runpy, signal, time
import impls.numpy as subject

def fault(*_, **__):
    {body}

subject.gelu_textbook = fault
sys.argv = [sys.argv[2], *sys.argv[3:]]
runpy.run_module("bench.worker", run_name="__main__", alter_sys=True)
"""


def _faulty(folder: Path, body: str) -> str:
    path = folder / "python-with-a-fault"
    path.write_text(_FAULTY.format(python=sys.executable, root=str(ROOT), body=body))
    path.chmod(0o755)
    return str(path)


def _request(out: Path, **changes: object) -> Request:
    selection = Selection(frameworks=("numpy",), activations=("relu", "gelu"), sizes=(1024,))
    request = Request(
        profile=replace(
            PROFILES["smoke"], plans=PROFILES["standard"].plans[:1], rounds=2, batch=1e-4
        ),
        selection=selection,
        seed=0,
        out=out,
        pythons={},
        python=sys.executable,
        timeout=60.0,
        command="python -m bench run",
    )
    return replace(request, **changes)  # type: ignore[arg-type]


def _run(request: Request) -> Outcome:
    return run(request, Reporter(quiet=True))


def _rows(outcome: Outcome, form: str, metric: str) -> list[Row]:
    return [row for row in outcome.rows if row.case.form == form and row.metric == metric]


def test_a_run_has_a_row_for_every_case_and_can_be_derived_again(tmp_path: Path) -> None:
    outcome = _run(_request(tmp_path / "run"))
    assert outcome.facts.state == "finished"
    statuses = {
        (row.case.form, row.status) for row in outcome.rows if row.metric == "time_per_call"
    }
    assert statuses == {
        *(("native", "unsupported"), ("max", "ok"), ("abs", "ok"), ("where", "ok")),
        *(("textbook", "ok"), ("stable", "ok"), ("fast", "ok")),
    }
    assert {row.status for row in outcome.rows} == {"ok", "unsupported"}
    assert derive_rows(store.read_samples(outcome.path)) == outcome.rows
    assert len(store.load(outcome.path).rows) == len(outcome.rows)
    facts = store.read_facts(outcome.path)
    assert facts.workers["numpy"]["status"] == "ok"
    assert facts.timed_share is not None
    assert 0 < facts.timed_share <= 1


def test_every_case_is_sampled_in_every_round_in_an_order_of_its_own(tmp_path: Path) -> None:
    outcome = _run(_request(tmp_path / "run", parts=("timing",)))
    rounds: dict[int, list[Case]] = {}
    for case, sample in store.read_samples(outcome.path):
        if sample["kind"] == "time":
            rounds.setdefault(sample["round"], []).append(case)
    assert set(rounds[0]) == set(rounds[1])
    assert len(rounds[0]) == len(set(rounds[0])) == 7
    assert rounds[0] != rounds[1] or rounds[0] != sorted(rounds[0], key=repr)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "error", "killed by SIGSEGV"),
        ("os._exit(3)", "error", "exit status 3"),
        ("time.sleep(3600)", "timeout", "no answer in 2 s"),
        ("raise MemoryError('cannot allocate 10 TiB')", "oom", "10 TiB"),
        ("raise ValueError('one\\ntwo')", "error", "ValueError: one"),
        ("print('noise', flush=True); raise ValueError('after noise')", "error", "after noise"),
    ],
)
def test_a_failing_case_costs_only_itself(
    tmp_path: Path, body: str, status: str, reason: str
) -> None:
    python = _faulty(tmp_path, body)
    outcome = _run(_request(tmp_path / "run", pythons={"numpy": python}, timeout=2.0))
    (failed,) = _rows(outcome, "textbook", "time_per_call")
    assert (failed.status, failed.value) == (status, None)
    assert reason in failed.detail
    for form in ("max", "abs", "where", "stable"):
        (row,) = _rows(outcome, form, "time_per_call")
        assert row.status == "ok", row
    assert outcome.facts.state == "finished"


def test_a_missing_framework_is_unsupported_with_the_way_to_install_it(tmp_path: Path) -> None:
    bare = tmp_path / "python-without-numpy"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -c "import sys; sys.exit(7)"\n')
    bare.chmod(0o755)
    for python, reason in (
        (str(tmp_path / "nowhere"), "cannot start"),
        (str(bare), "exit status 7"),
    ):
        outcome = _run(_request(tmp_path / f"run-{Path(python).name}", python=python))
        assert {row.status for row in outcome.rows} <= {"unsupported", "error"}
        details = {row.detail for row in outcome.rows if row.case.form == "max"}
        assert all(reason in detail for detail in details), details


def test_relu_is_measured_beside_what_is_asked_for(tmp_path: Path) -> None:
    selection = Selection(
        frameworks=("numpy",), activations=("gelu",), forms=("stable",), sizes=(512,)
    )
    outcome = _run(_request(tmp_path / "run", selection=selection))
    (relative,) = _rows(outcome, "stable", "relative_cost")
    assert relative.status == "ok"
    assert relative.value is not None
    assert relative.value > 1
    swept = {row.case.activation for row in outcome.rows if row.metric == "max_ulp"}
    assert swept == {"gelu"}


def test_a_device_that_is_not_there_is_unsupported(tmp_path: Path) -> None:
    request = _request(tmp_path / "run")
    outcome = _run(replace(request, selection=replace(request.selection, devices=("cuda",))))
    assert {row.status for row in outcome.rows} == {"unsupported"}
    assert any("NumPy has no cuda device" in row.detail for row in outcome.rows)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_was_measured(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-m", "bench", "run", "--framework", "numpy", "--only", "timing"]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "run"), "--rounds", "100000"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    samples = tmp_path / "run" / "samples.jsonl"
    deadline = time.monotonic() + 120
    while not (samples.exists() and '"time"' in samples.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.startswith("Interrupted; kept")
    assert "python -m report" in said
    run_ = store.load(tmp_path / "run")
    assert run_.facts.state == "interrupted"
    assert (run_.rows.metric == "time_per_call").any()


def test_an_interrupt_does_not_wait_for_a_worker_that_hangs(tmp_path: Path) -> None:
    python = _faulty(tmp_path, f"open({str(tmp_path / 'there')!r}, 'w'); time.sleep(3600)")
    command = [sys.executable, "-m", "bench", "run", "--framework", "numpy", "--python", python]
    process = subprocess.Popen(
        [*command, "--activation", "gelu", "--out", str(tmp_path / "run")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "there").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.startswith("Interrupted; kept")


def test_no_worker_outlives_its_run(tmp_path: Path) -> None:
    outcome = _run(_request(tmp_path / "run", parts=("timing",)))
    pid = outcome.facts.workers["numpy"]["pid"]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
