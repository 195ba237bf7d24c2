"""What is known of a case after it was tried on many inputs, and how two parts of that combine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..catalog.dtypes import DTYPES
from .ulp import Errors

Array = np.ndarray[Any, Any]

STEPS = (0.5, 1.0, 2.0, 4.0, 16.0, 256.0, 65536.0, math.inf)
"""Upper ends of the steps of a histogram of errors, in ulp; what is no number is counted apart."""
_ALMOST = 1 + 2.0**-30
"""What an error may lie above the end of a step that it is counted in: the meter's own rounding."""
_UNSEEN = 700
"""Binades below the least normal number from which on a value counts as none."""
_KEPT = 3
"""Places of each kind of mismatch that are named."""


Place = tuple[str, str, str]
"""An input as a hex float, the result there and the exact value, both as decimals."""
NOWHERE: Place = ("", "", "")


@dataclass(frozen=True)
class Results:
    """Results beside their inputs and the exact values, one entry an input, as float64.

    `beside_zero` marks inputs next to a zero of the function itself, where ulp grow without bound,
    and `wrong` those whose result is not the correctly rounded one.
    """

    x: Array
    got: Array
    exact: Array
    errors: Errors
    wrong: Array
    beside_zero: Array


@dataclass(frozen=True)
class Certificate:
    """Errors over `tested` inputs; inputs are named by hex floats.

    `max_ulp` is over finite inputs, −1 without a name where there are none; with subnormals
    contracted in `max_ulp_flushed`, over normal exact values in `max_ulp_normal`, and away from
    zeros of the function in `max_ulp_away`; the fields `worst_…` say where each is. The counts are
    over all inputs: results that are not the correctly rounded ones, NaN for a number or a number
    for NaN, infinite for finite or finite for infinite, and signs that differ where neither is NaN
    and the exact value is not 0, or so near to it that float64 may take it for 0. `histogram`
    counts errors by `STEPS`, and numbers against NaN under "nan".
    """

    tested: int = 0
    max_ulp: float = -1.0
    worst_input: str = ""
    got: str = ""
    exact: str = ""
    max_ulp_flushed: float = 0.0
    worst_flushed: Place = NOWHERE
    max_ulp_normal: float = 0.0
    max_ulp_away: float = 0.0
    worst_away: Place = NOWHERE
    not_correctly_rounded: int = 0
    nan_mismatches: int = 0
    nan_first: tuple[str, ...] = ()
    infinity_mismatches: int = 0
    infinity_first: tuple[str, ...] = ()
    sign_mismatches: int = 0
    sign_first: tuple[str, ...] = ()
    histogram: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Certificate:
        """The certificate of such fields, from JSON or not. Raises TypeError for other fields."""
        lists = {key: tuple(value) for key, value in record.items() if isinstance(value, list)}
        return cls(**{**record, **lists})


