"""Exact values by ball arithmetic, at rising precision until they are decided."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq

from ..catalog import formulas as exact
from ..catalog.activations import Activation
from ..catalog.dtypes import DTYPES, Dtype
from ..host.errors import ActbenchError

Array = np.ndarray[Any, Any]

_BITS = 108
"""The correct bits of an accepted value: two float64 halves, less a margin."""
_PRECISIONS = tuple(192 << step for step in range(9))
_SIDES = 12_000
"""The bits that hold 1 ± _TINY, and a limit at ±FAR, without rounding."""
_TINY = arb(2) ** -3000
_HUGE = arb(2) ** 1500
"""A number beyond every float64, and below √FAR."""
_GROWS = arb("1.2")
"""The growth that ln, which doubles at the square of an input, certainly exceeds."""


class Undecided(ActbenchError):
    """An exact value that no precision decided. It is never guessed."""


@dataclass(frozen=True)
class Reference:
    """Exact values (high + low)·2^exponent, with |high| in [½, 1) and 106 bits between the halves.

    Zero has high 0; an infinite value or limit has high ±inf; no value (a NaN input, or one outside
    the domain) has high NaN.
    `lowest`..`highest` are the slopes on either side where a derivative jumps, else NaN.
    """

    high: Array
    low: Array
    exponent: Array
    lowest: Array
    highest: Array

    @classmethod
    def of(cls, values: Array) -> Reference:
        """The exact values that float64 holds, or comes near enough to."""
        high, exponent = np.frexp(values)
        blank = np.full(values.shape, np.nan)
        return cls(high, np.zeros(values.shape), exponent.astype(np.int64), blank, blank.copy())

    @property
    def values(self) -> Array:
        """The nearest float64 of each value; beyond the largest, infinity."""
        exponent = np.clip(self.exponent, -3000, 3000).astype(np.int32)
        with np.errstate(over="ignore", under="ignore"):
            nearest: Array = np.ldexp(self.high + self.low, exponent)
        return nearest

    @property
    def in_binade(self) -> Array:
        """The nearest float64 of each value within its binade: an ulp keeps its size."""
        values = self.values
        beyond = np.isfinite(values) & (np.frexp(values)[1] != self.exponent)
        return np.where(beyond, np.nextafter(values, 0), values)

    def value(self, index: int) -> float:
        """One of the values."""
        return float(self.at(np.array([index])).values[0])

    def at(self, places: Array) -> Reference:
        """The exact values at other places: entry i is the one at flat index `places[i]`."""
        columns = (self.high, self.low, self.exponent, self.lowest, self.highest)
        return Reference(*(column.ravel()[places] for column in columns))


Number = Any
"""The kind of number that an exact function is evaluated in: arb or fmpq."""
Half = tuple[float, float, int]
_NO_VALUE: Half = (math.nan, 0.0, 0)


def parameters_of(activation: Activation, number: Number = arb) -> dict[str, Any]:
    """The parameters as the exact functions take them: exact decimals, flags and counts."""
    return {
        name: value if isinstance(value, int) else _decimal(value, number)
        for name, value in activation.parameters.items()
    }


def _decimal(value: float, number: Number) -> Any:
    """The number that the shortest decimal form of `value` spells: 0.01 is 1/100."""
    if number is arb:
        return arb(repr(value))
    exactly = Fraction(repr(value))
    return fmpq(exactly.numerator, exactly.denominator)


def _halves(compute: Callable[[], arb]) -> Half:
    """Evaluate until the ball is narrow enough and split its midpoint in two.

    Raises Undecided if no precision suffices.
    """
    for precision in _PRECISIONS:
        ctx.prec = precision
        ball = compute()
        if _infinite(ball):
            return _infinity(ball)
        if not ball.is_finite():
            continue
        if ball.is_zero() or ball.abs_upper() < _TINY:
            return 0.0, 0.0, 0
        if ball.rel_accuracy_bits() >= _BITS:
            return _split(ball.mid())
    raise Undecided(f"no exact value at {_PRECISIONS[-1]} bits: {compute()}")


def _split(mid: arb) -> Half:
    mantissa, exponent = mid.man_exp()
    whole, power = int(mantissa), int(exponent)
    surplus = abs(whole).bit_length() - 53
    if surplus <= 0:
        high, bits = math.frexp(whole)
        return high, 0.0, power + bits
    top = abs(whole) >> surplus
    sign = 1 if whole > 0 else -1
    rest = abs(whole) - (top << surplus)
    return sign * math.ldexp(top, -53), sign * _fraction(rest, surplus), power + surplus + 53


def _fraction(rest: int, surplus: int) -> float:
    """rest / 2^(surplus + 53), rounded to 53 bits."""
    spare = max(rest.bit_length() - 60, 0)
    return math.ldexp(rest >> spare, spare - surplus - 53)


def _at(function: Callable[[arb], arb], x: float) -> Half:
    if math.isnan(x):
        return _NO_VALUE
    ball, sign = arb(x), int(math.copysign(1, x))
    try:
        if math.isinf(x):
            return _limit(function, sign * exact.FAR)
        if x == 0 and _infinite(function(ball)):
            return _pole(function, ball, sign)
        return _halves(lambda: function(ball))
    except exact.NoValue:
        return _NO_VALUE


def _pole(function: Callable[[arb], arb], zero: arb, sign: int) -> Half:
    """An infinite value at 0, with the sign that it has on this side, if there is a value there."""
    try:
        return _infinity(function(sign * exact.NEAR))
    except exact.NoValue:
        return _infinity(function(zero))


def _limit(function: Callable[[arb], arb], place: arb) -> Half:
    """The value far away, where it is the same still farther away; else 0 or ±∞ by its growth.

    Raises Undecided where it does neither.
    """
    for precision in (_SIDES, 4 * _SIDES):
        ctx.prec = precision
        value = function(place)
        if abs(value) > _HUGE:
            return _infinity(value)
        if not value.is_finite():
            continue
        if value.abs_upper() < _TINY:
            return 0.0, 0.0, 0
        farther = function(place * abs(place))
        if abs(farther - value) <= abs(value) * arb(2) ** -_BITS:
            return _halves(lambda: value)  # noqa: B023
        if _GROWS * abs(farther) < abs(value):
            return 0.0, 0.0, 0
        if abs(farther) > _GROWS * abs(value):
            return _infinity(farther)
    raise Undecided(f"no limit can be decided: {value} far away")


def _infinite(ball: arb) -> bool:
    """Return whether a ball is ±∞ itself, and not one of unknown size."""
    return bool(ball.is_exact() and not ball.is_finite())


def _infinity(ball: arb) -> Half:
    return math.copysign(math.inf, 1.0 if ball > 0 else -1.0), 0.0, 0


def _collect(halves: Iterable[Half], shape: tuple[int, ...]) -> Reference:
    table = np.array(list(halves), dtype=object).reshape(-1, 3)
    high, low, exponent = (table[:, i] for i in range(3))
    blank = np.full(shape, np.nan)
    return Reference(
        high.astype(np.float64).reshape(shape),
        low.astype(np.float64).reshape(shape),
        np.clip(exponent, -(2**30), 2**30).astype(np.int64).reshape(shape),
        blank,
        blank.copy(),
    )


def exact_values(activation: Activation, direction: str, x: Array) -> Reference:
    """Exact values (`forward`) or derivatives of an elementwise activation, x of any shape."""
    values = exact_at(function_of(activation, direction), x)
    return with_kinks(values, activation, direction, x)


def with_kinks(values: Reference, activation: Activation, direction: str, x: Array) -> Reference:
    """Values with, for derivatives, the slopes on both sides of the activation's kinks."""
    kinks = activation.kinks(**activation.parameters) if direction == "backward" else ()
    slope = function_of(activation, "backward")
    for kink in kinks:
        ctx.prec = _SIDES
        beside = [float(slope(arb(kink) + side * _TINY)) for side in (-1, 1)]
        values.lowest[x == kink], values.highest[x == kink] = min(beside), max(beside)
    return values


