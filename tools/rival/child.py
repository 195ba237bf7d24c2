"""The test file of `tools.rival.comparison`: one test per case, timed by pytest-benchmark.

ACTBENCH_RIVAL names the file of the request. The frameworks share one process, on one CPU.
"""

from __future__ import annotations

import importlib
import json
import os
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.worker.operations import Worker
from actbench.bench.worker.pair import READINGS
from actbench.bench.worker.planted import planted
from actbench.bench.worker.protocol import Prepare
from actbench.bench.workers.requests import timed_call

_REQUEST = json.loads(Path(os.environ["ACTBENCH_RIVAL"]).read_text())
_CASES = _REQUEST["cases"]

os.sched_setaffinity(0, _REQUEST["cpus"])  # before frameworks start threads


@cache
def _worker(framework: str) -> Worker:
    return Worker(importlib.import_module(f"actbench.impls.{framework}"), "cpu", 1)


def _prepared(number: int, case: Case) -> Worker:
    worker = _worker(case.framework)
    worker.prepare(Prepare(number, timed_call(case, _REQUEST["seed"]), checked=False))
    return worker


def _step(worker: Worker, number: int, plant: dict[str, Any] | None) -> Callable[[], Any]:
    """The step of a prepared case, wrapped if it has a plant, as in both arms of a pair."""
    step, wait = worker.ready[number].action, worker.adapter.wait
    if plant is None:
        return step
    plain = planted(step, wait, plant["kind"], 0.0)
    seconds = plant["share"] * min(worker.seconds(plain) for _ in range(READINGS))
    return planted(step, wait, plant["kind"], seconds)


@pytest.fixture(scope="session")
def timed() -> Iterator[dict[str, float]]:
    """Seconds in the fixture by the name of a case, written to a file at the end."""
    seconds: dict[str, float] = {}
    yield seconds
    Path(_REQUEST["timed"]).write_text(json.dumps(seconds))


@pytest.mark.parametrize("number", range(len(_CASES)), ids=[case["name"] for case in _CASES])
def test_call(number: int, benchmark: Any, timed: dict[str, float]) -> None:
    """Time one call of a case, waited for, on the harness's own input."""
    request = _CASES[number]
    worker = _prepared(number, Case(**request["case"]))
    step, wait = _step(worker, number, request["plant"]), worker.adapter.wait
    started = time.perf_counter()
    benchmark(lambda: wait(step()))
    timed[request["name"]] = time.perf_counter() - started
