"""Exact values by ball arithmetic, at rising precision until they are decided."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, ctx

from .. import exact
from ..catalog import Activation
from ..errors import ActbenchError

Array = np.ndarray[Any, Any]

_BITS = 108
"""Correct bits of an accepted value: two float64 halves, less a margin."""
_PRECISIONS = tuple(192 << step for step in range(9))
_SIDES = 12_000
"""Bits that hold 1 ± _TINY, and a limit at ±FAR, without rounding."""
_TINY = arb(2) ** -3000
_HUGE = arb(2) ** 1500
"""Beyond every float64, and below √FAR."""


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

    def value(self, index: int) -> float:
        """The value as the nearest float64."""
        high, exponent = float(self.high.flat[index]), int(self.exponent.flat[index])
        try:
            return math.ldexp(high + float(self.low.flat[index]), exponent)
        except OverflowError:
            return math.copysign(math.inf, high)

    def at(self, places: Array) -> Reference:
        """The exact values at other places: entry i is what stood at flat index `places[i]`."""
        columns = (self.high, self.low, self.exponent, self.lowest, self.highest)
        return Reference(*(column.ravel()[places] for column in columns))


Half = tuple[float, float, int]
_NO_VALUE: Half = (math.nan, 0.0, 0)


def parameters_of(activation: Activation) -> dict[str, Any]:
    """The parameters as the exact functions take them: exact decimals, flags and counts."""
    return {
        name: value
        if isinstance(value, bool) or (name == "k" and activation.rowwise)
        else _decimal(value)
        for name, value in activation.parameters.items()
    }


def _decimal(value: float) -> arb:
    """The number that the shortest decimal form of `value` spells: 0.01 is 1/100."""
    return arb(repr(value))


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
            return _limit(function, sign * exact.NEAR)
        return _halves(lambda: function(ball))
    except exact.NoValue:
        return _NO_VALUE


def _limit(function: Callable[[arb], arb], place: arb) -> Half:
    ctx.prec = _SIDES
    value = function(place)
    return _infinity(value) if abs(value) > _HUGE else _halves(lambda: value)


def _infinite(ball: arb) -> bool:
    """Whether a ball is ±∞ itself, and not one of unknown size."""
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


def values(activation: Activation, x: Array) -> Reference:
    """Exact values of an elementwise activation at float64 inputs `x`, any shape."""
    parameters = parameters_of(activation)
    return _collect(
        (_at(lambda b: activation.exact(b, **parameters), float(v)) for v in x.flat), x.shape
    )


def derivatives(activation: Activation, x: Array) -> Reference:
    """Exact derivatives of an elementwise activation; at a kink the slopes on both sides."""
    parameters = parameters_of(activation)

    def slope(ball: arb) -> arb:
        return activation.derivative(ball, **parameters)

    found = _collect((_at(slope, float(v)) for v in x.flat), x.shape)
    ctx.prec = _SIDES
    for kink in activation.kinks(**activation.parameters):
        beside = [float(slope(arb(kink) + side * _TINY)) for side in (-1, 1)]
        found.lowest[x == kink], found.highest[x == kink] = min(beside), max(beside)
    return found


def parameter_gradient(activation: Activation, x: Array) -> Reference:
    """Exact Σ ∂f/∂parameter over the first axis of float64 inputs `x`, shape (rows, channels)."""
    parameters = parameters_of(activation)
    derivative = activation.parameter_derivative
    assert derivative is not None

    def total(column: Array) -> arb:
        return sum((derivative(arb(float(v)), **parameters) for v in column), arb(0))

    return _collect((_halves(lambda c=c: total(c)) for c in x.T), (x.shape[1],))  # type: ignore[misc]


def row_values(activation: Activation, rows: Array) -> Reference:
    """Exact values of a row-wise activation at float64 rows, shape (rows, n)."""
    parameters = parameters_of(activation)
    return _rows([lambda r=row: activation.exact(_balls(r), **parameters) for row in rows])  # type: ignore[misc]


def row_gradients(activation: Activation, rows: Array, upstream: Array) -> Reference:
    """Exact gradients of Σ upstream · f(row), for float64 rows and upstream rows."""
    parameters = parameters_of(activation)
    return _rows(
        [
            lambda r=row, u=pull: activation.derivative(_balls(r), _balls(u), **parameters)  # type: ignore[misc]
            for row, pull in zip(rows, upstream, strict=True)
        ]
    )


def _balls(row: Array) -> list[arb]:
    """A row as balls; −∞ as −2^4000, whose exponential is as surely nothing."""
    return [-exact.FAR if np.isneginf(v) else arb(float(v)) for v in row]


def _rows(computations: Sequence[Callable[[], list[arb]]]) -> Reference:
    """Split every entry of every row, raising the precision of a whole row at a time."""
    found = [_row(compute) for compute in computations]
    return _collect((half for row in found for half in row), (len(found), len(found[0])))


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
