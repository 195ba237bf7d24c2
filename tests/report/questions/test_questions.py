"""Questions: what their sentences say is what the rows say, shortly, and of what is known."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from actbench.bench.catalog.cases import PROFILES, Selection, expand
from actbench.bench.results.rows import Row
from actbench.report import modules, questions
from actbench.report.questions import compiling, exp, inputs, wide
from actbench.report.questions.question import answer
from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read

from ..conftest import CLASSES, split_case
from ..sentences import is_short
from .conftest import around, case_of, rows_of

Measured = Callable[..., Evidence]
ALL = modules(questions)
TWO = {"torch": (10.0, 20.0), "jax": (30.0, 30.0)}
"""The compiled times of two frameworks, gelu then squareplus, over the eager ones of 20."""


def both_modes(size: str = "l2", **where: Any) -> list[Row]:
    rows = []
    for framework, (gelu, squareplus) in TWO.items():
        for mode, times in (("compiled", (gelu, squareplus)), ("eager", (20.0, 20.0))):
            named = dict(zip(("gelu", "squareplus"), times, strict=True))
            rows += rows_of(around(framework, mode, size, named), **where)
    return rows


def test_a_range_runs_over_the_frameworks(measured: Measured) -> None:
    answered = answer(compiling.QUESTION, measured(both_modes()))
    assert answered.sentences == [
        "Compiled, in cache: GELU takes 0.50–1.5× its eager time, Squareplus 1.0–1.5× "
        "(JAX and PyTorch)."
    ]
    assert answered.figure
    [panel] = answered.figure.panels
    assert panel.label.count("GELU 0.500× (0.493–0.507)") == 1
    assert panel.label.count("Squareplus") == 2


def test_what_is_not_decided_is_left_out_and_drawn(measured: Measured) -> None:
    rows = [
        replace(row, low=5.0, high=90.0)
        if (row.case.framework, row.case.activation) == ("jax", "gelu")
        else row
        for row in both_modes()
    ]
    answered = answer(compiling.QUESTION, measured(rows))
    [text] = answered.sentences
    assert text.endswith("GELU takes 0.50× its eager time, Squareplus 1.0× (PyTorch).")
    assert answered.figure
    assert "JAX" in answered.figure.panels[0].label
    wide_rows = [replace(row, low=row.value / 3, high=row.value * 3) for row in rows if row.value]
    [none] = answer(compiling.QUESTION, measured(wide_rows, "wide")).sentences
    assert none == "Nothing is decided: the chart shows the intervals."


def test_places_come_before_modes_and_two_sentences_are_the_most(measured: Measured) -> None:
    rows = [*both_modes(), *both_modes("launch"), *both_modes("memory")]
    first, second = answer(compiling.QUESTION, measured(rows)).sentences
    assert first.startswith("Compiled, in cache: ")
    assert second.startswith("Compiled, one tiny call: ")


def test_runs_and_devices_are_named_and_not_mixed(make_run: Callable[..., Any]) -> None:
    cpu = make_run(both_modes(), "before")
    gpu = make_run(both_modes(device="cuda"), "after")
    sentences = answer(compiling.QUESTION, read([cpu, gpu])).sentences
    assert [text.split(":")[0] for text in sentences] == [
        "Compiled, in cache, run A",
        "Compiled, in cache, cuda, run B",
    ]


def test_exp_is_the_slope_whether_it_was_stored_or_is_a_sum(measured: Measured) -> None:
    def parts(name: str, **values: float) -> list[Row]:
        case = split_case(name, mode="compiled", form=case_of(("torch", "eager", name, "l2")).form)
        return [Row(case, key, value, value * 0.9, value * 1.1) for key, value in values.items()]

    rows = [
        *parts("gelu", copy_floor=0.1, arithmetic=0.4),
        *parts("squareplus", arithmetic=0.2, copy_floor=0.1),
    ]
    [text] = answer(exp.QUESTION, measured(rows)).sentences
    assert text == (
        "Compiled, in cache: an element of GELU takes 0.50 ns, of Squareplus 0.30 ns (PyTorch)."
    )


def test_the_exact_form_stands_over_the_plain_one(measured: Measured) -> None:
    plain = rows_of(around("torch", "eager", "l2", {"softplus": 10.0}))
    exact = rows_of(around("torch", "eager", "l2", {"softplus": 35.0}), form="wide")
    [text] = answer(wide.QUESTION, measured([*plain, *exact])).sentences
    assert text == "Eager, in cache: exact softplus takes 3.5× its plain time (PyTorch)."


_USUAL = {"elu": 10.0, "gelu": 20.0, "relu": 5.0}


def _of_inputs(**others: dict[str, float]) -> list[Row]:
    """Times on usual inputs, and on others."""
    return [
        row
        for kind, times in ({"normal": _USUAL} | others).items()
        for row in rows_of(around("numpy", "eager", "l2", times), input=kind)
    ]


def test_what_changes_places_on_other_inputs_is_said(measured: Measured) -> None:
    """The two that do most; and each of them over itself is drawn, in a panel per kind."""
    rows = _of_inputs(subnormal=_USUAL | {"elu": 60.0}, saturated=_USUAL | {"gelu": 11.0})
    answered = answer(inputs.QUESTION, measured(rows))
    assert answered.sentences == [
        "NumPy eager, in cache, inputs subnormal: ELU takes 3.0× GELU’s time, usually 0.50×.",
        "On saturated inputs no two of these activations change places.",
    ]
    assert all(map(is_short, answered.sentences))
    assert answered.figure
    first, second = (panel.label for panel in answered.figure.panels)
    assert first.startswith("Inputs subnormal, in cache, ")
    assert "ELU 6.00×" in first
    assert second.startswith("Inputs saturated, in cache, ")
    assert "GELU 0.550×" in second


def test_an_order_that_is_not_decided_does_not_change(measured: Measured) -> None:
    rows = [
        replace(row, low=row.value / 4, high=row.value * 4) if row.value == 60 else row
        for row in _of_inputs(subnormal=_USUAL | {"elu": 60.0})
    ]
    [text] = answer(inputs.QUESTION, measured(rows)).sentences
    assert text == "On subnormal inputs no two of these activations change places."


def test_unusual_inputs_are_no_answer_to_other_questions(measured: Measured) -> None:
    """Not where there are usual ones: those come first."""
    rows = [*both_modes(), *both_modes(input="subnormal")]
    answered = answer(compiling.QUESTION, measured(rows))
    assert answered.sentences == answer(compiling.QUESTION, measured(both_modes(), "b")).sentences
    [alone] = answer(compiling.QUESTION, measured(both_modes(input="subnormal"), "c")).sentences
    assert alone.startswith("Compiled, in cache, inputs subnormal: ")


# --- every question -------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ALL, ids=lambda module: module.__name__.rpartition(".")[2])
@pytest.mark.parametrize("name", ["normal", "failing", "single", "split", "empty", "hostile"])
def test_every_answer_is_short_and_safe(
    evidence: dict[str, Evidence], name: str, module: ModuleType, hostile_text: str
) -> None:
    answered = answer(module.QUESTION, evidence[name])
    assert 1 <= len(answered.sentences) <= 2
    assert all(map(is_short, answered.sentences)), answered.sentences
    assert hostile_text not in answered.command
    for panel in answered.figure.panels if answered.figure else ():
        assert "<script" not in panel.svg
    if name == "empty":
        assert (answered.sentences, answered.figure) == (("Not measured in this run.",), None)


@pytest.mark.parametrize("module", ALL, ids=lambda module: module.__name__.rpartition(".")[2])
def test_the_command_measures_what_the_question_needs(
    evidence: dict[str, Evidence], module: ModuleType
) -> None:
    words = shlex.split(answer(module.QUESTION, evidence["empty"]).command)
    assert words[:2] == ["actbench", "run"]
    chosen: dict[str, Sequence[str]] = {}
    for option, value in zip(words[2::2], words[3::2], strict=True):
        field = f"{option.removeprefix('--')}s"
        chosen[field] = (*chosen.get(field, ()), value)
    chosen.pop("onlys", None)
    cases = expand(PROFILES["standard"], Selection(**chosen))  # type: ignore[arg-type]
    assert set(module.QUESTION.names) <= {case.activation for case in cases}
    assert len(set(CLASSES)) >= len({case.size for case in cases}) > 0
