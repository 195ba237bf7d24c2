"""The floating-point environment of the calling thread, read by what its arithmetic does.

Standard library only: it is read before NumPy is imported as well. Python's floats are computed by
the same scalar instructions, under the same control word, as a framework's. Values go in and come
out as bit patterns, because a comparison, too, may take a subnormal for zero.
"""

from __future__ import annotations

import ctypes
import struct

from ..host.floating_point import FloatingPoint, differences

_SMALLEST_NORMAL = 0x0010_0000_0000_0000
_SMALLEST_SUBNORMAL = 1
_ONE = 0x3FF0_0000_0000_0000
_NEXT_AFTER_ONE = _ONE + 1
_QUARTER_STEP = 0x3C90_0000_0000_0000
"""2⁻⁵⁴, a quarter of the step from 1 to the next number."""

_LARGEST = 256
"""Bytes that hold a floating-point environment on any system."""

_ROUNDINGS = {
    (False, True, True): "to nearest",
    (True, True, False): "upward",
    (False, False, True): "downward",
    (False, False, False): "toward zero",
}
"""The roundings by whether 1 + ¼ step, 1 + ¾ step and the size of −1 − ¾ step go away from 1."""


def state() -> FloatingPoint:
    """Read how this thread treats subnormal results and operands, and how it rounds.

    `flushes_results`: a subnormal result becomes zero (FTZ). `subnormals_are_zero`: a subnormal
    operand counts as zero (DAZ). `rounding`: `to nearest`, `upward`, `downward` or `toward zero`.
    On ARM one bit (FZ) is both of the first two. Threads have an environment each: this says
    nothing of a framework's own.
    """
    halved = _bits(_value(_SMALLEST_NORMAL) * 0.5)
    raised = _bits(_value(_SMALLEST_SUBNORMAL) * 2.0**100)
    return FloatingPoint(
        flushes_results=halved == 0, subnormals_are_zero=raised == 0, rounding=_rounding()
    )


def _rounding() -> str:
    one, quarter = _value(_ONE), _value(_QUARTER_STEP)
    most = quarter + quarter + quarter  # exact, whatever the direction
    up, near, down = (
        _bits(value) == _NEXT_AFTER_ONE for value in (one + quarter, one + most, -(-one - most))
    )
    return _ROUNDINGS.get((up, near, down), "unknown")


def _value(bits: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return value


def _bits(value: float) -> int:
    bits: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return bits


class Kept:
    """The floating-point environment of this thread as it is, to be compared with and restored."""

    def __init__(self) -> None:
        self._state, self._saved = state(), ctypes.create_string_buffer(_LARGEST)
        self._library = ctypes.CDLL(None)
        self._library.fegetenv(self._saved)

    def restored(self) -> str:
        """The change of it, in words, which is undone; empty if there is no change."""
        change = differences(self._state, state())
        if change:
            self._library.fesetenv(self._saved)
        return change
