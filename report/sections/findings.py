"""What is wrong beyond a stated bound: the heaviest findings of each kind, the others counted."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...bench.exactness.findings import BOUNDS, Finding, Kind, Nature, checked, verdict
from ..read.evidence import Evidence
from ..words import writable

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


@dataclass(frozen=True)
class Section:
    """The findings of all runs: a sentence a run, groups, and what lists all of them."""

    verdicts: Sequence[str]
    groups: Sequence[Group]
    commands: Sequence[str]
    bounds: Sequence[str]


def section(evidence: Evidence) -> Section:
    """The findings of a page. With several runs each has its share of the room."""
    found = evidence.findings
    several = len(evidence.runs) > 1
    return Section(
        [
            f"{f'Run {name}: ' * several}{verdict(each, checked(evidence.runs[name]))}"
            for name, each in found.items()
        ],
        [group for group in (_group(found, *each) for each in _GROUPS) if group.shown],
        [
            f"actbench findings {shlex.quote(writable(str(evidence.runs[name].path)))}"
            for name, each in found.items()
            if each
        ],
        _bounds(),
    )


def _group(
    found: Mapping[str, Sequence[Finding]],
    heading: str,
    nature: Nature,
    kinds: tuple[Kind, ...],
    most: int,
) -> Group:
    each_may = max(1, most // max(1, len(found)))
    shown: list[tuple[str, Finding]] = []
    rest = 0
    for name, all_ in found.items():
        mine = [each for each in all_ if each.nature == nature and each.kind in kinds]
        shown += [(name if len(found) > 1 else "", each) for each in mine[:each_may]]
        rest += len(mine[each_may:])
    return Group(heading, shown, rest)


def _bounds() -> list[str]:
    return [
        f"For {bound.words} {bound.wide:g} ulp, in 16-bit formats {bound.narrow:g}: {bound.reason}."
        for bound in BOUNDS.values()
    ]
