"""Planted lies, each told by a real step in a worker of its own, and each refused by its words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import find
from actbench.bench.catalog.cases import Case
from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.worker import truth, waiting
from actbench.bench.worker.operations import Worker
from actbench.bench.worker.protocol import Evaluate, Prepare
from actbench.bench.workers.requests import timed_call
from actbench.impls import numpy as real

ROOT = Path(__file__).resolve().parents[3]

# What every script begins with: a worker, a spec, and `attempt`, which prints how a case ended.
_WORKER = """
import importlib, json, sys
import numpy as np
from concurrent.futures import ThreadPoolExecutor
from actbench.bench.worker import truth
from actbench.bench.worker.operations import Worker
from actbench.bench.worker.protocol import Call, Prepare, TimedCall
name = sys.argv[1]
subject = importlib.import_module(f"actbench.impls.{name}")
worker = Worker(subject, "cpu", 1)
adapter, honest_step = worker.adapter, worker.adapter.step
pool = ThreadPoolExecutor(1)

def ending(do):
    try:
        do()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"

def prepare(call, shape=(256, 256)):
    return ending(lambda: worker.prepare(Prepare(0, TimedCall(call, shape))))

said = {}
def attempt(lie, function=None, step=None, **more):
    subject.planted = function or subject.softplus_wide
    worker.steps.functions.clear()
    worker.checks.traced.clear()
    adapter.step = step or honest_step
    said[lie] = prepare(Call("planted", **more))
    adapter.step = honest_step
"""

# How each framework says the few things that the lies need.
_WORDS = {
    "numpy": """
to_host, from_host = None, None
copy, join, empty = np.copy, np.concatenate, np.empty_like
fill = np.copyto
cast = lambda x, dtype: x.astype(dtype)
""",
    "torch": """
import torch
to_host, from_host = lambda x: x.numpy(), torch.from_numpy
copy, join, empty = torch.clone, torch.cat, torch.empty_like
fill = lambda to, values: to.copy_(values)
cast = lambda x, dtype: x.to(getattr(torch, dtype))
""",
    "jax": """
import jax, jax.numpy as jnp
to_host, from_host = np.asarray, jnp.asarray
def called_back(x):
    return jax.pure_callback(np.tanh, jax.ShapeDtypeStruct(x.shape, x.dtype), x)
within = jax.jit(called_back)
copy, join = jnp.copy, jnp.concatenate
cast = lambda x, dtype: x.astype(dtype)
""",
    "tensorflow": """
import tensorflow as tf
to_host, from_host = lambda x: x.numpy(), tf.constant
called_back = lambda x: tf.numpy_function(np.tanh, [x], x.dtype)
within = tf.function(called_back)
copy, join = lambda x: x + 0, lambda parts: tf.concat(parts, 0)
cast = tf.cast
""",
}

_LIES = """
softplus = subject.softplus_wide
if to_host:
    attempt("host", lambda x: from_host(np.tanh(to_host(x))))
if name in ("jax", "tensorflow"):
    attempt("callback", called_back)
    attempt("callback within", within)
if name == "jax":
    attempt("callback compiled", called_back, mode="compiled")
attempt("input itself", lambda x: x)
attempt("narrower", lambda x: cast(softplus(x), "float32"), dtype="float64")
if name != "numpy":
    attempt("wider", lambda x: cast(softplus(x), "float32"), dtype="bfloat16")

def again(function, arrays, *rest, **more):
    done = function(*arrays)
    return lambda: done
attempt("the same again", step=again)

def beforehand(function, arrays, *rest, **more):
    done = function(*arrays)
    return lambda: copy(done)
attempt("beforehand", step=beforehand)

def gradient(function, *rest, **more):
    honest = honest_step(function, *rest, **more)
    (done,) = honest()
    return lambda: (copy(done),)
attempt("gradient", step=gradient, direction="backward")

def elsewhere(function, arrays, *rest, **more):
    return lambda: function(*arrays)
