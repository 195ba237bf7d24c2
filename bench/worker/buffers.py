"""The arrays that steps read: their contents, and changes of them between batches."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..catalog.dtypes import DTYPES
from ..catalog.given import CONTIGUOUS
from . import strides

if TYPE_CHECKING:
    from ...impls._adapter import Contract

Array = np.ndarray[Any, Any]
Tensor = Any
"""An array of the framework's own."""

DICE = np.random.default_rng()
"""The generator of random numbers, made in each process before anything timed is imported."""
_CHANGES = 8
"""The elements changed at once: few enough to be negligible, enough for one to show in relu."""
_PIECE = 2**18
"""The elements compared at once."""


class Buffer:
    """A tensor that steps read, and what it should hold: `bits`, rolled `shift` places further.

    On the CPU it is changed in memory, under the step that is timed: what was computed beforehand,
    at compile time say, or is kept from another call shows. On a device it stays as it is.
    """

    def __init__(
        self,
        adapter: Contract,
        bits: Array,
        dtype: str,
        shift: int = 0,
        layout: str = CONTIGUOUS,
        others: Array | None = None,
    ) -> None:
        """Changed elements get the values of `others`, which are its own unless given."""
        self.shape, self.size, self.dtype = bits.shape, bits.size, dtype
        self._layout, self._shift = layout, shift
        self._bits = strides.in_memory(bits, layout)
        given = np.roll(self._bits, shift) if shift else self._bits
        self.tensor: Tensor = strides.put(adapter, given, dtype, self.shape, layout)
        self._changed = np.zeros(0, np.int64)
        self._values = self._bits[:0]
        self._memory: Array | None = None
        converted = getattr(self.tensor, "nbytes", bits.nbytes) != bits.nbytes  # which is refused
        if adapter.synchronize() is None and bits.ndim and not converted:
            place, gap = adapter.address(self.tensor), strides.gap(layout)
            self._memory = _memory(place, gap * bits.size, DTYPES[dtype].bits)[::gap]
            if place == self._bits.ctypes.data:  # JAX takes over memory that it can use
                self._bits = self._bits.copy()
        self._others = self._bits if others is None else others.reshape(-1)

    @property
    def bits(self) -> Array:
        """The bit patterns as they were made, before they were rolled, in the buffer's shape."""
        return strides.in_order(self._bits, self.shape, self._layout)

    @property
    def changed(self) -> Array:
        """The places of the elements that are changed."""
        return strides.counted(self._changed, self.shape, self._layout)

    def at(self, places: Array) -> Array:
        """The bit patterns expected at some places, of any shape, counted flat."""
        there = strides.stored(places, self.shape, self._layout)
        held = self._original(there)
        for place, value in zip(self._changed, self._values, strict=True):
            held[there == place] = value
        return held

    def change(self) -> None:
        """Give some elements, drawn anew, the values of others."""
        if self._memory is None:
            return
        self._changed = DICE.integers(self.size, size=_CHANGES)
        drawn = DICE.integers(self._others.size, size=_CHANGES)  # a quarter of the time of choice()
        self._memory[self._changed] = self._others[drawn]
        self._values = self._memory[self._changed]  # of a place drawn twice the one that stayed

    def rewrite(self) -> None:
        """Write what the last change has written."""
        if self._memory is not None:
            self._memory[self._changed] = self._values

    def restore(self) -> None:
        """Undo the last change."""
        if self._memory is not None:
            self._memory[self._changed] = self._original(self._changed)
        self._changed, self._values = self._changed[:0], self._values[:0]

    def repair(self) -> bool:
        """Undo writes by anybody else; return whether there were any."""
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
