"""The columns of the page's tables: how a record becomes cells.

A text column is a list of words and its cells are indices into it, so that thousands of rows stay
small; so is a column of flags, whose words are numbers of notes. An `interval` cell is `[value,
low, high]`. Infinity is the string `inf`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ...bench.results.estimate import Estimate
from ...bench.results.metrics import Column as Shown
from ...bench.results.metrics import Metric, columns_in
from ..read.evidence import Between, Checked, Evidence, Missing, Split, Timed
from ..words import machine, title

Record = TypeVar("Record", Timed, Checked, Between, Missing, Split)
_TEXT = ("text", "code", "flags", "command")


@dataclass(frozen=True)
class Column(Generic[Record]):
    """A column: its key and label, the kind of its cells, and their value in a record.

    A column without a label is only in files, where `header` names the metric and its unit. Cells
    farther from 0 than a `limit` are marked.
    """

    key: str
    label: str
    kind: str
    cell: Callable[[Record], Any]
    filtered: bool = False
    limit: float | None = None
    header: str = ""


def table(records: Sequence[Record], columns: Sequence[Column[Record]]) -> dict[str, Any]:
    """Records as a table ready for JSON, without empty columns."""
    packed = [_column(records, column) for column in columns]
    cells = [column.pop("cells") for column in packed]
    kept = [index for index, column in enumerate(packed) if _says(column, cells[index])]
    return {
        "columns": [packed[index] for index in kept],
        "rows": [list(row) for row in zip(*(cells[index] for index in kept), strict=True)],
    }


def _says(column: dict[str, Any], cells: Sequence[Any]) -> bool:
    return column.get("words") != [""] and any(cell is not None for cell in cells)


def _column(records: Sequence[Record], column: Column[Record]) -> dict[str, Any]:
    cells = [column.cell(record) for record in records]
    content = {
        name: getattr(column, name) for name in ("key", "label", "kind", "filtered", "header")
    }
    content |= {} if column.limit is None else {"limit": column.limit}
    if column.kind not in _TEXT:
        return {**content, "cells": cells}
    words = sorted(set(cells))
    numbers = {word: number for number, word in enumerate(words)}
    return {**content, "words": words, "cells": [numbers[cell] for cell in cells]}


def identity(evidence: Evidence, sizes: str) -> list[Column[Any]]:
    """The run, the machine and the fields of a case as columns; `sizes` titles the size column.

    Run and machine are shown where there are several runs; files always have both.
    """
    several = len(evidence.runs) > 1
    machines = {name: machine(run.facts.machine) for name, run in evidence.runs.items()}
    columns: list[Column[Any]] = [
        Column("run", "Run" * several, "text", lambda record: record.run, several),
        Column(
            "machine", "Machine" * several, "text", lambda record: machines[record.run], several
        ),
        Column("framework", "Framework", "text", lambda record: title(record.case.framework), True),
        field("activation", "code"),
        *(field(name, "text") for name in ("form", "mode", "direction")),
    ]
    size = Column[Any]("size", sizes, "count", lambda record: record.case.size, sizes == "Size")
    return [*columns, size] if sizes else columns


def conditions(*names: str) -> list[Column[Any]]:
    """The fields of a case that are often the same in every row."""
    return [
        field(name, "count" if name == "threads" else "text")
        for name in ("device", "dtype", *names)
    ]


def field(name: str, kind: str) -> Column[Any]:
    """A column of a field of the case."""
    return Column(name, name.capitalize(), kind, lambda record: getattr(record.case, name), True)


def metrics(table: str, figure: Callable[[Any, str], Estimate | None]) -> list[Column[Any]]:
    """A column per metric that a table shows, as the metric's record says."""
    return [_of(metric, shown, figure) for metric, shown in columns_in(table)]


def _of(metric: Metric, shown: Shown, figure: Callable[[Any, str], Estimate | None]) -> Column[Any]:
    write = _single if shown.kind in ("number", "count") else _interval

    def cell(record: Any) -> Any:
        estimate = figure(record, metric.name)
        return None if estimate is None else write(estimate)

    header = f"{metric.name} [{metric.unit}]" if metric.unit else metric.name
    return Column(shown.key, shown.title, shown.kind, cell, False, shown.limit, header)


def _single(estimate: Estimate) -> float | str | None:
    whole = math.isfinite(estimate.value) and estimate.value == int(estimate.value)
    return int(estimate.value) if whole else short(estimate.value)


def _interval(estimate: Estimate) -> list[float | str | None]:
    return [short(number) for number in (estimate.value, *estimate.ends)]


def short(value: float | None) -> float | str | None:
    """A number of six digits, or of all where six would change its first three."""
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    rounded = float(f"{value:.6g}")
    return rounded if f"{rounded:.3g}" == f"{value:.3g}" else value
