"""An examination of this machine: what makes figures worse, how noisy it is, what to do."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from . import cache, environment, machine
from .caches import Level, Worth, anew
from .cpus import TOP, available_cpus, core_kinds, read, siblings, timed_cpus, whole
from .curve import Copied
from .limits import cpu_quota

State = Literal["fine", "worse", "unknown"]

_CPU = "sys/devices/system/cpu"
_SAMPLES = 200
_COPIED = 2**16
_BAR = 40
_FEW = 4
"""The most cores that are listed."""
_NOISY = 0.1
"""The range from the first to the ninth decile, over the median, from which a loop is noisy."""


@dataclass(frozen=True)
class Finding:
    """One thing examined: the observation, and the command or habit that improves it if needed.

    `lines` show the observation in detail.
    """

    name: str
    state: State
    observed: str
    remedy: str = ""
    lines: tuple[str, ...] = ()


def examine(root: Path = TOP) -> list[Finding]:
    """Examine everything; takes about three seconds.

    `root` is the top of the tree in which /proc and /sys lie.
    """
    return [*(look(root) for look in _OF_SYSTEM), *(look() for look in _OF_PROCESS)]


def _load(root: Path) -> Finding:
    load, cores = os.getloadavg()[0], machine.cores(root)
    observed = f"{load:.2f} on {cores} CPUs over the last minute"
    busy = load > 0.25 * cores
    return Finding(
        "load",
        "worse" if busy else "fine",
        observed,
        "stop other programs: top -o %CPU" if busy else "",
    )


def _steal(root: Path) -> Finding:
    before = _cpu_times(root)
    time.sleep(0.5)
    after = _cpu_times(root)
    if len(before) < 8:
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


def _cpu_times(root: Path) -> list[int]:
    return [whole(field) for field in read(root / "proc/stat").partition("\n")[0].split()[1:]]


def _virtual(root: Path) -> Finding:
    virtual = machine.is_virtual(root)
    if virtual is None:
        return Finding("virtual machine", "unknown", "the system does not say")
    if not virtual:
        return Finding("virtual machine", "fine", "no hypervisor seen")
    observed = "a hypervisor: neighbours share caches, memory and frequency unseen"
    return Finding(
        "virtual machine", "worse", observed, "trust ratios taken in one run, not digits"
    )


def _governor(root: Path) -> Finding:
    governor = read(root / _CPU / "cpu0/cpufreq/scaling_governor")
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


def _turbo(root: Path) -> Finding:
    no_turbo, boost = (
        read(root / _CPU / "intel_pstate/no_turbo"),
        read(root / _CPU / "cpufreq/boost"),
    )
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
        f"echo {value} | sudo tee /{_CPU}/{path}",
    )


def _hyperthreads(root: Path) -> Finding:
    active, twins = read(root / _CPU / "smt/active"), siblings(root)
    if active != "1" and not twins:
        return Finding(
            "hyperthreads",
            "fine" if active else "unknown",
            "off" if active else "the system does not say",
        )
    shared = "; ".join(" and ".join(map(str, group)) for group in twins[:_FEW])
    more = f"; and {len(twins) - _FEW} more" if len(twins) > _FEW else ""
    here = f": CPUs {shared}{more}" if twins else ", none of which may be used twice here"
    return Finding(
        "hyperthreads",
        "worse",
        f"on: two threads share a core{here}",
        f"echo off | sudo tee /{_CPU}/smt/control",
    )


def _thermal(root: Path) -> Finding:
    places = (root / _CPU).glob("cpu*/thermal_throttle/core_throttle_count")
    counts = list(map(read, places))
    if not counts:
        return Finding("thermal", "unknown", "the system does not say")
    throttled = sum(map(whole, counts))
    return Finding(
        "thermal",
        "worse" if throttled else "fine",
        f"throttled {throttled} times since boot",
        "let it cool, clean the fans" if throttled else "",
    )


def _huge_pages(root: Path) -> Finding:
    setting = read(root / "sys/kernel/mm/transparent_hugepage/enabled")
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


def _thread_limits(root: Path) -> Finding:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    limits = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    quota, given, there = cpu_quota(root), available_cpus(), os.cpu_count() or 0
    if quota is not None:
        limits.append(
            f"a quota of {quota:g} CPUs, so that --threads all is {machine.most_threads(root)}"
        )
    if len(given) < there:
        limits.append(f"a set of {len(given)} CPUs of {there}")
    if not limits:
        return Finding("thread limits", "fine", f"none; {len(given)} CPUs may be used")
    remedy = "unset the variables; lift the quota; leave the set, if it is not there on purpose"
    return Finding("thread limits", "worse", ", ".join(limits), remedy)


def _variables() -> Finding:
    """The variables that choose code, which a run records, and NumPy's CPU features."""
    features = f"NumPy uses {' '.join(environment.features()) or 'what it does not say'}"
    variables = environment.choosing(os.environ)
    if not variables:
        return Finding("code chosen by variables", "fine", f"none set; {features}")
    observed = ", ".join(f"{name}={value}" for name, value in variables.items())
    remedy = f"unset those that are not there on purpose: unset {' '.join(variables)}"
    return Finding("code chosen by variables", "worse", f"{observed}; {features}", remedy)


