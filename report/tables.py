"""The tables that the page's script draws: columns with a kind, rows of plain values.

A text column is a list of words and its cells are numbers into it, so that thousands of rows stay
small. An `interval` cell is `[value, low, high]`. Infinity is the string `inf`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from bench.cases import Case

from .evidence import Between, Checked, Estimate, Evidence, Missing, Timed, command_of

Record = TypeVar("Record", Timed, Checked, Between, Missing)
_FIELDS = tuple(Case.__dataclass_fields__)


@dataclass(frozen=True)
class Column(Generic[Record]):
    """A column: what it is called, what kind its cells are, and how a record gives one."""

    key: str
    label: str
    kind: str
    cell: Callable[[Record], Any]
    filtered: bool = False


def all_tables(evidence: Evidence) -> dict[str, dict[str, Any]]:
    """Every table of the page by its id, ready for JSON."""
    several = len(evidence.runs) > 1
    return {
        "timings": _table(
            evidence.timed, _identity(several, Timed) + _TIMINGS + _conditions(Timed)
        ),
        "accuracy": _table(
            evidence.checked,
            _identity(several, Checked, False) + _ACCURACY + _conditions(Checked, False),
        ),
        "between": _table(
            evidence.between,
            _identity(several, Between, False) + _BETWEEN + _conditions(Between, False),
        ),
        "missing": _table(
            evidence.missing, _identity(several, Missing) + _MISSING + _conditions(Missing)
        ),
    }


def commands() -> dict[str, str]:
    """The command of a case by table, with the fields in braces where its values go.

    Exactness has no size and no threads of its own: it is checked on its own inputs.
    """
    timing = Case(*(cast(Any, f"{{{field}}}") for field in _FIELDS)).command
    exactness = re.sub(r" --(size|threads) \S+", "", timing)
    return {
        "timings": timing,
        "missing": timing,
        "accuracy": exactness,
        "between": exactness,
    }


def _table(records: Sequence[Record], columns: Sequence[Column[Record]]) -> dict[str, Any]:
    made = [_column(records, column) for column in columns]
    made = [column for column in made if _told(column)]
    cells = [column.pop("cells") for column in made]
    table: dict[str, Any] = {
        "columns": made,
        "rows": [list(row) for row in zip(*cells, strict=True)],
    }
    unsafe = [row for row, each in enumerate(records) if not command_of(each.case)]
    return {**table, "no_command": unsafe}


def _told(column: Mapping[str, Any]) -> bool:
    """Whether a column says anything at all."""
    return column.get("words") != [""] and any(cell is not None for cell in column["cells"])


def _column(records: Sequence[Record], column: Column[Record]) -> dict[str, Any]:
    cells = [column.cell(each) for each in records]
    made = {
        "key": column.key,
        "label": column.label,
        "kind": column.kind,
        "filtered": column.filtered,
    }
    if column.kind not in ("text", "code"):
        return {**made, "cells": cells}
    words = sorted(set(cells))
    numbers = {word: number for number, word in enumerate(words)}
    return {**made, "words": words, "cells": [numbers[cell] for cell in cells]}


def _identity(several: bool, _: type[Record], timed: bool = True) -> list[Column[Record]]:
    """The fields of a case as columns."""
    columns: list[Column[Record]] = []
    if several:
        columns.append(Column("run", "Run", "text", lambda each: each.run, True))
    for field in ("framework", "activation", "form", "mode", "direction"):
        kind = "code" if field == "activation" else "text"
        columns.append(Column(field, field.capitalize(), kind, _getter(field), True))
    sizes = "Size" if timed else "Inputs tested"
    return [*columns, Column("size", sizes, "count", _getter("size"), timed)]


def _conditions(_: type[Record], timed: bool = True) -> list[Column[Record]]:
    """The fields of a case that often are the same in every row."""
    fields = ("device", "dtype", "threads") if timed else ("device", "dtype")
    return [
        Column(
            field,
            field.capitalize(),
            "count" if field == "threads" else "text",
            _getter(field),
            True,
        )
        for field in fields
    ]


def _getter(field: str) -> Callable[[Any], Any]:
    return lambda each: getattr(each.case, field)


def _short(value: float | None) -> float | str | None:
    """A number of six digits: three are shown, and rounding twice must not change them."""
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return float(f"{value:.6g}")


def _cell(estimates: Mapping[str, Estimate], metric: str) -> list[float | str | None] | None:
    found = estimates.get(metric)
    return [_short(found.value), _short(found.low), _short(found.high)] if found else None


def _estimate(metric: str) -> Callable[[Timed], Any]:
    return lambda each: _cell(each.estimates, metric)


def _columns(columns: Iterable[tuple[str, str, str, Callable[[Any], Any], bool]]) -> list[Any]:
    return [Column(*each) for each in columns]


_TIMINGS: list[Column[Timed]] = _columns(
    [
        ("family", "Family", "text", lambda each: each.family, True),
        ("call", "Time a call", "time", _estimate("time_per_call"), False),
        ("element", "ns an element", "interval", _estimate("time_per_element"), False),
        ("cost", "Cost over relu", "ratio", _estimate("relative_cost"), False),
        (
            "ulp",
            "Max error, ulp",
            "number",
            lambda each: _short(each.exactness.max_ulp) if each.exactness else None,
            False,
        ),
        ("bandwidth", "GB/s", "interval", _estimate("bandwidth"), False),
        ("compile", "Compile, s", "interval", _estimate("compile_time"), False),
        ("samples", "Samples", "text", lambda each: each.samples, False),
    ]
)

_ACCURACY: list[Column[Checked]] = _columns(
    [
        ("ulp", "Max error, ulp", "number", lambda each: _short(each.max_ulp), False),
        ("flushed", "Subnormals flushed, ulp", "number", lambda each: _short(each.flushed), False),
        ("worst", "Worst input", "code", lambda each: each.worst, False),
        ("nan", "NaN mismatches", "count", lambda each: _short(each.nan_mismatches), False),
        ("parameter", "Parameter, ulp", "number", lambda each: _short(each.parameter), False),
        ("detail", "Got, and the exact value", "text", lambda each: each.detail, False),
    ]
)

_BETWEEN: list[Column[Between]] = _columns(
    [
        ("other", "Against", "text", lambda each: each.other, True),
        ("ulp", "Max distance, ulp", "number", lambda each: _short(each.max_ulp), False),
        ("equal", "Equal bits, share", "number", lambda each: _short(each.equal_bits), False),
        ("note", "Note", "text", lambda each: each.note, False),
    ]
)

_MISSING: list[Column[Missing]] = _columns(
    [
        ("what", "What", "text", lambda each: each.what, True),
        ("status", "Status", "text", lambda each: each.status, True),
        ("reason", "Reason", "text", lambda each: each.reason or "no reason was kept", False),
    ]
)
