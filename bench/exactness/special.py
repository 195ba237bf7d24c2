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
from ..results.metrics import Row
from ..workers.requests import Evaluator
from . import reference, ulp

Array = np.ndarray[Any, Any]

BOUND = 64
"""Ulp from which on a result departs from the exact value: more than a matter of rounding."""
SHAPE = (17, 256)
"""Of the array that the points fill in a format that is not swept: no size that is timed."""
METRICS = (
    *("special_departures", "gradient_at_kink", "sign_of_zero"),
    *("nan_kept", "subnormal_kept"),
)
_FEW = 4
"""Digits of a number that say enough where they say nothing of what came of it."""


def points(activation: Activation, dtype: str) -> Array:
    """Bit patterns of the points at which an elementwise activation is tried, each once.

    Zeros, the ends of the subnormal and the normal numbers and ±1 of both signs, ±∞, NaN; the
    kinks and thresholds of the activation, and the numbers next to them.
    """
    fmt = DTYPES[dtype]
    smallest, normal = 2.0 ** (fmt.emin - fmt.precision + 1), 2.0**fmt.emin
    largest = 2.0**fmt.emax * (2 - 2.0 ** (1 - fmt.precision))
    sizes = [0.0, smallest, normal - smallest, normal, 1.0, largest, math.inf]
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


def taken(case: Case, bits: Array, results: Array) -> dict[str, Any]:
    """The sample of an elementwise case that was evaluated at its points among other inputs.

    The points and what came of them, as hexadecimal floats.
    """
    wanted, given = points(find(case.activation), case.dtype), bits.ravel()
    order = np.argsort(given, kind="stable")
    places = order[np.searchsorted(given, wanted, sorter=order)]
    assert np.array_equal(given[places], wanted)
    got = np.asarray(results).ravel()[places]
    return {"points": _written(wanted, case.dtype), "got": _written(got, case.dtype)}


def measure(case: Case, evaluate: Evaluator) -> list[tuple[Case, dict[str, Any]]] | None:
    """Evaluate an elementwise case at its points, repeated to fill SHAPE.

    Returns the case and sample of each of its directions; None if it failed.
    """
    bits = np.resize(points(find(case.activation), case.dtype), SHAPE)
    outputs = evaluate(case, bits)
    if outputs is None:
        return None
    cases = directions_of(case)
    return [(each, taken(each, bits, out)) for each, out in zip(cases, outputs, strict=False)]


def _written(bits: Array, dtype: str) -> list[str]:
    return [_short(float(value).hex()) for value in inputs.from_bits(bits, dtype)]


def _short(text: str) -> str:
    """A hexadecimal float without the zeros that say nothing: 0x1p-3."""
    mantissa, p, exponent = text.partition("p")
    return f"{mantissa.rstrip('0').rstrip('.')}{p}{exponent}" if "." in mantissa else text


@dataclass(frozen=True)
class _Found:
    """A case at its points: inputs and results as float64, and the exact values."""

    case: Case
    x: Array
    got: Array
    exact: reference.Reference

    @property
    def forward(self) -> bool:
        return self.case.direction == "forward"

    def name(self, value: float) -> str:
        """A number in words where it is an end of the format's range, else in digits."""
        return _named(value, self.case.dtype)

    def at(self, index: Any) -> str:
        """A point and what came of it; of NaN with few digits, which say nothing there."""
        x, got = self.x[index], self.got[index]
        digits = _FEW if math.isnan(x) else 0
        return f"{self.name(x)} → {_named(got, self.case.dtype, digits)}"


def rows(case: Case, sample: dict[str, Any]) -> Iterator[Row]:
    """The rows of one case at its special points."""
    x, got = (
        np.array([float.fromhex(text) for text in sample[name]]) for name in ("points", "got")
    )
    exact = _exact(case.activation, case.direction, tuple(sample["points"]))
    found = _Found(case, x, got, exact)
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
    told = [f"{found.at(i)}, {_exactly(found, i)}" for i in apart]
    return Row(found.case, "special_departures", len(apart), detail="; ".join(told))


def _exactly(found: _Found, index: Any) -> str:
    value = found.exact.value(index)
    if math.isnan(value):
        return "no value"
    kind = "limit" if math.isinf(found.x[index]) else "exact"
    return f"{kind} {found.name(value)}"


def _subnormal(found: _Found) -> Array:
    small: Array = (found.x != 0) & (np.abs(found.x) < 2.0 ** DTYPES[found.case.dtype].emin)
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
    return Row(found.case, "nan_kept", float(kept), detail="" if kept else found.at(index))


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
    detail = f"at {found.name(kink)}, between {lowest:.4g} and {highest:.4g}"
    others = [found.at(i) for i in places if found.got[i] != found.got[first]]
    value = float(found.got[first])
    return Row(found.case, "gradient_at_kink", value, detail="; ".join([detail, *others]))


def _sign_of_zero(found: _Found) -> Iterator[Row]:
    """Told where the value at 0 is 0, exactly and as computed."""
    index = int(np.flatnonzero((found.x == 0) & np.signbit(found.x))[0])
    if found.forward and found.exact.high[index] == 0 and found.got[index] == 0:
        value = math.copysign(1.0, found.got[index])
        yield Row(found.case, "sign_of_zero", value, detail=found.at(index))


def _subnormal_kept(found: _Found) -> Iterator[Row]:
    """Told where a subnormal input has a value that is not 0, and 0 itself has the value 0."""
    fmt = DTYPES[found.case.dtype]
    smallest = 2.0 ** (fmt.emin - fmt.precision + 1)
    exact = np.array([found.exact.value(i) for i in range(found.x.size)])
    at_zero = exact[_zero_for_subnormals(found)]
    telling = np.flatnonzero(_subnormal(found) & (at_zero == 0) & (np.abs(exact) >= smallest))
    lost = [found.at(i) for i in telling if found.got[i] == 0]
    if telling.size:
        yield Row(found.case, "subnormal_kept", float(not lost), detail="; ".join(lost))


def _named(value: float, dtype: str, digits: int = 0) -> str:
    fmt = DTYPES[dtype]
    smallest, normal = 2.0 ** (fmt.emin - fmt.precision + 1), 2.0**fmt.emin
    words = {
        0.0: "0",
        smallest: "smallest subnormal",
        normal - smallest: "largest subnormal",
        normal: "smallest normal",
        2.0**fmt.emax * (2 - 2.0 ** (1 - fmt.precision)): "largest",
        math.inf: "∞",
    }
    if math.isnan(value):
        return "NaN"
    text = words.get(abs(value)) or f"{abs(value):.{digits or fmt.digits}g}"
    return f"−{text}" if math.copysign(1.0, value) < 0 else text
