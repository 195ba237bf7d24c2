"""Where the same case gives other bits under another condition: a sentence each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...bench.results.rows import Against, Other
from ..read.evidence import Between, Evidence
from ..words import counted, number, title

_MEANING = {
    Other.MODE: "compiled instead of eager",
    Other.TAIL: "in arrays too short for a vector instead of long ones",
    Other.THREADS: "with all threads",
    Other.PROCESS: "in another process",
}


def sentences(evidence: Evidence) -> list[str]:
    """How many cases have the same bits under each other condition, a sentence a framework."""
    groups: dict[tuple[str, str, Against], list[Between]] = {}
    for each in evidence.between:
        if not each.of_frameworks and each.equal_bits is not None:
            groups.setdefault((each.run, each.case.framework, each.against), []).append(each)
    several = len(evidence.runs) > 1
    return [_sentence(*key, found, several) for key, found in groups.items()]


def _sentence(
    run: str, framework: str, other: Against, found: Sequence[Between], with_run: bool
) -> str:
    where = f" in run {run}" if with_run else ""
    parted = [each for each in found if each.equal_bits != 1]
    start = f"{title(framework)}{where}, {_MEANING.get(other.kind, f'with {other.name}')}"
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
