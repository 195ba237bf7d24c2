"""Processes by what no later one shares with them, and the end of all that one has started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from actbench.bench.host import process

ROOT = Path(__file__).resolve().parents[3]
_ORPHANS = """
import subprocess, sys
from actbench.bench.host import process

process.adopt()
sleep = "import time; print(1, flush=True); time.sleep(3600)"
start = (
    "import subprocess, sys\\n"
    f"child = subprocess.Popen([sys.executable, '-c', {sleep!r}], stdout=subprocess.PIPE, "
    "stderr=subprocess.DEVNULL, start_new_session=True)\\n"
    "child.stdout.readline()\\n"
    "print(child.pid, flush=True)\\n"
)
stays = subprocess.Popen([sys.executable, "-c", sleep], stdout=subprocess.PIPE)
stays.stdout.readline()
leaves = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=True)
process.end_children()
print(stays.pid, leaves.stdout.strip())
"""


def test_a_process_is_known_until_it_ends() -> None:
    me = process.own()
    assert me is not None
    assert me.pid == os.getpid()
    assert me.alive


def test_children_and_what_they_left_behind_are_ended() -> None:
    """Also one with a session of its own, whose parent ended before."""
    done = subprocess.run(
        [sys.executable, "-c", _ORPHANS], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    pids = done.stdout.split()
    assert len(pids) == 2
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
