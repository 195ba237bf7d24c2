"""A slowdown of a known size, planted into one of two arms to measure a gate."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import repeat
from typing import Any

from .steps import Action

KINDS = ("work", "wait")
_LOOPS = 20_000
_READINGS = 11


def planted(step: Action, wait: Callable[[Any], None], kind: str, seconds: float) -> Action:
    """The step, and after its result is there `seconds` more: of `work` or of a `wait`.

    Work is a number of turns of an empty loop; it takes longer where the processor is slower or
    shared. A wait is over when the clock says so. With 0 seconds the step is wrapped all the same,
    so that two arms differ by the seconds alone.
    """
    return {"work": _working, "wait": _waiting}[kind](step, wait, seconds)


def _working(step: Action, wait: Callable[[Any], None], seconds: float) -> Action:
    turns = round(seconds / _turn())

    def call() -> Any:
        result = step()
        wait(result)
        for _ in repeat(None, turns):
            pass
        return result

    return call


def _waiting(step: Action, wait: Callable[[Any], None], seconds: float) -> Action:
    nanoseconds, clock = round(seconds * 1e9), time.perf_counter_ns

    def call() -> Any:
        result = step()
        wait(result)
        until = clock() + nanoseconds
        while clock() < until:
            pass
        return result

    return call


def _turn() -> float:
    """Seconds of one turn of an empty loop, the median of some readings."""

    def reading() -> int:
        started = time.perf_counter_ns()
        for _ in repeat(None, _LOOPS):
            pass
        return time.perf_counter_ns() - started

    return statistics.median(reading() for _ in range(_READINGS)) / _LOOPS / 1e9
