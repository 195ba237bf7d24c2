"""Identities between functions, judged bit for bit or in ulp at inputs of every kind."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from flint import arb

from ..exactness.reference import Reference, exact_at
from ..results.claims import Figure, Outcome, Topic
from .claim import claim
from .comparing import Part, compared, judged_in_each
from .functions import Functions, Setting

_EVERYWHERE = "zeros, subnormals, each binade, both ends, ±∞ and NaN"
_SAME = "the same numbers, where a subnormal one is as good as zero"
_WIKIPEDIA = "Wikipedia, Rectifier (neural networks)"
_GOODFELLOW = "Goodfellow, Bengio, Courville 2016, Deep learning"
_NEAR_0 = Part("numbers within ½ of 0", lambda x, _: np.abs(x) < 0.5)
_OVERFLOWING = Part("numbers whose exponential overflows", lambda x, fmt: x > fmt.largest_exponent)
_NEGATIVE = Part("negative numbers", lambda x, _: x < 0)
_WRITTEN = {"abs": "(x + |x|)/2", "where": "x if x > 0, else 0"}
_WRITTEN_OUT = ("native", "textbook")
_SHIFTED = ("native", "blocked")
"""The forms over rows that subtract the largest entry of a row before the exponential."""


@claim(
    Topic.IDENTITY,
    "max(0, x), (x + |x|)/2 and the piecewise form are the same function.",
    source=_WIKIPEDIA,
    method=f"Results of both forms at {_EVERYWHERE}, bit for bit.",
)
def relu_has_one_value_in_every_form(
    functions: Functions, forms: tuple[str, ...] = ("abs", "where"), activation: str = "relu"
) -> Outcome:
    doubled = Part("numbers beyond half of the largest", lambda x, f: np.abs(x) > f.largest / 2)

    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        relu = at.value("relu", x, "max")
        for form in forms:
            other = at.value(activation, x, form)
            names = ("max(0, x)", _WRITTEN[form])
            yield from compared(at, names, x, other, relu, parts=(doubled,), same=True)

    return judged_in_each(functions, judged, modes=("eager", "compiled"))


@claim(
    Topic.IDENTITY,
    "For α ≤ 1 leaky ReLU is max(x, αx).",
    source=f"{_WIKIPEDIA}, on the parametric ReLU",
    method=f"Both forms for α = 0, 0.01, 0.3 and 1 at {_EVERYWHERE}; {_SAME}.",
)
def leaky_relu_is_a_maximum(
    functions: Functions, alphas: tuple[float, ...] = (0, 0.01, 0.3, 1)
) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        for alpha in alphas:
            label = f"leaky_relu(alpha={alpha})"
            names = (f"leaky ReLU with α = {alpha:g}", "max(x, αx)")
            yield from compared(at, names, x, at.value(label, x, "max"), at.value(label, x))

    return judged_in_each(functions, judged)


@claim(
    Topic.IDENTITY,
    "ReLU is positively homogeneous: max(0, ax) = a max(0, x) for a ≥ 0.",
    source=f"{_WIKIPEDIA}, where it is called scale-invariant",
    method="For a = 0, 0.1, 2, 3 and 1,000, each product rounded once, also where it overflows or "
    f"underflows, at {_EVERYWHERE}; {_SAME}.",
)
def relu_is_positively_homogeneous(
    functions: Functions, factors: tuple[float, ...] = (0, 0.1, 2, 3, 1000)
) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        for given in factors:
            factor = at.rounded(np.array(given))
            with np.errstate(invalid="ignore"):
                inside = at.value("relu", at.rounded(factor * x))
                outside = at.rounded(factor * at.value("relu", x))
            names = (f"max(0, ax) with a = {given:g}", "a max(0, x)")
            yield from compared(at, names, x, inside, outside)

    return judged_in_each(functions, judged)


@claim(
    Topic.IDENTITY,
    "Squareplus with b = 0 is ReLU.",
    source="Barron 2021, arXiv 2112.11687",
    method=f"(x + √x²)/2 and max(0, x) at {_EVERYWHERE}; {_SAME}.",
)
def squareplus_with_b_0_is_relu(functions: Functions, b: float = 0) -> Outcome:
    parts = (
        Part("numbers whose square overflows", lambda x, fmt: x * x > fmt.largest),
        Part(
            "numbers whose square is subnormal or 0", lambda x, fmt: (x != 0) & (x * x < fmt.normal)
        ),
    )

    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        names = (f"squareplus with b = {b:g}", "max(0, x)")
        squareplus = at.value(f"squareplus(b={b})", x)
        yield from compared(at, names, x, squareplus, at.value("relu", x), parts=parts)

    return judged_in_each(functions, judged)


@claim(
    Topic.IDENTITY,
    "With b = 4 squareplus is the metallic mean: the golden ratio at 1, the silver one at 2.",
    source=f"{_WIKIPEDIA}, on squareplus",
    method="At n = 1…9 against the continued fraction n + 1/(n + 1/(n + …)); at most 2 ulp apart.",
)
def squareplus_with_b_4_is_the_metallic_mean(functions: Functions, b: float = 4) -> Outcome:
    n = np.arange(1.0, 10.0)
    means = Reference.of(np.array([_continued(int(whole)) for whole in n]))

    def judged(at: Setting) -> Iterator[Figure]:
        names = (f"squareplus with b = {b:g}", "the metallic mean")
        return compared(at, names, n, at.value(f"squareplus(b={b})", n), means, ulps=2)

    return judged_in_each(functions, judged)


def _continued(n: int, depth: int = 60) -> float:
    """n + 1/(n + 1/(n + …))."""
    value = Fraction(n)
    for _ in range(depth):
        value = n + 1 / value
    return float(value)


@claim(
    Topic.IDENTITY,
    "LogSumExp with a zero argument is softplus where it has one other argument.",
    source="Wikipedia, Softplus, section LogSumExp",
    method=f"ln(e⁰ + eˣ) and softplus at {_EVERYWHERE}; at most 4 ulp apart.",
)
def logsumexp_with_zero_is_softplus(functions: Functions, with_zero: str = "true") -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        summed = at.value(f"logsumexp(with_zero={with_zero})", x[:, None]).ravel()
        names = ("LogSumExp of 0 and x", "softplus")
        softplus = at.softplus(x)
        return compared(at, names, x, summed, softplus, ulps=4, parts=(_NEGATIVE, _OVERFLOWING))

    return judged_in_each(functions, judged)


@claim(
    Topic.IDENTITY,
    "Softmax is the gradient of LogSumExp, with a zero argument as well.",
    source="Wikipedia, Softplus, section LogSumExp",
    method="The gradient by autodiff and softmax on normal rows of 16, around 0 and around 1,000; "
    "no share more than 4 ulp of 1 apart.",
)
def softmax_is_the_gradient_of_logsumexp(
    functions: Functions, of: str = "logsumexp", ulps: float = 4
) -> Outcome:
    rows = np.random.default_rng(functions.effort.seed).standard_normal((32, 16))

    def judged(at: Setting) -> Iterator[Figure]:
        unit = 2.0 ** (1 - at.format.precision)
        for place, offset in (("logits around 0", 0), ("logits around 1,000", 1000)):
            x = at.rounded(3 * rows + offset)
            for zero, words in (("false", ""), ("true", " with zero")):
                shares = at.first(f"softmax(with_zero={zero})", x, _SHIFTED)
                slope = at.first(f"{of}(with_zero={zero})", x, _SHIFTED, "backward")
                most = float(np.abs(slope - shares).max()) / unit
                name = f"distance of softmax and the gradient of LogSumExp{words}"
                more = {"unit": "ulp of 1", "place": place, "direction": "backward"}
                yield at.figure(name, most, most <= ulps, **more)

    return judged_in_each(functions, judged)


@claim(
    Topic.IDENTITY,
    "Softplus to base 2, log₂(1 + 2ˣ), is softplus with sharpness ln 2.",
    source="Wikipedia, Softplus, section Alternative forms: the change of variables x = y ln 2",
    method=f"ln(1 + e^{{kx}})/k with k = ln 2 against exact log₂(1 + 2ˣ), at {_EVERYWHERE}; "
    "at most 4 ulp apart.",
)
def softplus_to_base_2_is_softplus(functions: Functions, k: float = math.log(2)) -> Outcome:
    steep = Part("numbers below −1", lambda x, _: x < -1)

    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        names = ("softplus with k = ln 2", "log₂(1 + 2ˣ)")
        value = at.softplus(x, k)
        return compared(at, names, x, value, exact_at(_binary, x), ulps=4, parts=(steep,))

    return judged_in_each(functions, judged)


def _binary(x: arb) -> arb:
    """log₂(1 + 2ˣ) = max(x, 0) + log₂(1 + 2^{−|x|})."""
    tail = (-abs(x) * arb(2).log()).exp()
    return (x if x > 0 else arb(0)) + tail.log1p() / arb(2).log()


@claim(
    Topic.IDENTITY,
    "SiLU is x · sigmoid(x), which is swish with β = 1.",
    source="Ramachandran, Zoph, Le 2017, arXiv 1710.05941; Elfwing, Uchibe, Doya 2017, arXiv "
    "1702.03118",
    method="The framework's SiLU and the product with its sigmoid, rounded once, at inputs of "
    "every kind; at most 2 ulp apart.",
)
def silu_is_x_times_sigmoid(functions: Functions, activation: str = "silu") -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        names = ("SiLU", "x · sigmoid(x)")
        with np.errstate(invalid="ignore"):
            product = at.rounded(x * at.value("sigmoid", x))
        silu = at.value(activation, x)
        return compared(at, names, x, silu, product, ulps=2, parts=(_FADING,))

    return judged_in_each(functions, judged)


_FADING = Part(
    "numbers whose exponential is subnormal or 0", lambda x, fmt: x < math.log(fmt.normal) + 1
)


@claim(
    Topic.IDENTITY,
    "Hard swish is x · ReLU6(x + 3)/6.",
    source="Howard et al. 2019, arXiv 1905.02244",
    method="The framework's hard swish, where it has one, and the formula from its ReLU6, each "
    f"step rounded, at {_EVERYWHERE}; at most 2 ulp apart.",
)
def hard_swish_is_x_times_relu6(functions: Functions, activation: str = "hard_swish") -> Outcome:
    sixfold = Part(
        "numbers beyond a sixth of the largest", lambda x, fmt: np.abs(x) > fmt.largest / 6
    )

    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        clipped = at.value("relu6", at.rounded(x + 3))
        with np.errstate(invalid="ignore"):
            written = at.rounded(at.rounded(x * clipped) / 6)
        names = ("hard swish", "x · ReLU6(x + 3)/6")
        value = at.value(activation, x)
        return compared(at, names, x, value, written, ulps=2, parts=(sixfold,))

    return judged_in_each(functions, judged)


@claim(
    Topic.IDENTITY,
    "tanh(x) = 2 sigmoid(2x) − 1.",
    source=f"{_GOODFELLOW}, section 6.3.2",
    method="The framework's tanh and the formula from its sigmoid, each step rounded, at "
    f"{_EVERYWHERE}; at most 8 ulp apart.",
)
def tanh_is_a_scaled_sigmoid(functions: Functions, activation: str = "tanh") -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        scaled = at.rounded(2 * at.value("sigmoid", at.rounded(2 * x)) - 1)
        names = ("tanh", "2 sigmoid(2x) − 1")
        value = at.value(activation, x)
        return compared(at, names, x, scaled, value, ulps=8, parts=(_NEAR_0,))

    return judged_in_each(functions, judged)


@claim(
    Topic.IDENTITY,
    "softplus(x) − softplus(−x) = x.",
    source=f"{_GOODFELLOW}, section 3.10",
    method=f"The difference, rounded, and x at {_EVERYWHERE}; at most 8 ulp apart.",
)
def softplus_splits_the_identity(functions: Functions, times: float = 1) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        with np.errstate(invalid="ignore"):
            split = at.rounded(at.softplus(x) - at.softplus(-x))
        names = ("softplus(x) − softplus(−x)", "x")
        return compared(at, names, x, split, times * x, ulps=8, parts=(_NEAR_0,))

    return judged_in_each(functions, judged)


@claim(
    Topic.IDENTITY,
    "Mish is x · tanh(softplus(x)).",
    source="Misra 2019, arXiv 1908.08681",
    method="The framework's Mish, or x · tanh(ln(1 + eˣ)) where it has none, and the product from "
    "its softplus and tanh, each step rounded, at inputs of every kind; at most 4 ulp apart.",
)
def mish_is_x_times_tanh_of_softplus(functions: Functions, activation: str = "mish") -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        with np.errstate(invalid="ignore"):
            written = at.rounded(x * at.value("tanh", at.softplus(x)))
        names = ("Mish", "x · tanh(softplus(x))")
        value = at.value(activation, x)
        return compared(at, names, x, value, written, ulps=4, parts=(_NEGATIVE,))

    return judged_in_each(functions, judged)


@claim(
    Topic.IDENTITY,
    "SELU is ELU with α = 1.6733, scaled by λ = 1.0507.",
    source="Klambauer, Unterthiner, Mayr, Hochreiter 2017, arXiv 1706.02515, equation 2",
    method=f"The framework's SELU and λ times its ELU, rounded, at {_EVERYWHERE}; "
    "at most 2 ulp apart.",
)
def selu_is_a_scaled_elu(functions: Functions, scale: float = 1.0507009873554805) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        elu = at.first("elu(alpha=1.6732632423543772)", x, _WRITTEN_OUT)
        scaled = at.rounded(scale * elu)
        names = ("SELU", "λ ELU(x, α)")
        return compared(
            at, names, x, at.value("selu", x), scaled, ulps=2, parts=(_NEAR_0, _NEGATIVE)
        )

    return judged_in_each(functions, judged)


@claim(
    Topic.IDENTITY,
    "CELU with α = 1 is ELU.",
    source="Barron 2017, arXiv 1704.07483, equation 4",
    method=f"Both functions of the framework at {_EVERYWHERE}; {_SAME}.",
)
def celu_with_alpha_1_is_elu(functions: Functions, alpha: float = 1) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        celu, elu = at.value(f"celu(alpha={alpha})", x), at.value("elu", x)
        return compared(at, (f"CELU with α = {alpha:g}", "ELU"), x, celu, elu)

    return judged_in_each(functions, judged)
