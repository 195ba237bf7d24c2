"""Kinds of functions of one's own: plain, with a derivative, objects, classes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.frameworks import frameworks

_ROOT = Path(__file__).resolve().parents[3]
_WRITTEN: Mapping[str, str] = {
    "numpy": """
import numpy as np

def plain(x):
    return x / (1 + np.exp(-x))

def one_dimension(x):
    [size] = x.shape
    return plain(x)

class Group:
    inner = staticmethod(plain)

class Made:
    def __call__(self, x):
        return plain(x)
""",
    "torch": """
import numpy
import torch
from torch import nn

def plain(x):
    return x * torch.sigmoid(x)

def slope(x):
    s = torch.sigmoid(x)
    return s + x * s * (1 - s)

def by_method(x):
    return x * x.sigmoid()

class Own(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return plain(x)

    @staticmethod
    def backward(context, upstream):
        [x] = context.saved_tensors
        return upstream * slope(x)

applied = Own.apply

class Module(nn.Module):
    def forward(self, x):
        return plain(x)

instance = Module()

@torch.library.custom_op("kinds::silu", mutates_args=())
def operator(x: torch.Tensor) -> torch.Tensor:
    return plain(x)

operator.register_fake(lambda x: torch.empty_like(x))
operator.register_autograd(
    lambda context, upstream: upstream * slope(context.saved_tensors[0]),
    setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
)
packet = torch.ops.kinds.silu
""",
    "jax": """
import jax
import numpy as np
from jax import numpy as jnp

def plain(x):
    return x / (1 + jnp.exp(-x))

def slope(x):
    s = jax.nn.sigmoid(x)
    return s + x * s * (1 - s)

own_jvp = jax.custom_jvp(plain)
own_jvp.defjvp(lambda primals, tangents: (plain(*primals), tangents[0] * slope(*primals)))
own_vjp = jax.custom_vjp(plain)
own_vjp.defvjp(lambda x: (plain(x), x), lambda x, upstream: (upstream * slope(x),))
jitted = jax.jit(plain)
""",
    "tensorflow": """
import keras
import numpy as np
import tensorflow as tf

def plain(x):
    return x * tf.sigmoid(x)

@tf.custom_gradient
def own_gradient(x):
    s = tf.sigmoid(x)
    return x * s, lambda upstream: upstream * (s + x * s * (1 - s))

class Layer(keras.layers.Layer):
    def call(self, x):
        return plain(x)

instance = Layer()
named = keras.layers.Activation("silu")
kerass = keras.activations.silu
""",
}
"""A module of functions that are all SiLU."""
_ASK = """
import json, sys
import numpy as np
import kinds
from actbench.bench.catalog import inputs
from actbench.bench.worker import own_function
from actbench.bench.worker.operations import Worker
from actbench.bench.worker.protocol import Call, Evaluate

x = np.linspace(-3, 3, 64, dtype=np.float32).reshape(4, 16)
s = 1 / (1 + np.exp(-x.astype(float)))
right = {"forward": x * s, "backward": s + x * s * (1 - s)}
answer = {}
for name in json.loads(sys.argv[1]):
    function = own_function.load(f"kinds:{name}")
    [arrays] = own_function.frameworks_of(function, kinds)
    dims = own_function.dims_of(function, arrays, "cpu", "float32")
    worker = Worker(own_function.module(name, function, arrays, dims=dims), "cpu", 1)
    errors = []
    for mode in json.loads(sys.argv[2]):
        for direction in json.loads(sys.argv[3]):
            call = Call(name, mode=mode, direction=direction, output_share=1)
            [result] = worker.evaluate(Evaluate(call, inputs.to_bits(x, "float32")))
            values = inputs.from_bits(result, "float32").reshape(x.shape)
            errors.append(float(abs(values - right[direction]).max()))
    answer[name] = [arrays, dims, max(errors)]
print(json.dumps(answer))
"""


def _asked(folder: Path, framework: str, names: list[str]) -> dict[str, Any]:
    """Per name the framework that is found, the dimensions, and the largest error in all modes."""
    record = frameworks()[framework]
    directions = ["forward", "backward"] if record.differentiates else ["forward"]
    for name in ("bench", "report"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise RuntimeError('a folder of one\\'s own')")
    (folder / "kinds.py").write_text(_WRITTEN[framework])
    asked = map(json.dumps, (names, record.modes, directions))
    path = os.pathsep.join([str(folder), str(_ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", _ASK, *asked],
        env={**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


_NAMES = {
    "numpy": ["plain", "one_dimension", "Group.inner", "Made"],
    "torch": [
        *("plain", "by_method", "Own", "applied", "Module", "instance", "operator", "packet"),
    ],
    "jax": ["plain", "own_jvp", "own_vjp", "jitted"],
    "tensorflow": ["plain", "own_gradient", "Layer", "instance", "named", "kerass"],
}


@pytest.mark.slow
def test_every_kind_is_found_evaluated_and_differentiated(framework: str, tmp_path: Path) -> None:
    found = _asked(tmp_path, framework, _NAMES[framework])
    assert {arrays for arrays, _, _ in found.values()} == {framework}
    assert {name for name, (_, dims, _) in found.items() if dims == 1} <= {"one_dimension"}
    assert found.get("one_dimension", (0, 1))[1] == 1
    assert {name: error for name, (_, _, error) in found.items() if error > 1e-5} == {}
