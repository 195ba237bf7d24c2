"""Differences between frameworks, and of one framework under another condition."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ...bench.results.rows import Against, Other
from ..read.evidence import FAMILIES, Between, Evidence, with_device
from ..tables.grid import grid
from ..tables.pivot import EMPTY, Cell, Pivot, hot
from ..words import counted, number, share, title

ORDER = 130
TITLE = "Where frameworks part, and where one parts from itself"
LINK = "Between frameworks"
_CAPTION = (
    "Distance between two results of the same case: in two frameworks, or under two conditions"
)
_MEANING = {
    Other.MODE: "compiled instead of eager",
    Other.TAIL: "in arrays too short for a vector instead of long ones",
    Other.THREADS: "with all threads",
    Other.PROCESS: "in another process",
}


def content(evidence: Evidence) -> Mapping[str, Any]:
    """A sentence per condition, and the table of all distances."""
    return {
        "pivots": pivots(evidence),
        "sentences": sentences(evidence),
        "grid": grid(evidence, "between", _CAPTION),
        "command": with_device(evidence, "actbench run"),
    }


def sentences(evidence: Evidence) -> list[str]:
    """The number of cases with the same bits under another condition, per framework."""
    groups: dict[tuple[str, str, Against], list[Between]] = {}
    for between in evidence.between:
        if not between.of_frameworks and between.equal_bits is not None:
            key = (between.run, between.case.framework, between.against)
            groups.setdefault(key, []).append(between)
    several = len(evidence.runs) > 1
    return [_sentence(*key, compared, several) for key, compared in groups.items()]


def _sentence(
    run: str, framework: str, other: Against, compared: Sequence[Between], with_run: bool
) -> str:
    where = f" in run {run}" * with_run
    parted = [between for between in compared if between.equal_bits != 1]
    start = f"{title(framework)}{where}, {_MEANING.get(other.kind, f'with {other.name}')}"
    if not parted:
        return f"{start}: the same bits in {counted(len(compared), 'case')}."
    farthest = max(parted, key=lambda between: between.max_ulp or 0.0)
    case, distance = farthest.case, farthest.max_ulp
    apart = "a NaN beside a number" if distance == math.inf else f"{number(distance)} ulp"
    return (
        f"{start}: other bits in {len(parted):,} of {counted(len(compared), 'case')}, farthest "
        f"apart in {case.activation} {case.form} {case.direction} {case.dtype}: {apart}."
    )


def pivots(evidence: Evidence) -> list[Pivot]:
    """Distances of two frameworks, activation against pair and mode: a table per dtype."""
    groups: dict[tuple[str, ...], list[Between]] = {}
    for between in evidence.between:
        case = between.case
        if between.of_frameworks and case.direction == "forward" and between.family in FAMILIES:
            run = [f"run {between.run}"] * (len(evidence.runs) > 1)
            groups.setdefault((case.dtype, case.device, *run), []).append(between)
    return [_pivot(", ".join(key), of_key) for key, of_key in groups.items()]


def _pivot(heading: str, compared: Sequence[Between]) -> Pivot:
    """Each pair in its plain form: native where both have it, else the first written out."""
    cells: dict[str, dict[tuple[str, str], Cell]] = {}
    for between in sorted(
        compared, key=lambda between: (not between.plain, between.case.form != "native")
    ):
        pair = sorted((title(between.case.framework), title(between.against.name)), key=str.lower)
        column = (" – ".join(pair), between.case.mode)
        cells.setdefault(between.case.activation, {}).setdefault(column, _cell(between))
    columns = sorted({column for row in cells.values() for column in row})
    heads = [f"{pair} {mode}" for pair, mode in columns]
    rows = [(name, "", [row.get(key, EMPTY) for key in columns]) for name, row in cells.items()]
    return Pivot(f"Largest distance, ulp: {heading}", "Activation", heads, rows)


def _cell(between: Between) -> Cell:
    form = between.case.form
    return hot(between.max_ulp, share(between.equal_bits) + f" [{form}]" * (form != "native"))
