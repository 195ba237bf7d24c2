"""Derivatives as printed, against exact ones and those from the frameworks' autodiff."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ..results.claims import Figure, Outcome, Topic
from .claim import claim
from .comparing import Part, compared, judged_in_each
from .functions import FORMATS, Array, Functions, Lacking, Setting

_WIKIPEDIA = "Wikipedia, Rectifier (neural networks)"
_KINDS = "at numbers of every kind"
_FORMS = {"native": "ReLU", "max": "max(0, x)", "abs": "(x + |x|)/2", "where": "x if x > 0, else 0"}
_WRITTEN_OUT = ("native", "textbook")
_BACKWARD = "backward"


def _beside(zero: float) -> Part:
    """The inputs beside a zero of the derivative: a distance in ulp is naturally large there."""
    return Part("numbers within ½ of its zero", lambda x, _: np.abs(x - zero) < 0.5, decides=False)


def _below(edge: int) -> Part:
    return Part(f"numbers below {edge}".replace("-", "−"), lambda x, _: x < edge)


def _above(edge: int) -> Part:
    return Part(f"numbers beyond ±{edge}", lambda x, _: np.abs(x) > edge)


_SQUARES = Part("numbers whose square overflows", lambda x, fmt: x * x > fmt.largest)


@claim(
    Topic.DERIVATIVE,
    "The derivative of ReLU is 0 below 0 and 1 above; at 0 it can be chosen to be 0 or 1.",
    source=f"{_WIKIPEDIA}, on non-differentiability at zero",
    method=f"Gradients of every form of ReLU {_KINDS} but NaN, and what stands at 0 and −0.",
)
def relu_has_the_slope_0_or_1(functions: Functions, chosen: tuple[float, ...] = (0, 1)) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        for form, words in _FORMS.items():
            try:
                slope = at.slope("relu", x, form)
            except Lacking:
                continue
            step = np.where(x > 0, chosen[1], chosen[0])
            wanted = np.where((x == 0) | np.isnan(x), slope, step)
            names = (f"the slope of {words}", "0 below 0 or 1 above")
            yield from compared(at, names, x, slope, wanted, direction=_BACKWARD)
            for zero in (0.0, -0.0):
                value = float(slope[_first(x, zero)])
                name = f"slope of {words}"
                place = "−0" if np.signbit(zero) else "0"
                yield at.figure(name, value, value in chosen, direction=_BACKWARD, place=place)

    return judged_in_each(functions, judged)


def _first(x: Array, zero: float) -> int:
    return int(np.flatnonzero((x == 0) & (np.signbit(x) == np.signbit(zero)))[0])


@claim(
    Topic.DERIVATIVE,
    "The derivative of leaky ReLU is 1 above 0, and α from 0 down.",
    source=f"{_WIKIPEDIA}, on the leaky ReLU",
    method=f"Gradients {_KINDS} but NaN for α = 0.01 and 0.3; they must be 1 and α as the format "
    "has it.",
)
def leaky_relu_has_the_slope_alpha_or_1(functions: Functions, above: float = 1) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        for alpha in (0.01, 0.3):
            below = at.rounded(np.array(alpha))
            slope = at.slope(f"leaky_relu(alpha={alpha})", x)
            wanted = np.where(np.isnan(x), slope, np.where(x > 0, above, below))
            names = (f"the slope of leaky ReLU with α = {alpha:g}", "α or 1")
            yield from compared(at, names, x, slope, wanted, direction=_BACKWARD)

    return judged_in_each(functions, judged)


@claim(
    Topic.DERIVATIVE,
    "The gradient of PReLU along α is the sum of upstream times x over the inputs that are not "
    "positive.",
    source="He, Zhang, Ren, Sun 2015, arXiv 1502.01852, section 2.1",
    method="Whole numbers as inputs and upstream, so that the sum has no rounding error; the two "
    "must be the same.",
)
def prelu_learns_alpha_from_negative_inputs(functions: Functions, share: float = 1) -> Outcome:
    random = np.random.default_rng(functions.effort.seed)
    x, upstream = (random.integers(-3, 4, (4, 8)).astype(np.float64) for _ in range(2))

    def judged(at: Setting) -> Iterator[Figure]:
        gradient = float(at.slope("prelu", x, upstream=upstream, output=1).ravel()[0])
        wanted = share * float((upstream * np.minimum(x, 0)).sum())
        name = "gradient of PReLU along α"
        yield at.figure(name, gradient, gradient == wanted, said=wanted, direction=_BACKWARD)

    return judged_in_each(functions, judged)


@claim(
    Topic.DERIVATIVE,
    "The derivative of ELU is continuous at 0 for α = 1 and for no other α.",
    source="Barron 2017, arXiv 1704.07483, abstract",
    method="The gradient at 2⁻²⁰ less that at −2⁻²⁰ for α = ½, 1 and 2, which must be 1 − α to "
    "two decimal places.",
)
def elu_has_a_continuous_slope_for_alpha_1(
    functions: Functions, alphas: tuple[float, ...] = (0.5, 1, 2), activation: str = "elu"
) -> Outcome:
    beside = np.array([-(2.0**-20), 2.0**-20])

    def judged(at: Setting) -> Iterator[Figure]:
        for alpha in alphas:
            label = f"{activation}(alpha={alpha})"
            below, above = at.first(label, beside, _WRITTEN_OUT, _BACKWARD)
            jump, said = float(above - below), 1 - alpha
            name = f"jump of the slope at 0 with α = {alpha:g}"
            holds = abs(jump - said) < 0.005
            yield at.figure(name, jump, holds, said=said, direction=_BACKWARD)

    return judged_in_each(functions, judged)


@claim(
    Topic.DERIVATIVE,
    "The derivative of ELU is f(x) + α from 0 down.",
    source="Clevert, Unterthiner, Hochreiter 2015, arXiv 1511.07289, section 3",
    method=f"f(x) + α from each framework's ELU with α = 1, rounded, against the exact derivative "
    f"{_KINDS}; at most 4 ulp apart.",
)
def elu_has_the_slope_f_plus_alpha(functions: Functions, alpha: float = 1) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        printed = np.where(x > 0, 1, at.rounded(at.value("elu", x) + alpha))
        names = ("f(x) + α", "the slope of ELU")
        exact = at.exact("elu", x, _BACKWARD)
        return compared(at, names, x, printed, exact, ulps=4, parts=(_below(-1),))

    return judged_in_each(functions, judged)


@claim(
    Topic.DERIVATIVE,
    "The derivative of GELU is Φ(x) + x Φ′(x).",
    source=f"{_WIKIPEDIA}, on GELU",
    method=f"Gradients of each framework's GELU against the exact formula {_KINDS}; at most 16 "
    "ulp apart.",
)
def gelu_has_the_slope_of_a_product(functions: Functions, activation: str = "gelu") -> Outcome:
    parts = (_beside(-0.7518), _below(-2), _SQUARES)
    return _by_autodiff(functions, activation, "gelu", "Φ(x) + x Φ′(x)", parts)


@claim(
    Topic.DERIVATIVE,
    "The derivative of SiLU is σ(x) + x σ′(x).",
    source=f"{_WIKIPEDIA}, on SiLU; Ramachandran, Zoph, Le 2017, arXiv 1710.05941",
    method=f"Gradients of each framework's SiLU against the exact formula {_KINDS}; at most 16 "
    "ulp apart.",
)
def silu_has_the_slope_of_a_product(functions: Functions, activation: str = "silu") -> Outcome:
    parts = (_beside(-1.2785), _below(-2))
    return _by_autodiff(functions, activation, "silu", "σ(x) + x σ′(x)", parts)


def _by_autodiff(
    functions: Functions,
    activation: str,
    exact: str,
    formula: str,
    parts: tuple[Part, ...],
    ulps: float = 16,
    form: str = "",
    formats: Iterable[str] = FORMATS,
) -> Outcome:
    """Gradients of a framework's function against an exact derivative."""

    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        slope = at.slope(activation, x, form)
        names = ("the gradient", formula)
        wanted = at.exact(exact, x, _BACKWARD)
        return compared(at, names, x, slope, wanted, ulps, parts, direction=_BACKWARD)

    return judged_in_each(functions, judged, formats)


