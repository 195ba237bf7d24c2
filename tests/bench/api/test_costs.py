"""Costs from Python: of functions that are sent, and of names, in fresh processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
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


def test_inputs_are_those_of_the_command_line(tmp_path: Path) -> None:
    np.save(tmp_path / "values.npy", np.linspace(-3, 3, 8 * 64))
    quick = {**_QUICK, "size": ""}
    file = actbench.cost(_twice, input=tmp_path / "values.npy", **quick)
    assert str(file.conditions["input"]).startswith(f"{tmp_path}/values.npy@")
    assert (file.conditions["size"], file.conditions["shape"]) == (512, "")
    laid = actbench.cost(_twice, shape=(2, 3, 4, 4), layout="strided", input="subnormal", **quick)
    said = {name: laid.conditions[name] for name in ("input", "shape", "layout", "axis", "size")}
    assert said == {
        "input": "subnormal", "shape": "2x3x4x4", "layout": "strided", "axis": -1, "size": 96
    }  # fmt: skip
    rows = actbench.cost("softmax", "relu", shape=(8, 4, 64), axis=1, **quick)
    assert (rows.conditions["shape"], rows.conditions["axis"]) == ("8x4x64", 1)
    assert "shape 8x4x64, along axis 1" in str(rows)
    assert actbench.cost("softmax", "log_softmax", row=50, **_QUICK).conditions["row"] == 50


@pytest.mark.parametrize(
    ("what", "than", "where", "sentence"),
    [
        (_twice, _twice, {}, "both functions are the same"),
        ("gelu", "silu", {"framework": ""}, "say which framework"),
        ("gelu", "gelu", {}, "compared with itself"),
        ("gelu", "nothing", {}, "unknown activation 'nothing'"),
        ("gelu", "silu", {"dtype": "float8"}, "unknown dtype 'float8'"),
        ("gelu", "silu", {"mode": "compiled"}, "NumPy has no compiled mode"),
        ("gelu", "silu", {"input": "odd"}, "unknown input 'odd'"),
        ("gelu", "silu", {"shape": "2x0"}, "cannot read the shape"),
        ("gelu", "silu", {"shape": (2, 3)}, "the shape 2x3 has 6 elements, not 4,096"),
        ("gelu", "silu", {"shape": (2, 3), "row": 3, "size": ""}, "leave --size and --row out"),
        ("gelu", "silu", {"layout": "channels_last"}, "channels_last"),
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
