"""Known issues of rows as numbered flags: how a row's figure must be read.

A flag depends on the evidence alone. A table has those that hold for some of its rows, numbered
from 1 in the order given here, and a note under it for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Generic

from ...bench.catalog.cases import Case
from ...bench.catalog.dtypes import DTYPES
from ...bench.results.rows import Ended
from ...bench.results.status import Status
from ..read.evidence import COARSE, Evidence
from .columns import Column, Record

Key = tuple[str, Case]
"""A run, and a case without the fields that do not matter."""


@dataclass(frozen=True)
class Flag(Generic[Record]):
    """An issue: its key in addresses and files, a few words, a sentence, and a test of rows.

    `section` is the id of the section of the page that says more, or empty.
    """

    key: str
    name: str
    note: str
    holds: Callable[[Record], bool]
    section: str = ""


@dataclass(frozen=True)
class Note:
    """A flag's note under a table, and the number of rows that it holds for."""

    key: str
    name: str
    note: str
    section: str
    rows: int
    every: bool


def column(evidence: Evidence, table: str) -> Column[Any]:
    """The numbers of the flags of each row, such as `1 3`."""
    flags = [flag for flag, _ in _held(evidence)[table]]

    def cell(record: Any) -> str:
        return " ".join(str(number) for number, flag in enumerate(flags, 1) if flag.holds(record))

    return Column("flags", "Notes", "flags", cell)


def notes(evidence: Evidence) -> dict[str, list[Note]]:
    """The notes under each table, in the order of their numbers."""
    totals = {"timings": len(evidence.timed), "accuracy": len(evidence.checked)}
    return {
        table: [
            Note(flag.key, flag.name, flag.note, flag.section, rows, rows == totals[table])
            for flag, rows in flags
        ]
        for table, flags in _held(evidence).items()
    }


@lru_cache(maxsize=2)
def _held(evidence: Evidence) -> Mapping[str, list[tuple[Flag[Any], int]]]:
    """The flags that hold for some row of a table, with the number of rows, by table."""
    tables: Mapping[str, tuple[list[Flag[Any]], Sequence[Any]]] = {
        "timings": (_of_timings(evidence), evidence.timed),
        "accuracy": (_of_accuracy(evidence), evidence.checked),
    }
    counted = {
        table: [(flag, sum(map(flag.holds, records))) for flag in flags]
        for table, (flags, records) in tables.items()
    }
    return {
        table: [(flag, rows) for flag, rows in flags if rows] for table, flags in counted.items()
    }


def _of_timings(evidence: Evidence) -> list[Flag[Any]]:
    """Flags of times: wrong values first, then uncertainty."""
    wrong, failed = _concerned(evidence), _failed(evidence)
    return [
        Flag(
            "astray",
            "far from the exact value",
            f"The form's value strays by more than {COARSE:,.0f} ulp, or its gradient without "
            "bound, on some finite input tested, a subnormal standing as zero: † elsewhere.",
            lambda timed: timed.flawed is True,
            "exactness",
        ),
        Flag(
            "finding",
            "a finding concerns it",
            "What this form computes in this mode and dtype is a finding: wrong beyond its bound.",
            lambda timed: any((timed.run, case) in wrong for case in _computed(timed.case)),
            "exactness",
        ),
        Flag(
            "failed",
            "failed or refused elsewhere",
            "The same function was refused or failed in another mode, at another size or under "
            "another condition: not compiled, for instance.",
            lambda timed: (timed.run, _function(timed.case)) in failed,
            "rows",
        ),
        Flag(
            "unchecked",
            "value not checked",
            "The value of this form was not checked in this dtype and mode: it may be fast and "
            "wrong.",
            lambda timed: timed.flawed is None,
        ),
        Flag(
            "wide",
            "wider than asked for",
            "The interval is wider than asked for: processes differ, or the budget ended.",
            lambda timed: timed.ended not in (None, Ended.NARROW),
        ),
        Flag(
            "process",
            "one process",
            "Measured in one process: the interval does not contain differences between processes.",
            evidence.in_one_process,
        ),
    ]


def _of_accuracy(evidence: Evidence) -> list[Flag[Any]]:
    wrong = _concerned(evidence)
    return [
        Flag(
            "astray",
            "far from the exact value",
            f"The largest error is above {COARSE:,.0f} ulp, a subnormal standing as zero.",
            lambda checked: checked.error > COARSE,
        ),
        Flag(
            "finding",
            "a finding concerns it",
            "A finding: wrong beyond the bound of such a form.",
            lambda checked: (checked.run, _exact(checked.case)) in wrong,
            "exactness",
        ),
        Flag(
            "nan",
            "NaN mistaken",
            "At some input the result is NaN instead of a number, or a number instead of NaN.",
            lambda checked: bool(checked.nan_mismatches),
        ),
        Flag(
            "subnormal",
            "subnormals stand as zero",
            "The largest error is that of a subnormal number that stands as zero.",
            lambda checked: checked.error < checked.max_ulp,
        ),
        Flag(
            "sampled",
            "not all inputs",
            "Not every input of the dtype was tested: the largest error may be larger.",
            lambda checked: not complete(checked.case),
        ),
    ]


def _concerned(evidence: Evidence) -> set[Key]:
    """The cases with a finding.

    Findings about subnormal numbers are left out: they gather many functions and dtypes in one and
    do not say which function is concerned in which dtype.
    """
    return {
        (run, _exact(case))
        for run, findings in evidence.findings.items()
        for finding in findings
        if finding.nature != "flushed"
        for case in finding.cases
    }


def _failed(evidence: Evidence) -> set[Key]:
    return {
        (missing.run, _function(missing.case))
        for missing in evidence.missing
        if missing.what == "time" and missing.status is not Status.UNSUPPORTED
    }


def _exact(case: Case) -> Case:
    """A case without the fields that do not affect its exactness."""
    return replace(case.anywhere, threads=0)


def _computed(case: Case) -> list[Case]:
    """The checks that apply to a timed case: a gradient comes with a value in `both`."""
    directions = ("forward", "backward") if case.direction == "both" else (case.direction,)
    return [replace(_exact(case), direction=direction) for direction in directions]


def _function(case: Case) -> Case:
    """A case without its mode and its size: it may have failed in another one."""
    return replace(_exact(case), mode="")


def complete(case: Case) -> bool:
    """Return whether as many inputs were tested as the dtype has."""
    known = DTYPES.get(case.dtype)
    return known is not None and case.size >= 2 ** (8 * known.itemsize)
