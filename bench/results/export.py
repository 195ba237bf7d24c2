"""Rows in other tools' formats."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

from .store import Run, dump

FORMATS = ("json", "csv")


def write(run: Run, form: str, stream: IO[str]) -> None:
    """Write a run's rows as a JSON array of records or as CSV, with the columns of `COLUMNS`.

    Infinity is 1e999 in JSON and `inf` in CSV; a missing value is null or empty.
    """
    if form == "csv":
        run.rows.to_csv(stream, index=False)
        return
    write_records(run.records, stream)


def write_records(records: Iterable[dict[str, Any]], stream: IO[str]) -> None:
    """Write rows as a JSON array, one a line."""
    lines = ",\n".join(map(dump, records))
    stream.write(f"[{lines}]\n")
