"""Special points: results at zeros, subnormals, the ends of the range, ±∞, NaN and kinks.

The points are evaluated in an array that they fill by repetition, so that vector code computes
them, and the first result of each is kept. Functions of rows have special rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from ..catalog import inputs
from ..catalog.activations import Activation, find_reference
from ..catalog.cases import Case, Selection, directions_of
from ..catalog.dtypes import DTYPES
from ..results.rows import Entries, Kink, Point, Row, SpecialRow
from ..results.samples import SpecialRows, Specials
from ..words import short_hex
from ..workers.requests import Evaluator
from . import reference, ulp
from .reference import Reference

Array = np.ndarray[Any, Any]
RowEvaluator = Callable[[Case, Array, Array], Sequence[Array] | None]
"""A function that returns the results of rows with an upstream each, as bit patterns; None if it
failed."""

BOUND = 64
"""The ulp from which on a result departs from the exact value: more than rounding explains."""
SHAPE = (17, 256)
"""The shape that the points fill in a format that is not swept: no timed size."""


def points(activation: Activation, dtype: str) -> Array:
    """The bit patterns of the points at which an elementwise activation is tried, each once.

    Zeros, the ends of the subnormal and the normal numbers and ±1 of both signs, ±∞, NaN; the kinks
    and thresholds of the activation, and the numbers next to them.
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
    """The eager cases in the formats that a sweep leaves out; none where formats were asked for.

    An eager case costs little; a compiled one would have to be compiled first.
    """
    swept = list(swept)
    if asked.dtypes:
        return []
    eager = [
        case
        for case in swept
        if case.mode == "eager" and not find_reference(case.activation).rowwise
    ]
    left = [dtype for dtype in DTYPES if dtype not in {case.dtype for case in swept}]
    cases = (replace(case, dtype=dtype, size=math.prod(SHAPE)) for case in eager for dtype in left)
    return list(dict.fromkeys(cases))


def taken(case: Case, bits: Array, results: Array) -> Specials:
    """The sample of an elementwise case that was evaluated at its points among other inputs.

    It holds the points and their results, as hexadecimal floats.
    """
    wanted, given = points(find_reference(case.activation), case.dtype), bits.ravel()
    got = np.asarray(results).ravel()[inputs.indices(given, wanted)]
    return Specials(case, _written(wanted, case.dtype), _written(got, case.dtype))


def measure(case: Case, evaluate: Evaluator) -> list[Specials] | None:
    """Evaluate an elementwise case at its points, repeated to fill SHAPE.

    Returns the sample of each of its directions; None if it failed.
    """
    bits = np.resize(points(find_reference(case.activation), case.dtype), SHAPE)
    outputs = evaluate(case, bits)
    if outputs is None:
        return None
    results = zip(directions_of(case), outputs, strict=False)
    return [taken(direction, bits, result) for direction, result in results]


def _written(bits: Array, dtype: str) -> tuple[str, ...]:
    return tuple(short_hex(float(value).hex()) for value in inputs.from_bits(bits, dtype))


_SINGLE = 2.5
_KEPT = 3
"""The results of a row that are named where they depart."""


