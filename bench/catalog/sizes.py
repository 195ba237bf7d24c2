"""Size classes: elements per call, chosen from the caches so that each asks another question.

| class | what bounds a call | input and output together, in float32 |
|---|---|---|
| launch | the call itself | 64 elements |
| l1 | arithmetic | at most three quarters of the first-level data cache |
| between | arithmetic | the geometric mean of l1 and l2 |
| l2 | arithmetic | an eighth to a quarter of the second level: processes differ least there |
| last_level | the shared cache | at most a quarter of the last level |
| memory | memory | 16 MiB; calls go round so many inputs and outputs that none is in a cache |

The same number of elements serves every dtype, so that dtypes can be compared. From `l1` to `l2`
time is a straight line, which `between` tests. What a class truly is on a machine, its place, is
said apart: there may be no level beyond the second, or one too large to be left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache

from ..host.caches import Worth, caches
from ..host.curve import affordable
from .places import Place, Where

Classes = Mapping[str, int]
"""The elements of each class that is defined without caches."""
CLASSES = ("launch", "l1", "between", "l2", "last_level", "memory")
_LAUNCH = 64
_PAIR = 8
"""The bytes that an element takes as float32, in the input and in the output together."""
_MEMORY = 2**21
_ENOUGH = 2
"""The number of last-level caches that calls touch before they reuse a buffer."""
# A GPU has no first level to speak of here, some 50 MiB of L2 and memory beyond.
_CUDA = {
    "launch": _LAUNCH,
    "l1": 2**16,
    "between": 2**18,
    "l2": 2**20,
    "last_level": 2**21,
    "memory": 2**27,
}
_CUDA_PLACES = {
    "launch": Place(Where.CALL),
    "l1": Place(Where.CACHE),
    "between": Place(Where.CACHE),
    "l2": Place(Where.CACHE),
    "last_level": Place(Where.LAST_LEVEL),
    "memory": Place(Where.MEMORY),
}


@cache
def size_classes(device: str) -> Classes:
    """Elements of each class on this machine, rising."""
    if device == "cuda":
        return _CUDA
    known = caches()
    return from_caches({"L1d": known.first.bytes, "L2": known.second.bytes, "L3": known.last.bytes})


def from_caches(levels: Mapping[str, int]) -> dict[str, int]:
    """The elements of each class for caches of so many bytes ("L1d", "L2", "L3")."""
    first = levels.get("L1d", 32 * 2**10)
    second = levels.get("L2", 2**20)
    last = max(levels.get("L3", 0), second)
    l2 = max(_power_below(second // 4 // _PAIR), 16 * _LAUNCH)
    l1 = min(max(_power_below(first * 3 // 4 // _PAIR), 4 * _LAUNCH), l2 // 4)
    memory = max(_MEMORY, 4 * l2)
    return {
        "launch": _LAUNCH,
        "l1": l1,
        "between": _power_below(math.isqrt(l1 * l2)),
        "l2": l2,
        "last_level": min(max(_power_below(last // 4 // _PAIR), 2 * l2), memory // 2),
        "memory": memory,
    }


def _power_below(number: int) -> int:
    """The largest power of two that is at most `number`."""
    return 1 << (max(number, 1).bit_length() - 1)


def buffers_of(size: int, itemsize: int, device: str) -> int:
    """The number of inputs, and outputs, that calls rotate through so that none stays in a cache.

    As many as memory allows; 1 below the class `memory`.
    """
    if device == "cuda" or size < size_classes(device)["memory"]:
        return 1
    return buffers(size * itemsize * 2, _to_leave(), _most())


def buffers(bytes_of_call: int, to_leave: int, most: int) -> int:
    """The number of input and output pairs that touch twice `to_leave` bytes, at most `most`."""
    wanted = -(-_ENOUGH * to_leave // bytes_of_call)
    return max(min(wanted, most // bytes_of_call), 1)


def _to_leave() -> int:
    """The bytes of the largest cache, whether measured or only nominal."""
    last = caches().last
    return max(last.bytes, last.nominal // 2)


_most = cache(affordable)
"""The most bytes that the buffers of a case take together, the same for every case."""


@cache
def places(device: str) -> Mapping[str, Place]:
    """The place that each class actually has on this machine, in float32."""
    if device == "cuda":
        return _CUDA_PLACES
    classes, known = size_classes(device), caches()
    touched = {name: size * _PAIR for name, size in classes.items()}
    touched["memory"] *= buffers_of(classes["memory"], _PAIR // 2, device)
    end = known.last.measured or known.last.bytes
    ends = known.last.worth is not Worth.ENDLESS
    return {
        name: place(name, size, known.second.bytes, end, ends) for name, size in touched.items()
    }


def place(size_class: str, touched: int, second: int, last: int, ends: bool) -> Place:
    """The place of a class whose calls touch so many bytes before they touch a byte again.

    `last` is where a copy sees the last level end, and `ends` says whether it does.
    """
    if size_class == "launch":
        return Place(Where.CALL)
    if touched >= _ENOUGH * last and ends:
        return Place(Where.MEMORY)
    return Place(Where.CACHE if touched <= second else Where.LAST_LEVEL)
