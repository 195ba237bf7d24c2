"""Operations a byte against operations a second, under roofs that were measured here.

After Williams, Waterman, Patterson 2009, Roofline: an insightful visual performance model for
multicore architectures; their roofs are a machine's, these are what a framework and mode reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ...bench.catalog.activations import find
from ...bench.catalog.dtypes import DTYPES
from ...bench.catalog.traffic import elements_moved
from ...bench.timing.parts import FLOOR
from ..read.evidence import FAMILIES, Estimate, Evidence, Timed, class_names, plain_form
from .families import Setting, reference_size, setting_of

_TIME = "time_per_element"


@dataclass(frozen=True)
class Point:
    """An activation at one size: the operations that its formula counts, a byte and a second.

    `rate` is in 10⁹ operations a second.
    """

    timed: Timed
    intensity: float
    rate: Estimate


@dataclass(frozen=True)
class Roof:
    """The highest rate that a measured case reached: GB/s of a copy, 10⁹ operations/s of others."""

    timed: Timed
    rate: Estimate


@dataclass(frozen=True)
class Roofline:
    """One framework and mode: points in cache and from memory, and what bounds them.

    `single` is the fastest single operation at any size; None where none was measured.
    """

    cached: tuple[Point, ...]
    streamed: tuple[Point, ...]
    copy_cached: Roof | None
    copy_streamed: Roof | None
    single: Roof | None

    @property
    def complete(self) -> bool:
        """Whether every roof was measured."""
        return None not in (self.copy_cached, self.copy_streamed, self.single)


def rooflines(evidence: Evidence, setting: Setting) -> dict[tuple[str, str], Roofline]:
    """A roofline by framework and mode, of what was timed under a setting's other conditions."""
    names = class_names(evidence.runs[setting.run], setting.device)
    memory = next((size for size, name in names.items() if name == "memory"), 0)
    found: dict[tuple[str, str], list[Timed]] = {}
    for each in evidence.timed:
        mine = setting_of(each.run, each.case)
        same = replace(mine, framework=setting.framework, mode=setting.mode, size=setting.size)
        if same == setting and _TIME in each.estimates and each.case.dtype in DTYPES:
            found.setdefault((each.case.framework, each.case.mode), []).append(each)
    made = {key: _roofline(timed, memory) for key, timed in found.items()}
    return {key: each for key, each in made.items() if each.cached or each.streamed}


def _roofline(timed: Sequence[Timed], memory: int) -> Roofline:
    shown = [each for each in timed if _counted(each)]
    cached = reference_size(each.case.size for each in shown) if shown else 0
    operations = [each for each in timed if each.family == "primitive"]
    single = [each for each in operations if each.case.activation != FLOOR]
    return Roofline(
        tuple(_point(each) for each in shown if each.case.size == cached),
        tuple(_point(each) for each in shown if each.case.size == memory != cached),
        _copy(operations, cached),
        _copy(operations, memory),
        max(map(_fastest, single), key=lambda each: each.rate.value, default=None),
    )


def _counted(each: Timed) -> bool:
    """Whether a case is an activation in its plain form, whose formula counts its operations."""
    plain = each.case.form == plain_form(each.case.framework, each.case.activation)
    return plain and not each.rowwise and each.family in FAMILIES


def _point(each: Timed) -> Point:
    operations = float(sum(find(each.case.activation).operations.values()))
    return Point(each, operations / moved(each), _over(operations, each.estimates[_TIME]))


def moved(each: Timed) -> float:
    """Bytes that must be read and written, an element of the input."""
    return elements_moved(each.case) * DTYPES[each.case.dtype].itemsize


def _copy(operations: Iterable[Timed], size: int) -> Roof | None:
    for each in operations:
        if each.case.activation == FLOOR and each.case.size == size:
            return Roof(each, _over(moved(each), each.estimates[_TIME]))
    return None


def _fastest(each: Timed) -> Roof:
    return Roof(each, _over(1.0, each.estimates[_TIME]))


def _over(amount: float, time: Estimate) -> Estimate:
    """An amount over a time and its interval; an end that may be 0 is left out."""
    return Estimate(
        amount / time.value,
        amount / time.high if time.high else None,
        amount / time.low if time.low and time.low > 0 else None,
    )
