"""The tables that the page's script draws, with their columns."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from ...bench.catalog.cases import Case
from ...bench.catalog.dtypes import DTYPES
from ...bench.results import words
from ...bench.results.estimate import Estimate
from ...bench.results.metrics import METRICS, Group
from ...bench.results.rows import Other, Point
from ...bench.words import of_input
from ..compare.commands import again, checked_again, swept_again
from ..read.evidence import (
    Between,
    Checked,
    Evidence,
    Missing,
    Split,
    Timed,
)
from ..words import short_hex, title
from . import flags
from .columns import Column, conditions, identity, metrics, table

FAMILY: Column[Any] = Column("family", "Family", "text", lambda record: record.family, True)


INPUT: Column[Any] = Column("input", "Input", "text", lambda record: of_input(record.case), True)
"""The input where it is unusual: the column is empty in most tables."""


@lru_cache(maxsize=2)
def all_tables(evidence: Evidence) -> dict[str, dict[str, Any]]:
    """Every table of the page by its id, ready for JSON."""
    split = [split for split in evidence.splits if any(p.estimate for p in split.parts.values())]
    return {
        "timings": table(evidence.timed, _timings(evidence)),
        "accuracy": table(evidence.checked, _accuracy(evidence)),
        "between": table(evidence.between, _between(evidence)),
        "missing": table(sorted(evidence.missing, key=_weight), _missing(evidence)),
        "parts": table(split, _parts(evidence)),
    }


# --- times ----------------------------------------------------------------------------------------


def _timings(evidence: Evidence) -> list[Column[Timed]]:
    return [
        flags.column(evidence, "timings"),
        *identity(evidence, "Size"),
        FAMILY,
        *metrics("timings", _time),
        Column("samples", "Samples", "text", _samples),
        Column("ended", "Sampling ended", "text", _ended, True),
        *conditions("threads", "output", "cache"),
        Column("row", "Row length", "count", _row, True),
        INPUT,
        Column("command", "", "command", lambda timed: again(evidence, [timed.case])),
    ]


def _time(timed: Timed, metric: str) -> Estimate | None:
    if METRICS[metric].group is not Group.ERROR:
        return timed.estimates.get(metric)
    return _figure(timed.exactness, metric) if timed.exactness else None


def _row(timed: Timed) -> int | None:
    """The elements of a row, where the function takes rows or the case says them."""
    return timed.case.length if timed.rowwise or timed.case.row else None


def _samples(timed: Timed) -> str:
    return words.samples(timed.sampling) if timed.sampling else ""


def _ended(timed: Timed) -> str:
    return words.ended(timed.ended) if timed.ended else ""


# --- exactness ------------------------------------------------------------------------------------


def _accuracy(evidence: Evidence) -> list[Column[Checked]]:
    return [
        flags.column(evidence, "accuracy"),
        *identity(evidence, "Inputs tested"),
        *(replace(c, cell=_worst) if c.key == "worst" else c for c in metrics("accuracy", _figure)),
        Column("detail", "Got, and the exact value", "text", _detail),
        *conditions(),
        Column("command", "", "command", lambda checked: _check(evidence, checked)),
    ]


def _figure(record: Checked | Between, metric: str) -> Estimate | None:
    value = record.figures.get(metric)
    return None if value is None else Estimate(value)


def _worst(checked: Checked) -> str:
    return short_hex(checked.worst.input) if checked.worst else ""


def _detail(checked: Checked) -> str:
    """The result at the worst input, the inputs of misplaced NaNs, and the cause."""
    worst = checked.worst or Point()
    entry = [] if worst.output is None else [words.place(worst)]
    result = ", ".join(f"{key} {value!r}" for key, value in words.result(worst).items())
    nans = f"NaN mismatches first at {', '.join(map(words.place, checked.nans))}"
    clauses = [
        ": ".join([*entry, result]),
        nans * bool(checked.nans),
        words.cause(checked.cause) if checked.cause else "",
    ]
    return "; ".join(filter(None, clauses))


def _check(evidence: Evidence, checked: Checked) -> str:
    """The command that checks a case again: a run tries all inputs of 16-bit formats only."""
    known = DTYPES.get(checked.case.dtype)
    if known is not None and known.itemsize > 2 and flags.complete(checked.case):
        return swept_again(evidence, checked.case)
    return checked_again(evidence, [checked.case])


def _between(evidence: Evidence) -> list[Column[Between]]:
    return [
        *identity(evidence, "Inputs tested"),
        Column("other", "Against", "text", _other, True),
        *metrics("between", _figure),
        Column("note", "Note", "text", _parting),
        *conditions(),
        Column("command", "", "command", lambda b: checked_again(evidence, _sides(b))),
    ]


def _other(between: Between) -> str:
    return title(between.against.name) if between.of_frameworks else words.name(between.against)


def _parting(between: Between) -> str:
    first = between.first
    return f"first input where they part {words.place(first)}" if first else ""


def _sides(between: Between) -> list[Case]:
    """Both sides of a comparison: another condition comes along with the first."""
    case, other = between.case, between.against
    if between.of_frameworks:
        return [case, replace(case, framework=other.name)]
    return [case, replace(case, mode="compiled")] if other.kind is Other.MODE else [case]


# --- what is missing ------------------------------------------------------------------------------


def _missing(evidence: Evidence) -> list[Column[Missing]]:
    return [
        *identity(evidence, "Size"),
        Column("what", "What", "text", lambda missing: missing.what, True),
        Column("status", "Status", "text", lambda missing: str(missing.status), True),
        Column("reason", "Reason", "text", lambda m: m.reason or "no reason was kept"),
        *conditions("threads", "output", "cache"),
        INPUT,
        Column("command", "", "command", lambda missing: _try(evidence, missing)),
    ]


def _weight(missing: Missing) -> int:
    """Refused cases first, then those that failed, then those that do not exist."""
    return {"refused": 0, "unsupported": 2}.get(missing.status, 1)


def _try(evidence: Evidence, missing: Missing) -> str:
    return (again if missing.what == "time" else checked_again)(evidence, [missing.case])


# --- the parts of a cost --------------------------------------------------------------------------


def _parts(evidence: Evidence) -> list[Column[Split]]:
    return [
        *identity(evidence, ""),
        FAMILY,
        *metrics("parts", _part),
        Column("detail", "Cause of a surprise", "text", _cause),
        *conditions("threads", "cache"),
        INPUT,
        Column("command", "", "command", lambda split: _remeasure(evidence, split)),
    ]


def _part(split: Split, metric: str) -> Estimate | None:
    return split.part(metric)


def _cause(split: Split) -> str:
    return words.cause(split.cause) if split.cause else ""


def _remeasure(evidence: Evidence, split: Split) -> str:
    """The command that measures a split again: all its sizes and outputs."""
    outputs = ("fresh", "reused") if split.reused else ("fresh",)
    sizes = [replace(split.case, size=size) for size in split.sizes]
    cases = (replace(case, output=output) for case in sizes for output in outputs)
    return again(evidence, cases)
