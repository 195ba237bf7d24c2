"""Inputs of timings by name: their values, their shape, and how they lie in memory.

| values | what is drawn, seeded |
|---|---|
| `normal` | standard normal numbers |
| `uniform:LOW,HIGH` | numbers between two ends, equally likely |
| `subnormal` | subnormal numbers of the format, of both signs |
| `saturated` | 1.6 to 3 times the input at which eˣ leaves the format, of both signs |
| `FILE.npy` | the numbers of a file; its name here ends with a digest of what it holds |
"""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from ..host.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

NORMAL, SUBNORMAL, SATURATED = DRAWN = ("normal", "subnormal", "saturated")
"""The values that are drawn unless others are named."""
UNIFORM = "uniform:"
CONTIGUOUS, STRIDED, CHANNELS_LAST = LAYOUTS = ("contiguous", "strided", "channels_last")
"""Layouts: one element after another, every second element, or the second of four axes last."""
LAST = -1
"""The axis of rows unless another one is named."""
_FILE, _MARK = ".npy", "@"
_DIGITS = 12
"""Hexadecimal digits of a digest in the name of a file's values."""
_WAYS = f"{', '.join(DRAWN)}, {UNIFORM}LOW,HIGH or a FILE{_FILE}"


@dataclass(frozen=True)
class Stored:
    """The numbers of a file: its path, the digest of its content, and the shape that it has."""

    path: str
    digest: str
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """The values by name: `x.npy@0123456789ab`."""
        return f"{self.path}{_MARK}{self.digest}"


def values(text: str) -> str:
    """The name of some values as it is stored.

    Raises UsageError for an unknown name, ends that are not a range, and a file that cannot be
    used.
    """
    if text in DRAWN:
        return text
    if text.startswith(UNIFORM):
        return f"{UNIFORM}{','.join(map(_shortest, ends(text)))}"
    if is_file(text):
        return stored(text).name
    raise UsageError(f"unknown input {text!r}: take {_WAYS}")


def ends(text: str) -> tuple[float, float]:
    """The ends of `uniform:LOW,HIGH`. Raises UsageError unless they are finite and rise."""
    try:
        low, high = map(float, text.removeprefix(UNIFORM).split(","))
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UsageError(
            f"cannot read {text!r}: write {UNIFORM}LOW,HIGH with two numbers, the less one first"
        )
    return low, high


def _shortest(value: float) -> str:
    """The shortest text that reads back as the value."""
    return short if float(short := f"{value:g}") == value else repr(value)


def is_file(text: str) -> bool:
    """Return whether a name is that of a file's values."""
    return text.rpartition(_MARK)[0].endswith(_FILE) or text.endswith(_FILE)


def stored(text: str) -> Stored:
    """The file of a name. Raises UsageError where it cannot be used, or has changed since."""
    path, mark, digest = text.rpartition(_MARK) if not text.endswith(_FILE) else (text, "", "")
    file = _read(path, *_stamp(path))[0]
    if mark and file.digest != digest:
        raise UsageError(f"{path} holds other numbers than it did: name it without {mark}{digest}")
    return file


def numbers(text: str) -> Array:
    """The numbers of a file, in the file's own format. Raises UsageError as `stored` does."""
    file = stored(text)
    return _read(file.path, *_stamp(file.path))[1]


def resolved(text: str) -> str:
    """The name of some values with an absolute path, for a process in another folder."""
    if not is_file(text):
        return text
    file = stored(text)
    return f"{Path(file.path).absolute()}{_MARK}{file.digest}"


def _stamp(path: str) -> tuple[int, int]:
    """The modification time and the size of a file, which show that it has changed."""
    try:
        status = Path(path).stat()
    except OSError as error:
        raise UsageError(f"cannot read the input {path}: {error.strerror}") from None
    return status.st_mtime_ns, status.st_size


@cache
def _read(path: str, *stamp: int) -> tuple[Stored, Array]:
    import numpy as np

    try:
        content = Path(path).read_bytes()
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except OSError as error:
        raise UsageError(f"cannot read the input {path}: {error.strerror or error}") from None
    except (ValueError, EOFError, MemoryError, BadZipFile):
        raise UsageError(f"cannot read the input {path}: write it with numpy.save") from None
    if not isinstance(array, np.ndarray) or array.dtype.name not in _FORMATS:
        held = getattr(getattr(array, "dtype", None), "name", "no array")
        raise UsageError(f"the input {path} holds {held}: save {' or '.join(_FORMATS)}")
    if not array.size or not array.ndim:
        raise UsageError(f"the input {path} has the shape {array.shape}: save an array of numbers")
    array.flags.writeable = False
    return Stored(path, hashlib.sha256(content).hexdigest()[:_DIGITS], array.shape), array


_FORMATS = ("float16", "float32", "float64")
"""The formats that a file may have; its numbers are rounded to that of a case."""


# --- shapes ---------------------------------------------------------------------------------------


def dimensions(shape: str) -> tuple[int, ...]:
    """The lengths of the axes of `1x3x1024`. Raises UsageError for text that is not a shape."""
    parts = shape.split("x")
    if not all(part.isdecimal() and int(part) for part in parts):
        raise UsageError(f"cannot read the shape {shape!r}: write it as 1x3x1024, without a zero")
    return tuple(map(int, parts))


def written(lengths: tuple[int, ...]) -> str:
    """A shape as it is stored: `1x3x1024`."""
    return "x".join(map(str, lengths))
