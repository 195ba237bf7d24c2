"""The floating-point environment, against faults that are there: in MXCSR, and by fesetround."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.host.cpus import available_cpus
from actbench.bench.host.floating_point import FloatingPoint
from actbench.bench.results.facts import WorkerFacts
from actbench.bench.workers.environment import Key
from actbench.bench.workers.supervised import SupervisedWorker

ROOT = Path(__file__).resolve().parents[3]
USUAL = {"flushes_results": False, "subnormals_are_zero": False, "rounding": "to nearest"}

_READ = """
import dataclasses, json, sys
from actbench.bench.worker.floating_point import state
print(json.dumps(dataclasses.asdict(state())))
"""

# The bits are those of the Intel and AMD manuals: FTZ is bit 15 of MXCSR, DAZ bit 6; and of the
# Arm manual: FZ is bit 24 of FPCR, and stands for both.
_LIBRARY = """
#if defined(__x86_64__)
#include <xmmintrin.h>
__attribute__((constructor)) static void set(void) { _mm_setcsr(_mm_getcsr() | (BITS)); }
#elif defined(__aarch64__)
__attribute__((constructor)) static void set(void) {
  unsigned long word;
  __asm__ volatile("mrs %0, fpcr" : "=r"(word));
  __asm__ volatile("msr fpcr, %0" : : "r"(word | (1UL << 24)));
}
#endif
"""


def _library(folder: Path, bits: str) -> Path:
    """A shared library that sets bits of the control word where it is loaded."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: apt-get install gcc")
    if platform.machine() not in ("x86_64", "aarch64"):
        pytest.skip(f"the control word of {platform.machine()} is not known here")
    source, library = folder / "set.c", folder / "set.so"
    source.write_text(_LIBRARY)
    command = [compiler, "-shared", "-fPIC", f"-DBITS={bits}", "-o", str(library), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return library


def _state_after(statement: str) -> dict[str, Any]:
    """What a fresh process reads of itself after a statement."""
    code = f"import ctypes; {statement}; {_READ}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_fresh_process_does_as_ieee_754_says() -> None:
    assert _state_after("pass") == USUAL


def test_reading_needs_no_numpy() -> None:
    code = "import sys, actbench.bench.worker.floating_point; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("bits", "flushes", "zero"),
    [("0x8000", True, False), ("0x0040", False, True), ("0x8040", True, True)],
)
def test_flushing_that_a_library_turns_on_is_seen(
    tmp_path: Path, bits: str, flushes: bool, zero: bool
) -> None:
    library = _library(tmp_path, bits)
    expected = {**USUAL, "flushes_results": flushes, "subnormals_are_zero": zero}
    if platform.machine() == "aarch64":
        expected = {**USUAL, "flushes_results": True, "subnormals_are_zero": True}
    assert _state_after(f"ctypes.CDLL({str(library)!r})") == expected


# The values of <fenv.h> differ by processor.
_DIRECTIONS = {
    "x86_64": {"upward": 0x800, "downward": 0x400, "toward zero": 0xC00, "to nearest": 0},
    "aarch64": {
        "upward": 0x400000,
        "downward": 0x800000,
        "toward zero": 0xC00000,
        "to nearest": 0,
    },
}


@pytest.mark.parametrize("rounding", ["upward", "downward", "toward zero", "to nearest"])
def test_the_rounding_direction_is_seen(rounding: str) -> None:
    directions = _DIRECTIONS.get(platform.machine())
    if directions is None:
        pytest.skip(f"the rounding directions of {platform.machine()} are not known here")
    found = _state_after(f"ctypes.CDLL('libm.so.6').fesetround({directions[rounding]})")
    assert found == {**USUAL, "rounding": rounding}


_IMPORTING = """#!{python}
import sys
sys.path.insert(0, {root!r})
import ctypes, runpy
import actbench.impls.numpy as subject

ready = subject.Adapter.__init__

def made(self, device, threads):
    ctypes.CDLL({library!r})
    ready(self, device, threads)

subject.Adapter.__init__ = made
sys.argv = sys.argv[3:]
runpy.run_module("actbench.bench.worker", run_name="__main__", alter_sys=True)
"""


def test_a_worker_tells_what_its_framework_changed(tmp_path: Path) -> None:
    """A framework that loads a library built for speed: before it all was well."""
    python = tmp_path / "python-with-a-fast-library"
    library = _library(tmp_path, "0x8040")
    python.write_text(
        _IMPORTING.format(python=sys.executable, root=str(ROOT), library=str(library))
    )
    python.chmod(0o755)
    facts = _facts(str(python), tmp_path)
    usual = FloatingPoint(**USUAL)
    flushing = replace(usual, flushes_results=True, subnormals_are_zero=True)
    assert (facts.before, facts.after) == (usual, flushing)


def test_a_worker_tells_both_states(tmp_path: Path) -> None:
    facts = _facts(sys.executable, tmp_path)
    assert facts.before == facts.after == FloatingPoint(**USUAL)


@pytest.mark.slow
def test_no_framework_here_changes_the_environment_by_its_import(worker: SupervisedWorker) -> None:
    assert worker.facts.before == worker.facts.after == FloatingPoint(**USUAL)


def _facts(python: str, folder: Path) -> WorkerFacts:
    worker = SupervisedWorker(
        Key("numpy", "cpu", 1), [], python, available_cpus(), folder / "log", 60.0
    )
    worker.start()
    worker.stop()
    assert worker.facts.status == "ok", worker.facts
    return worker.facts
