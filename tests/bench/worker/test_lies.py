"""Lies told where the time is taken: a worker of its own times them, and each is refused."""

from __future__ import annotations

import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.catalog.frameworks import IMPLS
from actbench.bench.exactness.observed import refusal
from actbench.bench.worker.clock import Batch
from actbench.bench.worker.observing import Ready
from actbench.bench.worker.operations import Worker
from actbench.bench.worker.protocol import InArm, Observe, Observed, Prepare, TimeInTurn, Turns
from actbench.bench.worker.truth import Refused
from actbench.bench.workers.environment import Key
from actbench.bench.workers.process import Failed, WorkerProcess
from actbench.bench.workers.requests import timed_call
from actbench.impls import numpy

_CASE = Case("numpy", "softplus", "wide", "eager", "forward", "cpu", "float32", 32768, 1)

# Forms of softplus, which the honest one stands for, that tell a lie each.
_LIES = r'''

import ctypes, os, subprocess, sys, threading, zlib

_KEPT = {}
_CALLS = {}

def _kept(name, key, x):
    if (name, key) not in _KEPT:
        _KEPT[name, key] = softplus_wide(x)
    return _KEPT[name, key].copy()

def _count(name):
    _CALLS[name] = _CALLS.get(name, 0) + 1
    return _CALLS[name]

def softplus_honest(x):
    return softplus_wide(x)

def softplus_by_address(x):
    return _kept("address", x.ctypes.data, x)

def softplus_by_shape(x):
    return _kept("shape", x.shape, x)

def softplus_by_few_values(x):
    return _kept("few", x.ravel()[::512].tobytes(), x)

def softplus_by_all_bytes(x):
    return _kept("all", zlib.crc32(x), x)

def softplus_by_two_contents(x):
    key = zlib.crc32(x)
    while len(_KEPT) > 40:
        _KEPT.pop(next(iter(_KEPT)))
    return _kept("two", key, x)

def softplus_in_places(x):
    out = np.ones_like(x)
    flat, given = out.ravel(), x.ravel()
    flat[::2] = softplus_wide(given[::2])
    return out

def softplus_without_tail(x):
    out = np.ones_like(x)
    out.ravel()[:-7] = softplus_wide(x.ravel()[:-7])
    return out

def softplus_without_last_row(x):
    return np.concatenate([softplus_wide(x[:-1]), x[-1:]])

def softplus_after_calls(x):
    return softplus_wide(x) if _count("after") < 16 else np.maximum(x, 0)

def softplus_between_calls(x):
    return np.maximum(x, 0) if 16 < _count("between") < 10_000 else softplus_wide(x)

def softplus_while_timed(x):
    frame, names = sys._getframe(), set()
    while frame:
        names.add(frame.f_code.co_name)
        frame = frame.f_back
    return np.maximum(x, 0) if "in_turn" in names else softplus_wide(x)

def softplus_above_size(x):
    return softplus_wide(x) if x.size <= 4096 else np.maximum(x, 0)

def softplus_narrow(x):
    return softplus_wide(x.astype(np.float16)).astype(x.dtype)

def softplus_approximately(x):
    return np.maximum(x, 0) + np.float32(0.693) * np.exp(-np.abs(x))

def softplus_scribbling(x):
    out = softplus_wide(x)
    x[-1, -1] += 1
    return out

def softplus_sorting(x):
    out = softplus_wide(x)
    x[3].sort()
    return out

_OUT = {}

def softplus_view(x):
    out = _OUT.setdefault(x.shape, np.empty_like(x))
    out[...] = softplus_wide(x)
    return out[:]

def softplus_view_by_turns(x):
    turn = _count("turns") % 3
    out = _OUT.setdefault((x.shape, turn), softplus_wide(x))
    return out[:]

def softplus_behind(x):
    out = np.zeros_like(x)
    threading.Thread(target=lambda: np.copyto(out, softplus_wide(x))).start()
    return out

def softplus_flushing(x):
    library = ctypes.CDLL(None)
    environment = (ctypes.c_uint32 * 64)()
    library.fegetenv(environment)
    environment[7] |= 0x8040
    library.fesetenv(environment)
    return softplus_wide(x)

def softplus_rounding_down(x):
    ctypes.CDLL("libm.so.6").fesetround(0x400)
    return softplus_wide(x)

_HELPER = """
import sys
while size := sys.stdin.buffer.read(8):
    given = sys.stdin.buffer.read(int.from_bytes(size, "little"))
    for _ in range(20_000):
        pass
    sys.stdout.buffer.write(given)
    sys.stdout.buffer.flush()
"""

def softplus_elsewhere(x):
    if "helper" not in _KEPT:
        _KEPT["helper"] = subprocess.Popen(
            [sys.executable, "-c", _HELPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
    helper, given = _KEPT["helper"], np.ones(64)
    helper.stdin.write(given.nbytes.to_bytes(8, "little") + given.tobytes())
    helper.stdin.flush()
    helper.stdout.read(given.nbytes)
    return softplus_wide(x)
'''
_WRONG = "is wrong where it is timed"
_REFUSED = {
    "by_address": "for other inputs",
    "by_shape": "for other inputs",
    "by_few_values": f"for other inputs|{_WRONG}",
    "by_all_bytes": "remembers results",
    "by_two_contents": "remembers results",
    "in_places": _WRONG,
    "without_tail": _WRONG,
    "without_last_row": _WRONG,
    "after_calls": _WRONG,
    "between_calls": _WRONG,
    "while_timed": _WRONG,
    "above_size": _WRONG,
    "narrow": _WRONG,
    "approximately": _WRONG,
    "scribbling": "writes to its input",
    "sorting": "writes to its input",
    "view": "returns the same array again",
    "view_by_turns": "",
    "behind": "",
}


