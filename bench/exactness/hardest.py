"""Inputs whose exact value lies next to the midpoint between two numbers: the hardest to round.

Over a short window of consecutive inputs a smooth function is a parabola to far less than an ulp.
Three exact values give its coefficients, and the fractions of a millionth of an ulp follow from
integers that wrap around: the idea of Lefèvre, Muller 2001, Worst cases for correct rounding of the
elementary functions in double precision, without its proof that nothing was missed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import arb, ctx

from ..catalog import formulas as exact
from ..catalog import inputs
from ..catalog.activations import Activation
from ..catalog.dtypes import DTYPES, Dtype
from . import reference

Array = np.ndarray[Any, Any]

_WINDOWS = 64
_KEPT = 4
"""The inputs taken from a window."""
_LENGTH = {4: 2**10, 8: 2**16}
"""The inputs of a window, by the bytes of one."""
_BINADES = (-12, 5)
"""The exponents of the inputs: where activations bend."""


def hardest(activation: Activation, direction: str, dtype: str, seed: int) -> Array:
    """Bit patterns of inputs that are hard to round, of 32 or 64 bits; seeded.

    Windows in which the function is not smooth, has no value or changes its binade give none.
    """
    fmt, random = DTYPES[dtype], np.random.default_rng(seed)
    function = reference.function_of(activation, direction)
    exponents = random.integers(*_BINADES, _WINDOWS)
    starts = random.choice([-1.0, 1.0], _WINDOWS) * (1 + random.random(_WINDOWS)) * 2.0**exponents
    bits = inputs.to_bits(starts, dtype)
    windows = [_window(function, start, fmt) for start in bits]
    return np.unique(np.concatenate([*windows, bits[:0]]))


def _window(function: Any, start: Any, fmt: Dtype) -> Array:
    """The hardest of the inputs that follow the bit pattern `start`."""
    length = _LENGTH[fmt.itemsize]
    places = np.array([start, start + length // 2, start + length], dtype=fmt.bits)
    x = inputs.from_bits(places, fmt.name)
    coefficients = _coefficients(function, x, length, fmt)
    if coefficients is None:
        return places[:0]
    constant, linear, square = (np.uint64(coefficient % 2**64) for coefficient in coefficients)
    k = np.arange(length, dtype=np.uint64)
    with np.errstate(over="ignore"):
        fraction = constant + k * (linear + k * square)
        distance = np.minimum(fraction, -fraction)
    nearest: Array = start + np.argsort(distance, kind="stable")[:_KEPT].astype(fmt.bits)
    return nearest


def _coefficients(function: Any, x: Array, length: int, fmt: Dtype) -> list[int] | None:
    """The parabola through three exact values less half an ulp, in 2⁻⁶⁴ ulp; None if none fits."""
    ctx.prec = 256
    try:
        low, middle, high = (function(arb(float(place))) for place in x)
    except exact.NoValue:
        return None
    sizes = [float(abs(end)) for end in (low, high)]
    binades = np.frexp(sizes)[1]
    if not np.isfinite(sizes).all() or min(sizes) < fmt.normal or binades[0] != binades[1]:
        return None
    unit = arb(2) ** (int(binades[0]) - fmt.precision)
    low, middle, high = low / unit, middle / unit, high / unit
    square = 2 * (high - 2 * middle + low) / length**2
    linear = (4 * middle - high - 3 * low) / length
    scaled = [coefficient * arb(2) ** 64 for coefficient in (low - arb("0.5"), linear, square)]
    return [int(coefficient.mid().floor().unique_fmpz()) for coefficient in scaled]
