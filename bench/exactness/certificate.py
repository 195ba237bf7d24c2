"""What is known of a case after it was tried on many inputs, and how two parts of that combine."""

from __future__ import annotations

import math

from ..results.samples import Certificate

STEPS = (0.5, 1.0, 2.0, 4.0, 16.0, 256.0, 65536.0, math.inf)
"""Upper ends of the steps of a histogram of errors, in ulp; what is no number is counted apart."""
KEPT = 3
"""Places of each kind of mismatch that are named."""


def merge(one: Certificate, other: Certificate) -> Certificate:
    """The certificate of both sets of inputs; of equal errors the one named first stays."""
    top = _of_larger(one, other, "max_ulp")
    return Certificate(
        tested=one.tested + other.tested,
        max_ulp=top.max_ulp,
        worst=top.worst,
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
