"""Folders kept from one run to the next: compiled code and exact values.

A kept file is sealed: it begins with a digest of its name and its content, so that a file that is
torn, changed or in the wrong place is made again and never trusted.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from . import temporary
from .progress import Reporter

_DIGEST = hashlib.sha256().digest_size
_MOST, _DAY = 2**33, 86400.0
"""The most bytes of all that is kept; the seconds of a day."""


def folder(name: str) -> Path:
    """Return a folder of the user's cache, or a temporary one where nothing can be kept."""
    for place in _places():
        if chosen := _usable(place / "actbench" / name):
            return chosen
    chosen = _forgotten() / name
    chosen.mkdir(exist_ok=True)
    return chosen


def kept() -> Path | None:
    """The folder in which caches are kept; None where nothing can be kept."""
    return next(filter(None, (_usable(place / "actbench") for place in _places())), None)


def trim(most: int = _MOST) -> None:
    """Remove the files used longest ago where more than `most` bytes are kept.

    Files used within a day stay: another run may need them.
    """
    place = kept()
    files: list[tuple[float, int, Path]] = []
    for path in place.rglob("*") if place else ():
        with suppress(OSError):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                files.append((max(status.st_atime, status.st_mtime), status.st_size, path))
    beyond, needed = sum(size for _, size, _ in files) - most, time.time() - _DAY
    for used, size, path in sorted(files):
        if beyond <= 0 or used > needed:
            break
        with suppress(OSError):
            path.unlink()
            beyond -= size


def _places() -> Iterator[Path]:
    """The user's cache, then folders for temporary files.

    XDG_CACHE_HOME is honoured. Folders with blanks are passed over, because a flag of XLA cannot
    hold them, and so are temporary folders made by another user, because compiled code is executed.
    """
    with suppress(RuntimeError):  # no home
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        if _is_plain(home):
            yield home
    for spare in temporary.places():
        place = Path(spare, f"cache-{os.getuid()}")
        with suppress(OSError):
            place.mkdir(mode=0o700, exist_ok=True)
            if _is_plain(place) and place.lstat().st_uid == os.getuid():
                yield place


def _is_plain(path: Path) -> bool:
    return not any(map(str.isspace, str(path.absolute())))


def _usable(path: Path) -> Path | None:
    with suppress(OSError):
        path.mkdir(parents=True, exist_ok=True)
        return path if os.access(path, os.W_OK) else None
    return None


@functools.cache
def _forgotten() -> Path:
    """A folder for this process alone."""
    return Path(tempfile.mkdtemp(prefix="actbench-"))


def seal(path: Path, content: bytes) -> None:
    """Write a sealed file completely or not at all: a full disk costs time, not the run."""
    partial = path.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        with partial.open("wb") as stream:
            stream.write(digest(path.name, content) + content)
        partial.replace(path)
    with suppress(OSError):
        partial.unlink(missing_ok=True)


def sealed(path: Path) -> bytes | None:
    """The sealed content; None, with a note, where it is missing or was changed."""
    try:
        held = path.read_bytes()
    except OSError:
        return None
    content = held[_DIGEST:]
    if held[:_DIGEST] == digest(path.name, content):
        return content
    Reporter().say(f"note: {path} is not what was written there: it is made again")
    return None


def digest(name: str, content: bytes) -> bytes:
    """The seal of a content under a name."""
    return hashlib.sha256(name.encode() + b"\0" + content).digest()
