"""The check that a call returns when its work is done, and not before."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from time import monotonic, perf_counter_ns, process_time_ns, sleep, thread_time_ns
from typing import Any

from .steps import Action
from .truth import Refused

_POLL = 0.0005
_CALM = 2
"""Polls in a row without work before the process counts as quiet."""
_NOTHING_NS = 2_000
_PATIENCE = 2.0
_TRIALS = 12
_FIRST_TRIALS = 4
_LONG_NS = 20_000_000
"""The time of the first trials: no thread wins a race that is so long."""
_LEFT = 4
"""Trials that must have left work before a call is refused: others may wake a thread once."""
_SHARE = 0.3
_LEAST_NS = 30_000
_ASKED = 100
_ASKED_NS = 30_000_000

Trial = tuple[float, float]
"""The work that a call left for after its return, as a share of all of it and in ns."""


def check_waiting(
    call: Action,
    is_ready: Callable[[Any], bool | None],
    synchronize: Action | None,
) -> None:
    """Refuse a call after whose return its work goes on.

    A framework that knows whether a result is ready is asked, several times where calls are short,
    and believed: what it calls ready cannot be written to any more, so that no thread can fill it
    in later. Its threads may well go on, in giving memory back.

    Where it does not know, the time decides. On the CPU: the CPU time that this process's other
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
    trials: list[Trial] = []
    started = perf_counter_ns()
    while len(trials) < _FIRST_TRIALS and perf_counter_ns() - started < _LONG_NS:
        trials.append(trial(call))
    if not any(map(_is_late, trials)):
        return
    trials += [trial(call) for _ in range(_TRIALS - len(trials))]
    late = list(filter(_is_late, trials))
    if len(late) >= _LEFT:
        share, left = max(late)
        raise Refused(
            f"returns before its work is done: up to {share:.0%} of it ({left / 1e3:.0f} µs) came "
            f"after the return, in {len(late)} of {len(trials)} calls"
        )


def _ask(call: Action, is_ready: Callable[[Any], bool | None]) -> bool | None:
    """Return whether results are ready when calls return; None if the framework does not know."""
    answer: bool | None = None
    started = perf_counter_ns()
    for _ in range(_ASKED):
        answer = is_ready(call())
        if answer is False:
            raise Refused("returns before its work is done: the framework calls it not ready")
        if answer is None or perf_counter_ns() - started > _ASKED_NS:
            break
    return answer


def _is_late(trial: Trial) -> bool:
    share, left = trial
    return share > _SHARE and left > _LEAST_NS


def _left_on_threads(call: Action) -> Trial:
    _rest(1)
    started = process_time_ns()
    result = call()
    worked, others = process_time_ns() - started, _others_ns()
    left = _rest(_CALM) - others
    del result
    return left / max(left + worked, 1), left


def _left_on_device(synchronize: Action) -> Callable[[Action], Trial]:
    def trial(call: Action) -> Trial:
        synchronize()
        resting = perf_counter_ns()
        synchronize()
        started = perf_counter_ns()
        result = call()
        returned = perf_counter_ns()
        synchronize()
        finished = perf_counter_ns()
        del result
        left = finished - returned - (started - resting)
        return left / max(finished - started, 1), left

    return trial


def _others_ns() -> int:
    """CPU time of all threads of this process but this one, those that have ended included."""
    return process_time_ns() - thread_time_ns()


def _rest(polls: int) -> int:
    """Sleep until no other thread works or wants to, `polls` times in a row. Their CPU time."""
    deadline = monotonic() + _PATIENCE
    last, calm = _others_ns(), 0
    while monotonic() < deadline:
        sleep(_POLL)
        now = _others_ns()
        calm = calm + 1 if now - last < _NOTHING_NS else 0
        last = now
        if calm >= polls:  # a look at every thread costs as much as a poll: at the end only
            if not _runnable():
                break
            calm = 0
    return last


def _runnable() -> bool:
    """Return whether another thread of this process runs or waits for a CPU."""
    own = threading.get_native_id()
    for task in os.listdir("/proc/self/task"):
        if int(task) == own:
            continue
        try:
            with open(f"/proc/self/task/{task}/stat", encoding="utf-8") as stat:
                state = stat.read().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            continue
        if state == "R":
            return True
    return False
