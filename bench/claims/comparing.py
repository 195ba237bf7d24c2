"""Comparisons of two functions at inputs of every kind: the same bits, or a distance in ulp."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..catalog.dtypes import Dtype
from ..catalog.inputs import to_bits
from ..exactness.reference import Reference
from ..exactness.ulp import distances, measure
from ..results.claims import Figure, Outcome
from ..words import listing
from .functions import FORMATS, Array, Functions, Setting, in_each, same_bits

ORDINARY = "ordinary numbers"
ELSEWHERE = "elsewhere"
_PLACES = 3
"""The most places that a sentence names."""


@dataclass(frozen=True)
class Part:
    """A kind of inputs, by a name that follows `at`, and the condition that they meet.

    A part that does not decide only informs where it fails.
    """

    name: str
    includes: Callable[[Array, Dtype], Array]
    decides: bool = True


_APART = (
    Part("NaN", lambda x, _: np.isnan(x)),
    Part("∞", lambda x, _: np.isposinf(x)),
    Part("−∞", lambda x, _: np.isneginf(x)),
)
_SMALL = (
    Part("0", lambda x, _: (x == 0) & ~np.signbit(x)),
    Part("−0", lambda x, _: (x == 0) & np.signbit(x)),
    Part("subnormal numbers", lambda x, fmt: fmt.is_subnormal(x)),
)


@dataclass(frozen=True)
class _Comparison:
    """The distance of two functions in a setting, at each of the inputs `x`."""

    at: Setting
    names: tuple[str, str]
    x: Array
    distance: Array
    ulps: float
    direction: str

    def figure(self, within: Array, holds: bool, place: str) -> Figure:
        """The figure of a kind of inputs, with the worst of them where it fails."""
        both = " and ".join(self.names)
        inside = np.where(within, self.distance, -1.0)
        worst = float(self.x[int(inside.argmax())])
        name = f"distance of {both}" if self.ulps else f"inputs at which {both} differ"
        value = float(inside.max() if self.ulps else np.count_nonzero(inside > 0))
        return self.at.figure(
            name,
            value,
            holds,
            at=None if holds or not np.isfinite(worst) else worst,
            unit="ulp" if self.ulps else "",
            direction=self.direction,
            place=place,
        )


def compared(
    at: Setting,
    names: tuple[str, str],
    x: Array,
    results: Array,
    wanted: Array | Reference,
    ulps: float = 0,
    parts: Sequence[Part] = (),
    direction: str = "forward",
    same: bool = False,
) -> Iterator[Figure]:
    """The figures of a comparison of results with others, or with exact values, at inputs `x`.

    They are the largest distance in ulp; with no `ulps` allowed, the number of results that differ.
    A subnormal result equals zero, whatever its sign, unless the bits must be the `same`. If
    ordinary numbers fail, theirs is the only figure. Otherwise there is one for all kinds of inputs
    that hold and one for each kind that fails: NaN, ∞, −∞, the `parts`, 0, −0 and subnormal
    numbers, each input in the first kind that it belongs to.
    """
    distance = _distances(at, results, wanted, same)
    comparison = _Comparison(at, names, x, distance, ulps, direction)
    kinds = dict(_kinds(x, at.format, parts))
    failing = {name: kind for name, kind in kinds.items() if (distance[kind] > ulps).any()}
    if ORDINARY in failing:
        yield comparison.figure(kinds[ORDINARY], False, ORDINARY)
        return
    holding = ~np.any([*failing.values(), np.zeros(x.shape, bool)], axis=0)
    yield comparison.figure(holding, True, ELSEWHERE if failing else "")
    informing = {part.name for part in parts if not part.decides}
    for name, kind in failing.items():
        yield replace(comparison.figure(kind, False, name), decides=name not in informing)


def _distances(at: Setting, results: Array, wanted: Array | Reference, same: bool) -> Array:
    if isinstance(wanted, Reference):
        return measure(to_bits(results, at.dtype), wanted, at.dtype).flushed
    if same:
        return (~same_bits(results, wanted)).astype(np.float64)
    given, expected = (to_bits(values, at.dtype) for values in (results, wanted))
    return distances(given, expected, at.dtype, contracted=True)


def _kinds(x: Array, fmt: Dtype, parts: Sequence[Part]) -> Iterator[tuple[str, Array]]:
    left = np.ones(x.shape, bool)
    for part in (*_APART, *parts, *_SMALL):
        with np.errstate(invalid="ignore", over="ignore"):
            within = left & part.includes(x, fmt)
        left &= ~within
        if within.any():
            yield part.name, within
    yield ORDINARY, left


def outcome(figures: Sequence[Figure]) -> Outcome:
    """The outcome of a claim, with the places where it most often fails."""
    failing = [figure for figure in figures if figure.decides and figure.holds is False]
    places = Counter(figure.place for figure in failing if figure.place)
    first = [place for place, _ in places.most_common(_PLACES)]
    words = listing(first)
    return Outcome(tuple(figures), f"It fails at {words}." if words else "")


def judged_in_each(
    functions: Functions,
    judge: Callable[[Setting], Iterable[Figure]],
    formats: Iterable[str] = FORMATS,
    modes: Iterable[str] = ("eager",),
) -> Outcome:
    """The outcome of a judgement in every framework, mode and format."""
    return outcome(in_each(functions.settings(formats, modes), judge))
