"""Files of unknown origin: regular files only, in bounded memory, with text safe to show."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from ..words import writable

LONGEST = 2**24
"""The most bytes of a line, or of a file that holds one record."""
_ENOUGH, _DENSEST = 2**28, 200
"""The bytes that any file may expand to, and the factor by which a larger one may."""
_UNSHOWABLE = re.compile(
    r"(?<!\\)(?:\\\\)*\\(?:u(?:00[01][0-9a-f]|007f|00[89][0-9a-f]|202[a-e]|206[6-9])|[bfr])"
    r"|[\x7f-\x9f\u202a-\u202e\u2066-\u2069]",
    re.IGNORECASE,
)
"""The control and direction characters, as JSON escapes them, that a terminal would obey."""
_ENDLESS = re.compile(r"\d{25}")
"""A number of more digits than any that is written here."""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|Infinity|NaN')
_CONSTANTS = {"Infinity": "1e999", "NaN": '"NaN"'}


def opened(path: Path) -> IO[bytes]:
    """A regular file, opened for reading. Raises OSError for any other kind, without blocking."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return os.fdopen(descriptor, "rb")


def content(path: Path) -> str:
    """The text of a file that holds one record. Raises OSError, or ValueError for invalid text."""
    with opened(path) as file:
        return text_of(file.read(LONGEST + 1))


def text_of(line: bytes) -> str:
    """A line as text. Raises ValueError for text that no run writes or no terminal should get."""
    if len(line) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST >> 20} MiB")
    text = line.decode("utf-8")
    if _UNSHOWABLE.search(text):
        raise ValueError("it holds control characters")
    if _ENDLESS.search(text):
        raise ValueError("it holds a number of more than 24 digits")
    return text


def plain_or_compressed(path: Path) -> Path:
    """The path of a file, or of its compressed version where only that exists."""
    compressed = path.with_name(f"{path.name}.gz")
    return compressed if compressed.exists() and not path.exists() else path


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, compressed or not; a line that is too long is cut.

    Raises OSError, also for a file that expands beyond any run.
    """
    with opened(path) as raw:
        most = max(_ENOUGH, _DENSEST * os.fstat(raw.fileno()).st_size)
        file: Any = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
        try:
            while line := file.readline(LONGEST + 1):
                yield line
                most -= len(line)
                while len(line) > LONGEST and not line.endswith(b"\n") and most >= 0:
                    line = file.readline(LONGEST + 1)
                    most -= len(line)
                if most < 0:
                    raise OSError(errno.EFBIG, "it expands to more than any run holds")
        except (EOFError, zlib.error) as error:
            raise OSError(errno.EIO, f"it is not compressed well: {error}") from None


def plain_name(name: str) -> str:
    """The name of a file: unchanged if it is plain, else made plain and unique."""
    if _PLAIN.fullmatch(name):
        return name
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60]
    mark = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:8]
    return f"{plain or 'run'}-{mark}"


def dump(record: Any, indent: int | None = None) -> str:
    """A record as JSON: infinity as 1e999, NaN as a string, and text that can be shown."""
    text = json.dumps(record, ensure_ascii=False, indent=indent)
    if _UNSHOWABLE.search(text) or not _is_encodable(text):
        text = json.dumps(_writable(record), ensure_ascii=False, indent=indent)
    if "Infinity" not in text and "NaN" not in text:
        return text
    return _STRING_OR_CONSTANT.sub(lambda match: _CONSTANTS.get(match[0], match[0]), text)


def _is_encodable(text: str) -> bool:
    with suppress(UnicodeEncodeError):
        text.encode("utf-8")
        return True
    return False


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, dict):
        return {_writable(key): _writable(item) for key, item in value.items()}
    return list(map(_writable, value)) if isinstance(value, list | tuple) else value
