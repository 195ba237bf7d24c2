"""Results observed while a case was timed, judged against the exact values.

Every honest form meets the tolerance: also one that cancels, that computes step by step in the
storage format, or whose input was rounded once more on the way to a kink. Arithmetic in the next
narrower format, and omitted work, does not. Where a square of eˣ leaves the format a form may be
infinite or NaN; the elements that change from batch to batch are usual ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from flint import ctx

from ..catalog import inputs
from ..catalog.activations import UNKNOWN, Activation, find_reference
from ..catalog.cases import Case
from ..catalog.dtypes import DTYPES
from ..worker.protocol import Look
from . import reference
from .balls import Balls, balls
from .problem import Problem

Array = np.ndarray[Any, Any]
Range = tuple[Array, Array]
"""The least and the largest value that a result may have, per place; NaN, or −∞ to ∞, allows
anything."""

_ROUNDINGS = {"bfloat16": 16.0, "float16": 32.0, "float32": 64.0, "float64": 2.0**27}
"""The half units in the last place, of the result and of 1, by which a result may be off.

The worst forms of all are off by 3, 11, 4 and, where native ones have constants of float32, 2²⁶.
"""
_INPUT_ROUNDINGS = 4
"""The half units in the last place by which the input may differ from the one it stands for."""
_PRECISION = 64
"""The bits of the constants in a formula."""


def refusal(case: Case, seen: Look) -> str:
    """The reason why the results of a timed case cannot be right: place, result, exact value.

    Empty where they can be, and for functions without a reference.
    """
    activation = find_reference(case.activation)
    if activation is UNKNOWN:
        return ""
    x = inputs.from_bits(seen.given, case.dtype)
    pull = None if seen.upstream is None else inputs.from_bits(seen.upstream, case.dtype)
    with np.errstate(all="ignore"):
        parts = list(_expected(activation, case, x, pull))
        for bits, between in zip(seen.results, parts, strict=True):
            got = inputs.from_bits(bits, case.dtype)
            if reason := _compared(activation, case, seen.places, x, got, between):
                return reason
    return ""


def fault(case: Case, problem: Problem, results: Array) -> str:
    """The reason why results at all inputs of a problem cannot be right, by the same rule.

    Inputs in [−20, 20] count, in float16 those in [−5.5, 5.5], where squares and exponentials are
    numbers of the format: beyond that a formula as printed fails honestly.
    """
    activation, x = problem.activation, problem.x
    inside = np.abs(x) <= min(inputs.NEAR, math.log(DTYPES[problem.dtype].largest) / 2)
    if activation.domain == "positive":
        inside &= x > 0
    if activation.rowwise:
        places = np.flatnonzero(inside.all(axis=1))
        given, of_places = problem.bits[places], results[places]
    else:
        places = np.flatnonzero(inside)
        given, of_places = (bits.reshape(-1, 1)[places] for bits in (problem.bits, results))
    upstream = None
    if problem.direction == "backward":
        ones = inputs.to_bits(np.ones(given.shape), problem.dtype)
        upstream = ones if problem.upstream is None else problem.upstream[places]
    return refusal(case, Look(places, given, upstream, (of_places,)))


def _compared(
    activation: Activation, case: Case, places: Array, x: Array, got: Array, between: Range
) -> str:
    low, high = between
    if got.shape != low.shape:
        return f"wrong: gives {got.shape[1]} numbers per place, not {low.shape[1]}"
    right = ((low <= got) & (got <= high)) | ~(low > -np.inf) & ~(high < np.inf)
    right |= ~np.isfinite(got) & _overflows(activation, case.dtype, x)
    if right.all():
        return ""
    row, column = np.argwhere(~right)[0]
    unit, digits = "row" if activation.rowwise else "element", DTYPES[case.dtype].digits
    exact, given = (low[row, column] + high[row, column]) / 2, x[row, min(column, x.shape[1] - 1)]
    return (
        f"is wrong where it is timed: {got[row, column]:.{digits}g} for {given:.{digits}g}, "
        f"exactly {exact:.{digits}g} ({unit} {places[row]:,})"
    )


def _overflows(activation: Activation, dtype: str, x: Array) -> Array:
    """Mark the places, or rows, where a formula may leave the format on the way."""
    far = np.abs(x) > DTYPES[dtype].largest_exponent / 2
    return np.asarray(far.any(axis=1, keepdims=True) if activation.rowwise else far)


def _expected(activation: Activation, case: Case, x: Array, pull: Array | None) -> Iterator[Range]:
    """The ranges of a step's results: its output, its gradient, or both."""
    within = _in_rows if activation.rowwise else _elementwise
    if case.direction != "backward":
        yield _widened(*within(activation, case.dtype, x, None), case.dtype)
    if pull is not None:
        yield _widened(*within(activation, case.dtype, x, pull), case.dtype)


def _widened(low: Array, high: Array, scale: Array, dtype: str) -> Range:
    """A range with the tolerance, for results of its size and for a scale besides.

    Values beyond the format's largest number become infinite.
    """
    fmt = DTYPES[dtype]
    size = np.maximum(np.abs(low), np.abs(high)) + scale
    off = _ROUNDINGS[dtype] * 2.0**-fmt.precision * size
    low, high = low - off, high + off
    beyond = np.array(np.inf)
    return np.where(low < -fmt.largest, -beyond, low), np.where(high > fmt.largest, beyond, high)


