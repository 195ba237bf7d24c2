"""The check that the work of a case is done here, and not by processes that this one started."""

from __future__ import annotations

import os
from contextlib import suppress
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter_ns, process_time_ns, sleep

from .steps import Action
from .truth import Refused

_SHARE, _NOTHING_NS = 0.1, 500_000
"""The share of all CPU time that other processes may take, and a negligible number of ns."""
_WATCHED = 0.03
"""The seconds at rest, and of calls, that show whether the calls make other processes work."""


def others_ns() -> int:
    """CPU time of the processes that this one has started, directly or not, and has now."""
    ended = getrusage(RUSAGE_CHILDREN)
    total = round(1e9 * (ended.ru_utime + ended.ru_stime))
    waiting = _children(os.getpid())
    while waiting:
        pid = waiting.pop()
        total += _cpu_ns(pid)
        waiting += _children(pid)
    return total


def check_alone(call: Action, busy: int, others: int) -> None:
    """Refuse calls that had others work, `others` ns beside `busy` ns of this process's own.

    A compiler's processes may work on for a while by themselves: what they take at rest, too, is
    not the calls'.
    """
    if others <= _SHARE * (busy + others) + _NOTHING_NS:
        return
    before = others_ns()
    sleep(_WATCHED)
    resting = others_ns() - before
    own, started = process_time_ns(), perf_counter_ns()
    while perf_counter_ns() - started < 1e9 * _WATCHED:
        call()
    working = others_ns() - before - resting
    own = process_time_ns() - own
    if working > 3 * resting + _SHARE * (own + working) + _NOTHING_NS:
        share = working / (own + working)
        raise Refused(f"has other processes do {share:.0%} of its work, which is not timed")


def _cpu_ns(pid: int) -> int:
    """CPU time of a process; 0 if it has ended, or nobody can know."""
    with suppress(OSError), open(f"/proc/{pid}/schedstat", encoding="ascii") as stat:
        return int(stat.read().split()[0])
    return 0


def _children(pid: int) -> list[int]:
    with suppress(OSError), open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as listed:
        return [int(child) for child in listed.read().split()]
    return []
