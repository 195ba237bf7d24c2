"""Special points: what a case makes of zeros, subnormals, the ends of the range, ±∞, NaN and kinks.

The points are evaluated in an array that they fill by repetition, so that a vector's code answers,
and the first of each is kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from ..catalog import inputs
from ..catalog.activations import Activation, find
from ..catalog.cases import Case, Selection, directions_of
from ..catalog.dtypes import DTYPES
from ..results.rows import Kink, Point, Row
from ..results.samples import Specials
from ..workers.requests import Evaluator
from . import reference, ulp

Array = np.ndarray[Any, Any]

BOUND = 64
"""Ulp from which on a result departs from the exact value: more than a matter of rounding."""
SHAPE = (17, 256)
"""The shape that the points fill in a format that is not swept: no size that is timed."""


def points(activation: Activation, dtype: str) -> Array:
    """Bit patterns of the points at which an elementwise activation is tried, each once.

    Zeros, the ends of the subnormal and the normal numbers and ±1 of both signs, ±∞, NaN; the
    kinks and thresholds of the activation, and the numbers next to them.
    """
    fmt = DTYPES[dtype]
    subnormal = [fmt.smallest, fmt.normal - fmt.smallest]
    sizes = [0.0, *subnormal, fmt.normal, 1.0, fmt.largest, math.inf]
    both = [sign * size for size in sizes for sign in (1, -1)]
    bends = [*activation.kinks(**activation.parameters), *activation.thresholds]
    bits = inputs.to_bits(np.array([*both, math.nan, *bends]), dtype)
    bent = bits[len(both) + 1 :]
    bent = bent[inputs.from_bits(bent, dtype) != 0]  # what is beside zero is there already
    patterns = np.concatenate([bits, bent - 1, bent + 1], dtype=fmt.bits)
    return patterns[np.sort(np.unique(patterns, return_index=True)[1])]


def other_cases(swept: Iterable[Case], asked: Selection) -> list[Case]:
    """Eager cases in the formats that a sweep leaves out, none where formats were asked for.

    An eager case costs little; a compiled one would have to be compiled first.
    """
    swept = list(swept)
    if asked.dtypes:
        return []
    eager = [case for case in swept if case.mode == "eager" and not find(case.activation).rowwise]
    left = [dtype for dtype in DTYPES if dtype not in {case.dtype for case in swept}]
    cases = (replace(case, dtype=dtype, size=math.prod(SHAPE)) for case in eager for dtype in left)
    return list(dict.fromkeys(cases))


def taken(case: Case, bits: Array, results: Array) -> Specials:
    """The sample of an elementwise case that was evaluated at its points among other inputs.

    The points and what came of them, as hexadecimal floats.
    """
    wanted, given = points(find(case.activation), case.dtype), bits.ravel()
    order = np.argsort(given, kind="stable")
    places = order[np.searchsorted(given, wanted, sorter=order)]
    assert np.array_equal(given[places], wanted)
    got = np.asarray(results).ravel()[places]
    return Specials(case, _written(wanted, case.dtype), _written(got, case.dtype))


def measure(case: Case, evaluate: Evaluator) -> list[Specials] | None:
    """Evaluate an elementwise case at its points, repeated to fill SHAPE.

    Returns the sample of each of its directions; None if it failed.
    """
    bits = np.resize(points(find(case.activation), case.dtype), SHAPE)
    outputs = evaluate(case, bits)
    if outputs is None:
        return None
    results = zip(directions_of(case), outputs, strict=False)
    return [taken(direction, bits, result) for direction, result in results]


def _written(bits: Array, dtype: str) -> tuple[str, ...]:
    return tuple(_short(float(value).hex()) for value in inputs.from_bits(bits, dtype))


def _short(text: str) -> str:
    """A hexadecimal float without the zeros that say nothing: 0x1p-3."""
    mantissa, p, exponent = text.partition("p")
    return f"{mantissa.rstrip('0').rstrip('.')}{p}{exponent}" if "." in mantissa else text


@dataclass(frozen=True)
class _Found:
    """A case at its points: inputs and results as float64, and the exact values."""

    case: Case
    points: tuple[str, ...]
    x: Array
    got: Array
    exact: reference.Reference

    @property
    def forward(self) -> bool:
        return self.case.direction == "forward"

    def at(self, indices: Iterable[Any]) -> tuple[Point, ...]:
        """Some of the points, what came of them and what is exact."""
        return tuple(
            Point(self.points[i], got=float(self.got[i]), exact=float(self.exact.value(i)))
            for i in indices
        )


def rows(sample: Specials) -> Iterator[Row]:
    """The rows of one case at its special points."""
    x, got = (
        np.array([float.fromhex(text) for text in texts]) for texts in (sample.points, sample.got)
    )
    exact = _exact(sample.case.activation, sample.case.direction, sample.points)
    results = _Found(sample.case, sample.points, x, got, exact)
    yield from (_departures(results), _nan_kept(results))
    yield from _gradients_at_kinks(results)
    yield from _sign_of_zero(results)
    yield from _subnormal_kept(results)


@cache
def _exact(label: str, direction: str, at: tuple[str, ...]) -> reference.Reference:
    return reference.exact_values(find(label), direction, np.array(list(map(float.fromhex, at))))


def _departures(results: _Found) -> Row:
    """Count departures. A subnormal may stand for zero: `subnormal_kept` speaks of that."""
    dtype = results.case.dtype
    bits = inputs.to_bits(results.got, dtype)
    errors = ulp.measure(bits, results.exact, dtype)
    at_zero = ulp.measure(bits, results.exact.at(_zero_for_subnormals(results)), dtype).flushed
    flushed = np.minimum(errors.flushed, np.where(_subnormal(results), at_zero, np.inf))
    apart = np.flatnonzero(flushed > BOUND)
    return Row(results.case, "special_departures", len(apart), points=results.at(apart))


def _subnormal(results: _Found) -> Array:
    small: Array = DTYPES[results.case.dtype].is_subnormal(results.x)
    return small


def _zero_for_subnormals(results: _Found) -> Array:
    """Places of the points, of the zero of the same sign for a subnormal one."""
    places = np.arange(results.x.size)
    for negative in (False, True):
        zero = np.flatnonzero((results.x == 0) & (np.signbit(results.x) == negative))[0]
        places[_subnormal(results) & (np.signbit(results.x) == negative)] = zero
    return places


def _nan_kept(results: _Found) -> Row:
    index = int(np.flatnonzero(np.isnan(results.x))[0])
    kept = bool(np.isnan(results.got[index]))
    return Row(results.case, "nan_kept", float(kept), points=() if kept else results.at([index]))


def _gradients_at_kinks(results: _Found) -> Iterator[Row]:
    """The gradient at each kink. A NaN there is a departure, and no convention."""
    if results.forward:
        return
    activation = find(results.case.activation)
    for kink in activation.kinks(**activation.parameters):
        places = [int(i) for i in np.flatnonzero(results.x == kink)]
        if places and not np.isnan(results.got[places]).any():
            yield _gradient_at(results, kink, places)


def _gradient_at(results: _Found, kink: float, places: Sequence[int]) -> Row:
    first = places[0]
    lowest, highest = float(results.exact.lowest[first]), float(results.exact.highest[first])
    others = results.at(i for i in places if results.got[i] != results.got[first])
    row = Row(results.case, "gradient_at_kink", float(results.got[first]), points=others)
    return replace(row, kink=Kink(kink, lowest, highest))


def _sign_of_zero(results: _Found) -> Iterator[Row]:
    """The sign of the value at −0, if that is 0, exactly and as computed."""
    index = int(np.flatnonzero((results.x == 0) & np.signbit(results.x))[0])
    if results.forward and results.exact.high[index] == 0 and results.got[index] == 0:
        value = math.copysign(1.0, results.got[index])
        yield Row(results.case, "sign_of_zero", value)


def _subnormal_kept(results: _Found) -> Iterator[Row]:
    """Say whether subnormal inputs keep values that are not 0, where 0 itself has the value 0."""
    smallest = DTYPES[results.case.dtype].smallest
    exact = results.exact.values
    at_zero = exact[_zero_for_subnormals(results)]
    distinct = np.flatnonzero(_subnormal(results) & (at_zero == 0) & (np.abs(exact) >= smallest))
    lost = results.at(i for i in distinct if results.got[i] == 0)
    if distinct.size:
        yield Row(results.case, "subnormal_kept", float(not lost), points=lost)
