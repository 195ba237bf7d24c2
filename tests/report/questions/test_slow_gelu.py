"""gelu's arithmetic beside the rest of a call, the parts of its formula, and its variant."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from actbench.bench.results.rows import Cause, Row, Why
from actbench.report.questions.slow_gelu import answer, share
from actbench.report.read.evidence import Estimate, Evidence

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
    """gelu's parts and those of its primitives, in ns an element."""
    gelu, far = (at(("torch", "eager", "gelu", size)) for size in ("l2", "memory"))
    return [
        Row(gelu, "arithmetic", *arithmetic),
        Row(gelu, "copy_floor", 0.2, 0.1, 0.3),
        Row(far, "memory", 0.5, 0.4, 0.6),
        Row(far, "allocation", 0.5, 0.4, 0.6),
        *(
            Row(at(("torch", "eager", name, "l2")), "arithmetic", *each)
            for name, each in primitives.items()
        ),
    ]


def test_the_parts_of_a_call_and_of_the_formula(
    measured: Measured, planted: Planted, at: At
) -> None:
    rows = [*planted(TIMES), *split(at, PRIMITIVES)]
    surprise = at(("torch", "eager", "gelu", "l2"))
    rows.append(Row(surprise, "surprise", 1.5, 1.3, 1.7, cause=Cause(Why.BRANCH, figure=2.0)))
    found = answer(measured(rows))
    assert found.question == "Why is GELU slow on CPU?"
    slow, arithmetic, formula, streams, variant = found.sentences
    assert slow == (
        "In cache, 65,536 elements (2^16): gelu takes longer than relu in PyTorch eager "
        "(3.80–4.20×)."
    )
    assert arithmetic == (
        "Its arithmetic above a copy, at 65,536 elements, is more than half of a call in 1 of 1 "
        f"settings ({100 * 1.4 / 2.1:.0f}–{1.6 / 1.9:.0%})."
    )
    # An end below 0 stands for nothing; three multiplies are counted.
    low, high = 0.9 / (0.9 + 0.15 + 3 * 0.15), 1.2 / (1.2 + 0.05)
    assert formula == (
        "Its formula counts 5 operations, 1 add + 3 multiply + 1 erf: erf is more than half of "
        f"what these cost alone in 1 of 1 settings ({100 * low:.0f}–{high:.0%}); shown to be more "
        "than 25% off what they and a copy predict: PyTorch eager 1.50× (1.30–1.70)."
    )
    assert streams == (
        "Streaming from DRAM, 8,388,608 elements (2^23): memory and allocation are less than half "
        f"of a call in 1 of 1 settings ({100 * 0.8 / 4.2:.0f}–{1.2 / 3.8:.0%})."
    )
    assert variant == (
        "In cache, 65,536 elements (2^16): gelu_tanh takes less time than gelu in PyTorch eager "
        f"({0.9 / 2.1:.3f}–{1.1 / 1.9:.3f}×)."
    )
    strips, bars = found.figures[0].panels
    assert "gelu 4.00× (3.80–4.20), gelu_tanh 2.00×" in strips.label
    assert "1.50 (1.40–1.60), its primitives add 0.100, multiply 0.300, erf 1.00" in bars.label
    [hatch] = re.findall(r'<pattern [^>]*id="(qa0-\w+)"', bars.svg)
    assert f"fill: url(#{hatch})" in bars.svg
    [lines] = re.findall(r"<pattern.*?</pattern>", bars.svg)
    assert "stroke: var(--exp)" in lines


def test_an_interval_over_a_half_is_not_told(measured: Measured, planted: Planted, at: At) -> None:
    rows = [*planted(TIMES), *split(at, PRIMITIVES, (1.1, 0.8, 1.4))]
    text = answer(measured(rows)).sentences[1]
    assert f"is not shown to be either in 1 of 1 settings (38–{1.4 / 1.9:.0%})" in text


def test_a_primitive_that_was_not_measured_leaves_the_formula_out(
    measured: Measured, planted: Planted, at: At
) -> None:
    rest = {name: each for name, each in PRIMITIVES.items() if name != "erf"}
    found = answer(measured([*planted(TIMES), *split(at, rest)]))
    assert not any("formula" in text for text in found.sentences)
    assert "its primitives" not in found.figures[0].panels[1].label


def test_on_another_device_it_is_asked_of_this_device(
    measured: Measured, planted: Planted, at: At
) -> None:
    rows = [
        replace(row, case=replace(row.case, device="cuda"))
        for row in [*planted(TIMES), *split(at, PRIMITIVES)]
    ]
    found = answer(measured(rows))
    assert found.question == "Why is GELU slow on this device?"
    assert "--device cuda" in found.command


def test_the_command_measures_its_parts(
    measured: Measured, planted: Planted, at: At, measures: Callable[[str], Any]
) -> None:
    rows = [*planted(TIMES), *split(at, PRIMITIVES)]
    chosen = measures(answer(measured(rows)).command)
    sizes = ("launch", "l1", "l2", "memory")
    names = ("gelu", "gelu_tanh", "add", "multiply", "erf")
    assert {("torch", "eager", name, size) for name in names for size in sizes} <= chosen


def test_times_without_parts_do_not_answer(
    measured: Measured, planted: Planted, measures: Callable[[str], Any]
) -> None:
    found = answer(measured(planted(TIMES)))
    assert not found.measured
    assert found.sentences == ("Not measured in this run: gelu's arithmetic is not in the rows.",)
    assert ("numpy", "eager", "erf", "l2") in measures(found.command)


@pytest.mark.parametrize(
    ("part", "others", "expected"),
    [
        (Estimate(3, 2, 4), [Estimate(1, 0, 2)], (0.75, 0.5, 1.0)),
        (Estimate(3, 2, 4), [Estimate(1), Estimate(2)], (0.5, 0.4, 4 / 7)),
        (Estimate(0, 0, 0), [Estimate(0, 0, 0)], None),
    ],
)
def test_a_share_is_as_wide_as_all_intervals_allow(
    part: Estimate, others: list[Estimate], expected: tuple[float, ...] | None
) -> None:
    found = share(part, others)
    assert (found and (found.value, found.low, found.high)) == (
        pytest.approx(expected) if expected else None
    )
