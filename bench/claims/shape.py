"""Claims on the shape of functions: range, bumps, limits, and the limits of arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from flint import arb, ctx

from ..catalog.activations import find
from ..exactness.reference import function_of
from ..exactness.zeros import crossings
from ..results.claims import Figure, Outcome, Topic
from .claim import claim
from .comparing import Part, compared, judged_in_each, outcome
from .functions import Array, Functions, Setting, in_each
from .ground import Unavailable

_WIKIPEDIA = "Wikipedia, Rectifier (neural networks)"
_BARRON = "Barron 2021, arXiv 2112.11687"
_ALL = ("float32", "float16", "bfloat16", "float64")
_SQUARES = Part("numbers whose square overflows", lambda x, fmt: x * x > fmt.largest)
_STEEP = Part("numbers below −1", lambda x, _: x < -1)


@claim(
    Topic.SHAPE,
    "ReLU is never negative, and it has no upper bound.",
    source=f"{_WIKIPEDIA}, among potential problems",
    method="The least value at numbers of every kind, and the value at the largest number of the "
    "format.",
)
def relu_is_never_negative_and_unbounded(functions: Functions, activation: str = "relu") -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x, value = _finite(at, at.value(activation, at.inputs))
        largest = at.format.largest
        worst = int(value.argmin())
        yield at.figure("least value", value[worst], bool(value[worst] >= 0), at=float(x[worst]))
        top = float(value[x == largest][0])
        name = "value at the largest number over that number"
        yield at.figure(name, top / largest, top == largest)

    return judged_in_each(functions, judged)


def _finite(at: Setting, *values: Array) -> tuple[Array, ...]:
    """The finite inputs of a setting, and the values there."""
    finite = np.isfinite(at.inputs)
    return at.inputs[finite], *(value[finite] for value in values)


@dataclass(frozen=True)
class _Bump:
    """The place of a minimum, proved to 2⁻⁴⁵, and the least value."""

    place: float
    depth: float


def _bump(activation: str) -> _Bump | None:
    """The single minimum of a function: its derivative is proved to rise through 0 there.

    None where the derivative does not change its sign. Raises Unavailable where that cannot be
    proved.
    """
    places = crossings(activation, "backward")
    if not places:
        return None
    ctx.prec = 128
    record, width = find(activation), arb(2) ** -45
    slope, value = (function_of(record, direction) for direction in ("backward", "forward"))
    place = arb(places[0])
    if not slope(place - width) < 0 < slope(place + width):
        raise Unavailable(f"the minimum of {activation} could not be proved")
    return _Bump(places[0], float(value(arb(place, width)).mid()))


@claim(
    Topic.SHAPE,
    "GELU is not monotonic: it has a bump to the left of 0.",
    source=f"Hendrycks, Gimpel 2016, arXiv 1606.08415, section 4; {_WIKIPEDIA}, on GELU",
    method="The place and depth of the minimum, proved in ball arithmetic, and the least value on "
    "a grid around it in each framework, which must be the depth to 8 ulp.",
)
def gelu_has_a_bump(functions: Functions, activation: str = "gelu") -> Outcome:
    return _judged_bump(functions, activation)


@claim(
    Topic.SHAPE,
    "SiLU is not monotonic: it has a global minimum of about −0.28 at x ≈ −1.28.",
    source="Elfwing, Uchibe, Doya 2017, arXiv 1702.03118",
    method="The place and depth of the minimum, proved in ball arithmetic, and the least value on "
    "a grid around it in each framework, which must be the depth to 8 ulp.",
)
def silu_has_a_bump(
    functions: Functions, depth: float = -0.28, place: float = -1.28, activation: str = "silu"
) -> Outcome:
    return _judged_bump(functions, activation, _Bump(place, depth), decimals=2)


@claim(
    Topic.SHAPE,
    "Mish is not monotonic: it has a minimum of about −0.30884 at x ≈ −1.1924.",
    source="Misra 2019, the repository beside arXiv 1908.08681, where its lower bound is ≈ −0.31",
    method="The place and depth of the minimum, proved in ball arithmetic, and the least value on "
    "a grid around it in each framework, which must be the depth to 8 ulp.",
)
def mish_has_a_bump(
    functions: Functions, depth: float = -0.30884, place: float = -1.1924, activation: str = "mish"
) -> Outcome:
    return _judged_bump(functions, activation, _Bump(place, depth), decimals=4)


def _judged_bump(
    functions: Functions, activation: str, said: _Bump | None = None, decimals: int = 0
) -> Outcome:
    bump = _bump(activation)
    near = bump.place if bump else -1.0

    def judged(at: Setting) -> Iterator[Figure]:
        x = np.unique(at.rounded(near + np.arange(-1, 1, 2.0**-10)))
        value = at.value(activation, x)
        least = int(value.argmin())
        unit = 2.0 ** (1 - at.format.precision) * abs(bump.depth if bump else 1)
        holds = bump is not None and bool(abs(value[least] - bump.depth) <= 8 * unit)
        yield at.figure("least value around the bump", value[least], holds, at=float(x[least]))

    exact = (_proved(name, bump, said, decimals) for name in ("place", "depth"))
    return outcome((*exact, *in_each(functions.settings(), judged)))


def _proved(name: str, bump: _Bump | None, said: _Bump | None, decimals: int) -> Figure:
    """A proved number, which must be negative, and agree with the claimed one to so many decimal
    places."""
    value = math.nan if bump is None else float(getattr(bump, name))
    wanted = value if said is None else float(getattr(said, name))
    holds = value < 0 and abs(value - wanted) < 10.0**-decimals
    return Figure(f"{name} of the bump, exact", value, holds=holds, said=wanted if said else None)


@claim(
    Topic.SHAPE,
    "Squareplus is monotonic.",
    source=f"{_WIKIPEDIA}, on squareplus",
    method="Squareplus as printed, b = 4, at rising numbers, 64 in each binade: how often it falls "
    "from one to the next, on either side of 0.",
)
def squareplus_is_monotonic(functions: Functions, way: int = 1) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = _dense(at)
        value = way * at.value("squareplus", x, "textbook")
        falls = value[1:] < value[:-1]
        for place, side in (("negative numbers", x[1:] <= 0), ("numbers above 0", x[1:] > 0)):
            yield _counted(at, "steps at which it falls", x[1:], falls & side, place)

    return judged_in_each(functions, judged, _ALL)


def _dense(at: Setting, per_binade: int = 64) -> Array:
    """Rising numbers of both signs whose square is finite, from 1/16 on, and 0."""
    sizes = 2.0 ** np.arange(-4, at.format.emax // 2, 1 / per_binade)
    return np.unique(at.rounded(np.concatenate([-sizes, [0.0], sizes])))


def _counted(at: Setting, name: str, x: Array, wrong: Array, place: str = "") -> Figure:
    """The number of wrong inputs, which should be 0, with the one nearest to 0."""
    count = int(np.count_nonzero(wrong))
    nearest = float(x[wrong][np.abs(x[wrong]).argmin()]) if count else None
    return at.figure(name, count, not count, at=nearest, place=place)


@claim(
    Topic.SHAPE,
    "Squareplus is strictly positive.",
    source=f"{_WIKIPEDIA}, on squareplus",
    method="Squareplus as printed, b = 4, at numbers of both signs, 64 in each binade: how often "
    "it is 0 or less.",
)
def squareplus_is_strictly_positive(
    functions: Functions, activation: str = "squareplus"
) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = _dense(at)
        wrong = ~(at.value(activation, x, "textbook") > 0)
        for place, side in (("negative numbers", x < 0), ("numbers from 0 on", x >= 0)):
            yield _counted(at, "inputs at which it is not positive", x, wrong & side, place)

    return judged_in_each(functions, judged, _ALL)


@claim(
    Topic.SHAPE,
    "Squareplus approaches 0 as x → −∞, and the identity as x → ∞.",
    source=f"{_WIKIPEDIA}, on squareplus",
    method="Squareplus as printed, b = 4, less ReLU, over |x|: at ±2ᵉ, the largest whose square is "
    "finite, at the largest number and at −∞; at most 0.001.",
)
def squareplus_approaches_relu(functions: Functions, slope: float = 0) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        far, largest = 2.0 ** (at.format.emax // 2), at.format.largest
        places = {
            "the largest power of two whose square is finite": far,
            "its negative": -far,
            "the largest number": largest,
            "the negative of the largest number": -largest,
            "−∞": -math.inf,
        }
        x = np.array([*places.values()])
        value = at.value("squareplus", x, "textbook")
        for place, place_x, got in zip(places, x, value, strict=True):
            size = float(min(abs(place_x), largest))
            apart = float(got - max(place_x, 0)) / size - slope
            close = abs(apart) <= 0.001
            yield at.figure("distance from ReLU over |x|", apart, close, place=place)

    return judged_in_each(functions, judged, _ALL)


@claim(
    Topic.SHAPE,
    "Squareplus is smooth.",
    source=f"{_BARRON}; {_WIKIPEDIA}, on squareplus",
    method="How far the gradient of squareplus as printed, b = 4, jumps from −2⁻⁸ to 2⁻⁸, and from "
    "the last number whose square is finite to the next; at most 0.01.",
)
def squareplus_is_smooth(functions: Functions, b: float = 4) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        over = 2.0 ** ((at.format.emax + 1) // 2)
        last = over * (1 - 2.0**-at.format.precision)
        x = np.array([-(2.0**-8), 2.0**-8, last, over])
        slope = at.slope(f"squareplus(b={b})", x, "textbook")
        places = ("0", "the least number whose square overflows")
        for place, below, above in zip(places, slope[::2], slope[1::2], strict=True):
            jump = float(above - below)
            more = {"direction": "backward", "place": place}
            yield at.figure("jump of the slope", jump, abs(jump) <= 0.01, **more)

    return judged_in_each(functions, judged, _ALL)


@claim(
    Topic.SHAPE,
    "Squareplus requires no special consideration to ensure numerical stability when x is large.",
    source=f"{_WIKIPEDIA}, on squareplus; after {_BARRON}, by which naive softplus is unstable "
    "for large x and squareplus is not",
    method="Squareplus as printed, b = 4, against exact values at numbers of every kind, in four "
    "formats; at most 4 ulp apart.",
)
def squareplus_needs_no_care(functions: Functions, b: float = 4) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        value = at.value(f"squareplus(b={b})", x, "textbook")
        exact = at.exact("squareplus", x)
        names = ("squareplus as printed", "its exact value")
        yield from compared(at, names, x, value, exact, 4, (_SQUARES, _STEEP))
        infinite = np.isinf(value) & np.isfinite(x)
        yield _beside(at, "least |x| at which it overflows", np.abs(x), infinite)
        cancelled = (value == 0) & np.isfinite(x)
        yield _beside(at, "least |x| at which it is 0", np.abs(x), cancelled)

    return judged_in_each(functions, judged, _ALL)


def _beside(at: Setting, name: str, size: Array, where: Array) -> Figure:
    """The least size at which something happens, which only informs; NaN where it never does."""
    least = float(size[where].min()) if where.any() else math.nan
    return at.figure(name, least, None, decides=False)


@claim(
    Topic.SHAPE,
    "Softplus written as ln(1 + eˣ) overflows for large x.",
    source=f"{_BARRON}, section 1",
    method="The least of 801 numbers around the logarithm of the format's largest one at which the "
    "result is ∞; to 1 % that logarithm.",
)
def naive_softplus_overflows(functions: Functions, form: str = "textbook") -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        edge = at.format.largest_exponent
        x = np.unique(at.rounded(edge * np.linspace(0.8, 1.2, 801)))
        infinite = np.isinf(at.value("softplus", x, form))
        least = float(x[infinite].min()) if infinite.any() else math.nan
        holds = abs(least / edge - 1) <= max(0.01, 2.0 ** (1 - at.format.precision))
        yield at.figure("least x at which ln(1 + eˣ) is ∞", least, holds, said=edge)

    return judged_in_each(functions, judged, _ALL, ("eager", "compiled"))


@claim(
    Topic.SHAPE,
    "Softplus is an upper bound on ReLU, and approaches it where |x| is large.",
    source=f"{_BARRON}, section 1; Wikipedia, Softplus",
    method="Each framework's softplus at numbers of every kind: how often it is below ReLU, and "
    "their largest difference beyond ±20; at most 10⁻⁸ and an ulp of the result.",
)
def softplus_bounds_relu(functions: Functions, activation: str = "softplus") -> Outcome:
    forms = ("native", "logaddexp", "where")

    def judged(at: Setting) -> Iterator[Figure]:
        inputs = at.inputs
        values = at.first(activation, inputs, forms), at.value("relu", inputs)
        x, softplus, relu = _finite(at, *values)
        yield _counted(at, "inputs at which softplus is below ReLU", x, softplus < relu)
        far = np.abs(x) > 20
        off = np.abs(softplus - relu) > 1e-8 + 2.0 ** (1 - at.format.precision) * relu
        yield _counted(at, "inputs beyond ±20 at which they differ", x, far & off)

    return judged_in_each(functions, judged)


@claim(
    Topic.SHAPE,
    "ELU saturates: it falls to −α, and not below, as x → −∞.",
    source="Clevert, Unterthiner, Hochreiter 2015, arXiv 1511.07289, section 3",
    method="For α = ½, 1 and 2 in each framework: the least value at numbers of every kind, which "
    "must be −α; and from where on it is that.",
)
def elu_saturates_at_minus_alpha(functions: Functions, level: float = 1) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        for alpha in (0.5, 1, 2):
            elu = at.first(f"elu(alpha={alpha})", at.inputs, ("native", "textbook"))
            x, value = _finite(at, elu)
            least, said = float(value.min()), -level * alpha
            name = f"least value of ELU with α = {alpha:g}"
            yield at.figure(name, least, least == said, said=said)
            name = f"|x| from which on ELU with α = {alpha:g} is −α"
            yield _beside(at, name, np.abs(x), (x < 0) & (value == -alpha))

    return judged_in_each(functions, judged)


@claim(
    Topic.SHAPE,
    "The values of sigmoid lie in the open interval from 0 to 1.",
    source="Goodfellow, Bengio, Courville 2016, Deep learning, section 3.10",
    method="Each framework's sigmoid at numbers of every kind in four formats: how often it is 0 "
    "or 1, within ±5 and beyond.",
)
def sigmoid_never_reaches_0_or_1(functions: Functions, activation: str = "sigmoid") -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = np.unique(np.concatenate([*_finite(at), at.rounded(np.arange(-800, 800, 1 / 16))]))
        value = at.value(activation, x)
        reached = (value <= 0) | (value >= 1)
        near = np.abs(x) <= 5
        for place, side in (("numbers within ±5", near), ("numbers beyond ±5", ~near)):
            yield _counted(at, "inputs at which sigmoid is 0 or 1", x, reached & side, place)
        yield _beside(at, "x from which on sigmoid is 1", x, value >= 1)
        yield _beside(at, "−x from which on sigmoid is 0", -x, value <= 0)

    return judged_in_each(functions, judged, _ALL)


@claim(
    Topic.SHAPE,
    "Softmax does not change when the same number is added to all of its inputs.",
    source="Goodfellow, Bengio, Courville 2016, Deep learning, section 6.2.2.3",
    method="Softmax of rows of 16 and of the same with 1,024 added: numbers whose sums with it are "
    "exact, and normal ones; no share more than 4 ulp of 1 apart.",
)
def softmax_ignores_a_shift(functions: Functions, activation: str = "softmax") -> Outcome:
    shift = 1024
    normal = 3 * np.random.default_rng(functions.effort.seed).standard_normal((32, 16))

    def judged(at: Setting) -> Iterator[Figure]:
        step = shift * 2.0 ** (1 - at.format.precision)
        kinds = {
            "sums without rounding": np.round(normal / step) * step,
            "sums that are rounded": at.rounded(normal),
        }
        for place, rows in kinds.items():
            shares, shifted = (
                at.first(activation, x, _SHIFTED) for x in (rows, at.rounded(rows + shift))
            )
            yield _moved(at, "change of a share of softmax", shifted - shares, place)
        rows = kinds["sums that are rounded"]
        shares, shifted = (
            at.value(activation, x, "textbook") for x in (rows, at.rounded(rows + shift))
        )
        place = "logits whose exponential overflows"
        yield _moved(at, "change of a share of softmax as printed", shifted - shares, place)

    return judged_in_each(functions, judged)


_SHIFTED = ("native", "blocked")
"""The forms of softmax that subtract the largest entry of a row before the exponential."""


def _moved(at: Setting, name: str, apart: Array, place: str) -> Figure:
    most = float(np.abs(apart).max()) * 2.0 ** (at.format.precision - 1)
    return at.figure(name, most, most <= 4, unit="ulp of 1", place=place)
