"""A cost split into its parts: launch, handoff, copy floor, arithmetic, memory, allocation.

In cache the time of a call is a straight line over its n elements, whose slope is the copy floor
and `arithmetic`. The slope is taken between the largest sizes that fit the first- and the
second-level cache; a size between the two is left out and predicted by the line (`fit_error`).
`launch` is the time of the smallest call without its elements. The line may start above it: large
work is handed to other threads, or gets temporaries (`handoff`). Per element, data from memory adds
`memory`, and an output of the call's own, compared with a given one, adds `allocation`:

time of a call = launch + handoff + n·(copy floor + arithmetic + memory + allocation)

Where a form cannot write to a given output, page faults show whether its allocator maps new pages.
Every part is computed in each process by itself, from times measured in that process; its interval
is that over processes (`costs.differences`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..catalog.cases import Case
from ..catalog.dtypes import DTYPES
from ..catalog.sizes import Classes
from ..results.rows import Cause, Row, Why
from ..results.status import Status
from .costs import Measured, differences

FLOOR = "copy"
PAGE = 4096
_FEW_FAULTS = 0.02
"""The most page faults, as a share of an output's pages, of an allocator that keeps its memory."""
Times = Mapping[int, float]
"""The ns per call, by process."""


@dataclass(frozen=True)
class _Line:
    """A line in ns per call through the times at two `sizes`, and times of the `smallest` call."""

    low: Times
    high: Times
    sizes: tuple[int, int]
    smallest: int
    tiny: Times

    def slope(self, process: int) -> float:
        """The ns per element in a process."""
        low, high = self.sizes
        return (self.high[process] - self.low[process]) / (high - low)

    def start(self, process: int) -> float:
        """The ns of a call without elements, according to the line."""
        return self.low[process] - self.sizes[0] * self.slope(process)

    def launch(self, process: int) -> float:
        """The ns of the smallest call without its elements."""
        return self.tiny[process] - self.smallest * self.slope(process)

    def at(self, size: int, process: int) -> float:
        """The ns of a call of `size` elements, according to the line."""
        return self.start(process) + size * self.slope(process)


@dataclass(frozen=True)
class _Part:
    """A future row: a quantity by process, and the scale of its spread."""

    row: Row
    values: list[float]
    scale: float


def rows(measured: Mapping[Case, Measured], classes: Mapping[str, Classes]) -> Iterator[Row]:
    """The parts of every case that was measured warm at more than one size.

    `classes` are the size classes of the measuring machine by device.
    """
    groups: dict[Case, dict[int, Measured]] = {}
    for case, timed in measured.items():
        if case.output == "fresh" and case.cache == "warm":
            groups.setdefault(replace(case, size=0), {})[case.size] = timed
    lines = {group: _line(sizes, classes[group.device]) for group, sizes in groups.items()}
    parts: list[_Part | Row] = []
    for group, sizes in groups.items():
        line, of_device = lines[group], classes[group.device]
        if line is None:
            parts += [_no_line(group, sizes, of_device)] if len(sizes) > 1 else []
            continue
        parts += _in_cache(group, line, lines.get(floor_of(group)))
        parts += _left_out(group, line, sizes)
        parts += _streaming(group, line, measured, of_device)
    return _estimated(parts)


def _estimated(parts: list[_Part | Row]) -> Iterator[Row]:
    """The rows of the quantities, estimated metric by metric."""
    estimates = {}
    for metric in {part.row.metric for part in parts if isinstance(part, _Part)}:
        chosen = [part for part in parts if isinstance(part, _Part) and part.row.metric == metric]
        values = {part.row.case: part.values for part in chosen}
        scales = {part.row.case: part.scale for part in chosen}
        for case, estimate in differences(values, scales).items():
            estimates[case, metric] = estimate
    for part in parts:
        if isinstance(part, Row):
            yield part
        else:
            estimate = estimates[part.row.case, part.row.metric]
            yield replace(part.row, value=estimate.value, low=estimate.low, high=estimate.high)


def _line(sizes: Mapping[int, Measured], classes: Classes) -> _Line | None:
    """The line through the largest size in the second-level cache and one of at most a quarter."""
    cached = sorted(size for size in sizes if size <= classes["l2"])
    lower = [size for size in cached if 4 * size <= cached[-1]]
    if not lower:
        return None
    high, low, smallest = cached[-1], _nearest(lower, classes["l1"]), cached[0]
    times = {size: sizes[size].times for size in (low, high, smallest)}
    return _Line(times[low], times[high], (low, high), smallest, times[smallest])


def _nearest(sizes: list[int], wanted: int) -> int:
    return min(sizes, key=lambda size: abs(size - wanted))


