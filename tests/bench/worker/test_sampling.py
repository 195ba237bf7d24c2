"""What a worker answers of a case, from planted functions: first calls, batches, probes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from actbench.bench.worker.operations import Recompiled, Worker
from actbench.bench.worker.protocol import (
    Call,
    Prepare,
    Prepared,
    Probe,
    TimedCall,
    TimeInTurn,
    Turns,
)
from actbench.bench.worker.truth import Refused
from actbench.impls import numpy as real

CALL = Call("planted")
SHAPE = (4, 256)
COLUMNS = ("elapsed", "unit_elapsed", "spoilt", "faults")


class _Adapter(real.Adapter):
    """NumPy's, with counts of compilations that a test moves."""

    compiled = 0
    cached = 0

    def compilations(self) -> int:
        return self.compiled

    def from_cache(self) -> int:
        return self.cached


Plant = Callable[[Callable[..., Any]], Worker]


@pytest.fixture
def plant() -> Iterator[Plant]:
    """A worker in this process whose only form is a given function."""

    def make(function: Callable[..., Any]) -> Worker:
        module: Any = SimpleNamespace(Adapter=_Adapter, planted=function)
        return Worker(module, "cpu", 1)

    with np.errstate(all="ignore"):
        yield make


def _prepare(worker: Worker, buffers: int = 1, **changes: Any) -> Prepared:
    timed = TimedCall(replace(CALL, **changes), SHAPE, buffers=buffers)
    return worker.prepare(Prepare(0, timed))


def _in_turn(worker: Worker, batch: float, blocks: int, unit: int = 0) -> Turns:
    return worker.in_turn(TimeInTurn(0, unit, batch, blocks))


def test_a_visit_holds_its_blocks_one_by_one(plant: Plant) -> None:
    worker = plant(np.exp)
    _prepare(worker)
    answer = _in_turn(worker, 1e-4, 6)
    assert {column.name for column in fields(answer)} == {"loops", "unit_loops", *COLUMNS}
    for name in COLUMNS:
        assert len(getattr(answer, name)) == 6
    assert min(*answer.elapsed, *answer.unit_elapsed) > 0
    assert min(answer.faults) >= 0
    assert min(answer.loops, answer.unit_loops) >= 1


def test_a_case_and_its_unit_are_timed_in_the_order_abba(plant: Plant) -> None:
    """Each batch has calls of its own number: a batch of both takes about as long."""
    calls: list[str] = []

    def case(x: Any) -> Any:
        calls.append("case")
        time.sleep(0.004)
        return np.exp(x)

    worker = plant(case)
    module: Any = worker.steps._module

    def unit(x: Any) -> Any:
        calls.append("unit")
        time.sleep(0.002)
        return np.exp(x)

    module.unit = unit
    _prepare(worker)
    timed = TimedCall(replace(CALL, function="unit"), SHAPE)
    worker.prepare(Prepare(1, timed))
    calls.clear()
    answer = _in_turn(worker, 0.001, 4, unit=1)
    assert answer.loops == answer.unit_loops == 1, "each call is longer than a batch"
    assert calls == ["case", "unit", "unit", "case"] * 2
    assert min(answer.elapsed) > 4e6, "the times of the case are its own"
    assert min(answer.unit_elapsed) > 2e6


def test_a_call_longer_than_a_batch_is_timed_one_by_one(plant: Plant) -> None:
    """However many blocks are wanted: no more than fit a visit, and few at least."""

    def slow(x: Any) -> Any:
        time.sleep(0.02)
        return np.exp(x)

    worker = plant(slow)
    _prepare(worker)
    answer = _in_turn(worker, 0.005, 30)
    assert answer.loops == 1
    assert len(answer.elapsed) == 4
    assert min(answer.elapsed) >= 20e6


def test_a_cold_batch_is_a_few_calls(plant: Plant) -> None:
    """However short the call: the caches are emptied before each, which is not timed."""
    worker = plant(np.exp)
    _prepare(worker, cache="cold")
    started = time.monotonic_ns()
    answer = _in_turn(worker, 0.05, 2)
    took = time.monotonic_ns() - started
    assert answer.loops <= 2
    assert len(answer.elapsed) == 2
    assert sum(answer.elapsed) + sum(answer.unit_elapsed) < took / 2


