"""The tables that the page's script draws: which there are, and their columns."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from ...bench.catalog.cases import Case
from ...bench.catalog.dtypes import DTYPES
from ...bench.results import words
from ...bench.results.metrics import METRICS, Group, columns_in
from ...bench.results.rows import Other, Point
from ..read.evidence import Between, Checked, Evidence, Missing, Split, Timed, class_names
from ..sections.parts import remeasure
from ..words import counted, listing, short_hex
from . import flags
from .columns import (
    Column,
    Record,
    cell,
    columns_of,
    conditions,
    estimate,
    getter,
    identity,
    short,
    table,
    whole,
)

_FIELDS = tuple(Case.__dataclass_fields__)


def all_tables(evidence: Evidence) -> dict[str, dict[str, Any]]:
    """Every table of the page by its id, ready for JSON."""
    machines = machines_of(evidence)
    marks = flags.of(evidence)
    return {
        "timings": table(
            evidence.timed,
            [
                flags.column(marks.timings),
                *identity(machines, Timed),
                *_timings(),
                *conditions(Timed),
            ],
        ),
        "accuracy": table(
            evidence.checked,
            [
                flags.column(marks.accuracy),
                *identity(machines, Checked, False),
                *_accuracy(),
                *conditions(Checked, False),
            ],
        ),
        "between": table(
            evidence.between,
            identity(machines, Between, False) + _between() + conditions(Between, False),
        ),
        "missing": table(
            sorted(evidence.missing, key=_weight),
            identity(machines, Missing) + _MISSING + conditions(Missing),
        ),
        "parts": table(
            [each for each in evidence.splits if _measured(each)],
            identity(machines, Split, None)
            + _parts()
            + conditions(Split, False)
            + _again(evidence),
        ),
        "surprises": table(
            sorted(filter(_surprising, evidence.splits), key=_distance, reverse=True),
            identity(machines, Split, None)
            + _surprises()
            + conditions(Split, False)
            + _again(evidence),
        ),
    }


def machines_of(evidence: Evidence) -> dict[str, str]:
    """The machine of each run in a few words: `AMD EPYC, 2 cores`, and its GPUs."""
    return {name: machine_words(run.facts.machine) for name, run in evidence.runs.items()}


def machine_words(facts: Mapping[str, Any]) -> str:
    """A machine in a few words: `AMD EPYC, 2 cores`."""
    cores, gpus = facts.get("cores"), facts.get("gpus")
    parts = [str(facts.get("cpu") or "unknown processor")]
    parts += [counted(cores, "core")] if isinstance(cores, int) else []
    return ", ".join([*parts, *(map(str, gpus) if isinstance(gpus, list) else [])])


def mixture(evidence: Evidence) -> str:
    """What a reader of rows of several runs must know before comparing them; empty for one run."""
    if len(evidence.runs) < 2:
        return ""
    whose = listing([f"{name} ({machine})" for name, machine in machines_of(evidence).items()])
    return (
        f"Rows of {len(evidence.runs)} runs stand together: {whose}. A cost over relu is over the "
        "relu of its own run; other times are of their own machine and hour, and a difference "
        "between two runs may be that of those."
    )


def headers() -> dict[str, dict[str, tuple[str, str]]]:
    """The metric and its unit of each column that holds one, by table and key: headers of files."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for metric in METRICS.values():
        for column in metric.columns:
            found.setdefault(column.table, {})[column.key] = (metric.name, metric.unit)
    return found


def _of(table: str, cell: Callable[[str, str], Callable[[Record], Any]]) -> list[Column[Record]]:
    """The columns of the metrics that a table shows; `cell` makes one of a metric and its kind."""
    return [
        Column(
            column.key,
            column.title,
            column.kind,
            cell(metric.name, column.kind),
            False,
            column.limit,
        )
        for metric, column in columns_in(table)
    ]


def _weight(each: Missing) -> int:
    """Refused cases first, then those that failed, then those that do not exist."""
    return {"refused": 0, "unsupported": 2}.get(each.status, 1)


def _measured(each: Split) -> bool:
    return any(part.estimate for part in each.parts.values())


def _surprising(each: Split) -> bool:
    return each.part("surprise") is not None


def _distance(each: Split) -> float:
    """How far a surprise lies from what was predicted, in either direction."""
    found = each.part("surprise")
    return abs(math.log(found.value)) if found and found.value > 0 else math.inf


def commands() -> dict[str, str]:
    """The command of a case by table, with the fields in braces where its values go.

    Exactness has no size, threads, output or cache of its own: it is checked on its own inputs.
    `exactness` is for cases of `missing` that are not of time.
    """
    timing = Case(*(cast(Any, f"_{field}_") for field in _FIELDS)).command
    timing = timing.replace("_activation_", "'{activation}'")
    timing = re.sub(r"(?<= )_(\w+)_(?= |$)", r"{\1}", timing)
    checking = re.sub(r" --(size|threads|output|cache) \S+", "", timing)
    split = re.sub(r" --(size|output) \S+", "", timing) + " {options}"
    return {
        "timings": timing,
        "parts": split,
        "surprises": split,
        "missing": timing,
        "exactness": f"{checking} --only agreement",
        "accuracy": checking.replace("actbench run", "actbench {options}"),
        "between": f"{checking} {{options}}",
    }


