"""The number formats: every fact of each in one record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Dtype:
    """A binary floating-point format with `precision` bits (the hidden one included).

    Normal numbers have exponents `emin`..`emax`; the highest exponent field is that of infinity and
    NaN, as in IEEE 754. `bits` is the NumPy integer type of the same width, in which values of
    every format travel between processes. `carrier` is the NumPy format with the same exponents,
    whose upper bits are the bits of this format.
    """

    name: str
    precision: int
    emin: int
    emax: int
    bits: str
    carrier: str

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return int(self.bits.removeprefix("uint")) // 8

    @property
    def smallest(self) -> float:
        """The smallest number above 0."""
        return 2.0 ** (self.emin - self.precision + 1)

    @property
    def normal(self) -> float:
        """The smallest normal number."""
        return 2.0**self.emin

    @property
    def largest(self) -> float:
        """The largest number."""
        return 2.0**self.emax * (2 - 2.0 ** (1 - self.precision))

    @property
    def largest_exponent(self) -> float:
        """The natural logarithm of the largest number: eˣ is infinite beyond."""
        return math.log(self.largest)

    def is_subnormal(self, x: Any) -> Any:
        """Return whether a number is subnormal; for an array, which of its numbers are."""
        return (x != 0) & (abs(x) < self.normal)

    @property
    def is_small(self) -> bool:
        """Return whether a run tries every number of the format."""
        return self.itemsize <= 2

    @property
    def is_countable(self) -> bool:
        """Return whether going through every number of the format is feasible."""
        return self.itemsize <= 4

    @property
    def digits(self) -> int:
        """Significant decimal digits that read back as the same number."""
        return math.ceil(1 + self.precision * math.log10(2))


DTYPES: Mapping[str, Dtype] = {
    dtype.name: dtype
    for dtype in (
        Dtype("float16", 11, -14, 15, "uint16", "float16"),
        Dtype("bfloat16", 8, -126, 127, "uint16", "float32"),
        Dtype("float32", 24, -126, 127, "uint32", "float32"),
        Dtype("float64", 53, -1022, 1023, "uint64", "float64"),
    )
}
COUNTABLE = tuple(name for name, dtype in DTYPES.items() if dtype.is_countable)
USUAL = "float32"
"""The format of everything that names no other."""


def prominence(dtype: str) -> tuple[bool, int, int]:
    """A sort key of formats for a reader: the default format, then wide before narrow."""
    return dtype != USUAL, -DTYPES[dtype].itemsize, list(DTYPES).index(dtype)