attempt("elsewhere", step=elsewhere, output="reused")

if name == "jax":
    def folded(function, arrays, *rest, **more):
        return jax.jit(lambda: function(*arrays))
    attempt("folded", step=folded)
    jax.config.update("jax_enable_x64", False)
    worker.steps.buffers.made.clear()
    attempt("no x64", dtype="float64")
    jax.config.update("jax_enable_x64", True)
    worker.steps.buffers.made.clear()

# Last, because what does not wait may not end well.
x = worker.steps.timing_input((256, 256), "float32", 0)
if name in ("numpy", "torch"):
    def later(x):
        out = empty(x)
        pool.submit(lambda: fill(out, softplus(x)))
        return out
    attempt("later", later)
    for _ in range(10):
        fill(x, x)
    said["waiting"] = ending(lambda: worker.checks.waiting(lambda: later(x)))
else:
    if name == "jax":
        adapter.wait = lambda result: None
    else:
        tf.config.experimental.set_synchronous_execution(False)
    step = honest_step(softplus, [x], None, "compiled" if name == "jax" else "eager", "forward")
    for _ in range(20):  # a thread that is quick, or this one slow, has its work done in time
        said["waiting"] = ending(lambda: worker.checks.waiting(step))
        if said["waiting"] != "accepted":
            break
print(json.dumps(said))
sys.stdout.flush()
import os; os._exit(0)
"""

_CAUGHT = {
    "host": "Refused: goes through the host",
    "callback": "Refused: goes through the host: HostCall: calls Python by",
    "callback within": "Refused: goes through the host: HostCall: calls Python by",
    "callback compiled": "Refused: goes through the host: HostCall: calls Python by",
    "input itself": "Refused: returns an array it was given",
    "narrower": "Refused: returns",
    "wider": "Refused: returns",
    "the same again": "Refused: returns the same array again",
    "beforehand": "returns the same values for other inputs",
    "gradient": "returns the same values for other inputs",
    "elsewhere": "Refused: returns memory of its own",
    "folded": "returns the same values for other inputs",
    "no x64": "Refused: the input is float32, not float64",
    "later": "Refused:",
    "waiting": "Refused: returns before its work is done",
}
_EVERYWHERE = {
    *("input itself", "narrower", "the same again", "beforehand", "gradient"),
    "elsewhere",
}


def _run(code: str, framework: str, cache: Path) -> dict[str, Any]:
    environment = {
        **os.environ,
        "JAX_ENABLE_X64": "true",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": "1",
        "TORCHINDUCTOR_CACHE_DIR": str(cache),
    }
    done = subprocess.run(
        [sys.executable, "-c", code, framework],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr[-2000:]
    said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return said


@pytest.mark.slow
def test_every_planted_lie_is_refused_by_its_words(framework: str, tmp_path: Path) -> None:
    said = _run(_WORKER + _WORDS[framework] + _LIES, framework, tmp_path)
    assert {*_EVERYWHERE, "waiting"} <= said.keys()
    for lie, words in said.items():
        assert _CAUGHT[lie] in words, (lie, words)
    assert framework == "numpy" or "bfloat16" in said["wider"]


# Everything is compiled in peace, then prepared again beside a busy process on every CPU.
_HONEST = """
import os, subprocess
cases = {
    f"{mode} {direction} {size}": (
        Call("relu_max", mode, direction), (max(size // 256, 2), min(256, size // 2)))
    for mode in subject.MODES
    for direction in ("forward", "backward")
    for size in (64, 65536, 2**20)
}
for function in ("relu_max", "maxout_textbook", "crelu_textbook", "logsumexp_wide", "add_native"):
    for dtype in ("float16", "float64"):
        cases[f"{function} both {dtype}"] = Call(function, "eager", "both", dtype), (63, 16)
for case in cases.values():
    prepare(*case)
worker.checks.traced.clear()
spin = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])})\\nwhile True: pass"
hogs = [subprocess.Popen([sys.executable, "-c", spin, str(cpu)]) for cpu in os.sched_getaffinity(0)]
try:
    said = {name: prepare(*case) for name, case in cases.items()}