def test_page_faults_are_counted(plant: Plant) -> None:
    """Each call maps and touches 64 MiB that the allocator gives back at once."""

    def mapping(x: Any) -> Any:
        np.ones(2**23)
        return np.exp(x)

    worker = plant(mapping)
    _prepare(worker)
    answer = _in_turn(worker, 1e-9, 1)
    assert answer.faults[0] / answer.loops > 8  # 32 where pages are huge


def test_compiling_inside_a_timed_region_is_refused(plant: Plant) -> None:
    worker = plant(np.exp)
    _prepare(worker)
    step = worker.ready[0].action

    adapter: Any = worker.adapter

    def compiles() -> Any:
        adapter.compiled += 1
        return step()

    worker.ready[0].action = compiles
    with pytest.raises(Recompiled):
        _in_turn(worker, 1e-4, 1)


def test_preparing_tells_what_was_compiled_and_from_where(plant: Plant) -> None:
    """Two compilations in the first call, one of them from an earlier process's cache."""
    worker = plant(lambda x: np.exp(x))
    assert _prepare(worker).compilations == 0

    def compiles_first(x: Any) -> Any:
        adapter: Any = worker.adapter
        if not adapter.compiled:
            adapter.compiled, adapter.cached = 2, 1
            time.sleep(0.1)
        return np.tanh(x)

    module: Any = worker.steps._module
    module.compiled = compiles_first
    answer = _prepare(worker, function="compiled")
    assert (answer.compilations, answer.from_cache) == (2, 1)
    assert answer.first >= 0.1
    assert answer.later < answer.first


def test_a_case_goes_round_inputs(plant: Plant) -> None:
    """No input comes twice in a row, so that none is in a cache when its turn comes."""
    seen: list[int] = []

    def recording(x: Any) -> Any:
        seen.append(x.ctypes.data)
        return np.exp(x)

    worker = plant(recording)
    _prepare(worker, buffers=4)
    call = worker.call(0)
    call()
    seen.clear()
    for _ in range(12):
        call()
    assert len(set(seen)) == 4
    assert seen[:4] * 3 == seen


def test_a_reused_output_is_written_where_the_last_one_was(plant: Plant) -> None:
    written: list[int] = []

    def into(x: Any, out: Any = None) -> Any:
        result = np.exp(x, out=out)
        written.append(result.ctypes.data)
        return result

    worker = plant(into)
    _prepare(worker, output="reused")
    written.clear()
    _in_turn(worker, 1e-6, 2)
    assert len(set(written)) == 1


def test_an_output_that_is_given_and_not_written_to_is_refused(plant: Plant) -> None:
    def ignoring(x: Any, out: Any = None) -> Any:
        return np.exp(x)

    worker = plant(ignoring)
    _prepare(worker)
    with pytest.raises(Refused, match="memory of its own"):
        _prepare(worker, output="reused")


def test_a_probe_finds_a_branch_and_narrow_arithmetic(plant: Plant) -> None:
    """A function that waits longer where its input is not sorted, and for float64 as for float32.

    It sleeps, so that the ratios hold on a busy machine.
    """

    def branchy(x: Any) -> Any:
        ascending = bool((np.diff(x.ravel()) >= 0).all())
        time.sleep(0.01 if ascending else 0.04)
        return np.exp(x)

    worker = plant(branchy)
    answer = worker.probe(Probe(TimedCall(CALL, (1, 64)), 0.001))
    assert answer.shuffled > 1.5
    assert 0.5 < answer.wide < 1.5


def test_a_probe_of_another_dtype_does_not_widen(plant: Plant) -> None:
    doubled = replace(CALL, dtype="float64")
    answer = plant(np.exp).probe(Probe(TimedCall(doubled, SHAPE), 1e-4))
    assert math.isnan(answer.wide)
    assert answer.shuffled > 0
