"""What is seen of timed results: exact ones of every function are believed, no fault is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import CATALOG, find
from actbench.bench.catalog.cases import Case
from actbench.bench.exactness import reference
from actbench.bench.exactness.observed import refusal
from actbench.bench.worker.protocol import Look

_ROWWISE = ("crelu", "maxout", "maxout(k=4)", "logsumexp", "softmax")
_WITH_ZERO = ("logsumexp(with_zero=true)", "softmax(with_zero=true)")


def _case(label: str, direction: str = "forward", dtype: str = "float32") -> Case:
    return Case("numpy", label, "native", "eager", direction, "cpu", dtype, 64, 1)


def _exact(label: str, direction: str, dtype: str = "float32", seed: int = 0) -> Look:
    """What an exact step gives, rounded once: by Arb, which the judge does not ask."""
    activation = find(label)
    shape = (4, 16) if activation.rowwise else (64, 1)
    given = inputs.timing(shape, dtype, seed, activation.domain)
    x = inputs.from_bits(given, dtype)
    width = round(shape[1] * activation.output_share(shape[1]))
    upstream = inputs.timing((shape[0], width), dtype, seed + 1)
    pull = inputs.from_bits(upstream, dtype)
    if not activation.rowwise:
        values = reference.exact_values(activation, direction, x)
        value = np.ldexp(values.high, values.exponent)
        value = value if direction == "forward" else value * pull
    else:
        values = (
            reference.row_values(activation, x)
            if direction == "forward"
            else reference.row_gradients(activation, x, pull)
        )
        value = np.ldexp(values.high, values.exponent)
    return Look(
        np.arange(shape[0]),
        given,
        None if direction == "forward" else upstream,
        (inputs.to_bits(value, dtype),),
    )


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("label", [*CATALOG, "maxout(k=4)", *_WITH_ZERO, "squareplus(b=0)"])
def test_exact_results_are_believed(label: str, direction: str, dtype: str) -> None:
    for seed in (0, 10):
        look = _exact(label, direction, dtype, seed)
        assert refusal(_case(label, direction, dtype), look) == ""


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("label", ["gelu", "squareplus", "elu", *_ROWWISE])
def test_one_wrong_result_is_refused(label: str, direction: str, dtype: str) -> None:
    look = _exact(label, direction, dtype)
    (bits,) = look.results
    wrong = bits.copy()
    wrong[2, -1] = inputs.to_bits(np.array([9.0]), dtype)[0]
    reason = refusal(_case(label, direction, dtype), replace(look, results=(wrong,)))
    assert reason.startswith("is wrong where it is timed: 9 for ")
    assert f"({'row' if find(label).rowwise else 'element'} 2)" in reason


def test_both_results_of_a_step_are_judged() -> None:
    forward, backward = _exact("gelu", "forward"), _exact("gelu", "backward")
    case = _case("gelu", "both")
    results = (*forward.results, *backward.results)
    assert refusal(case, replace(backward, results=results)) == ""
    for place in (0, 1):
        wrong = [bits.copy() for bits in results]
        wrong[place][5] += 2**20
        assert "element 5" in refusal(case, replace(backward, results=tuple(wrong)))


def test_nothing_is_asked_where_a_gradient_jumps() -> None:
    """Beside a kink the slopes of both sides are right, and what lies between; nothing else."""
    case = _case("relu", "backward")
    one = inputs.to_bits(np.ones((3, 1)), "float32")
    at_zero = inputs.to_bits(np.array([[0.0], [1e-9], [-1e-9]]), "float32")
    for slope, believed in ((0.0, True), (0.5, True), (1.0, True), (1.1, False), (-0.1, False)):
        results = (inputs.to_bits(np.full((3, 1), slope), "float32"),)
        assert (refusal(case, Look(np.arange(3), at_zero, one, results)) == "") is believed


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("label", ["gelu", "sigmoid", "softplus", "squareplus", "softmax"])
def test_arithmetic_in_the_next_narrower_format_is_refused(label: str, dtype: str) -> None:
    narrower = {"float32": "float16", "float64": "float32"}[dtype]
    look = _exact(label, "forward", dtype)
    (bits,) = look.results
    value = inputs.from_bits(inputs.to_bits(inputs.from_bits(bits, dtype), narrower), narrower)
    rounded = (inputs.to_bits(value, dtype),)
    assert refusal(_case(label, "forward", dtype), replace(look, results=rounded))


def test_results_of_another_width_are_refused() -> None:
    look = _exact("crelu", "forward")
    (bits,) = look.results
    reason = refusal(_case("crelu"), replace(look, results=(bits[:, :16],)))
    assert reason == "wrong: gives 16 numbers per place, not 32"
