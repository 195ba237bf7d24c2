"""The CPUs that this process may use, and those of them that timed work runs on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_CPU = Path("/sys/devices/system/cpu")


def available_cpus() -> list[int]:
    """The CPUs that this process may use."""
    return sorted(os.sched_getaffinity(0))


def measuring_cpus(threads: int) -> list[int]:
    """The CPUs on which timed work runs: the same for every framework, the last of the fastest."""
    given = available_cpus()
    return sorted(sorted(given, key=lambda cpu: (capacity(cpu), cpu))[-threads:])


def capacity(cpu: int, root: Path = _CPU) -> int:
    """The work that a CPU does beside the others, as far as the system tells cores apart."""
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        text = _read(root / f"cpu{cpu}" / name)
        if text.isdigit():
            return int(text)
    return 0


def core_kinds(root: Path = _CPU) -> Mapping[str, list[int]]:
    """The CPUs of each kind of core, where a machine mixes them: `{"core": […], "atom": […]}`.

    Kinds are the system's, or else capacities. Empty where all cores are alike.
    """
    found: dict[str, list[int]] = {}
    for place in sorted(root.parent.parent.glob("cpu_*/cpus")):
        found[place.parent.name.removeprefix("cpu_")] = _listed(place.read_text())
    if not found:
        for cpu in available_cpus():
            found.setdefault(_read(root / f"cpu{cpu}/cpu_capacity"), []).append(cpu)
    return found if len(found) > 1 else {}


def _listed(text: str) -> list[int]:
    """The numbers of a list as the system writes it: `0-3,8`."""
    ranges = (part.partition("-") for part in text.strip().split(",") if part)
    return [cpu for low, _, high in ranges for cpu in range(int(low), int(high or low) + 1)]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
