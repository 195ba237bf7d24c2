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
"""Of the array that the points fill in a format that is not swept: no size that is timed."""


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
    found = np.concatenate([bits, bent - 1, bent + 1], dtype=fmt.bits)
    return found[np.sort(np.unique(found, return_index=True)[1])]


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
    found = _Found(sample.case, sample.points, x, got, exact)
    yield from (_departures(found), _nan_kept(found))
    yield from _gradients_at_kinks(found)
    yield from _sign_of_zero(found)
    yield from _subnormal_kept(found)


@cache
def _exact(label: str, direction: str, at: tuple[str, ...]) -> reference.Reference:
    return reference.exact_values(find(label), direction, np.array(list(map(float.fromhex, at))))


def _departures(found: _Found) -> Row:
    """A subnormal may stand for zero, before and after: `subnormal_kept` speaks of that."""
    dtype = found.case.dtype
    bits = inputs.to_bits(found.got, dtype)
    errors = ulp.measure(bits, found.exact, dtype)
    at_zero = ulp.measure(bits, found.exact.at(_zero_for_subnormals(found)), dtype).flushed
    flushed = np.minimum(errors.flushed, np.where(_subnormal(found), at_zero, np.inf))
    apart = np.flatnonzero(flushed > BOUND)
    return Row(found.case, "special_departures", len(apart), points=found.at(apart))


def _subnormal(found: _Found) -> Array:
    small: Array = DTYPES[found.case.dtype].is_subnormal(found.x)
    return small


def _zero_for_subnormals(found: _Found) -> Array:
    """Places of the points, of the zero of the same sign for a subnormal one."""
    places = np.arange(found.x.size)
    for negative in (False, True):
        zero = np.flatnonzero((found.x == 0) & (np.signbit(found.x) == negative))[0]
        places[_subnormal(found) & (np.signbit(found.x) == negative)] = zero
    return places


def _nan_kept(found: _Found) -> Row:
    index = int(np.flatnonzero(np.isnan(found.x))[0])
    kept = bool(np.isnan(found.got[index]))
    return Row(found.case, "nan_kept", float(kept), points=() if kept else found.at([index]))


def _gradients_at_kinks(found: _Found) -> Iterator[Row]:
    """A NaN there is a departure, and no convention."""
    if found.forward:
        return
    activation = find(found.case.activation)
    for kink in activation.kinks(**activation.parameters):
        places = [int(i) for i in np.flatnonzero(found.x == kink)]
        if places and not np.isnan(found.got[places]).any():
            yield _gradient_at(found, kink, places)


def _gradient_at(found: _Found, kink: float, places: Sequence[int]) -> Row:
    first = places[0]
    lowest, highest = float(found.exact.lowest[first]), float(found.exact.highest[first])
    others = found.at(i for i in places if found.got[i] != found.got[first])
    row = Row(found.case, "gradient_at_kink", float(found.got[first]), points=others)
    return replace(row, kink=Kink(kink, lowest, highest))


def _sign_of_zero(found: _Found) -> Iterator[Row]:
    """Where the value at 0 is 0, exactly and as computed."""
    index = int(np.flatnonzero((found.x == 0) & np.signbit(found.x))[0])
    if found.forward and found.exact.high[index] == 0 and found.got[index] == 0:
        value = math.copysign(1.0, found.got[index])
        yield Row(found.case, "sign_of_zero", value)


def _subnormal_kept(found: _Found) -> Iterator[Row]:
    """Where a subnormal input has a value that is not 0, and 0 itself has the value 0."""
    smallest = DTYPES[found.case.dtype].smallest
    exact = np.array([found.exact.value(i) for i in range(found.x.size)])
    at_zero = exact[_zero_for_subnormals(found)]
    telling = np.flatnonzero(_subnormal(found) & (at_zero == 0) & (np.abs(exact) >= smallest))
    lost = found.at(i for i in telling if found.got[i] == 0)
    if telling.size:
        yield Row(found.case, "subnormal_kept", float(not lost), points=lost)