def _samples(each: Timed) -> str:
    return words.samples(each.sampling) if each.sampling else ""


def _ended(each: Timed) -> str:
    return words.ended(each.ended) if each.ended else ""


def _timing(metric: str, kind: str) -> Callable[[Timed], Any]:
    if METRICS[metric].group is Group.ERROR:
        return lambda each: (
            _figure(each.exactness.figures, metric, kind) if each.exactness else None
        )
    return estimate(metric)


def _figure(figures: Mapping[str, float], metric: str, kind: str) -> Any:
    """A figure without an interval: a count to the last digit, others to six."""
    return (whole if kind == "count" else short)(figures.get(metric))


def _timings() -> list[Column[Timed]]:
    return [
        Column("family", "Family", "text", lambda each: each.family, True),
        *_of("timings", _timing),
        Column("samples", "Samples", "text", _samples),
        Column("ended", "Sampling ended", "text", _ended, True),
    ]


def _part(metric: str, _: str) -> Callable[[Split], Any]:
    return lambda each: cell({metric: found} if (found := each.part(metric)) else {}, metric)


def _again(evidence: Evidence) -> list[Column[Split]]:
    """What conditions and commands of a split need beside its columns."""
    names = {
        (name, each.case.device): class_names(run, each.case.device)
        for name, run in evidence.runs.items()
        for each in evidence.splits
        if each.run == name
    }
    return [
        Column("threads", "Threads", "count", getter("threads"), True),
        Column("cache", "", "text", getter("cache")),
        Column(
            "options",
            "",
            "text",
            lambda each: remeasure(each, names[each.run, each.case.device]),
        ),
    ]


def _not_split(each: Split) -> str:
    """Why parts are missing, each reason once."""
    reasons = [
        f"{metric}: {reason}"
        for metric, part in each.parts.items()
        if part.estimate is None and metric != "allocation" and (reason := words.about(part.row))
    ]
    return "; ".join(dict.fromkeys(reasons))


def _terms(each: Split) -> str:
    part = each.parts.get("predicted_arithmetic")
    return words.operations(part.row.operations) if part and part.row.operations else ""


def _parts() -> list[Column[Split]]:
    return [
        Column("family", "Family", "text", lambda each: each.family, True),
        *_of("parts", _part),
        Column("terms", "Counted", "text", _terms),
        Column("note", "Missing parts", "text", _not_split),
    ]


def _cause(each: Split) -> str:
    return words.cause(each.cause) if each.cause else "no cause was kept"


def _kind(each: Split) -> str:
    return words.heading(each.cause) if each.cause else "no cause was kept"


def _surprises() -> list[Column[Split]]:
    return [
        Column("family", "Family", "text", lambda each: each.family, True),
        *_of("surprises", _part),
        Column("cause", "Kind of cause", "text", _kind, True),
        Column("terms", "Counted", "text", _terms),
        Column("detail", "Cause", "text", _cause),
    ]


def _checking(each: Checked) -> str:
    """What checks a case again: a run tries all inputs of 16-bit formats and some of wider ones."""
    known = DTYPES.get(each.case.dtype)
    wide = known is not None and known.itemsize > 2
    return "agree --exhaustive" if wide and flags.complete(each.case) else "run --only agreement"


def _error(metric: str, kind: str) -> Callable[[Checked], Any]:
    if kind == "code":
        return lambda each: short_hex(each.worst.input) if each.worst else ""
    return lambda each: _figure(each.figures, metric, kind)


def _detail(each: Checked) -> str:
    """What came at the worst input, where NaNs are misplaced, and what is to blame."""
    worst = each.worst or Point()
    entry = [] if worst.output is None else [words.place(worst)]
    nans = f"NaN mismatches first at {', '.join(map(words.place, each.nans))}"
    told = [
        ": ".join([*entry, ", ".join(f"{k} {v!r}" for k, v in words.result(worst).items())]),
        nans if each.nans else "",
        words.cause(each.cause) if each.cause else "",
    ]
    return "; ".join(filter(None, told))


def _accuracy() -> list[Column[Checked]]:
    return [
        *_of("accuracy", _error),
        Column("detail", "Got, and the exact value", "text", _detail),
        Column("options", "", "text", _checking),
    ]


def _other_side(each: Between) -> str:
    """What a command of the one side needs to give the other as well."""
    if each.of_frameworks:
        return f"--only agreement --framework {each.against.name}"
    return "--only agreement" + " --mode compiled" * (each.against.kind is Other.MODE)


def _parting(each: Between) -> str:
    return f"first input where they part {words.place(each.first)}" if each.first else ""


def _distance_of(metric: str, kind: str) -> Callable[[Between], Any]:
    return lambda each: _figure(each.figures, metric, kind)


def _between() -> list[Column[Between]]:
    return [
        Column("other", "Against", "text", lambda each: words.name(each.against), True),
        *_of("between", _distance_of),
        Column("note", "Note", "text", _parting),
        Column("options", "", "text", _other_side),
    ]


_MISSING: list[Column[Missing]] = columns_of(
    [
        ("what", "What", "text", lambda each: each.what, True),
        ("status", "Status", "text", lambda each: each.status, True),
        ("reason", "Reason", "text", lambda each: each.reason or "no reason was kept", False),
    ]
)
