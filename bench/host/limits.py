"""The limits of a control group: CPU time and memory, in cgroup v1 and v2."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from .cpus import TOP, read, whole

_PERIOD = 100_000
"""The microseconds of a period, where only a quota is given."""


def cpu_quota(root: Path = TOP) -> float | None:
    """The CPUs' worth of time that this process gets; None without a limit.

    The tightest limit of its group and of the groups around it applies.
    """
    quotas = []
    for group in _groups(root, "cpu"):
        quota, period = [*read(group / "cpu.max").split(), "", ""][:2]
        if not quota:
            quota, period = (read(group / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        if whole(quota):
            quotas.append(whole(quota) / (whole(period) or _PERIOD))
    return min(quotas, default=None)


def available_memory(root: Path = TOP) -> int:
    """The bytes available without swapping, in the machine and in every surrounding group."""
    free = _field(root / "proc/meminfo", "MemAvailable:") * 2**10
    left = [
        limit - whole(read(group / used)) + _field(group / "memory.stat", "inactive_file")
        for group in _groups(root, "memory")
        for name, used in _MEMORY
        if (limit := whole(read(group / name)))
    ]
    return max(min([free, *left]), 0)


_MEMORY = (
    ("memory.max", "memory.current"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes"),
)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The group of this process and those around it, in the hierarchy that has a controller."""
    for line in read(root / "proc/self/cgroup").splitlines():
        _, names, path = [*line.split(":", 2), "", ""][:3]
        if not path or (names and controller not in names.split(",")):
            continue
        for mount, top in _mounts(root, names, controller):
            group = PurePosixPath(path)
            inside = group.relative_to(top) if group.is_relative_to(top) else group
            for place in (inside, *inside.parents):
                yield mount / str(place).lstrip("/")


def _mounts(root: Path, names: str, controller: str) -> Iterator[tuple[Path, str]]:
    """The places where a hierarchy is mounted, and the group at the top of each.

    As the system reports them, and the usual place: a container may see a part of the hierarchy, at
    another place.
    """
    for line in read(root / "proc/self/mountinfo").splitlines():
        fields, _, system = line.partition(" - ")
        top, place = [*fields.split(), *[""] * 5][3:5]
        kind, _, options = (*system.split(), "", "", "")[:3]
        controls = kind == "cgroup" and controller in options.split(",")
        if controls if names else kind == "cgroup2":
            yield root / _unescaped(place).lstrip("/"), _unescaped(top)
    usual = root / "sys/fs/cgroup"
    for mount in (usual / controller, usual / names) if names else (usual, usual / "unified"):
        yield mount, "/"


def _unescaped(text: str) -> str:
    """A path of mountinfo, whose blanks and backslashes are written as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _field(path: Path, name: str) -> int:
    """The number after a name at the start of a line."""
    lines = ([*line.split(), "", ""] for line in read(path).splitlines())
    return next((whole(words[1]) for words in lines if words[0] == name), 0)
