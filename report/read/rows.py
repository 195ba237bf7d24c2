"""Run folders to evidence: the rows of a run, checked and gathered by case."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ...bench.catalog.cases import Case
from ...bench.catalog.dtypes import DTYPES
from ...bench.exactness.binades import unpack
from ...bench.gate.summary import Line
from ...bench.host.errors import StoreError
from ...bench.results.metrics import METRICS
from ...bench.results.store import Run, load
from ..words import writable
from .evidence import (
    COARSE,
    Between,
    Checked,
    Estimate,
    Evidence,
    Missing,
    Part,
    Split,
    Timed,
    family_of,
)

STATUSES = ("ok", "unsupported", "refused", "error", "timeout", "oom")
_fields_of = itemgetter(*Case.__dataclass_fields__)
_CODE = ("framework", "activation", "form", "mode", "direction", "device", "dtype")
_WORDS = (*_CODE, "output", "cache", "metric", "status")
_EXACT = (
    *("max_ulp", "max_ulp_flushed", "worst_input", "max_ulp_parameter", "nan_mismatches"),
    "not_correctly_rounded",
)
_TIMES = ("time_per_call", "time_per_element")
_BETWEEN = ("max_ulp_between", "equal_bits")
_PARTS = (
    *("launch", "handoff", "copy_floor", "arithmetic", "memory", "allocation"),
    *("fit_error", "predicted_arithmetic", "surprise"),
)
_HEX = re.compile(r"[+-]?(0x[0-9a-f]+(\.[0-9a-f]*)?p[+-]?\d+|inf|nan)\b", re.IGNORECASE)


def read(paths: Sequence[Path]) -> Evidence:
    """Read runs. Raises StoreError if one is missing or malformed."""
    runs = _named([_load(path) for path in paths])
    parts = [_records(name, run) for name, run in runs.items()]
    return Evidence(
        runs,
        [each for part in parts for each in part.timed],
        [each for part in parts for each in part.checked],
        [each for part in parts for each in part.between],
        [each for part in parts for each in part.missing],
        [each for part in parts for each in part.splits],
    )


def _load(path: Path) -> Run:
    """A run whose words any page can hold. Raises StoreError."""
    try:
        run = load(path)
    except (ValueError, TypeError) as error:
        raise StoreError(f"{path} holds a malformed row: {error}; measure it again") from None
    _check_facts(run)
    for row in run.records:
        for key, value in row.items():
            if isinstance(value, str) and not value.isprintable():
                row[key] = writable(value)
    return replace(run, facts=replace(run.facts, **_written(vars(run.facts))))


@dataclass(frozen=True)
class _Worker:
    """Of what is known of a worker what pages look into."""

    versions: dict[str, Any] = field(default_factory=dict)
    floating_point: dict[str, dict[str, bool | str]] | None = None


@dataclass(frozen=True)
class _Facts:
    """Of what is known of a run what pages look into, and the store takes as it is."""

    workers: dict[str, _Worker]
    selftest: list[Line]


_FACTS = TypeAdapter(_Facts)


def _check_facts(run: Run) -> None:
    """Raise StoreError for facts that are not of the kind that pages expect."""
    try:
        _FACTS.validate_python({"workers": run.facts.workers, "selftest": run.facts.selftest})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise StoreError(
            f"{run.path / 'run.json'} is malformed: {where}: {first['msg']}; measure it again"
        ) from None


def _written(value: Any) -> Any:
    """The same with every text in it as a page can hold it."""
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, dict):
        return {_written(key): _written(each) for key, each in value.items()}
    return list(map(_written, value)) if isinstance(value, list) else value


def _named(runs: Iterable[Run]) -> dict[str, Run]:
    named: dict[str, Run] = {}
    for run in runs:
        name = writable(run.path.resolve().name)
        folders = {each.path.resolve() for each in named.values()}
        if run.path.resolve() not in folders:
            named[name if name not in named else writable(str(run.path))] = run
    return named


_Values = dict[str, dict[str, Any]]


def _records(name: str, run: Run) -> Evidence:
    """One run's rows, gathered by case."""
    cases: dict[Case, _Values] = {}
    between: dict[tuple[Case, str], _Values] = {}
    missing = []
    parts: dict[Case, dict[str, Part]] = {}
    for case, row in _by_case(run):
        metric = row["metric"]
        if metric in _PARTS:
            _keep(parts.setdefault(replace(case, size=0), {}), metric, _part(case, row))
            continue
        if metric in ("time_per_call", "max_ulp") and row["status"] != "ok":
            what = "time" if metric == "time_per_call" else "exactness"
            missing.append(Missing(name, case, what, row["status"], _text(row["detail"])))
        elif metric in _BETWEEN and row["status"] == "ok":
            other = _text(row["detail"]).split(":")[0].strip()
            between.setdefault((case, other), {})[metric] = row
        elif row["status"] == "ok" and (
            metric == "worst_input" or _number(row["value"]) is not None
        ):
            cases.setdefault(case, {})[metric] = row
    checked = [_checked(name, case, rows) for case, rows in cases.items() if "max_ulp" in rows]
    return Evidence(
        {name: run},
        list(_timed(name, cases, checked)),
        checked,
        [_between(name, case, other, rows) for (case, other), rows in between.items()],
        missing,
        list(_splits(name, parts, cases)),
    )


def _part(case: Case, row: Mapping[str, Any]) -> Part:
    measured = row["status"] == "ok" and _number(row["value"]) is not None
    return Part(case.size, _estimate(row) if measured else None, _text(row["detail"]))


