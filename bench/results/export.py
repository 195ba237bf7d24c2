"""Rows in other tools' formats."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from .rows import Row, with_derived
from .store import Run, dump

FORMATS = ("json", "csv")


def write(run: Run, form: str, stream: IO[str]) -> None:
    """Write a run's rows and what follows from them: a JSON array of records, or CSV of `COLUMNS`.

    Infinity is 1e999 in JSON and `inf` in CSV; a missing value is null or empty.
    """
    if form == "csv":
        run.rows.to_csv(stream, index=False)
        return
    write_rows(with_derived(run.records), stream)


def write_rows(rows: Iterable[Row], stream: IO[str]) -> None:
    """Write rows as a JSON array, one per line."""
    lines = ",\n".join(dump(row.as_record()) for row in rows)
    stream.write(f"[{lines}]\n")
