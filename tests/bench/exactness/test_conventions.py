"""The table of conventions: what is merged, what is told apart, what is chosen."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import pytest

from actbench.bench.catalog.cases import Case, Selection
from actbench.bench.commands.special import text
from actbench.bench.exactness.conventions import COLUMNS, ROW_COLUMNS, chosen, conventions
from actbench.bench.results.metrics import Group, metrics_of
from actbench.bench.results.rows import Entries, Kink, Point, Row, SpecialRow, described
from actbench.bench.results.status import Status

CASE = Case("torch", "relu", "native", "eager", "forward", "cpu", "float32", 4096, 1)
BACK = replace(CASE, direction="backward")


def test_what_holds_under_every_condition_is_said_once() -> None:
    conditions = product(("eager", "compiled"), ("float32", "float16"))
    cases = [replace(CASE, mode=mode, dtype=dtype) for mode, dtype in conditions]
    (line,) = conventions(Row(case, "sign_of_zero", -1.0) for case in cases)
    assert tuple(line.cells) == COLUMNS
    assert line.cells["the sign of −0"] == ("kept",)
    assert line.cells["NaN"] == ()


def test_conditions_stand_behind_what_differs() -> None:
    half, compiled = replace(CASE, dtype="float16"), replace(CASE, mode="compiled")
    lost = (Point("nan", got=0.0, exact=math.nan),)
    (line,) = conventions(
        [
            Row(CASE, "nan_kept", 1.0),
            Row(half, "nan_kept", 0.0, points=lost),
            Row(compiled, "nan_kept", 0.0, points=lost),
        ]
    )
    assert line.cells["NaN"] == ("kept (eager float32)", "LOST: NaN → 0 (eager float16; compiled)")


def test_value_and_gradient_have_columns_of_their_own_and_kinks_share_one() -> None:
    other = (Point("-0x0p+0", got=1.0, exact=0.0),)
    departures = tuple(Point(f"0x{n}p+0", got=0.0, exact=float(n)) for n in (1, 2, 3, 4))
    (line,) = conventions(
        [
            Row(BACK, "gradient_at_kink", 0.5, kink=Kink(0.0, 0.0, 1.0)),
            Row(BACK, "gradient_at_kink", 0.0, kink=Kink(6.0, 0.0, 1.0), points=other),
            Row(CASE, "special_departures", 0.0),
            Row(BACK, "special_departures", 4.0, points=departures),
        ]
    )
    assert line.cells["gradient at a kink"] == ("0.5 at 0, 0 at 6; −0 → 1",)
    assert line.cells["departures"] == ("none",)
    shown = "1 → 0, exact 1; 2 → 0, exact 2; 3 → 0, exact 3"
    assert line.cells["departures, gradient"] == (f"4: {shown}; and 1 more",)


def test_a_failure_is_told_and_what_does_not_exist_is_not() -> None:
    half, metric = replace(CASE, dtype="float16"), "special_departures"
    rows = [
        Row(CASE, metric, None, status=Status.ERROR, reason="ValueError: no"),
        Row(half, metric, None, status=Status.UNSUPPORTED, reason="no float16"),
    ]
    (line,) = conventions(rows)
    assert line.cells["departures"] == ("ERROR: ValueError: no",)


@pytest.mark.parametrize("metric", metrics_of(Group.SPECIAL))
@pytest.mark.parametrize("status", [Status.OK, Status.ERROR])
def test_what_has_no_value_has_no_cell(metric: str, status: Status) -> None:
    found = conventions([Row(CASE, metric, None, status=status)])
    told = [cell for line in found for cells in line.cells.values() for cell in cells]
    failed = metric in ("special_departures", "special_row") and status == Status.ERROR
    assert told == (["ERROR"] if failed else [])


def test_without_points_the_value_is_told() -> None:
    values = {"nan_kept": 0.0, "special_departures": math.inf, "sign_of_zero": 1.0}
    rows = [Row(CASE, metric, value) for metric, value in values.items()]
    (line,) = conventions([*rows, Row(BACK, "gradient_at_kink", 0.5)])
    told = {column: cells for column, cells in line.cells.items() if cells}
    assert told == {
        "the sign of −0": ("lost",),
        "gradient at a kink": ("0.5",),
        "NaN": ("LOST",),
        "departures": ("inf",),
    }


def _special(case: Case, got: float, exact: float, departs: int) -> Row:
    entries = Entries(SpecialRow.LOWEST, (-math.inf,) * 2, (got,) * 2, (exact,) * 2)
    points = (Point(output=0, got=got, exact=exact),) if departs else ()
    return Row(case, "special_row", float(departs), entries=entries, points=points)


def test_a_function_of_rows_has_a_column_per_special_row() -> None:
    rows = replace(CASE, activation="logsumexp")
    compiled, pulled = replace(rows, mode="compiled"), replace(rows, direction="backward")
    (line,) = conventions(
        [
            _special(rows, -math.inf, -math.inf, 0),
            _special(compiled, math.nan, -math.inf, 2),
            _special(pulled, 0.5, math.nan, 0),
        ]
    )
    told = {column: cells for column, cells in line.cells.items() if cells}
    assert told == {
        "all −∞": ("−∞ (eager)", "NaN; output 0 exactly −∞ (compiled)"),
        "all −∞, gradient": ("0.5",),
    }
    assert set(ROW_COLUMNS) < set(line.cells)


def test_the_plain_form_is_chosen_unless_activations_are() -> None:
    other = replace(CASE, form="max")
    gelu = replace(CASE, activation="gelu")
    rows = [Row(case, "nan_kept", 1.0) for case in (CASE, other, gelu)]
    rows = [*described([*rows, Row(CASE, "max_ulp", 1.0)])]
    assert [row.case.form for row in chosen(rows, Selection())] == ["native", "native"]
    named = chosen(rows, Selection(activations=("relu",)))
    assert [row.case.form for row in named] == ["native", "max"]
    assert chosen(rows, Selection(frameworks=("jax",))) == []


def test_the_text_names_framework_activation_and_form_in_the_order_of_the_rows() -> None:
    cases = [replace(CASE, activation=name) for name in ("gelu", "relu")]
    told = text(conventions(Row(case, "nan_kept", 1.0) for case in cases)).splitlines()
    assert [line.strip() for line in told[::2]] == ["PyTorch", *["NaN" + " " * 19 + "kept"] * 2]
    assert told[1::2] == ["  gelu, native", "  relu, native"]
