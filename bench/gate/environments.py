"""Versions that run in separate processes: two interpreters, or different environments.

Two installations of one version differ by up to 6 % in every process alike. This was measured for
calls of a microsecond between copies of NumPy, and changed when their files were read from the disk
again, so at least a part of it comes from where the system keeps them. No number of processes
averages it out. So between two interpreters the dead zone is wide enough never to call it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..catalog.frameworks import frameworks
from ..host.errors import UsageError
from ..timing.decisions import Design

_ARMS = ("base", "candidate")
_SCREENING = (6, 10, 14)
_CONFIRMATION = (8, 12, 16)
_LEAST_ZONE = 0.2
"""The least dead zone between two installations; half of it, 9.5 %, is never called."""
_INSTALLATIONS = (
    "Two installations of one version differ by up to 6% in every process alike, so the dead zone "
    f"is at least {_LEAST_ZONE:.0%}."
)


def design(shared: Design, installations: bool) -> Design:
    """The design of a gate with one process per arm: the same errors, more processes.

    Between two `installations` of the frameworks the dead zone is at least a fifth.
    """
    zone = max(shared.zone, _LEAST_ZONE) if installations else shared.zone
    return replace(shared, zone=zone, screening=_SCREENING, confirmation=_CONFIRMATION)


def interpreter(path: str) -> str:
    """The absolute path of the base's interpreter.

    Raises UsageError where there is no such program.
    """
    program = shutil.which(path)
    if not program:
        raise UsageError(f"--base-python: no program {path}: name the Python of an environment")
    return os.path.abspath(program)  # a link stays a link: its folder says which environment it is


def notes(
    apart: Iterable[str], versions: Mapping[str, Mapping[str, str]], installations: bool
) -> list[str]:
    """Sentences on the frameworks that had one process per arm."""
    named = sorted(apart)
    if not named:
        return []
    titles = ", ".join(frameworks()[name].title for name in named)
    return [
        *filter(None, (_versions(name, versions) for name in named)),
        f"{titles}: the two versions ran in separate processes, whose memory is laid out "
        "differently: intervals are wider than in a shared process, so up to "
        f"{_SCREENING[-1]} pairs of processes are measured, and up to {_CONFIRMATION[-1]} "
        "more for a suspect.",
        *([_INSTALLATIONS] if installations else ()),
    ]


def _versions(name: str, versions: Mapping[str, Mapping[str, str]]) -> str:
    """A sentence on the versions of both arms: the framework's, then all others that differ."""
    base, candidate = (_of(name, arm, versions) for arm in _ARMS)
    if not base or not candidate or (frameworks()[name].callable and base == candidate):
        return ""
    parts = [part for part in {**candidate, **base} if candidate.get(part) != base.get(part)]
    others = [f"{part} {_against(part, base, candidate)}" for part in parts if part != name]
    own = f"{frameworks()[name].title} {_against(name, base, candidate)}"
    return f"{', '.join((own, *others))}."


def _of(name: str, arm: str, versions: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    """The versions of a framework in an arm, for any device and number of threads."""
    matching = (
        parts
        for label, parts in versions.items()
        if label.endswith(f" ({arm})") and re.split("[ /]", label)[0] == name
    )
    return next(matching, {})


def _against(part: str, base: Mapping[str, str], candidate: Mapping[str, str]) -> str:
    old, new = base.get(part, "none"), candidate.get(part, "none")
    return f"{new} in both" if old == new else f"{new} against {old}"