@claim(
    Topic.DERIVATIVE,
    "The derivative of softplus is the logistic sigmoid.",
    source="Dugas, Bengio, Bélisle, Nadeau, Garcia 2000; Wikipedia, Softplus",
    method=f"Gradients of each framework's softplus and its own sigmoid {_KINDS}; at most 4 ulp "
    "apart.",
)
def softplus_has_the_slope_sigmoid(functions: Functions, k: float = 1) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        slope = at.softplus(x, k, _BACKWARD)
        names = ("the gradient of softplus", "sigmoid")
        wanted = at.value("sigmoid", x)
        return compared(at, names, x, slope, wanted, 4, (_above(2),), direction=_BACKWARD)

    return judged_in_each(functions, judged)


@claim(
    Topic.DERIVATIVE,
    "The derivative of sigmoid is at most ¼, which it reaches at 0.",
    source="Nielsen 2015, Neural networks and deep learning, chapter 5",
    method="The largest gradient of each framework's sigmoid at numbers of every kind, and the "
    "gradient at 0.",
)
def sigmoid_has_a_slope_of_at_most_a_quarter(
    functions: Functions, most: float = 0.25, activation: str = "sigmoid"
) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        slope = at.slope(activation, x)
        at_0, worst = float(slope[_first(x, 0.0)]), int(np.nan_to_num(slope).argmax())
        largest = float(slope[worst])
        more = {"direction": _BACKWARD, "said": most}
        yield at.figure("largest slope", largest, largest <= most, at=float(x[worst]), **more)
        yield at.figure("slope", at_0, at_0 == most, place="0", **more)

    return judged_in_each(functions, judged, ("float32", "float16", "bfloat16", "float64"))


