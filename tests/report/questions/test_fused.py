"""Compiled activations beside a compiled copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Row
from actbench.report.questions.fused import answer
from actbench.report.read.evidence import Evidence

from .conftest import around

Measured = Callable[..., Evidence]
Planted = Callable[..., list[Row]]
FUSED = {
    **around("torch", "compiled", "l2", {"copy": 100, "relu": 101, "gelu": 150}),
    **around("torch", "eager", "l2", {"copy": 1, "relu": 1, "gelu": 900}),
    **around("torch", "compiled", "memory", {"copy": 100, "gelu": 100}),
}


def test_fused_rests_on_compiled_code_alone(
    measured: Measured, planted: Planted, planned: Callable[[str], list[Case]]
) -> None:
    rows = planted(FUSED)
    answered = answer(measured(rows))
    assert answered.sentences[:2] == (
        "In cache, 65,536 elements (2^16): relu takes the same time as a compiled copy, within 5%, "
        f"in 1 of 1 setting ({0.99 * 101 / 101:.3f}–{1.01 * 101 / 99:.2f}×). gelu takes longer "
        f"than a compiled copy in 1 of 1 setting ({148.5 / 101:.2f}–{151.5 / 99:.2f}×).",
        "Streaming from DRAM, 8,388,608 elements (2^23): gelu takes the same time as a compiled "
        f"copy, within 5%, in 1 of 1 setting ({99 / 101:.3f}–{101 / 99:.2f}×).",
    )
    assert "at most" in answered.sentences[2]
    assert "No fused chain was timed." in answered.sentences[2]
    chosen = set(planned(answered.command))
    assert {case.mode for case in chosen} == {"compiled"}
    assert {row.case for row in rows if row.case.mode == "compiled"} <= chosen


def test_without_compiled_code_nothing_is_said_of_fusing(
    measured: Measured, planted: Planted, measures: Callable[[str], Any]
) -> None:
    eager = {key: time for key, time in FUSED.items() if key[1] == "eager"}
    answered = answer(measured(planted(eager)))
    assert not answered.measured
    wanted = {("torch", "compiled", name, "l2") for name in ("gelu", "copy")}
    assert wanted <= measures(answered.command)
