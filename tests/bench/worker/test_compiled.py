"""The compiled mode is compiled: in all functions of one worker, and a fall-back is caught."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import CATALOG
from actbench.bench.catalog.cases import Case, forms_of
from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.workers.supervised import SupervisedWorker

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
def test_every_activation_of_one_worker_is_really_compiled(
    compiler: str, worker: SupervisedWorker
) -> None:
    """More functions than the eight after which Dynamo would run them eagerly without a word."""
    worker.failures.clear()
    bits = inputs.timing((8, 256), "float32", 0)
    compiled = 0
    for name, record in CATALOG.items():
        form = next(form for form in forms_of(record) if frameworks()[compiler].offers(name, form))
        case = Case(compiler, name, form, "compiled", "forward", "cpu", "float32", bits.size, 1)
        outputs = worker.evaluate(case, bits)
        assert outputs is not None, worker.failures
        compiled += 1
    variants = ("elu(alpha=0.5)", "squareplus(b=1)")
    for label in variants:
        case = Case(
            compiler, label, "textbook", "compiled", "forward", "cpu", "float32", bits.size, 1
        )
        assert worker.evaluate(case, bits) is not None, worker.failures
    assert compiled + len(variants) >= 20


# What silently turns the compiler off, framework by framework, and the words of the refusal.
_SILENCED = {
    "torch": (
        "import os; os.environ['TORCHDYNAMO_DISABLE'] = '1'",
        "torch.compile ran the function eagerly",
    ),
    "jax": ("import os; os.environ['JAX_DISABLE_JIT'] = '1'", "jax.jit ran the function eagerly"),
    "tensorflow": (
        "import tensorflow; tensorflow.config.run_functions_eagerly(True)",
        "tf.function ran eagerly",
    ),
}

_STEP = """
import importlib, numpy
subject = importlib.import_module("actbench.impls.{framework}")
adapter = subject.Adapter("cpu", 1)
x = adapter.put(numpy.ones((4, 4), numpy.float32).view(numpy.uint32), "float32")
{twist}
try:
    adapter.step(subject.silu_textbook, [x], None, "compiled", "forward")
except Exception as error:
    print(type(error).__name__, error)
else:
    print("accepted")
"""


def _attempt(framework: str, before: str, twist: str = "") -> str:
    code = before + _STEP.format(framework=framework, twist=twist)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.slow
def test_a_compiler_that_is_switched_off_is_caught(compiler: str) -> None:
    before, words = _SILENCED[compiler]
    assert words in _attempt(compiler, before)
    assert _attempt(compiler, "") == "accepted"


def test_a_step_that_compiles_again_while_timed_is_refused(
    compiler: str, worker: SupervisedWorker
) -> None:
    """A sample must not hold the time of a compilation; counted by what the framework reports."""
    code = _RECOMPILES.format(framework=compiler)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.split("\n")[-3:-1] == ["2 batches", "Recompiled"], done.stdout + done.stderr


_RECOMPILES = """
import importlib, itertools, numpy
from actbench.bench.worker.operations import Worker
from actbench.bench.worker.protocol import Call, Prepare, TimedCall, TimeInTurn
subject = importlib.import_module("actbench.impls.{framework}")
worker = Worker(subject, "cpu", 1)
worker.prepare(Prepare(0, TimedCall(Call("silu_textbook", "compiled"), (4, 256))))
sizes = itertools.count(5)
def again():
    bits = numpy.zeros((4, next(sizes)), numpy.float32)
    x = worker.adapter.put(bits.view(numpy.uint32), "float32")
    silu = lambda x: subject.silu_textbook(x)
    return worker.adapter.step(silu, [x], None, "compiled", "forward")()
print(len(worker.in_turn(TimeInTurn(0, 0, 0.001, 2)).elapsed), "batches")
worker.ready[0].action = again
worker.ready[0].seconds = 1.0
try:
    worker.in_turn(TimeInTurn(0, 0, 0.001, 2))
except Exception as error:
    print(type(error).__name__)
"""


def test_results_of_both_modes_are_the_same_function(
    compiler: str, worker: SupervisedWorker
) -> None:
    """Compiled code may round otherwise; on moderate inputs it stays within a few ulp."""
    worker.failures.clear()
    bits = inputs.timing((8, 256), "float32", 0)
    results = []
    for mode in ("eager", "compiled"):
        case = Case(compiler, "softplus", "wide", mode, "forward", "cpu", "float32", bits.size, 1)
        outputs = worker.evaluate(case, bits)
        assert outputs is not None, worker.failures
        results.append(inputs.from_bits(outputs[0], "float32"))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-6)