def function_of(
    activation: Activation, direction: str, number: Number = arb
) -> Callable[[Any], Any]:
    """The exact value (`forward`) or derivative of an elementwise activation, of one argument.

    It takes a ball, or, with fmpq for `number`, a rational number.
    """
    exact_function = activation.exact if direction == "forward" else activation.derivative
    parameters: dict[int, dict[str, Any]] = {}

    def at(x: Any) -> Any:
        # A decimal fraction is a ball as narrow as the precision of the moment allows.
        if ctx.prec not in parameters:
            parameters[ctx.prec] = parameters_of(activation, number)
        return exact_function(x, **parameters[ctx.prec])

    return at


def exact_at(function: Callable[[arb], arb], x: Array) -> Reference:
    """The values of such a function at float64 inputs `x`, any shape; limits at ±∞."""
    return _collect((_at(function, float(v)) for v in x.flat), x.shape)


def rounded(activation: Activation, direction: str, x: float, dtype: str) -> float:
    """The number of a format that is nearest to the exact value at `x`, ties to even.

    The precision rises until the whole ball rounds to one number, or is exactly half-way between
    two. A ball around 1/100 never is, so rational functions are evaluated in rational numbers as
    well. At ±∞ it is the limit; NaN where there is no value. Raises Undecided if no precision
    suffices.
    """
    fmt, function = DTYPES[dtype], function_of(activation, direction)
    infinite = math.isinf(x)
    place = int(math.copysign(1, x)) * exact.FAR if infinite else arb(x)
    for attempt, precision in enumerate((_SIDES,) if infinite else _PRECISIONS):
        ctx.prec = precision
        try:
            nearest = _nearest(function(place), fmt)
        except exact.NoValue:
            return math.nan
        if nearest is None and attempt == 1:
            nearest = _nearest_rational(function_of(activation, direction, fmpq), x, fmt)
        if nearest is not None:
            return nearest
    raise Undecided(
        f"{activation.label}, {direction}, at {x.hex()} cannot be rounded to {dtype} at "
        f"{_PRECISIONS[-1]} bits"
    )


