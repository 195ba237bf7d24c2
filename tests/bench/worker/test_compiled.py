"""The compiled mode is compiled: in all functions of one worker, and a fall-back is caught."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import CATALOG
from actbench.bench.catalog.cases import Case, forms_of
from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.results.status import Status
from actbench.bench.worker.protocol import Failure
from actbench.bench.workers.environment import Key
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


# An interpreter whose worker has its compiler switched off, or kept from a part of some forms.
_PLANTED = """#!{python}
import os, runpy, sys
sys.path.insert(0, {root!r})
{planted}
sys.argv = sys.argv[3:]
runpy.run_module("actbench.bench.worker", run_name="__main__", alter_sys=True)
"""

_TORCH_PARTS = """
import actbench.impls.torch as subject
torch = subject.torch
disabled = torch.compiler.disable(torch.sigmoid)
subject.silu_textbook = torch.compiler.disable(subject.silu_textbook)
subject.mish_textbook = lambda x: x * disabled(x)
def broken(x):
    y = torch.exp(x)
    torch._dynamo.graph_break()
    return y * x
subject.gelu_textbook = broken
"""

# What is planted in a worker, and the words by which each form says so.
_FALLBACKS: dict[str, list[tuple[str, dict[str, str]]]] = {
    "torch": [
        (
            f"os.environ['{variable}'] = '1'",
            {"silu": "torch.compile ran the function eagerly"},
        )
        for variable in ("TORCHDYNAMO_DISABLE", "TORCH_COMPILE_DISABLE")
    ]
    + [
        (
            "import torch; torch.compiler.set_stance('force_eager')",
            {"silu": "torch.compile ran the function eagerly"},
        ),
        (
            "import torch; made = torch.compile; "
            "torch.compile = lambda f, **_: made(f, backend='eager')",
            {"silu": "torch.compile gave the function to another compiler"},
        ),
    ]
    + [
        (
            _TORCH_PARTS + switch,
            {
                "silu": "torch.compile runs a part eagerly: ",
                "mish": "torch.compile runs a part eagerly: ",
                "gelu": "torch.compile runs a part eagerly: ",
            },
        )
        for switch in ("", "torch._dynamo.config.suppress_errors = True")
    ],
    "jax": [
        (planted, {"silu": "jax.jit ran the function eagerly"})
        for planted in (
            "os.environ['JAX_DISABLE_JIT'] = '1'",
            "import jax; jax.config.update('jax_disable_jit', True)",
        )
    ],
    "tensorflow": [
        (
            "import tensorflow as tf; tf.config.run_functions_eagerly(True)",
            {"silu": "tf.function ran eagerly"},
        ),
        (
            "import tensorflow as tf; made = tf.function; "
            "tf.function = lambda f, **_: made(f, autograph=False)",
            {"silu": "tf.function ran as a graph without XLA"},
        ),
    ],
}


def _failures(
    compiler: str, folder: Path, planted: str, activations: Iterable[str]
) -> set[Failure]:
    """How the compiled textbook forms of a worker fail in which something is planted."""
    python = folder / "python"
    code = _PLANTED.format(python=sys.executable, root=str(ROOT), planted=planted)
    python.write_text(code)
    python.chmod(0o755)
    cases = [
        Case(compiler, activation, "textbook", "compiled", direction, "cpu", "float32", 1024, 1)
        for activation in activations
        for direction in ("forward", "backward", "both")
    ]
    cpus = sorted(os.sched_getaffinity(0))[-1:]
    worker = SupervisedWorker(
        Key(compiler, "cpu", 1), cases, str(python), cpus, folder / "log", 600.0
    )
    worker.start()
    try:
        for case in cases:
            assert worker.prepare(case, 0) is None, case
    finally:
        worker.stop()
    assert len(worker.failures) == len(cases)
    return set(worker.failures.values())


@pytest.mark.slow
def test_a_case_that_falls_back_to_eager_is_an_error(compiler: str, tmp_path: Path) -> None:
    for planted, words in _FALLBACKS[compiler]:
        for failure in _failures(compiler, tmp_path, planted, words):
            assert failure.status == "error", (planted, failure)
            assert failure.reason.startswith(tuple(words.values())), (planted, failure)


@pytest.mark.slow
def test_a_machine_without_a_compiler_is_no_error(compiler: str, tmp_path: Path) -> None:
    if compiler != "torch":
        pytest.skip("XLA compiles by itself")
    cache = f"os.environ['TORCHINDUCTOR_CACHE_DIR'] = {str(tmp_path / 'cache')!r}; "
    planted = cache + "os.environ['CXX'] = '/nowhere/g++'"
    reason = "PyTorch finds no C++ compiler: install g++ or set CXX"
    assert _failures(compiler, tmp_path, planted, ["silu"]) == {Failure(Status.UNSUPPORTED, reason)}


# What every script on programs begins with: an adapter, and all forms with changed parameters.
_FORMS = """
import importlib, os, sys
from contextlib import suppress
from functools import partial
import numpy as np
from actbench.bench.catalog.activations import CATALOG
from actbench.bench.catalog.cases import forms_of
from actbench.bench.catalog.frameworks import frameworks
framework = sys.argv[1]
for name, text in frameworks()[framework].environment.items():
    os.environ[name] = text.format(threads=1, device="cpu", cache=sys.argv[2])
