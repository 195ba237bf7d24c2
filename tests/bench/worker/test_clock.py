"""The timed loops: what streams goes round its buffers, and cold calls find nothing cached."""

from __future__ import annotations

import importlib
import time
from types import SimpleNamespace
from typing import Any

import pytest

from actbench.bench.host import machine
from actbench.bench.worker import clock
from actbench.bench.worker.clock import Batch, Clock
from actbench.bench.worker.operations import Worker
from actbench.bench.worker.protocol import Call, Prepare, TimedCall, TimeInTurn


@pytest.fixture
def subject(monkeypatch: pytest.MonkeyPatch) -> Any:
    """NumPy's module with one more function, which keeps the addresses that it is called with."""
    module = importlib.import_module("actbench.impls.numpy")
    seen: list[tuple[int, int]] = []

    def watched(x: Any) -> Any:
        result = x + 1
        seen.append((x.ctypes.data, result.ctypes.data))
        return result

    monkeypatch.setattr(module, "watched", watched, raising=False)
    monkeypatch.setattr(module, "seen", seen, raising=False)
    return module


def _prepare(cache: str = "warm", buffers: int = 1) -> Prepare:
    return Prepare(0, TimedCall(Call("watched", cache=cache), (64, 256), buffers=buffers))


@pytest.mark.parametrize("buffers", [5, 1])
def test_a_call_goes_round_its_buffers(subject: Any, buffers: int) -> None:
    """As many inputs in turn; a result has its memory to itself until its turn comes again."""
    worker = Worker(subject, "cpu", 1)
    worker.prepare(_prepare(buffers=buffers))
    worker.ready[0].seconds, worker.ready[0].calibrated = 1e-5, True
    subject.seen.clear()
    loops = worker.in_turn(TimeInTurn(0, 0, 4e-4, 2)).loops
    addresses = [given for given, _ in subject.seen]
    assert len(addresses) >= 2 * loops >= 2 * 40
    assert len(set(addresses)) == buffers
    written = [result for _, result in subject.seen]
    for place in range(len(addresses) - buffers):
        assert len(set(addresses[place : place + buffers])) == buffers
        assert addresses[place] == addresses[place + buffers]
        assert len(set(written[place : place + buffers])) == buffers


def test_a_flush_is_bounded_whatever_a_host_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cache_bytes", lambda cpu=0: {"L3": 2**40})
    adapter: Any = None
    waiting = Clock(adapter, "cpu")
    waiting._flush()
    assert waiting._flushed is not None
    assert waiting._flushed.nbytes == 2**29


@pytest.mark.parametrize("largest", [0, 2**27])
def test_a_flush_writes_more_than_the_caches_hold(
    largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if largest:
        monkeypatch.setattr(machine, "cache_bytes", lambda cpu=0: {"L2": 2**20, "L3": largest})
    adapter: Any = None
    waiting = Clock(adapter, "cpu")
    waiting._flush()
    assert waiting._flushed is not None
    before = waiting._flushed.copy()
    waiting._flush()
    assert (waiting._flushed == before + 1).all()
    least, most = clock._FLUSHED
    wanted = 2 * max(machine.cache_bytes().values(), default=0)
    assert waiting._flushed.nbytes == min(max(least, wanted), most)


def test_a_batch_on_a_device_hides_the_wait_at_its_end() -> None:
    """A wait of 2 ms is less than 1 % of the shortest batch; on a CPU each call is waited for."""
    slow: Any = SimpleNamespace(
        synchronize=lambda: lambda: time.sleep(0.002), device_elapsed=lambda step, loops: 1
    )
    assert Clock(slow, "cuda").shortest >= 0.2
    assert (
        Clock(importlib.import_module("actbench.impls.numpy").Adapter("cpu", 1), "cpu").shortest
        == 0
    )


def test_a_cold_case_is_flushed_before_every_call_and_timed_alone(
    subject: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(subject, "cpu", 1)
    worker.prepare(_prepare("cold"))
    order: list[str] = []
    monkeypatch.setattr(worker.clock, "_flush", lambda: order.append("flush"))
    worker.ready[0].seconds, worker.ready[0].calibrated = 1e-4, True
    worker.ready[0].action = lambda: order.append("call") or order  # type: ignore[func-returns-value]
    worker.ready[0].sight = None  # nothing to look at
    answer = worker.in_turn(TimeInTurn(0, 0, 1e-3, 2))
    assert order == ["flush", "call"] * (2 * answer.loops * len(answer.elapsed))


@pytest.mark.parametrize(
    ("device", "batch", "had"),
    [
        ("cpu", Batch(1000, 950, 1, 0), 1000),
        ("cpu", Batch(1000, 300, 2, 0), 300),
        ("cpu", Batch(1000, 300, 0, 0), 1000),
        ("cuda", Batch(1000, 300, 2, 0), 1000),
    ],
)
def test_a_batch_that_was_preempted_had_its_cpu_time(device: str, batch: Batch, had: int) -> None:
    """One that only waits, as for a device, had all of its time."""
    adapter: Any = SimpleNamespace(device_elapsed=None)
    assert Clock(adapter, device).had(batch) == had
