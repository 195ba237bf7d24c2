"""What the tests of several rooms share: which frameworks are here, and a worker of each."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from bench.frameworks import frameworks
from bench.lanes import Lane
from bench.worker_process import Key

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 600.0


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
    if "framework" in metafunc.fixturenames:
        missing = "is not installed here: python -m pip install it, or run make setup"
        values = [
            pytest.param(
                name, marks=pytest.mark.skipif(not installed(name), reason=f"{name} {missing}")
            )
            for name in chosen()
        ]
        metafunc.parametrize("framework", values, scope="session")


@pytest.fixture(scope="session")
def lane(framework: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    """A running worker of a framework, on one CPU thread."""
    log = tmp_path_factory.mktemp("worker") / f"{framework}.log"
    cpus = sorted(os.sched_getaffinity(0))[-1:]
    running = Lane(Key(framework, "cpu", 1), [], sys.executable, cpus, log, TIMEOUT)
    running.start()
    assert running.facts["status"] == "ok", running.facts
    yield running
    running.stop()
