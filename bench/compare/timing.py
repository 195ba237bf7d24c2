"""Times of two runs, relative to what the same run took for copies and single operations.

Two runs hours apart differ by the state of their machine, which moves all times alike. So the time
of a case is taken over a *unit*: the times of the primitives beside it, in the same run and under
the same conditions. A change of a unit is divided out of every case, and therefore reported by
itself.

Everything is computed on logarithms of candidate over base. The unit's is the median over the
primitives: a geometric mean that a single changed primitive does not move.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..catalog.cases import Case
from ..host.errors import StoreError
from ..results.rows import Row
from ..results.store import Run
from ..timing.ratios import Estimate, Ratio, median_of_dependent, median_of_independent
from ..timing.verdicts import Verdict, verdict
from ..words import counted
from . import rows

METRIC = "time_per_call"
DOUBT = 0.01
"""The probability that any verdict at all is wrong: half of it for the cases, half for the units
of whole frameworks."""
_NORMAL = 1.959964
"""Standard errors in half of a row's 95 % interval."""
_EXACT = ("framework", "mode", "direction", "device", "dtype", "size", "threads", "output", "cache")
_WHOLE = ("framework", "mode", "device")
_ALONE = "a run with one process per framework does not show how processes differ"
_LEVELS: Mapping[str, tuple[str, ...]] = {
    "beside it": _EXACT,
    "in other directions": tuple(name for name in _EXACT if name != "direction"),
    "of other sizes and formats": ("framework", "mode", "device", "threads"),
    "of other frameworks": ("device",),
}
"""Fields that the primitives of a unit share with the case: the first level with some counts."""


@dataclass(frozen=True)
class Answer:
    """A ratio with its simultaneous interval and verdict; `reason` says why one is missing."""

    ratio: Estimate | None
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Timing:
    """A case in both runs: ns per call, and the change relative to its unit.

    `unit` says which primitives form the unit.
    """

    case: Case
    base: float
    candidate: float
    unit: str
    answer: Answer


@dataclass(frozen=True)
class Unit:
    """The change of the primitives of a framework and mode on a device.

    The change of a `part`, those under some conditions, is relative to all primitives of the
    framework and mode; otherwise nothing is divided out.
    """

    framework: str
    mode: str
    device: str
    part: Mapping[str, str | int]
    primitives: int
    answer: Answer


@dataclass(frozen=True)
class Times:
    """The times of two runs. `freedom` is the least of all cases with an interval."""

    timings: Sequence[Timing]
    units: Sequence[Unit]
    parts: Sequence[Unit]
    only_base: Sequence[rows.Missing]
    only_candidate: Sequence[rows.Missing]
    freedom: float


def compare(base: Run, candidate: Run, zone: float) -> Times:
    """Compare the times of two runs; `zone` is the dead zone of the verdicts.

    Raises StoreError for rows that no run writes.
    """
    before, after = (_checked(run, rows.rows_of(run, [METRIC])) for run in (base, candidate))
    pairs = rows.pairs(before, after, key=lambda row: row.case, same=lambda case: case)
    epochs = base.facts.epochs, candidate.facts.epochs
    changes = {old.case: _change(old, new, epochs) for old, new in pairs.both}
    chosen = _primitives(row.case for row, _ in pairs.both if row.primitive)
    primitives = {case: changes[case] for case in chosen}
    index = _index(primitives)
    units = {case: _unit(case, index) for case in changes}
    wholes = _grouped(primitives, _WHOLE)
    parts = _parts(primitives, wholes)
    doubt = DOUBT / 2 / max(len(changes) + len(parts), 1)
    return Times(
        [
            _timing(old, new, changes[old.case], *units[old.case], zone, doubt)
            for old, new in pairs.both
        ],
        [
            _group(members, _WHOLE, _moved(members), zone, DOUBT / 2 / len(wholes))
            for members in wholes.values()
        ],
        [_group(members, _EXACT, _part(members, wholes), zone, doubt) for members in parts],
        pairs.only_base,
        pairs.only_candidate,
        min((ratio.freedom for ratio in changes.values() if ratio.freedom), default=0),
    )


Changes = Mapping[Case, Ratio]


def _checked(run: Run, timed: Sequence[Row]) -> Sequence[Row]:
    """Return the rows. Raises StoreError for a time that is not a positive number."""
    for row in timed:
        ends = [end for end in (row.value, row.low, row.high) if end is not None]
        if row.status == "ok" and not all(0 < end < math.inf for end in ends):
            who = f"{row.case.framework} {row.case.activation}"
            raise StoreError(
                f"{run.path}/rows.jsonl is malformed: a time of {who} is not a positive number; "
                "measure it again"
            )
    return timed