def _no_line(group: Case, sizes: Mapping[int, Measured], classes: Classes) -> Row:
    cause = Cause(Why.NO_SIZES, figure=classes["l2"])
    return _missing(replace(group, size=min(sizes)), "launch", cause)


def _missing(case: Case, metric: str, cause: Cause) -> Row:
    return Row(case, metric, None, status=Status.UNSUPPORTED, cause=cause)


def floor_of(case: Case) -> Case:
    """The copy whose slope is the floor of a case: forward for every direction."""
    return replace(case.of(FLOOR, "native"), direction="forward")


def _part(
    case: Case, metric: str, value: Callable[[int], float], *times: Times, **details: Any
) -> Iterator[_Part]:
    """A quantity of the processes that have all of some times; the first times give its scale.

    Where the metric's unit is per element, so is the scale.
    """
    processes = [number for number in times[0] if all(number in other for other in times)]
    if processes:
        usual = sorted(times[0][number] for number in processes)[len(processes) // 2]
        scale = usual / case.size if metric in _PER_ELEMENT else usual
        row = Row(case, metric, None, **details)
        yield _Part(row, list(map(value, processes)), 1.0 if metric == "fit_error" else scale)


_PER_ELEMENT = ("slope", "copy_floor", "arithmetic", "memory", "allocation")


def floors(cases: Iterable[Case]) -> list[Case]:
    """The copies to be measured beside some cases, for those that have several sizes."""
    sizes: dict[Case, set[int]] = {}
    for case in cases:
        sizes.setdefault(replace(case, size=0), set()).add(case.size)
    return list(
        dict.fromkeys(
            replace(floor_of(group), size=size)
            for group, of_group in sizes.items()
            if len(of_group) > 1 and group.output == "fresh" and group.cache == "warm"
            for size in sorted(of_group)
        )
    )


def _in_cache(group: Case, line: _Line, floor: _Line | None) -> Iterator[_Part | Row]:
    low, high = line.sizes
    smallest, at_high = replace(group, size=line.smallest), replace(group, size=high)
    yield from _part(smallest, "launch", line.launch, line.tiny, line.low, line.high)
    if line.smallest < low:
        yield from _part(
            replace(group, size=low),
            "handoff",
            lambda process: line.start(process) - line.launch(process),
            *(line.low, line.high, line.tiny),
            line=line.sizes,
        )
    yield from _part(at_high, "slope", line.slope, line.high, line.low, line=line.sizes)
    if floor is None:
        yield _missing(at_high, "arithmetic", Cause(Why.NO_COPY, (FLOOR,)))
        return
    yield from _part(at_high, "copy_floor", floor.slope, floor.high, floor.low, line=line.sizes)
    yield from _part(
        at_high,
        "arithmetic",
        lambda process: line.slope(process) - floor.slope(process),
        *(line.high, line.low, floor.high, floor.low),
        line=line.sizes,
    )


def _left_out(group: Case, line: _Line, sizes: Mapping[int, Measured]) -> Iterator[_Part]:
    low, high = line.sizes
    for size in sorted(size for size in sizes if low < size < high):
        there = sizes[size].times
        error = partial(_error, line, size, there)
        case = replace(group, size=size)
        yield from _part(case, "fit_error", error, there, line.low, line.high, line=line.sizes)


def _error(line: _Line, size: int, there: Times, process: int) -> float:
    return line.at(size, process) / there[process] - 1


def _streaming(
    group: Case, line: _Line, measured: Mapping[Case, Measured], classes: Classes
) -> Iterator[_Part | Row]:
    case = replace(group, size=classes["memory"])
    fresh = measured.get(case)
    if fresh is None:
        return

    def above(times: Times) -> Callable[[int], float]:
        return lambda process: (
            (times[process] - line.start(process)) / case.size - line.slope(process)
        )

    reused = measured.get(replace(case, output="reused"))
    if reused is not None:
        again, taken, cause = reused.times, fresh.times, Cause(Why.REUSED)
        yield from _part(case, "memory", above(again), again, line.low, line.high, cause=cause)
        yield from _part(
            case,
            "allocation",
            lambda process: (taken[process] - again[process]) / case.size,
            *(taken, again),
            cause=cause,
        )
        return
    pages = case.size * DTYPES[group.dtype].itemsize / PAGE
    if fresh.faults <= _FEW_FAULTS * pages:
        times, cause = fresh.times, Cause(Why.KEPT)
        yield from _part(case, "memory", above(times), times, line.low, line.high, cause=cause)
        yield Row(case, "allocation", 0.0, cause=cause)
        return
    for metric in ("memory", "allocation"):
        yield _missing(case, metric, Cause(Why.PAGE_FAULTS, figure=fresh.faults))
