"""A call that returns before its work is done is refused, whoever forgot to wait."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

_SAMPLE = """
import importlib, os, sys
from bench.worker.operations import Worker
subject = importlib.import_module("impls.{framework}")
worker = Worker(subject, "cpu", 1)
spec = dict(function="mish_textbook", parameters={{}}, learnable=[], mode="eager",
            direction="forward", dtype="float32")
worker.prepare(0, spec, (1024, 256), 0)
{twist}
try:
    print(sorted(worker.sample(0, 0.02)))
except Exception as error:
    print(type(error).__name__, error)
sys.stdout.flush()
os._exit(0)  # not waiting for what was left behind
"""

# JAX needs only to be left alone: it returns at once by itself. The others are handed to a thread,
# twenty calls' work at a time: one thread's calls hold up the other's through the interpreter lock.
_FORGOTTEN = {
    "jax": "type(worker._adapter).wait = lambda self, result: None",
    "torch": "THREAD",
    "tensorflow": "THREAD",
    "numpy": "THREAD",
}
_THREAD = """
from concurrent.futures import ThreadPoolExecutor
pool, work = ThreadPoolExecutor(1), worker._steps[0]
worker._steps[0] = lambda: pool.submit(lambda: [work() for _ in range(20)])
"""


def _sampled(framework: str, twist: str) -> str:
    code = _SAMPLE.format(framework=framework, twist=twist)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_WAIT_POLICY": "PASSIVE"},
    )
    assert done.stdout, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.slow
def test_a_call_that_is_not_waited_for_is_refused(framework: str) -> None:
    twist = _FORGOTTEN[framework].replace("THREAD", _THREAD)
    assert _sampled(framework, twist).startswith("NotWaitedError")


@pytest.mark.slow
def test_a_call_that_is_waited_for_is_timed(framework: str) -> None:
    assert "elapsed" in _sampled(framework, "")
