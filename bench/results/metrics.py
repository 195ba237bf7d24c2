"""The metrics: one record each. A row holds a case, one metric and its interval.

Tables, charts, the export and the comparison of runs read these records; nothing else lists
metrics. A metric that follows from another row is not stored but made when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .rows import Row

Figure = tuple[float | None, float | None, float | None]
"""A value and the ends of its interval."""
_NOTHING: Figure = (None, None, None)


class Better(StrEnum):
    """Which way is better."""

    LESS = "less"
    MORE = "more"
    NEITHER = "neither"


class Group(StrEnum):
    """What metrics have in common that are read together."""

    TIME = "time"
    PART = "part of a cost"
    ERROR = "error"
    SPECIAL = "special points"
    BETWEEN = "between two results"
    GATE = "gate"


@dataclass(frozen=True)
class Column:
    """Where the page shows a metric: the table, the title of the column, and what its cells are."""

    table: str
    title: str
    kind: str


@dataclass(frozen=True)
class Metric:
    """A quantity of a row: its unit, what it means, which way is better, and where it is shown.

    `follows` makes it of a row of the metric `of`.
    """

    name: str
    unit: str
    meaning: str
    group: Group
    better: Better = Better.LESS
    column: Column | None = None
    of: str = ""
    follows: Callable[[Row], Figure] | None = None


def _scaled(factor: float, row: Row) -> Figure:
    value, low, high = (None if end is None else end * factor for end in _ends(row))
    return value, low, high


def _inverse(factor: float, row: Row) -> Figure:
    value, low, high = (None if end is None else factor / end for end in _ends(row))
    return value, high, low


def _ends(row: Row) -> Figure:
    return row.value, row.low, row.high


def _worst_input(row: Row) -> Figure:
    return (row.worst.x, None, None) if row.worst and row.worst.input else _NOTHING


def _timings(title: str, kind: str = "interval") -> Column:
    return Column("timings", title, kind)


def _accuracy(title: str, kind: str = "number") -> Column:
    return Column("accuracy", title, kind)


def _parts(title: str, kind: str = "interval") -> Column:
    return Column("parts", title, kind)


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "time_per_call",
            "ns",
            "median time of one call, waited for",
            Group.TIME,
            column=_timings("Time a call", "time"),
        ),
        Metric(
            "time_per_element",
            "ns",
            "time_per_call over the input's elements",
            Group.TIME,
            column=_timings("ns an element"),
            of="time_per_call",
            follows=lambda row: _scaled(1 / row.case.size, row),
        ),
        Metric(
            "throughput",
            "elements/s",
            "input elements over time_per_call",
            Group.TIME,
            Better.MORE,
            of="time_per_call",
            follows=lambda row: _inverse(row.case.size * 1e9, row),
        ),
        Metric(
            "relative_cost",
            "ratio",
            "time over the same framework's relu in this run",
            Group.TIME,
            column=_timings("Cost over relu", "ratio"),
        ),
        Metric(
            "bandwidth",
            "GB/s",
            "bytes that must be read and written over the time",
            Group.TIME,
            Better.MORE,
            column=_timings("GB/s"),
            of="time_per_call",
            follows=lambda row: _inverse(row.moved, row) if row.moved else _NOTHING,
        ),
        Metric(
            "compile_time",
            "s",
            "first call less a later one, for the size that compiled",
            Group.TIME,
            column=_timings("Compile, s"),
        ),
        Metric(
            "arithmetic",
            "ns",
            "time an element in cache above the copy floor",
            Group.PART,
            column=_parts("Arithmetic, ns an element"),
        ),
        Metric(
            "copy_floor",
            "ns",
            "a copy's time an element in cache: the floor of the rest",
            Group.PART,
            column=_parts("Copy floor"),
        ),
        Metric(
            "memory",
            "ns",
            "time an element that streaming adds, output reused",
            Group.PART,
            column=_parts("Memory"),
        ),
        Metric(
            "allocation",
            "ns",
            "time an element that a fresh output adds to a reused",
            Group.PART,
            column=_parts("Allocation"),
        ),
        Metric(
            "launch",
            "ns",
            "time of a call before its first element",
            Group.PART,
            column=_parts("Launch, a call", "time"),
        ),
        Metric(
            "handoff",
            "ns",
            "what a call in cache takes beyond launch and its elements",
            Group.PART,
            column=_parts("Handoff, a call", "time"),
        ),
        Metric(
            "fit_error",
            "share",
            "the line at a size left out over the time measured there, less one",
            Group.PART,
            Better.NEITHER,
            column=_parts("Line against size left out", "share"),
        ),
        Metric(
            "predicted_arithmetic",
            "ns",
            "arithmetic of the formula's primitives",
            Group.PART,
            column=_parts("Predicted arithmetic"),
        ),
        Metric(
            "surprise",
            "ratio",
            "arithmetic measured over predicted, where 25 % apart",
            Group.PART,
            Better.NEITHER,
            column=Column("surprises", "Measured over predicted", "ratio"),
        ),
        # Of exactness the gravest first.
        Metric(
            "nan_mismatches",
            "inputs",
            "NaN for a number or a number for NaN",
            Group.ERROR,
            column=_accuracy("NaN mismatches", "count"),
        ),
        Metric(
            "infinity_mismatches",
            "inputs",
            "infinite for a finite result or the reverse",
            Group.ERROR,
        ),
        Metric("sign_mismatches", "inputs", "results of the wrong sign", Group.ERROR),
        Metric(
            "max_ulp_flushed",
            "ulp",
            "max_ulp where subnormals may stand for zero",
            Group.ERROR,
            column=_accuracy("Subnormals flushed, ulp"),
        ),
        Metric(
            "max_ulp",
            "ulp",
            "largest error against the exact value",
            Group.ERROR,
            column=_accuracy("Max error, ulp"),
        ),
        Metric(
            "max_ulp_normal",
            "ulp",
            "max_ulp where the exact value is a normal number",
            Group.ERROR,
        ),
        Metric(
            "max_ulp_away", "ulp", "max_ulp away from zeros of the function itself", Group.ERROR
        ),
        Metric(
            "worst_input",
            "",
            "the input at which max_ulp is reached",
            Group.ERROR,
            Better.NEITHER,
            of="max_ulp",
            follows=_worst_input,
        ),
        Metric(
            "max_ulp_parameter",
            "ulp",
            "largest error of a learnable parameter's gradient",
            Group.ERROR,
            column=_accuracy("Parameter, ulp"),
        ),
        Metric(
            "not_correctly_rounded",
            "inputs",
            "results that are not the number nearest to the exact value",
            Group.ERROR,
            column=_accuracy("Not correctly rounded", "count"),
        ),
        Metric(
            "nan_kept", "", "whether NaN in is NaN out: 1 kept, 0 lost", Group.SPECIAL, Better.MORE
        ),
        Metric(
            "special_departures",
            "points",
            "special points at which a result is more than 64 ulp from the exact value or limit",
            Group.SPECIAL,
        ),
        Metric(
            "subnormal_kept",
            "",
            "whether no subnormal input comes out as 0: 1 kept, 0 lost",
            Group.SPECIAL,
            Better.MORE,
        ),
        Metric(
            "sign_of_zero",
            "",
            "of the value at −0, where it is a zero: −1 kept, +1 lost",
            Group.SPECIAL,
            Better.NEITHER,
        ),
        Metric(
            "gradient_at_kink",
            "",
            "the gradient where the derivative jumps: a convention",
            Group.SPECIAL,
            Better.NEITHER,
        ),
        Metric(
            "max_ulp_between",
            "ulp",
            "largest distance to the result of another framework, or under another condition",
            Group.BETWEEN,
            column=Column("between", "Max distance, ulp", "number"),
        ),
        Metric(
            "equal_bits",
            "share",
            "share of results with the bits of that other result",
            Group.BETWEEN,
            Better.MORE,
            column=Column("between", "Equal bits, share", "number"),
        ),
        Metric(
            "gate_false_alarms",
            "share",
            "gates on the same code twice that called this case slower or faster",
            Group.GATE,
        ),
        Metric(
            "gate_coverage",
            "share",
            "such trials whose interval holds a ratio of 1",
            Group.GATE,
            Better.MORE,
        ),
        Metric(
            "gate_found_3",
            "share",
            "trials with 3 % planted that were called slower",
            Group.GATE,
            Better.MORE,
        ),
        Metric(
            "gate_found_5",
            "share",
            "trials with 5 % planted that were called slower",
            Group.GATE,
            Better.MORE,
        ),
    )
}


def metrics_of(group: Group) -> tuple[str, ...]:
    """The names of a group's metrics that rows have."""
    return tuple(each.name for each in METRICS.values() if each.group is group and not each.of)
