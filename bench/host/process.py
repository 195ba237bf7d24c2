"""Processes by what no later one shares with them: the id, the start, the boot of the system."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_STARTED = 19
"""The place of the start among the fields of /proc/PID/stat that follow the name."""


@dataclass(frozen=True)
class Process:
    """A process: its id, its start in clock ticks since the system's, and the id of that boot."""

    pid: int
    started: int
    boot: str

    @property
    def alive(self) -> bool:
        """Say whether it still runs, as far as this system knows."""
        return self == _process(self.pid)


def own() -> Process | None:
    """This process; None where the system says nothing."""
    return _process(os.getpid())


def _process(pid: int) -> Process | None:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return Process(pid, int(after_name[_STARTED]), _BOOT.read_text().strip())
    except (OSError, ValueError, IndexError):
        return None
