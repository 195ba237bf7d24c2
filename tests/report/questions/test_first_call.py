"""Warm calls of silu over relu, and what compiling took."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Row
from actbench.report.questions.first_call import answer
from actbench.report.read.evidence import Evidence

Measured = Callable[..., Evidence]
Planted = Callable[..., list[Row]]
TIMES = {
    ("torch", "compiled", "relu", "l2"): (2000.0, 1900.0, 2100.0),
    ("torch", "compiled", "silu", "l2"): (4000.0, 3900.0, 4200.0),
    ("torch", "eager", "relu", "launch"): (100.0, 90.0, 110.0),
    ("torch", "eager", "silu", "launch"): (100.0, 95.0, 120.0),
}


def rows(planted: Planted, at: Callable[..., Any], relu: float, silu: float) -> list[Row]:
    seconds = {"relu": relu, "silu": silu}
    compiled = [
        Row(at(("torch", "compiled", name, "l2")), "compile_time", duration)
        for name, duration in seconds.items()
    ]
    return [*planted(TIMES), *compiled]


def test_warm_ratios_and_compiling_are_distinguished(
    measured: Measured, planted: Planted, at: Callable[..., Any]
) -> None:
    answered = answer(measured(rows(planted, at, 8.0, 2.0)))
    low, high = 3900 / 2100, 4200 / 1900
    assert answered.sentences == (
        "In cache, 65,536 elements (2^16): silu takes longer than relu in 1 of 1 setting "
        f"({low:.2f}–{high:.2f}×).",
        "At launch, 64 elements: silu is not distinguished from relu in 1 of 1 setting "
        f"({95 / 110:.3f}–{120 / 90:.2f}×).",
        "What compiling added to the first call is no part of these ratios: PyTorch compiled, "
        "65,536 elements (2^16): relu 8.00 s or 4,000,000 warm calls and silu 2.00 s or 500,000 "
        "warm calls. Each is one call, without an interval, and a compile cache may have shortened "
        "it.",
    )
    cache, launch = answered.figures[0].panels
    assert "PyTorch compiled: silu 2.00× (1.86–2.21)" in cache.label
    assert "PyTorch eager: silu 1.00×" in launch.label


@pytest.mark.parametrize("seconds", [(0.0, 2.0), (8.0, 0.0)])
def test_what_did_not_compile_has_no_first_call(
    measured: Measured, planted: Planted, at: Callable[..., Any], seconds: tuple[float, float]
) -> None:
    answered = answer(measured(rows(planted, at, *seconds)))
    assert "not in the rows" in answered.sentences[-1]


def test_the_command_times_the_same_again(
    measured: Measured, planted: Planted, planned: Callable[[str], list[Case]]
) -> None:
    rows = planted(TIMES)
    chosen = set(planned(answer(measured(rows)).command))
    assert {row.case for row in rows} <= chosen
    assert {case.framework for case in chosen} == {"torch"}


def test_without_both_it_was_not_measured(
    measured: Measured, planted: Planted, measures: Callable[[str], Any]
) -> None:
    alone = {key: time for key, time in TIMES.items() if key[2] == "silu"}
    answered = answer(measured(planted(alone)))
    assert not answered.measured
    assert answered.figures == ()
    assert set(TIMES) <= measures(answered.command)
