"""Inputs chosen by their result: some for every binade that the values of a function lie in.

A grid over inputs leaves out most results: from x = −64 to −128 the exponential passes through 92
binades, including the subnormal ones. Between two inputs whose results are binades apart the
function is bisected, in exact values, until each binade has its first input and its last. Nothing
depends on the machine, and results are cached by content, as exact values are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from flint import arb, ctx

from ..catalog import formulas as exact
from ..catalog import inputs
from ..catalog.activations import Activation
from ..catalog.dtypes import DTYPES, Dtype
from . import known, reference

Array = np.ndarray[Any, Any]

_PRECISION, _ENOUGH = 64, 8
"""The bits in which a result is computed, and those of them that identify its binade."""
_APART = {4: 1, 8: 2**40}
"""The distance at which two inputs are the ends of their binades, by the bytes of a number: in
float64 a 4,096th of a binade."""
_MOST = {4: 16, 8: 2}
"""The most random inputs per binade, by the bytes of a number: float64 has 2,098 binades of each
sign."""
_NOWHERE = 2**20
"""The binade of a result without a value."""


def by_result(
    activation: Activation, direction: str, dtype: str, per_binade: int, seed: int
) -> Array:
    """The bit patterns of the ends of each binade of results, and of random inputs in between;
    seeded.

    With those of the grid (`inputs.stratified`) each binade has at least `per_binade` inputs (two
    in float64), as far as it holds so many.
    """
    per_binade = min(per_binade, _MOST[DTYPES[dtype].itemsize])
    ends = _ends(activation, direction, dtype)
    grid = _places(inputs.stratified(dtype, per_binade, seed), dtype)
    first, width = ends[:-1], np.diff(ends)
    there = np.searchsorted(grid, ends[1:]) - np.searchsorted(grid, first)
    wanted = np.arange(per_binade) < np.minimum(per_binade - there, width - 1)[:, None]
    shares = np.random.default_rng(seed).random((len(first), per_binade))
    drawn = first[:, None] + 1 + (shares * (width - 1)[:, None]).astype(np.int64)
    return inputs.bits_of(np.union1d(ends, drawn[wanted]), dtype)


def _places(bits: Array, dtype: str) -> Array:
    """The places of finite numbers, rising."""
    finite = bits[np.isfinite(inputs.from_bits(bits, dtype))]
    return np.sort(inputs.places_of(finite))


def _ends(activation: Activation, direction: str, dtype: str) -> Array:
    """The places on both sides of each change of the result's binade, from the cache if there."""
    path = known.path_of(activation, direction, dtype, Path(__file__).read_bytes())
    if stored := known.read(path):
        return stored["ends"]
    ends = _bisected(reference.function_of(activation, direction), dtype)
    known.write(path, ends=ends)
    return ends


def _bisected(function: Any, dtype: str) -> Array:
    """Bisect the grid of inputs between results of different binades until their ends are known."""
    fmt = DTYPES[dtype]
    places = _places(inputs.stratified(dtype, 0, 0), dtype)
    binades = _binades(function, places, fmt)
    pairs, kept = np.stack([places[:-1], places[1:]]), np.stack([binades[:-1], binades[1:]])
    ends = [places[[0, -1]]]
    while True:
        differ = kept[0] != kept[1]
        pairs, kept = pairs[:, differ], kept[:, differ]
        close = np.abs(kept[1] - kept[0]) <= 1
        done = np.diff(pairs, axis=0)[0] <= np.where(close, _APART[fmt.itemsize], 1)
        ends.append(pairs[:, done].ravel())
        pairs, kept = pairs[:, ~done], kept[:, ~done]
        if not pairs.size:
            return np.unique(np.concatenate(ends))
        # Half of the difference: the sum of two places may be beyond 64 bits.
        middle = pairs[0] + (pairs[1] - pairs[0]) // 2
        between = _binades(function, middle, fmt)
        pairs = np.concatenate([[pairs[0], middle], [middle, pairs[1]]], axis=1)
        kept = np.concatenate([[kept[0], between], [between, kept[1]]], axis=1)


def _binades(function: Any, places: Array, fmt: Dtype) -> Array:
    """The binade of each result as a signed whole number, counted from the least subnormal; 0 for
    results below it."""
    x = inputs.from_bits(inputs.bits_of(places, fmt.name), fmt.name)
    return np.array([_binade(function, float(value), fmt) for value in x], np.int64)


def _binade(function: Any, x: float, fmt: Dtype) -> int:
    ctx.prec = _PRECISION
    try:
        ball = function(arb(x))
    except exact.NoValue:
        return _NOWHERE
    most = fmt.emax - fmt.emin + fmt.precision + 1
    if not ball.is_finite() or ball.rel_accuracy_bits() < _ENOUGH:
        answer = reference.exact_at(function, np.array([x]))
        high, exponent = float(answer.high[0]), int(answer.exponent[0])
    else:
        mantissa, power = ball.mid().man_exp()
        high, exponent = float(mantissa), abs(int(mantissa)).bit_length() + int(power)
    if np.isnan(high):
        return _NOWHERE
    above = most if np.isinf(high) else exponent - (fmt.emin - fmt.precision + 1)
    size = 0 if high == 0 else min(max(above, 0), most)
    return size if high > 0 else -size
