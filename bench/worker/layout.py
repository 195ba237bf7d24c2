"""Another layout of memory for each process, so that no version always has the lucky one.

Where a process puts its data depends on what it allocated before, down to the length of the paths
that it was started with, and is the same in each process started alike. Address space layout
randomisation moves whole pages; the places within them are left, which decide whether vectors
straddle cache lines. Unless scattered they make one of two identical environments a few per cent
faster in every process, which no number of processes distinguishes from a change (Mytkowicz et al.,
"Producing wrong data without doing anything obviously wrong!", ASPLOS 2009).
"""

from __future__ import annotations

import ctypes
import random

_PIECES = 3000
_LARGEST = 1024
"""Bytes of a piece."""
_MOST_SHIFT = 2**16
"""Bytes by which what comes after them is moved at most."""
_kept: list[object] = []


def scatter(seed: str) -> None:
    """Take memory in pieces of random size and give a random half of them back."""
    dice = random.Random(seed)
    library = ctypes.CDLL(None)
    library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    library.free.argtypes, library.free.restype = [ctypes.c_void_p], None
    pieces = [library.malloc(dice.randint(1, _LARGEST)) for _ in range(_PIECES)]
    for piece in dice.sample(pieces, _PIECES // 2):
        library.free(piece)
    library.malloc(dice.randint(1, _MOST_SHIFT))
    objects = [bytes(dice.randint(1, _LARGEST // 2)) for _ in range(_PIECES)]
    _kept.extend(dice.sample(objects, _PIECES // 2))
