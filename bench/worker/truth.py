"""Checks that a timing is of the work it claims: they raise `Refused`, and the case has no timing.

A fast lie has a few shapes: a call that returns before its work is done; a result that is the
input or the last result again; one that does not follow the input, all of it or a part; one of
another dtype or on another device; a detour over the host. Each is looked for in every case before
it is timed. That a compiled case is compiled is the adapter's to say (`NotCompiled`), and that
nothing is compiled while the clock runs is seen in each sample (`Recompiled`).
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..catalog import inputs

_POLL = 0.0005
_CALM = 2
"""Polls in a row without work before the process counts as quiet."""
_NOTHING_NS = 2_000
_PATIENCE = 2.0
_TRIALS = 12
_FIRST_TRIALS = 4
_LONG_NS = 20_000_000
"""What the first trials may take: no thread wins a race that is so long."""
_LEFT = 4
"""Trials that must have left work before a call is refused: others may wake a thread once."""
_SHARE = 0.3
_LEAST_NS = 30_000
_ASKED = 100
_ASKED_NS = 8_000_000
_ROWS = 1024
_VARY = 32
_RELATIVE = 2.0**-4
_ABSOLUTE = 2.0**-6


class Refused(Exception):
    """A timing of this case would mislead; the text says why."""


class NothingToTime(Exception):
    """The framework does no work at all here, and rightly so."""


def check_waiting(
    call: Callable[[], Any],
    is_ready: Callable[[Any], bool | None],
    synchronize: Callable[[], None] | None,
) -> None:
    """Refuse a call after whose return its work goes on.

    A framework that knows whether a result is ready is asked, several times where calls are short,
    and believed: what it calls ready cannot be written to any more, so that no thread can fill it
    in later. Its threads may well go on, in giving memory back.

    Where it does not know, the time tells. On the CPU: the CPU time that this process's other
    threads take between the return and the next rest, as a share of all that the call took. Honest
    calls leave a few per cent (a thread pool that winds down), a call that does not wait leaves
    most; in a third of the trials, because its thread may win the race. CPU time of this process
    alone is counted, and a thread that waits for a CPU is waited for, so that a busy machine
    changes nothing. On a device, `synchronize` waits for all its work: the share of the time that
    this takes, beyond what it takes at rest.

    To double the work and look for twice the time would say less: a launch hides small work, and
    calls that do not wait are as slow as their work once their queue is full.
    """
    if _ask(call, is_ready):
        return
    trial = _left_on_device(synchronize) if synchronize else _left_on_threads
    trials: list[tuple[float, float]] = []
    started = time.perf_counter_ns()
    while len(trials) < _FIRST_TRIALS and time.perf_counter_ns() - started < _LONG_NS:
        trials.append(trial(call))
    if not any(map(_is_late, trials)):
        return
    trials += [trial(call) for _ in range(_TRIALS - len(trials))]
    late = [each for each in trials if _is_late(each)]
    if len(late) >= _LEFT:
        share, left = max(late)
        raise Refused(
            f"returns before its work is done: up to {share:.0%} of it ({left / 1e3:.0f} µs) came "
            f"after the return, in {len(late)} of {len(trials)} calls"
        )


def _ask(call: Callable[[], Any], is_ready: Callable[[Any], bool | None]) -> bool | None:
    """Whether results are ready when calls return; None where the framework does not know."""
    answer: bool | None = None
    started = time.perf_counter_ns()
    for _ in range(_ASKED):
        answer = is_ready(call())
        if answer is False:
            raise Refused("returns before its work is done: the framework calls it not ready")
        if answer is None or time.perf_counter_ns() - started > _ASKED_NS:
            break
    return answer


def _is_late(trial: tuple[float, float]) -> bool:
    share, left = trial
    return share > _SHARE and left > _LEAST_NS


def _left_on_threads(call: Callable[[], Any]) -> tuple[float, float]:
    _rest(1)
    started = time.process_time_ns()
    result = call()
    worked, others = time.process_time_ns() - started, _others_ns()
    left = _rest(_CALM) - others
    del result
    return left / max(left + worked, 1), left


def _left_on_device(
    synchronize: Callable[[], None],
) -> Callable[[Callable[[], Any]], tuple[float, float]]:
    def trial(call: Callable[[], Any]) -> tuple[float, float]:
        synchronize()
        resting = time.perf_counter_ns()
        synchronize()
        started = time.perf_counter_ns()
        result = call()
        returned = time.perf_counter_ns()
        synchronize()
        finished = time.perf_counter_ns()
        del result
        left = finished - returned - (started - resting)
        return left / max(finished - started, 1), left

    return trial


def _others_ns() -> int:
    """CPU time of all threads of this process but this one, those that have ended included."""
    return time.process_time_ns() - time.thread_time_ns()


def _rest(polls: int) -> int:
    """Sleep until no other thread works or wants to, `polls` times in a row. Their CPU time."""
    deadline = time.monotonic() + _PATIENCE
    last, calm = _others_ns(), 0
    while time.monotonic() < deadline:
        time.sleep(_POLL)
        now = _others_ns()
        calm = calm + 1 if now - last < _NOTHING_NS else 0
        last = now
        if calm >= polls:  # a look at every thread costs as much as a poll: at the end only
            if not _runnable():
                break
            calm = 0
    return last


def _runnable() -> bool:
    """Whether another thread of this process runs or waits for a CPU."""
    mine = threading.get_native_id()
    for task in os.listdir("/proc/self/task"):
        if int(task) == mine:
            continue
        try:
            with open(f"/proc/self/task/{task}/stat", encoding="utf-8") as stat:
                state = stat.read().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            continue
        if state == "R":
            return True
    return False


def check_traced(trace: Callable[[], None]) -> None:
    """Refuse a function that asks for values where there are none: it takes them to the host.

    Whatever a framework computes itself, it computes on stand-ins as well, of which it knows the
    shape and the dtype only; NumPy, or an `if` on a value, cannot. Nor may it have the framework
    call Python, which an adapter sees in what was traced.
    """
    try:
        trace()
    except Exception as error:
        raise Refused(f"goes through the host: {_first_line(error)}") from None


def check_guarded(step: Callable[[], Any]) -> Any:
    """The result of a step that ran before, called where a copy to the host raises."""
    try:
        return step()
    except Exception as error:
        raise Refused(f"copies from the device while timed: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"


def check_input(array: Any, dtype: str) -> None:
    """Refuse an input of another dtype than was asked for, as JAX without x64 gives for float64."""
    if _dtype(array) != dtype:
        raise Refused(f"the input is {_dtype(array)}, not {dtype}: the framework converted it")


def _dtype(array: Any) -> str:
    return getattr(array.dtype, "name", str(array.dtype)).removeprefix("torch.")


def check_result(results: tuple[Any, ...], array: Any) -> None:
    """Refuse a result of another dtype or on another device than the input `array`."""
    for each in results:
        kind = getattr(each, "dtype", None)
        if kind is None:
            raise Refused(f"returns a {type(each).__name__}, which is no array: is it waited for?")
        if kind != array.dtype:
            raise Refused(f"returns {kind} for {array.dtype}: a conversion would be timed")
        place = getattr(each, "device", None)
        if place != getattr(array, "device", None):
            raise Refused(f"returns a result on {place} for an input on {array.device}")


def check_elements(results: tuple[Any, ...], expected: list[int]) -> None:
    """Refuse results with other numbers of elements than are expected: they are of other work."""
    found = [math.prod(each.shape) for each in results]
    if found != expected:
        raise Refused(f"results do not fit the inputs: {_counted(found)}, not {_counted(expected)}")


def _counted(numbers: list[int]) -> str:
    return f"{' and '.join(f'{each:,}' for each in numbers) or 'no'} elements"


def check_fresh(
    first: tuple[Any, ...],
    second: tuple[Any, ...],
    given: list[Any],
    direction: str,
    address: Callable[[Any], int],
) -> None:
    """Refuse results that are given arrays, or the last call's, instead of new ones.

    A gradient may be the upstream itself, as that of a sum: NothingToTime where it is all there is.
    """
    inputs = {address(each) for each in given}
    for place, (one, other) in enumerate(zip(first, second, strict=True)):
        if address(other) in inputs and direction == "both" and place > 0:
            continue  # the output before it was computed
        if address(other) in inputs and direction == "backward":
            raise NothingToTime("the gradient is the upstream itself: nothing is computed")
        if address(other) in inputs:
            raise Refused("returns an array it was given: nothing is computed")
        if address(one) == address(other):
            raise Refused("returns the same array again: nothing is computed a second time")


def rows_to_change(count: int) -> Any:
    """The rows that `check_follows` compares: all, or as many spread evenly over the whole."""
    return np.unique(np.linspace(0, count - 1, min(count, _ROWS)).astype(int))


def moved(rows: Any, by: int) -> Any:
    """Rows of bit patterns, each `by` places further."""
    return np.roll(rows, by, axis=0)


def negated(rows: Any, by: int = 1) -> Any:
    """The bit patterns of the negative values; the same again brings them back."""
    return rows ^ rows.dtype.type(1 << (8 * rows.dtype.itemsize - 1))


def check_varies(before: list[Any], expected: list[Any]) -> None:
    """Refuse results that a change of what is read would leave as they are.

    Few elements may honestly do so, as relu's of negative numbers.
    """
    if all(
        each.size >= _VARY and (each == other).all()
        for each, other in zip(before, expected, strict=True)
    ):
        raise Refused("returns the same values for other inputs: the work was done beforehand")


def check_follows(expected: list[Any], found: list[Any], dtype: str) -> None:
    """Refuse results (bit patterns of some rows) that do not follow a change of what is read.

    A step is called with rows of its input `moved`: every activation works row by row, so that
    the same rows of the results must have moved likewise. A backward pass, which may have saved
    its input or another value of it, gets its upstream `negated`, and gives the negative gradient.
    What was computed beforehand, by another call or for another part, and what is not computed
    yet, stays as it was. Every element is compared, with a wide tolerance: a vector loop and its
    tail may differ.
    """
    for one, other in zip(expected, found, strict=True):
        differs = one != other
        if not differs.any():
            continue
        wanted = inputs.from_bits(one, dtype)
        a, b = wanted[differs], inputs.from_bits(other[differs], dtype)
        wrong = np.count_nonzero(~_alike(a, b, _scale(wanted)))
        if wrong:
            raise Refused(
                f"{wrong / differs.size:.1%} of the result does not follow the input: computed "
                "beforehand, left over from another call, or not computed yet"
            )


def _scale(values: Any) -> float:
    """How large the values are, but for a few."""
    size = np.abs(values[np.isfinite(values)])
    return float(np.quantile(size, 0.9)) if size.size else 0.0


def _alike(a: Any, b: Any, scale: float) -> Any:
    with np.errstate(invalid="ignore"):
        tolerance = _RELATIVE * np.maximum(np.abs(a), np.abs(b)) + _ABSOLUTE * scale
        return (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= tolerance)