def _cores(root: Path) -> Finding:
    """The CPUs that are measured on, where cores differ."""
    kinds, timed = core_kinds(root), timed_cpus(root)
    if not kinds:
        return Finding("cores", "fine", "all of one kind")
    mixed = ", ".join(f"{len(cpus)} of {kind}" for kind, cpus in kinds.items())
    own = next(kind for kind, cpus in kinds.items() if cpus == timed)
    return Finding(
        "cores",
        "fine",
        f"of several kinds ({mixed}); timed work runs on the {len(timed)} of {own} alone, so that "
        f"--threads all is {machine.most_threads(root)}",
    )


def _caches() -> Finding:
    """The ends of the caches, measured now, with the curve that shows them."""
    known = anew()
    named = ("L1d", known.first), ("L2", known.second), ("last level", known.last)
    observed = "; ".join(f"{name} {_level(level)}" for name, level in named)
    lines = _curve(known.copies[::2])
    if known.last.worth is Worth.ENDLESS:
        remedy = "free some memory: what is copied takes an eighth of it, and 1 GiB at most"
        observed += ": no size is from memory"
        return Finding("caches", "worse", observed, remedy, lines)
    silent = not any(level.nominal for _, level in named)
    state: State = "unknown" if silent else "fine"
    return Finding("caches", state, observed, lines=lines)


def _level(level: Level) -> str:
    """`32 MiB, seen to end at 22 MiB`."""
    words = {
        Worth.SEEN: f"seen to end at {_size(level.measured)}",
        Worth.NOT_SEEN: "not distinguished from the next by a copy",
        Worth.ENDLESS: "not seen to end",
    }
    said = f"{_size(level.nominal)} by name" if level.nominal else "of a size that nobody says"
    return f"{said}, {words[level.worth]}"


def _size(count: int) -> str:
    return f"{count / 2**20:.3g} MiB" if count >= 2**20 else f"{count / 2**10:.3g} KiB"


def _curve(copies: Sequence[Copied]) -> tuple[str, ...]:
    """A bar per size: ns per byte of a copy, input and output together."""
    longest = max((copy.nanoseconds for copy in copies), default=0.0) or 1.0
    return tuple(
        f"{_size(copy.bytes):>8}  {copy.nanoseconds:.3f} ns per byte  "
        f"{'█' * round(_BAR * copy.nanoseconds / longest)}"
        for copy in copies
    )


def _noise(name: str, what: str, work: Callable[[], object]) -> Finding:
    """Time a loop that always does the same work: the machine causes any difference."""
    times = np.array(list(_timed(work)))
    low, middle, high = np.percentile(times, [10, 50, 90])
    spread = (high - low) / middle
    observed = f"{what} takes {middle / 1e3:.1f} µs, four in five times within {spread:.0%}"
    noisy = spread > _NOISY
    return Finding(
        name,
        "worse" if noisy else "fine",
        observed,
        "wait for a quieter hour, or take more --epochs" if noisy else "",
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


def _kept() -> Finding:
    """The folder of compiled code and exact values."""
    place = cache.kept()
    if place:
        return Finding("kept between runs", "fine", str(place))
    observed = "nothing: every run compiles and computes exact values anew"
    remedy = "name a folder without blanks that can be written: export XDG_CACHE_HOME=/var/tmp/mine"
    return Finding("kept between runs", "worse", observed, remedy)


_OF_SYSTEM: tuple[Callable[[Path], Finding], ...] = (
    _load,
    _steal,
    _virtual,
    _governor,
    _turbo,
    _hyperthreads,
    _thermal,
    _huge_pages,
    _thread_limits,
    _cores,
)
_OF_PROCESS: tuple[Callable[[], Finding], ...] = (
    _compiler,
    _variables,
    _kept,
    _caches,
    _empty_noise,
    _copy_noise,
)
