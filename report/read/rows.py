"""Run folders to evidence: the rows of a run, checked and grouped by case."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from ...bench.catalog.cases import Case
from ...bench.catalog.dtypes import DTYPES
from ...bench.exactness.binades import edges
from ...bench.host.errors import StoreError
from ...bench.results import words
from ...bench.results.claims import Claims
from ...bench.results.claims import read as read_claims
from ...bench.results.facts import RunFacts
from ...bench.results.metrics import METRICS, Group
from ...bench.results.rows import Against, Row, derived
from ...bench.results.store import Run
from ...bench.run.reading import load
from ..words import know, writable
from .evidence import (
    COARSE,
    Between,
    Checked,
    Evidence,
    Missing,
    Part,
    Split,
    Timed,
)

_CODE = ("framework", "activation", "form", "mode", "direction", "device", "dtype")


def read(paths: Sequence[Path]) -> Evidence:
    """Read runs. Raises StoreError if one is missing or malformed."""
    runs = _named([_load(path) for path in paths])
    for run in runs.values():
        know(run.facts.titles)
    parts = [_records(name, run) for name, run in runs.items()]
    return Evidence(
        runs,
        [timed for part in parts for timed in part.timed],
        [checked for part in parts for checked in part.checked],
        [between for part in parts for between in part.between],
        [missing for part in parts for missing in part.missing],
        [split for part in parts for split in part.splits],
        {name: judged for name, run in runs.items() if (judged := _claims(run))},
    )


def _load(path: Path) -> Run:
    """A run whose words any page can hold. Raises StoreError."""
    run = load(path)
    facts: RunFacts = _written(run.facts)
    records = [row if _is_writable(row) else _written(row) for row in run.records]
    for number, row in enumerate(records, start=1):
        if wrong := _wrong(row):
            raise StoreError(
                f"{run.path / 'rows.jsonl'} is malformed: row {number} has {wrong}; derive it "
                "again from the samples or measure it again"
            )
    return replace(run, facts=facts, records=records)


def _claims(run: Run) -> Claims | None:
    """The claims of a run in words that any page can hold. Raises StoreError."""
    claims: Claims | None = _written(read_claims(run.path))
    return claims


def _is_writable(row: Row) -> bool:
    """Return whether any page can hold all texts of a row."""
    names = [*vars(row.case).values(), row.reason, row.family, *(row.operations or ())]
    names += [row.against.name, row.against.form] if row.against else []
    names += row.cause.names if row.cause else ()
    return "".join(map(str, names)).isprintable()


def _wrong(row: Row) -> str:
    """A phrase on an impossible value of a row; empty if there is none."""
    groups = 2 * len(edges(row.case.dtype)) if row.case.dtype in DTYPES else 0
    if row.binades and len(row.binades) != groups:
        return f"{len(row.binades)} errors for the {groups} groups of {row.case.dtype}"
    return ""


def _written(value: Any) -> Any:
    """A value with all its texts made safe for a page."""
    if isinstance(value, StrEnum):
        return value
    if isinstance(value, str):
        return writable(value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _written(getattr(value, f.name)) for f in fields(value)})
    if isinstance(value, tuple):
        return tuple(map(_written, value))
    if isinstance(value, dict):
        return {_written(key): _written(item) for key, item in value.items()}
    return list(map(_written, value)) if isinstance(value, list) else value


def _named(runs: Iterable[Run]) -> dict[str, Run]:
    named: dict[str, Run] = {}
    for run in runs:
        name = writable(run.path.resolve().name)
        folders = {known.path.resolve() for known in named.values()}
        if run.path.resolve() not in folders:
            named[name if name not in named else writable(str(run.path))] = run
    return named


_Rows = dict[str, Row]


def _records(name: str, run: Run) -> Evidence:
    """One run's rows, grouped by case."""
    cases: dict[Case, _Rows] = {}
    between: dict[tuple[Case, Against], _Rows] = {}
    missing = []
    parts: dict[Case, dict[str, Part]] = {}
    for row in run.records:
        case, metric, group = row.case, row.metric, METRICS[row.metric].group
        if group is Group.PART:
            _keep(parts.setdefault(replace(case, size=0), {}), Part(row, row.estimate))
        elif metric in _WHAT and not row.ok:
            missing.append(Missing(name, case, _WHAT[metric], row.status, words.about(row)))
        elif group is Group.BETWEEN and row.ok and row.against:
            between.setdefault((case, row.against), {})[metric] = row
        elif row.ok:
            cases.setdefault(case, {})[metric] = row
    checked = [_checked(name, rows) for rows in cases.values() if "max_ulp" in rows]
    return Evidence(
        {name: run},
        list(_timed(name, cases, checked)),
        checked,
        [_between(name, other, rows) for (_, other), rows in between.items()],
        missing,
        list(_splits(name, parts, cases)),
    )


