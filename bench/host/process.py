"""Identities of processes that are never reused: the id, the start, and the boot of the system."""

from __future__ import annotations

import ctypes
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PARENT, _STARTED = 1, 19
"""The positions of the parent and the start among the fields after the name in /proc/PID/stat."""
_SET_CHILD_SUBREAPER = 36
"""The number of an operation of prctl(2)."""


@dataclass(frozen=True)
class Process:
    """A process: its id, its start in clock ticks since the system's, and the id of that boot."""

    pid: int
    started: int
    boot: str

    @property
    def alive(self) -> bool:
        """Return whether the process still runs, as far as this system knows."""
        return self == _process(self.pid)


def adopt() -> None:
    """Become the parent of all later descendants whose own parent ends first."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_children() -> None:
    """Kill the children of this process, and those that it adopts in consequence, until none is
    left."""
    while children := _children():
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _children() -> list[int]:
    me = str(os.getpid())
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if (fields := _fields(pid)) and fields[_PARENT] == me]


def _fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat that follow the name; none where there is no such process."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def own() -> Process | None:
    """This process; None where the system says nothing."""
    return _process(os.getpid())


def _process(pid: int) -> Process | None:
    try:
        return Process(pid, int(_fields(pid)[_STARTED]), _BOOT.read_text().strip())
    except (OSError, ValueError, IndexError):
        return None
