"""The cost of correctness: planted times and errors of the wide and the plain form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Row
from actbench.report.questions.wide import answer
from actbench.report.read.rows import read

MakeRun = Callable[..., Path]
MakeCase = Callable[..., Case]


def timed(case: Case, value: float, share: float = 0.01, ulp: float | None = None) -> list[Row]:
    rows = [Row(case, "time_per_call", value, value * (1 - share), value * (1 + share))]
    return [*rows, Row(case, "max_ulp", ulp)] if ulp is not None else rows


def test_the_wide_form_is_set_beside_the_plain_one(
    make_run: MakeRun, make_case: MakeCase, planned: Callable[[str], list[Case]]
) -> None:
    planted = [
        *timed(make_case("gelu"), 100.0, ulp=1.5e7),
        *timed(make_case("gelu", form="wide"), 200.0, ulp=0.5),
        *timed(make_case("squareplus", form="textbook"), 100.0, 0.2, ulp=3.0),
        *timed(make_case("squareplus", form="wide"), 100.0, 0.2, ulp=0.75),
        *timed(make_case("softplus", mode="compiled"), 100.0),
        *timed(make_case("softplus", mode="compiled", form="wide"), 50.0),
    ]
    answered = answer(read([make_run(planted)]))
    double, half = (198 / 101, 202 / 99), (49.5 / 101, 50.5 / 99)
    assert answered.sentences == (
        "Compiled, in cache, 65,536 elements (2^16): the wide form takes less time than the "
        f"plain one in 1 of 1 setting ({half[0]:.3f}–{half[1]:.3f}×).",
        "Eager, in cache, 65,536 elements (2^16): the wide form takes longer than the plain one "
        f"in 1 of 2 settings ({double[0]:.2f}–{double[1]:.2f}×); is not distinguished from the "
        f"plain one in 1 of 2 settings ({80 / 120:.3f}–{120 / 80:.2f}×).",
        "Its largest error on the inputs tested is at most 4 ulp in 2 of 2, the plain form's in 1.",
        f"As drawn: softplus {half[0]:.3f}–{half[1]:.3f}×; gelu {double[0]:.2f}–"
        f"{double[1]:.2f}× (largest error 0.500 ulp, plain 1.50e7); squareplus 0.667–1.50× "
        "(largest error 0.750 ulp, plain 3.00).",
    )
    assert {row.case for row in planted} <= set(planned(answered.command))
    [panel] = answered.figures[0].panels
    assert "PyTorch compiled: softplus 0.500×" in panel.label


def test_of_activations_that_nobody_names_the_first_are_drawn(
    make_run: MakeRun, make_case: MakeCase
) -> None:
    planted = [
        row
        for name in ("elu", "selu", "celu", "mish")
        for form, value in (("native", 100.0), ("wide", 200.0))
        for row in timed(make_case(name, form=form), value)
    ]
    answered = answer(read([make_run(planted)]))
    assert "in 4 of 4" in answered.sentences[0]
    assert answered.sentences[1] == "Their errors were not checked in this run."
    assert "mish" not in answered.figures[0].panels[0].label


def test_without_both_forms_there_is_no_answer(
    make_run: MakeRun, make_case: MakeCase, planned: Callable[[str], list[Case]]
) -> None:
    """A wide form in another framework is none of the same line."""
    planted = [
        *timed(make_case("gelu"), 100.0),
        *timed(make_case("gelu", "jax", form="wide"), 90.0),
    ]
    answered = answer(read([make_run(planted)]))
    assert not answered.measured
    assert {"native", "wide"} <= {case.form for case in planned(answered.command)}


def test_names_cannot_break_out(make_run: MakeRun, make_case: MakeCase, hostile_text: str) -> None:
    planted = [
        *timed(make_case("gelu", hostile_text), 100.0),
        *timed(make_case("gelu", hostile_text, form="wide"), 200.0),
    ]
    answered = answer(read([make_run(planted)]))
    assert hostile_text not in answered.command
    assert not any("<script" in panel.svg for figure in answered.figures for panel in figure.panels)
