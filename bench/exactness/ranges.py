"""The inputs of a sweep over a range: every number in it, or a sample in float64."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..catalog import inputs
from ..catalog.activations import Activation
from ..catalog.dtypes import DTYPES
from ..host.errors import UsageError
from .by_result import by_result
from .hardest import hardest

Array = np.ndarray[Any, Any]
Stretch = tuple[int, int]
"""The first of some consecutive places (`inputs.places`), and their number."""

STRETCH = 2**24
"""The inputs of a stretch: a few seconds of work, so that little is lost when it is stopped."""
SAMPLED = 2**17
"""The inputs drawn from a range of float64, which nobody can go through."""
_CALL = 2**20
"""The inputs of one call of the function under test."""


@dataclass(frozen=True)
class Range:
    """Inputs from `low` to `high`, both included; where they are None, all there are, NaN too."""

    low: float | None = None
    high: float | None = None

    @classmethod
    def read(cls, ends: tuple[str, str] | None) -> Range:
        """A range from two decimal or hex floats. Raises UsageError for anything else."""
        return cls(*map(_number, ends)) if ends else cls()

    def stretches(self, dtype: str) -> list[Stretch]:
        """The stretches; a sample is drawn from one. Raises UsageError for an empty range."""
        first, count = self.places(dtype)
        return [(first, count)] if is_sampled(dtype) else cut(first, count, STRETCH)

    def places(self, dtype: str) -> Stretch:
        """The first place and how many there are. Raises UsageError for an empty range."""
        if self.low is None or self.high is None:
            whole = inputs.places(dtype)
            return whole.start, len(whole)
        first = inputs.place_of(self.low, dtype)
        count = inputs.place_of(self.high, dtype) - first + 1
        if self.low > self.high or count < 1:  # −0 comes before 0, which is equal
            raise UsageError(f"--range {self.low} {self.high} is empty: the lower end comes first")
        return first, count


def _number(text: str) -> float:
    try:
        value = float.fromhex(text) if "0x" in text.lower() else float(text)
    except (ValueError, OverflowError):
        value = math.nan
    if math.isnan(value):
        raise UsageError(f"--range takes decimal or hex floats, such as -0x1.8p+3, not {text!r}")
    return value


def is_sampled(dtype: str) -> bool:
    """Return whether a format has more numbers than anybody can go through."""
    return not DTYPES[dtype].is_countable


def cut(first: int, count: int, length: int) -> list[Stretch]:
    """Stretches of `length` places and a remainder; none crosses zero."""
    pieces = [(first, count)]
    if first < 0 < first + count:
        pieces = [(first, -first), (0, first + count)]
    return [
        (at, min(length, start + size - at))
        for start, size in pieces
        for at in range(start, start + size, length)
    ]


def bits_of(
    stretch: Stretch, activation: Activation, directions: Sequence[str], dtype: str
) -> Iterator[Array]:
    """The bit patterns of the inputs of a stretch, as many at a time as a call takes."""
    if is_sampled(dtype):
        yield _sample(stretch, activation, directions, dtype)
    else:
        for first, count in cut(*stretch, _CALL):
            yield inputs.bits_at(first, count, dtype)


def _sample(
    stretch: Stretch, activation: Activation, directions: Sequence[str], dtype: str
) -> Array:
    """The ends of a stretch, random places, and the chosen inputs in it.

    Chosen are inputs that are hard to round, or have results in every binade.
    """
    first, count = stretch
    shares = np.random.default_rng(0).random(SAMPLED)
    places = {first, first + count - 1, *(first + int(share * (count - 1)) for share in shares)}
    bits = inputs.bits_of(np.array(sorted(places), np.int64), dtype)
    kinds = [hardest(activation, direction, dtype, 0) for direction in directions]
    kinds += [by_result(activation, direction, dtype, 1, 0) for direction in directions]
    chosen = np.concatenate(kinds)
    x, value = inputs.from_bits(bits, dtype), inputs.from_bits(chosen, dtype)
    return np.union1d(bits, chosen[(value >= np.nanmin(x)) & (value <= np.nanmax(x))])
