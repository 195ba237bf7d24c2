"""Rows in other tools' formats."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any

from .store import Run, dump

if TYPE_CHECKING:
    import pandas

FORMATS = ("json", "csv")


def write(run: Run, form: str, stream: IO[str]) -> None:
    """Write a run's rows as a JSON array of records or as CSV, with the columns of `COLUMNS`.

    Infinity is 1e999 in JSON and `inf` in CSV; a missing value is null or empty.
    """
    if form == "csv":
        run.rows.to_csv(stream, index=False)
        return
    write_records(records(run), stream)


def records(run: Run) -> list[dict[str, Any]]:
    """A run's rows as records; a missing value is None."""
    names = list(map(str, run.rows.columns))
    # Column by column: pandas' own records are boxed cell by cell, which takes ten times as long.
    columns = [_cells(run.rows[name]) for name in names]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _cells(column: pandas.Series[Any]) -> list[Any]:
    values: list[Any] = column.astype(object).tolist()
    if not column.hasnans:
        return values
    return [None if isinstance(each, float) and math.isnan(each) else each for each in values]


def write_records(records: Iterable[dict[str, Any]], stream: IO[str]) -> None:
    """Write rows as a JSON array, one a line."""
    lines = ",\n".join(map(dump, records))
    stream.write(f"[{lines}]\n")
