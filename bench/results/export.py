"""Rows in other tools' formats."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import fields
from typing import IO, TYPE_CHECKING, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

from ..catalog.cases import Case
from ..host.errors import UsageError
from . import claims, door
from .rows import COLUMNS, Row, with_derived
from .store import Run, dump

if TYPE_CHECKING:
    import pandas

FORMATS = ("json", "csv", "parquet")
ACROSS = ("framework", "mode")
_OF_FIGURE: dict[str, Any] = get_type_hints(claims.Figure, include_extras=True)
DOWN = tuple(field.name for field in fields(Case) if field.name not in ACROSS)
"""The fields of a case that name the columns of a table, and those that name its lines."""


class _Columns(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float | None]


TABLE_LINE = door.model("Line", Case, without=ACROSS, whole=True, __base__=_Columns)
"""The model of a line of a table, with a column per framework and mode, as `torch compiled`."""
_OF_CLAIM: dict[str, Any] = {
    "claim": (claims.Name, ...),
    "topic": (claims.Topic, ...),
    "sentence": (str, ...),
    "source": (str, ...),
    "verdict": (claims.Verdict, ...),
    "figure": (str | None, ...),
    **{name: (kind | None, ...) for name, kind in _OF_FIGURE.items() if name != "name"},
}
CLAIM_LINE = create_model("ClaimFigure", **_OF_CLAIM)
"""The model of a line of the table of claims; a claim without figures has null for one."""


def write(rows: Iterable[Row], form: str, stream: IO[str]) -> None:
    """Write rows and what follows from them: a JSON array of records, or CSV of `COLUMNS`.

    Each row is written before the next one is taken. Infinity is 1e999 in JSON and `inf` in CSV; a
    missing value is null or empty.
    """
    if form != "csv":
        write_rows(with_derived(rows), stream)
        return
    lines = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    lines.writeheader()
    lines.writerows(row.as_columns() for row in with_derived(rows))


def parquet(values: pandas.DataFrame) -> bytes:
    """A table as Parquet; details that are lists or records become JSON text.

    Raises UsageError where no installed package writes it.
    """
    stream = io.BytesIO()
    try:
        values.to_parquet(stream, index=False)
    except ImportError:
        raise UsageError(
            "parquet needs pyarrow, which is not installed: python -m pip install pyarrow, or "
            "choose --format csv"
        ) from None
    return stream.getvalue()


def write_rows(rows: Iterable[Row], stream: IO[str]) -> None:
    """Write rows as a JSON array, one per line."""
    start = "["
    for row in rows:
        stream.write(f"{start}{dump(row.as_record())}")
        start = ",\n"
    stream.write("[]\n" if start == "[" else "]\n")


def table(run: Run, metric: str) -> pandas.DataFrame:
    """A metric of every case: a line per activation, form and conditions, a column per framework
    and mode.

    A case without a value is NaN; lines and columns are sorted. Raises UsageError for a metric that
    the run does not have, or that has several values per case.
    """
    values = run.rows[(run.rows.metric == metric) & run.rows.value.notna()]
    if values.empty:
        raise UsageError(f"{run.path} has no {metric}")
    if values.duplicated([*DOWN, *ACROSS]).any():
        raise UsageError(f"a case has several figures of {metric}: export its rows")
    return values.pivot_table(index=[*DOWN], columns=list(ACROSS), values="value")


def of_claims(run: Run) -> pandas.DataFrame:
    """A line per figure of each claim of a run; a claim without figures has one line.

    Raises UsageError where no claims were judged.
    """
    import pandas

    known = claims.read(run.path)
    if known is None:
        raise UsageError(f"{run.path} has no claims: actbench claims --run {run.path} judges them")
    kept = ("topic", "sentence", "source", "verdict")
    records = [
        {"claim": claim.name, **{name: getattr(claim, name) for name in kept}} | _figure(figure)
        for claim in known.judged
        for figure in claim.figures or (None,)
    ]
    return pandas.DataFrame(records, dtype=object)


def _figure(figure: claims.Figure | None) -> dict[str, Any]:
    of_figure = {field.name: getattr(figure, field.name, None) for field in fields(claims.Figure)}
    return {"figure": of_figure.pop("name"), **of_figure}


def write_table(flat: pandas.DataFrame, form: str, stream: IO[str]) -> None:
    """Write a table as CSV or as a JSON array of records."""
    if form == "csv":
        flat.to_csv(stream, index=False)
        return
    known: Any = flat.astype(object).where(flat.notna(), None)
    lines = ",\n".join(dump(record) for record in known.to_dict("records"))
    stream.write(f"[{lines}]\n")


def flattened(values: pandas.DataFrame) -> pandas.DataFrame:
    """A table with one name per column, `torch compiled`, and no index."""
    names = [" ".join(names) for names in values.columns]
    return values.set_axis(names, axis="columns").reset_index()
