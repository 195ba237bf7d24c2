"""Functions that other packages make: Numba's and ONNX Runtime's, all of them relu."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import pytest

from actbench.bench import __main__ as command

from ...answers import held

_WRITTEN: Mapping[str, str] = {
    "numba": """
import numba
import numpy as np

@numba.njit
def loop(x):
    y = np.empty_like(x)
    for i in range(x.size):
        y[i] = max(x[i], x.dtype.type(0)) if x[i] == x[i] else x[i]
    return y

@numba.vectorize(["float32(float32)", "float64(float64)"])
def each(x):
    return x if x > 0 or x != x else x * np.float32(0)

def slope(x):
    return (x > 0).astype(x.dtype)
""",
    "onnxruntime": """
import numpy as np
import onnxruntime

# onnx.helper made it: one node, Relu of float32 in one dimension, without a producer.
_MODEL = bytes.fromhex(
    "080812003a350a0c0a0178120179220452656c751201675a100a0178120b0a09"
    "080112050a0312016e62100a0179120b0a09080112050a0312016e42040a00100e"
)
_session = onnxruntime.InferenceSession(_MODEL, providers=["CPUExecutionProvider"])

def session(x):
    [y] = _session.run(None, {"x": x})
    return y
""",
}


def _case(package: str, name: str, dims: int, *words: str) -> object:
    found = importlib.util.find_spec(package) is not None
    reason = f"{package} is not installed here: make setup installs it"
    mark = pytest.mark.skipif(not found, reason=reason)
    return pytest.param(package, name, dims, words, marks=mark, id=name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "name", "dims", "words"),
    [
        _case("numba", "loop", 1, "--gradient", "theirs:slope"),
        _case("numba", "each", 2),
        _case("onnxruntime", "session", 1),
    ],
)
def test_it_is_certified_as_what_its_framework_has(
    package: str,
    name: str,
    dims: int,
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "theirs.py").write_text(_WRITTEN[package])
    monkeypatch.chdir(tmp_path)
    asked = ["agree", "--callable", f"theirs:{name}", "--reference", "relu", "--json"]
    with pytest.raises(SystemExit) as end:
        command.main([*asked, "--range", "0.5", "0.50001", "--mode", "eager", *words])
    answer = held("answer-agree", capsys.readouterr().out)
    assert end.value.code == 0, answer
    assert answer["callables"] == [
        {"callable": f"theirs:{name}", "framework": "numpy", "dims": dims, "reference": "relu"}
    ]
    assert {record["max_ulp"] for record in answer["certificates"]} == {0}
    assert len(answer["certificates"]) == (2 if "--gradient" in words else 1)
