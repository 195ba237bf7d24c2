"""Stored runs and the catalogue as tables, in Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..catalog.activations import CATALOG
from ..run import reading

if TYPE_CHECKING:
    import pandas


def load(run: str | Path) -> pandas.DataFrame:
    """The rows of a stored run, and what follows from them: one per case and metric.

    `run` is a folder, or its name under results/. Raises StoreError for one that cannot be read.
    """
    rows: pandas.DataFrame = reading.load(Path(run)).rows
    return rows


def activations() -> pandas.DataFrame:
    """The catalogue: name, formula, family and source of each activation, by name."""
    import pandas

    columns = ("formula", "family", "source")
    records = {
        name: [getattr(record, column) for column in columns] for name, record in CATALOG.items()
    }
    return pandas.DataFrame.from_dict(records, orient="index", columns=list(columns))