finally:
    for hog in hogs:
        hog.kill()
print(json.dumps(said))
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.slow
def test_honest_calls_are_accepted_beside_busy_processes(framework: str, tmp_path: Path) -> None:
    said = _run(_WORKER + _HONEST, framework, tmp_path)
    assert len(said) == 6 * len(frameworks()[framework].modes) + 10
    assert {case: words for case, words in said.items() if words != "accepted"} == {}


@pytest.mark.parametrize(
    "label",
    [
        *("relu", "prelu", "prelu(per_channel=true)", "crelu", "maxout", "maxout(k=4)"),
        *("logsumexp", "logsumexp(with_zero=true)", "softmax", "softmax(with_zero=true)"),
    ],
)
@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
def test_results_of_an_honest_size_are_accepted(label: str, direction: str) -> None:
    """The output may have more or fewer elements than the input, a learned gradient far fewer."""
    form = find(label).forms[0]
    case = Case("numpy", label, form, "eager", direction, "cpu", "float32", 1024, 1)
    timed = timed_call(case, 0)
    bits = inputs.timing(timed.shape, "float32", 0)
    with np.errstate(all="ignore"):
        worker = Worker(real, "cpu", 1)
        worker.prepare(Prepare(0, timed))
        assert worker.evaluate(Evaluate(timed.call, bits))


def test_results_of_another_size_are_refused() -> None:
    here = np.zeros((4, 256), np.float32)
    truth.check_elements((here, here[0]), [1024, 256])
    for results in ((here[:, :1],), (here, here), ()):
        with pytest.raises(truth.Refused, match=r"results do not fit the inputs: .* not 1,024"):
            truth.check_elements(results, [1024])


def test_what_the_framework_calls_not_ready_is_refused() -> None:
    answers = iter([True] * 30 + [False])
    with pytest.raises(truth.Refused, match="not ready"):
        waiting.check_waiting(lambda: None, lambda _: next(answers), None)
    waiting.check_waiting(lambda: None, lambda _: True, None)


def _on_a_device(wait_ns: Callable[[], int]) -> Callable[[], None]:
    """A `synchronize` that takes as long as is said, by a clock that only it moves."""
    now = [0]

    def synchronize() -> None:
        now[0] += wait_ns()

    waiting.perf_counter_ns = lambda: now[0]
    return synchronize


@pytest.mark.parametrize(("work", "refused"), [(500_000, True), (0, False)])
def test_a_device_that_still_works_is_told_from_a_slow_wait(
    work: int, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait takes 60 µs at rest here; what a call has left adds to the next."""
    monkeypatch.setattr(waiting, "perf_counter_ns", waiting.perf_counter_ns)
    pending = [0]

    def call() -> None:
        pending[0] = work

    def wait_ns() -> int:
        left, pending[0] = pending[0], 0
        return 60_000 + left

    synchronize = _on_a_device(wait_ns)
    if refused:
        with pytest.raises(truth.Refused, match="returns before its work is done"):
            waiting.check_waiting(call, lambda _: None, synchronize)
    else:
        waiting.check_waiting(call, lambda _: None, synchronize)


def test_a_result_on_another_device_is_refused() -> None:
    here, there = (SimpleNamespace(dtype="float32", device=device) for device in ("cuda:0", "cpu"))
    truth.check_result((here,), here)
    with pytest.raises(truth.Refused, match="returns a result on cpu for an input on cuda:0"):
        truth.check_result((there,), here)


def test_a_copy_from_the_device_that_its_guard_forbids_is_refused() -> None:
    def step() -> None:
        raise RuntimeError("called a synchronizing CUDA operation")

    with pytest.raises(truth.Refused, match="copies from the device while timed"):
        truth.check_guarded(step)
