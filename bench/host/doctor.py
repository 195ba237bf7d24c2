"""Examination of this machine: what makes figures worse, how noisy it is now, what mends it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

State = Literal["fine", "worse", "unknown"]

_CPU = Path("/sys/devices/system/cpu")
_SAMPLES = 200
_COPIED = 2**16
_NOISY = 0.1
"""Spread between the first and the ninth decile, over the median, from which a loop is noisy."""


@dataclass(frozen=True)
class Finding:
    """One thing examined: what was observed, and the command or habit that mends it if need be."""

    name: str
    state: State
    observed: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Look at everything; takes about two seconds."""
    return [look() for look in _LOOKS]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _load() -> Finding:
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    observed = f"{load:.2f} on {cores} cores over the last minute"
    busy = load > 0.25 * cores
    return Finding(
        "load",
        "worse" if busy else "fine",
        observed,
        "stop other programs: top -o %CPU" if busy else "",
    )


def _steal() -> Finding:
    before = _cpu_times()
    time.sleep(0.5)
    after = _cpu_times()
    if not before or len(before) < 8:
        return Finding("steal", "unknown", "/proc/stat does not say")
    spent = [b - a for a, b in zip(before, after, strict=True)]
    share = spent[7] / max(sum(spent), 1)
    remedy = (
        "take a machine of your own: another one on this host uses its CPUs"
        if share > 0.005
        else ""
    )
    return Finding(
        "steal",
        "worse" if remedy else "fine",
        f"{share:.1%} of the CPU time went elsewhere",
        remedy,
    )


def _cpu_times() -> list[int]:
    line = _read(Path("/proc/stat")).split("\n")[0].split()
    return [int(field) for field in line[1:]]


def _virtual() -> Finding:
    virtual = "hypervisor" in _read(Path("/proc/cpuinfo"))
    if not virtual:
        return Finding("virtual machine", "fine", "no hypervisor seen")
    observed = "a hypervisor: neighbours share caches, memory and frequency unseen"
    return Finding(
        "virtual machine", "worse", observed, "trust ratios taken in one run, not digits"
    )


def _governor() -> Finding:
    governor = _read(_CPU / "cpu0/cpufreq/scaling_governor")
    if not governor:
        return Finding(
            "governor", "unknown", "the system does not say (usual in a virtual machine)"
        )
    slow = governor != "performance"
    return Finding(
        "governor",
        "worse" if slow else "fine",
        governor,
        "sudo cpupower frequency-set -g performance" if slow else "",
    )


def _turbo() -> Finding:
    no_turbo, boost = _read(_CPU / "intel_pstate/no_turbo"), _read(_CPU / "cpufreq/boost")
    if not no_turbo and not boost:
        return Finding("turbo", "unknown", "the system does not say")
    if no_turbo == "1" or boost == "0":
        return Finding("turbo", "fine", "off")
    path = "intel_pstate/no_turbo" if no_turbo else "cpufreq/boost"
    value = 1 if no_turbo else 0
    return Finding(
        "turbo",
        "worse",
        "on: frequency follows temperature",
        f"echo {value} | sudo tee {_CPU / path}",
    )


def _hyperthreads() -> Finding:
    active = _read(_CPU / "smt/active")
    if active != "1":
        return Finding(
            "hyperthreads",
            "fine" if active else "unknown",
            "off" if active else "the system does not say",
        )
    return Finding(
        "hyperthreads",
        "worse",
        "on: two threads share a core",
        f"echo off | sudo tee {_CPU / 'smt/control'}",
    )


def _thermal() -> Finding:
    counts = [_read(path) for path in _CPU.glob("cpu*/thermal_throttle/core_throttle_count")]
    if not counts:
        return Finding("thermal", "unknown", "the system does not say")
    throttled = sum(int(count or 0) for count in counts)
    return Finding(
        "thermal",
        "worse" if throttled else "fine",
        f"throttled {throttled} times since boot",
        "let it cool, clean the fans" if throttled else "",
    )


def _huge_pages() -> Finding:
    setting = _read(Path("/sys/kernel/mm/transparent_hugepage/enabled"))
    chosen = setting.partition("[")[2].partition("]")[0]
    if not chosen:
        return Finding("huge pages", "unknown", "the system does not say")
    always = chosen == "always"
    observed = f"{chosen}: a fresh output costs a page fault every {'2 MiB' if always else '4 KiB'}"
    return Finding(
        "huge pages",
        "fine" if always else "worse",
        observed,
        "" if always else "echo always | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
    )


def _compiler() -> Finding:
    name = os.environ.get("CXX", "g++")
    path = shutil.which(name)
    if path:
        return Finding("compiler", "fine", path)
    return Finding(
        "compiler",
        "worse",
        f"no {name}: PyTorch's compiled mode is unsupported",
        "sudo apt-get install g++, or set CXX",
    )


def _thread_limits() -> Finding:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    limits = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    quota = _read(Path("/sys/fs/cgroup/cpu.max")).split(" ")[0]
    if quota not in ("", "max"):
        limits.append(f"a quota of {int(quota) / 1e5:g} CPUs")
    if not limits:
        return Finding(
            "thread limits", "fine", f"none; {len(os.sched_getaffinity(0))} CPUs may be used"
        )
    return Finding(
        "thread limits", "worse", ", ".join(limits), "unset the variables; lift the quota"
    )


def _noise(name: str, what: str, work: Callable[[], object]) -> Finding:
    """Time a loop that always does the same: what differs is the machine's doing."""
    times = np.array(list(_timed(work)))
    low, middle, high = np.percentile(times, [10, 50, 90])
    spread = (high - low) / middle
    observed = f"{what} takes {middle / 1e3:.1f} µs, four in five times within {spread:.0%}"
    noisy = spread > _NOISY
    return Finding(
        name,
        "worse" if noisy else "fine",
        observed,
        "wait for a quieter hour, or take more --rounds and --epochs" if noisy else "",
    )


def _timed(work: Callable[[], object]) -> Iterator[int]:
    for _ in range(_SAMPLES):
        work()
        started = time.perf_counter_ns()
        work()
        yield time.perf_counter_ns() - started


def _empty_noise() -> Finding:
    return _noise("noise, empty loop", "a loop of 10,000", lambda: [None for _ in range(10_000)])


def _copy_noise() -> Finding:
    source = np.ones(_COPIED, np.float32)
    target = np.empty_like(source)

    def work() -> None:
        for _ in range(50):
            np.copyto(target, source)

    return _noise("noise, copy loop", f"copying {_COPIED:,} float32 50 times", work)


_LOOKS: tuple[Callable[[], Finding], ...] = (
    _load,
    _steal,
    _virtual,
    _governor,
    _turbo,
    _hyperthreads,
    _thermal,
    _huge_pages,
    _compiler,
    _thread_limits,
    _empty_noise,
    _copy_noise,
)
