"""A worker that ends in any way takes what it started along, and its log has an end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 600.0

# A worker with two descendants: a child in its group, and one that leads a session of its own.
_WORKER = """
import os, subprocess, sys
from actbench.bench.worker.keeper import keep

pipe, folder = int(sys.argv[1]), int(sys.argv[4])
keep(pipe, folder)
others = [subprocess.Popen(["sleep", "3600"], start_new_session=apart) for apart in (False, True)]
os.write(pipe, " ".join(str(process.pid) for process in (*others,)).encode() + b" %d" % os.getpid())
sys.stdout.write(sys.argv[2] * int(sys.argv[3]))
sys.stdout.flush()
os.read(pipe, 1)
os._exit(3)
"""


def _started(
    log: Path, words: str = "", times: int = 1
) -> tuple[subprocess.Popen[bytes], socket.socket, list[int]]:
    here, there = socket.socketpair()
    (temporary := log.with_name("temporary")).mkdir()
    folder = os.open(temporary, os.O_RDONLY)
    with log.open("ab") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(there.fileno()), words, str(times), str(folder)],
            cwd=ROOT, pass_fds=[there.fileno(), folder], stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    os.close(folder)
    there.close()
    here.settimeout(PATIENCE)
    return keeper, here, list(map(int, here.recv(100).split()))


def _is_gone(pid: int) -> bool:
    with suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state in "ZX"
    return True


_ENDS: dict[str, tuple[Callable[[socket.socket, int], object], tuple[int, ...]]] = {
    "the parent closes the pipe": (lambda pipe, _: pipe.shutdown(socket.SHUT_RDWR), (-9, 3)),
    "the parent is gone": (lambda pipe, _: pipe.close(), (-9, 3)),
    "it ends by itself": (lambda pipe, _: pipe.send(b"x"), (3,)),
    "it is killed": (lambda _, worker: os.kill(worker, signal.SIGKILL), (-9,)),
    "it aborts": (lambda _, worker: os.kill(worker, signal.SIGABRT), (-6,)),
}


@pytest.mark.parametrize("end", _ENDS)
def test_nothing_is_left_of_a_worker_however_it_ends(tmp_path: Path, end: str) -> None:
    keeper, pipe, descendants = _started(tmp_path / "log")
    with pipe:
        (tmp_path / "temporary/below").mkdir()
        (tmp_path / "temporary/below/file").write_text("left")
        act, statuses = _ENDS[end]
        act(pipe, descendants[-1])
        assert keeper.wait(PATIENCE) in statuses
    assert all(map(_is_gone, descendants))
    assert os.listdir(tmp_path) == ["log"]


def test_a_worker_whose_keeper_is_killed_ends_as_well(tmp_path: Path) -> None:
    keeper, pipe, (_, apart, worker) = _started(tmp_path / "log")
    with pipe:
        keeper.kill()
        keeper.wait()
        deadline = time.monotonic() + PATIENCE
        while not _is_gone(worker):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.killpg(keeper.pid, signal.SIGKILL)  # as its parent does
        os.kill(apart, signal.SIGKILL)  # nobody knows of it any more


@pytest.mark.parametrize("times", [1, 2**20])
def test_a_log_has_all_of_a_little_and_the_beginning_of_much(tmp_path: Path, times: int) -> None:
    log = tmp_path / "log"
    keeper, pipe, _ = _started(log, "line\n", times)
    with pipe:
        pipe.send(b"x")
        keeper.wait(PATIENCE)
    text = log.read_text()
    if times == 1:
        assert text == "line\n"
    else:
        assert text.startswith("line\n" * 200_000)
        assert text.endswith("left out]\n")
        assert len(text) < 2**20 + 100
