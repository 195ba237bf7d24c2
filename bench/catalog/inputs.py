"""Seeded inputs: random ones for timing, stratified ones for accuracy. NumPy only.

Values of every format travel as bit patterns in unsigned integers, because NumPy itself does not
have every format.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from .dtypes import DTYPES, Dtype
from .given import NORMAL, SUBNORMAL, UNIFORM, ends, is_file, numbers

Array = np.ndarray[Any, Any]
Domain = Literal["all", "positive"]
"""The range that random inputs are drawn from: all numbers, or only those above 0."""

TIMING_INPUTS = (
    "standard normal where a case names no others, seeded, the same for every activation and "
    "framework; the absolute value of that for a function of positive numbers"
)
NEAR = 20.0
"""The range, of both signs, where activations bend and where designers work."""
_POINTS = 1601
STRUCTURED_ROW = 16
"""Elements of a row in the accuracy inputs of row-wise activations."""


def to_bits(values: Array, dtype: str) -> Array:
    """Bit patterns of `values` (float64) rounded to nearest even in `dtype`.

    Those of a format that NumPy lacks go through its carrier; that double rounding moves results by
    at most one bit and only chooses which inputs are tried, never what they are.
    """
    fmt = DTYPES[dtype]
    with np.errstate(over="ignore"):
        carried = np.asarray(values, dtype=fmt.carrier)
        bits = carried.view(f"uint{8 * carried.itemsize}")
        spare = 8 * (carried.itemsize - fmt.itemsize)
        if not spare:
            return bits
        half = (1 << (spare - 1)) - 1
        rounded = (bits + (half + ((bits >> spare) & 1))) >> spare
    quiet = np.array(np.nan, fmt.carrier).view(bits.dtype) >> spare
    return np.where(np.isnan(values), quiet, rounded).astype(fmt.bits)


def from_bits(bits: Array, dtype: str) -> Array:
    """The values of bit patterns as float64, exactly."""
    fmt = DTYPES[dtype]
    carrier = np.dtype(fmt.carrier)
    spare = 8 * (carrier.itemsize - fmt.itemsize)
    carried = bits.astype(f"uint{8 * carrier.itemsize}") << spare if spare else bits
    with np.errstate(invalid="ignore"):  # a signalling NaN becomes a quiet one
        return carried.view(carrier).astype(np.float64)


def turned(rows: Array, along: int) -> Array:
    """A table of rows with its rows along the named axis, or the reverse."""
    return np.ascontiguousarray(rows.T) if along == 0 else rows


def places(dtype: str) -> range:
    """The places of all bit patterns of a format: numbers and NaNs, counted in order.

    0 is +0 and −1 is −0.
    """
    half = 1 << (8 * DTYPES[dtype].itemsize - 1)
    return range(-half, half)


def place_of(value: float, dtype: str) -> int:
    """The place of the number of a format that is nearest to a value."""
    return int(places_of(to_bits(np.array([value], np.float64), dtype))[0])


def places_of(bits: Array) -> Array:
    """The places of some bit patterns."""
    half = bits.dtype.type(1 << (8 * bits.itemsize - 1))
    size: Array = (bits & (half - 1)).astype(np.int64)
    return np.where(bits < half, size, -1 - size)


def bits_at(first: int, count: int, dtype: str) -> Array:
    """The bit patterns at `count` places from `first` on."""
    return bits_of(np.arange(first, first + count, dtype=np.int64), dtype)


def bits_of(there: Array, dtype: str) -> Array:
    """The bit patterns at some places."""
    fmt = DTYPES[dtype]
    if fmt.itemsize == 8:
        sign = np.int64(-(2**63))
        return np.where(there < 0, ~there | sign, there).view(np.uint64)
    half = 1 << (8 * fmt.itemsize - 1)
    return np.where(there < 0, half - 1 - there, there).astype(fmt.bits)


def indices(given: Array, wanted: Array) -> Array:
    """The indices of bit patterns among others that contain them all; of equal ones the first."""
    order = np.argsort(given, kind="stable")
    places: Array = order[np.searchsorted(given, wanted, sorter=order).clip(max=given.size - 1)]
    assert np.array_equal(given[places], wanted)
    return places


def timing(
    shape: tuple[int, ...], dtype: str, seed: int, domain: Domain = "all", values: str = NORMAL
) -> Array:
    """The bit patterns of the named values, the same for the same shape, dtype and seed.

    In the domain `positive`, values that are drawn lose their sign; a range and a file stay as they
    are. Raises UsageError for a file that cannot be used.
    """
    if is_file(values):
        return to_bits(numbers(values).astype(np.float64).reshape(shape), dtype)
    random, fmt = np.random.default_rng(seed), DTYPES[dtype]
    if values.startswith(UNIFORM):
        return to_bits(random.uniform(*ends(values), shape), dtype)
    if values == NORMAL:
        drawn = random.standard_normal(shape, dtype=np.float32).astype(np.float64)
    elif values == SUBNORMAL:
        multiples = random.integers(1, 1 << (fmt.precision - 1), shape)
        drawn = _signed(multiples * fmt.smallest, random)
    else:
        least, most = (share * fmt.largest_exponent for share in _SATURATED)
        drawn = _signed(random.uniform(least, most, shape), random)
    return to_bits(np.abs(drawn) if domain == "positive" else drawn, dtype)


_SATURATED = (1.6, 3.0)
"""The ends of saturated inputs, as shares of the input at which eˣ leaves the format."""


def _signed(values: Array, random: np.random.Generator) -> Array:
    return np.where(random.random(values.shape) < 0.5, -values, values)


def special(dtype: str) -> Array:
    """Bit patterns of the values where conventions differ: zeros, ends of the range, ±∞, NaN."""
    fmt = DTYPES[dtype]
    subnormal = [fmt.smallest, fmt.normal - fmt.smallest]
    positive = [0.0, *subnormal, fmt.normal, 0.5, 1.0, 2.0, fmt.largest, np.inf]
    return to_bits(np.array([*positive, *(-value for value in positive), np.nan]), dtype)


def stratified(dtype: str, per_binade: int, seed: int) -> Array:
    """Bit patterns from every binade of both signs, the special values and a grid around zero.

    Each binade (every power of two among the subnormals included) gives its first value, its last
    and `per_binade` random ones.
    """
    fmt = DTYPES[dtype]
    random = np.random.default_rng(seed)
    starts = _binade_starts(fmt)
    widths = np.diff(np.append(starts, np.uint64(_first_infinity(fmt))))
    inside = random.random((len(starts), per_binade))
    drawn = starts[:, None] + (inside * widths[:, None]).astype(np.uint64)
    positive = np.concatenate([starts, starts + widths - 1, drawn.ravel()]).astype(fmt.bits)
    sign = np.array(1 << (8 * fmt.itemsize - 1), dtype=fmt.bits)
    return np.unique(np.concatenate([positive, positive | sign, grid(dtype), special(dtype)]))


def grid(dtype: str) -> Array:
    """The bit patterns of 1,601 points on [−20, 20], equally spaced before they are rounded."""
    return to_bits(np.linspace(-NEAR, NEAR, _POINTS), dtype)


def _binade_starts(fmt: Dtype) -> Array:
    """Bit patterns of the powers of two from the smallest subnormal up."""
    subnormal = [1 << place for place in range(fmt.precision - 1)]
    normal = [e << (fmt.precision - 1) for e in range(1, fmt.emax - fmt.emin + 2)]
    return np.array(subnormal + normal, dtype=np.uint64)


def _first_infinity(fmt: Dtype) -> int:
    return (fmt.emax - fmt.emin + 2) << (fmt.precision - 1)


def structured_rows(dtype: str, seed: int) -> Array:
    """Bit patterns of rows of 16 values for row-wise activations, shape (rows, 16).

    Spreads from 10⁻³ to 10³, a common offset of ±1,000, one value far above the others, an almost
    constant row, entries of −∞, and adversarial ones.
    """
    random = np.random.default_rng(seed)
    blocks = [
        random.standard_normal((8, STRUCTURED_ROW)) * scale for scale in 10.0 ** np.arange(-3, 4)
    ]
    base = random.standard_normal((8, STRUCTURED_ROW))
    lonely = base.copy()
    lonely[:, 0] += 60
    masked = base.copy()
    masked[:, ::3] = -np.inf
    blocks += [base + 1000, base - 1000, lonely, 1 + base * 1e-6, masked]
    return to_bits(np.concatenate([*blocks, *_adversarial_rows(base, dtype)]), dtype)


def _adversarial_rows(base: Array, dtype: str) -> list[Array]:
    """Rows that defeat careless sums, in arrays of shape (8, 16).

    Exponentials that overflow by themselves and by their sum, logarithms of probabilities (their
    logsumexp nearly 0), the largest value many times, and terms that count only together.
    """
    fmt = DTYPES[dtype]
    ends = (fmt.emax + 1) * np.log(2)
    overflowing = np.where(base > 0, ends - 0.5 * np.abs(base), base)
    total = np.log(np.exp(base).sum(axis=-1, keepdims=True))
    level = np.broadcast_to(base[:, :1], base.shape)
    absorbed = np.where(np.arange(STRUCTURED_ROW) == 0, 0, -fmt.precision * np.log(2) + base / 4)
    return [overflowing, base - total, level, absorbed]


def learned_rows(shape: tuple[int, int], dtype: str, seed: int) -> Array:
    """The bit patterns for the gradient of a learned parameter, a sum over all rows.

    Every second row is scaled down, later ones more: a sum with too few digits loses them.
    """
    values = from_bits(timing(shape, dtype, seed), dtype)
    rows = np.arange(shape[0])
    shrunk = np.where(rows % 2, 2.0 ** (-rows / 4), 1.0)
    return to_bits(values * shrunk[:, None], dtype)
