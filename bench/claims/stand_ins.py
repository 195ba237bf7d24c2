"""Claims on functions that stand in for others: how far off they are, and where."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..results.claims import Figure, Outcome, Topic
from .claim import claim
from .comparing import judged_in_each, outcome
from .functions import Array, Functions, Setting, in_each

_GRID = np.arange(-20, 20 + 1 / 64, 1 / 64)
_WRITTEN_OUT = ("native", "textbook")
_GELU_SOURCE = (
    "Hendrycks, Gimpel 2016, arXiv 1606.08415; the error after Data Science Stack Exchange, "
    "question 49522"
)
_GELU_METHOD = (
    "The mean squared difference on 1,281 points, exact and as each framework computes both in "
    "float32;"
)


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
    source="Wikipedia, Rectifier (neural networks), on the ELU",
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
    """The mean squared error of a stand-in for GELU, and its largest errors."""
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
