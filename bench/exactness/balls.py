"""Ball arithmetic on arrays: the float64 tier in front of Arb.

A ball is a midpoint and a radius, both float64: the true value lies within. The formulas of
`bench.exact` run on `Balls` as they run on Arb's, a whole array at a time, and the radius follows
the rounding errors of each step, so that every function of the catalogue has a proved bound without
a proof of its own. Where the radius is too wide, the caller asks Arb.

The bounds: +, −, ×, ÷ and √ of IEEE 754 are within 2⁻⁵³ of the magnitude. The functions of NumPy
and SciPy are taken to be within the relative errors of `BOUNDS`, several times what NumPy's tests
allow (4 ulp) and what Cephes documents for erf and erfc (3.7e-16 and 5.7e-14 relative); a test
holds each against Arb over its whole range. `_FLOOR` covers underflow.

A value beyond float64 is infinite and one that makes no sense is NaN: neither is settled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from flint import arb
from scipy import special

Array = np.ndarray[Any, Any]
Radius: TypeAlias = Array | float

BOUNDS = {
    **dict.fromkeys(("exp", "exp2", "expm1", "log", "log1p", "tanh", "erf"), 2.0**-50),
    "erfc": 2.0**-42,
}
"""Relative error of each function of float64 that is not an operation of IEEE 754."""
_ROUNDING = 2.0**-53
_FLOOR = 2.0**-1000
"""Absolute error of an operation that may underflow: far below half of any 32-bit subnormal."""
_LEAST = 2.0**-1074
_WIDEST = 2.0**-5
"""The radius beyond which no bound is computed."""
_SLOPE_OF_ERF = 1.1284
_FADED = 1500.0
"""The input beyond which exp(−x), erfc(x) and the like are within _FLOOR of their limits."""
_GREATEST = arb(2) ** 1023
_OUTWARDS = 1 + 2.0**-50
"""The factor that makes up for the rounding of a distance."""


class Balls:
    """An array of balls, `mid` ± `rad`. A radius of 0.0 says that all of them are exact."""

    __slots__ = ("mid", "rad")
    __array_ufunc__ = None  # an array on the left leaves the operation to this class

    def __init__(self, mid: Array | float, rad: Radius = 0.0) -> None:
        self.mid, self.rad = mid, rad

    @property
    def exact(self) -> bool:
        """Return whether no ball of the array has a width."""
        return isinstance(self.rad, float) and self.rad == 0

    def nowhere(self) -> Array:
        """A mask of the balls without a middle or with an infinite radius."""
        return np.asarray(np.isnan(self.mid) | ~np.isfinite(self.rad))

    def __neg__(self) -> Balls:
        return Balls(-self.mid, self.rad)

    def __abs__(self) -> Balls:
        return Balls(np.abs(self.mid), self.rad)

    def __add__(self, other: Any) -> Balls:
        other = balls(other)
        mid = self.mid + other.mid
        return Balls(mid, _sum(self.rad, other.rad, np.abs(mid) * _ROUNDING))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Balls:
        return self.__add__(-balls(other))

    def __rsub__(self, other: Any) -> Balls:
        return self.__neg__().__add__(other)

    def __mul__(self, other: Any) -> Balls:
        other = balls(other)
        mid = self.mid * other.mid
        rad = np.abs(mid) * _ROUNDING + _FLOOR
        if not self.exact:
            rad += np.abs(other.mid) * self.rad
        if not other.exact:
            rad += (np.abs(self.mid) + self.rad) * other.rad
        return Balls(mid, rad)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Balls:
        other = balls(other)
        mid = self.mid / other.mid
        size = np.abs(mid)
        rad = size * _ROUNDING + _FLOOR
        if not (self.exact and other.exact):
            least = np.abs(other.mid) - other.rad
            rad += np.where(least > 0, (self.rad + size * other.rad) / least, np.inf)
        return Balls(mid, rad)

    def __rtruediv__(self, other: Any) -> Balls:
        return balls(other).__truediv__(self)

    def __pow__(self, power: int) -> Balls:
        result = self
        for _ in range(power - 1):
            result = result * self
        return result

    def sqrt(self) -> Balls:
        """√, whose radius is at most that of the argument over the root."""
        mid = np.sqrt(self.mid)
        rad = mid * _ROUNDING
        if not self.exact:
            rad += np.where(self.mid > self.rad, self.rad / mid, np.inf)
        return Balls(mid, rad)

    def exp(self) -> Balls:
        """eˣ; e^{±r} is within 2r of 1 for the radii that are allowed."""
        return self._within(-_FADED, math.inf)._function("exp", np.exp, lambda mid: mid)

    def exp2(self) -> Balls:
        """2ˣ, whose slope is at most itself."""
        return self._within(-_FADED, math.inf)._function("exp2", np.exp2, lambda mid: mid)

    def expm1(self) -> Balls:
        """eˣ − 1, whose slope is one more than itself."""
        return self._within(-_FADED, math.inf)._function("expm1", np.expm1, lambda mid: mid + 1)

    def log(self) -> Balls:
        """ln x, whose slope is 1/x."""
        return self._function("log", np.log, lambda _: 1 / self.mid, self.mid)

    def log1p(self) -> Balls:
        """ln(1 + x), whose slope is 1/(1 + x)."""
        above = 1 + self.mid
        return self._function("log1p", np.log1p, lambda _: 1 / above, above)

    def tanh(self) -> Balls:
        """Hyperbolic tangent, whose slope is at most 1."""
        return self._function("tanh", np.tanh, lambda _: 1.0)

    def erf(self) -> Balls:
        """The error function, whose slope is at most 2/√π."""
        near = self._within(-_FADED, _FADED)
        return near._function("erf", special.erf, lambda _: _SLOPE_OF_ERF)

    def erfc(self) -> Balls:
        """erfc, whose slope is at most 2(x + 1) erfc(x) above 0 and 2 erfc(x) below.

        After erfc(x) ≥ 2/√π e^{−x²} / (x + √(x² + 2)); Abramowitz, Stegun 1964, 7.1.13.
        """
        near = self._within(-_FADED, _FADED)
        rise = 2 * np.maximum(near.mid, 0) + 2
        return near._function("erfc", special.erfc, lambda mid: rise * mid, 1 / rise)

    def _within(self, low: float, high: float) -> Balls:
        """Balls, those beyond an end moved to it; there the function is flat up to `_FLOOR`."""
        if self.exact:
            return self
        beyond = (self.mid < 2 * low) | (self.mid > 2 * high)
        beyond &= self.rad <= np.abs(self.mid) / 2
        return Balls(np.clip(self.mid, low, high), np.where(beyond, 0.0, self.rad))

    def _function(
        self,
        name: str,
        function: Callable[[Any], Any],
        slope: Callable[[Any], Any],
        scale: Any = 1.0,
    ) -> Balls:
        """A function and its radius: its own error, and twice its slope times the argument's
        radius.

        Twice is enough where the slope at most doubles within the radius: the radius is at most
        `_WIDEST` of the `scale` on which the slope changes.
        """
        mid = function(self.mid)
        rad = np.abs(mid) * BOUNDS[name] + _FLOOR
        if not self.exact:
            narrow = self.rad <= _WIDEST * scale
            rad = np.where(narrow, rad + 2 * np.abs(slope(mid)) * self.rad, np.inf)
        return Balls(mid, rad)

    def __lt__(self, other: Any) -> Where:
        return _compare(balls(other), self, strict=True)

    def __gt__(self, other: Any) -> Where:
        return _compare(self, balls(other), strict=True)

    def __le__(self, other: Any) -> Where:
        return _compare(balls(other), self, strict=False)

    def __ge__(self, other: Any) -> Where:
        return _compare(self, balls(other), strict=False)

    def __eq__(self, other: object) -> Any:
        other = balls(other)
        return Where(np.asarray(self.mid == other.mid), _open(self, other), _lost(self, other))

    __hash__ = None  # type: ignore[assignment]


class Where:
    """A condition on balls: where it holds, and where overlapping balls leave it open.

    It is `lost` where a ball is nowhere, so that nothing follows from it.
    """

    __slots__ = ("holds", "lost", "open")

    def __init__(self, holds: Array, open_: Array | None, lost: Array | None = None) -> None:
        self.holds, self.open, self.lost = holds, open_, lost

    def __bool__(self) -> bool:
        raise TypeError("a condition on many balls has no one answer: use choose")

    def __and__(self, other: Where) -> Where:
        lost = _either(self.lost, other.lost)
        return Where(self.holds & other.holds, _either(self.open, other.open), lost)

    def __or__(self, other: Where) -> Where:
        lost = _either(self.lost, other.lost)
        return Where(self.holds | other.holds, _either(self.open, other.open), lost)

    def choose(self, yes: Any, no: Any) -> Balls:
        """One ball or the other; where the condition is open, a ball around both, unbounded if
        lost."""
        yes, no = balls(yes), balls(no)
        mid = np.where(self.holds, yes.mid, no.mid)
        if yes.exact and no.exact and self.open is None:
            return Balls(mid)
        rad = np.where(self.holds, yes.rad, no.rad)
        if self.open is None:
            return Balls(mid, rad)
        apart = np.abs(yes.mid - no.mid)
        around = np.where(apart == 0, 0.0, apart * _OUTWARDS) + np.maximum(yes.rad, no.rad)
        rad = np.where(self.open, around, rad)
        return Balls(mid, rad if self.lost is None else np.where(self.lost, np.inf, rad))


def balls(value: Any) -> Balls:
    """Balls unchanged; a number or one of Arb's balls as a ball that contains it."""
    if isinstance(value, Balls):
        return value
    if isinstance(value, float):
        return Balls(value)
    ball = arb(value)
    if not ball.is_finite() or abs(ball) > _GREATEST:
        return Balls(math.nan if ball.is_nan() else math.copysign(math.inf, 1 if ball > 0 else -1))
    mid = float(ball.mid())
    rest = abs(ball - arb(mid)).upper()
    return Balls(mid, 0.0 if rest == 0 else float(rest) * (1 + 2.0**-50) + _LEAST)


def _sum(first: Radius, second: Radius, rounding: Radius) -> Radius:
    for term in (first, second):
        if not (isinstance(term, float) and term == 0):
            rounding = rounding + term
    return rounding


def _compare(greater: Balls, less: Balls, strict: bool) -> Where:
    """The condition that one ball is greater than another; overlapping balls leave it open."""
    holds = np.asarray(greater.mid > less.mid if strict else greater.mid >= less.mid)
    return Where(holds, _open(greater, less), _lost(greater, less))


def _open(first: Balls, second: Balls) -> Array | None:
    """The places where two balls are not certainly apart: they overlap, or one is nowhere."""
    if first.exact and second.exact:
        return None
    return ~np.asarray(np.abs(first.mid - second.mid) > 2 * (first.rad + second.rad))


def _lost(first: Balls, second: Balls) -> Array | None:
    """The places where one of two balls is nowhere."""
    if first.exact and second.exact:
        return None
    return np.asarray(first.nowhere() | second.nowhere())


def _either(first: Array | None, second: Array | None) -> Array | None:
    if first is None or second is None:
        return second if first is None else first
    return first | second
