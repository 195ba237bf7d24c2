"""A worker with a log of its own, for callers without a run to keep it in."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import IO

from ..host.cpus import available_cpus
from .environment import Key
from .process import WorkerProcess

_logs: dict[WorkerProcess, IO[bytes]] = {}
"""The logs, which have no name, so that nothing remains of them however this process ends."""


def start(key: Key, python: str) -> WorkerProcess:
    """A worker that is given all CPUs. Raises Failed where it cannot start."""
    log = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the worker is)
    place = Path(f"/proc/self/fd/{log.fileno()}")
    try:
        worker = WorkerProcess(key, python, available_cpus(), place)
    except BaseException:
        _close(log, failed=True)
        raise
    _logs[worker] = log
    return worker


def end(worker: WorkerProcess, failed: bool = False) -> None:
    """End a worker. Its log is kept if it failed and there is something to read."""
    worker.kill()
    _close(_logs.pop(worker), failed)


def _close(log: IO[bytes], failed: bool) -> None:
    with log:
        log.seek(0)
        if failed and (said := log.read()):
            descriptor, _ = tempfile.mkstemp(".log", "actbench-worker-")
            with os.fdopen(descriptor, "wb") as kept:
                kept.write(said)
