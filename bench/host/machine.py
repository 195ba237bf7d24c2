"""The facts of a host that a reader of a figure needs, from /proc and /sys; no host name."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .cpus import TOP, available_cpus, core_kinds, measuring_cpus, read, siblings, timed_cpus
from .limits import cpu_quota


@dataclass(frozen=True)
class Gpu:
    """A GPU by its name, and the version of its driver."""

    name: str
    driver: str = ""


@dataclass(frozen=True)
class Cpus:
    """The CPUs that this process may use, and the worth of CPUs that a quota leaves, if any.

    `kinds` has the CPUs by kind of core, where a machine mixes them, and `siblings` those of each
    core that is there as several CPUs. `timed` are those that timed work may run on: all of one
    kind, the fastest.
    """

    given: tuple[int, ...] = ()
    quota: float | None = None
    kinds: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    siblings: tuple[tuple[int, ...], ...] = ()
    timed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Machine:
    """A host as far as it reports; None where it does not.

    `caches` are nominal, by level and kind.
    """

    cpu: str | None = None
    architecture: str | None = None
    cores: int | None = None
    caches: Mapping[str, str] = field(default_factory=dict)
    memory_gib: float | None = None
    gpus: tuple[Gpu, ...] = ()
    virtual: bool | None = None
    governor: str | None = None
    system: str | None = None
    libc: str | None = None
    python: str | None = None
    compiler: str | None = None
    load: float | None = None
    cpus: Cpus = field(default_factory=Cpus)


@dataclass(frozen=True)
class Project:
    """The commit of a tree, and which changes are not committed."""

    commit: str = "unknown"
    changes: str = "unknown"


def facts(root: Path = TOP) -> Machine:
    """The CPU, caches, memory, system and load of this machine, as far as they are known.

    `root` is the top of the tree in which /proc and /sys lie.
    """
    [measured] = measuring_cpus(1, root)
    return Machine(
        cpu=_cpuinfo("model name", root) or platform.processor() or platform.machine(),
        architecture=platform.machine(),
        cores=cores(root),
        caches=_caches(measured, root),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        gpus=_gpus(),
        virtual=is_virtual(root),
        governor=read(root / f"sys/devices/system/cpu/cpu{measured}/cpufreq/scaling_governor")
        or "unknown",
        system=f"{platform.system()} {platform.release()}",
        libc=" ".join(platform.libc_ver()),
        python=platform.python_version(),
        compiler=_first_line("c++", "--version") or "none",
        load=round(os.getloadavg()[0], 2),
        cpus=Cpus(
            tuple(available_cpus()),
            cpu_quota(root),
            {kind: tuple(cpus) for kind, cpus in core_kinds(root).items()},
            tuple(siblings(root)),
            tuple(timed_cpus(root)),
        ),
    )


def cores(root: Path = TOP) -> int:
    """The number of CPUs that this process may use, or fewer where a quota allows fewer."""
    return _within(cpu_quota(root), len(available_cpus()))


def most_threads(root: Path = TOP) -> int:
    """The most threads that are timed: a CPU of the fastest kind each, or fewer by a quota."""
    return _within(cpu_quota(root), len(timed_cpus(root)))


def _within(quota: float | None, cpus: int) -> int:
    return cpus if quota is None else max(1, min(cpus, int(quota)))


def is_virtual(root: Path = TOP) -> bool | None:
    """Return whether a hypervisor is seen; None where the CPU does not report it."""
    flags = _cpuinfo("flags", root).split()
    return "hypervisor" in flags if flags else None


def _cpuinfo(key: str, root: Path) -> str:
    for line in read(root / "proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _caches(cpu: int = 0, root: Path = TOP) -> dict[str, str]:
    """Size by level and kind of a CPU's caches: {"L1d": "48K", ...}, as far as they are known."""
    sizes = {}
    for index in sorted((root / f"sys/devices/system/cpu/cpu{cpu}/cache").glob("index*")):
        kind = {"Data": "d", "Instruction": "i"}.get(read(index / "type"), "")
        level, size = read(index / "level"), read(index / "size")
        if level and _bytes(size):
            sizes[f"L{level}{kind}"] = size
    return sizes


def cache_bytes(cpu: int = 0, root: Path = TOP) -> dict[str, int]:
    """Bytes by level and kind of a CPU's caches: {"L1d": 49152, ...}; without those unknown."""
    return {name: _bytes(size) for name, size in _caches(cpu, root).items()}


_SIZE = re.compile(r"(\d{1,12})\s*([KMG]?)(?:i?B)?", re.ASCII | re.IGNORECASE)
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


def _bytes(size: str) -> int:
    """The bytes of `48K`, `48 KB` or `49152`; 0 for text without a number."""
    match = _SIZE.fullmatch(size)
    return int(match[1]) * _UNITS[match[2].upper()] if match else 0


def _gpus() -> tuple[Gpu, ...]:
    """The first GPU, which is the one that cases run on."""
    line = _first_line("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
    name, _, driver = line.rpartition(", ")
    return (Gpu(name, driver),) if line else ()


_GPU_STATE = (
    *("clocks.sm", "clocks.max.sm", "clocks.mem", "temperature.gpu", "power.draw"),
    "clocks_throttle_reasons.active",
)


def gpu_state() -> list[dict[str, str]]:
    """The current clocks (MHz), temperature (°C), power (W) and throttle bits of each GPU.

    As nvidia-smi reports them; empty without it.
    """
    query = f"--query-gpu={','.join(_GPU_STATE)}"
    lines = _lines("nvidia-smi", query, "--format=csv,noheader,nounits")
    values = [[field.strip() for field in line.split(",")] for line in lines]
    return [dict(zip(_GPU_STATE, fields, strict=True)) for fields in values]


def _first_line(*command: str) -> str:
    return next(iter(_lines(*command)), "")


def _lines(*command: str) -> list[str]:
    """The lines that a command prints; none if it is missing or fails."""
    if not shutil.which(command[0]):
        return []
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in done.stdout.splitlines()] if done.returncode == 0 else []


def project() -> Project:
    """The commit of this tree and whether it has changes that are not committed."""
    commit = _first_line("git", "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD")
    changed = _first_line("git", "-C", str(Path(__file__).parent), "status", "--porcelain")
    return Project(commit or "unknown", "uncommitted" if changed else "none")
