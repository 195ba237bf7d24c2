"""Planted slowdowns: about what was asked for, after the result is there, and else nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from actbench.bench.worker import planted as module
from actbench.bench.worker.planted import KINDS, planted


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _worked(call: Callable[[], object]) -> float:
    """The seconds of CPU that this thread takes, be it preempted or not."""
    started = time.thread_time()
    call()
    return time.thread_time() - started


def _nothing(_: object = None) -> None: ...


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seconds", [0.0, 1e-4])
def test_a_result_is_waited_for_and_returned(kind: str, seconds: float) -> None:
    told: list[str] = []

    def step() -> str:
        told.append("step")
        return "result"

    call = planted(step, told.append, kind, seconds)
    assert told == [], "nothing runs before it is called"
    assert call() == "result"
    assert told == ["step", "result"]
    call()
    assert told == ["step", "result"] * 2


def test_a_wait_takes_what_the_clock_says() -> None:
    call = planted(_nothing, _nothing, "wait", 0.02)
    shortest = _seconds(call)
    for _ in range(1000):  # on a machine that is busy most are longer, and no luck lasts for ever
        if shortest < 0.06:
            break
        shortest = min(shortest, _seconds(call))
    assert 0.02 <= shortest < 0.06


def test_a_wait_begins_when_the_result_is_there() -> None:
    call = planted(_nothing, lambda _: time.sleep(0.02), "wait", 0.02)
    assert _seconds(call) >= 0.04


def test_work_takes_about_as_long() -> None:
    """In seconds of CPU: a turn is timed when it is planted, on a machine that others slow down."""
    call = planted(_nothing, _nothing, "work", 0.02)
    assert 0.002 < min(_worked(call) for _ in range(7)) < 0.08


def test_work_is_as_many_turns_as_the_time_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[object] = []
    monkeypatch.setattr(module, "_turn", lambda: 0.001)
    monkeypatch.setattr(module, "repeat", lambda value, count: turns.append(count) or ())
    for seconds, count in ((0.02, 20), (0.0, 0), (0.0004, 0), (0.0016, 2)):
        planted(_nothing, _nothing, "work", seconds)()
        assert turns.pop() == count


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_planted_adds_but_the_wrapper(kind: str) -> None:
    """A thousand calls that have nothing to do take far less than one with 20 ms planted."""
    call = planted(_nothing, _nothing, kind, 0.0)
    assert min(_worked(lambda: [call() for _ in range(1000)]) for _ in range(5)) < 0.02


def test_another_kind_is_an_error() -> None:
    with pytest.raises(KeyError):
        planted(_nothing, _nothing, "sleep", 0.0)
