"""Memory beside memcpy: buffers in turn, and page faults that are counted."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from actbench.bench.worker.operations import Worker
from tools import beyond_caches
from tools.beyond_caches import lines, memcpy, timed


def test_a_copy_goes_round_its_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    monkeypatch.setattr(np, "copyto", lambda target, source: seen.append(float(source[0])))
    call = memcpy(4, 3, "result")
    assert [call() for _ in range(7)] == ["result"] * 7
    assert seen == [0, 1, 2, 0, 1, 2, 0]


def test_pages_that_are_mapped_anew_are_counted() -> None:
    worker = Worker(importlib.import_module("actbench.impls.numpy"), "cpu", 1)
    kept = np.ones(2**22)
    assert timed(worker, lambda: np.negative(kept, out=kept), 2)[1] < 8
    assert timed(worker, lambda: np.ones(2**23), 2)[1] >= 8, "32 where pages are huge"


def test_there_is_a_row_for_memcpy_and_for_every_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beyond_caches, "size_classes", lambda device: {"memory": 2**12})
    names = [line.split(" | ")[0] for line in lines("numpy")]
    assert names == [
        "| memcpy, one pair of buffers",
        "| memcpy, 1 pairs",
        "| NumPy eager copy",
        "| NumPy eager relu",
    ]
