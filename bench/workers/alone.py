"""A worker with a log of its own, for whoever has no run to keep it in."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from ..host.cpus import available_cpus
from .environment import Key
from .process import WorkerProcess


def start(key: Key, python: str) -> WorkerProcess:
    """A worker that is given all CPUs. Raises Failed where it cannot start."""
    descriptor, log = tempfile.mkstemp(".log", "actbench-worker-")
    os.close(descriptor)
    try:
        return WorkerProcess(key, python, available_cpus(), Path(log))
    except BaseException:
        _remove(Path(log), failed=True)
        raise


def end(worker: WorkerProcess, failed: bool = False) -> None:
    """End a worker. Its log stays where it failed and there is something to read."""
    worker.kill()
    _remove(worker.log, failed)


def _remove(log: Path, failed: bool) -> None:
    with suppress(FileNotFoundError):
        if not failed or not log.stat().st_size:
            log.unlink()
