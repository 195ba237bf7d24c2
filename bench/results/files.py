"""Files that anybody may have made: regular ones, in bounded memory, whose text can be shown."""

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
"""Bytes of a line, or of a file that holds one record."""
_ENOUGH, _DENSEST = 2**28, 200
"""Bytes that any file may expand to, and how many times its size a larger one may."""
_UNSHOWABLE = re.compile(
    r"(?<!\\)(?:\\\\)*\\(?:u(?:00[01][0-9a-f]|007f|00[89][0-9a-f]|202[a-e]|206[6-9])|[bfr])"
    r"|[\x7f-\x9f\u202a-\u202e\u2066-\u2069]",
    re.IGNORECASE,
)
"""Control characters and changes of direction, as JSON has them, that a terminal would obey."""
_ENDLESS = re.compile(r"\d{25}")
"""More digits than any number has that is written here."""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|Infinity|NaN')
_CONSTANTS = {"Infinity": "1e999", "NaN": '"NaN"'}


def opened(path: Path) -> IO[bytes]:
    """A regular file, open for reading. Raises OSError for any other, without waiting for it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return os.fdopen(descriptor, "rb")


def content(path: Path) -> str:
    """The text of a file that holds one record. Raises OSError, or ValueError where it is none."""
    with opened(path) as file:
        return text_of(file.read(LONGEST + 1))


def text_of(line: bytes) -> str:
    """A line as text. Raises ValueError for what no run writes and no terminal should be given."""
    if len(line) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST >> 20} MiB")
    text = line.decode("utf-8")
    if _UNSHOWABLE.search(text):
        raise ValueError("it holds control characters")
    if _ENDLESS.search(text):
        raise ValueError("it holds a number of more than 24 digits")
    return text


def plain_or_compressed(path: Path) -> Path:
    """A file as it is, or compressed where there is only that."""
    compressed = path.with_name(f"{path.name}.gz")
    return compressed if compressed.exists() and not path.exists() else path


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, be it compressed or not; of one that is too long only a beginning.

    Raises OSError, also for a file that expands beyond what runs do.
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
    """The name of a file: a plain one as it is, else one that is made plain and unique."""
    if _PLAIN.fullmatch(name):
        return name
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60]
    mark = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:8]
    return f"{plain or 'run'}-{mark}"


def dump(record: dict[str, Any], indent: int | None = None) -> str:
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
