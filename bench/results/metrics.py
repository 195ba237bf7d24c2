"""The metrics: one record each. A row holds a case, one metric and its interval.

Tables, charts, the export and the comparison of runs read these records; nothing else lists
metrics. A metric that follows from another row is not stored but made when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ..catalog.cases import Case

Figure = tuple[float | None, float | None, float | None]
"""A value and the ends of its interval."""
_NOTHING: Figure = (None, None, None)


class Located(Protocol):
    """An input as a hex float, empty where there is none, and its value."""

    @property
    def input(self) -> str: ...
    @property
    def x(self) -> float: ...


class Measured(Protocol):
    """A row, as far as metrics follow from it."""

    @property
    def case(self) -> Case: ...
    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...
    @property
    def moved(self) -> float | None: ...
    @property
    def worst(self) -> Located | None: ...


class Better(StrEnum):
    """The direction that is better."""

    LESS = "less"
    MORE = "more"
    NEITHER = "neither"


class Group(StrEnum):
    """Kinds of metrics that are read together."""

    TIME = "time"
    PART = "part of a cost"
    ERROR = "error"
    SPECIAL = "special points"
    BETWEEN = "between two results"
    GATE = "gate"


@dataclass(frozen=True)
class Column:
    """A column of the page for a metric: the table, the title, and what its cells are.

    `key` names the column in addresses; cells farther from 0 than a `limit` are marked.
    """

    table: str
    key: str
    title: str
    kind: str = "interval"
    limit: float | None = None


@dataclass(frozen=True)
class Metric:
    """A quantity of a row: its unit, what it means, which way is better, and where it is shown.

    `gravity` orders what became worse, the gravest first. `follows` makes the metric of a row of
    the metric `of`.
    """

    name: str
    unit: str
    meaning: str
    group: Group
    better: Better = Better.LESS
    columns: tuple[Column, ...] = ()
    gravity: int = 0
    of: str = ""
    follows: Callable[[Measured], Figure] | None = None


def _scaled(factor: float, row: Measured) -> Figure:
    value, low, high = (None if end is None else end * factor for end in _ends(row))
    return value, low, high


def _inverse(factor: float, row: Measured) -> Figure:
    value, low, high = (None if end is None else factor / end for end in _ends(row))
    return value, high, low


def _ends(row: Measured) -> Figure:
    return row.value, row.low, row.high


def _worst_input(row: Measured) -> Figure:
    return (row.worst.x, None, None) if row.worst and row.worst.input else _NOTHING


POOR_FIT = 0.10
"""The share by which the line may miss the size left out before the figure is marked."""


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "time_per_call",
            "ns",
            "median time of one call, waited for",
            Group.TIME,
            columns=(Column("timings", "call", "Time per call", "time"),),
        ),
        Metric(
            "time_per_element",
            "ns",
            "time_per_call over the input's elements",
            Group.TIME,
            columns=(Column("timings", "element", "ns per element"),),
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
            "time over the cheapest relu of the same framework, in pairs",
            Group.TIME,
            columns=(Column("timings", "cost", "Cost over relu", "ratio"),),
        ),
        Metric(
            "bandwidth",
            "GB/s",
            "bytes that must be read and written over the time",
            Group.TIME,
            Better.MORE,
            columns=(Column("timings", "bandwidth", "GB/s"),),
            of="time_per_call",
            follows=lambda row: _inverse(row.moved, row) if row.moved else _NOTHING,
        ),
        Metric(
            "compile_time",
            "s",
            "first call less a later one, for the size that compiled",
            Group.TIME,
            columns=(Column("timings", "compile", "Compile, s"),),
        ),
        Metric(
            "slope",
            "ns",
            "time per element in cache, with the call taken out",
            Group.PART,
            columns=(Column("parts", "slope", "ns per element"),),
        ),
        Metric(
            "arithmetic",
            "ns",
            "time per element in cache above the copy floor",
            Group.PART,
            columns=(Column("parts", "arithmetic", "Arithmetic, ns per element"),),
        ),
        Metric(
            "copy_floor",
            "ns",
            "a copy's time per element in cache: the floor of the rest",
            Group.PART,
            columns=(Column("parts", "floor", "Copy floor"),),
        ),
        Metric(
            "memory",
            "ns",
            "time per element that streaming adds, output reused",
            Group.PART,
            columns=(Column("parts", "memory", "Memory"),),
        ),
        Metric(
            "allocation",
            "ns",
            "time per element that a fresh output adds to a reused",
            Group.PART,
            columns=(Column("parts", "allocation", "Allocation"),),
        ),
        Metric(
            "launch",
            "ns",
            "time of a call before its first element",
            Group.PART,
            columns=(Column("parts", "launch", "Launch, per call", "time"),),
        ),
        Metric(
            "handoff",
            "ns",
            "what a call in cache takes beyond launch and its elements",
            Group.PART,
            columns=(Column("parts", "handoff", "Handoff, per call", "time"),),
        ),
        Metric(
            "fit_error",
            "share",
            "the line at a size left out over the time measured there, less one",
            Group.PART,
            Better.NEITHER,
            columns=(
                Column("parts", "fit", "Line against size left out", "share", limit=POOR_FIT),
            ),
        ),
        Metric(
            "predicted_arithmetic",
            "ns",
            "arithmetic of the formula's primitives",
            Group.PART,
            columns=(Column("parts", "predicted", "Predicted arithmetic"),),
        ),
        Metric(
            "surprise",
            "ratio",
            "arithmetic measured over predicted, where 25 % apart",
            Group.PART,
            Better.NEITHER,
            columns=(Column("parts", "surprise", "Measured over predicted", "ratio"),),
        ),
        Metric(
            "max_ulp_near",
            "ulp",
            "largest error over inputs in [−20, 20], where subnormals may stand for zero",
            Group.ERROR,
            columns=(Column("accuracy", "near", "Max error in [−20, 20], ulp", "number"),),
            gravity=5,
        ),
        Metric(
            "median_ulp_near",
            "ulp",
            "median error over inputs spread evenly on [−20, 20]",
            Group.ERROR,
            columns=(Column("accuracy", "median", "Median there, ulp", "number"),),
            gravity=12,
        ),
        Metric(
            "max_absolute_near",
            "",
            "largest absolute error over inputs in [−20, 20]",
            Group.ERROR,
            columns=(Column("accuracy", "absolute", "Max error there, absolute", "number"),),
            gravity=6,
        ),
        Metric(
            "median_absolute_near",
            "",
            "median absolute error over inputs spread evenly on [−20, 20]",
            Group.ERROR,
            columns=(Column("accuracy", "medianabsolute", "Median there, absolute", "number"),),
            gravity=13,
        ),
        Metric(
            "trouble_outside",
            "inputs",
            "finite inputs outside [−20, 20] at which a result is more than 1,000 ulp off, or NaN "
            "or infinite in place of a number",
            Group.ERROR,
            columns=(Column("accuracy", "outside", "Trouble outside", "count"),),
            gravity=4,
        ),
        Metric(
            "max_ulp",
            "ulp",
            "largest error against the exact value",
            Group.ERROR,
            columns=(
                Column("accuracy", "ulp", "Max error, ulp", "number"),
                Column("timings", "ulp", "Max error, ulp", "number"),
            ),
            gravity=8,
        ),
        Metric(
            "max_ulp_flushed",
            "ulp",
            "max_ulp where subnormals may stand for zero",
            Group.ERROR,
            columns=(Column("accuracy", "flushed", "Subnormals flushed, ulp", "number"),),
            gravity=7,
        ),
        Metric(
            "max_ulp_normal",
            "ulp",
            "max_ulp where the exact value is a normal number",
            Group.ERROR,
            gravity=9,
        ),
        Metric(
            "max_ulp_away",
            "ulp",
            "max_ulp away from zeros of the function itself",
            Group.ERROR,
            gravity=10,
        ),
        Metric(
            "worst_input",
            "",
            "the input at which max_ulp is reached",
            Group.ERROR,
            Better.NEITHER,
            columns=(Column("accuracy", "worst", "Worst input", "code"),),
            of="max_ulp",
            follows=_worst_input,
        ),
        Metric(
            "not_correctly_rounded",
            "inputs",
            "results that are not the number nearest to the exact value",
            Group.ERROR,
            columns=(Column("accuracy", "rounding", "Not correctly rounded", "count"),),
            gravity=14,
        ),
        Metric(
            "nan_mismatches",
            "inputs",
            "NaN for a number or a number for NaN",
            Group.ERROR,
            columns=(Column("accuracy", "nan", "NaN mismatches", "count"),),
            gravity=1,
        ),
        Metric(
            "infinity_mismatches",
            "inputs",
            "infinite for a finite result or the reverse",
            Group.ERROR,
            gravity=2,
        ),
        Metric("sign_mismatches", "inputs", "results of the wrong sign", Group.ERROR, gravity=3),
        Metric(
            "max_ulp_parameter",
            "ulp",
            "largest error of a learnable parameter's gradient",
            Group.ERROR,
            columns=(Column("accuracy", "parameter", "Parameter, ulp", "number"),),
            gravity=11,
        ),
        Metric(
            "nan_kept",
            "",
            "whether NaN in is NaN out: 1 kept, 0 lost",
            Group.SPECIAL,
            Better.MORE,
            gravity=15,
        ),
        Metric(
            "special_departures",
            "points",
            "special points at which a result is more than 64 ulp from the exact value or limit",
            Group.SPECIAL,
            gravity=16,
        ),
        Metric(
            "special_row",
            "results",
            "results of a special row that are more than 64 ulp from the exact value or limit; "
            "where there is none, any is a convention",
            Group.SPECIAL,
            gravity=16,
        ),
        Metric(
            "whole_numbers",
            "share",
            "arrays of whole numbers (int32, int64, bool) whose results are those of the function",
            Group.SPECIAL,
            Better.MORE,
            gravity=19,
        ),
        Metric(
            "subnormal_kept",
            "",
            "whether no subnormal input comes out as 0: 1 kept, 0 lost",
            Group.SPECIAL,
            Better.MORE,
            gravity=17,
        ),
        Metric(
            "sign_of_zero",
            "",
            "of the value at −0, where it is a zero: −1 kept, +1 lost",
            Group.SPECIAL,
            Better.NEITHER,
            gravity=18,
        ),
        Metric(
            "gradient_at_kink",
            "",
            "the gradient where the derivative jumps: a convention",
            Group.SPECIAL,
            Better.NEITHER,
            gravity=19,
        ),
        Metric(
            "max_ulp_between",
            "ulp",
            "largest distance to the result of another framework, or under another condition",
            Group.BETWEEN,
            columns=(Column("between", "ulp", "Max distance, ulp", "number"),),
        ),
        Metric(
            "equal_bits",
            "share",
            "share of results with the bits of that other result",
            Group.BETWEEN,
            Better.MORE,
            columns=(Column("between", "equal", "Equal bits, share", "number"),),
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
    return tuple(
        metric.name for metric in METRICS.values() if metric.group is group and not metric.of
    )


def columns_in(table: str) -> list[tuple[Metric, Column]]:
    """The metrics that a table of the page shows, each with its column."""
    return [
        (metric, column)
        for metric in METRICS.values()
        for column in metric.columns
        if column.table == table
    ]
