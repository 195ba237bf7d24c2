"""A cost split into its parts: launch, handoff, copy floor, arithmetic, memory, allocation.

In cache the time of a call is a straight line over its n elements, whose slope is the copy floor
and `arithmetic`. The slope is taken between the largest sizes that fit the first- and the
second-level cache; a size between the two is left out and predicted by the line (`fit_error`).
`launch` is the time of the smallest call besides its elements. The line may start above it: large
work is handed to other threads, or gets temporaries (`handoff`). Per element, data from memory adds
`memory`, and an output of the call's own, beside one that is given, adds `allocation`:

    time of a call = launch + handoff + n·(copy floor + arithmetic + memory + allocation)

Where a form cannot write to a given output, page faults show whether its allocator maps afresh.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..catalog.cases import Case
from ..catalog.dtypes import DTYPES
from ..catalog.sizes import Classes
from ..results.rows import Cause, Row, Why
from ..results.status import Status
from . import bootstrap as statistics

Array = np.ndarray[Any, Any]
FLOOR = "copy"
PAGE = 4096
_FEW_FAULTS = 0.02
"""The most page faults, as a share of an output's pages, of an allocator that keeps memory."""


@dataclass(frozen=True)
class Timing:
    """The time of one case: replicates of ns per call, and page faults per call."""

    replicates: Array
    faults: float


@dataclass(frozen=True)
class _Line:
    """A line in ns per call: `start`, and the `slope` between two `sizes`.

    `launch` is the start of a call of the `smallest` size.
    """

    start: Array
    slope: Array
    sizes: tuple[int, int]
    smallest: int
    launch: Array

    def at(self, size: int) -> Array:
        """The time of a call of `size` elements."""
        time: Array = self.start + size * self.slope
        return time


def rows(timings: Mapping[Case, Timing], classes: Mapping[str, Classes]) -> Iterator[Row]:
    """The parts of every case that was measured warm at more than one size.

    `classes` are the size classes of the measuring machine by device.
    """
    groups: dict[Case, dict[int, Timing]] = {}
    for case, timing in timings.items():
        if case.output == "fresh" and case.cache == "warm":
            groups.setdefault(replace(case, size=0), {})[case.size] = timing
    lines = {group: _line(sizes, classes[group.device]) for group, sizes in groups.items()}
    for group, sizes in groups.items():
        line = lines[group]
        if line is None:
            if len(sizes) > 1:
                yield _no_line(group, sizes, classes[group.device])
            continue
        yield from _in_cache(group, line, lines.get(floor_of(group)))
        yield from _left_out(group, line, sizes)
        yield from _streaming(group, line, timings, classes[group.device])


def _line(sizes: Mapping[int, Timing], classes: Classes) -> _Line | None:
    """The line through the largest size in the second-level cache and one of at most a quarter."""
    cached = sorted(size for size in sizes if size <= classes["l2"])
    lower = [size for size in cached if 4 * size <= cached[-1]]
    if not lower:
        return None
    high, low = cached[-1], _nearest(lower, classes["l1"])
    slope = (sizes[high].replicates - sizes[low].replicates) / (high - low)
    smallest = cached[0]
    launch = sizes[smallest].replicates - smallest * slope
    return _Line(sizes[low].replicates - low * slope, slope, (low, high), smallest, launch)


def _nearest(sizes: list[int], wanted: int) -> int:
    return min(sizes, key=lambda size: abs(size - wanted))


def _no_line(group: Case, sizes: Mapping[int, Timing], classes: Classes) -> Row:
    cause = Cause(Why.NO_SIZES, figure=classes["l2"])
    return _missing(replace(group, size=min(sizes)), "launch", cause)


def _missing(case: Case, metric: str, cause: Cause) -> Row:
    return Row(case, metric, None, status=Status.UNSUPPORTED, cause=cause)


def floor_of(case: Case) -> Case:
    """The copy whose slope is a case's floor: forward for every direction."""
    return replace(case, activation=FLOOR, form="native", direction="forward")


def _in_cache(group: Case, line: _Line, floor: _Line | None) -> Iterator[Row]:
    low, high = line.sizes
    yield _row(replace(group, size=line.smallest), "launch", line.launch)
    if line.smallest < low:
        handoff = line.start - line.launch
        yield _row(replace(group, size=low), "handoff", handoff, line=line.sizes)
    case = replace(group, size=high)
    if floor is None:
        yield _missing(case, "arithmetic", Cause(Why.NO_COPY, (FLOOR,)))
        return
    yield _row(case, "copy_floor", floor.slope, line=line.sizes)
    yield _row(case, "arithmetic", line.slope - floor.slope, line=line.sizes)


def _left_out(group: Case, line: _Line, sizes: Mapping[int, Timing]) -> Iterator[Row]:
    low, high = line.sizes
    for size in sorted(size for size in sizes if low < size < high):
        error = line.at(size) / sizes[size].replicates - 1
        yield _row(replace(group, size=size), "fit_error", error, line=line.sizes)


def _streaming(
    group: Case, line: _Line, timings: Mapping[Case, Timing], classes: Classes
) -> Iterator[Row]:
    size = classes["memory"]
    fresh_case = replace(group, size=size)
    fresh = timings.get(fresh_case)
    if fresh is None:
        return
    reused = timings.get(replace(fresh_case, output="reused"))
    if reused is not None:
        cause = Cause(Why.REUSED)
        yield _row(fresh_case, "memory", _above(reused, line, size), cause=cause)
        extra = (fresh.replicates - reused.replicates) / size
        yield _row(fresh_case, "allocation", extra, cause=cause)
        return
    pages = size * DTYPES[group.dtype].itemsize / PAGE
    if fresh.faults <= _FEW_FAULTS * pages:
        cause = Cause(Why.KEPT)
        yield _row(fresh_case, "memory", _above(fresh, line, size), cause=cause)
        yield Row(fresh_case, "allocation", 0.0, cause=cause)
        return
    for metric in ("memory", "allocation"):
        yield _missing(fresh_case, metric, Cause(Why.PAGE_FAULTS, figure=fresh.faults))


def _above(timing: Timing, line: _Line, size: int) -> Array:
    above: Array = (timing.replicates - line.start) / size - line.slope
    return above


def _row(case: Case, metric: str, replicates: Array, **details: Any) -> Row:
    estimate = statistics.estimate(replicates)
    return Row(case, metric, estimate.value, estimate.low, estimate.high, **details)
