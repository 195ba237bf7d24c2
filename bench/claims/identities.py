"""Identities between functions, judged bit for bit or in ulp at inputs of every kind."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
from flint import arb

from ..exactness.reference import Reference, exact_at
from ..results.claims import Figure, Outcome, Topic
from .claim import claim
from .comparing import Part, compared, judged_in_each, outcome
from .functions import Array, Functions, Setting, in_each

_EVERYWHERE = "zeros, subnormals, each binade, both ends, ±∞ and NaN"
_SAME = "the same numbers, where a subnormal one is as good as zero"
_WIKIPEDIA = "Wikipedia, Rectifier (neural networks)"
_GOODFELLOW = "Goodfellow, Bengio, Courville 2016, Deep learning"
_GELU_SOURCE = (
    "Hendrycks, Gimpel 2016, arXiv 1606.08415; the error after Data Science Stack Exchange, "
    "question 49522"
)
_GELU_METHOD = (
    "The mean squared difference on 1,281 points, exact and as each framework computes both in "
    "float32;"
)
_NEAR_0 = Part("numbers within ½ of 0", lambda x, _: np.abs(x) < 0.5)
_OVERFLOWING = Part("numbers whose exponential overflows", lambda x, fmt: x > fmt.largest_exponent)
_NEGATIVE = Part("negative numbers", lambda x, _: x < 0)


_WRITTEN = {"abs": "(x + |x|)/2", "where": "x if x > 0, else 0"}


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
    "Softplus with sharpness k, ln(1 + e^{kx})/k, tends to ReLU: their largest difference, at 0, "
    "is (ln 2)/k.",
    source="Wikipedia, Softplus, where k is the sharpness; the difference at 0 follows",
    method="The largest difference on a grid on [−20, 20] that holds 0, for k = 1, 10 and 100; "
    "at most 2 ulp from (ln 2)/k.",
)
def sharp_softplus_tends_to_relu(functions: Functions, at_0: float = math.log(2)) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.rounded(_GRID)
        for k in (1, 10, 100):
            above = at.softplus(x, k) - at.value("relu", x)
            place, said = int(above.argmax()), at_0 / k
            near = abs(above[place] - said) <= 2 * 2.0 ** (1 - at.format.precision) * said
            name = f"largest difference of softplus with k = {k} from ReLU"
            holds = bool(near and x[place] == 0)
            yield at.figure(name, above[place], holds, said=said, at=float(x[place]))

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
    "Softplus can be approximated by x/(1 − e^{−x/ln 2}), and by ln 2 at 0.",
    source="Wikipedia, Softplus, section Alternative forms",
    method="The largest difference on [−20, 20], exact and in each framework's arithmetic, and its "
    "share of softplus on either side of 0; at most 0.01.",
)
def softplus_has_an_approximation(functions: Functions, close: float = 0.01) -> Outcome:
    x = _GRID
    softplus = functions.exact("softplus", x).values
    apart = np.abs(functions.exact("softplus_approximation", x).values - softplus)

    def farthest(name: str, size: Array, inputs: Array, place: str = "") -> Figure:
        worst = int(size.argmax())
        holds = bool(size[worst] <= close)
        return Figure(name, float(size[worst]), holds=holds, at=float(inputs[worst]), place=place)

    def judged(at: Setting) -> Iterator[Figure]:
        inputs = at.inputs
        given, wanted = at.value("softplus_approximation", inputs), at.exact("softplus", inputs)
        sides = (("", 2**-6, 20), ("numbers within 1/64 of 0", 0, 2**-6))
        for place, least, most in sides:
            within = (np.abs(inputs) >= least) & (np.abs(inputs) <= most)
            with np.errstate(invalid="ignore"):
                size = np.where(within, np.abs(given - wanted.values), 0)
            yield replace(
                farthest("largest difference from softplus", size, inputs, place), **at.said
            )

    exactly = (
        farthest("largest difference from softplus, exact", apart, x),
        *(
            farthest("difference as a share of softplus, exact", apart / softplus * side, x, place)
            for place, side in (("numbers from 0 on", x >= 0), ("negative numbers", x < 0))
        ),
    )
    return outcome((*exactly, *in_each(functions.settings(("float32",)), judged)))


@claim(
    Topic.IDENTITY,
    "ELU is a smoothed version of the shifted ReLU max(−α, x).",
    source=f"{_WIKIPEDIA}, on the ELU",
    method="For α = ½, 1 and 2 in each framework: both are the same from 0 on and far below it, "
    "and the derivative of ELU does not jump at 0.",
)
def elu_is_a_smoothed_shifted_relu(
    functions: Functions, alphas: tuple[float, ...] = (0.5, 1, 2), level: float = 1
) -> Outcome:
    x = np.concatenate([np.arange(0, 65.0), -np.arange(64, 129.0)])
    beside = np.array([-(2.0**-20), 2.0**-20])

    def judged(at: Setting) -> Iterator[Figure]:
        for alpha in alphas:
            label, own = f"elu(alpha={alpha})", f"with α = {alpha:g}"
            smooth = at.first(label, x, _WRITTEN_OUT)
            hinged = at.value(f"shifted_relu(alpha={level * alpha})", x)
            apart = int(np.count_nonzero(smooth != hinged))
            name = f"inputs far from the kink at which ELU and max(−α, x) differ, {own}"
            yield at.figure(name, apart, not apart)
            below, above = at.first(label, beside, _WRITTEN_OUT, direction="backward")
            jump = float(above - below)
            name = f"jump of the derivative of ELU at 0, {own}"
            yield at.figure(
                name, jump, abs(jump) < 0.01, direction="backward", place=f"α = {alpha:g}"
            )

    return outcome(in_each(functions.settings(("float32",)), judged))


_WRITTEN_OUT = ("native", "textbook")
_SHIFTED = ("native", "blocked")
_GRID = np.arange(-20, 20 + 1 / 64, 1 / 64)


@claim(
    Topic.IDENTITY,
    "GELU is approximated by ½x(1 + tanh(√(2/π)(x + 0.044715x³))), with a mean squared error of "
    "about 10⁻⁸ on [−10, 10].",
    source=_GELU_SOURCE,
    method=f"{_GELU_METHOD} it is about 10⁻⁸ if that is the nearest power of ten.",
)
def gelu_has_an_approximation_by_tanh(
    functions: Functions, error: float = 1e-8, activation: str = "gelu_tanh"
) -> Outcome:
    return _approximated(functions, activation, error)


@claim(
    Topic.IDENTITY,
    "GELU is approximated by x · sigmoid(1.702x), with a mean squared error of about 10⁻⁴ on "
    "[−10, 10].",
    source=_GELU_SOURCE,
    method=f"{_GELU_METHOD} it is about 10⁻⁴ if that is the nearest power of ten.",
)
def gelu_has_an_approximation_by_sigmoid(
    functions: Functions, error: float = 1e-4, activation: str = "gelu_sigmoid"
) -> Outcome:
    return _approximated(functions, activation, error)


def _approximated(functions: Functions, activation: str, error: float) -> Outcome:
    """The mean squared error of a stand-in for GELU, and beside it the largest ones."""
    x = _GRID[np.abs(_GRID) <= 10]
    gelu = functions.exact("gelu", x).values
    apart = functions.exact(activation, x).values - gelu
    mean, near = _mean_squared(apart, error)
    worst, low = int(np.abs(apart).argmax()), int(np.flatnonzero(x == -3)[0])
    share = float(abs(apart[low] / gelu[low]))
    exactly = (
        Figure(f"{_MEAN}, exact", mean, holds=near, said=error),
        _beside("largest difference from GELU, exact", abs(apart[worst]), x[worst]),
        _beside("difference as a share of GELU, exact", share, x[low]),
    )

    def judged(at: Setting) -> Iterator[Figure]:
        far = at.value(activation, x) - at.value("gelu", x)
        yield at.figure(_MEAN, *_mean_squared(far, error), said=error)

    return Outcome((*exactly, *in_each(functions.settings(("float32",)), judged)))


_MEAN = "mean squared difference from GELU"


def _beside(name: str, value: float, x: float) -> Figure:
    return Figure(name, float(value), decides=False, at=float(x))


def _mean_squared(apart: Array, error: float) -> tuple[float, bool]:
    mean = float((apart**2).mean())
    return mean, round(math.log10(mean)) == round(math.log10(error))


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
