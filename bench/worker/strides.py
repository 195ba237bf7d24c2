"""Arrays whose elements do not lie one after another, in frameworks whose arrays have strides.

An element has a place in the order of indices, as everybody counts, and one in memory. Arrays of
every second element leave gaps, in which others stand, and keep the order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..catalog.given import CHANNELS_LAST, CONTIGUOUS, STRIDED
from .views import SECOND_LAST, VIEWS

if TYPE_CHECKING:
    from ...impls._adapter import Contract

    Array = np.ndarray[Any, Any]
    Shape = tuple[int, ...]

_BACK = (0, 3, 1, 2)
"""The axes of four in the order of indices where the second lies last in memory."""
_AXES = 4


def of_result(layout: str, shape: Shape) -> str:
    """The layout of what is pulled back through a result: that of an image stays what it is."""
    return layout if layout == CHANNELS_LAST and len(shape) == _AXES else CONTIGUOUS


def gap(layout: str) -> int:
    """The elements of memory for each of an array."""
    return 2 if layout == STRIDED else 1


def in_memory(bits: Array, layout: str) -> Array:
    """The elements of an array in the order in which they lie, flat."""
    return (bits.transpose(SECOND_LAST) if layout == CHANNELS_LAST else bits).reshape(-1)


def in_order(bits: Array, shape: Shape, layout: str) -> Array:
    """The array of a shape whose elements lie in the order of `bits`, flat."""
    if layout != CHANNELS_LAST:
        return bits.reshape(shape)
    return bits.reshape([shape[axis] for axis in SECOND_LAST]).transpose(_BACK)


def put(adapter: Contract, bits: Array, dtype: str, shape: Shape, layout: str) -> Any:
    """A tensor of a shape and layout whose elements lie in the order of `bits`, flat."""
    larger, view = VIEWS[layout]
    return view(adapter.put(larger(in_order(bits, shape, layout)), dtype), shape)


def stored(places: Array, shape: Shape, layout: str) -> Array:
    """The places in memory of elements, from those in the order of indices."""
    return _moved(places, shape, SECOND_LAST) if layout == CHANNELS_LAST else places


def counted(places: Array, shape: Shape, layout: str) -> Array:
    """The places in the order of indices of elements that lie at some in memory."""
    if layout != CHANNELS_LAST:
        return places
    return _moved(places, tuple(shape[axis] for axis in SECOND_LAST), _BACK)


def _moved(places: Array, shape: Shape, axes: Shape) -> Array:
    index = np.unravel_index(places, shape)
    moved = [index[axis] for axis in axes]
    return np.asarray(np.ravel_multi_index(moved, [shape[axis] for axis in axes]))
