"""The judgement of results against the exact values of a problem: the certificate, part by part."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from ..catalog import inputs
from ..catalog.dtypes import DTYPES
from ..results.rows import Point
from ..results.samples import Certificate
from . import binades, reference, ulp
from .problem import Problem

Array = np.ndarray[Any, Any]

STEPS = (0.5, 1.0, 2.0, 4.0, 16.0, 256.0, 65536.0, math.inf)
"""The upper ends of the steps of a histogram of errors, in ulp; NaNs are counted apart."""
_KEPT = 3
"""The places named per kind of mismatch."""
_ALMOST = 1 + 2.0**-30
"""The share by which an error may exceed the end of its step: rounding in the measurement."""
_TROUBLE = 1000
"""The ulp from which on a result at a large input is trouble."""
_UNSEEN = 700
"""The binades below the least normal number from which on a value counts as zero."""


def judge(problem: Problem, results: Array) -> Certificate:
    """The certificate of results, bit patterns in the order of the exact values.

    Inputs that are not finite count as mismatches only. In a row-wise function no entry of an
    output has an input of its own: places are those of the output, and all count.
    """
    results = results.reshape(problem.exact.high.shape)
    errors, got = errors_of(problem, results), inputs.from_bits(results, problem.dtype)
    return certify(problem, got, errors, _wrong(problem, results, got, errors))


def errors_of(problem: Problem, results: Array) -> ulp.Errors:
    """The errors of results; a subnormal input, too, may stand for the zero of its sign."""
    errors = ulp.measure(results, problem.exact, problem.dtype)
    if problem.activation.rowwise:
        return errors
    tiny = np.flatnonzero(DTYPES[problem.dtype].is_subnormal(problem.x))
    if not len(tiny):
        return errors
    zeros = problem.at_zeros.at(np.signbit(problem.x.flat[tiny]).astype(int))
    at_zero = ulp.measure(results.flat[tiny], zeros, problem.dtype).flushed
    flushed = errors.flushed.copy()
    flushed.flat[tiny] = np.minimum(flushed.flat[tiny], at_zero)
    return replace(errors, flushed=flushed)


def _wrong(problem: Problem, results: Array, got: Array, errors: ulp.Errors) -> Array:
    """Mark results that are not correctly rounded.

    At a kink any slope in between is right. Where all inputs are known, so are the results; a zero
    of the wrong sign is counted separately. Elsewhere an error above half an ulp is wrong, and
    errors too near to that are decided by Arb; in rows a tie may go either way.
    """
    if problem.rounded is not None:
        right = inputs.from_bits(problem.rounded, problem.dtype)
        differ: Array = (got != right) & (errors.plain != 0)
        return differ
    wrong: Array = errors.plain > 0.5
    if problem.activation.rowwise:
        return wrong
    for i in np.flatnonzero(np.abs(errors.plain - 0.5) <= problem.slack):
        x = float(problem.x.flat[i])
        nearest = reference.rounded(problem.activation, problem.direction, x, problem.dtype)
        wrong.flat[i] = got.flat[i] != nearest
    return wrong


def certify(problem: Problem, got: Array, errors: ulp.Errors, wrong: Array) -> Certificate:
    """The certificate of errors; `wrong` marks results that are not the correctly rounded ones."""
    fmt, rowwise = DTYPES[problem.dtype], problem.activation.rowwise
    x, exact = problem.x, problem.value
    finite = np.ones(got.shape, bool) if rowwise else np.isfinite(x)
    plain = np.where(finite, errors.plain, -1)
    worst = int(plain.argmax())
    size = np.abs(exact)
    normal = (size >= fmt.normal) & (size < 2.0**fmt.emax * 2)
    numbers = ~np.isnan(got) & ~np.isnan(exact)
    largest = 2.0**fmt.emax * (2 - 2.0**-fmt.precision)
    infinite = numbers & (np.isinf(got) != (size >= largest))
    signs = numbers & (size > 2.0 ** (fmt.emin - _UNSEEN)) & (np.signbit(got) != np.signbit(exact))

    def first(where: Array) -> tuple[Point, ...]:
        return tuple(place(x, int(i), rowwise) for i in np.flatnonzero(where)[:_KEPT])

    def at(index: int) -> Point:
        result, value = (float(values.flat[index]) for values in (got, exact))
        return replace(place(x, index, rowwise), got=result, exact=value)

    def worst_of(errors: Array, where: Array) -> tuple[float, Point]:
        counted = np.where(where, errors, 0)
        index = int(counted.argmax())
        return float(counted.flat[index]), at(index)

    max_ulp_flushed, worst_flushed = worst_of(errors.flushed, finite)
    max_ulp_away, worst_away = worst_of(errors.plain, finite & ~problem.beside_zero)
    return Certificate(
        tested=int(got.size),
        max_ulp=float(plain.flat[worst]),
        worst=at(worst) if finite.any() else None,
        max_ulp_flushed=max_ulp_flushed,
        worst_flushed=worst_flushed,
        max_ulp_normal=float(np.where(finite & normal, errors.plain, 0).max()),
        max_ulp_away=max_ulp_away,
        worst_away=worst_away,
        not_correctly_rounded=int(wrong.sum()),
        nan_mismatches=int(errors.mismatched.sum()),
        nan_first=first(errors.mismatched),
        infinity_mismatches=int(infinite.sum()),
        infinity_first=first(infinite),
        sign_mismatches=int(signs.sum()),
        sign_first=first(signs),
        histogram=_histogram(errors),
        binades=() if rowwise else binades.largest(problem.bits, errors.flushed, problem.dtype),
        **_near(problem, errors, infinite),
    )


def _near(problem: Problem, errors: ulp.Errors, infinite: Array) -> dict[str, Any]:
    """The figures for inputs in [−20, 20], subnormals contracted, and the trouble outside."""
    near, places = problem.near, problem.typical
    finite = np.isfinite(problem.x)
    if problem.activation.rowwise:
        finite = np.ones(near.shape, bool)
    absolute = np.where(infinite, np.inf, errors.absolute)
    trouble = (errors.flushed > _TROUBLE) & ~problem.beside_zero | infinite | errors.mismatched
    return {
        "max_ulp_near": float(errors.flushed[near].max()) if near.any() else None,
        "max_absolute_near": float(absolute[near].max()) if near.any() else None,
        "trouble_outside": int((trouble & finite & ~near).sum()),
        "near": tuple(
            zip(errors.flushed.flat[places].tolist(), absolute.flat[places].tolist(), strict=True)
        ),
    }


def with_medians(certificate: Certificate) -> Certificate:
    """A certificate of all inputs, with quantiles in place of the errors behind them."""
    if not certificate.near:
        return certificate
    errors = np.array(certificate.near)
    in_ulp, absolute = map(float, np.median(errors, axis=0))
    most = float(np.quantile(errors[:, 0], 0.99, method="higher"))
    return replace(
        certificate,
        median_ulp_near=in_ulp,
        ulp_99_near=most,
        median_absolute_near=absolute,
        near=(),
    )


def place(x: Array, index: int, rowwise: bool = False) -> Point:
    """An input; for a row-wise activation the index of the output."""
    return Point(output=index) if rowwise else Point(float(x.flat[index]).hex())


def _histogram(errors: ulp.Errors) -> dict[str, int]:
    numbers = errors.plain[~errors.mismatched]
    beyond = numbers[numbers > STEPS[0] * _ALMOST] / _ALMOST
    totals = np.bincount(np.searchsorted(STEPS, beyond), minlength=len(STEPS))
    totals[0] += len(numbers) - len(beyond)
    counts = {str(step): int(count) for step, count in zip(STEPS, totals, strict=True)}
    counts["nan"] = int(errors.mismatched.sum())
    return {step: count for step, count in counts.items() if count}


_ADDED = (
    *("tested", "not_correctly_rounded", "trouble_outside"),
    *("nan_mismatches", "infinity_mismatches", "sign_mismatches"),
)
_LARGEST = (
    *("max_ulp", "max_ulp_flushed", "max_ulp_normal", "max_ulp_away"),
    *("max_ulp_near", "max_absolute_near"),
)
WORST = {"worst": "max_ulp", "worst_flushed": "max_ulp_flushed", "worst_away": "max_ulp_away"}
"""The fields of places, by the error that is reached there."""
FIRST = ("nan_first", "infinity_first", "sign_first")
"""The fields of the first places of each kind of mismatch."""


def merge(first: Certificate, second: Certificate) -> Certificate:
    """The certificate of both sets of inputs; for equal errors the first one's place is kept."""
    if not (first.tested and second.tested):
        return replace(first if first.tested else second, paths=first.paths + second.paths)

    def pair(name: str) -> tuple[Any, Any]:
        return getattr(first, name), getattr(second, name)

    def both(name: str, combine: Callable[[Any, Any], Any]) -> Any:
        known = [figure for figure in pair(name) if figure is not None]
        return reduce(combine, known) if known else None

    def larger(name: str) -> Certificate:
        before, after = pair(name)
        return second if after > before else first

    fields: dict[str, Any] = {name: both(name, operator.add) for name in _ADDED}
    fields |= {name: both(name, max) for name in _LARGEST}
    fields |= {name: getattr(larger(error), name) for name, error in WORST.items()}
    fields |= {name: both(name, operator.add)[:_KEPT] for name in FIRST}
    return Certificate(
        **fields,
        histogram={
            step: first.histogram.get(step, 0) + second.histogram.get(step, 0)
            for step in (*map(str, STEPS), "nan")
            if step in first.histogram or step in second.histogram
        },
        binades=tuple(map(max, first.binades, second.binades)) or first.binades or second.binades,
        near=first.near + second.near,
        paths=first.paths + second.paths,
    )