_WHAT = {"time_per_call": "time", "max_ulp": "exactness"}


def _keep(parts: dict[str, Part], part: Part) -> None:
    """Keep the largest of a part at several sizes: only the errors of a fit have several."""
    other = parts.get(part.row.metric)
    if other is None or _size_of(part) > _size_of(other):
        parts[part.row.metric] = part


def _size_of(part: Part) -> float:
    return abs(part.estimate.value) if part.estimate else -1.0


def _splits(
    run: str, parts: Mapping[Case, Mapping[str, Part]], cases: Mapping[Case, _Rows]
) -> Iterator[Split]:
    sizes: dict[Case, set[int]] = {}
    for case, rows in cases.items():
        if "time_per_call" in rows:
            sizes.setdefault(replace(case, size=0), set()).add(case.size)
    for case, metrics in parts.items():
        row = next(iter(metrics.values())).row
        measured = tuple(sorted(sizes.get(case, ())))
        reused = replace(case, output="reused") in sizes
        facts = (row.family, row.rowwise, row.primitive, row.plain)
        yield Split(run, case, *facts, metrics, measured, reused)


def _timed(run: str, cases: Mapping[Case, _Rows], checked: Iterable[Checked]) -> Iterator[Timed]:
    exactness = {_same_code(check.case): check for check in checked}
    for case, rows in cases.items():
        time = rows.get("time_per_call")
        if time is None:
            continue
        known = (*rows.values(), *derived(time))
        estimates = {row.metric: estimate for row in known if (estimate := row.estimate)}
        cost = rows.get("relative_cost")
        yield Timed(
            run,
            case,
            time.family,
            time.rowwise,
            time.plain,
            estimates,
            exactness.get(_same_code(case)),
            _flawed(case, exactness),
            time.sampling,
            cost.against if cost else None,
            time.moved,
        )


def _flawed(case: Case, exactness: Mapping[tuple[str, ...], Checked]) -> bool | None:
    value = exactness.get(_same_code(replace(case, direction="forward")))
    gradient = exactness.get(_same_code(replace(case, direction="backward")))
    if case.direction != "forward" and gradient and math.isinf(gradient.error):
        return True
    return None if value is None else value.error > COARSE


def _same_code(case: Case) -> tuple[str, ...]:
    """The fields that determine a result's bits."""
    return tuple(str(getattr(case, field)) for field in _CODE)


def _checked(run: str, rows: _Rows) -> Checked:
    worst, nans = rows["max_ulp"], rows.get("nan_mismatches")
    flushed = rows.get("max_ulp_flushed")
    return Checked(
        run,
        worst.case,
        worst.family,
        worst.rowwise,
        worst.plain,
        worst.value or 0.0,
        {row.metric: row.value for row in rows.values() if row.value is not None},
        worst.worst,
        flushed.worst if flushed else None,
        nans.points if nans else (),
        worst.cause,
        flushed.binades if flushed else (),
        worst.paths,
    )


def _between(run: str, other: Against, rows: _Rows) -> Between:
    row = next(iter(rows.values()))
    figures = {row.metric: row.value for row in rows.values() if row.value is not None}
    first = row.points[0] if row.points else None
    return Between(run, row.case, row.family, row.plain, other, figures, first)
