"""The keeper of a worker: the process that starts it, outlives it, and leaves nothing of it behind.

A worker starts others, compilers say, and a crash of it, or of its parent, would leave them. The
keeper imports nothing and sleeps. It ends the worker and all that descends from it when the parent
closes the pipe, or is gone, and when the worker itself has ended; then it ends as the worker did.
What they write goes through it to a log, of which the rest is left out once it is long. Their
temporary files lie in a folder of their own (`host.temporary`), which it removes at the end.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_MOST = 2**20
"""The most bytes of a log."""
_CHUNK = 2**16
_LEFT_OUT = b"\n[the rest of what was written here is left out]\n"
_DEATH_SIGNAL, _SUBREAPER = 1, 36
"""Options of prctl(2): the signal when the parent ends; orphaned descendants become children."""


def keep(pipe: int, folder: int) -> None:
    """Return in a new process, the worker; in this one stay its keeper, and never return.

    `folder` is the descriptor of the temporary folder, which is locked as long as both live.
    """
    output, written = os.pipe()
    keeper, control = os.getpid(), ctypes.CDLL(None).prctl
    control(_SUBREAPER, 1, 0, 0, 0)
    worker = os.fork()
    if worker:
        os.close(written)
        _watch(worker, pipe, output)
        _end_as(worker, output, folder)
    control(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != keeper:  # it was gone before that was asked for
        os._exit(1)
    os.set_inheritable(pipe, False)
    os.set_inheritable(folder, False)
    for stream in (1, 2):
        os.dup2(written, stream)
    os.close(output)
    os.close(written)


def _watch(worker: int, pipe: int, output: int) -> None:
    """Copy what is written until the worker has ended, or the other end of its pipe is closed."""
    woken, waking = os.pipe2(os.O_NONBLOCK)
    signal.set_wakeup_fd(waking)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    events = select.poll()
    events.register(pipe, 0)  # its end is all that concerns a keeper
    events.register(woken, select.POLLIN)
    events.register(output, select.POLLIN)
    while os.waitid(os.P_PID, worker, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        ready = {descriptor for descriptor, _ in events.poll()}
        if pipe in ready:
            return
        if woken in ready:
            os.read(woken, _CHUNK)
        if output in ready and not _copy(output):
            events.unregister(output)


def _copy(output: int) -> bool:
    """Copy a piece to the log, as far as there is room; False where nothing more can come."""
    piece = os.read(output, _CHUNK)
    with suppress(OSError):  # a full disk costs the log alone
        room = _MOST - os.fstat(1).st_size
        if room > 0:
            os.write(1, piece if len(piece) < room else piece[:room] + _LEFT_OUT)
    return bool(piece)


def _end_as(worker: int, output: int, folder: int) -> None:
    """End the worker and all that descends from it, leave no file of theirs, and end as it did."""
    with suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)
    _, status = os.waitpid(worker, 0)
    with suppress(ChildProcessError):
        while True:  # whatever loses its parent becomes a child of this process
            for child in _children():
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            os.waitpid(-1, 0)
    os.set_blocking(output, False)
    with suppress(BlockingIOError):
        while _copy(output):
            pass
    shutil.rmtree(os.readlink(f"/proc/self/fd/{folder}"), ignore_errors=True)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(OSError, ValueError):  # SIGKILL needs no handler
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _children() -> Iterator[int]:
    own = str(os.getpid())
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            if Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1] == own:
                yield int(name)
