"""Costs from Python: of functions that are sent, and of names, in fresh processes."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import actbench
from actbench.bench.host.errors import UsageError

Array = np.ndarray[Any, Any]
_QUICK: dict[str, Any] = {"framework": "numpy", "size": 4096, "budget": 2.0, "precision": 0.2}


def _twice(x: Array) -> Array:
    return np.asarray(np.tanh(x) + np.tanh(x + 1) + np.tanh(x + 2))


def test_three_take_longer_than_one_on_the_same_input() -> None:
    cost = actbench.cost(_twice, than=lambda x: np.tanh(x), **_QUICK)
    assert cost.low > 1.2
    assert cost.low <= cost.value <= cost.high
    assert cost.ns / cost.than_ns == pytest.approx(cost.value, rel=0.5)
    assert cost.processes >= 3
    assert (cost.what, cost.than) == ("_twice", "lambda_")
    assert cost.conditions["framework"] == "numpy"
    assert cost.conditions["size"] == 4096
    assert str(cost).startswith("_twice takes ")


def test_names_and_functions_may_be_mixed() -> None:
    cost = actbench.cost(_twice, than="relu[abs]", **_QUICK)
    assert cost.than == "relu[abs]"
    assert cost.low > 1


@pytest.mark.parametrize(
    ("what", "than", "where", "sentence"),
    [
        (_twice, _twice, {}, "both functions are the same"),
        ("gelu", "silu", {"framework": ""}, "say which framework"),
        ("gelu", "gelu", {}, "compared with itself"),
        ("gelu", "nothing", {}, "unknown activation 'nothing'"),
        ("gelu", "silu", {"dtype": "float8"}, "unknown dtype 'float8'"),
        ("gelu", "silu", {"mode": "compiled"}, "NumPy has no compiled mode"),
        (lambda x: x[:3], "relu", {}, "it must return one like its input"),
        (lambda x: 1 / 0, "relu", {}, "ZeroDivisionError"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence(
    what: Any, than: Any, where: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        actbench.cost(what, than, **{**_QUICK, **where})


def test_a_function_that_keeps_its_result_is_refused() -> None:
    kept: list[Array] = []

    def keeping(x: Array) -> Array:
        if not kept:
            kept.append(np.tanh(x))
        return kept[0].copy()

    with pytest.raises(UsageError, match=r"for other inputs|wrong"):
        actbench.cost(keeping, **_QUICK)


def test_the_package_imports_nothing_that_is_not_used() -> None:
    code = "import sys, actbench; print(sorted({'numpy', 'pandas', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there_and_documented() -> None:
    assert set(actbench.__all__) <= set(dir(actbench))
    for name in actbench.__all__:
        assert (getattr(actbench, name).__doc__ or "").strip()
    with pytest.raises(AttributeError, match="no attribute 'gate'"):
        _ = actbench.gate  # type: ignore[attr-defined]
