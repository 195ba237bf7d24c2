"""Verdicts on a case: from the interval of a ratio, or because an arm of it does not run."""

from __future__ import annotations

import math
from enum import StrEnum


class Verdict(StrEnum):
    """The verdict on a case.

    `slower`, `faster`, `same` and `undecided` come from the interval of its ratio. `broken`: it
    runs only in the base. `mended`: it runs only in the candidate; `new`: the base does not have
    it. `unmeasured`: it runs in neither; `unsupported`: both declare that they do not have it.
    """

    SLOWER = "slower"
    FASTER = "faster"
    SAME = "same"
    UNDECIDED = "undecided"
    BROKEN = "broken"
    MENDED = "mended"
    NEW = "new"
    UNMEASURED = "unmeasured"
    UNSUPPORTED = "unsupported"


DEAD_ZONE = 0.03
"""The least change to be detected by default."""


def edge(zone: float) -> float:
    """The ratio beyond which a change is called: half of the dead zone, in logarithms.

    A smaller change is called only by error, one of the whole zone must be detected; one in between
    may be called or not.
    """
    return math.sqrt(1 + zone)


def verdict(low: float, high: float, zone: float = DEAD_ZONE) -> Verdict:
    """The verdict on a ratio (the candidate's time over the base's) from its interval.

    `slower` if all of it is above half the dead zone, `faster` if all is below, `same` if all is
    within the whole zone.
    """
    if low > edge(zone):
        return Verdict.SLOWER
    if high < 1 / edge(zone):
        return Verdict.FASTER
    if 1 / (1 + zone) < low <= high < 1 + zone:
        return Verdict.SAME
    return Verdict.UNDECIDED
