"""The fastest at each size: only the one whose interval lies below all the others'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Row
from actbench.report.questions.fastest import answer, contenders
from actbench.report.read.evidence import Estimate, Evidence

Measured = Callable[..., Evidence]
Planted = Callable[..., list[Row]]
TIMES = {
    ("numpy", "eager", "gelu", "launch"): (10.0, 9.0, 11.0),
    ("torch", "eager", "gelu", "launch"): (20.0, 18.0, 22.0),
    ("jax", "compiled", "gelu", "launch"): (40.0, 38.0, 42.0),
    ("numpy", "eager", "gelu", "l1"): (10.0, 9.0, 10.0),
    ("torch", "eager", "gelu", "l1"): (20.0, 15.0, 22.0),
    ("numpy", "eager", "gelu", "l2"): (30.0, 25.0, 35.0),
    ("torch", "eager", "gelu", "l2"): (31.0, 30.0, 33.0),
    ("jax", "compiled", "gelu", "l2"): (90.0, 80.0, 99.0),
    ("jax", "compiled", "gelu", "memory"): (1.0, 0.9, 1.1),
}


def test_the_fastest_is_named_where_the_intervals_show(
    measured: Measured, planted: Planted, planned: Callable[[str], list[Case]]
) -> None:
    """At memory there is nobody to compare with, so nothing is said."""
    rows = planted(TIMES)
    answered = answer(measured(rows))
    least = min(18 / 11, 15 / 10)
    assert answered.sentences == (
        f"For gelu, at 64–1,024 elements NumPy eager (any other takes at least {least:.2f}×); at "
        "65,536 not distinguished (2 of 3: NumPy eager and PyTorch eager).",
    )
    [panel] = answered.figures[0].panels
    assert "JAX compiled 0.625 at 64 elements" in panel.label
    assert {row.case for row in rows} <= set(planned(answered.command))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((10, 9, 11), (20, 12, 22), ("one",)),
        ((10, 9, 11), (20, 11, 22), ("one", "other")),
        ((20, 12, 22), (10, 9, 11), ("other",)),
        ((10, None, None), (20, 18, 22), ("one", "other")),
        ((30, None, None), (20, 18, 22), ("one", "other")),
        ((30, 29, 31), (20, None, None), ("one", "other")),
    ],
)
def test_who_may_be_the_fastest(one: Any, other: Any, expected: tuple[str, ...]) -> None:
    assert contenders({"one": Estimate(*one), "other": Estimate(*other)}) == expected


def test_many_that_are_not_distinguished_are_counted(measured: Measured, planted: Planted) -> None:
    pairs = [("torch", "eager"), ("torch", "compiled"), ("jax", "eager"), ("jax", "compiled")]
    times = {(*pair, "relu", "l2"): (10.0, 5.0, 15.0) for pair in pairs}
    [text] = answer(measured(planted(times))).sentences
    assert text == "For relu, at 65,536 elements not distinguished (4 of 4)."


def test_what_is_stated_is_drawn(measured: Measured, planted: Planted) -> None:
    times = {
        (name, "eager", "squareplus", "l2"): (10.0 * n, 9.0 * n, 11.0 * n)
        for n, name in enumerate(("torch", "jax"), start=1)
    }
    answered = answer(measured(planted(times)))
    assert answered.sentences[0].startswith(
        "For squareplus, at 65,536 elements PyTorch eager (any "
    )
    [panel] = answered.figures[0].panels
    assert panel.label.startswith("squareplus: ns per element")


def test_one_framework_in_one_mode_is_no_choice(
    measured: Measured, planted: Planted, measures: Callable[[str], Any]
) -> None:
    alone = {key: time for key, time in TIMES.items() if key[0] == "torch"}
    answered = answer(measured(planted(alone)))
    assert not answered.measured
    assert "no two frameworks or modes" in answered.sentences[0]
    assert ("numpy", "eager", "gelu", "memory") in measures(answered.command)
