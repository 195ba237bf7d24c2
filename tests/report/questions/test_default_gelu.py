"""The formula of a native gelu, by planted errors, and the gain of tanh, by planted times."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Row
from actbench.report.questions.default_gelu import answer, apart
from actbench.report.read.rows import read

MakeRun = Callable[..., Path]
MakeCase = Callable[..., Case]
TWO_APART = "the tanh formula is 862 ulp away at -4.03."


def test_how_far_the_formulas_lie_apart() -> None:
    """Against the formulas with erf and tanh, and the spacing of NumPy's float16."""
    at, distance = apart("float16")
    exact = 0.5 * at * (1 + math.erf(at / math.sqrt(2)))
    inner = math.sqrt(2 / math.pi) * (at + 0.044715 * at**3)
    unit = float(np.spacing(np.float16(abs(exact))))
    assert distance == pytest.approx(abs(0.5 * at * (1 + math.tanh(inner)) - exact) / unit, 1e-6)
    assert float(np.float16(at)) == at
    assert round(distance) == 862


def test_a_gelu_nearer_to_the_exact_value_than_tanh_is_exact(
    make_run: MakeRun, make_case: MakeCase, planned: Callable[[str], list[Case]]
) -> None:
    """The larger error of two modes counts."""
    planted = [
        Row(make_case("gelu", dtype="float16"), "max_ulp", 2.0),
        Row(make_case("gelu", dtype="float16", mode="compiled"), "max_ulp", 3.0),
        Row(make_case("gelu", dtype="bfloat16"), "max_ulp", 255.0),
        Row(make_case("gelu", "jax", dtype="float16"), "max_ulp", 15.0),
        Row(make_case("gelu", "tensorflow", dtype="float16"), "max_ulp", 900.0),
    ]
    answered = answer(read([make_run(planted)]))
    within = "ulp of x·Φ(x) at every finite float16 input"
    assert answered.sentences == (
        f"JAX: exact, as it is called here. It stays within 15.0 {within}; {TWO_APART}",
        f"PyTorch: exact, as it is called here. It stays within 3.00 {within}; {TWO_APART}",
        f"TensorFlow: undecided by these errors. It stays within 900 {within}; {TWO_APART}",
        "What tanh saves was not timed.",
    )
    assert {case.dtype for case in planned(answered.command)} == {"float16", "bfloat16"}


def test_what_tanh_saves(make_run: MakeRun, make_case: MakeCase) -> None:
    """Less in PyTorch, undecided in JAX; a form written out is not the framework's own."""
    times = {
        make_case("gelu"): (100.0, 98.0, 102.0),
        make_case("gelu_tanh"): (50.0, 49.0, 51.0),
        make_case("gelu", "jax"): (100.0, 90.0, 110.0),
        make_case("gelu_tanh", "jax"): (100.0, 90.0, 110.0),
        make_case("gelu", "numpy", form="textbook"): (100.0, 98.0, 102.0),
        make_case("gelu_tanh", "numpy", form="textbook"): (900.0, 890.0, 910.0),
    }
    planted = [Row(case, "time_per_call", *time) for case, time in times.items()]
    answered = answer(read([make_run(planted)]))
    assert answered.sentences == (
        "Which formula a native gelu follows was not checked in 16 bits.",
        "In cache, 65,536 elements (2^16): gelu_tanh takes less time than exact gelu in 1 of 2 "
        f"settings ({49 / 102:.3f}–{51 / 98:.3f}×: PyTorch eager); is not distinguished from exact "
        f"gelu in 1 of 2 settings ({90 / 110:.3f}–{110 / 90:.2f}×: JAX eager).",
    )
    assert len(answered.figures[0].panels) == 1


@pytest.mark.parametrize("size", [5000, 2**16])
def test_errors_at_chosen_inputs_prove_nothing(
    make_run: MakeRun, make_case: MakeCase, size: int
) -> None:
    answered = answer(
        read([make_run([Row(make_case("gelu", dtype="float16", size=size), "max_ulp", 2)])])
    )
    assert answered.measured is (size == 2**16)


def test_nothing_measured_no_answer(
    make_run: MakeRun, make_case: MakeCase, planned: Callable[[str], list[Case]]
) -> None:
    answered = answer(read([make_run([Row(make_case("relu"), "time_per_call", 1.0)])]))
    assert not answered.measured
    assert {case.activation for case in planned(answered.command)} == {"gelu", "gelu_tanh"}
