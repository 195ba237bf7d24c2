"""The host's side: its description of itself, and a run that is measured there.

These are tasks of `distributed`, in a process of a cluster on that host.
"""

from __future__ import annotations

import hashlib
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from threading import Lock
from typing import Any

from ... import __version__
from ..catalog.frameworks import frameworks
from ..host import machine, process
from ..results import parcel
from ..workers.process import PACKAGE, child
from . import keeper

TOPIC = "actbench-fleet"
"""The topic of `distributed` under which a host says how far it is, and sends what it has."""
_PAUSE = 0.5
"""The seconds between two looks at a run."""
_LONGEST = 2**12
"""The most characters of a run's last words."""

_one_at_a_time = Lock()
_kept: set[int] = set()
"""The keepers of this process that have not ended."""


@dataclass(frozen=True)
class Measured:
    """A run that ended: its exit status, its last words, and its files where it has any."""

    status: int
    said: str
    files: Mapping[str, bytes]


def describe() -> dict[str, Any]:
    """This host in plain values, which any version can read.

    `boot` is equal for hosts that are one machine, `source` for hosts with the same code.
    """
    facts, me = machine.facts(), process.own()
    return {
        "version": __version__,
        "source": source(),
        "host": socket.gethostname(),
        "boot": me.boot if me else "",
        "cpu": facts.cpu or "",
        "gpus": [gpu.name for gpu in facts.gpus],
        "versions": {"python": platform.python_version(), **_versions()},
    }


def source() -> str:
    """The digest of what measures: the modules of `bench/` and `impls/`."""
    digest = hashlib.sha256()
    for room in ("bench", "impls"):
        for path in sorted((PACKAGE / room).rglob("*.py")):
            digest.update(f"{path.relative_to(PACKAGE)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    """The versions of the installed frameworks and their packages, by distribution."""
    known = frameworks().values()
    modules = {name for framework in known for name in (framework.name, *framework.packages)}
    owners = metadata.packages_distributions()
    names = sorted({name for module in modules for name in owners.get(module, ())})
    return {name: metadata.version(name) for name in names}


def measure(options: Sequence[str]) -> Measured:
    """Run `run` with some options, in a process of its own and a folder that is removed.

    It ends early where nobody waits for it any more.
    """
    wanted = _wanted()
    with _one_at_a_time, _keeping(options) as (folder, keeps):
        relay = _Relay(folder)
        while wanted() and keeps() and not (folder / keeper.STATUS).exists():
            relay.send()
            time.sleep(_PAUSE)
        if not (folder / keeper.STATUS).exists():
            return Measured(1, "it was ended", {})
        status = int((folder / keeper.STATUS).read_text())
        files = next(map(parcel.packed, keeper.runs(folder)), {})
        return Measured(status, _log(folder)[-_LONGEST:], files)


def measuring() -> int:
    """The number of runs that this process has not ended."""
    return len(_kept)


def _wanted() -> Callable[[], bool]:
    """A function that says whether anybody still waits for the task of this thread.

    Dask forgets a running task that is cancelled, and does not end it.
    """
    from distributed import get_worker
    from distributed.worker import WORKER_ANY_RUNNING

    worker = get_worker()
    key = worker.get_current_task()

    def wanted() -> bool:
        task = worker.state.tasks.get(key)
        waited_for = task is not None and task.state == "executing"
        return waited_for and worker.status in WORKER_ANY_RUNNING

    return wanted


@contextmanager
def _keeping(options: Sequence[str]) -> Iterator[tuple[Path, Callable[[], bool]]]:
    """The folder of a run that has begun, and whether its keeper is there; ends with the context.

    It leads a session of its own: who ends this process by a signal to all ends the keeper by the
    end of its input, which leaves it the time to clean up.
    """
    keeps = subprocess.Popen(
        child(sys.executable, "bench.fleet.keeper", *options),
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert keeps.stdin is not None
    assert keeps.stdout is not None
    _kept.add(keeps.pid)
    try:
        yield Path(os.fsdecode(keeps.stdout.readline().rstrip(b"\n"))), lambda: keeps.poll() is None
    finally:
        with suppress(OSError):
            keeps.stdin.close()
        keeps.wait()
        keeps.stdout.close()
        _kept.discard(keeps.pid)


def _environment() -> dict[str, str]:
    """The variables that this process was given, without what Dask added.

    It sets how memory is given back, which moves times. Folders of Python are named from the root:
    the run is in another folder.
    """
    import dask

    added = dask.config.get("distributed.nanny.pre-spawn-environ")
    kept = {name: text for name, text in os.environ.items() if text != str(added.get(name))}
    folders = filter(None, kept.get("PYTHONPATH", "").split(os.pathsep))
    return {**kept, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, folders))}


class _Relay:
    """A sender of a run's output and samples to whoever listens."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._said, self._sent = folder, "", 0

    def send(self) -> None:
        """Send the last line of a run where it is a new one, and what was measured up to then.

        A run says a line where a phase of it begins: nothing is read or packed while it times, but
        in the first half second.
        """
        from distributed import get_worker

        said = _log(self._folder).rpartition("\n")[2]
        if said == self._said:
            return
        self._said = said
        worker = get_worker()
        message = {"task": worker.get_current_task(), "said": said, "files": self._grown()}
        worker.log_event(TOPIC, message)

    def _grown(self) -> dict[str, bytes]:
        """The samples since the last that were sent; without files where there are none."""
        for run in keeper.runs(self._folder):
            files, self._sent = parcel.grown(run, self._sent)
            return files
        return {}


def _log(folder: Path) -> str:
    with suppress(OSError):
        return (folder / keeper.LOG).read_text(encoding="utf-8", errors="replace").strip()
    return ""