def _balls(function: Callable[[Any], Any], places: Array) -> Balls:
    """The balls of a function at many places, one by one where it takes no arrays."""
    ctx.prec = _PRECISION
    try:
        return balls(function(Balls(places)))
    except TypeError:
        return Balls(reference.exact_at(function, places).values)


def _elementwise(
    activation: Activation, dtype: str, x: Array, pull: Array | None
) -> tuple[Array, Array, Array]:
    """The least and the largest value at inputs so near that they are interchangeable.

    Both slopes beside a kink are among them. The scale is that of the input, at least 1.
    """
    direction = "forward" if pull is None else "backward"
    scale = np.maximum(np.abs(x), 1)
    unit = 2.0 ** -DTYPES[dtype].precision
    near = _INPUT_ROUNDINGS * unit * scale
    places = np.stack([x, x - near, x + near])
    ball = _balls(reference.function_of(activation, direction), places)
    mid, rad = np.broadcast_to(ball.mid, places.shape), np.broadcast_to(ball.rad, places.shape)
    low, high = np.fmin.reduce(mid - rad), np.fmax.reduce(mid + rad)
    for place in activation.delicate(**activation.parameters):
        away = (x - place) ** 2
        scale = scale + 1 / away
        low, high = np.where(away < unit, -np.inf, low), np.where(away < unit, np.inf, high)
    if pull is None:
        return low, high, scale
    ends = low * pull, high * pull
    return np.minimum(*ends), np.maximum(*ends), scale * np.abs(pull)


def _in_rows(
    activation: Activation, dtype: str, x: Array, pull: Array | None
) -> tuple[Array, Array, Array]:
    """The value of whole rows; unbounded where a gradient jumps, at equal numbers."""
    parameters = {key: given for key, given in activation.parameters.items() if key != "axis"}
    if activation.gate:
        value = _gated(activation, x, pull)
    else:
        value = _ROWS[activation.name](x, pull, **parameters)
    scale = np.maximum(np.abs(x).max(1, keepdims=True), 1)
    if pull is None and activation.name in _SHARES:
        scale = scale * value.max(1, keepdims=True)
    if pull is not None:
        scale = scale * np.abs(pull).max(1, keepdims=True)
        if activation.ties:
            value = np.where(_repeated(x), np.nan, value)
    return value, value, scale


def _repeated(rows: Array) -> Array:
    """Mark the numbers that occur in their row more than once."""
    order = np.argsort(rows, axis=1)
    ordered = np.take_along_axis(rows, order, 1)
    same = np.zeros(rows.shape, bool)
    same[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    same[:, :-1] |= same[:, 1:]
    marked = np.empty_like(same)
    np.put_along_axis(marked, order, same, 1)
    return marked


def _softmax(x: Array, pull: Array | None, with_zero: bool) -> Array:
    shares: Array = np.exp(x - _logsumexp(x, None, with_zero))
    if pull is None:
        return shares
    gradient: Array = shares * (pull - (shares * pull).sum(1, keepdims=True))
    return gradient


def _logsumexp(x: Array, pull: Array | None, with_zero: bool) -> Array:
    if pull is not None:
        shares = _softmax(x, None, with_zero)
        pulled: Array = pull * shares
        return pulled
    top = np.maximum(x.max(1, keepdims=True), 0)
    rest = np.exp(-top) if with_zero else 0.0
    total: Array = top + np.log(np.exp(x - top).sum(1, keepdims=True) + rest)
    return total


def _log_softmax(x: Array, pull: Array | None) -> Array:
    if pull is None:
        logarithms: Array = x - _logsumexp(x, None, with_zero=False)
        return logarithms
    shares = _softmax(x, None, with_zero=False)
    gradient: Array = pull - shares * pull.sum(1, keepdims=True)
    return gradient


def _gated(activation: Activation, x: Array, pull: Array | None) -> Array:
    """The product of one half of each row and the gate of the other half."""
    assert activation.gate
    assert activation.gate_slope
    a, b = np.split(x, 2, 1)
    ctx.prec = _PRECISION
    gate = balls(activation.gate(Balls(b))).mid
    if pull is None:
        return np.asarray(a * gate)
    slope = balls(activation.gate_slope(Balls(b))).mid
    return np.concatenate([pull * gate, pull * a * slope], 1)


def _crelu(x: Array, pull: Array | None) -> Array:
    if pull is None:
        both: Array = np.concatenate([x, -x], 1)
        return np.maximum(both, 0)
    up, down = np.split(pull, 2, 1)
    gradient: Array = np.where(x > 0, up, 0) - np.where(x < 0, down, 0)
    return gradient


def _maxout(x: Array, pull: Array | None, k: int) -> Array:
    groups = x.reshape(len(x), k, -1)
    top: Array = groups.max(1)
    if pull is None:
        return top
    pulled = np.where(groups == top[:, None], pull[:, None], 0)
    return np.asarray(pulled).reshape(x.shape)


_ROWS: Mapping[str, Callable[..., Array]] = {
    "softmax": _softmax,
    "logsumexp": _logsumexp,
    "log_softmax": _log_softmax,
    "crelu": _crelu,
    "maxout": _maxout,
}
"""Functions of rows and their pull-backs in float64, because Arb takes milliseconds per row; gated
functions are composed of them."""
_SHARES = ("softmax",)
"""Functions whose results are exact relative to their size."""
