"""The CPUs that this process may use, and those of them that timed work runs on.

`root` is the top of the tree in which /sys lies.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

TOP = Path("/")
_CPU = "sys/devices/system/cpu"
_RANGE = re.compile(r"(\d+)(?:-(\d+))?", re.ASCII)
_MOST = 2**16
"""Numbers that CPUs have at most: more are a mistake."""


def available_cpus() -> list[int]:
    """The CPUs that this process may use."""
    return sorted(os.sched_getaffinity(0))


def measuring_cpus(threads: int, root: Path = TOP) -> list[int]:
    """The CPUs on which timed work runs, the same for every framework: the last of the fastest.

    A core that is there twice, as two CPUs, is taken a second time when all have been taken once.
    """
    given = available_cpus()
    twins = {cpu: group for group in siblings(root) for cpu in group}
    later = {cpu: sum(twin > cpu for twin in twins.get(cpu, ())) for cpu in given}
    best = sorted(given, key=lambda cpu: (later[cpu], -capacity(cpu, root), -cpu))
    return sorted(best[:threads])


def capacity(cpu: int, root: Path = TOP) -> int:
    """The work that a CPU does beside the others, as far as the system tells cores apart."""
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        if number := whole(read(root / _CPU / f"cpu{cpu}" / name)):
            return number
    return 0


def core_kinds(root: Path = TOP) -> Mapping[str, list[int]]:
    """The CPUs of each kind of core, where a machine mixes them: `{"core": […], "atom": […]}`.

    Kinds are the system's, or else capacities. Empty where all cores are alike.
    """
    found: dict[str, list[int]] = {}
    for place in sorted((root / "sys/devices").glob("cpu_*/cpus")):
        found[place.parent.name.removeprefix("cpu_")] = list(_listed(read(place)))
    if not found:
        for cpu in available_cpus():
            found.setdefault(read(root / _CPU / f"cpu{cpu}/cpu_capacity"), []).append(cpu)
    return found if len(found) > 1 else {}


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
    """The numbers of a list as the system writes it: `0-3,8`; none of what is no such list."""
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
    """The number that a text is; 0 where it is none, or a limit that is no limit."""
    return int(text) if re.fullmatch(r"\d{1,30}", text, re.ASCII) else 0
