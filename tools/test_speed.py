"""The pytest-benchmark door: the same cases, with that tool's table, JSON, compare and histogram.

    pytest tools/ -k "gelu and torch"
    pytest tools/ -k "jax and compiled" --benchmark-json out.json

One framework per process, as in the harness: choose one with -k; cases of another are skipped.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest

from actbench.bench.catalog.activations import CATALOG
from actbench.bench.catalog.cases import Case, forms_of, unsupported
from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.catalog.sizes import size_classes
from actbench.bench.host.cpus import measuring_cpus
from actbench.bench.worker.protocol import Prepare
from actbench.bench.workers.environment import Key, environment_of
from actbench.bench.workers.requests import timed_call

pytestmark = pytest.mark.filterwarnings("default")

_SEED = 0
_SIZE = size_classes("cpu")["l2"]
_CASES = [
    case
    for framework in frameworks().values()
    for mode in framework.modes
    for name, record in CATALOG.items()
    for form in forms_of(record)
    if not unsupported(
        case := Case(framework.name, name, form, mode, "forward", "cpu", "float32", _SIZE, 1)
    )
]
_running: dict[str, Any] = {}


def _name(case: Case) -> str:
    return f"{case.framework}-{case.activation}-{case.form}-{case.mode}-{case.size}"


@pytest.fixture
def worker(case: Case) -> Any:
    """The framework's worker in this process, set up as the harness does."""
    if _running and case.framework not in _running:
        pytest.skip(f"one framework per process, here {next(iter(_running))}: choose with -k")
    if not _running:
        _running[case.framework] = _start(case.framework)
    return _running[case.framework]


def _start(framework: str) -> Any:
    os.sched_setaffinity(0, measuring_cpus(1))
    os.environ.update(environment_of(Key(framework, "cpu", 1)))
    missing = f"{framework} is not installed here: make setup installs it"
    pytest.importorskip(framework, reason=missing, exc_type=ImportError)
    operations = importlib.import_module("actbench.bench.worker.operations")
    return operations.Worker(importlib.import_module(f"actbench.impls.{framework}"), "cpu", 1)


@pytest.mark.parametrize("case", _CASES, ids=_name)
def test_speed(case: Case, worker: Any, benchmark: Any) -> None:
    """Time one call, waited for, on the harness's own input."""
    worker.prepare(Prepare(0, timed_call(case, _SEED)))
    benchmark.group = f"{case.framework}, {case.mode}, {case.size:,} elements"
    benchmark.extra_info.update(case.as_dict())
    benchmark(worker.call(0))
