"""The measure of error: ulp of the exact value, and distances between two results.

ulp(r) = 2^(clip(⌊log₂|r|⌋, emin, emax) − (p − 1)), of the exact value r. Infinity stands at
2^(emax+1), and so does an exact value beyond it. A NaN for a number, or a number for NaN, has no
distance: it counts as infinite and is counted separately.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..catalog.dtypes import DTYPES, Dtype
from ..catalog.inputs import from_bits, places_of
from .reference import Reference

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Errors:
    """Errors, one per input: in ulp, in ulp where subnormals may be flushed, and misplaced NaNs.

    `unit` is the exponent of an ulp of each exact value.
    """

    plain: Array
    flushed: Array
    mismatched: Array
    unit: Array

    @property
    def absolute(self) -> Array:
        """Errors as distances; infinite for a misplaced NaN."""
        with np.errstate(over="ignore"):
            distances: Array = np.ldexp(self.plain, self.unit.astype(np.int32))
        return distances


def measure(bits: Array, reference: Reference, dtype: str) -> Errors:
    """Errors of results given as bit patterns against their exact values."""
    fmt = DTYPES[dtype]
    got = from_bits(bits, dtype).reshape(reference.high.shape)
    unit, high, low = _scaled(reference, fmt)
    scaled = _scale_results(got, unit, fmt)
    with np.errstate(invalid="ignore", over="ignore"):
        plain = np.abs((scaled - high) - low)
        flushed = _flushed(scaled, high + low, plain, unit, fmt)
    plain, flushed = (_inside_kink(error, got, reference) for error in (plain, flushed))
    mismatched = np.isnan(got) != np.isnan(reference.high)
    both = np.isnan(got) & np.isnan(reference.high)
    plain, flushed = (
        np.where(mismatched, np.inf, np.where(both, 0, error)) for error in (plain, flushed)
    )
    return Errors(plain, flushed, mismatched, unit)


def _scaled(reference: Reference, fmt: Dtype) -> tuple[Array, Array, Array]:
    """The exponent of an ulp of each exact value, and the value's halves in that unit."""
    beyond = np.isinf(reference.high) | (reference.exponent > fmt.emax + 1)
    beyond &= reference.high != 0
    high = np.where(beyond, np.copysign(0.5, reference.high), reference.high)
    low = np.where(beyond, 0, reference.low)
    exponent = np.where(beyond, fmt.emax + 2, reference.exponent)
    unit = np.clip(exponent - 1, fmt.emin, fmt.emax)
    unit = np.where(high == 0, fmt.emin, unit) - (fmt.precision - 1)
    shift = np.clip(exponent - unit, -4000, 4000).astype(np.int32)
    return unit, np.ldexp(high, shift), np.ldexp(low, shift)


def _scale_results(got: Array, unit: Array, fmt: Dtype) -> Array:
    """Results in units of an ulp, infinity at 2^(emax+1)."""
    finite = np.where(np.isinf(got), np.copysign(1.0, got), got)
    shift = np.where(np.isinf(got), fmt.emax + 1, 0) - unit
    with np.errstate(over="ignore", invalid="ignore"):
        scaled: Array = np.ldexp(finite, shift.astype(np.int32))
    return scaled


def _flushed(scaled: Array, exact: Array, plain: Array, unit: Array, fmt: Dtype) -> Array:
    """Errors on a number line where the subnormals are contracted to one ulp.

    Whether such a value is kept or flushed to zero then makes a difference of at most one ulp.
    """
    normal = np.ldexp(1.0, (fmt.emin - unit).astype(np.int32))
    both = (np.abs(scaled) >= normal) & (np.abs(exact) >= normal) & (scaled * exact > 0)
    return np.where(
        both, plain, np.abs(_contract(scaled, normal, fmt) - _contract(exact, normal, fmt))
    )


def _contract(value: Array, normal: Array, fmt: Dtype) -> Array:
    shrink = 2.0 ** (1 - fmt.precision)
    outside = value - np.copysign(normal * (1 - shrink), value)
    return np.where(np.abs(value) >= normal, outside, value * shrink)


def _inside_kink(error: Array, got: Array, reference: Reference) -> Array:
    """Forgive slopes between the two sides of a jump of a derivative: all of them are right."""
    with np.errstate(invalid="ignore"):
        inside = (got >= reference.lowest) & (got <= reference.highest)
    return np.where(inside, 0, error)


def ordered(bits: Array) -> Array:
    """Bit patterns as integers in the order of the values they stand for; both zeros are 0."""
    places: Array = places_of(bits)
    return places + (places < 0)


@dataclass(frozen=True)
class Distance:
    """The distance of results: the most ulp, the share of equal bits, the first difference."""

    most: float
    equal: float
    first: int | None


def differ(results: Array, others: Array, dtype: str) -> Array:
    """The flat places at which two results differ in bits. All NaNs are equal."""
    places = np.flatnonzero(results != others)
    nan = [np.isnan(from_bits(bits.ravel()[places], dtype)) for bits in (results, others)]
    return places[~(nan[0] & nan[1])]


def distances(results: Array, others: Array, dtype: str, contracted: bool = False) -> Array:
    """The ulp between results, both bit patterns: 0 between NaNs, infinite from a NaN to a number.

    With `contracted` subnormal numbers are equal to zero.
    """
    nan, nan_other = (np.isnan(from_bits(bits, dtype)) for bits in (results, others))
    there, here = ordered(results), ordered(others)
    if contracted:
        there, here = (_without_subnormals(places, DTYPES[dtype]) for places in (there, here))
    # The difference of two int64 may overflow for float64 results of opposite sign: go by float.
    apart = np.abs(there.astype(np.float64) - here.astype(np.float64))
    near = np.abs(there - here).astype(np.float64)
    apart = np.where(apart < 2.0**52, near, apart)
    return np.where(nan & nan_other, 0, np.where(nan | nan_other, np.inf, apart))


def _without_subnormals(places: Array, fmt: Dtype) -> Array:
    """Places in the order of numbers, where the least normal number comes after zero."""
    sizes: Array = np.maximum(np.abs(places) - (2 ** (fmt.precision - 1) - 1), 0)
    return np.where(places < 0, -sizes, sizes)


def distance(results: Array, others: Array, dtype: str) -> Distance:
    """Compare two results bit by bit."""
    parted = differ(results, others, dtype)
    if not len(parted):
        return Distance(0.0, 1.0, None)
    most = distances(results.ravel()[parted], others.ravel()[parted], dtype).max()
    return Distance(float(most), 1 - len(parted) / results.size, int(parted[0]))
