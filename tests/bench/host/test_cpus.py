"""The CPUs that are measured on, and cores of several kinds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from actbench.bench.host import cpus
from actbench.bench.host.cpus import (
    capacity,
    core_kinds,
    measuring_cpus,
    siblings,
    timed_cpus,
)

CPU = "sys/devices/system/cpu"


def _cores(root: Path, capacities: Sequence[object], name: str = "cpu_capacity") -> Path:
    """A tree whose CPUs say so much in files of a name."""
    for cpu, value in enumerate(capacities):
        file = root / CPU / f"cpu{cpu}" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n")
    return root


@pytest.mark.parametrize(
    ("capacities", "threads", "expected"),
    [
        ([0, 0, 0, 0], 1, [3]),
        ([0, 0, 0, 0], 2, [2, 3]),
        ([1024, 1024, 400, 400], 1, [1]),
        ([400, 1024, 400, 1024], 3, [1, 2, 3]),
        ([0], 1, [0]),
    ],
)
def test_the_last_of_the_fastest_cpus_are_measured_on(
    capacities: list[int], threads: int, expected: list[int], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setattr(cpus, "available_cpus", lambda: list(range(len(capacities))))
    assert measuring_cpus(threads, _cores(tmp_path, capacities)) == expected


@pytest.mark.parametrize(
    ("shared", "threads", "expected"),
    [
        (["0-1", "0-1", "2-3", "2-3"], 1, [3]),
        (["0-1", "0-1", "2-3", "2-3"], 2, [1, 3]),
        (["0-1", "0-1", "2-3", "2-3"], 3, [1, 2, 3]),
        (["0,2", "1,3", "0,2", "1,3"], 2, [2, 3]),
        (["0,2", "1,3", "0,2", "1,3"], 8, [0, 1, 2, 3]),
        (["0", "1", "2", "3"], 2, [2, 3]),
    ],
)
def test_no_core_is_measured_on_twice_while_another_is_free(
    shared: list[str], threads: int, expected: list[int], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setattr(cpus, "available_cpus", lambda: [0, 1, 2, 3])
    root = _cores(tmp_path, shared, "topology/thread_siblings_list")
    assert measuring_cpus(threads, root) == expected


def test_siblings_are_those_that_may_be_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cpus, "available_cpus", lambda: [1, 2, 3])
    assert siblings(tmp_path) == []
    _cores(tmp_path, ["0-1", "0-1", "2-3", "2-3"], "topology/thread_siblings_list")
    assert siblings(tmp_path) == [(2, 3)]
    _cores(tmp_path, ["0,2", "1,3", "0,2", "1,3"], "topology/core_cpus_list")
    assert siblings(tmp_path) == [(1, 3)], "the name of today counts"


def test_a_capacity_is_the_system_s_or_a_frequency(tmp_path: Path) -> None:
    assert capacity(0, tmp_path) == 0
    _cores(tmp_path, [3_000_000], "cpufreq/cpuinfo_max_freq")
    assert capacity(0, tmp_path) == 3_000_000
    assert capacity(0, _cores(tmp_path, [1024])) == 1024


def _kinds(root: Path, **listed: str) -> Path:
    """A tree in which the system lists the CPUs of each kind of core."""
    for kind, cpus_of in listed.items():
        file = root / f"sys/devices/cpu_{kind}/cpus"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{cpus_of}\n")
    return root


def test_kinds_of_cores_are_named_where_there_are_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpus, "available_cpus", lambda: [0, 1, 2])
    root = tmp_path
    assert core_kinds(root) == {}
    assert core_kinds(_cores(root, [1024] * 3)) == {}
    assert core_kinds(_cores(root, [512, 1024, 512])) == {"512": [0, 2], "1024": [1]}
    _kinds(root, core="0-1,4", atom="2-3")
    assert core_kinds(root) == {"atom": [2], "core": [0, 1]}, "the system's own, that may be used"
    monkeypatch.setattr(cpus, "available_cpus", lambda: [0, 1])
    assert core_kinds(root) == {}, "confined to one kind"


FREQUENCY = "cpufreq/cpuinfo_max_freq"


@pytest.mark.parametrize(
    ("frequencies", "kinds", "timed"),
    [
        ([5_100_000, 5_000_000, 3_500_000, 3_500_000], [[0, 1], [2, 3]], [0, 1]),  # Zen 4 and 4c
        ([5_250_000, 5_250_000, 5_750_000, 5_750_000], [], [0, 1, 2, 3]),  # favoured, of one kind
        ([1000, 950, 600, 300], [[0, 1], [2], [3]], [0, 1]),
        ([3_000_000, "", 3_000_000, "n/a"], [[0, 2], [1, 3]], [0, 2]),
        (["", "", "", ""], [], [0, 1, 2, 3]),
    ],
)
@pytest.mark.parametrize("name", ["cpu_capacity", FREQUENCY])
def test_kinds_are_distinguished_by_their_speed_where_the_system_names_none(
    name: str, frequencies: list[object], kinds: list[list[int]], timed: list[int],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setattr(cpus, "available_cpus", lambda: [0, 1, 2, 3])
    root = _cores(tmp_path, frequencies, name)
    assert list(core_kinds(root).values()) == kinds
    assert timed_cpus(root) == timed


@pytest.mark.parametrize(
    ("frequencies", "timed"),
    [([], [0, 1, 2, 3]), ([1, 1, 1, 1, 2, 2], [4, 5]), ([3, 3, 3, 3, 2, 2], [0, 1, 2, 3])],
)
def test_the_fastest_kind_is_that_of_the_highest_frequency_or_the_system_s_name(
    frequencies: list[int], timed: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cpus, "available_cpus", lambda: list(range(6)))
    root = _cores(_kinds(tmp_path, core="0-3", atom="4-5"), frequencies, FREQUENCY)
    assert timed_cpus(root) == timed


@pytest.mark.parametrize(
    ("threads", "expected"),
    [(1, [3]), (2, [1, 3]), (3, [1, 2, 3]), (4, [0, 1, 2, 3]), (5, [0, 1, 2, 3, 7])],
)
def test_slow_cores_are_measured_on_only_where_the_fast_ones_are_taken_twice(
    threads: int, expected: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cpus, "available_cpus", lambda: list(range(8)))
    root = _kinds(tmp_path, core="0-3", atom="4-7")
    shared = ["0-1", "0-1", "2-3", "2-3", "4", "5", "6", "7"]
    _cores(root, shared, "topology/thread_siblings_list")
    _cores(root, [5_000_000] * 4 + [3_900_000] * 4, FREQUENCY)
    assert measuring_cpus(threads, root) == expected
