"""Columns of the page's tables: how a record becomes cells.

A text column is a list of words and its cells are numbers into it, so that thousands of rows stay
small; so is one of flags, whose words are numbers of notes. An `interval` cell is
`[value, low, high]`. Infinity is the string `inf`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..read.evidence import Between, Checked, Estimate, Missing, Split, Timed, repeatable

Record = TypeVar("Record", Timed, Checked, Between, Missing, Split)


@dataclass(frozen=True)
class Column(Generic[Record]):
    """A column: what it is called, what kind its cells are, and how a record gives one.

    One without a label is not shown: commands are made from it. Cells farther from 0 than a
    `limit` are marked.
    """

    key: str
    label: str
    kind: str
    cell: Callable[[Record], Any]
    filtered: bool = False
    limit: float | None = None


def table(records: Sequence[Record], columns: Sequence[Column[Record]]) -> dict[str, Any]:
    """Records as a table ready for JSON, without the columns that say nothing."""
    made = [_column(records, column) for column in columns]
    made = [column for column in made if _told(column)]
    cells = [column.pop("cells") for column in made]
    table: dict[str, Any] = {
        "columns": made,
        "rows": [list(row) for row in zip(*cells, strict=True)],
    }
    unsafe = [row for row, each in enumerate(records) if not repeatable(each.case)]
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
        **({} if column.limit is None else {"limit": column.limit}),
    }
    if column.kind not in ("text", "code", "flags"):
        return {**made, "cells": cells}
    words = sorted(set(cells))
    numbers = {word: number for number, word in enumerate(words)}
    return {**made, "words": words, "cells": [numbers[cell] for cell in cells]}


def identity(
    machines: Mapping[str, str], _: type[Record], timed: bool | None = True
) -> list[Column[Record]]:
    """Run, machine and the fields of a case as columns; without a size where `timed` is None.

    `machines` are by run. Of one run alone neither is shown, but files have both.
    """
    several = len(machines) > 1
    columns: list[Column[Record]] = [
        Column("run", "Run" if several else "", "text", lambda each: each.run, several),
        Column(
            "machine",
            "Machine" if several else "",
            "text",
            lambda each: machines[each.run],
            several,
        ),
    ]
    for field in ("framework", "activation", "form", "mode", "direction"):
        kind = "code" if field == "activation" else "text"
        columns.append(Column(field, field.capitalize(), kind, getter(field), True))
    if timed is None:
        return columns
    sizes = "Size" if timed else "Inputs tested"
    return [*columns, Column("size", sizes, "count", getter("size"), timed)]


def conditions(_: type[Record], timed: bool = True) -> list[Column[Record]]:
    """The fields of a case that often are the same in every row."""
    fields = ("device", "dtype", *(("threads", "output", "cache") if timed else ()))
    return [
        Column(
            field,
            field.capitalize(),
            "count" if field == "threads" else "text",
            getter(field),
            True,
        )
        for field in fields
    ]


def getter(field: str) -> Callable[[Any], Any]:
    """The value of a case's field."""
    return lambda each: getattr(each.case, field)


def short(value: float | None) -> float | str | None:
    """A number of six digits: three are shown, and rounding twice must not change them."""
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return float(f"{value:.6g}")


def whole(value: float | None) -> float | str | None:
    """A count, to the last digit."""
    return int(value) if value is not None and math.isfinite(value) else short(value)


def cell(estimates: Mapping[str, Estimate], metric: str) -> list[float | str | None] | None:
    """A metric with its interval."""
    found = estimates.get(metric)
    return [short(found.value), short(found.low), short(found.high)] if found else None


def estimate(metric: str) -> Callable[[Timed], Any]:
    """The cell of a metric of a timed case."""
    return lambda each: cell(each.estimates, metric)


def columns_of(fields: Iterable[tuple[str, str, str, Callable[[Any], Any], bool]]) -> list[Any]:
    """Columns of their fields."""
    return [Column(*each) for each in fields]
