"""gelu's arithmetic beside the rest of a call, the parts of its formula, and its variant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Cause, Row, Why
from actbench.report.questions.slow_gelu import answer
from actbench.report.read.evidence import Evidence

Measured = Callable[..., Evidence]
Planted = Callable[..., list[Row]]
At = Callable[..., Any]
N, FAR = 65536, 2**23
TIMES = {
    ("torch", "eager", "relu", "l2"): (0.5 * N, 0.5 * N, 0.5 * N),
    ("torch", "eager", "gelu", "l2"): (2.0 * N, 1.9 * N, 2.1 * N),
    ("torch", "eager", "gelu_tanh", "l2"): (1.0 * N, 0.9 * N, 1.1 * N),
    ("torch", "eager", "gelu", "memory"): (4.0 * FAR, 3.8 * FAR, 4.2 * FAR),
}
PRIMITIVES = {"add": (0.1, 0.05, 0.15), "multiply": (0.1, -0.05, 0.15), "erf": (1.0, 0.9, 1.2)}


def split(at: At, primitives: dict[str, Any], arithmetic: Any = (1.5, 1.4, 1.6)) -> list[Row]:
    """gelu's parts and those of its primitives, in ns per element."""
    gelu, far = (at(("torch", "eager", "gelu", size)) for size in ("l2", "memory"))
    return [
        Row(gelu, "arithmetic", *arithmetic),
        Row(gelu, "copy_floor", 0.2, 0.1, 0.3),
        Row(far, "memory", 0.5, 0.4, 0.6),
        Row(far, "allocation", 0.5, 0.4, 0.6),
        *(
            Row(at(("torch", "eager", name, "l2")), "arithmetic", *estimate)
            for name, estimate in primitives.items()
        ),
    ]


def test_the_parts_of_a_call_and_of_the_formula(
    measured: Measured, planted: Planted, at: At
) -> None:
    rows = [*planted(TIMES), *split(at, PRIMITIVES)]
    surprise = at(("torch", "eager", "gelu", "l2"))
    rows.append(Row(surprise, "surprise", 1.5, 1.3, 1.7, cause=Cause(Why.BRANCH, figure=2.0)))
    answered = answer(measured(rows))
    assert answered.question == "Why is GELU slow on CPU?"
    slow, arithmetic, streams, formula, variant = answered.sentences
    assert slow == (
        "In cache, 65,536 elements (2^16): gelu takes longer than relu in 1 of 1 setting "
        "(3.80–4.20×)."
    )
    assert arithmetic == (
        "Its arithmetic above a copy, in cache, is more than half of a call in 1 of 1 setting "
        f"({100 * 1.4 / 2.1:.0f}–{1.6 / 1.9:.0%})."
    )
    # An end below 0 stands for nothing; three multiplies are counted.
    low, high = 0.9 / (0.9 + 0.15 + 3 * 0.15), 1.2 / (1.2 + 0.05)
    assert formula == (
        "Its formula counts 5 operations, 1 add + 3 multiply + 1 erf: erf is more than half of "
        f"what these cost alone in 1 of 1 setting ({100 * low:.0f}–{high:.0%}); shown to be more "
        "than 25% off what they and a copy predict: PyTorch eager 1.50× (1.30–1.70)."
    )
    assert streams == (
        "Streaming, memory and allocation are less than half of a call in 1 of 1 setting "
        f"({100 * 0.8 / 4.2:.0f}–{1.2 / 3.8:.0%})."
    )
    assert variant == (
        "In cache, 65,536 elements (2^16): gelu_tanh takes less time than gelu in 1 of 1 setting "
        f"({0.9 / 2.1:.3f}–{1.1 / 1.9:.3f}×)."
    )
    [strips] = answered.figures[0].panels
    assert "gelu 4.00× (3.80–4.20)" in strips.label


def test_an_interval_over_a_half_is_not_stated(
    measured: Measured, planted: Planted, at: At
) -> None:
    rows = [*planted(TIMES), *split(at, PRIMITIVES, (1.1, 0.8, 1.4))]
    text = answer(measured(rows)).sentences[1]
    assert f"is not shown to be either in 1 of 1 setting (38–{1.4 / 1.9:.0%})" in text


def test_a_primitive_that_was_not_measured_leaves_the_formula_out(
    measured: Measured, planted: Planted, at: At
) -> None:
    rest = {name: estimate for name, estimate in PRIMITIVES.items() if name != "erf"}
    answered = answer(measured([*planted(TIMES), *split(at, rest)]))
    assert not any("formula" in text for text in answered.sentences)


def test_on_another_device_it_is_asked_of_this_device(
    measured: Measured, planted: Planted, at: At
) -> None:
    rows = [
        replace(row, case=replace(row.case, device="cuda"))
        for row in [*planted(TIMES), *split(at, PRIMITIVES)]
    ]
    answered = answer(measured(rows))
    assert answered.question == "Why is GELU slow on this device?"
    assert "--device cuda" in answered.command


def test_the_command_measures_its_parts(
    measured: Measured, planted: Planted, at: At, planned: Callable[[str], list[Case]]
) -> None:
    rows = [*planted(TIMES), *split(at, PRIMITIVES)]
    chosen = {(case.activation, case.size) for case in planned(answer(measured(rows)).command)}
    names = ("gelu", "gelu_tanh", "add", "multiply", "erf")
    assert {(name, size) for name in names for size in (N, FAR)} <= chosen


def test_times_without_parts_do_not_answer(
    measured: Measured, planted: Planted, measures: Callable[[str], Any]
) -> None:
    answered = answer(measured(planted(TIMES)))
    assert not answered.measured
    assert answered.sentences == (
        "Not measured in this run: gelu's arithmetic is not in the rows.",
    )
    assert ("numpy", "eager", "erf", "l2") in measures(answered.command)