def _nearest(ball: arb, fmt: Dtype) -> float | None:
    """The single number to which every number of a ball rounds; None if there are several."""
    if _infinite(ball):
        return _infinity(ball)[0]
    if not ball.is_finite():
        return None
    if ball.is_zero() or abs(ball) < arb(2) ** (fmt.emin - fmt.precision):
        return 0.0
    if abs(ball) > arb(2) ** (fmt.emax + 1):
        return math.copysign(math.inf, 1 if ball > 0 else -1)
    mantissa, exponent = ball.mid().man_exp()
    unit = _unit(abs(int(mantissa)).bit_length() + int(exponent) - 1, fmt)
    above = ball * arb(2) ** -unit + arb("0.5")
    whole = above.floor().unique_fmpz()
    if whole is None:
        return None
    return _multiple(int(whole), above.is_exact() and above.is_integer(), unit, fmt)


def _nearest_rational(function: Callable[[Any], Any], x: float, fmt: Dtype) -> float | None:
    """The nearest number for a rational function, None for another function."""
    try:
        value = function(fmpq(*x.as_integer_ratio()))
    except (TypeError, AttributeError, ValueError):
        return None
    if not isinstance(value, fmpq):
        return None
    size = Fraction(int(value.p), int(value.q))
    unit = _unit(_binade(abs(size)), fmt)
    above = size / Fraction(2) ** unit + Fraction(1, 2)
    return _multiple(math.floor(above), above.denominator == 1, unit, fmt)


def _binade(size: Fraction) -> int:
    """⌊log₂⌋ of a positive number, even of one that no float64 holds."""
    binade = size.numerator.bit_length() - size.denominator.bit_length()
    return binade if size >= Fraction(2) ** binade else binade - 1


def _unit(binade: int, fmt: Dtype) -> int:
    """The exponent of an ulp in a binade."""
    return min(max(binade, fmt.emin), fmt.emax) - (fmt.precision - 1)


def _multiple(above: int, tie: bool, unit: int, fmt: Dtype) -> float:
    """A number of units as a float; for a tie the lower neighbour where the upper one is odd."""
    try:
        size = math.ldexp(above - (tie and above % 2), unit)
    except OverflowError:
        return math.copysign(math.inf, above)
    return math.copysign(math.inf, size) if abs(size) >= 2.0**fmt.emax * 2 else size


