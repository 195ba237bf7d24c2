"""The cost model: predictions are sums, surprises are sure, and causes need evidence."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog.activations import CATALOG
from actbench.bench.catalog.cases import Case
from actbench.bench.results import words
from actbench.bench.results.metrics import METRICS
from actbench.bench.results.rows import Cause, Row, Why
from actbench.bench.results.samples import Probe
from actbench.bench.timing import cost_model
from actbench.bench.timing.cost_model import TOLERANCE, asks_for_probe

SILU = Case("torch", "silu", "textbook", "eager", "forward", "cpu", "float32", 131072, 1)
COUNTS = CATALOG["silu"].operations
"""One add, multiply, divide and exp."""
FLOOR = 0.1
COSTS = {"add": 0.01, "multiply": 0.02, "divide": 0.2, "exp": 0.5}
FUSED = sum(COSTS.values())
UNFUSED = FUSED + 3 * FLOOR
"""Four passes, every one with its floor."""
NOTHING_FOUND = Probe(SILU, shuffled=1.0, wide=2.0)


def _parts(case: Case, arithmetic: float, width: float = 0.0) -> list[Row]:
    ends = arithmetic - width, arithmetic + width
    return [Row(case, "copy_floor", FLOOR), Row(case, "arithmetic", arithmetic, *ends)]


def _primitives(costs: dict[str, float] = COSTS) -> list[Row]:
    return [
        row
        for name, cost in costs.items()
        for row in _parts(replace(SILU, activation=name, form="native"), cost)
    ]


def _predicted(
    parts: Iterable[Row], probe: Probe | None = None, case: Case = SILU, faults: float = 0.0
) -> dict[str, Row]:
    probes = {case: probe} if probe else {}
    rows = list(cost_model.rows(parts, probes, {case: faults}))
    assert {row.case for row in rows} <= {case}, "primitives are not predicted"
    assert all(row.metric in METRICS for row in rows)
    return {row.metric: row for row in rows}


def _surprise(arithmetic: float, probe: Probe | None = None, width: float = 0.0) -> Row | None:
    predicted = _predicted([*_parts(SILU, arithmetic, width), *_primitives()], probe)
    return predicted.get("surprise")


costs = st.fixed_dictionaries({name: st.floats(0, 10) for name in COSTS})


@given(costs)
def test_a_prediction_is_the_sum_of_the_counted_primitives(costs: dict[str, float]) -> None:
    row = _predicted([*_parts(SILU, 1.0), *_primitives(costs)])["predicted_arithmetic"]
    assert row.value == pytest.approx(sum(costs.values()))
    assert row.operations == COUNTS


def test_a_primitive_that_is_taken_twice_is_counted_twice() -> None:
    case = replace(SILU, activation="squareplus")
    counts = CATALOG["squareplus"].operations
    assert counts == {"add": 2, "multiply": 2, "sqrt": 1}
    primitives = _primitives({"add": 0.01, "multiply": 0.02, "sqrt": 0.3})
    row = _predicted([*_parts(case, 0.36), *primitives], case=case)["predicted_arithmetic"]
    assert row.value == pytest.approx(0.36)
    assert words.about(row) == "2 add + 2 multiply + 1 sqrt"


def test_a_primitive_below_the_copy_floor_costs_nothing_rather_than_less() -> None:
    cheap = {**COSTS, "add": -0.05}
    row = _predicted([*_parts(SILU, 1.0), *_primitives(cheap)])["predicted_arithmetic"]
    assert row.value == pytest.approx(FUSED - COSTS["add"])


def test_a_primitive_that_was_not_measured_is_named() -> None:
    some = {"multiply": 0.02, "exp": 0.5}
    predicted = _predicted([*_parts(SILU, 1.0), *_primitives(some)])
    assert set(predicted) == {"predicted_arithmetic"}
    row = predicted["predicted_arithmetic"]
    assert (row.status, row.value) == ("unsupported", None)
    assert row.cause == Cause(Why.NO_PRIMITIVES, ("add", "divide"))
    assert words.about(row).endswith("add --activation add --activation divide")


@pytest.mark.parametrize("change", [{"mode": "compiled"}, {"dtype": "float64"}, {"size": 4096}])
def test_primitives_of_other_conditions_do_not_count(change: dict[str, str]) -> None:
    others = [replace(row, case=replace(row.case, **change)) for row in _primitives()]  # type: ignore[arg-type]
    predicted = _predicted([*_parts(SILU, 1.0), *others])
    assert predicted["predicted_arithmetic"].status == "unsupported"


@pytest.mark.parametrize(
    "case",
    [
        replace(SILU, form="wide"),
        replace(SILU, direction="backward"),
        replace(SILU, activation="exp", form="native"),
        replace(SILU, activation="tanh", form="native"),
    ],
)
def test_what_is_not_the_formula_is_not_predicted(case: Case) -> None:
    assert list(cost_model.rows(_parts(case, 1.0), {}, {})) == []


def test_numpy_takes_erf_as_it_is_written_out() -> None:
    case = replace(SILU, framework="numpy", activation="gelu")
    rows = [
        row
        for name in CATALOG["gelu"].operations
        for form in (CATALOG["erf"].forms[0] if name == "erf" else "native",)
        for row in _parts(replace(case, activation=name, form=form), 0.1)
    ]
    predicted = _predicted([*_parts(case, 0.5), *rows], case=case)
    assert predicted["predicted_arithmetic"].value == pytest.approx(0.5)


@given(st.floats(-FLOOR, 5), st.floats(0, 2))
def test_a_surprise_is_one_only_if_its_whole_interval_is_a_quarter_off(
    arithmetic: float, width: float
) -> None:
    row = _surprise(arithmetic, width=width)
    low, value, high = (
        (FLOOR + taken) / (FLOOR + FUSED)
        for taken in (arithmetic - width, arithmetic, arithmetic + width)
    )
    sure = low > 1 + TOLERANCE or high < 1 - TOLERANCE
    assert (row is not None) == sure
    if row is not None:
        assert (row.value, row.low, row.high) == pytest.approx((value, low, high))


def test_what_the_primitives_leave_open_is_left_open() -> None:
    """A prediction has the ends of its parts' intervals, and a surprise has to clear them."""
    wide = [
        replace(row, low=row.value * 0.5, high=row.value * 2)
        if row.metric == "arithmetic" and row.value is not None
        else row
        for row in _primitives()
    ]
    predicted = _predicted([*_parts(SILU, 1.5 * FUSED), *wide])
    row = predicted["predicted_arithmetic"]
    assert (row.value, row.low, row.high) == pytest.approx((FUSED, 0.5 * FUSED, 2 * FUSED))
    assert "surprise" not in predicted
    row = _predicted([*_parts(SILU, 5 * FUSED), *wide])["surprise"]
    assert row.low == pytest.approx((FLOOR + 5 * FUSED) / (FLOOR + 2 * FUSED))
    assert row.high == pytest.approx((FLOOR + 5 * FUSED) / (FLOOR + 0.5 * FUSED))


