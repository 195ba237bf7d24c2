"""Workers that die between two requests, answer wrongly, or cannot be confined to their CPUs."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.host.cpus import available_cpus
from actbench.bench.worker.protocol import Pin
from actbench.bench.worker.serving import confine
from actbench.bench.workers.environment import Key
from actbench.bench.workers.supervised import SupervisedWorker
from tools.faults.planted import interpreter

ROOT = Path(__file__).resolve().parents[3]
CASE = Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 1024, 1)

# An interpreter whose worker cannot be confined to any CPUs.
_LOOSE = """#!{python}
import sys
sys.path.insert(0, {root!r})
import runpy
from actbench.bench.worker import serving

def confine(request):
    raise OSError("no such CPU")

serving.confine = confine
sys.argv = sys.argv[3:]
runpy.run_module("actbench.bench.worker", run_name="__main__", alter_sys=True)
"""


def _supervised(folder: Path, python: str = sys.executable) -> SupervisedWorker:
    return SupervisedWorker(
        Key("numpy", "cpu", 1), [CASE], python, available_cpus(), folder / "log", 60.0
    )


@pytest.fixture
def started(tmp_path: Path) -> Iterator[SupervisedWorker]:
    """A worker with a running worker."""
    worker = _supervised(tmp_path)
    worker.start()
    yield worker
    worker.close()


def test_a_worker_that_died_while_nobody_asked_is_replaced(started: SupervisedWorker) -> None:
    assert started.prepare(CASE, 0) is not None
    before = started.facts.pid
    os.kill(before, signal.SIGKILL)
    started.pin(available_cpus()[-1:])
    assert started.facts.pid != before
    assert os.sched_getaffinity(started.facts.pid) == {available_cpus()[-1]}
    assert started.in_turn(CASE, CASE, 0, 1e-4, 2, lambda *_: "") is not None
    assert started.failures == {}


def test_a_worker_that_cannot_be_confined_fails_its_cases(tmp_path: Path) -> None:
    python = tmp_path / "python-that-is-loose"
    python.write_text(_LOOSE.format(python=sys.executable, root=str(ROOT)))
    python.chmod(0o755)
    worker = _supervised(tmp_path, str(python))
    worker.start()
    assert worker.alive == []
    assert "no such CPU" in worker.failures[CASE].reason
    assert worker.facts.status == "error"
    assert worker.prepare(CASE, 0) is None


def test_a_thread_that_ends_meanwhile_does_not_hinder_confining(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine, nobody = threading.get_native_id(), 2**22 + 1
    monkeypatch.setattr(os, "listdir", lambda _: [str(nobody), str(mine)])
    confine(Pin(tuple(available_cpus())))


_FAULTS = {"half": "no answer in", "none": "no answer in", "garbage": "answer is none"}


@pytest.mark.parametrize("how", [*_FAULTS, "two", "unencodable"])
def test_an_answer_that_is_none_costs_its_case_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The third answer: after those to its start and to being confined."""
    monkeypatch.setenv("FAULTY_ANSWER", f"{how} 2")
    monkeypatch.setenv("FAULTY_ONCE", str(tmp_path / "once"))
    other = replace(CASE, direction="backward")
    python, timeout = str(interpreter(tmp_path)), 3.0 if how in ("half", "none") else 60.0
    worker = SupervisedWorker(
        Key("numpy", "cpu", 1), [CASE, other], python, available_cpus(), tmp_path / "log", timeout
    )
    worker.start()
    prepared = worker.prepare(CASE, 0)
    assert (tmp_path / "once").exists()
    if how == "two":
        assert prepared is not None
        assert worker.failures == {}
    else:
        assert prepared is None
        assert _FAULTS.get(how, "planted") in worker.failures[CASE].reason
    assert worker.prepare(other, 0) is not None
    assert other not in worker.failures
    worker.close()


def test_a_process_that_is_lost_at_its_start_is_started_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAULTY_ANSWER", "garbage 0")
    monkeypatch.setenv("FAULTY_ONCE", str(tmp_path / "once"))
    worker = _supervised(tmp_path, str(interpreter(tmp_path)))
    worker.start()
    assert (tmp_path / "once").exists()
    assert worker.prepare(CASE, 0) is not None
    worker.close()
