"""Shared by the tests of several rooms: the frameworks here, a worker of each, facts of a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.host.machine import Machine
from actbench.bench.results.facts import RunFacts
from actbench.bench.results.store import SCHEMA
from actbench.bench.workers.environment import Key
from actbench.bench.workers.supervised import SupervisedWorker

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 600.0

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in the background of a shell: what a test starts would ignore an interrupt as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("busy", deadline=None)  # a machine that others use as well
settings.load_profile("busy")


@pytest.fixture(autouse=True)
def hears_an_interrupt() -> Iterator[None]:
    """Fail the test that leaves this process deaf to Ctrl-C, rather than those after it."""
    yield
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


def run_facts(**changes: Any) -> RunFacts:
    """The facts of a run that has begun on an ordinary machine."""
    facts = RunFacts(
        schema=SCHEMA, command="actbench run", profile="standard", seed=0,
        started="2025-01-31T10:00:00Z", epochs=2, batch=0.003, precision=0.02, budget=240.0,
        per_binade=8, size_classes={"cpu": {"launch": 64, "l1": 4096, "l2": 65536}}, asked={},
        inputs="normal", machine=Machine("Example CPU", cores=2, caches={"L2": "1M"}),
    )  # fmt: skip
    return replace(facts, **changes)


def chosen() -> list[str]:
    """The frameworks under test: all, or those that ACTBENCH_FRAMEWORKS names."""
    named = os.environ.get("ACTBENCH_FRAMEWORKS", "").replace(",", " ").split()
    return [name for name in frameworks() if not named or name in named]


@cache
def installed(framework: str) -> bool:
    """Whether a framework can be found, without importing it here."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({framework!r}) is None)"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test for each framework under test, and for each mode that the framework has."""
    if "framework" not in metafunc.fixturenames:
        return
    with_mode = "mode" in metafunc.fixturenames
    values = [
        pytest.param(*((name, mode) if with_mode else (name,)), marks=_needs(name))
        for name in chosen()
        for mode in (frameworks()[name].modes if with_mode else ("",))
    ]
    metafunc.parametrize(
        ["framework", "mode"] if with_mode else ["framework"], values, scope="session"
    )


def _needs(framework: str) -> pytest.MarkDecorator:
    missing = f"{framework} is not installed here: make setup installs it"
    return pytest.mark.skipif(not installed(framework), reason=missing)


@pytest.fixture(scope="session")
def compiler(framework: str) -> str:
    """A framework that has a compiled mode."""
    if "compiled" not in frameworks()[framework].modes:
        pytest.skip(f"{framework} has no compiled mode")
    return framework


@pytest.fixture(scope="session")
def worker(framework: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SupervisedWorker]:
    """A running worker of a framework, on one CPU thread."""
    log = tmp_path_factory.mktemp("worker") / f"{framework}.log"
    cpus = sorted(os.sched_getaffinity(0))[-1:]
    running = SupervisedWorker(Key(framework, "cpu", 1), [], sys.executable, cpus, log, TIMEOUT)
    running.start()
    assert running.facts.status == "ok", running.facts
    yield running
    running.stop()


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """A function that starts a process of `dask` in a folder of the test; all end with it."""
    program, started = str(Path(sys.executable).parent / "dask"), list[subprocess.Popen[bytes]]()

    def start(*words: str, **variables: str) -> subprocess.Popen[bytes]:
        with (tmp_path / "dask.log").open("ab") as log:
            command = [program, *words, "--no-dashboard"]
            environment = {**os.environ, **variables}
            started.append(
                subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
            )
        return started[-1]

    yield start
    for process in reversed(started):
        process.terminate()
        process.wait(60)


@pytest.fixture
def scheduler(tmp_path: Path, dask: Callable[..., subprocess.Popen[bytes]]) -> str:
    """The address of a scheduler, a process of its own."""
    file = tmp_path / "scheduler.json"
    dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
    ends = time.monotonic() + TIMEOUT
    while True:
        with suppress(OSError, ValueError):  # not written yet, or not to its end
            return str(json.loads(file.read_text())["address"])
        assert time.monotonic() < ends
        time.sleep(0.05)