@claim(
    Topic.DERIVATIVE,
    "The derivative of sigmoid is σ(x)(1 − σ(x)).",
    source="Goodfellow, Bengio, Courville 2016, Deep learning, section 3.10",
    method=f"The formula from each framework's sigmoid, each step rounded, against the exact "
    f"derivative {_KINDS}; at most 8 ulp apart.",
)
def sigmoid_has_a_slope_of_itself(functions: Functions, whole: float = 1) -> Outcome:
    above = Part("numbers above 1", lambda x, _: x > 1)

    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        sigmoid = at.value("sigmoid", x)
        printed = at.rounded(sigmoid * at.rounded(whole - sigmoid))
        names = ("σ(x)(1 − σ(x))", "the slope of sigmoid")
        return compared(at, names, x, printed, at.exact("sigmoid", x, _BACKWARD), 8, (above,))

    return judged_in_each(functions, judged)


@claim(
    Topic.DERIVATIVE,
    "The derivative of tanh is 1 − tanh(x)².",
    source="Wikipedia, Activation function, its table",
    method=f"The formula from each framework's tanh, each step rounded, against the exact "
    f"derivative {_KINDS}; at most 8 ulp apart.",
)
def tanh_has_a_slope_of_itself(functions: Functions, whole: float = 1) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        x = at.inputs
        tanh = at.value("tanh", x)
        printed = at.rounded(whole - at.rounded(tanh * tanh))
        names = ("1 − tanh(x)²", "the slope of tanh")
        return compared(at, names, x, printed, at.exact("tanh", x, _BACKWARD), 8, (_above(1),))

    return judged_in_each(functions, judged)


@claim(
    Topic.DERIVATIVE,
    "The derivative of squareplus is ½(1 + x/√(x² + b)).",
    source="Barron 2021, arXiv 2112.11687",
    method=f"Gradients of squareplus as printed, b = 4, against the exact derivative {_KINDS}; "
    "at most 4 ulp apart.",
)
def squareplus_has_an_algebraic_slope(functions: Functions, b: float = 4) -> Outcome:
    label, formula, parts = f"squareplus(b={b})", "½(1 + x/√(x² + b))", (_SQUARES, _below(-1))
    formats = (*FORMATS, "float16")
    return _by_autodiff(functions, label, "squareplus", formula, parts, 4, "textbook", formats)


@claim(
    Topic.DERIVATIVE,
    "The derivative of squareplus lies between 0 and 1, as that of softplus does.",
    source="Barron 2021, arXiv 2112.11687; follows from ½(1 + x/√(x² + b))",
    method="The least and the largest gradient by autodiff at finite numbers of every kind.",
)
def squareplus_has_a_slope_between_0_and_1(
    functions: Functions, activation: str = "squareplus"
) -> Outcome:
    def judged(at: Setting) -> Iterator[Figure]:
        finite = np.isfinite(at.inputs)
        x, slope = at.inputs[finite], at.slope(activation, at.inputs, "textbook")[finite]
        least, most = int(np.argmin(slope)), int(np.argmax(slope))
        for name, place in (("least slope", least), ("largest slope", most)):
            value = float(slope[place])
            more = {"direction": _BACKWARD, "at": float(x[place])}
            yield at.figure(name, value, 0 <= value <= 1, **more)

    return judged_in_each(functions, judged, ("float32", "float16", "bfloat16"))
