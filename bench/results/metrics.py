"""The metrics: one record each. A row holds a case, one metric and its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..catalog.cases import Case

Status = Literal["ok", "unsupported", "refused", "error", "timeout", "oom"]


@dataclass(frozen=True)
class Metric:
    """A quantity of a row: its unit, what it means, and whether less of it is better."""

    name: str
    unit: str
    meaning: str
    lower_is_better: bool | None = None


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("time_per_call", "ns", "median time of one call, waited for", True),
        Metric("time_per_element", "ns", "time_per_call over the input's elements", True),
        Metric("throughput", "elements/s", "input elements over time_per_call", False),
        Metric("bandwidth", "GB/s", "bytes that must be read and written over the time", False),
        Metric("relative_cost", "ratio", "time over the same framework's relu in this run", True),
        Metric("launch", "ns", "time of a call before its first element", True),
        Metric("handoff", "ns", "what a call in cache takes beyond launch and its elements", True),
        Metric(
            "copy_floor", "ns", "a copy's time an element in cache: the floor of the rest", True
        ),
        Metric("arithmetic", "ns", "time an element in cache above the copy floor", True),
        Metric("memory", "ns", "time an element that streaming adds, output reused", True),
        Metric("allocation", "ns", "time an element that a fresh output adds to a reused", True),
        Metric(
            "fit_error",
            "share",
            "the line at a size left out over the time measured there, less one",
        ),
        Metric("predicted_arithmetic", "ns", "arithmetic of the formula's primitives", True),
        Metric("surprise", "ratio", "arithmetic measured over predicted, where 25 % apart"),
        Metric(
            "compile_time", "s", "first call less a later one, for the size that compiled", True
        ),
        Metric("max_ulp", "ulp", "largest error against the exact value", True),
        Metric("max_ulp_flushed", "ulp", "the same where subnormals may stand for zero", True),
        Metric("max_ulp_normal", "ulp", "the same where the exact value is a normal number", True),
        Metric("max_ulp_away", "ulp", "the same away from zeros of the function itself", True),
        Metric(
            "not_correctly_rounded",
            "inputs",
            "results that are not the number nearest to the exact value",
            True,
        ),
        Metric(
            "ulp_by_binade",
            "ulp",
            "max_ulp_flushed; the detail has the largest error in each binade of the input",
        ),
        Metric("worst_input", "", "the input at which max_ulp is reached"),
        Metric(
            "max_ulp_parameter", "ulp", "largest error of a learnable parameter's gradient", True
        ),
        Metric("nan_mismatches", "inputs", "NaN for a number or a number for NaN", True),
        Metric(
            "infinity_mismatches", "inputs", "infinite for a finite result or the reverse", True
        ),
        Metric("sign_mismatches", "inputs", "results of the wrong sign", True),
        Metric(
            "max_ulp_between",
            "ulp",
            "largest distance to the result of another framework, or under another condition",
            True,
        ),
        Metric(
            "special_departures",
            "points",
            "special points at which a result is more than 64 ulp from the exact value or limit",
            True,
        ),
        Metric("gradient_at_kink", "", "the gradient where the derivative jumps: a convention"),
        Metric("sign_of_zero", "", "of the value at −0, where it is a zero: −1 kept, +1 lost"),
        Metric("nan_kept", "", "whether NaN in is NaN out: 1 kept, 0 lost"),
        Metric("subnormal_kept", "", "whether no subnormal input comes out as 0: 1 kept, 0 lost"),
        Metric(
            "gate_false_alarms",
            "share",
            "gates on the same code twice that called this case slower or faster",
            True,
        ),
        Metric("gate_coverage", "share", "such trials whose interval holds a ratio of 1", False),
        Metric("gate_found_3", "share", "trials with 3 % planted that were called slower", False),
        Metric("gate_found_5", "share", "trials with 5 % planted that were called slower", False),
        Metric("equal_bits", "share", "share of results with the bits of that other result", False),
    )
}


@dataclass(frozen=True)
class Row:
    """A case, a metric, and what came of it.

    `value` is None unless `status` is `ok`; `low` and `high` are the ends of a 95 % confidence
    interval, None where the value is exact. `detail` gives the reason, or the conditions.
    """

    case: Case
    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    status: Status = "ok"
    detail: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The row as flat columns."""
        fields = asdict(self)
        case = fields.pop("case")
        metric = fields.pop("metric")
        return {**case, "metric": metric, "unit": METRICS[metric].unit, **fields}


COLUMNS = (
    *Case.__dataclass_fields__,
    *("metric", "unit", "value", "low", "high", "status", "detail"),
)
