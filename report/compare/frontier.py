"""Speed against exactness: the forms that no other one beats in both."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..read.evidence import COARSE, Timed
from .families import cost

FAMILIES = ("algebraic", "exp")
"""Whose forms compete: relu and its kin, exact and cheap, would leave nothing else on a front."""
HALF = 0.5
"""The largest error of a correctly rounded result, in ulp."""


@dataclass(frozen=True)
class Frontier:
    """The forms that no other one beats, the most exact first, and the line between.

    A corner is a cost and an error: from that error on, a form whose whole interval lies above
    that cost is beaten by one at least as exact.
    """

    members: tuple[Timed, ...]
    corners: tuple[tuple[float, float], ...]


def frontier(timed: Iterable[Timed]) -> Frontier:
    """The Pareto front of cost and largest error, over the forms of FAMILIES that have both.

    A form is beaten only if another is at least as exact and its interval of the cost lies wholly
    below. Without an interval a form neither beats nor is beaten.
    """
    rivals = sorted(
        (form for form in timed if form.family in FAMILIES and form.cost and form.exactness),
        key=lambda form: (error(form), cost(form).value),
    )
    corners = _corners(rivals)
    members = [form for form in rivals if _low(form) <= _limit(corners, error(form))]
    return Frontier(tuple(members), corners)


def error(form: Timed) -> float:
    """The largest error in ulp where a subnormal may stand as zero, between HALF and COARSE.

    Up to HALF a result is rounded as well as can be, and above COARSE a form is marked wherever it
    stands: what lies beyond either end counts as that end. NaN where nothing was checked.
    """
    return min(max(form.exactness.error, HALF), COARSE) if form.exactness else math.nan


def _corners(rivals: Iterable[Timed]) -> tuple[tuple[float, float], ...]:
    """The errors at which the least upper end of a cost, among forms as exact, falls."""
    least: dict[float, float] = {}
    best = math.inf
    for form in rivals:
        best = min(best, _high(form))
        least[error(form)] = best
    corners: list[tuple[float, float]] = []
    for ulp, limit in least.items():
        if limit < (corners[-1][0] if corners else math.inf):
            corners.append((limit, ulp))
    return tuple(corners)


def _limit(corners: Sequence[tuple[float, float]], ulp: float) -> float:
    return min((limit for limit, at in corners if at <= ulp), default=math.inf)


def _low(form: Timed) -> float:
    low = cost(form).low
    return -math.inf if low is None else low


def _high(form: Timed) -> float:
    high = cost(form).high
    return math.inf if high is None else high