def _keep(parts: dict[str, Part], metric: str, found: Part) -> None:
    """Of a part at several sizes, the largest: only the errors of a line have several."""
    other = parts.get(metric)
    if other is None or _size_of(found) > _size_of(other):
        parts[metric] = found


def _size_of(part: Part) -> float:
    return abs(part.estimate.value) if part.estimate else -1.0


def _splits(
    run: str, parts: Mapping[Case, Mapping[str, Part]], cases: Mapping[Case, _Values]
) -> Iterator[Split]:
    sizes: dict[Case, set[int]] = {}
    for case, rows in cases.items():
        if "time_per_call" in rows:
            sizes.setdefault(replace(case, size=0), set()).add(case.size)
    for case, found in parts.items():
        measured = tuple(sorted(sizes.get(case, ())))
        reused = replace(case, output="reused") in sizes
        yield Split(run, case, *family_of(case.activation), found, measured, reused)


def _by_case(run: Run) -> Iterator[tuple[Case, dict[str, Any]]]:
    """Every row with its case. Raises StoreError for a malformed one."""
    known: dict[tuple[object, ...], Case] = {}
    for number, row in enumerate(run.records, start=1):
        wrong = _wrong(row)
        if wrong:
            raise StoreError(
                f"{run.path / 'rows.jsonl'} is malformed: row {number} has {wrong} "
                f"{str(row[wrong])[:40]!r}; derive it again from the samples or measure it again"
            )
        fields = _fields_of(row)
        case = known.get(fields)
        if case is None:
            case = known[fields] = Case(*fields)
        yield case, row


def _wrong(row: Mapping[str, Any]) -> str:
    """The first column that holds what it cannot hold; empty if there is none."""
    for key in _WORDS:
        if not isinstance(row[key], str):
            return key
    for key in ("size", "threads"):
        if not isinstance(row[key], int):
            return key
    if row["metric"] not in METRICS:
        return "metric"
    if row["metric"] in _TIMES and row["status"] == "ok":
        if row["size"] < 1:
            return "size"
        if row["value"] is not None and not 0 < row["value"] < math.inf:
            return "value"
    return "" if row["status"] in STATUSES else "status"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def _estimate(row: Mapping[str, Any]) -> Estimate:
    return Estimate(float(row["value"]), _number(row["low"]), _number(row["high"]))


def _timed(run: str, cases: Mapping[Case, _Values], checked: Iterable[Checked]) -> Iterator[Timed]:
    exactness = {_same_code(each.case): each for each in checked}
    for case, rows in cases.items():
        if "time_per_call" not in rows:
            continue
        estimates = {metric: _estimate(row) for metric, row in rows.items()}
        yield Timed(
            run,
            case,
            *family_of(case.activation),
            estimates,
            exactness.get(_same_code(case)),
            _flawed(case, exactness),
            _text(rows["time_per_call"]["detail"]),
        )


def _flawed(case: Case, exactness: Mapping[tuple[str, ...], Checked]) -> bool | None:
    value = exactness.get(_same_code(replace(case, direction="forward")))
    gradient = exactness.get(_same_code(replace(case, direction="backward")))
    if case.direction != "forward" and gradient and math.isinf(gradient.error):
        return True
    return None if value is None else value.error > COARSE


def _same_code(case: Case) -> tuple[str, ...]:
    """What decides a result's bits."""
    return tuple(str(getattr(case, field)) for field in _CODE)


def _checked(run: str, case: Case, rows: _Values) -> Checked:
    values = {metric: _number(rows[metric]["value"]) for metric in _EXACT if metric in rows}
    detail = _text(rows.get("worst_input", {}).get("detail"))
    nans = _text(rows.get("nan_mismatches", {}).get("detail"))
    flushed = _text(rows.get("max_ulp_flushed", {}).get("detail"))
    blame = _text(rows["max_ulp"]["detail"]).partition("; ")[2]
    start, worst = _HEX.match(detail), values.get("worst_input")
    told = detail[start.end() :].lstrip(" :,;") if start else detail
    return Checked(
        run,
        case,
        family_of(case.activation)[0],
        values["max_ulp"] or 0.0,
        values.get("max_ulp_flushed"),
        values.get("max_ulp_parameter"),
        values.get("nan_mismatches"),
        _short_hex(start[0] if start else "" if worst is None else worst.hex()),
        "; ".join(filter(None, [told, f"NaN mismatches {nans}" if nans else "", blame])),
        values.get("not_correctly_rounded"),
        _binades(run, case, rows),
        _short_hex(at[0] if (at := _HEX.search(flushed)) else ""),
    )


def _binades(run: str, case: Case, rows: _Values) -> tuple[float, ...]:
    """The largest error by binade. Raises StoreError where that is malformed."""
    if "ulp_by_binade" not in rows or case.dtype not in DTYPES:
        return ()
    try:
        return unpack(_text(rows["ulp_by_binade"]["detail"]), case.dtype)
    except ValueError as error:
        raise StoreError(
            f"{run} holds a malformed ulp_by_binade: {error}; derive it again from the samples or "
            "measure it again"
        ) from None


def _short_hex(text: str) -> str:
    return re.sub(r"\.?0+(?=p)", "", text) if "." in text else text


def _between(run: str, case: Case, other: str, rows: _Values) -> Between:
    values = {metric: _number(row["value"]) for metric, row in rows.items()}
    notes = [_text(row["detail"]).partition(":")[2].strip() for row in rows.values()]
    note = next(filter(None, notes), "")
    return Between(run, case, other, values.get("max_ulp_between"), values.get("equal_bits"), note)
