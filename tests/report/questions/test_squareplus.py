"""softplus over squareplus, place by place, beside what the paper says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Row
from actbench.report.questions.squareplus import answer
from actbench.report.read.evidence import Evidence

Measured = Callable[..., Evidence]
Planted = Callable[..., list[Row]]
TIMES = {
    ("jax", "compiled", "softplus", "l2"): (700.0, 650.0, 720.0),
    ("jax", "compiled", "squareplus", "l2"): (100.0, 95.0, 110.0),
    ("torch", "eager", "softplus", "l2"): (90.0, 80.0, 95.0),
    ("torch", "eager", "squareplus", "l2"): (100.0, 98.0, 102.0),
    ("torch", "eager", "softplus", "memory"): (100.0, 80.0, 130.0),
    ("torch", "eager", "squareplus", "memory"): (100.0, 98.0, 102.0),
}


def test_each_place_has_its_sentence(measured: Measured, planted: Planted) -> None:
    answered = answer(measured(planted(TIMES)))
    in_cache, streaming, claim = answered.sentences
    assert in_cache == (
        "In cache, 65,536 elements (2^16): softplus takes longer than squareplus in 1 of 2 "
        f"settings ({650 / 110:.2f}–{720 / 95:.2f}×: JAX compiled); takes less time than "
        f"squareplus in 1 of 2 settings ({80 / 102:.3f}–{95 / 98:.3f}×: PyTorch eager)."
    )
    assert streaming == (
        "Streaming from DRAM, 8,388,608 elements (2^23): softplus is not distinguished from "
        f"squareplus in 1 of 1 setting ({80 / 102:.3f}–{130 / 98:.2f}×)."
    )
    assert "arXiv 2112.11687" in claim
    assert "quoted here, not tested" in claim
    labels = [panel.label for panel in answered.figures[0].panels]
    assert ["softplus 1.00×" in label for label in labels] == [False, True]


def test_the_command_times_the_same_again(
    measured: Measured, planted: Planted, planned: Callable[[str], list[Case]]
) -> None:
    rows = planted(TIMES)
    assert {row.case for row in rows} <= set(planned(answer(measured(rows)).command))


def test_without_both_nothing_is_claimed(
    measured: Measured, planted: Planted, measures: Callable[[str], Any]
) -> None:
    alone = {key: time for key, time in TIMES.items() if key[2] == "softplus"}
    answered = answer(measured(planted(alone)))
    assert not answered.measured
    assert "Barron" not in " ".join(answered.sentences)
    assert set(TIMES) <= measures(answered.command)
