"""The cost of exp by size: planted times, recovered as ratios."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.results.rows import Row
from actbench.report.read.rows import read
from actbench.report.sections.exp import pivots
from actbench.report.tables.pivot import Cell, Pivot

from ..conftest import CLASSES, split_case

MakeRun = Callable[..., Path]
Times = dict[str, tuple[float, float, float]]


def timed(name: str, times: Times, form: str = "native", **where: Any) -> list[Row]:
    """One form at some size classes: time, low and high; relu is the unit of itself."""
    rows = []
    for size, estimate in times.items():
        case = split_case(name, form=form, size=CLASSES[size], **where)
        rows.append(Row(case, "time_per_call", *estimate))
        if name == "relu":
            rows.append(Row(case, "relative_cost", 1.0, 1.0, 1.0))
    return rows


def around(value: float, share: float = 0.01) -> tuple[float, float, float]:
    return value, value * (1 - share), value * (1 + share)


EVERYWHERE = [size for size in CLASSES if size != "between"]
RELU = timed("relu", {size: around(100.0) for size in CLASSES})
SQUAREPLUS = timed("squareplus", {size: around(150.0) for size in CLASSES}, form="textbook")


def cells(pivot: Pivot, pair: str) -> dict[str, Cell]:
    """The cells of a pair by size class."""
    [row] = [row for _, below, row in pivot.rows if below == pair]
    return {head.split(",")[0]: cell for head, cell in zip(pivot.columns, row, strict=True)}


def test_the_table_shows_where_the_difference_disappears(make_run: MakeRun) -> None:
    """Planted: the same at launch, open at l1, dearer at l2, less at last_level, memory absent."""
    times = {
        "launch": around(101.0),
        "l1": (102.0, 90.0, 110.0),
        "l2": around(300.0),
        "last_level": around(50.0),
    }
    [pivot] = pivots(read([make_run([*RELU, *SQUAREPLUS, *timed("silu", times)])]))
    assert pivot.heading == "Forward, float32, cpu, 1 thread"
    assert [head.split(",")[0] for head in pivot.columns] == EVERYWHERE
    over_relu = cells(pivot, "silu over relu")
    assert over_relu == {
        "launch": Cell("1.01×", ("0.990–1.03",), "same"),
        "l1": Cell("1.02×", ("0.891–1.11",), "open"),
        "l2": Cell("3.00×", ("2.94–3.06",), "longer"),
        "last_level": Cell("0.500×", ("0.490–0.510",), "less"),
        "memory": Cell("–"),
    }
    assert cells(pivot, "silu over squareplus")["l2"].text == "2.00×"
    assert [who for who, _, _ in pivot.rows] == ["PyTorch eager"] * 2


@pytest.mark.parametrize("kept", ["exp", "algebraic", "relu", "one size", "bare"])
def test_a_table_of_what_is_there(make_run: MakeRun, kept: str) -> None:
    """Whatever is missing, nothing is claimed about it."""
    exp = timed("gelu", {size: around(200.0) for size in CLASSES})
    rows = {
        "exp": exp,
        "algebraic": SQUAREPLUS,
        "relu": RELU,
        "one size": [row for row in [*exp, *RELU] if row.case.size == CLASSES["memory"]],
        "bare": [replace(row, low=None, high=None) for row in [*exp, *RELU]],
    }[kept]
    tables = pivots(read([make_run(rows)]))
    if kept in ("exp", "algebraic", "relu"):
        assert tables == []
        return
    [pivot] = tables
    shown = cells(pivot, "gelu over relu").values()
    assert {cell.kind for cell in shown} == ({"bare"} if kept == "bare" else {"longer"})
    assert len(pivot.columns) == (1 if kept == "one size" else 5)


def test_sizes_that_are_no_class_go_by_their_elements(make_run: MakeRun) -> None:
    rows = [
        replace(row, case=replace(row.case, size=1000, device="cuda"))
        for row in [*RELU, *timed("gelu", {"l2": around(200.0)})]
        if row.case.size == 65536
    ]
    [pivot] = pivots(read([make_run(rows)]))
    assert pivot.columns == ["total, 1,000 elements"]
    assert "cuda" in pivot.heading


@pytest.mark.parametrize("other", [{"output": "reused"}, {"cache": "cold"}])
def test_reused_and_cold_cases_are_in_no_pair(make_run: MakeRun, other: dict[str, str]) -> None:
    rows = [*RELU, *timed("gelu", {"l2": around(200.0)})]
    rows += timed("gelu", {"l2": around(1.0), "memory": around(1.0)}, **other)
    rows += timed("relu", {"l2": around(1.0), "memory": around(1.0)}, **other)
    [pivot] = pivots(read([make_run(rows)]))
    shown = [cell.text for cell in cells(pivot, "gelu over relu").values() if cell.kind]
    assert shown == ["2.00×"]


def test_every_device_and_direction_has_its_own_the_foremost_first(make_run: MakeRun) -> None:
    rows = [*RELU, *timed("gelu", {"l2": around(200.0)})]
    other = [replace(row, case=replace(row.case, device="cuda")) for row in rows]
    back = [replace(row, case=replace(row.case, direction="backward")) for row in rows]
    assert [pivot.heading for pivot in pivots(read([make_run([*back, *rows, *other])]))] == [
        "Forward, float32, cpu, 1 thread",
        "Backward, float32, cpu, 1 thread",
        "Forward, float32, cuda, 1 thread",
    ]
