"""The table of conventions: what is merged, what is told apart, what is chosen."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from actbench.bench.catalog.cases import Case, Selection
from actbench.bench.exactness.special import METRICS
from actbench.bench.exactness.special_table import COLUMNS, chosen, lines, text
from actbench.bench.results.metrics import Row

CASE = Case("torch", "relu", "native", "eager", "forward", "cpu", "float32", 4096, 1)
BACK = replace(CASE, direction="backward")


def _records(*rows: Row) -> list[dict[str, Any]]:
    return [row.as_dict() for row in rows]


def test_what_holds_under_every_condition_is_said_once() -> None:
    conditions = product(("eager", "compiled"), ("float32", "float16"))
    cases = [replace(CASE, mode=mode, dtype=dtype) for mode, dtype in conditions]
    (line,) = lines(_records(*(Row(case, "sign_of_zero", -1.0) for case in cases)))
    assert tuple(line.cells) == COLUMNS
    assert line.cells["the sign of −0"] == ("kept",)
    assert line.cells["NaN"] == ()


def test_conditions_stand_behind_what_differs() -> None:
    half, compiled = replace(CASE, dtype="float16"), replace(CASE, mode="compiled")
    lost = {"detail": "NaN → 0"}
    (line,) = lines(
        _records(
            Row(CASE, "nan_kept", 1.0),
            Row(half, "nan_kept", 0.0, **lost),
            Row(compiled, "nan_kept", 0.0, **lost),
        )
    )
    assert line.cells["NaN"] == ("kept (eager float32)", "LOST: NaN → 0 (eager float16; compiled)")


def test_value_and_gradient_have_columns_of_their_own_and_kinks_share_one() -> None:
    (line,) = lines(
        _records(
            Row(BACK, "gradient_at_kink", 0.5, detail="at 0, between 0 and 1"),
            Row(BACK, "gradient_at_kink", 0.0, detail="at 6, between 0 and 1; −0 → 1"),
            Row(CASE, "special_departures", 0.0),
            Row(BACK, "special_departures", 4.0, detail="a; b; c; d"),
        )
    )
    assert line.cells["gradient at a kink"] == ("0.5 at 0, 0 at 6; −0 → 1",)
    assert line.cells["departures"] == ("none",)
    assert line.cells["departures, gradient"] == ("4: a; b; c; and 1 more",)


def test_a_failure_is_told_and_what_does_not_exist_is_not() -> None:
    half = replace(CASE, dtype="float16")
    rows = [
        Row(CASE, "special_departures", None, status="error", detail="ValueError: no"),
        Row(half, "special_departures", None, status="unsupported", detail="no float16"),
    ]
    (line,) = lines(_records(*rows))
    assert line.cells["departures"] == ("ERROR: ValueError: no",)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("row", [{"value": None}, {"value": math.nan}, {"status": "error"}])
def test_what_has_no_value_has_no_cell(metric: str, row: dict[str, Any]) -> None:
    record = {**Row(CASE, metric, None).as_dict(), **row}
    told = [cell for line in lines([record]) for cells in line.cells.values() for cell in cells]
    failed = metric == "special_departures" and record["status"] == "error"
    assert told == (["ERROR"] if failed else [])


@pytest.mark.parametrize("detail", [None, 5, ""])
def test_without_a_detail_the_value_is_told(detail: object) -> None:
    values = {"nan_kept": 0.0, "special_departures": math.inf, "sign_of_zero": 1.0}
    rows = [Row(CASE, metric, value) for metric, value in values.items()]
    rows.append(Row(BACK, "gradient_at_kink", 0.5))
    (line,) = lines([{**row.as_dict(), "detail": detail} for row in rows])
    told = {column: cells for column, cells in line.cells.items() if cells}
    assert told == {
        "the sign of −0": ("lost",),
        "gradient at a kink": ("0.5",),
        "NaN": ("LOST",),
        "departures": ("inf",),
    }


def test_the_plain_form_is_chosen_unless_activations_are() -> None:
    other = replace(CASE, form="max")
    gelu = replace(CASE, activation="gelu")
    rows = _records(*(Row(case, "nan_kept", 1.0) for case in (CASE, other, gelu)))
    rows += _records(Row(CASE, "max_ulp", 1.0))
    assert [row["form"] for row in chosen(rows, Selection())] == ["native", "native"]
    named = chosen(rows, Selection(activations=("relu",)))
    assert [row["form"] for row in named] == ["native", "max"]
    assert chosen(rows, Selection(frameworks=("jax",))) == []


def test_the_text_names_framework_activation_and_form_in_the_catalogues_order() -> None:
    cases = [replace(CASE, activation=name) for name in ("gelu", "relu")]
    told = text(lines(_records(*(Row(case, "nan_kept", 1.0) for case in cases)))).splitlines()
    assert [line.strip() for line in told[::2]] == ["PyTorch", *["NaN" + " " * 19 + "kept"] * 2]
    assert told[1::2] == ["  relu, native", "  gelu, native"]
