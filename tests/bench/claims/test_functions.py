"""Functions of a framework at given inputs, asked for once."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from actbench.bench.claims.functions import Functions, Lacking, Setting
from actbench.bench.claims.ground import Effort
from actbench.bench.workers.supervised import SupervisedWorker

X = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])


@pytest.fixture(scope="module")
def functions() -> Iterator[Functions]:
    effort = Effort({"": sys.executable}, frameworks=("numpy",), quick=True)
    with Functions.opened(None, effort) as opened:
        yield opened


def at(functions: Functions, dtype: str = "float32") -> Setting:
    return Setting(functions, "numpy", "eager", dtype)


def test_values_and_slopes_have_the_shape_of_their_inputs(functions: Functions) -> None:
    for x in (X, X[:, None], X[None]):
        assert np.array_equal(at(functions).value("relu", x), np.maximum(x, 0))
        assert np.array_equal(at(functions).slope("relu", x), (x > 0).astype(float))


def test_what_was_asked_for_before_is_not_evaluated_again(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = at(functions).value("tanh", X)
    monkeypatch.setattr(SupervisedWorker, "evaluate", None)
    assert np.array_equal(at(functions).value("tanh", X), first)


def test_a_form_or_a_format_that_is_not_there_is_lacking(functions: Functions) -> None:
    with pytest.raises(Lacking):
        at(functions).value("relu", X, "native")
    with pytest.raises(Lacking):
        at(functions, "bfloat16").value("relu", X)
    first = at(functions).first("relu", X, ("native", "where"))
    assert np.array_equal(first, at(functions).value("relu", X, "where"))


def test_the_gradient_along_a_learned_parameter_is_the_second_output(functions: Functions) -> None:
    upstream = np.array([3.0, 2.0, 1.0, 1.0, 1.0])
    found = at(functions).slope("prelu", X, upstream=upstream, output=1)
    assert found.item() == 3 * -2 + 2 * -0.5


def test_exact_values_are_those_of_the_catalogue(functions: Functions) -> None:
    exact = at(functions).exact("silu", X)
    assert exact.values == pytest.approx(X / (1 + np.exp(-X)), rel=1e-15)
    assert at(functions).exact("silu", X) is exact


def test_a_quick_answer_is_of_eager_functions(functions: Functions) -> None:
    settings = [*functions.settings(("float32", "float16"), ("eager", "compiled"))]
    assert [(s.framework, s.mode, s.dtype) for s in settings] == [
        ("numpy", "eager", "float32"),
        ("numpy", "eager", "float16"),
    ]
