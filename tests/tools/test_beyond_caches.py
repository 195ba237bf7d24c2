"""Memory beside memcpy: buffers in turn, and page faults that are counted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tools import beyond_caches
from tools.beyond_caches import lines, memcpy

ROOT = Path(__file__).resolve().parents[2]


def test_a_copy_goes_round_its_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    monkeypatch.setattr(np, "copyto", lambda target, source: seen.append(float(source[0])))
    call = memcpy(4, 3, "result")
    assert [call() for _ in range(7)] == ["result"] * 7
    assert seen == [0, 1, 2, 0, 1, 2, 0]


# In a process of its own: others change how memory is given back.
_FAULTS = """
import importlib
import numpy as np
from actbench.bench.worker.operations import Worker
from tools.beyond_caches import timed

worker = Worker(importlib.import_module("actbench.impls.numpy"), "cpu", 1)
kept = np.ones(2**22)
print(timed(worker, lambda: np.negative(kept, out=kept), 2)[1])
print(timed(worker, lambda: np.ones(2**23), 2)[1])
"""


def test_pages_that_are_mapped_anew_are_counted() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FAULTS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    kept, anew = map(float, done.stdout.split())
    assert kept < 8
    assert anew >= 8, "32 where pages are huge"


def test_there_is_a_row_for_memcpy_and_for_every_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beyond_caches, "size_classes", lambda device: {"memory": 2**12})
    names = [line.split(" | ")[0] for line in lines("numpy")]
    assert names == [
        "| memcpy, one pair of buffers",
        "| memcpy, 1 pairs",
        "| NumPy eager copy",
        "| NumPy eager relu",
    ]
