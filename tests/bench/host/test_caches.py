"""The levels that a curve shows: of plain hosts, clouds, odd ones, and under noise."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.host import caches as rooms
from actbench.bench.host.caches import Caches, Level, Worth, levels
from actbench.bench.host.curve import Copied, _sets, measured

KIB, MIB, GIB = 2**10, 2**20, 2**30
Steps = Sequence[tuple[int, float]]
"""Bytes of each level with the ns per byte within; the last ones hold beyond all."""


def curve(steps: Steps, largest: int, noise: float = 0.0, seed: int = 0) -> list[Copied]:
    """A copy's curve on a machine of such levels: each is left within the octave behind its end.

    Noise adds to a time, up to so much of it.
    """
    chance = random.Random(seed)

    def cost(size: int) -> float:
        value = steps[0][1]
        for (end, below), (_, beyond) in pairwise(steps):
            gone = min(max((size - end) / end, 0.0), 1.0)
            value += (beyond - below) * gone
        return value * (1 + noise * chance.random())

    return [Copied(size, cost(size)) for size in _sets(largest)]


XEON = ((48 * KIB, 0.01), (2 * MIB, 0.016), (32 * MIB, 0.03), (GIB, 0.09))
XEON_NOMINAL = {"L1d": 48 * KIB, "L1i": 32 * KIB, "L2": 2 * MIB, "L3": 32 * MIB}


def test_a_plain_host_has_the_levels_that_it_says() -> None:
    found = levels(curve(XEON, 256 * MIB), XEON_NOMINAL)
    assert [level.bytes for level in _all(found)] == [48 * KIB, 2 * MIB, 32 * MIB]
    assert [level.worth for level in _all(found)] == [Worth.SEEN] * 3
    assert all(level.nominal / 2 <= level.measured <= 2 * level.nominal for level in _all(found))


def _all(found: Caches) -> tuple[Level, Level, Level]:
    return found.first, found.second, found.last


def test_without_a_word_of_the_system_the_curve_alone_says_it() -> None:
    found = levels(curve(XEON, 256 * MIB), {})
    for level, end in zip(_all(found), (48 * KIB, 2 * MIB, 32 * MIB), strict=True):
        assert level.bytes == level.measured
        assert end / 2 <= level.bytes <= 2 * end


def test_a_guest_gets_a_part_of_a_nominal_last_level() -> None:
    part = (*XEON[:2], (40 * MIB, 0.03), (GIB, 0.09))
    found = levels(curve(part, GIB), {**XEON_NOMINAL, "L3": 480 * MIB})
    assert found.last.worth is Worth.SEEN
    assert 28 * MIB <= found.last.bytes == found.last.measured <= 80 * MIB


def test_a_nominal_last_level_that_memory_does_not_allow_to_leave_has_no_end() -> None:
    found = levels(curve((*XEON[:2], (480 * MIB, 0.03)), 256 * MIB), {"L3": 480 * MIB})
    assert (found.last.worth, found.last.bytes) == (Worth.ENDLESS, 480 * MIB)


def test_a_curve_that_rises_to_its_end_has_no_end_either() -> None:
    rising = (*XEON[:2], (140 * MIB, 0.02), (GIB, 0.09))
    found = levels(curve(rising, 256 * MIB), {})
    assert found.last.worth is Worth.ENDLESS
    assert found.last.bytes >= 128 * MIB


@pytest.mark.parametrize("nominal", [{}, XEON_NOMINAL, {"L1d": 48 * KIB, "L2": 2 * MIB}])
def test_a_last_level_that_no_copy_sees_is_none(nominal: dict[str, int]) -> None:
    """No third level; or one that is no faster than memory, of which a guest gets no part."""
    flat = ((48 * KIB, 0.01), (2 * MIB, 0.016), (GIB, 0.09))
    found = levels(curve(flat, 256 * MIB), nominal)
    assert found.last.worth is Worth.NOT_SEEN
    assert found.last.bytes == found.second.bytes


def test_levels_that_stream_alike_have_their_nominal_sizes() -> None:
    """Prefetching hides the inner levels of many processors."""
    found = levels(curve(((32 * MIB, 0.014), (GIB, 0.04)), 256 * MIB), XEON_NOMINAL)
    assert [level.bytes for level in _all(found)] == [48 * KIB, 2 * MIB, 32 * MIB]
    assert [level.worth for level in _all(found)] == [Worth.NOT_SEEN, Worth.NOT_SEEN, Worth.SEEN]


def test_a_second_level_of_which_little_is_had_has_what_is_seen() -> None:
    shared = ((48 * KIB, 0.01), (300 * KIB, 0.016), (32 * MIB, 0.04), (GIB, 0.09))
    found = levels(curve(shared, 256 * MIB), XEON_NOMINAL)
    assert found.second.worth is Worth.SEEN
    assert 150 * KIB <= found.second.bytes <= 600 * KIB


def test_nothing_measured_and_nothing_said_leaves_the_usual() -> None:
    found = levels([], {})
    assert (found.first.bytes, found.second.bytes) == (32 * KIB, MIB)
    assert found.last == Level(MIB, worth=Worth.ENDLESS)


@st.composite
def hosts(draw: st.DrawFn) -> tuple[dict[str, int], Steps]:
    """Levels as processors have them, each a quarter dearer than the one before at the least."""
    first = draw(st.sampled_from([32, 48, 64, 128])) * KIB
    second = first * draw(st.sampled_from([8, 16, 32, 40]))
    last = second * draw(st.sampled_from([8, 16, 20, 40]))
    costs = [0.01]
    for _ in range(3):
        costs.append(costs[-1] * draw(st.floats(1.5, 4)))
    ends = (first, second, last, 8 * last)
    return dict(zip(("L1d", "L2", "L3"), ends, strict=False)), list(zip(ends, costs, strict=True))


@given(hosts(), st.floats(0, 0.08), st.integers(0, 2**16), st.booleans())
def test_every_level_is_found_within_a_factor_of_two(
    host: tuple[dict[str, int], Steps], noise: float, seed: int, said: bool
) -> None:
    nominal, steps = host
    copies = curve(steps, 8 * nominal["L3"], noise, seed)
    last = levels(copies, nominal if said else {"L2": nominal["L2"]}).last
    assert last.worth is Worth.SEEN
    assert nominal["L3"] / 2 <= last.measured <= 2 * nominal["L3"]
    if said:
        assert [level.bytes for level in _all(levels(copies, nominal))] == list(nominal.values())


points = st.lists(st.floats(0, 1e3), max_size=40)
any_nominal = st.dictionaries(
    st.sampled_from(["L1d", "L1i", "L2", "L3", "L4"]), st.integers(1, 2**40)
)


@given(points, any_nominal)
def test_whatever_is_measured_and_said_there_are_levels(
    times: list[float], nominal: dict[str, int]
) -> None:
    copies = [Copied(size, time) for size, time in zip(_sets(2**34), times, strict=False)]
    found = levels(copies, nominal)
    assert min(level.bytes for level in _all(found)) > 0
    assert found.last.bytes >= found.second.bytes
    assert found.copies == tuple(copies)


@given(st.integers(2**14, 2**34))
def test_sets_rise_two_to_an_octave(largest: int) -> None:
    sets = list(_sets(largest))
    assert sets[0] == 2**14
    assert largest / 1.5 < sets[-1] <= largest
    assert all(1.3 < large / small < 1.5 for small, large in pairwise(sets))


def test_a_measured_curve_has_a_time_for_every_set() -> None:
    copies = measured(2**17)
    assert [copy.bytes for copy in copies] == list(_sets(2**17))
    assert all(0 <= copy.nanoseconds < 100 for copy in copies)


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    rooms.caches.cache_clear()
    yield tmp_path
    rooms.caches.cache_clear()


def test_what_was_measured_is_kept_for_other_processes(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "_nominal", lambda: XEON_NOMINAL)
    asked: list[int] = []

    def once(largest: int) -> list[Copied]:
        asked.append(largest)
        return curve(XEON, largest)

    fresh = rooms.anew(once)
    assert asked == [256 * MIB]
    assert rooms.caches() == fresh
    for file in own_folder.glob("**/*.json"):
        file.write_text("no curve")
    rooms.caches.cache_clear()
    monkeypatch.setattr(rooms, "anew", lambda: levels([], {}))
    assert rooms.caches() == levels([], {}), "what cannot be read is measured again"
