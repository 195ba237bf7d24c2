"""Known issues of rows as numbered flags: what a row's figure must be read with.

A flag is made of the evidence alone. A table has those that hold for some of its rows, numbered
from 1 in the order given here, and a note under it for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Generic

from ...bench.catalog.cases import Case
from ...bench.catalog.dtypes import DTYPES
from ...bench.exactness.findings import Finding
from ...bench.results.rows import Ended
from ...bench.results.store import RunFacts
from ..read.evidence import COARSE, Checked, Evidence, Missing, Timed
from .columns import Column, Record


@dataclass(frozen=True)
class Flag(Generic[Record]):
    """An issue: its key in addresses and files, a few words, a sentence, and the rows it is of.

    `section` is the id of the section of the page that says more, or empty.
    """

    key: str
    name: str
    note: str
    holds: Callable[[Record], bool]
    section: str = ""


@dataclass(frozen=True)
class Note:
    """What stands under a table for a flag, and the number of rows that it holds for."""

    key: str
    name: str
    note: str
    section: str
    rows: int
    every: bool


def _held(flags: Iterable[Flag[Record]], records: Sequence[Record]) -> list[Flag[Record]]:
    return [flag for flag in flags if any(map(flag.holds, records))]


def column(flags: Sequence[Flag[Record]]) -> Column[Record]:
    """The numbers of the flags of each row, such as `1 3`."""

    def cell(each: Record) -> str:
        return " ".join(str(number) for number, flag in enumerate(flags, 1) if flag.holds(each))

    return Column("flags", "Notes", "flags", cell)


def _notes(flags: Sequence[Flag[Record]], records: Sequence[Record]) -> list[Note]:
    counts = [sum(map(flag.holds, records)) for flag in flags]
    return [
        Note(flag.key, flag.name, flag.note, flag.section, rows, rows == len(records))
        for flag, rows in zip(flags, counts, strict=True)
    ]


@dataclass(frozen=True)
class Flags:
    """The flags of the two tables that have any."""

    timings: Sequence[Flag[Timed]]
    accuracy: Sequence[Flag[Checked]]


@lru_cache(maxsize=2)
def of(evidence: Evidence) -> Flags:
    """The flags that hold for some row of the evidence."""
    return Flags(
        _held(_of_timings(evidence), evidence.timed),
        _held(_of_accuracy(evidence), evidence.checked),
    )


def notes(evidence: Evidence) -> dict[str, list[Note]]:
    """The notes under each table, in the order of their numbers."""
    flags = of(evidence)
    return {
        "timings": _notes(flags.timings, evidence.timed),
        "accuracy": _notes(flags.accuracy, evidence.checked),
    }


def _of_timings(evidence: Evidence) -> list[Flag[Timed]]:
    """What is wrong before what is uncertain."""
    wrong, failed = _concerned(evidence.findings), _failed(evidence.missing)
    facts = _facts(evidence)
    return [
        Flag(
            "astray",
            "far from the exact value",
            f"The form's value strays by more than {COARSE:,.0f} ulp, or its gradient without "
            "bound, on some finite input tested, a subnormal standing as zero: † elsewhere.",
            lambda each: each.flawed is True,
            "accuracy",
        ),
        Flag(
            "finding",
            "a finding concerns it",
            "What this form computes in this mode and dtype is a finding: wrong beyond its bound.",
            lambda each: any((each.run, case) in wrong for case in _computed(each.case)),
            "findings",
        ),
        Flag(
            "failed",
            "failed or refused elsewhere",
            "The same function was refused or failed in another mode, at another size or under "
            "another condition: not compiled, for instance.",
            lambda each: (each.run, _function(each.case)) in failed,
            "missing",
        ),
        Flag(
            "unchecked",
            "value not checked",
            "The value of this form was not checked in this dtype and mode: it may be fast and "
            "wrong.",
            lambda each: each.flawed is None,
        ),
        Flag(
            "differ",
            "processes differ",
            "The interval is wider than asked for, because processes differ from each other.",
            lambda each: each.ended is Ended.DIFFER,
        ),
        Flag(
            "budget",
            "the budget ended",
            "The interval is wider than asked for, because the budget of time ended.",
            lambda each: each.ended in (Ended.BUDGET, Ended.ONE_SAMPLE),
        ),
        Flag(
            "process",
            "one process",
            "Measured in one process: the interval does not hold what differs between processes.",
            evidence.in_one_process,
        ),
        Flag(
            "virtual",
            "virtual machine",
            "Measured on a virtual machine, whose neighbours cannot be seen.",
            lambda each: bool(facts[each.run].machine.get("virtual")),
        ),
        _unfinished(evidence),
    ]


def _of_accuracy(evidence: Evidence) -> list[Flag[Checked]]:
    wrong = _concerned(evidence.findings)
    return [
        Flag(
            "astray",
            "far from the exact value",
            f"The largest error is above {COARSE:,.0f} ulp, a subnormal standing as zero.",
            lambda each: each.error > COARSE,
        ),
        Flag(
            "finding",
            "a finding concerns it",
            "A finding: wrong beyond the bound of such a form.",
            lambda each: (each.run, _exact(each.case)) in wrong,
            "findings",
        ),
        Flag(
            "nan",
            "NaN mistaken",
            "NaN comes for a number, or a number for NaN, at some input.",
            lambda each: bool(each.nan_mismatches),
        ),
        Flag(
            "subnormal",
            "subnormals stand as zero",
            "The largest error is that of a subnormal number that stands as zero.",
            lambda each: each.flushed is not None and each.flushed < each.max_ulp,
        ),
        Flag(
            "sampled",
            "not all inputs",
            "Not every input of the dtype was tested: the largest error may be larger.",
            lambda each: not complete(each.case),
        ),
        _unfinished(evidence),
    ]


def _unfinished(evidence: Evidence) -> Flag[Record]:
    facts = _facts(evidence)
    return Flag(
        "unfinished",
        "unfinished run",
        "Its run did not finish: it holds only what was measured until then.",
        lambda each: facts[each.run].state != "finished",
    )


def _facts(evidence: Evidence) -> Mapping[str, RunFacts]:
    return {name: run.facts for name, run in evidence.runs.items()}


def _concerned(found: Mapping[str, Sequence[Finding]]) -> set[tuple[str, Case]]:
    """The cases with a finding, by run, as `_exact` writes them.

    Left out are findings about subnormal numbers, which gather many functions and dtypes in one
    and do not say which of the functions in which dtype.
    """
    return {
        (run, _exact(case))
        for run, findings in found.items()
        for finding in findings
        if finding.nature != "flushed"
        for case in finding.cases
    }


def _exact(case: Case) -> Case:
    """A case without what does not matter to its exactness."""
    return replace(case, size=0, threads=0, output="", cache="")


def _computed(case: Case) -> list[Case]:
    """The checks that bear on a timed case: a gradient comes with a value in `both`."""
    directions = ("forward", "backward") if case.direction == "both" else (case.direction,)
    return [replace(_exact(case), direction=direction) for direction in directions]


def _function(case: Case) -> Case:
    """A case without its mode and its size: what else it may have failed in."""
    return replace(_exact(case), mode="")


def _failed(missing: Iterable[Missing]) -> set[tuple[str, Case]]:
    return {
        (each.run, _function(each.case))
        for each in missing
        if each.what == "time" and each.status != "unsupported"
    }


def complete(case: Case) -> bool:
    """Whether as many inputs were tested as the dtype has."""
    known = DTYPES.get(case.dtype)
    return known is not None and case.size >= 2 ** (8 * known.itemsize)
