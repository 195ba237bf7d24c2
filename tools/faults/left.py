"""The remains of a command: processes, by a mark in their environment, and files, by place."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARK = "ACTBENCH_FAULTS_TRIAL"
"""The variable that marks every process of a trial: whatever they start inherits it."""
_OF_A_RUN = ("run.json", "samples.jsonl", "rows.jsonl")
_PAUSE = 0.05


@dataclass(frozen=True)
class Marked:
    """A process of a trial: its id and the words that it was started with."""

    pid: int
    words: tuple[str, ...]

    @property
    def is_worker(self) -> bool:
        """Return whether it is a process that a framework runs in."""
        return "bench.worker" in self.words

    @property
    def has_imported(self) -> bool:
        """Return whether it has loaded NumPy, as its mapped libraries show."""
        with suppress(OSError):
            return "_multiarray_umath" in Path(f"/proc/{self.pid}/maps").read_text()
        return False

    def __str__(self) -> str:
        return " ".join(self.words)[:200]


def marked(mark: str) -> Iterator[Marked]:
    """The living processes of a trial. A dead one that was not waited for has no environment."""
    wanted = f"{MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                words = (folder / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
                yield Marked(int(folder.name), tuple(map(os.fsdecode, words)))


def processes(mark: str, patience: float) -> list[Marked]:
    """The processes of a trial that still live after some seconds; they are ended then."""
    until = time.monotonic() + patience
    while (living := list(marked(mark))) and time.monotonic() < until:
        time.sleep(_PAUSE)
    for process in living:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    return living


def files(folder: Path, run: Path, cache: Path) -> list[str]:
    """The files of a trial that should not be there.

    A run has its own files and what its workers printed, if anything; the cache has nothing half
    written.
    """
    kept = {run / name for name in _OF_A_RUN}
    kept |= {log for log in run.glob("worker-*.log") if log.stat().st_size}
    kept |= {path for path in cache.rglob("*") if ".tmp" not in path.name}
    paths = (path for path in folder.rglob("*") if path not in kept and not path.is_dir())
    return sorted(str(path.relative_to(folder)) for path in paths)
