"""Errors beyond a stated bound: the heaviest findings of each kind, the others counted."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...bench.exactness.findings import BOUNDS, Finding, Kind, Nature, checked, verdict
from ..read.evidence import Evidence
from ..words import writable

ORDER = 100
TITLE = "Findings"
LINK = "Findings"
_GROUPS: Sequence[tuple[str, Nature, tuple[Kind, ...], int]] = (
    ("Native functions: the frameworks' own", "value", ("op",), 18),
    ("Formulas as printed", "value", ("formula",), 8),
    ("This project's forms and derivatives", "value", ("own",), 3),
    ("At infinity and NaN", "special", tuple(BOUNDS), 7),
    ("Subnormal numbers that stand as zero", "flushed", tuple(BOUNDS), 4),
)
"""Heading, what belongs under it, and how many of it a page shows at most: 40 in all."""


@dataclass(frozen=True)
class Group:
    """Findings under one heading: those shown, each after the name of its run, and the others."""

    heading: str
    shown: Sequence[tuple[str, Finding]]
    rest: int


def content(evidence: Evidence) -> Mapping[str, Any]:
    """The findings of a page: a sentence per run, groups, and the command that lists all.

    With several runs each has its share of the room.
    """
    by_run = evidence.findings
    several = len(evidence.runs) > 1
    return {
        "verdicts": [
            f"{f'Run {name}: ' * several}{verdict(of_run, checked(evidence.runs[name]))}"
            for name, of_run in by_run.items()
        ],
        "groups": [
            group
            for group in (_group(by_run, *group_facts) for group_facts in _GROUPS)
            if group.shown
        ],
        "commands": [
            f"actbench findings {shlex.quote(writable(str(evidence.runs[name].path)))}"
            for name, of_run in by_run.items()
            if of_run
        ],
        "bounds": [
            f"For {bound.words} {bound.wide:g} ulp, in 16-bit formats {bound.narrow:g}: "
            f"{bound.reason}."
            for bound in BOUNDS.values()
        ],
    }


def _group(
    by_run: Mapping[str, Sequence[Finding]],
    heading: str,
    nature: Nature,
    kinds: tuple[Kind, ...],
    most: int,
) -> Group:
    room = max(1, most // max(1, len(by_run)))
    shown: list[tuple[str, Finding]] = []
    rest = 0
    for name, of_run in by_run.items():
        alike = [
            finding for finding in of_run if finding.nature == nature and finding.kind in kinds
        ]
        shown += [(name if len(by_run) > 1 else "", finding) for finding in alike[:room]]
        rest += len(alike[room:])
    return Group(heading, shown, rest)
