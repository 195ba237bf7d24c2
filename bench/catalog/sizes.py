"""Size classes: elements per call, chosen from the caches so that each asks another question.

| class | what bounds a call | input and output together, in float32 |
|---|---|---|
| launch | the call itself | 64 elements |
| l1 | arithmetic | at most three quarters of the first-level data cache |
| between | arithmetic | the geometric mean of l1 and l2 |
| l2 | arithmetic | at most half of the second level |
| last_level | the shared cache | at most a quarter of the last level |
| memory | DRAM | at least twice the last level up to 256 MiB, an output that malloc maps afresh |

The same number of elements serves every dtype, so that dtypes can be compared. From `l1` to `l2`
time is a straight line, which `between` tests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache

from ..host import machine

Classes = Mapping[str, int]
"""Class to elements."""
CLASSES = ("launch", "l1", "between", "l2", "last_level", "memory")
_LAUNCH = 64
_PAIR = 8
"""Bytes of an element's float32 input and output."""
_MAPPED = 2**23
"""Elements from which glibc's malloc maps a float32 array afresh each time (32 MiB)."""
_LARGEST = 2**25
# A GPU has no first level to speak of here, some 50 MiB of L2 and memory beyond.
_CUDA = {
    "launch": _LAUNCH,
    "l1": 2**16,
    "between": 2**18,
    "l2": 2**20,
    "last_level": 2**21,
    "memory": 2**27,
}


@cache
def size_classes(device: str) -> Classes:
    """Elements of each class on this machine, rising."""
    return _CUDA if device == "cuda" else from_caches(machine.cache_bytes())


def from_caches(caches: Mapping[str, int]) -> dict[str, int]:
    """Elements of each class for caches of so many bytes ("L1d", "L2", "L3")."""
    first = caches.get("L1d", 32 * 2**10)
    second = caches.get("L2", 2**20)
    last = max(caches.get("L3", 0), second)
    l1 = max(_power_below(first * 3 // 4 // _PAIR), 4 * _LAUNCH)
    l2 = max(_power_below(second // 2 // _PAIR), 4 * l1)
    last_level = max(_power_below(last // 4 // _PAIR), 2 * l2)
    memory = min(max(2 * _power_below(2 * last // _PAIR - 1), _MAPPED), _LARGEST)
    return {
        "launch": _LAUNCH,
        "l1": l1,
        "between": _power_below(math.isqrt(l1 * l2)),
        "l2": l2,
        "last_level": last_level,
        "memory": max(memory, 2 * last_level),
    }


def _power_below(number: int) -> int:
    """The largest power of two that is at most `number`."""
    return 1 << (max(number, 1).bit_length() - 1)


def streams(size: int, itemsize: int, device: str) -> bool:
    """Say whether an input and an output of `size` elements leave the last-level cache no reuse."""
    return size * itemsize * 2 >= _PAIR * size_classes(device)["memory"]