def parameter_gradient(activation: Activation, x: Array) -> Reference:
    """Exact Σ ∂f/∂parameter over the first axis of float64 inputs `x`, shape (rows, channels)."""
    derivative = activation.parameter_derivative
    assert derivative is not None

    def total(column: Array) -> arb:
        parameters = parameters_of(activation)
        return sum((derivative(arb(float(v)), **parameters) for v in column), arb(0))

    return _collect((_halves(lambda c=c: total(c)) for c in x.T), (x.shape[1],))  # type: ignore[misc]


def row_values(activation: Activation, rows: Array) -> Reference:
    """Exact values of a row-wise activation at float64 rows, shape (rows, n)."""
    return _rows(
        [
            lambda r=row: activation.exact(_balls(r), **parameters_of(activation))  # type: ignore[misc]
            for row in rows
        ]
    )


def row_gradients(activation: Activation, rows: Array, upstream: Array) -> Reference:
    """Exact gradients of Σ upstream · f(row), for float64 rows and upstream rows."""

    def pulled(row: Array, pull: Array) -> list[arb]:
        return list(activation.derivative(_balls(row), _balls(pull), **parameters_of(activation)))

    return _rows(
        [
            lambda r=row, u=pull: pulled(r, u)  # type: ignore[misc]
            for row, pull in zip(rows, upstream, strict=True)
        ]
    )


def row_limits(activation: Activation, rows: Array, upstream: Array | None = None) -> Reference:
    """The values or limits, with `upstream` the gradients, of rows that hold ±∞ or NaN.

    Infinities stand for far numbers, whose distances rise, fall or are equal, a NaN for any number.
    A result has a value where all such choices agree, else none.
    """

    def computed(row: Array, pull: Array | None, way: int) -> list[Half]:
        def compute() -> list[arb]:
            balls, parameters = _far_out(row, way), parameters_of(activation)
            if pull is None:
                return list(activation.exact(balls, **parameters))
            return list(activation.derivative(balls, _balls(pull), **parameters))

        return _row(compute)

    pulls = [None] * len(rows) if upstream is None else upstream
    choices = [
        [computed(row, pull, way) for way in (1, -1, 0)]
        for row, pull in zip(rows, pulls, strict=True)
    ]
    agreed = [
        values[0] if all(_alike(values[0], other) for other in values[1:]) else _NO_VALUE
        for row in choices
        for values in zip(*row, strict=True)
    ]
    return _collect(agreed, (len(rows), len(choices[0][0])))


def _far_out(row: Array, way: int) -> list[arb]:
    """A row with far numbers for ±∞, whose distances rise (1), fall (−1) or are equal (0)."""
    distances = [1 + way * place % len(row) for place in range(len(row))]
    return [
        way * (len(row) + 1) * exact.FAR
        if np.isnan(x)
        else int(math.copysign(far, x)) * exact.FAR
        if np.isinf(x)
        else arb(float(x))
        for far, x in zip(distances, row, strict=True)
    ]


def _alike(first: Half, second: Half) -> bool:
    """Return whether two values are the same float64 up to its last digits."""
    near = [
        math.ldexp(high, max(min(exponent, 1024), -3000)) for high, _, exponent in (first, second)
    ]
    return math.isclose(*near, rel_tol=1e-12)


def _balls(row: Array) -> list[arb]:
    """A row as balls; −∞ as −2^4000, whose exponential vanishes just as well."""
    return [-exact.FAR if np.isneginf(v) else arb(float(v)) for v in row]


def _rows(computations: Sequence[Callable[[], list[arb]]]) -> Reference:
    """Split every entry of every row, raising the precision of a whole row at a time."""
    rows = [_row(compute) for compute in computations]
    return _collect((half for row in rows for half in row), (len(rows), len(rows[0])))


def _row(compute: Callable[[], list[arb]]) -> list[Half]:
    for precision in _PRECISIONS:
        ctx.prec = precision
        balls = compute()
        if all(_decided(ball) for ball in balls):
            return [_entry(ball) for ball in balls]
    raise Undecided(f"no exact row at {_PRECISIONS[-1]} bits")


def _decided(ball: arb) -> bool:
    if not ball.is_finite():
        return False
    small = ball.is_zero() or ball.abs_upper() < _TINY
    return bool(small or ball.rel_accuracy_bits() >= _BITS)


def _entry(ball: arb) -> Half:
    return _infinity(ball) if abs(ball) > _HUGE else _halves(lambda: ball)
