"""The number formats: precision, exponent range and storage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Dtype:
    """A binary floating-point format with `precision` bits (the hidden one included).

    Normal numbers have exponents `emin`..`emax`; `bits` is the NumPy integer type of the same
    width, in which values of every format travel between processes.
    """

    name: str
    precision: int
    emin: int
    emax: int
    bits: str

    @property
    def itemsize(self) -> int:
        """Bytes an element."""
        return {"uint16": 2, "uint32": 4, "uint64": 8}[self.bits]


DTYPES: Mapping[str, Dtype] = {
    dtype.name: dtype
    for dtype in (
        Dtype("float16", 11, -14, 15, "uint16"),
        Dtype("bfloat16", 8, -126, 127, "uint16"),
        Dtype("float32", 24, -126, 127, "uint32"),
        Dtype("float64", 53, -1022, 1023, "uint64"),
    )
}
