"""The units of an array that are judged by themselves: its elements, or its rows along an axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Units:
    """The units of arrays of a `shape`: rows along an `axis`, or elements where that is None."""

    shape: tuple[int, ...]
    axis: int | None

    @property
    def width(self) -> int:
        """The elements of a unit."""
        return 1 if self.axis is None else self.shape[self.axis]

    @property
    def count(self) -> int:
        """The number of units."""
        return math.prod(self.shape) // self.width

    @property
    def _inner(self) -> int:
        """The elements between one of a row and the next."""
        return 1 if self.axis is None else math.prod(self.shape[self.axis :][1:])

    def places(self, units: Array) -> Array:
        """The places of the elements of some units, counted flat: shape (units, width)."""
        outer, inner = np.divmod(units, self._inner)
        first = outer * (self._inner * self.width) + inner
        return np.asarray(first[:, None] + np.arange(self.width) * self._inner)

    def of(self, places: Array) -> Array:
        """The units in which elements at some places lie."""
        outer, rest = np.divmod(places, self._inner * self.width)
        return np.asarray(outer * self._inner + rest % self._inner)

    def apart(self, array: Array) -> Array:
        """The units of an array one by one, shape (count, elements of each).

        Its rows lie along the same axis, if it still has that, and may have another length.
        """
        if self.axis is not None and array.ndim == len(self.shape):
            array = np.moveaxis(array, self.axis, -1)
        return array.reshape(self.count, -1)
