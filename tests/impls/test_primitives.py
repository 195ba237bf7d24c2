"""The primitives: what each costs is known only if it does its one operation, and no less."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from actbench.bench.catalog.activations import PRIMITIVES, find
from actbench.bench.catalog.cases import Case, forms_of
from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.exactness import sweep
from actbench.bench.exactness.problem import problem_of
from actbench.bench.results.samples import Certificate
from actbench.bench.workers.environment import Key, environment_of
from actbench.bench.workers.supervised import SupervisedWorker

ROOT = Path(__file__).resolve().parents[2]
FLUSHES = ("jax", "tensorflow")
LOSSY = {
    ("numpy", "eager", "erf"): "NumPy has no erf; the one written out loses its digits near 0",
    ("torch", "compiled", "erf"): "Inductor's vector code loses erf's digits near 0",
    ("torch", "compiled", "expm1"): "Inductor's vector code replaces expm1 by exp(x) − 1",
}
ROUNDED_ONCE = ("copy", "add", "multiply", "divide", "maximum", "absolute", "sqrt")

_COPY = """
import importlib, os
for name, value in {environment}.items():
    os.environ[name] = value
import numpy
subject = importlib.import_module("actbench.impls.{framework}")
adapter = subject.Adapter("cpu", 1)

def address(tensor):
    return numpy.from_dlpack(tensor).ctypes.data

def attempt(mode, size):
    values = numpy.arange(size, dtype=numpy.float32).view(numpy.uint32)
    x = adapter.put(values, "float32")
    copied = adapter.step(subject.copy_native, [x], None, mode, "forward")
    itself = adapter.step(lambda x: x, [x], None, "eager", "forward")
    results = [copied() for _ in range(3)]
    assert all(numpy.array_equal(adapter.get(result), values) for result in results)
    shared = any(address(result) == address(x) for result in results)
    print(mode, size, address(itself()) == address(x), shared)

for mode in {modes}:
    for size in (16, 65536):
        attempt(mode, size)
"""


@pytest.mark.slow
def test_a_copy_shares_no_memory_with_its_input(framework: str) -> None:
    """By address; the input itself, handed back, is distinguished from a copy in the same way."""
    environment = environment_of(Key(framework, "cpu", 1))
    modes = frameworks()[framework].modes
    code = _COPY.format(framework=framework, modes=modes, environment=environment)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    expected = [f"{mode} {size} True False" for mode in modes for size in (16, 65536)]
    assert done.stdout.splitlines()[-len(expected) :] == expected, done.stdout + done.stderr


def _found(
    worker: SupervisedWorker, framework: str, name: str, mode: str, direction: str
) -> Certificate:
    form = next(each for each in forms_of(find(name)) if frameworks()[framework].offers(name, each))
    case = Case(framework, name, form, mode, direction, "cpu", "float32", 0, 1)
    worker.failures.clear()
    problem = problem_of(find(name), direction, "float32", 8, seed=1)
    found = sweep.measure(case, [problem], worker.evaluate)
    assert found is not None, worker.failures
    [(sample, _)] = found
    return sample.certificate


@pytest.mark.slow
@pytest.mark.parametrize("name", PRIMITIVES)
def test_a_primitive_is_the_operation_that_its_name_says(
    framework: str, mode: str, worker: SupervisedWorker, name: str
) -> None:
    """Everywhere, subnormals aside: rounded once, or as near as its framework's library is."""
    if reason := LOSSY.get((framework, mode, name)):
        pytest.skip(reason)
    found = _found(worker, framework, name, mode, "forward")
    bound = 1.0 if name in ROUNDED_ONCE else 8.0
    assert found.max_ulp_flushed <= bound, found
    # Where a negative subnormal number stands for −0, it has a root.
    assert found.nan_mismatches == 0 or (name == "sqrt" and framework in FLUSHES), found


@pytest.mark.slow
@pytest.mark.parametrize("name", PRIMITIVES)
def test_a_primitive_has_a_gradient(
    framework: str, mode: str, worker: SupervisedWorker, name: str
) -> None:
    assert _found(worker, framework, name, mode, "backward").tested > 0