def certify(results: Results, dtype: str, rowwise: bool = False) -> Certificate:
    """The certificate of some results. Inputs that are not finite count as mismatches only.

    In a row-wise function no entry of an output has an input of its own: places are those of the
    output, and all count.
    """
    fmt = DTYPES[dtype]
    x, got, exact, errors = results.x, results.got, results.exact, results.errors
    finite = np.ones(got.shape, bool) if rowwise else np.isfinite(x)
    plain = np.where(finite, errors.plain, -1)
    worst = int(plain.argmax())
    named = bool(finite.any())
    size = np.abs(exact)
    normal = (size >= 2.0**fmt.emin) & (size < 2.0**fmt.emax * 2)
    numbers = ~np.isnan(got) & ~np.isnan(exact)
    largest = 2.0**fmt.emax * (2 - 2.0**-fmt.precision)
    infinite = numbers & (np.isinf(got) != (size >= largest))
    signs = numbers & (size > 2.0 ** (fmt.emin - _UNSEEN)) & (np.signbit(got) != np.signbit(exact))

    def first(where: Array) -> tuple[str, ...]:
        return tuple(place(x, int(i), rowwise) for i in np.flatnonzero(where)[:_KEPT])

    def worst_of(errors: Array, where: Array) -> tuple[float, Place]:
        counted = np.where(where, errors, 0)
        index = int(counted.argmax())
        result, value = (repr(float(each.flat[index])) for each in (got, exact))
        return float(counted.flat[index]), (place(x, index, rowwise), result, value)

    max_ulp_flushed, worst_flushed = worst_of(errors.flushed, finite)
    max_ulp_away, worst_away = worst_of(errors.plain, finite & ~results.beside_zero)
    return Certificate(
        tested=int(got.size),
        max_ulp=float(plain.flat[worst]),
        worst_input=place(x, worst, rowwise) if named else "",
        got=repr(float(got.flat[worst])) if named else "",
        exact=repr(float(exact.flat[worst])) if named else "",
        max_ulp_flushed=max_ulp_flushed,
        worst_flushed=worst_flushed,
        max_ulp_normal=float(np.where(finite & normal, errors.plain, 0).max()),
        max_ulp_away=max_ulp_away,
        worst_away=worst_away,
        not_correctly_rounded=int(results.wrong.sum()),
        nan_mismatches=int(errors.mismatched.sum()),
        nan_first=first(errors.mismatched),
        infinity_mismatches=int(infinite.sum()),
        infinity_first=first(infinite),
        sign_mismatches=int(signs.sum()),
        sign_first=first(signs),
        histogram=_histogram(errors),
    )


def place(x: Array, index: int, rowwise: bool = False) -> str:
    """The input as a hex float; for a row-wise activation the entry of the output."""
    return f"output {index}" if rowwise else float(x.flat[index]).hex()


def _histogram(errors: Errors) -> dict[str, int]:
    numbers = errors.plain[~errors.mismatched]
    beyond = numbers[numbers > STEPS[0] * _ALMOST] / _ALMOST
    found = np.bincount(np.searchsorted(STEPS, beyond), minlength=len(STEPS))
    found[0] += len(numbers) - len(beyond)
    counts = {str(step): int(count) for step, count in zip(STEPS, found, strict=True)}
    counts["nan"] = int(errors.mismatched.sum())
    return {step: count for step, count in counts.items() if count}


def merge(one: Certificate, other: Certificate) -> Certificate:
    """The certificate of both sets of inputs; of equal errors the one named first stays."""
    top = _of_larger(one, other, "max_ulp")
    return Certificate(
        tested=one.tested + other.tested,
        max_ulp=top.max_ulp,
        worst_input=top.worst_input,
        got=top.got,
        exact=top.exact,
        max_ulp_flushed=max(one.max_ulp_flushed, other.max_ulp_flushed),
        worst_flushed=_of_larger(one, other, "max_ulp_flushed").worst_flushed,
        max_ulp_normal=max(one.max_ulp_normal, other.max_ulp_normal),
        max_ulp_away=max(one.max_ulp_away, other.max_ulp_away),
        worst_away=_of_larger(one, other, "max_ulp_away").worst_away,
        not_correctly_rounded=one.not_correctly_rounded + other.not_correctly_rounded,
        nan_mismatches=one.nan_mismatches + other.nan_mismatches,
        nan_first=(*one.nan_first, *other.nan_first)[:_KEPT],
        infinity_mismatches=one.infinity_mismatches + other.infinity_mismatches,
        infinity_first=(*one.infinity_first, *other.infinity_first)[:_KEPT],
        sign_mismatches=one.sign_mismatches + other.sign_mismatches,
        sign_first=(*one.sign_first, *other.sign_first)[:_KEPT],
        histogram={
            step: one.histogram.get(step, 0) + other.histogram.get(step, 0)
            for step in (*map(str, STEPS), "nan")
            if step in one.histogram or step in other.histogram
        },
    )


def _of_larger(one: Certificate, other: Certificate, field: str) -> Certificate:
    """The certificate whose field is larger; one without any inputs gives way."""
    if not one.tested or not other.tested:
        return one if one.tested else other
    return other if getattr(other, field) > getattr(one, field) else one
