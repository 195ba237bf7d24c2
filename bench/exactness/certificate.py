"""What is known of a case after it was tried on many inputs, and how two parts of that combine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

STEPS = (0.5, 1.0, 2.0, 4.0, 16.0, 256.0, 65536.0, math.inf)
"""Upper ends of the steps of a histogram of errors, in ulp; what is no number is counted apart."""
KEPT = 3
"""Places of each kind of mismatch that are named."""


Place = tuple[str, str, str]
"""An input as a hex float, the result there and the exact value, both as decimals."""
NOWHERE: Place = ("", "", "")


@dataclass(frozen=True)
class Certificate:
    """Errors over `tested` inputs; inputs are named by hex floats.

    `max_ulp` is over finite inputs, −1 without a name where there are none; with subnormals
    contracted in `max_ulp_flushed`, over normal exact values in `max_ulp_normal`, and away from
    zeros of the function in `max_ulp_away`; the fields `worst_…` say where each is. The counts are
    over all inputs: results that are not the correctly rounded ones, NaN for a number or a number
    for NaN, infinite for finite or finite for infinite, and signs that differ where neither is NaN
    and the exact value is not 0, or so near to it that float64 may take it for 0. `histogram`
    counts errors by `STEPS`, and numbers against NaN under "nan"; `binades` has the largest error,
    with subnormals contracted, in each group of inputs (`bench.exactness.binades`), and nothing for
    rows. `max_ulp_parameter` is the error of the gradient of a learned parameter.
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
    binades: tuple[float, ...] = ()
    max_ulp_parameter: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Certificate:
        """The certificate of such fields, from JSON or not. Raises TypeError for other fields."""
        lists = {key: tuple(value) for key, value in record.items() if isinstance(value, list)}
        return cls(**{**record, **lists})


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
        nan_first=(*one.nan_first, *other.nan_first)[:KEPT],
        infinity_mismatches=one.infinity_mismatches + other.infinity_mismatches,
        infinity_first=(*one.infinity_first, *other.infinity_first)[:KEPT],
        sign_mismatches=one.sign_mismatches + other.sign_mismatches,
        sign_first=(*one.sign_first, *other.sign_first)[:KEPT],
        histogram={
            step: one.histogram.get(step, 0) + other.histogram.get(step, 0)
            for step in (*map(str, STEPS), "nan")
            if step in one.histogram or step in other.histogram
        },
        binades=tuple(map(max, one.binades, other.binades)) or one.binades or other.binades,
    )


def _of_larger(one: Certificate, other: Certificate, field: str) -> Certificate:
    """The certificate whose field is larger; one without any inputs gives way."""
    if not one.tested or not other.tested:
        return one if one.tested else other
    return other if getattr(other, field) > getattr(one, field) else one
