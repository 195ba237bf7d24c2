"""Rows in other tools' formats."""

from __future__ import annotations

import json
import math
from typing import IO, Any

from .store import Run

FORMATS = ("json", "csv")


def write(run: Run, form: str, stream: IO[str]) -> None:
    """Write a run's rows as a JSON array of records or as CSV, with the columns of `COLUMNS`.

    Infinity is 1e999 in JSON and `inf` in CSV; a missing value is null or empty.
    """
    if form == "csv":
        run.rows.to_csv(stream, index=False)
        return
    records = run.rows.to_dict(orient="records")
    lines = (json.dumps(_plain(record), ensure_ascii=False) for record in records)
    body = ",\n".join(lines).replace('": Infinity', '": 1e999').replace('": -Infinity', '": -1e999')
    stream.write(f"[{body}]\n")


def _plain(record: dict[Any, Any]) -> dict[str, Any]:
    return {
        str(key): None if isinstance(value, float) and math.isnan(value) else value
        for key, value in record.items()
    }
