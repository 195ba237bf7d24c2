"""Functions of one's own from a folder of theirs, by the command itself: frameworks and references.

Each command is a process of its own in a folder that has a bench/ and a report/ too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import installed

_ROOT = Path(__file__).resolve().parents[3]
_MODULES: Mapping[str, str] = {
    "of_numpy": """
import numpy as np

def silu(x):
    return x / (1 + np.exp(-x))
""",
    "of_jax": """
import jax
from jax import numpy as jnp

def plain(x):
    return x * jax.nn.sigmoid(x)

def slope(x):
    s = jax.nn.sigmoid(x)
    return s + x * s * (1 - s)

own_jvp = jax.custom_jvp(plain)
own_jvp.defjvp(lambda primals, tangents: (plain(*primals), tangents[0] * slope(*primals)))
jitted = jax.jit(plain)
""",
    "of_tensorflow": """
import keras
import tensorflow as tf

def plain(x):
    return x * tf.sigmoid(x)

class Layer(keras.layers.Layer):
    def call(self, x):
        return plain(x)
""",
    "exactly": """
import mpmath

def silu(x):
    return x / (1 + mpmath.exp(-x))
""",
}
_GIVEN = os.environ.get("PYTHONPATH", "")
Command = Callable[..., tuple[int, dict[str, Any]]]


def _triton() -> str:
    """The example of docs/own.md, a kernel of Triton's and the function around it."""
    blocks = (_ROOT / "docs/own.md").read_text(encoding="utf-8").split("```python\n")[1:]
    [kernel] = [text.partition("```")[0] for text in blocks if "import triton" in text]
    return kernel


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """A command in the user's folder: its exit status and what it printed as JSON."""
    for name in ("bench", "report"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('of the user')")
    for name, text in _MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        done = subprocess.run(
            [sys.executable, "-m", "actbench", *words, "--json"],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), _GIVEN))),
                "PYTHONSAFEPATH": "1",
                "TRITON_INTERPRET": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    return run


def _given(record: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(one["callable"], one["framework"]) for one in record["callables"]}


def _figures(record: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    return {(one["form"], one["direction"]): one["max_ulp"] for one in record["certificates"]}


_NARROW = ("--reference", "silu", "--range", "1", "1.00001")


@pytest.mark.slow
@pytest.mark.skipif(not installed("jax"), reason="jax is not installed here: make setup does it")
def test_functions_of_jax_are_certified_value_and_gradient(command: Command) -> None:
    functions = ("of_jax:own_jvp", "of_jax:jitted")
    asked = [word for name in functions for word in ("--callable", name)]
    status, record = command("agree", *asked, *_NARROW, "--mode", "compiled")
    assert status == 0
    assert _given(record) == {(name, "jax") for name in functions}
    figures = _figures(record)
    assert set(figures) == {(name, way) for name in functions for way in ("forward", "backward")}
    assert max(figures.values()) < 8


@pytest.mark.slow
@pytest.mark.skipif(not installed("tensorflow"), reason="tensorflow is not installed here")
def test_a_function_of_tensorflow_and_a_layer_of_keras_are_certified(command: Command) -> None:
    functions = ("of_tensorflow:plain", "of_tensorflow:Layer")
    asked = [word for name in functions for word in ("--callable", name)]
    status, record = command("agree", *asked, *_NARROW, "--framework", "tensorflow", "--dims", "2")
    assert status == 0
    assert _given(record) == {(name, "tensorflow") for name in functions}
    figures = _figures(record)
    assert max(figures.values()) < 8
    for way in ("forward", "backward"):
        assert figures[functions[0], way] == figures[functions[1], way], "they are the same"


@pytest.mark.slow
@pytest.mark.skipif(not installed("jax"), reason="jax is not installed here: make setup does it")
def test_a_gate_finds_that_a_rule_of_jax_became_wrong(command: Command, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    text = _MODULES["of_jax"]
    (base / "of_jax.py").write_text(text)
    (tmp_path / "of_jax.py").write_text(text.replace("return s + x", "return s - x"))
    which = ("--callable", "of_jax:own_jvp", "--reference", "silu", "--dtype", "float32")
    status, record = command("gate", "--base", str(base), *which, "--only", "exactness")
    kinds = {(row["direction"], row["kind"]) for row in record["exactness"]}
    assert status == 1
    assert ("backward", "worse") in kinds
    assert {kind for way, kind in kinds if way == "forward"} == {"identical"}


@pytest.mark.slow
def test_a_run_is_judged_by_a_reference_of_mpmath(command: Command) -> None:
    """Each exact value takes a millisecond: 64 elements, of the value alone."""
    asked = ("--reference", "exactly:silu", "--only", "timing", "--direction", "forward")
    effort = ("--size", "64", "--epochs", "1", "--budget", "0", "--out", "run")
    status, record = command("run", "--callable", "of_numpy:silu", *asked, *effort)
    [row] = [row for row in record["rows"] if row["form"] == "of_numpy:silu"]
    assert status == 0
    assert row["activation"] == "exactly:silu"
    assert row["relative_cost"]["value"] > 0
    assert record["callables"][0]["reference"] == "exactly:silu"


@pytest.mark.slow
@pytest.mark.skipif(
    not installed("triton"), reason="triton is not installed here: it takes 1 GB, and pip does it"
)
def test_a_kernel_of_triton_is_certified_in_its_interpreter(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "of_triton.py").write_text(_triton())
    asked = ("--callable", "of_triton:silu", "--direction", "forward")
    status, record = command("agree", *asked, *_NARROW)
    assert status == 0
    assert _given(record) == {("of_triton:silu", "torch")}
    assert max(_figures(record).values()) < 2
