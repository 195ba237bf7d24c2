"""A worker with one invalid answer: `python planted.py -P start.py MODULE ARGUMENTS…`.

It takes the place of an interpreter. FAULTY_ANSWER names the answer of a process, and what is wrong
with it; FAULTY_ONCE names a file that is made when it was given, so that it is given once.
"""

from __future__ import annotations

import os
import runpy
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

WRONG = ("half", "none", "two", "unencodable", "garbage", "closed")
"""The ways in which an answer may be wrong."""


def _is_first() -> bool:
    try:
        os.close(os.open(os.environ["FAULTY_ONCE"], os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def _wrong(pipe: Connection, how: str, send: Any, record: Any) -> None:
    """Answer wrongly."""
    if how == "half":  # a length, and less than so many bytes
        os.write(pipe.fileno(), (1000).to_bytes(4, "big") + b"half")
    elif how == "two":
        send(pipe, record)
        send(pipe, record)
    elif how == "unencodable":
        failure = sys.modules["actbench.bench.worker.protocol"].Failure
        status = sys.modules["actbench.bench.results.status"].Status
        send(pipe, (record[0], failure(status.ERROR, "planted \ud800\x1b[2J\n\x00")))
    elif how == "garbage":
        pipe.send_bytes(b"\x80\x05no pickle")
    elif how == "closed":
        pipe.close()
        time.sleep(3600)
    else:
        time.sleep(3600)


def plant() -> None:
    """Make one answer of this process wrong."""
    how, _, number = os.environ["FAULTY_ANSWER"].partition(" ")
    send, sent = Connection.send, iter(range(2**30))

    def faulty(pipe: Connection, record: Any) -> None:
        if next(sent) == int(number) and _is_first():
            _wrong(pipe, how, send, record)
        else:
            send(pipe, record)

    setattr(Connection, "send", faulty)  # noqa: B010 (its type is that of every connection)


def interpreter(folder: Path) -> Path:
    """An interpreter in a folder whose workers answer wrongly."""
    path = folder / "python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P "{__file__}" "$@"\n')
    path.chmod(0o755)
    return path


if __name__ == "__main__":
    plant()
    del sys.argv[:2]
    runpy.run_path(sys.argv[0], run_name="__main__")
