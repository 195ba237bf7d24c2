"""Temporary folders of which nothing stays, however the processes end that use them.

A folder is locked. The lock goes with its descriptor, which other processes may inherit, and the
system opens it when the last of them has ended: a folder without a lock belongs to the dead, and
the next process that wants a folder removes it. Machines, containers and users do not come in each
other's way: what cannot be locked, or is another's, is left alone.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_BEFORE, _AFTER = "actbench-", ".tmp"
_SOCKET = 107
"""Bytes of a socket's path."""
_OWN, _WITHIN = len(f"/{_BEFORE}12345678{_AFTER}"), len("/pymp-12345678/listener-12345678")
"""Bytes of a folder's name, and of a socket's in it as `multiprocessing` has them."""
_PLACES = ("/var/tmp", "/tmp")
"""Folders that nearly every system has, where those of the environment cannot be used."""
_ATTEMPTS = 10


@dataclass(frozen=True)
class Folder:
    """A temporary folder, and the descriptor that keeps others from removing it."""

    path: Path
    lock: int


@contextmanager
def folder() -> Iterator[Folder]:
    """A new temporary folder that ends with this, below TMPDIR or where the system has one.

    Its path is short enough for sockets, where one of those places is. Folders that the dead have
    left there are removed first, once per process. Raises OSError where none can be made.
    """
    _remove_left()
    made = next(filter(None, map(_made, _places())), None)
    if made is None:
        raise OSError(errno.EACCES, "no temporary folder can be made: name one in TMPDIR")
    try:
        yield made
    finally:
        shutil.rmtree(made.path, ignore_errors=True)
        os.close(made.lock)


def places() -> list[str]:
    """Folders for temporary files: that of the environment, then those of nearly every system.

    Raises FileNotFoundError where none can be written.
    """
    return list(dict.fromkeys((tempfile.gettempdir(), *_PLACES)))


def _places() -> list[str]:
    """Folders for temporary files, those first that leave room for the path of a socket."""
    longest = _SOCKET - _OWN - _WITHIN
    with suppress(OSError):
        return sorted(places(), key=lambda place: len(os.fsencode(place)) > longest)
    return []


def _made(place: str) -> Folder | None:
    """A folder in a place; None where none can be made there."""
    with suppress(OSError):
        for _ in range(_ATTEMPTS):
            path = Path(tempfile.mkdtemp(_AFTER, _BEFORE, place))
            with suppress(FileNotFoundError):  # it was removed before it was locked
                lock = _opened(path)
                with suppress(OSError):  # a system without locks removes nothing either
                    fcntl.flock(lock, fcntl.LOCK_SH)
                if path.exists():
                    return Folder(path, lock)
                os.close(lock)
    return None


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


@functools.cache
def _remove_left() -> None:
    for place in _places():
        for path in Path(place).glob(f"{_BEFORE}{'?' * 8}{_AFTER}"):
            with suppress(OSError):
                _remove_dead(path)


def _remove_dead(path: Path) -> None:
    """Remove a folder of this user that nobody has locked. Raises OSError for any other."""
    lock = _opened(path)
    try:
        if os.fstat(lock).st_uid == os.getuid():
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(lock)
