"""The arrays that steps read: what they should hold, and changes of them between batches."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..catalog.dtypes import DTYPES

if TYPE_CHECKING:
    from ...impls._adapter import Contract

Array = np.ndarray[Any, Any]
Tensor = Any
"""An array of the framework's own."""

DICE = np.random.default_rng()
"""Fresh in each process, and made before anything that is timed is imported."""
_CHANGES = 8
"""Elements that are changed at once: few enough to be nothing, enough for one to show in relu."""
_PIECE = 2**18
"""Elements that are compared at once."""


class Buffer:
    """A tensor that steps read, and what it should hold: `bits`, rolled `shift` places further.

    On the CPU it is changed in memory, under the step that is timed: what was computed beforehand,
    at compile time say, or is kept from another call shows. On a device it stays as it is.
    """

    def __init__(self, adapter: Contract, bits: Array, dtype: str, shift: int = 0) -> None:
        given = np.roll(bits, shift) if shift else bits
        self.tensor: Tensor = adapter.put(given, dtype)
        self.size, self.length = bits.size, bits.shape[-1] if bits.ndim else 1
        self.changed = np.zeros(0, np.int64)
        self._bits, self._shift = bits.reshape(-1), shift
        self._values = self._bits[:0]
        self._memory: Array | None = None
        converted = getattr(self.tensor, "nbytes", bits.nbytes) != bits.nbytes  # which is refused
        if adapter.synchronize() is None and bits.ndim and not converted:
            place = adapter.address(self.tensor)
            self._memory = _memory(place, bits.size, DTYPES[dtype].bits)
            if place == bits.ctypes.data:  # JAX takes over memory that it can use
                self._bits = self._bits.copy()

    @property
    def bits(self) -> Array:
        """Its first bit patterns as they were made, of the shape of the tensor."""
        return self._bits.reshape(-1, self.length)

    def at(self, places: Array) -> Array:
        """The bit patterns that it should hold at some places, any shape, counted flat."""
        held = self._original(places)
        for place, value in zip(self.changed, self._values, strict=True):
            held[places == place] = value
        return held

    def change(self) -> None:
        """Give some elements, drawn anew, the values of others."""
        if self._memory is None:
            return
        self.changed, others = DICE.integers(self.size, size=(2, _CHANGES))
        self._memory[self.changed] = self._bits[others]
        self._values = self._memory[self.changed]  # of a place drawn twice the one that stayed

    def rewrite(self) -> None:
        """Write what the last change has written."""
        if self._memory is not None:
            self._memory[self.changed] = self._values

    def restore(self) -> None:
        """Undo the last change."""
        if self._memory is not None:
            self._memory[self.changed] = self._original(self.changed)
        self.changed, self._values = self.changed[:0], self._values[:0]

    def repair(self) -> bool:
        """Say whether somebody else has written to it, and undo that."""
        if self._memory is None:
            return False
        self.restore()
        cut = self.size - self._shift
        pairs = (
            (self._memory[self._shift :], self._bits[:cut]),
            (self._memory[: self._shift], self._bits[cut:]),
        )
        return any([_copied(here, right) for here, right in pairs])

    def _original(self, places: Array) -> Array:
        original: Array = self._bits[(places - self._shift) % self.size]
        return original


def _copied(here: Array, right: Array) -> bool:
    """Make one array what the other is, piece by piece. Say whether it was not."""
    differed = False
    for start in range(0, right.size, _PIECE):
        piece = slice(start, start + _PIECE)
        if (here[piece] != right[piece]).any():
            here[piece] = right[piece]
            differed = True
    return differed


class Buffers:
    """The buffers of a process by their key. At most those that one step reads are changed."""

    def __init__(self) -> None:
        self.made: dict[tuple[Any, ...], Buffer] = {}
        self._changed: list[Buffer] = []

    def change(self, buffers: Iterable[Buffer]) -> None:
        """Undo what was changed, then change these."""
        self.restore()
        self._changed += buffers
        for buffer in self._changed:
            buffer.change()

    def rewrite(self) -> None:
        """Write what was changed once more."""
        for buffer in self._changed:
            buffer.rewrite()

    def restore(self) -> None:
        """Undo what was changed."""
        while self._changed:
            self._changed.pop().restore()


def _memory(place: int, size: int, kind: str) -> Array:
    """The bit patterns of a tensor on the CPU where they lie, to be written to."""
    patterns = np.dtype(kind)
    where = (ctypes.c_ubyte * (size * patterns.itemsize)).from_address(place)
    memory: Array = np.ctypeslib.as_array(where).view(patterns)
    return memory
