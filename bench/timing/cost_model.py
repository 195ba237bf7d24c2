"""The cost model: a formula costs the sum of its primitives, or deviates for a cause.

The catalogue counts the primitives of a formula (`Activation.operations`). Their arithmetic,
measured in the same framework, mode and dtype, is summed and compared with the formula's own. Where
the time per element (copy floor and arithmetic) is more than a quarter away from the prediction,
the case is a surprise, with its cause if a check can name one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ..catalog.activations import CATALOG, find_reference
from ..catalog.cases import Case, plain_form
from ..catalog.dtypes import DTYPES
from ..catalog.frameworks import frameworks
from ..results.rows import Cause, Row, Why
from ..results.samples import Probe
from ..results.status import Status
from .parts import PAGE

TOLERANCE = 0.25
_COMPUTED_OTHERWISE = ("wide", "stable")
"""Forms that compute another formula than the printed one, or compute it in another format."""
_BRANCHY = 1.5
_SCALAR = 1.3
_MAPPED = 0.5


def rows(
    parts: Iterable[Row], probes: Mapping[Case, Probe], faults: Mapping[Case, float]
) -> Iterator[Row]:
    """Predictions for `arithmetic` rows, and surprises.

    `parts` are the decomposition's rows, `faults` the page faults per call.
    """
    table = {(row.case, row.metric): row for row in parts if row.status == "ok"}
    for (case, metric), row in table.items():
        if metric != "arithmetic" or not _is_formula(case):
            continue
        names = find_reference(case.activation).operations
        if not names:
            continue  # nobody counted them
        costs = {name: table.get((_primitive(case, name), "arithmetic")) for name in names}
        floor = table[case, "copy_floor"]
        mapped = faults.get(case, 0.0) * PAGE / (case.size * DTYPES[case.dtype].itemsize)
        yield from _predicted(row, floor, costs, mapped, probes.get(case))


def asks_for_probe(row: Row) -> bool:
    """Return whether a case is a surprise on the usual input, which a probe may explain."""
    return row.cause == Cause(Why.UNNAMED) and row.case.has_usual_input


def _is_formula(case: Case) -> bool:
    forward = case.direction == "forward" and case.form not in _COMPUTED_OTHERWISE
    return forward and not find_reference(case.activation).primitive


def _primitive(case: Case, name: str) -> Case:
    form = plain_form(CATALOG[name], frameworks()[case.framework])
    return replace(case, activation=name, form=form)


def _predicted(
    measured: Row,
    floor: Row,
    costs: Mapping[str, Row | None],
    mapped: float,
    probe: Probe | None,
) -> Iterator[Row]:
    case = measured.case
    counts = find_reference(case.activation).operations
    missing = [name for name in counts if costs[name] is None]
    if missing:
        cause = Cause(Why.NO_PRIMITIVES, tuple(missing))
        metric, status = "predicted_arithmetic", Status.UNSUPPORTED
        yield Row(case, metric, None, status=status, cause=cause)
        return
    fused = _total(counts, costs)
    yield Row(case, "predicted_arithmetic", *fused, operations=dict(counts))
    above = max(_value(floor), 0.0)
    expected, least, most = (above + end for end in fused)
    if expected == 0:
        return  # sizes so small that no slope rises above the noise
    taken, low, high = (above + end for end in (_value(measured), *_ends(measured)))
    ratio, low, high = taken / expected, low / most, high / least if least else math.inf
    if low > 1 + TOLERANCE or high < 1 - TOLERANCE:
        passes = sum(counts.values())
        over_unfused = taken / (expected + (passes - 1) * above)
        cause = _cause(ratio, over_unfused, passes, mapped, probe)
        yield Row(case, "surprise", ratio, low, high, cause=cause)


def _total(
    counts: Mapping[str, float], costs: Mapping[str, Row | None]
) -> tuple[float, float, float]:
    """The sum of the arithmetic of primitives, with the ends of its interval."""
    rows = [(count, costs[name]) for name, count in counts.items()]
    values = sum(count * max(_value(row), 0.0) for count, row in rows)
    ends = [(count, _ends(row)) for count, row in rows if row is not None]
    low, high = (sum(count * max(pair[side], 0.0) for count, pair in ends) for side in (0, 1))
    return values, low, high


def _value(row: Row | None) -> float:
    return row.value if row is not None and row.value is not None else 0.0


def _ends(row: Row) -> tuple[float, float]:
    value = _value(row)
    return (
        value if row.low is None else row.low,
        value if row.high is None else row.high,
    )


def _cause(
    ratio: float, over_unfused: float, passes: float, mapped: float, probe: Probe | None
) -> Cause:
    """The likely cause of a deviation, as far as a check can name it."""
    if ratio < 1:
        return Cause(Why.CHEAPER)
    if probe and probe.shuffled > _BRANCHY:
        return Cause(Why.BRANCH, figure=probe.shuffled)
    if mapped > _MAPPED:
        return Cause(Why.FRESH_PAGES, figure=mapped)
    if passes > 1 and abs(over_unfused - 1) <= TOLERANCE:
        return Cause(Why.UNFUSED, figure=passes)
    if probe and probe.wide < _SCALAR:
        return Cause(Why.SCALAR, figure=probe.wide)
    return Cause(Why.UNNAMED)
