"""Verdicts of intervals at every position relative to the dead zone."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.timing.verdicts import edge, verdict

_LOGS = st.floats(-3, 3)
_ZONES = st.floats(0.001, 10)
_OPPOSITE = {"slower": "faster", "faster": "slower", "same": "same", "undecided": "undecided"}


@given(low=_LOGS, width=st.floats(0, 3), zone=_ZONES)
def test_swapped_arms_have_the_opposite_verdict(low: float, width: float, zone: float) -> None:
    high = low + width
    one = verdict(math.exp(low), math.exp(high), zone)
    other = verdict(math.exp(-high), math.exp(-low), zone)
    near = min(
        abs(abs(end) - math.log(bound)) for end in (low, high) for bound in (edge(zone), 1 + zone)
    )
    assert other == _OPPOSITE[one] or near < 1e-12


@given(
    low=_LOGS, width=st.floats(0, 3), zone=_ZONES, inner=st.tuples(st.floats(0, 1), st.floats(0, 1))
)
def test_a_narrower_interval_never_takes_a_verdict_back(
    low: float, width: float, zone: float, inner: tuple[float, float]
) -> None:
    wide = verdict(math.exp(low), math.exp(low + width), zone)
    ends = sorted(low + share * width for share in inner)
    narrow = verdict(*(math.exp(end) for end in ends), zone)
    if wide in ("slower", "faster"):
        assert narrow == wide
    elif wide == "same":
        assert narrow in ("same", "slower", "faster")


@given(zone=_ZONES)
def test_a_change_within_half_the_zone_is_never_called_and_one_beyond_it_all_is(
    zone: float,
) -> None:
    half, whole = edge(zone), 1 + zone
    assert half * half == pytest.approx(whole)
    assert verdict(1 / half, half, zone) == "same"
    assert verdict(half, half, zone) == "same"
    assert verdict(math.nextafter(half, 20), half * 2, zone) == "slower"
    assert verdict(half, 2 * whole, zone) == "undecided"
    assert verdict(1, whole, zone) == "undecided"
    assert verdict(1 / whole, 1, zone) == "undecided"


def test_no_interval_is_no_verdict() -> None:
    assert verdict(0.0, math.inf) == "undecided"
    assert verdict(math.nan, math.nan) == "undecided"
    assert verdict(2.0, math.inf) == "slower"
    assert verdict(0.0, 0.5) == "faster"
