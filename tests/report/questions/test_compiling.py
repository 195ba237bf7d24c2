"""Compiled over eager by size, and a break-even only where intervals show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Row
from actbench.report.questions.compiling import answer
from actbench.report.read.evidence import Evidence

Measured = Callable[..., Evidence]
Planted = Callable[..., list[Row]]
SIZES = ("launch", "l1", "l2", "memory")


def times(*ratios: tuple[float, float, float], name: str = "gelu") -> dict[Any, Any]:
    """PyTorch's eager time is 100 exactly, its compiled one so many times that."""
    planted_times: dict[Any, Any] = {}
    for size, ratio in zip(SIZES, ratios, strict=False):
        planted_times["torch", "eager", name, size] = (100.0, 100.0, 100.0)
        planted_times["torch", "compiled", name, size] = tuple(100.0 * end for end in ratio)
    return planted_times


LONGER, LESS, OPEN, SAME = (2.0, 1.9, 2.1), (0.5, 0.4, 0.6), (1.0, 0.8, 1.2), (1.0, 0.98, 1.02)


def test_sizes_are_stated_by_what_their_intervals_show(
    measured: Measured, planted: Planted, planned: Callable[[str], list[Case]]
) -> None:
    cases = times(LONGER, LONGER, OPEN, LESS)
    rows = planted(cases)
    answered = answer(measured(rows))
    assert answered.sentences == (
        "Compiled code takes less time than eager in PyTorch in 1 of 4 cases, more in 2: gelu at "
        "every size timed, where the intervals are apart.",
        "Compiled gelu, over eager: PyTorch longer at 64–1,024 (1.90–2.10×), not distinguished at "
        "65,536 (0.800–1.20×), less at 8,388,608 (0.400–0.600×): break-even lies between 1,024 "
        "and 8,388,608 elements.",
    )
    [panel] = answered.figures[0].panels
    assert "PyTorch 2.00 at 64 elements, 2.00 at 1,024 elements (2^10), 1.00 at" in panel.label
    assert {row.case for row in rows} <= set(planned(answered.command))


@pytest.mark.parametrize(
    "ratios",
    [
        (LESS, LESS, LESS, LESS),
        (LONGER, LONGER, LONGER, OPEN),
        (OPEN, OPEN, LESS, LESS),
        (SAME, SAME, LESS, LESS),
        (LESS, OPEN, LONGER, LONGER),
        (LONGER, LESS, LONGER, LESS),
    ],
)
def test_no_break_even_where_it_is_not_shown(
    measured: Measured, planted: Planted, ratios: tuple[tuple[float, float, float], ...]
) -> None:
    assert "break-even" not in " ".join(answer(measured(planted(times(*ratios)))).sentences)


def test_the_interval_is_as_wide_as_both_allow(measured: Measured, planted: Planted) -> None:
    planned = {
        ("jax", "eager", "relu", "l2"): (100.0, 80.0, 120.0),
        ("jax", "compiled", "relu", "l2"): (50.0, 40.0, 60.0),
        ("jax", "eager", "squareplus", "l2"): (100.0, 80.0, 120.0),
        ("jax", "compiled", "squareplus", "l2"): (50.0, 40.0, 60.0),
    }
    lead, text = answer(measured(planted(planned))).sentences
    assert "in JAX in 2 of 2 cases, more in none: relu and squareplus" in lead
    assert f"JAX less at 65,536 ({40 / 120:.3f}–{60 / 80:.3f}×)" in text


def test_relu_alone_is_drawn_and_stated_by_size(measured: Measured, planted: Planted) -> None:
    """It comes along with whatever is measured."""
    answered = answer(measured(planted(times(LONGER, LESS, name="relu"))))
    assert answered.sentences[1].startswith("Compiled relu, over eager: PyTorch longer at 64 (")
    [panel] = answered.figures[0].panels
    assert panel.label.startswith("relu: compiled over eager (×)")


def test_eager_of_one_framework_and_compiled_of_another_are_no_pair(
    measured: Measured, planted: Planted, measures: Callable[[str], Any]
) -> None:
    planned = {
        ("torch", "eager", "gelu", "l2"): (100.0, 99.0, 101.0),
        ("jax", "compiled", "gelu", "l2"): (50.0, 49.0, 51.0),
    }
    answered = answer(measured(planted(planned)))
    assert not answered.measured
    chosen = measures(answered.command)
    assert {("torch", "eager", "gelu", "l2"), ("torch", "compiled", "gelu", "l2")} <= chosen
