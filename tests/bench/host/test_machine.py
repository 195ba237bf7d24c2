"""Facts of machines, in trees as systems have them: hybrid, divided, silent, odd."""

from __future__ import annotations

from pathlib import Path

import pytest

from actbench.bench.host import cpus, doctor, machine
from actbench.bench.host.doctor import Finding
from actbench.bench.host.machine import cache_bytes, cores, facts, most_threads

CPU = "sys/devices/system/cpu"
KIB, MIB = 2**10, 2**20


def _tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    return root


def _cache(index: int, level: str, kind: str, size: str) -> dict[str, str]:
    place = f"{CPU}/cpu0/cache/index{index}"
    return {f"{place}/level": level, f"{place}/type": kind, f"{place}/size": size}


@pytest.fixture
def four(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four CPUs that may be used."""
    for module in (cpus, machine, doctor):
        monkeypatch.setattr(module, "available_cpus", lambda: [0, 1, 2, 3])


HYBRID = {
    "sys/devices/cpu_core/cpus": "0-1",
    "sys/devices/cpu_atom/cpus": "2-3",
    f"{CPU}/cpu0/topology/core_cpus_list": "0-1",
    f"{CPU}/cpu1/topology/core_cpus_list": "0-1",
    f"{CPU}/cpu2/topology/core_cpus_list": "2",
    f"{CPU}/cpu3/topology/core_cpus_list": "3",
    f"{CPU}/smt/active": "1",
    "proc/cpuinfo": "model name\t: A Hybrid\nflags\t\t: fpu sse hypervisor",
    "proc/self/cgroup": "0::/a/b",
    "sys/fs/cgroup/a/cpu.max": "250000 100000",
    "sys/fs/cgroup/a/b/cpu.max": "max 100000",
}


def test_a_hybrid_machine_with_a_quota_is_described_as_it_is(four: None, tmp_path: Path) -> None:
    found = facts(_tree(tmp_path, HYBRID))
    assert (found.cpu, found.virtual, found.cores) == ("A Hybrid", True, 2)
    assert found.cpus == machine.Cpus(
        given=(0, 1, 2, 3),
        quota=2.5,
        kinds={"core": (0, 1), "atom": (2, 3)},
        siblings=((0, 1),),
        timed=(0, 1),
    )


def test_a_hybrid_machine_has_the_caches_and_the_governor_of_what_is_measured(
    four: None, tmp_path: Path
) -> None:
    files = {
        "sys/devices/cpu_core/cpus": "2-3",
        "sys/devices/cpu_atom/cpus": "0-1",
        **_cache(0, "2", "Unified", "4M"),
        **{name.replace("cpu0", "cpu3"): t for name, t in _cache(0, "2", "Unified", "2M").items()},
        f"{CPU}/cpu0/cpufreq/scaling_governor": "powersave",
        f"{CPU}/cpu3/cpufreq/scaling_governor": "performance",
    }
    found = facts(_tree(tmp_path, files))
    assert (found.caches, found.governor) == ({"L2": "2M"}, "performance")


@pytest.mark.parametrize(
    ("quota", "expected"), [("max", 3), ("50000", 1), ("299999", 2), ("900000", 3)]
)
def test_no_more_threads_are_timed_than_there_are_cpus_of_the_fastest_kind(
    quota: str, expected: int, four: None, tmp_path: Path
) -> None:
    files = {
        "sys/devices/cpu_core/cpus": "0-2",
        "sys/devices/cpu_atom/cpus": "3",
        "proc/self/cgroup": "0::/",
        "sys/fs/cgroup/cpu.max": f"{quota} 100000",
    }
    assert most_threads(_tree(tmp_path, files)) == expected


@pytest.mark.parametrize(
    ("quota", "expected"), [("max", 4), ("50000", 1), ("100000", 1), ("399999", 3), ("900000", 4)]
)
def test_there_are_never_more_threads_than_cpus_that_may_be_used(
    quota: str, expected: int, four: None, tmp_path: Path
) -> None:
    files = {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": f"{quota} 100000"}
    assert cores(_tree(tmp_path, files)) == expected


def test_caches_have_the_sizes_that_are_written_in_any_way(tmp_path: Path) -> None:
    files = {
        **_cache(0, "1", "Data", "48K"),
        **_cache(1, "1", "Instruction", "0K"),
        **_cache(2, "2", "Unified", "2048 KB"),
        **_cache(3, "3", "Unified", "32 MiB"),
        **_cache(4, "4", "Unified", "134217728"),
        **_cache(5, "5", "Unified", "a lot"),
        **_cache(6, "", "Unified", "1M"),
    }
    assert cache_bytes(0, _tree(tmp_path, files)) == {
        "L1d": 48 * KIB, "L2": 2 * MIB, "L3": 32 * MIB, "L4": 128 * MIB,
    }  # fmt: skip


def test_a_system_that_says_nothing_is_described_without(four: None, tmp_path: Path) -> None:
    found = facts(tmp_path)
    assert (found.cores, found.caches, found.virtual) == (4, {}, None)
    assert found.cpus == machine.Cpus(given=(0, 1, 2, 3), timed=(0, 1, 2, 3))


# --- what the doctor says of them -----------------------------------------------------------------


def _examined(root: Path) -> dict[str, Finding]:
    return {look(root).name: look(root) for look in doctor._OF_SYSTEM if look is not doctor._steal}


def test_the_doctor_sees_what_a_run_keeps(four: None, tmp_path: Path) -> None:
    found = _examined(_tree(tmp_path, HYBRID))
    assert "a quota of 2.5 CPUs, so that --threads all is 2" in found["thread limits"].observed
    assert found["hyperthreads"].observed == "on: two threads share a core: CPUs 0 and 1"
    assert found["cores"].observed == (
        "of several kinds (2 of atom, 2 of core); timed work runs on the 2 of core alone, so that "
        "--threads all is 2"
    )
    assert found["virtual machine"].state == "worse"


def test_the_doctor_of_a_silent_system_knows_what_it_does_not_know(
    four: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.os, "cpu_count", lambda: 4)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    found = _examined(tmp_path)
    silent = {name for name, finding in found.items() if finding.state == "unknown"}
    assert silent == {
        "virtual machine", "governor", "turbo", "hyperthreads", "thermal", "huge pages",
    }  # fmt: skip
    assert found["cores"].state == found["thread limits"].state == "fine"


def test_the_doctor_is_not_put_off_by_odd_counts(four: None, tmp_path: Path) -> None:
    place = f"{CPU}/cpu0/thermal_throttle/core_throttle_count"
    assert "throttled 0 times" in _examined(_tree(tmp_path, {place: "n/a"}))["thermal"].observed
    assert "throttled 3 times" in _examined(_tree(tmp_path, {place: "3"}))["thermal"].observed