@pytest.mark.parametrize(("outputs", "named"), [(0.1, False), (2.0, True)])
def test_pages_that_are_touched_for_the_first_time_are_a_cause(outputs: float, named: bool) -> None:
    pages = SILU.size * 4 / 4096
    parts = [*_parts(SILU, 9 * FUSED), *_primitives()]
    cause = _predicted(parts, faults=outputs * pages)["surprise"].cause
    assert cause == (Cause(Why.FRESH_PAGES, figure=outputs) if named else Cause(Why.UNNAMED))


def test_what_was_foreseen_is_no_surprise() -> None:
    assert _surprise(FUSED) is None
    assert _surprise(FUSED + 0.24 * (FLOOR + FUSED)) is None
    assert _surprise(FUSED + 0.26 * (FLOOR + FUSED)) is not None


@pytest.mark.parametrize(
    ("arithmetic", "probe", "cause"),
    [
        (0.3 * FUSED, None, "cheaper than its parts"),
        (0.3 * FUSED, Probe(SILU, 3.0, 1.0), "cheaper than its parts"),
        (UNFUSED, None, "unfused passes: 4 of them"),
        (UNFUSED, NOTHING_FOUND, "unfused passes: 4 of them"),
        (UNFUSED, Probe(SILU, 2.0, 2.0), "branch: sorted inputs take 50% of the time"),
        (9 * FUSED, Probe(SILU, 2.0, 1.0), "branch: sorted inputs take 50% of the time"),
        (9 * FUSED, Probe(SILU, 1.0, 1.05), "scalar code: float64 takes 1.05 times"),
        (9 * FUSED, NOTHING_FOUND, "no check names the cause"),
        (9 * FUSED, Probe(SILU, 1.0, math.nan), "no check names the cause"),
        (9 * FUSED, None, "no check names the cause"),
    ],
)
def test_a_cause_is_named_where_a_check_names_it(
    arithmetic: float, probe: Probe | None, cause: str
) -> None:
    row = _surprise(arithmetic, probe)
    assert row is not None
    assert words.about(row).startswith(cause)


def test_the_first_pass_needs_no_floor_of_its_own() -> None:
    """Almost free primitives: four passes are four floors, and five would be too many."""
    free = _primitives(dict.fromkeys(COSTS, 0.001))
    for floors, named in ((3.2, True), (4.8, True), (5.2, False)):
        predicted = _predicted([*_parts(SILU, (floors - 1) * FLOOR), *free])
        assert (predicted["surprise"].cause == Cause(Why.UNFUSED, figure=4)) == named


def test_a_single_operation_has_no_passes_to_fuse() -> None:
    relu = replace(SILU, activation="relu", form="max")
    maximum = _parts(replace(SILU, activation="maximum", form="native"), FLOOR)
    predicted = _predicted([*_parts(relu, FLOOR), *maximum], case=relu)
    assert "surprise" not in predicted
    predicted = _predicted([*_parts(relu, 1.0), *maximum], case=relu)
    assert predicted["surprise"].cause == Cause(Why.UNNAMED)


def test_slopes_that_drown_in_noise_are_not_divided_by() -> None:
    """Sizes of a few elements: a copy and primitives that seem to cost less than nothing."""
    nothing = [Row(SILU, "copy_floor", -0.01), Row(SILU, "arithmetic", 1.0)]
    predicted = _predicted([*nothing, *_primitives(dict.fromkeys(COSTS, -0.02))])
    assert set(predicted) == {"predicted_arithmetic"}
    assert predicted["predicted_arithmetic"].value == 0


def test_only_a_surprise_without_a_cause_asks_for_a_probe() -> None:
    unnamed, passes = _surprise(9 * FUSED), _surprise(UNFUSED)
    assert unnamed is not None
    assert passes is not None
    assert asks_for_probe(unnamed)
    assert not asks_for_probe(passes)
    assert not asks_for_probe(Row(SILU, "arithmetic", 1.0))
