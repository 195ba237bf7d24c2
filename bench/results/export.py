"""Rows in other tools' formats."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import IO, TYPE_CHECKING, Any

from ..catalog.cases import OF_INPUT, USUAL, Case
from ..host.errors import UsageError
from .rows import Row, with_derived
from .store import Run, dump

if TYPE_CHECKING:
    import pandas

FORMATS = ("json", "csv")
ACROSS = ("framework", "mode")
DOWN = tuple(field.name for field in fields(Case) if field.name not in ACROSS)
"""The fields of a case that name the columns of a table, and those that name its lines."""


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


def table(run: Run, metric: str) -> pandas.DataFrame:
    """A metric of every case: a line per activation, form and conditions, a column per framework
    and mode.

    Lines do not say what every input is without saying. A case that has no value is NaN; lines and
    columns are sorted. Raises UsageError for a metric that the run does not have, or of which a
    case has several.
    """
    values = run.rows[(run.rows.metric == metric) & run.rows.value.notna()]
    if values.empty:
        raise UsageError(f"{run.path} has no {metric}")
    if values.duplicated([*DOWN, *ACROSS]).any():
        raise UsageError(f"a case has several figures of {metric}: export its rows")
    usual = [name for name in OF_INPUT if (values[name] == USUAL[name]).all()]
    down = [name for name in DOWN if name not in usual]
    return values.pivot_table(index=down, columns=list(ACROSS), values="value")


def write_table(values: pandas.DataFrame, form: str, stream: IO[str]) -> None:
    """Write a table as CSV or as a JSON array of records, its columns named `torch compiled`."""
    flat = values.set_axis([" ".join(names) for names in values.columns], axis="columns")
    if form == "csv":
        flat.to_csv(stream)
        return
    known: Any = flat.astype(object).where(flat.notna(), None).reset_index()
    lines = ",\n".join(dump(record) for record in known.to_dict("records"))
    stream.write(f"[{lines}]\n")
