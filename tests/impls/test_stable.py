"""The stable forms against the exact value: in the case's own format, at every finite input."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from actbench.bench.catalog.activations import CATALOG, find
from actbench.bench.catalog.cases import Case
from actbench.bench.catalog.inputs import from_bits, to_bits
from actbench.bench.exactness import sweep
from actbench.bench.exactness.judge import errors_of
from actbench.bench.exactness.problem import Problem, problem_of
from actbench.bench.exactness.reference import exact_values
from actbench.bench.exactness.ulp import Errors
from actbench.bench.workers.supervised import SupervisedWorker

STABLE = [name for name, record in CATALOG.items() if "stable" in record.forms]
TUNED = [
    "elu(alpha=0.5)",
    "celu(alpha=0.5)",
    "celu(alpha=3)",
    "softplus(k=0.5)",
    "softplus(k=2)",
    "squareplus(b=0)",
    "squareplus(b=0.25)",
    "isru(alpha=3)",
    "logsumexp(with_zero=true)",
    "softmax(with_zero=true)",
    "softmax(axis=0)",
]
ULP = 8.0
"""The most ulp in float32, where subnormal results may be flushed."""
OF_TAIL = {
    "gelu": 400.0,
    "gelu_tanh": 400.0,
    "geglu": 400.0,
    "gelu_sigmoid": 130.0,
    "softplus_approximation": 130.0,
    "softmax": 130.0,
    "log_softmax": 130.0,
    "logsumexp": 130.0,
}
"""The same of those that magnify the rounding of an argument: of x/√2 x²-fold, and up to 88-fold
that of x − m, of x/ln 2 or of a gate, of which the exponential is normal."""
ELEMENTWISE = [name for name in STABLE if not find(name).rowwise]
ROWWISE = [name for name in STABLE if find(name).rowwise]


@cache
def _problem(label: str, direction: str) -> Problem:
    return problem_of(find(label), direction, "float32", 8, seed=1)


def _case(framework: str, label: str, mode: str, direction: str) -> Case:
    return Case(framework, label, "stable", mode, direction, "cpu", "float32", 0, 1)


def _judged(worker: SupervisedWorker, case: Case) -> tuple[Problem, Errors]:
    """The inputs of a case, and the errors of its results there; NaN only where it belongs."""
    worker.failures.clear()
    problem = _problem(case.activation, case.direction)
    outputs = sweep.outputs_of(case, [problem], worker.evaluate, sweep.shape_of(case))
    assert outputs is not None, worker.failures
    errors = errors_of(problem, outputs[0])
    assert not errors.mismatched.any(), problem.x[errors.mismatched]
    return problem, errors


@pytest.mark.slow
@pytest.mark.parametrize("label", [*STABLE, *TUNED])
def test_a_stable_form_is_right_to_a_few_ulp(
    framework: str, worker: SupervisedWorker, label: str, mode: str
) -> None:
    """At ±∞ as well, where it has its limit; only a NaN gives NaN."""
    problem, errors = _judged(worker, _case(framework, label, mode, "forward"))
    wrong = errors.flushed > OF_TAIL.get(find(label).name, ULP)
    if find(label).rowwise:  # nearly cancelling, as a logsumexp near 0
        wrong &= ~problem.beside_zero
    assert not wrong.any(), (problem.x[wrong][:3], errors.flushed[wrong][:3])


@pytest.mark.slow
@pytest.mark.parametrize("label", ELEMENTWISE)
def test_its_gradient_is_right_at_kinks_and_ends(
    framework: str, worker: SupervisedWorker, label: str, mode: str
) -> None:
    """At the kinks that a formula of several branches has, 0 among them, and at both ends."""
    worker.failures.clear()
    side = [0.0, 0.3, 1.0, 2.0, 9.0, 100.0, 2000.0, 3e38, np.inf]
    x = np.array([[-at for at in side] + side])
    case = _case(framework, label, mode, "backward")
    worker.include([case])
    outputs = worker.evaluate(case, to_bits(x, "float32"))
    assert outputs is not None, worker.failures
    got = from_bits(np.asarray(outputs[0]), "float32").ravel()
    finite = np.clip(x, -3e38, 3e38)
    exact = exact_values(find(label), "backward", finite).values.ravel()
    for at, value, slope in zip(x.ravel(), got, exact, strict=True):
        assert math.isclose(value, slope, rel_tol=2e-5, abs_tol=1e-7), (at, value, slope)


@pytest.mark.slow
@pytest.mark.parametrize("label", ["tanh", "softsign"])
def test_a_gradient_that_vanishes_is_right_to_a_few_ulp(
    framework: str, worker: SupervisedWorker, label: str, mode: str
) -> None:
    """At every input, where 1 − y² and the slope of a quotient lose all digits."""
    problem, errors = _judged(worker, _case(framework, label, mode, "backward"))
    wrong = errors.flushed > ULP
    assert not wrong.any(), (problem.x[wrong][:3], errors.flushed[wrong][:3])


@pytest.mark.slow
@pytest.mark.parametrize("label", ROWWISE)
def test_a_gradient_of_rows_is_right(
    framework: str, worker: SupervisedWorker, label: str, mode: str
) -> None:
    """Where several are the largest as well, and where others vanish beside it."""
    worker.failures.clear()
    problem, case = _problem(label, "backward"), _case(framework, label, mode, "backward")
    outputs = sweep.outputs_of(case, [problem], worker.evaluate, sweep.shape_of(case))
    assert outputs is not None, worker.failures
    rows = np.isfinite(problem.x).all(axis=-1)
    got, exact = from_bits(np.asarray(outputs[0]), "float32"), problem.value
    np.testing.assert_allclose(got[rows], exact[rows], rtol=1e-4, atol=3e-6)