subject = importlib.import_module(f"actbench.impls.{framework}")
adapter = subject.Adapter("cpu", 1)

def ones(*shape):
    return adapter.put(np.ones(shape, np.float32).view(np.uint32), "float32")

def changed(value):
    return not value if isinstance(value, bool) else 2 * value

def forms(**chosen):
    for name, record in CATALOG.items():
        own = {k: v for k, v in record.parameters.items() if k != "per_channel"}
        own = {k: v for k, v in own.items() if k not in record.learnable}
        learned = [ones(64) for _ in record.learnable]
        for form in forms_of(record):
            if frameworks()[framework].offers(name, form):
                function = getattr(subject, f"{name}_{form}")
                yield function, learned
                if own:
                    other = partial(function, **{k: changed(v) for k, v in own.items()})
                    with suppress(subject.Unsupported):
                        other(ones(4, 64), *learned)
                        yield other, learned

def step(function, arrays, direction):
    return adapter.step(function, arrays, lambda y: ones(*y.shape), "compiled", direction)
"""


def _script(code: str, compiler: str, cache: Path) -> str:
    command = [sys.executable, "-c", _FORMS + code, compiler, str(cache)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# The graph of a program in place of the program: its inputs, all of which are tensors of one shape.
_INPUTS = {
    "torch": """
def check(graph, inputs):
    adapter._inductor.graphs += 1
    values = [n.meta["example_value"] for n in graph.graph.nodes if n.op == "placeholder"]
    assert all(isinstance(value, subject.torch.Tensor) for value in values), graph
    assert all(type(side) is int for value in values for side in value.shape), graph
    assert len(values) == len(inputs) == arrays, graph
    return graph.forward

subject._Inductor.__call__ = lambda self, graph, inputs: check(graph, inputs)
for function, learned in forms():
    arrays = 1 + len(learned)
    for direction in ("forward", "both"):
        step(function, [ones(4, 64), *learned], direction)()
graphs = adapter.compilations()
print(graphs)
arrays = 1
for _ in range(2):
    for rows in range(1, 21):
        step(subject.elu_native, [ones(rows, 3)], "forward")()
assert adapter.compilations() == graphs + 20
""",
    "jax": """
def check(name, part):
    def lowered(*arrays):
        text = subject.jax.jit(part).lower(*arrays).as_text()
        [main] = [line for line in text.splitlines() if "@main(" in line]
        assert main.count("%arg") == len(arrays) and "?" not in main, (function, main)
        programs.append(main)
    return lowered

programs = []
for function, learned in forms():
    for direction in ("forward", "both"):
        arrays = [ones(4, 64), *learned]
        subject._step(function, arrays, lambda y: ones(*y.shape), direction, check)()
print(len(programs))
""",
    "tensorflow": """
def check(part):
    def traced(*arrays):
        program = subject.tf.function(part, autograph=False).get_concrete_function(*arrays)
        assert len(program.inputs) == len(arrays) and not program.captured_inputs, function
        assert all(value.shape.is_fully_defined() for value in program.inputs), function
        programs.append(program)
    return traced

programs = []
for function, learned in forms():
    for direction in ("forward", "both"):
        arrays = [ones(4, 64), *learned]
        subject._step(function, arrays, lambda y: ones(*y.shape), direction, check)()
print(len(programs))
""",
}


@pytest.mark.slow
def test_the_inputs_of_a_program_are_tensors_alone(compiler: str, tmp_path: Path) -> None:
    """Shapes are static and parameters constants, also where they are changed."""
    programs = int(_script(_INPUTS[compiler], compiler, tmp_path))
    assert programs > 2 * len(CATALOG)


_KEPT = """
for function in (partial(subject.squareplus_textbook, b=1.0), subject.isrlu_wide):
    for direction in ("forward", "backward", "both"):
        for rows in (1, 4):
            adapter.wait(step(function, [ones(rows, 64)], direction)())
    adapter.wait(step(function, [ones(4, 64)], "both")())
print(adapter.compilations(), adapter.from_cache())
"""


@pytest.mark.slow
def test_another_process_finds_every_program_in_the_cache(compiler: str, tmp_path: Path) -> None:
    first, second = (
        [int(count) for count in _script(_KEPT, compiler, tmp_path).split()] for _ in range(2)
    )
    assert first[0] == second[0] == second[1] >= 8
    assert first[1] == 0


_LAYOUTS = """
from actbench.bench.worker.operations import Worker
from actbench.bench.worker.protocol import Call, Prepare, TimedCall, TimeInTurn
from actbench.impls import torch as subject
worker = Worker(subject, "cpu", 1)
for number, layout in enumerate(("contiguous", "strided", "channels_last", "strided")):
    call = Call("silu_textbook", "compiled", output_share=1)
    timed = TimedCall(call, (2, 4, 8, 8), layout=layout)
    print(worker.prepare(Prepare(number, timed)).compilations, end="")
    worker.in_turn(TimeInTurn(number, number, 1e-4, 4))
"""


def test_a_function_is_compiled_once_for_each_layout() -> None:
    """Not again, unseen, where an input has other strides than those it was compiled for."""
    pytest.importorskip("torch", reason="PyTorch is not installed here")
    command = [sys.executable, "-c", _LAYOUTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "1110"), done.stderr


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
worker.ready[0].seconds, worker.ready[0].sight = 1.0, None  # its results have other sizes
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