def special_rows(dtype: str) -> dict[SpecialRow, Array]:
    """Rows of 16 numbers at which functions of rows differ, as float64."""
    length = inputs.STRUCTURED_ROW
    base = (np.arange(length) - 5.5) / 4

    def holding(value: float, *places: int) -> Array:
        row = base.copy()
        row[list(places)] = value
        return row

    apart = np.array([0.0, -40.0, *[-math.inf] * (length - 2)])
    return {
        SpecialRow.LOWEST: np.full(length, -math.inf),
        SpecialRow.HIGHEST: holding(math.inf, 1),
        SpecialRow.TWO_HIGHEST: holding(math.inf, 1, length // 2 + 1),
        SpecialRow.NAN: holding(math.nan, 2),
        SpecialRow.EQUAL: np.full(length, 2.0 ** (DTYPES[dtype].emax - 1)),
        SpecialRow.APART: apart,
        SpecialRow.MASKED: holding(-math.inf, *range(0, length, 3)),
    }


def measure_rows(
    case: Case, shape: tuple[int, int], evaluate: RowEvaluator
) -> list[SpecialRows] | None:
    """Evaluate a row-wise case at special rows, which fill a table of a shape by repetition.

    Rows of one number are another shape: they are tried where the shape says so. Returns the sample
    of each direction; None if it failed.
    """
    rows = {SpecialRow.SINGLE: np.array([_SINGLE])} if shape[1] == 1 else special_rows(case.dtype)
    given = np.array(list(rows.values()))
    pull = _upstream(find_reference(case.activation), shape)
    table = np.resize(inputs.to_bits(given, case.dtype), shape)
    outputs = evaluate(case, table, inputs.to_bits(pull, case.dtype))
    if outputs is None:
        return None
    return [
        SpecialRows(
            directed,
            tuple(rows),
            tuple(_written(row, case.dtype) for row in table[: len(rows)]),
            tuple(_written(row, case.dtype) for row in np.asarray(result)[: len(rows)]),
        )
        for directed, result in zip(directions_of(case), outputs, strict=False)
    ]


def _upstream(activation: Activation, shape: tuple[int, ...]) -> Array:
    """The upstream of rows: 1, 2, 3, … in each row."""
    width = activation.output_length(shape[1], **activation.parameters)
    return np.tile(np.arange(1.0, width + 1), (shape[0], 1))


def rows_of_rows(sample: SpecialRows) -> Iterator[Row]:
    """The row of a run for each special row of a case."""
    exact = _exact_rows(sample.case.activation, sample.case.direction, sample.given)
    got = np.array([[float.fromhex(text) for text in texts] for texts in sample.got])
    errors = ulp.measure(inputs.to_bits(got, sample.case.dtype), exact, sample.case.dtype)
    departs = (errors.flushed > BOUND) & ~np.isnan(exact.high)
    for row, texts, came, value, wrong in zip(
        sample.rows, sample.given, got, exact.values, departs, strict=True
    ):
        given = tuple(map(float.fromhex, texts))
        entries = Entries(row, given, tuple(came.tolist()), tuple(value.tolist()))
        points = tuple(
            Point(output=int(i), got=float(came[i]), exact=float(value[i]))
            for i in np.flatnonzero(wrong)[:_KEPT]
        )
        count = float(wrong.sum())
        yield Row(sample.case, "special_row", count, entries=entries, points=points)


@cache
def _exact_rows(label: str, direction: str, given: tuple[tuple[str, ...], ...]) -> Reference:
    """The exact values of rows, or the gradients for the usual upstream, 1, 2, 3, …"""
    activation = find_reference(label)
    rows = np.array([[float.fromhex(text) for text in texts] for texts in given])
    pull = _upstream(activation, rows.shape) if direction == "backward" else None
    exact = reference.row_limits(activation, rows, pull)
    none = _without_value(activation, rows, exact, pulled=pull is not None)
    return replace(exact, high=np.where(none, np.nan, exact.high))


def _without_value(activation: Activation, rows: Array, exact: Reference, pulled: bool) -> Array:
    """Mark results that no limit decides.

    A gradient where it jumps, at equal numbers, and the product of a gate of −∞ and an infinite
    number.
    """
    if activation.gate:
        a, b = np.split(np.isinf(rows), 2, axis=1)
        both = np.concatenate([np.zeros_like(a), a & b], axis=1) if pulled else a & b
        blank: Array = both & (exact.high == 0)
        return blank
    jumps = [pulled and activation.ties and len(np.unique(row)) < len(row) for row in rows]
    return np.broadcast_to(np.array(jumps)[:, None], exact.high.shape)


@dataclass(frozen=True)
class _AtPoints:
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
        """Some of the points, with their results and exact values."""
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
    results = _AtPoints(sample.case, sample.points, x, got, exact)
    yield from (_departures(results), _nan_kept(results))
    yield from _gradients_at_kinks(results)
    yield from _sign_of_zero(results)
    yield from _subnormal_kept(results)


@cache
def _exact(label: str, direction: str, at: tuple[str, ...]) -> reference.Reference:
    return reference.exact_values(
        find_reference(label), direction, np.array(list(map(float.fromhex, at)))
    )


def _departures(results: _AtPoints) -> Row:
    """Count departures. A subnormal may stand for zero, which `subnormal_kept` covers."""
    dtype = results.case.dtype
    bits = inputs.to_bits(results.got, dtype)
    errors = ulp.measure(bits, results.exact, dtype)
    at_zero = ulp.measure(bits, results.exact.at(_zero_for_subnormals(results)), dtype).flushed
    flushed = np.minimum(errors.flushed, np.where(_subnormal(results), at_zero, np.inf))
    apart = np.flatnonzero(flushed > BOUND)
    return Row(results.case, "special_departures", len(apart), points=results.at(apart))


def _subnormal(results: _AtPoints) -> Array:
    small: Array = DTYPES[results.case.dtype].is_subnormal(results.x)
    return small


def _zero_for_subnormals(results: _AtPoints) -> Array:
    """The places of the points, with the zero of the same sign for a subnormal."""
    places = np.arange(results.x.size)
    for negative in (False, True):
        zero = np.flatnonzero((results.x == 0) & (np.signbit(results.x) == negative))[0]
        places[_subnormal(results) & (np.signbit(results.x) == negative)] = zero
    return places


def _nan_kept(results: _AtPoints) -> Row:
    index = int(np.flatnonzero(np.isnan(results.x))[0])
    kept = bool(np.isnan(results.got[index]))
    return Row(results.case, "nan_kept", float(kept), points=() if kept else results.at([index]))


def _gradients_at_kinks(results: _AtPoints) -> Iterator[Row]:
    """The gradient at each kink. A NaN there is a departure and not a convention."""
    if results.forward:
        return
    activation = find_reference(results.case.activation)
    for kink in activation.kinks(**activation.parameters):
        places = [int(i) for i in np.flatnonzero(results.x == kink)]
        if places and not np.isnan(results.got[places]).any():
            yield _gradient_at(results, kink, places)


def _gradient_at(results: _AtPoints, kink: float, places: Sequence[int]) -> Row:
    first = places[0]
    lowest, highest = float(results.exact.lowest[first]), float(results.exact.highest[first])
    others = results.at(i for i in places if results.got[i] != results.got[first])
    row = Row(results.case, "gradient_at_kink", float(results.got[first]), points=others)
    return replace(row, kink=Kink(kink, lowest, highest))


def _sign_of_zero(results: _AtPoints) -> Iterator[Row]:
    """The sign of the value at −0, if that is 0 both exactly and as computed."""
    index = int(np.flatnonzero((results.x == 0) & np.signbit(results.x))[0])
    if results.forward and results.exact.high[index] == 0 and results.got[index] == 0:
        value = math.copysign(1.0, results.got[index])
        yield Row(results.case, "sign_of_zero", value)


def _subnormal_kept(results: _AtPoints) -> Iterator[Row]:
    """Return whether subnormal inputs keep values other than 0, where 0 maps to 0."""
    smallest = DTYPES[results.case.dtype].smallest
    exact = results.exact.values
    at_zero = exact[_zero_for_subnormals(results)]
    distinct = np.flatnonzero(_subnormal(results) & (at_zero == 0) & (np.abs(exact) >= smallest))
    lost = results.at(i for i in distinct if results.got[i] == 0)
    if distinct.size:
        yield Row(results.case, "subnormal_kept", float(not lost), points=lost)
