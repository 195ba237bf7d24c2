"""Verdicts from the interval of a ratio: slower, faster, the same, or undecided."""

from __future__ import annotations

import math
from typing import Literal

Verdict = Literal["slower", "faster", "same", "undecided"]
Outcome = Verdict | Literal["broken", "mended", "unmeasured"]
"""The verdict on a case; or that only one arm runs, or neither."""

DEAD_ZONE = 0.03
"""The least change to detect by default."""


def edge(zone: float) -> float:
    """The ratio beyond which a change is called: half of the dead zone, in logarithms.

    A smaller change is called only by error, one of the whole zone must be detected; one between
    the two may be called or not.
    """
    return math.sqrt(1 + zone)


def verdict(low: float, high: float, zone: float = DEAD_ZONE) -> Verdict:
    """The verdict on a ratio (the candidate's time over the base's) from its interval.

    `slower` if all of it is above half the dead zone, `faster` if all is below, `same` if all is
    within the whole zone.
    """
    if low > edge(zone):
        return "slower"
    if high < 1 / edge(zone):
        return "faster"
    if 1 / (1 + zone) < low <= high < 1 + zone:
        return "same"
    return "undecided"
