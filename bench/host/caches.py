"""The ends of the caches, as seen in a copy's time over its size; the system only gives hints.

A cloud host may report a last level of 480 MiB of which a guest gets a part, a container may see no
/sys at all, and a level may be no faster than the one behind it.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import accumulate
from pathlib import Path

from . import machine
from .cache import folder, seal, sealed
from .cpus import measuring_cpus
from .curve import Copied, measured

_KIB, _MIB = 2**10, 2**20
_FIRST, _SECOND = 32 * _KIB, _MIB
"""The levels of a machine of which nothing is known."""
_FIRST_WITHIN, _SECOND_AT_MOST = (16 * _KIB, 256 * _KIB), 16 * _MIB
"""The sizes around which a copy may see the levels end, where the system reports none."""
_INNER = ("L1", "L1d", "L1i", "L2")
_RISE, _RISING = 1.25, 1.1
"""The step in time from one level to the next, and the rise per octave on the way up to it."""
_USUAL = 256 * _MIB
"""The largest set that is copied where the last level is unknown or small."""


class Worth(StrEnum):
    """The end of a cache level as a copy shows it."""

    SEEN = "seen"
    NOT_SEEN = "not seen"
    ENDLESS = "no end seen"


@dataclass(frozen=True)
class Level:
    """A cache level: the `bytes` that sizes are chosen by, the `nominal` bytes, and where a copy
    sees it end.

    0 stands for unknown.
    """

    bytes: int
    nominal: int = 0
    measured: int = 0
    worth: Worth = Worth.NOT_SEEN


@dataclass(frozen=True)
class Caches:
    """The levels of the CPU that is measured on, and the curve that shows them.

    Where no level is seen beyond the second, `last` is as large as the second.
    """

    first: Level
    second: Level
    last: Level
    copies: tuple[Copied, ...] = ()


def levels(copies: Sequence[Copied], nominal: Mapping[str, int]) -> Caches:
    """The levels seen in a curve of rising sets, with nominal bytes ("L1d", "L2", …) as hints.

    A level has its nominal size if the curve sees it end between a quarter of that and twice that:
    classes take a quarter of a level, and others share it. Noise makes a copy slower, never faster,
    so each point is bounded by the least of all larger sets.
    """
    sets = [copy.bytes for copy in copies]
    least = list(accumulate((copy.nanoseconds for copy in reversed(copies)), min))[::-1]
    ends = _ends(sets, least)
    first = _inner(nominal.get("L1d", 0), ends, _FIRST_WITHIN, _FIRST)
    range_ = (4 * first.bytes, _SECOND_AT_MOST)
    second = _inner(nominal.get("L2", 0), ends, range_, max(_SECOND, 4 * first.bytes))
    outer = max((size for name, size in nominal.items() if name not in _INNER), default=0)
    return Caches(first, second, _last(outer, second.bytes, sets, least), tuple(copies))


def _ends(sets: Sequence[int], least: Sequence[float]) -> list[int]:
    """The sets at which a plateau ends: the next set, and every larger one, costs a step more."""
    ends, place = [], 1
    base = least[0] if least else 0.0
    while place < len(sets):
        if least[place] > _RISE * base:
            ends.append(sets[place - 1])
            while place + 2 < len(sets) and least[place + 2] > _RISING * least[place]:
                place += 1
            base = least[place]
        place += 1
    return ends


def _inner(nominal: int, ends: list[int], within: tuple[int, int], default: int) -> Level:
    """The first or second level; if it ends far below its nominal size, the seen size counts."""
    low, high = (max(within[0], nominal // 8), 2 * nominal) if nominal else within
    near = [end for end in ends if low <= end <= high]
    if not near:
        return Level(nominal or default, nominal)
    end = min(near, key=lambda end: abs(math.log(end / (nominal or default))))
    return Level(_agreed(nominal, end), nominal, end, Worth.SEEN)


def _agreed(nominal: int, seen: int) -> int:
    return nominal if nominal / 4 <= seen <= nominal * 2 else seen


def _last(nominal: int, second: int, sets: Sequence[int], least: Sequence[float]) -> Level:
    """The last level: it ends with the largest set that costs a step less than the largest sets."""
    largest = sets[-1] if sets else 0
    memory = least[-2] if len(least) > 1 else 0.0
    cheap = (size for size, cost in zip(sets, least, strict=True) if _RISE * cost < memory)
    end = max(cheap, default=0)
    if 2 * end >= largest or (end <= 2 * second and largest < 2 * nominal):
        return Level(max(nominal, second, end), nominal, end, Worth.ENDLESS)
    if end > 2 * second:
        return Level(_agreed(nominal, end), nominal, end, Worth.SEEN)
    return Level(second, nominal)


@cache
def caches() -> Caches:
    """The caches of this machine, measured once per boot."""
    stored = sealed(_stored())
    if stored is None:
        return anew()
    return levels([Copied(*copy) for copy in json.loads(stored)], _nominal())


def anew(measure: Callable[[int], Sequence[Copied]] = measured) -> Caches:
    """The caches, measured now; this takes a second at most."""
    nominal = _nominal()
    copies = measure(max(4 * max(nominal.values(), default=0), _USUAL))
    seal(_stored(), json.dumps([[copy.bytes, copy.nanoseconds] for copy in copies]).encode())
    return levels(copies, nominal)


def _nominal() -> dict[str, int]:
    return machine.cache_bytes(measuring_cpus(1)[0])


def _stored() -> Path:
    """The file of a measurement, which depends on the machine, its boot, the CPU and the day."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    started = boot.read_text() if boot.exists() else ""
    key = f"{started} {time.time() // 86400} {measuring_cpus(1)} {sorted(_nominal().items())}"
    return folder("caches") / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
