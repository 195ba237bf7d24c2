"""Exact values and exact derivatives, in ball arithmetic (Arb through python-flint).

Every function takes and returns balls: the true value lies within the ball. They are written so
that a ball stays narrow at every real input: no exponential of a large positive number, no
difference of two nearly equal ones. Parameters are balls around their exact decimal value, flags
(`bool`) and counts (`int`) as they are. A function of a row takes and returns a list of balls; its
gradient takes the row and an upstream row and returns the gradient of their inner product.

A pole is an infinite ball, and outside its domain a function raises NoValue. ±FAR stands for an
infinite input, and ±NEAR for a zero with its sign, where the value at 0 is infinite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Literal

from flint import arb, ctx, fmpq

Row = Sequence[arb]

FAR = arb(2) ** 4000
"""A number beyond every float64, where every function is at its limit."""
NEAR = arb(2) ** -8000
"""A number nearer to 0 than every float64 and the square root of one."""


class NoValue(Exception):
    """The input lies outside the function's domain."""


class Enclosed:
    """A ball of Arb whose comparisons are `Open` where it overlaps the other side.

    A formula that branches on such a ball returns a ball that holds both of its branches. Arb's own
    comparisons are false in that case, which would silently choose a branch.
    """

    __slots__ = ("ball",)

    def __init__(self, ball: Any) -> None:
        self.ball = arb(ball)

    def __neg__(self) -> Enclosed:
        return Enclosed(-self.ball)

    def __abs__(self) -> Enclosed:
        return Enclosed(abs(self.ball))

    def __add__(self, other: Any) -> Enclosed:
        return Enclosed(self.ball + bare(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Enclosed:
        return Enclosed(self.ball - bare(other))

    def __rsub__(self, other: Any) -> Enclosed:
        return Enclosed(bare(other) - self.ball)

    def __mul__(self, other: Any) -> Enclosed:
        return Enclosed(self.ball * bare(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Enclosed:
        return Enclosed(self.ball / bare(other))

    def __rtruediv__(self, other: Any) -> Enclosed:
        return Enclosed(bare(other) / self.ball)

    def __pow__(self, power: int) -> Enclosed:
        return Enclosed(self.ball**power)

    def __getattr__(self, name: str) -> Callable[[], Enclosed]:
        """Return a function of Arb's: `exp`, `sqrt`, `erfc`."""
        if name.startswith("_"):
            raise AttributeError(name)
        function = getattr(self.ball, name)
        return lambda: Enclosed(function())

    def exp2(self) -> Enclosed:
        """2ˣ."""
        return Enclosed(arb(2) ** self.ball)

    def __gt__(self, other: Any) -> Any:
        other = arb(bare(other))
        return _decided(self.ball > other, self.ball <= other)

    def __lt__(self, other: Any) -> Any:
        other = arb(bare(other))
        return _decided(self.ball < other, self.ball >= other)

    def __ge__(self, other: Any) -> Any:
        other = arb(bare(other))
        return _decided(self.ball >= other, self.ball < other)

    def __le__(self, other: Any) -> Any:
        other = arb(bare(other))
        return _decided(self.ball <= other, self.ball > other)

    def __eq__(self, other: object) -> Any:
        given = arb(bare(other))
        return _decided(self.ball == given, self.ball != given)

    __hash__ = None  # type: ignore[assignment]


class Open:
    """A condition that overlapping balls leave open: both of its branches are kept."""

    def __and__(self, other: Any) -> Any:
        return False if other is False else self

    def __or__(self, other: Any) -> Any:
        return True if other is True else self

    __rand__, __ror__ = __and__, __or__

    def choose(self, yes: Any, no: Any) -> Enclosed:
        """A ball around the values of both branches."""
        return Enclosed(arb(bare(yes)).union(arb(bare(no))))


def _decided(holds: bool, fails: bool) -> bool | Open:
    return holds if holds or fails else Open()


def bare(value: Any) -> Any:
    """Return a value without the wrapper that tracks open comparisons."""
    return value.ball if isinstance(value, Enclosed) else value


def unknown(_: Any) -> Any:
    """The exact function of an activation without a known value."""
    raise NoValue


def where(condition: Any, yes: Any, no: Any) -> Any:
    """Return one of two values, or call one of two functions of no arguments."""
    if isinstance(condition, bool):
        chosen = yes if condition else no
        value = chosen() if callable(chosen) else chosen
        return value if isinstance(value, fmpq | Enclosed) else arb(value)
    return condition.choose(_branch(yes), _branch(no))


def _branch(value: Any) -> Any:
    try:
        return value() if callable(value) else value
    except NoValue:
        return math.nan


def clipped(x: arb, low: int, high: int) -> arb:
    return where(x > low, where(x < high, x, high), low)


def between(x: arb, low: int, high: int) -> Any:
    return (x > low) & (x < high)


def sigmoid(x: arb) -> arb:
    tail = (-abs(x)).exp()
    return where(x >= 0, 1, tail) / (1 + tail)


def sigmoid_slope(x: arb) -> arb:
    tail = (-abs(x)).exp()
    return tail / (1 + tail) ** 2


def softplus(x: arb) -> arb:
    return where(x > 0, x, 0) + (-abs(x)).exp().log1p()


def tanh(x: arb) -> arb:
    shrunk = -(-2 * abs(x)).expm1()
    size = shrunk / (2 - shrunk)
    return where(x >= 0, size, -size)


def tanh_slope(x: arb) -> arb:
    return 4 * sigmoid_slope(2 * x)


def normal_cdf(x: arb) -> arb:
    return (-x / arb(2).sqrt()).erfc() / 2


def normal_density(x: arb) -> arb:
    return (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def gelu(x: arb) -> arb:
    return x * normal_cdf(x)


def gelu_slope(x: arb) -> arb:
    return normal_cdf(x) + x * normal_density(x)


def elu(x: arb, alpha: arb) -> arb:
    return where(x > 0, x, lambda: alpha * x.expm1())


def elu_slope(x: arb, alpha: arb) -> arb:
    return where(x > 0, 1, lambda: alpha * x.exp())


def hard_swish_slope(x: arb) -> arb:
    return where(x > -3, where(x < 3, (2 * x + 3) / 6, 1), 0)


def selu_scale() -> arb:
    return arb("1.0507009873554804934193349852946")


def selu_alpha() -> arb:
    return arb("1.6732632423543772848170429916717")


def softplus_approximation(x: arb) -> arb:
    def beside() -> Any:
        scaled = abs(x) / arb(2).log()
        size = abs(x) / -(-scaled).expm1()
        return where(x > 0, size, lambda: size * (-scaled).exp())

    return where(x == 0, arb(2).log(), beside)


def softplus_approximation_slope(x: arb) -> arb:
    def beside() -> Any:
        scaled = abs(x) / arb(2).log()
        tail, rest = (-scaled).exp(), -(-scaled).expm1()
        return where(x > 0, rest - scaled * tail, tail * (scaled - rest)) / rest**2

    return where(x == 0, arb("0.5"), beside)


def gated(x: arb, gate: arb) -> arb:
    return x * sigmoid(gate)


def gated_slope(x: arb, gate: arb, gate_slope: arb) -> arb:
    return sigmoid(gate) + x * gate_slope * sigmoid_slope(gate)


def gelu_tanh_gate(x: arb) -> arb:
    return 2 * (2 / arb.pi()).sqrt() * (x + arb("0.044715") * x**3)


def gelu_tanh_gate_slope(x: arb) -> arb:
    return 2 * (2 / arb.pi()).sqrt() * (1 + arb("0.134145") * x**2)


def mish_gate(x: arb) -> arb:
    tail = (-abs(x)).exp()
    above = (1 + 2 * tail) / (1 + 2 * tail + 2 * tail**2)
    return where(x >= 0, above, lambda: tail * (tail + 2) / (tail * (tail + 2) + 2))


def mish_slope(x: arb) -> arb:
    tail = (-abs(x)).exp()
    rise = 4 * tail * (1 + tail)
    above = rise * tail / (1 + 2 * tail + 2 * tail**2) ** 2
    return mish_gate(x) + x * where(x >= 0, above, lambda: rise / (tail**2 + 2 * tail + 2) ** 2)


def squareplus(x: arb, b: arb) -> arb:
    root = (x * x + b).sqrt()
    return where(x >= 0, (x + root) / 2, lambda: b / (root - x) / 2)


def squareplus_slope(x: arb, b: arb) -> arb:
    if b == 0:
        return where(x > 0, 1, 0)
    return squareplus(x, b) / (x * x + b).sqrt()


def isru(x: arb, alpha: arb) -> arb:
    return x / (1 + alpha * x * x).sqrt()


def isru_slope(x: arb, alpha: arb) -> arb:
    return 1 / (1 + alpha * x * x).sqrt() ** 3


def reciprocal(x: arb) -> arb:
    return where(x == 0, arb.pos_inf(), lambda: 1 / x)


def root(x: arb) -> arb:
    def below() -> Any:
        # IEEE 754: √−0 is −0, and what is divided by it −∞.
        return where(x >= -NEAR, lambda: -(-x).sqrt(), no_value)

    return where(x < 0, below, lambda: x.sqrt())


def rising(x: arb, inside: Callable[[], Any]) -> arb:
    """A value computed by `inside`, and ∞ at the limit."""
    return where(x >= FAR, arb.pos_inf(), inside)


def exp(x: arb) -> arb:
    return rising(x, lambda: x.exp())


def exp2(x: arb) -> arb:
    """2ˣ; of a ball as a power, which is exact where x is a whole number."""
    power = (lambda: arb(2) ** x) if isinstance(x, arb) else (lambda: x.exp2())
    return rising(x, power)


def expm1(x: arb) -> arb:
    return rising(x, lambda: x.expm1())


def log1p(x: arb) -> arb:
    return logarithm(1 + x, lambda: rising(x, lambda: x.log1p()))


def logarithm(x: arb, inside: Callable[[], Any]) -> arb:
    """ln x, computed by `inside` where x is above 0."""
    return where(x < 0, no_value, lambda: where(x == 0, arb.neg_inf(), inside))


def no_value() -> Any:
    """Raise NoValue: the input lies outside the domain."""
    raise NoValue


_NEGATIVE = (-0.125, -0.75, -2.0, -30.0)


def domain(value: Callable[[arb], Any]) -> Literal["all", "positive"]:
    """Return `positive` where none of the negative numbers tried has a value, else `all`."""
    ctx.prec = 64
    for x in _NEGATIVE:
        with suppress(NoValue):
            value(arb(x))
            return "all"
    return "positive"


def terms_of(row: Row, with_zero: bool) -> list[arb]:
    return [*row, arb(0)] if with_zero else list(row)


def largest(row: Row) -> arb:
    best = row[0]
    for x in row[1:]:
        best = x if x > best else best
    return best


def logsumexp(row: Row, with_zero: bool) -> list[arb]:
    terms = terms_of(row, with_zero)
    top = largest(terms)
    return [top + sum((x - top).exp() for x in terms).log()]


def softmax(row: Row, with_zero: bool) -> list[arb]:
    terms = terms_of(row, with_zero)
    top = largest(terms)
    total = sum((x - top).exp() for x in terms)
    return [(x - top).exp() / total for x in row]


def logsumexp_gradient(row: Row, upstream: Row, with_zero: bool) -> list[arb]:
    return [upstream[0] * share for share in softmax(row, with_zero)]


def softmax_gradient(row: Row, upstream: Row, with_zero: bool) -> list[arb]:
    shares = softmax(row, with_zero)
    mean = sum(share * pull for share, pull in zip(shares, upstream, strict=True))
    return [share * (pull - mean) for share, pull in zip(shares, upstream, strict=True)]


def log_softmax(row: Row) -> list[arb]:
    top = largest(row)
    total = sum((x - top).exp() for x in row).log()
    return [x - top - total for x in row]


def log_softmax_gradient(row: Row, upstream: Row) -> list[arb]:
    total = sum(upstream, arb(0))
    shares = softmax(row, with_zero=False)
    return [pull - share * total for share, pull in zip(shares, upstream, strict=True)]


def halves_gated(row: Row, gate: Callable[[arb], arb]) -> list[arb]:
    half = len(row) // 2
    return [a * gate(b) for a, b in zip(row[:half], row[half:], strict=True)]


def halves_gradient(
    row: Row, upstream: Row, gate: Callable[[arb], arb], slope: Callable[[arb], arb]
) -> list[arb]:
    half = len(row) // 2
    pulled = list(zip(upstream, row[:half], row[half:], strict=True))
    return [pull * gate(b) for pull, _, b in pulled] + [
        pull * a * slope(b) for pull, a, b in pulled
    ]


def crelu(row: Row) -> list[arb]:
    return [where(x > 0, x, 0) for x in row] + [where(x < 0, -x, 0) for x in row]


def crelu_gradient(row: Row, upstream: Row) -> list[arb]:
    up, down = upstream[: len(row)], upstream[len(row) :]
    return [where(x > 0, p, 0) - where(x < 0, n, 0) for x, p, n in zip(row, up, down, strict=True)]


def maxout(row: Row, k: int) -> list[arb]:
    width = len(row) // k
    return [largest(row[column::width]) for column in range(width)]


def maxout_gradient(row: Row, upstream: Row, k: int) -> list[arb]:
    width = len(row) // k
    tops = maxout(row, k)
    return [where(x == tops[i % width], upstream[i % width], 0) for i, x in enumerate(row)]