def _change(base: Row, candidate: Row, epochs: tuple[int, int]) -> Ratio:
    processes = _processes(base, epochs[0]), _processes(candidate, epochs[1])
    freedom = sum(processes) - 2 if min(processes) > 1 else 0
    return replace(_time(candidate).over(_time(base)), freedom=freedom)


def _time(row: Row) -> Ratio:
    """A time over one nanosecond, with the standard errors of its logarithm."""
    value, low, high = _value(row), row.low or _value(row), row.high or _value(row)
    below, above = math.log(value / low), math.log(high / value)
    return Ratio(math.log(value), max(below, 0) / _NORMAL, max(above, 0) / _NORMAL, 0)


def _value(row: Row) -> float:
    assert row.value is not None
    return row.value


def _processes(row: Row, asked: int) -> int:
    """The number of processes behind a time: fewer than requested where one failed."""
    if row.low is None or row.high is None:
        return 0
    return min(row.sampling.processes, asked) if row.sampling else asked


# --- units ----------------------------------------------------------------------------------------


def _primitives(cases: Iterable[Case]) -> list[Case]:
    """The primitives by their native form, or else the form that is written out."""
    native_last = sorted(cases, key=lambda case: case.form == "native")
    return list({replace(case, form=""): case for case in native_last}.values())


def _grouped(primitives: Changes, fields: Sequence[str]) -> dict[tuple[Any, ...], Changes]:
    groups: dict[tuple[Any, ...], dict[Case, Ratio]] = {}
    for case, change in primitives.items():
        groups.setdefault(_key(case, fields), {})[case] = change
    return dict(groups)


def _key(case: Case, fields: Sequence[str]) -> tuple[Any, ...]:
    return tuple(getattr(case, name) for name in fields)


def _index(primitives: Changes) -> Mapping[str, Mapping[tuple[Any, ...], Changes]]:
    return {level: _grouped(primitives, fields) for level, fields in _LEVELS.items()}


def _unit(
    case: Case, index: Mapping[str, Mapping[tuple[Any, ...], Changes]]
) -> tuple[str, Ratio | None]:
    """The unit of a case in words, and its change; a primitive is not part of its own unit."""
    for level, fields in _LEVELS.items():
        members = index[level].get(_key(case, fields), {})
        others = [ratio for primitive, ratio in members.items() if primitive != case]
        if others:
            words = f"{counted(len(others), 'primitive')} {level}"
            return words, median_of_independent(_usable(others))
    return "", None


def _usable(changes: Sequence[Ratio]) -> Sequence[Ratio]:
    """The ratios with an interval, or all where there are none."""
    return [ratio for ratio in changes if ratio.freedom] or changes


def _moved(members: Changes) -> Ratio:
    return median_of_dependent(_usable([*members.values()]))


def _parts(primitives: Changes, wholes: Mapping[tuple[Any, ...], Changes]) -> list[Changes]:
    """Groups under the same conditions, where a framework and mode has several."""
    parts = _grouped(primitives, _EXACT).values()
    return [members for members in parts if len(members) < len(wholes[_whole_of(members)])]


def _whole_of(members: Changes) -> tuple[Any, ...]:
    return _key(next(iter(members)), _WHOLE)


def _part(members: Changes, wholes: Mapping[tuple[Any, ...], Changes]) -> Ratio:
    return _moved(members).over(_moved(wholes[_whole_of(members)]))


# --- answers --------------------------------------------------------------------------------------


def _timing(
    base: Row,
    candidate: Row,
    change: Ratio,
    unit: str,
    moved: Ratio | None,
    zone: float,
    doubt: float,
) -> Timing:
    times = _value(base), _value(candidate)
    if moved is None:
        reason = "no primitive was measured in both runs"
        return Timing(base.case, *times, unit, Answer(None, "undecided", reason))
    return Timing(base.case, *times, unit, _answer(change.over(moved), zone, doubt))


def _group(
    members: Changes, fields: Sequence[str], change: Ratio, zone: float, doubt: float
) -> Unit:
    case = next(iter(members))
    part = {name: getattr(case, name) for name in fields if name not in _WHOLE}
    answer = _answer(change, zone, doubt)
    return Unit(case.framework, case.mode, case.device, part, len(members), answer)


def _answer(change: Ratio, zone: float, doubt: float) -> Answer:
    ratio = change.interval(doubt)
    return Answer(ratio, verdict(ratio.low, ratio.high, zone), "" if change.freedom else _ALONE)
