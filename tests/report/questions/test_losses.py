"""Forms that lose every digit: planted errors, counted by form and named with their inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Point, Row
from actbench.report.questions.losses import answer
from actbench.report.read.rows import read

HALF = ": an error of at least half of all the numbers of a binade, 2^23 ulp in float32."
MakeRun = Callable[..., Path]
MakeCase = Callable[..., Case]


def checked(
    case: Case,
    ulp: float,
    flushed: float | None = None,
    nans: float = 0.0,
    came: tuple[float, float] | None = None,
) -> list[Row]:
    got, exact = came or (None, None)
    worst = Point((88.75).hex(), got=got, exact=exact)
    rows = [
        Row(case, "max_ulp", ulp, worst=worst),
        Row(case, "nan_mismatches", nans, points=(Point("-inf"),)),
    ]
    return rows + ([Row(case, "max_ulp_flushed", flushed)] if flushed is not None else [])


def planted(make_case: MakeCase) -> list[Row]:
    lost = 2.0**23
    return [
        *checked(make_case("gelu"), lost, came=(-0.0, -2.5e-17)),
        *checked(make_case("silu"), lost - 1),
        *checked(make_case("elu"), lost * 2, flushed=1.0),
        *checked(make_case("softplus", form="textbook"), 1e30, nans=2.0, came=(math.nan, 88.75)),
        *checked(make_case("gelu", form="wide"), 0.5),
        *checked(make_case("gelu", dtype="float16"), 2.0**10),
        # Gradients, single operations and other modes are left out.
        *checked(make_case("gelu", direction="backward"), lost),
        *checked(make_case("exp"), lost),
        *checked(make_case("silu", mode="compiled"), lost),
    ]


def test_forms_without_a_right_digit_are_counted_and_named(
    make_run: MakeRun, make_case: MakeCase, planned: Callable[[str], list[Case]]
) -> None:
    answered = answer(read([make_run(planted(make_case))]))
    assert answered.sentences == (
        "In float32, forward, 1 of 3 native functions, 1 of 1 formulas as printed and 0 of 1 "
        f"wide forms have no right digit at some finite input{HALF}",
        "The worst of the native functions: gelu in PyTorch at 88.8, where 0 came for -2.50e-17.",
        "The worst of the formulas as printed: softplus in PyTorch at 88.8, where NaN came for "
        "88.8.",
        "NaN and a number are mistaken for each other, at ±∞ too, in 1 of 1 formulas as printed.",
        "In float16 1 of 1 native functions.",
    )
    assert {case.form for case in planned(answered.command)} == {"native", "textbook", "wide"}


def test_nothing_lost(make_run: MakeRun, make_case: MakeCase) -> None:
    answered = answer(read([make_run(checked(make_case("gelu"), 2.0**23 - 1))]))
    assert answered.sentences == (
        "Nowhere on the inputs tested: in float32, forward, 0 of 1 native functions have no right "
        f"digit at some finite input{HALF}",
    )


def test_the_first_run_answers_and_is_named(make_run: MakeRun, make_case: MakeCase) -> None:
    """Even where only the second has eager forms: runs are never mixed."""
    compiled = [replace(row, case=replace(row.case, mode="compiled")) for row in planted(make_case)]
    first = make_run([row for row in compiled if row.case.form == "wide"], name="a")
    second = make_run(planted(make_case), name="b")
    answered = answer(read([first, second]))
    assert answered.sentences[0] == (
        "Run a: Nowhere on the inputs tested: in float32, forward, 0 of 1 wide forms have no "
        f"right digit at some finite input{HALF}"
    )


def test_not_checked(
    make_run: MakeRun, make_case: MakeCase, planned: Callable[[str], list[Case]]
) -> None:
    answered = answer(read([make_run([Row(make_case("gelu"), "time_per_call", 1.0)])]))
    assert not answered.measured
    assert planned(answered.command)


def test_names_cannot_break_out(make_run: MakeRun, make_case: MakeCase, hostile_text: str) -> None:
    rows = checked(make_case("gelu", hostile_text), 1e30, came=(math.nan, 1.0))
    answered = answer(read([make_run(rows)]))
    assert answered.measured
    assert "--framework" not in answered.command