class _Liar:
    """A worker process whose forms lie."""

    def __init__(self, folder: Path, more: str = "") -> None:
        shutil.copytree(IMPLS, folder / "impls")
        with (folder / "impls" / "numpy.py").open("a") as source:
            source.write(_LIES + more)
        key = Key("numpy", "cpu", 1)
        folders = {"base": str(folder)}
        self._worker = WorkerProcess(key, sys.executable, [0], folder / "log", folders=folders)
        self.kill = self._worker.kill

    def ending(self, form: str, case: Case = _CASE, checked: bool = True) -> str:
        """Why a form is refused; empty where it is believed."""
        timed = timed_call(case, 0)
        call = replace(timed.call, function=f"softplus_{form}")
        try:
            self._worker.ask(InArm("base", Prepare(0, replace(timed, call=call), checked)), 60)
            turns: Turns = self._worker.ask(InArm("base", TimeInTurn(0, 0, 0.0005, 4)), 60)
            seen: Observed = self._worker.ask(InArm("base", Observe(0)), 60)
        except Failed as failed:
            return failed.failure.reason
        assert len(turns.elapsed) == 4
        assert len(seen.looks) == 2, "before and after"
        return next(filter(None, (refusal(case, look) for look in seen.looks)), "")


@pytest.fixture(scope="module")
def liar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Liar]:
    """One process for the lies that harm no other."""
    worker = _Liar(tmp_path_factory.mktemp("liar"))
    yield worker
    worker.kill()


@pytest.mark.parametrize("lie", _REFUSED)
def test_a_lie_is_refused_by_name(liar: _Liar, lie: str) -> None:
    reason = liar.ending(lie)
    assert reason
    assert re.search(_REFUSED[lie], reason)
    assert liar.ending("honest") == "", "what others did is undone"


@pytest.mark.parametrize("size", [64, 4096, 32768])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_honest_form_is_believed(liar: _Liar, size: int, dtype: str) -> None:
    assert liar.ending("honest", replace(_CASE, size=size, dtype=dtype)) == ""


def test_a_lie_beyond_a_size_is_believed_below_it(liar: _Liar) -> None:
    assert liar.ending("above_size", replace(_CASE, size=4096)) == ""


@pytest.mark.parametrize("lie", ["by_address", "by_shape", "by_few_values", "while_timed"])
def test_a_lie_is_refused_in_a_process_that_checks_nothing_before(liar: _Liar, lie: str) -> None:
    assert _WRONG in liar.ending(lie, checked=False)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the bits are those of x86-64")
@pytest.mark.parametrize(
    ("lie", "change"),
    [("flushing", "subnormal results become zero"), ("rounding_down", "rounding downward")],
)
def test_a_changed_floating_point_environment_is_refused_and_restored(
    liar: _Liar, lie: str, change: str
) -> None:
    for checked in (True, False):
        reason = liar.ending(lie, checked=checked)
        assert "changes the floating-point environment" in reason
        assert change in reason
    assert liar.ending("honest") == ""


def test_a_helping_process_is_refused(liar: _Liar) -> None:
    reason = liar.ending("elsewhere", replace(_CASE, size=64), checked=False)
    assert "has other processes do" in reason


@pytest.mark.parametrize(("busy", "refused"), [(1.0, False), (1.09, False), (1.3, True)])
def test_more_cpu_time_than_the_threads_have_is_refused(busy: float, refused: bool) -> None:
    with np.errstate():
        worker = Worker(numpy, "cpu", 1)
    batches = [Batch(10_000_000, round(10_000_000 * busy), 0, 0)] * 4
    ready = Ready(lambda: None, 1.0)
    if refused:
        with pytest.raises(Refused, match=r"more threads than given: 1\.3 CPUs"):
            worker._check_work(ready, batches, 0)
    else:
        worker._check_work(ready, batches, 0)


_CLOCKS = """
import resource, time
_real = time.perf_counter_ns
for _name in ("perf_counter_ns", "process_time_ns", "monotonic_ns"):
    setattr(time, _name, lambda: 0)
for _name in ("perf_counter", "process_time", "monotonic"):
    setattr(time, _name, lambda: 0.0)
resource.getrusage = lambda _: (0,) * 16
"""


def test_a_module_that_replaces_the_clocks_changes_nothing(tmp_path: Path) -> None:
    worker = _Liar(tmp_path, _CLOCKS)
    try:
        assert worker.ending("honest", checked=False) == ""
        turns = worker._worker.ask(InArm("base", TimeInTurn(0, 0, 0.0005, 4)), 60)
    finally:
        worker.kill()
    assert min(turns.elapsed) > 0
