"""Claims on textbook code: the lines of NumPy that everybody copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..catalog.inputs import from_bits, stratified
from ..results.claims import Figure, Outcome, Topic
from .claim import claim
from .copied import Array, Copied, Line, Ratio
from .costs import Holds, above, within

_DTYPES = ("float16", "float32", "float64")
RELU = Line("relu", "relu")
LEAKY_RELU = Line("leaky_relu", "leaky_relu(alpha=0.01)")
ELU = Line("elu", "elu(alpha=0.01)")
SIGMOID = Line("sigmoid", "sigmoid")
SOFTPLUS = Line("softplus", "softplus")
LINES = (RELU, LEAKY_RELU, ELU, SIGMOID, SOFTPLUS)
BY_PRODUCT = Line("relu_by_product", "relu")
BY_ABSOLUTE = Line("relu_by_absolute", "relu")
_PRINTED = {
    RELU: "[0. 0. 0. 1. 2.]",
    LEAKY_RELU: "[-0.02 -0.01 0. 1. 2. ]",
    ELU: "[-0.00864665 -0.00632121 0. 1. 2. ]",
}
"""The values shown for [−2, −1, 0, 1, 2], with α = 0.01."""


def _proved(copied: Copied) -> Sequence[str]:
    """The formats in which lines are compared with proved values."""
    return _DTYPES[1:2] if copied.effort.quick else _DTYPES[1:]


def _figure(name: str, value: float, holds: bool | None, dtype: str = "", unit: str = "") -> Figure:
    return Figure(name, value, holds=holds, unit=unit, framework="numpy", mode="eager", dtype=dtype)


@claim(
    Topic.CODE,
    "On [−2, −1, 0, 1, 2] the lines for ReLU, leaky ReLU and ELU print what the textbook shows.",
    source="Textbook code: np.maximum(0, x), np.where(x >= 0, x, alpha * x) and "
    "np.where(x >= 0, x, alpha * (np.exp(x) - 1)), alpha = 0.01",
    method="The numbers that print otherwise in float64, of five each; the ones shown are those of "
    "a pocket calculator.",
)
def textbook_lines_print_what_is_shown(
    copied: Copied, shown: Mapping[Line, str] = _PRINTED
) -> Outcome:
    x = np.linspace(-2, 2, 5)
    counts = {
        line: sum(got != said for got, said in zip(_words(str(line(x))), _words(text), strict=True))
        for line, text in shown.items()
    }
    return Outcome(
        tuple(
            _figure(f"numbers of {line.name} that print otherwise", count, not count, "float64")
            for line, count in counts.items()
        )
    )


def _words(text: str) -> list[str]:
    return text.strip("[]").split()


@claim(
    Topic.CODE,
    "np.where(x >= 0, x, alpha * (np.exp(x) - 1)) computes the exponential only where x is "
    "negative.",
    source="NumPy documentation, numpy.where, Notes: equivalent to [xv if c else yv for c, xv, yv "
    "in zip(condition, x, y)]",
    method="Warnings of an overflow at inputs none of which is negative, up to the largest; holds "
    "where there are none.",
)
def where_computes_only_the_branch_that_it_takes(copied: Copied, line: Line = ELU) -> Outcome:
    figures = []
    for dtype in _DTYPES:
        x = _finite(dtype)
        count = line.overflows(x[x >= 0])
        figures.append(_figure("overflow warnings at inputs ≥ 0", count, not count, dtype))
    warned = any(figure.value for figure in figures)
    why = "Both branches are computed for all inputs before where chooses." if warned else ""
    return Outcome(tuple(figures), why)


def _finite(dtype: str) -> Array:
    x = from_bits(stratified(dtype, 0, 0), dtype)
    return x[np.isfinite(x)].astype(dtype)


@claim(
    Topic.CODE,
    "The textbook's lines may be copied as they are: their results are right at every input.",
    source="Textbook code for ReLU, leaky ReLU, ELU, sigmoid and softplus, printed without a word "
    "on its limits",
    method="Largest error against proved values at zeros, subnormals, every binade and infinities; "
    "holds up to 4 ulp, subnormal results flushed or not.",
)
def textbook_lines_are_right_everywhere(
    copied: Copied, lines: Sequence[Line] = LINES, most: float = 4.0
) -> Outcome:
    figures = []
    for line in lines:
        for dtype in _proved(copied):
            certificate = copied.certificate(line, dtype)
            lost = certificate.nan_mismatches + certificate.infinity_mismatches
            right = certificate.max_ulp_flushed <= most and not lost
            name = f"largest error of {line.name}"
            figures.append(_figure(name, certificate.max_ulp_flushed, right, dtype, "ulp"))
    return Outcome(tuple(figures))


@claim(
    Topic.CODE,
    "When np.exp overflows in 1 / (1 + np.exp(-x)), the warning can be ignored: the result is 0, "
    "and right.",
    source="Stack Overflow, question 40726490, Overflow error in Python's numpy exp function, "
    "an answer",
    method="Largest error at the inputs that overflow; holds up to 1 ulp, a subnormal result being "
    "as good as 0. The same without that allowance informs.",
)
def the_overflow_of_sigmoid_may_be_ignored(
    copied: Copied, line: Line = SIGMOID, most: float = 1.0
) -> Outcome:
    figures = []
    for dtype in _proved(copied):
        certificate = copied.certificate(line, dtype, below=-float(np.log(np.finfo(dtype).max)))
        right = certificate.max_ulp_flushed <= most
        name = "largest error where np.exp(-x) overflows"
        figures.append(_figure(name, certificate.max_ulp_flushed, right, dtype, "ulp"))
        informs = _figure(f"{name}, subnormals counted", certificate.max_ulp, None, dtype, "ulp")
        figures.append(replace(informs, decides=False))
    return Outcome(tuple(figures))


@claim(
    Topic.CODE,
    "np.log(1 + np.exp(x)) overflows to infinity for large x, where softplus is x itself.",
    source="Stack Overflow, Avoid overflow with softplus function in Python",
    method="Finite inputs of every binade whose result is infinite; holds where there are some.",
)
def the_printed_softplus_overflows(copied: Copied, line: Line = SOFTPLUS) -> Outcome:
    figures = []
    for dtype in _DTYPES:
        x = _finite(dtype)
        count = int(np.isinf(line(x)).sum())
        name = f"infinite results, of {len(x):,} finite inputs"
        figures.append(_figure(name, count, count > 0, dtype))
    return Outcome(tuple(figures))


@claim(
    Topic.CODE,
    "In NumPy x * (x > 0) is a faster ReLU than np.maximum(x, 0) and (abs(x) + x) / 2.",
    source="Stack Overflow, question 32109319, How to implement the ReLU function in NumPy, an "
    "answer since revised",
    method="Both timed in turn in float32 on one CPU thread, in cache and from memory; holds above "
    "1. The source timed 5,000 × 5,000 in float64.",
)
def relu_by_product_is_fastest(
    copied: Copied, others: Sequence[Line] = (RELU, BY_ABSOLUTE), times: float = 1.0
) -> Outcome:
    return _timed(copied, [(other, BY_PRODUCT) for other in others], above(times))


@claim(
    Topic.CODE,
    "Vectorized, the lines run at near-C speed, and nothing is gained by writing them otherwise.",
    source="NumPy documentation, What is NumPy?, of element-by-element operations",
    method="Each timed in turn with the same function written for NumPy in blocks that stay in "
    "cache, in float32 on one CPU thread; holds up to 25 % more.",
)
def vectorized_lines_run_at_full_speed(
    copied: Copied, lines: Sequence[Line] = LINES, most: float = 1.25
) -> Outcome:
    return _timed(copied, [(line, "blocked") for line in lines], within(0, most))


def _timed(copied: Copied, pairs: Sequence[tuple[Line, Line | str]], holds: Holds) -> Outcome:
    places = ("l2",) if copied.effort.quick else ("l2", "memory")
    return Outcome(tuple(_timed_figure(ratio, holds) for ratio in copied.ratios(pairs, places)))


def _timed_figure(ratio: Ratio, holds: Holds) -> Figure:
    of = ratio.estimate
    figure = _figure(ratio.name, of.value, holds(of), "float32", "ratio")
    where = replace(figure, direction="forward", device="cpu", place=ratio.place)
    return replace(where, low=of.low, high=of.high)
