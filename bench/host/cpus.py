"""The CPUs that this process may use, and those of them that timed work runs on.

`root` is the top of the tree in which /sys lies.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

TOP = Path("/")
_CPU = "sys/devices/system/cpu"
_RANGE = re.compile(r"(\d+)(?:-(\d+))?", re.ASCII)
_SPEEDS = ("cpu_capacity", "cpufreq/cpuinfo_max_freq")
"""The files of a CPU that say how fast it is beside the others; the first that says so counts."""
_ALIKE = 0.85
"""The share of the fastest core's capacity that one of its kind has at least.

Favoured cores are up to a tenth faster than others of their kind; slow kinds have 0.8 at most.
"""
_FAST = "core"
_MOST = 2**16
"""The highest plausible number of a CPU: larger ones are a mistake."""


def available_cpus() -> list[int]:
    """The CPUs that this process may use."""
    return sorted(os.sched_getaffinity(0))


def measuring_cpus(threads: int, root: Path = TOP) -> list[int]:
    """The CPUs on which timed work runs, the same for every framework: the last of the fastest.

    A core that is there twice, as two CPUs, is taken a second time when all of its kind have been
    taken once; another kind of core only where all CPUs of the fastest are taken.
    """
    given, fastest = available_cpus(), set(timed_cpus(root))
    twins = {cpu: group for group in siblings(root) for cpu in group}
    later = {cpu: sum(twin > cpu for twin in twins.get(cpu, ())) for cpu in given}

    def last(cpu: int) -> tuple[object, ...]:
        return cpu not in fastest, later[cpu], -capacity(cpu, root), -cpu

    return sorted(sorted(given, key=last)[:threads])


def timed_cpus(root: Path = TOP) -> list[int]:
    """The CPUs that timed work may run on: those of the fastest kind of core.

    Where no kind says how fast it is, as in a virtual machine, Intel's name of the fast one counts.
    """
    kinds = core_kinds(root)
    speeds = {kind: max(capacity(cpu, root) for cpu in cpus) for kind, cpus in kinds.items()}
    fastest = max(kinds, key=lambda kind: (speeds[kind], kind == _FAST), default="")
    return kinds.get(fastest, available_cpus())


def capacity(cpu: int, root: Path = TOP) -> int:
    """The work that a CPU does beside the others, as far as the system distinguishes cores."""
    return next(filter(None, (whole(read(root / _CPU / f"cpu{cpu}" / n)) for n in _SPEEDS)), 0)


def core_kinds(root: Path = TOP) -> Mapping[str, list[int]]:
    """The CPUs of each kind of core, where those that may be used are mixed.

    `{"core": […], "atom": […]}`: kinds are the system's, or else those of about one capacity, or of
    about one highest frequency, by which they go. Empty where all cores are alike.
    """
    given = available_cpus()
    places = sorted((root / "sys/devices").glob("cpu_*/cpus"))
    listed = {place.parent.name.removeprefix("cpu_"): set(_listed(read(place))) for place in places}
    usable = {kind: [cpu for cpu in given if cpu in cpus] for kind, cpus in listed.items()}
    usable = {kind: cpus for kind, cpus in usable.items() if cpus} or _by_capacity(given, root)
    return usable if len(usable) > 1 else {}


def _by_capacity(given: Sequence[int], root: Path) -> dict[str, list[int]]:
    """The CPUs by the highest capacity of their kind; each kind is clearly slower than the next."""
    capacities = {cpu: capacity(cpu, root) for cpu in given}
    by_capacity: dict[int, list[int]] = {}
    for cpu in sorted(given, key=lambda cpu: -capacities[cpu]):
        kind = min(by_capacity, default=0)
        if not by_capacity or capacities[cpu] < _ALIKE * kind:
            kind = capacities[cpu]
        by_capacity.setdefault(kind, []).append(cpu)
    return {str(kind): sorted(cpus) for kind, cpus in by_capacity.items()}


def siblings(root: Path = TOP) -> list[tuple[int, ...]]:
    """The CPUs that may be used and share a core with another one of them, core by core."""
    given = set(available_cpus())
    groups = dict.fromkeys(_of_core(cpu, root) for cpu in sorted(given))
    shared = [tuple(sorted(given & set(group))) for group in groups]
    return [group for group in dict.fromkeys(shared) if len(group) > 1]


def _of_core(cpu: int, root: Path) -> tuple[int, ...]:
    topology = root / _CPU / f"cpu{cpu}/topology"
    names = ("core_cpus_list", "thread_siblings_list")
    return tuple(_listed(next(filter(None, (read(topology / name) for name in names)), "")))


def _listed(text: str) -> Iterator[int]:
    """The numbers of a list as the system writes it: `0-3,8`; empty for any other text."""
    for part in text.split(","):
        if match := _RANGE.fullmatch(part.strip()):
            low, high = int(match[1]), int(match[2] or match[1])
            yield from range(low, min(high + 1, _MOST))


def read(path: Path) -> str:
    """The text of a file of the system, without blanks around it; empty where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except (OSError, ValueError):
        return ""


def whole(text: str) -> int:
    """The number in a text; 0 for other text, or a limit without effect."""
    return int(text) if re.fullmatch(r"\d{1,30}", text, re.ASCII) else 0
