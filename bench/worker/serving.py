"""The child's end of the pipe: requests come in, answers go out, and what fails is a `Failure`."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ..results.status import Status
from .protocol import VERSION, Failure, Operations, Pin, Start

_STATUS = {
    **dict.fromkeys(("Unsupported", "NothingToTime", "Unusable"), Status.UNSUPPORTED),
    **dict.fromkeys(("Refused", "Recompiled"), Status.REFUSED),
    "NotCompiled": Status.ERROR,
}
"""The statuses by the name of an exception whose text is the reason; two trees have classes of
their own."""
_OUT_OF_MEMORY = ("MemoryError", "OutOfMemoryError", "ResourceExhaustedError")
_LONGEST, _WHOLE = 300, 2000
"""The most characters of a reason, and of one that is given whole."""
_SOURCE = Path(__file__).resolve().parents[1]


def received(pipe: Connection, version: str) -> Start | None:
    """Receive the purpose of this process. Sends the reason, and gives None, to another tree's."""
    if version != VERSION:
        reason = "bench/worker/protocol.py has changed since this command began: run it again"
        answer(pipe, 0, Failure(Status.ERROR, reason))
        return None
    start: Start
    _, start = pipe.recv()
    return start


def answer(pipe: Connection, number: int, record: Any) -> None:
    """Answer the request of a number, the purpose of this process being 0."""
    pipe.send((number, record))


def serve(pipe: Connection, operations: Operations) -> None:
    """Answer requests, one by one, until the parent closes its end or is gone."""
    operations = {Pin: confine, **operations}
    with suppress(EOFError, ConnectionError):
        while True:
            number, request = pipe.recv()
            try:
                record = operations[type(request)](request)
            except Exception as error:
                record = failure_of(error)
            answer(pipe, number, record)


def confine(request: Pin) -> None:
    """Confine every thread of this process to the given CPUs."""
    for thread in os.listdir("/proc/self/task"):
        with suppress(ProcessLookupError):  # it may have ended since it was listed
            os.sched_setaffinity(int(thread), request.cpus)


def missing(framework: str, error: BaseException) -> Failure:
    """The reason why a worker cannot start: its framework is not installed, or does not load."""
    failure, name = failure_of(error), getattr(error, "name", None)
    if isinstance(error, ModuleNotFoundError) and name and _is_asked_for_here(name, error):
        install = f"python -m pip install {name}"
        reason = f"{name} is not installed for {sys.executable}: {install} ({error})"
        return Failure(Status.UNSUPPORTED, reason)
    if failure.status is not Status.ERROR:
        return failure
    reason = f"{framework} does not load in {sys.executable}: {_whole(error)}"
    return Failure(Status.UNLOADABLE, reason)


def _is_asked_for_here(name: str, error: BaseException) -> bool:
    """Return whether a module of `impls/` or of this package lacks a package, and no package a part
    of its own."""
    asking = Path(traceback.extract_tb(error.__traceback__)[-1].filename).resolve()
    ours = asking.parent.name == "impls" or asking.is_relative_to(_SOURCE)
    return ours and "." not in name


def failure_of(error: BaseException) -> Failure:
    """The answer of an operation that raised: the first line of its message, or all of it where
    that says nothing."""
    kind, lines = type(error).__name__, str(error).strip().splitlines()
    if kind in _STATUS:
        return Failure(_STATUS[kind], str(error))
    telling = bool(lines) and not lines[0].rstrip().endswith(":")
    reason = f"{kind}: {lines[0][:_LONGEST]}" if telling else _whole(error)
    if kind in _OUT_OF_MEMORY or "RESOURCE_EXHAUSTED" in reason:
        return Failure(Status.OOM, reason)
    return Failure(Status.ERROR, reason)


def _whole(error: BaseException) -> str:
    """The kind of an error and its message on one line; without a message, where it was raised."""
    text = " ".join(str(error).split())
    frames = traceback.extract_tb(error.__traceback__)
    if not text and frames:
        last = frames[-1]
        text = f"no message, raised in {Path(last.filename).name}, line {last.lineno}"
    return f"{type(error).__name__}: {text[:_WHOLE]}"
