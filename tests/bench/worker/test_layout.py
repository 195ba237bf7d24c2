"""Memory is laid out by chance where each version has a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_PLACE = """
import ctypes, sys
from actbench.bench.worker import layout
layout.scatter(sys.argv[1])
malloc = ctypes.CDLL(None).malloc
malloc.restype = ctypes.c_void_p
print(malloc(600) % 4096)
"""


def _place(seed: str) -> int:
    """Where in its page a new piece of memory lies, in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", _PLACE, seed], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_another_seed_lays_out_memory_differently() -> None:
    assert len({_place(str(seed)) for seed in range(6)}) > 3
