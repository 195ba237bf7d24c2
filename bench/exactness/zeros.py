"""The zeros of a function itself, beside which an error counted in ulp grows without bound."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from flint import arb, ctx

from ..catalog import formulas as exact
from ..catalog import inputs
from ..catalog.activations import Activation, find_reference
from . import reference

Array = np.ndarray[Any, Any]

NEAR = 2.0**-4
"""The share of a crossing within which inputs are beside it."""
_STEPS = 60


def beside_zero(x: Array, activation: Activation, direction: str) -> Array:
    """Mark float64 inputs that lie beside a zero of the function or derivative, other than at 0."""
    beside = np.zeros(x.shape, bool)
    for zero in crossings(activation.label, direction):
        with np.errstate(invalid="ignore"):
            beside |= np.abs(x - zero) <= NEAR * abs(zero)
    return beside


@cache
def crossings(label: str, direction: str) -> tuple[float, ...]:
    """Inputs other than 0 at which an elementwise activation, or its derivative, changes its sign.

    Found by bisection between the numbers of a coarse grid over the range of float16.
    """
    function = reference.function_of(find_reference(label), direction)
    grid = np.unique(inputs.from_bits(inputs.stratified("float16", 0, 0), "float16"))
    grid = grid[np.isfinite(grid) & (grid != 0)]
    signs = [(float(x), _sign(function, float(x))) for x in grid]
    signed = [(x, sign) for x, sign in signs if sign]
    return tuple(
        _bisect(function, low, high, below)
        for (low, below), (high, above) in pairwise(signed)
        if below != above and low * high > 0
    )


def _sign(function: Any, x: float) -> int:
    ctx.prec = 128
    try:
        value = function(arb(x))
    except exact.NoValue:
        return 0
    return 1 if value > 0 else -1 if value < 0 else 0


def _bisect(function: Any, low: float, high: float, below: int) -> float:
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _sign(function, middle) == below:
            low = middle
        else:
            high = middle
    return math.fsum((low, high)) / 2
