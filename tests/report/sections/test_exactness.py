"""Exactness on the page: native functions, other conditions, special points."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Against, Other, Point, Row
from actbench.report.read.rows import read
from actbench.report.sections import accuracy, between, special

from ..conftest import split_case
from .conftest import RELU

MakeRun = Callable[..., Path]
JAX, TORCH = (Against(Other.FRAMEWORK, name) for name in ("jax", "torch"))


def test_the_worst_native_function_is_named(make_run: MakeRun) -> None:
    case = RELU[0].case
    gelu = replace(case, activation="gelu")
    rows = [
        Row(case, "max_ulp", 0.5, worst=Point("0x1p0", got=1.0)),
        Row(gelu, "max_ulp", float("inf"), worst=Point("-0x1.800p+3", got=math.nan)),
        Row(replace(case, activation="copy"), "max_ulp", 9.0),
    ]
    [sentence] = accuracy.sentences(read([make_run(rows)]))
    assert "1 of 2 native functions stay within 4 ulp" in sentence
    assert "the largest error is that of gelu (∞ ulp at -12, -0x1.8p+3)" in sentence


def test_other_conditions_have_a_sentence_each(make_run: MakeRun) -> None:
    case = Case("torch", "mish", "native", "eager", "forward", "cpu", "float32", 66560, 1)
    gelu = replace(case, activation="gelu")
    rows = []
    for condition, other, most, equal in (
        (case, Against(Other.TAIL), 5.0, 0.9),
        (gelu, Against(Other.TAIL), 0.0, 1.0),
        (gelu, Against(Other.VARIANT, "onednn=0"), 0.0, 1.0),
        (gelu, Against(Other.MODE, "compiled"), float("inf"), 0.99),
        (gelu, Against(Other.FRAMEWORK, "jax"), 9.0, 0.1),
    ):
        rows += [Row(condition, "max_ulp_between", most, against=other)]
        rows += [Row(condition, "equal_bits", equal, against=other)]
    assert between.sentences(read([make_run([*RELU, *rows])])) == [
        "PyTorch, in arrays too short for a vector instead of long ones: other bits in 1 of 2 "
        "cases, farthest apart in mish native forward float32: 5.00 ulp.",
        "PyTorch, with onednn=0: the same bits in 1 case.",
        "PyTorch, compiled instead of eager: other bits in 1 of 1 case, farthest apart in gelu "
        "native forward float32: a NaN beside a number.",
    ]


def test_special_points_have_a_table_per_framework_with_words_for_departures(
    make_run: MakeRun,
) -> None:
    case = Case("torch", "silu", "native", "eager", "forward", "cpu", "float32", 4096, 1)
    textbook, jax = replace(case, form="textbook"), replace(case, framework="jax")
    odd = (Point("-inf", got=math.nan, exact=0.0),)
    rows = [
        Row(case, "special_departures", 1.0, points=odd),
        Row(textbook, "special_departures", 2.0),
        Row(jax, "sign_of_zero", 1.0),
    ]
    tables = {pivot.heading: pivot for pivot in special.pivots(read([make_run([*RELU, *rows])]))}
    assert set(tables) == {"JAX", "PyTorch"}
    [(name, form, cells)] = tables["PyTorch"].rows
    assert (name, form) == ("silu", "native")
    named = dict(zip(tables["PyTorch"].columns, cells, strict=True))
    assert named["Departures"].text == "1: −∞ → NaN, limit 0"
    assert named["The sign of −0"].text == "–"
    [(_, _, cells)] = tables["JAX"].rows
    assert dict(zip(tables["JAX"].columns, cells, strict=True))["The sign of −0"].text == "lost"


def apart(framework: str, other: Against, form: str, ulp: float, equal: float) -> list[Row]:
    case = split_case("gelu", framework, form=form, size=5000)
    return [
        Row(case, "max_ulp_between", ulp, against=other),
        Row(case, "equal_bits", equal, against=other),
    ]


def test_frameworks_are_compared_in_the_plain_form_of_the_pair(make_run: MakeRun) -> None:
    rows = [
        *apart("torch", JAX, "native", 2.0, 0.99999),
        *apart("torch", JAX, "textbook", 9.0, 0.5),
        *apart("numpy", TORCH, "textbook", 2.0**24, 0.25),
        *apart("numpy", TORCH, "wide", 0.0, 1.0),
        *apart("numpy", JAX, "textbook", 0.0, 1.0),
        *apart("torch", Against(Other.TAIL), "native", 7.0, 0.5),
    ]
    [table] = between.pivots(read([make_run(rows)]))
    assert table.columns == ["JAX – NumPy eager", "JAX – PyTorch eager", "NumPy – PyTorch eager"]
    [(name, form, cells)] = table.rows
    assert (name, form) == ("gelu", "")
    assert [cell.text for cell in cells] == ["0", "2.00", "1.68e7"]
    assert [cell.lines for cell in cells] == [
        ("100 % [textbook]",),
        (">99.9 %",),
        ("25 % [textbook]",),
    ]
    assert [cell.heat for cell in cells] == [0, 1, 10]


def test_errors_stand_by_form_framework_and_mode(make_run: MakeRun) -> None:
    gelu = split_case("gelu", size=5000)
    rows = [
        Row(gelu, "max_ulp", 2.0),
        Row(replace(gelu, mode="compiled"), "max_ulp", math.inf),
        Row(replace(gelu, framework="jax", form="textbook"), "max_ulp", 0.0),
        Row(replace(gelu, direction="backward"), "max_ulp", 9.0),
    ]
    forward, backward = accuracy.pivots(read([make_run(rows)]))
    assert forward.heading == "Largest error, ulp: forward, float32, cpu"
    assert forward.columns == ["PyTorch compiled", "JAX eager", "PyTorch eager"]
    assert [(name, form, [cell.text for cell in cells]) for name, form, cells in forward.rows] == [
        ("gelu", "native", ["∞", "–", "2.00"]),
        ("gelu", "textbook", ["–", "0", "–"]),
    ]
    assert [cell.heat for cell in forward.rows[0][2]] == [10, None, 1]
    assert backward.heading == "Largest error, ulp: backward, float32, cpu"
