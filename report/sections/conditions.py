"""Where the same case gives other bits under another condition: a sentence each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...bench.catalog.frameworks import frameworks
from ..read.evidence import Between, Evidence
from ..words import counted, number, title

_MEANING = {
    "compiled": "compiled instead of eager",
    "scalar tail": "in arrays too short for a vector instead of long ones",
    "all threads": "with all threads",
    "another process": "in another process",
}


def sentences(evidence: Evidence) -> list[str]:
    """How many cases have the same bits under each other condition, a sentence a framework."""
    groups: dict[tuple[str, str, str], list[Between]] = {}
    for each in evidence.between:
        if each.other not in frameworks() and each.equal_bits is not None:
            groups.setdefault((each.run, each.case.framework, each.other), []).append(each)
    several = len(evidence.runs) > 1
    return [_sentence(*key, found, several) for key, found in groups.items()]


def _sentence(
    run: str, framework: str, other: str, found: Sequence[Between], with_run: bool
) -> str:
    where = f" in run {run}" if with_run else ""
    parted = [each for each in found if each.equal_bits != 1]
    start = f"{title(framework)}{where}, {_MEANING.get(other, f'with {other}')}"
    if not parted:
        return f"{start}: the same bits in {counted(len(found), 'case')}."
    farthest = max(parted, key=lambda each: each.max_ulp or 0.0)
    case = farthest.case
    apart = "a NaN beside a number" if farthest.max_ulp == math.inf else _ulp(farthest)
    return (
        f"{start}: other bits in {len(parted):,} of {counted(len(found), 'case')}, farthest apart "
        f"in {case.activation} {case.form} {case.direction} {case.dtype}: {apart}."
    )


def _ulp(each: Between) -> str:
    return f"{number(each.max_ulp)} ulp"
