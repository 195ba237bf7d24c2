"""Ratios of times: what their intervals show, counted over settings and in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from ..read.evidence import Estimate, Timed
from ..words import listing, number
from .settings import setting_of

CLOSE = 0.05
"""Times that differ by no more than this share count as the same."""
Found = tuple[str, Estimate]
"""A ratio after the words for whose it is."""


class Verdict(Enum):
    """What an interval of a ratio shows, in words of it and in few."""

    LONGER = "takes longer than {other}", "longer"
    LESS = "takes less time than {other}", "less"
    SAME = f"takes the same time as {{other}}, within {CLOSE:.0%},", f"the same within {CLOSE:.0%}"
    OPEN = "is not distinguished from {other}", "not distinguished"
    BARE = "stands beside {other} without an interval", "without an interval"

    def of(self, other: str) -> str:
        """The verdict on something beside another."""
        return self.value[0].replace("{other}", other)

    @property
    def brief(self) -> str:
        """The verdict in a few words."""
        return self.value[1]


def ratio(top: Timed, bottom: Timed) -> Estimate | None:
    """One case's time over another's, as wide as both intervals allow.

    Over the relu that costs are over it is the rows' own cost, taken in the same processes. None
    where the other time may be 0.
    """
    same = setting_of(top.run, top.case) == setting_of(bottom.run, bottom.case)
    if same and top.cost and bottom.is_unit:
        return top.cost
    return top.time.over(bottom.time)


def verdict(found: Estimate) -> Verdict:
    """What the interval of a ratio shows."""
    if found.low is None or found.high is None:
        return Verdict.BARE
    if found.low >= 1 - CLOSE and found.high <= 1 + CLOSE:
        return Verdict.SAME
    if found.low <= 1 <= found.high:
        return Verdict.OPEN
    return Verdict.LONGER if found.low > 1 else Verdict.LESS


def tally(subject: str, other: str, found: Sequence[Found]) -> str:
    """How often one thing takes longer than another, from where to where, and whose those are.

    `gelu takes longer than relu in 5 of 7 settings (1.2–3.4×: JAX eager …); takes less time …`
    """
    told = []
    for shown in Verdict:
        mine = [(who, each) for who, each in found if verdict(each) is shown]
        if mine:
            names = listing([who for who, _ in mine if who and len(mine) < len(found)])
            reach = ": ".join(filter(None, (span(each for _, each in mine), names)))
            noun = "setting" if len(found) == 1 else "settings"
            told.append(f"{shown.of(other)} in {len(mine)} of {len(found)} {noun} ({reach})")
    return f"{subject} {'; '.join(told)}"


def span(ratios: Iterable[Estimate]) -> str:
    """From the lowest end of the intervals to the highest; of values where there are none."""
    found = list(ratios)
    lows = [each.value if each.low is None else each.low for each in found]
    highs = [each.value if each.high is None else each.high for each in found]
    return f"{number(min(lows))}–{number(max(highs))}×"


def interval(found: Estimate) -> str:
    """The interval's ends: `3.52–3.90`; or that there is none."""
    if found.low is None or found.high is None:
        return "no interval"
    return f"{number(found.low)}{' to ' if found.low < 0 else '–'}{number(found.high)}"


def times(found: Estimate) -> str:
    """A ratio with its interval: `3.71× (3.52–3.90)`."""
    return f"{number(found.value)}× ({interval(found)})"
