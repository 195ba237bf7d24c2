"""Arrays whose elements do not lie one after another, in frameworks whose arrays have strides.

An element has a place in the order of indices, as everybody counts, and one in memory. Arrays of
every second element leave gaps, in which others stand, and keep the order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..catalog.given import CHANNELS_LAST, CONTIGUOUS, STRIDED
from .views import others_between

if TYPE_CHECKING:
    from ...impls._adapter import Contract

    Array = np.ndarray[Any, Any]
    Shape = tuple[int, ...]

_LAST, _BACK = (0, 2, 3, 1), (0, 3, 1, 2)
"""The axes of four as they lie in memory where the second is last, and the way back."""
_AXES = 4


def of_result(layout: str, shape: Shape) -> str:
    """The layout of what is pulled back through a result: that of an image stays what it is."""
    return layout if layout == CHANNELS_LAST and len(shape) == _AXES else CONTIGUOUS


def gap(layout: str) -> int:
    """The elements of memory for each of an array."""
    return 2 if layout == STRIDED else 1


def in_memory(bits: Array, layout: str) -> Array:
    """The elements of an array in the order in which they lie, flat."""
    return (bits.transpose(_LAST) if layout == CHANNELS_LAST else bits).reshape(-1)


def in_order(bits: Array, shape: Shape, layout: str) -> Array:
    """The array of a shape whose elements lie in the order of `bits`, flat."""
    if layout != CHANNELS_LAST:
        return bits.reshape(shape)
    return bits.reshape([shape[axis] for axis in _LAST]).transpose(_BACK)


def put(adapter: Contract, bits: Array, dtype: str, shape: Shape, layout: str) -> Any:
    """A tensor of a shape and layout whose elements lie in the order of `bits`, flat."""
    if layout == CHANNELS_LAST:
        stored = adapter.put(bits.reshape([shape[axis] for axis in _LAST]), dtype)
        return stored.swapaxes(1, 3).swapaxes(2, 3)
    if layout == STRIDED:
        return adapter.put(others_between(bits.reshape(shape)), dtype)[..., ::2]
    return adapter.put(bits.reshape(shape), dtype)


def stored(places: Array, shape: Shape, layout: str) -> Array:
    """Where elements lie in memory, of their places in the order of indices."""
    return _moved(places, shape, _LAST) if layout == CHANNELS_LAST else places


def counted(places: Array, shape: Shape, layout: str) -> Array:
    """The places in the order of indices of elements that lie at some in memory."""
    if layout != CHANNELS_LAST:
        return places
    return _moved(places, tuple(shape[axis] for axis in _LAST), _BACK)


def _moved(places: Array, shape: Shape, axes: Shape) -> Array:
    index = np.unravel_index(places, shape)
    moved = [index[axis] for axis in axes]
    return np.asarray(np.ravel_multi_index(moved, [shape[axis] for axis in axes]))
