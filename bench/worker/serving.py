"""The child's end of the pipe: requests come in, answers go out, and what fails is a `Failure`."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from multiprocessing.connection import Connection

from ..results.status import Status
from .protocol import VERSION, Failure, Operations, Pin, Start

_STATUS = {
    **dict.fromkeys(("Unsupported", "NothingToTime", "Unusable"), Status.UNSUPPORTED),
    **dict.fromkeys(("Refused", "Recompiled"), Status.REFUSED),
    "NotCompiled": Status.ERROR,
}
"""By the name of an exception whose text is the reason; two trees have classes of their own."""
_OUT_OF_MEMORY = ("MemoryError", "OutOfMemoryError", "ResourceExhaustedError")
_LONGEST = 300
"""Characters of a reason."""


def received(pipe: Connection, version: str) -> Start | None:
    """Receive the purpose of this process. Sends the reason, and gives None, to another tree's."""
    if version != VERSION:
        reason = "bench/worker/protocol.py has changed since this command began: run it again"
        pipe.send(Failure(Status.ERROR, reason))
        return None
    start: Start = pipe.recv()
    return start


def serve(pipe: Connection, operations: Operations) -> None:
    """Answer requests, one by one, until the parent closes its end or is gone."""
    operations = {Pin: confine, **operations}
    with suppress(EOFError, ConnectionError):
        while True:
            request = pipe.recv()
            try:
                answer = operations[type(request)](request)
            except Exception as error:
                answer = failure_of(error)
            pipe.send(answer)


def confine(request: Pin) -> None:
    """Confine every thread of this process to the given CPUs."""
    for thread in os.listdir("/proc/self/task"):
        with suppress(ProcessLookupError):  # it may have ended since it was listed
            os.sched_setaffinity(int(thread), request.cpus)


def missing(framework: str, error: Exception) -> Failure:
    """The reason why a worker cannot start."""
    if not isinstance(error, ImportError):
        return failure_of(error)
    name = error.name or framework
    install = f"{name} is not installed for {sys.executable}: python -m pip install {name}"
    return Failure(Status.UNSUPPORTED, f"{install} ({error})")


def failure_of(error: BaseException) -> Failure:
    """The answer of an operation that raised."""
    kind, lines = type(error).__name__, str(error).strip().splitlines()
    if kind in _STATUS:
        return Failure(_STATUS[kind], str(error))
    reason = f"{kind}: {lines[0][:_LONGEST] if lines else ''}"
    if kind in _OUT_OF_MEMORY or "RESOURCE_EXHAUSTED" in reason:
        return Failure(Status.OOM, reason)
    return Failure(Status.ERROR, reason)
