"""Stored runs and the catalogue as tables, in Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..catalog.activations import CATALOG
from ..results.addresses import brought
from ..run import reading

if TYPE_CHECKING:
    import pandas


def load(run: str | Path) -> pandas.DataFrame:
    """The rows of a stored run, and what follows from them: one per case and metric.

    `run` is a folder, its name under results/, or an address of fsspec, such as s3://bucket/run.
    Raises StoreError for one that cannot be read, UsageError for an address that cannot be used.
    """
    with brought(str(run)) as folder:
        rows: pandas.DataFrame = reading.load(folder).rows
    return rows


def activations() -> pandas.DataFrame:
    """The catalogue: name, formula, family and source of each activation, by name."""
    import pandas

    columns = ("formula", "family", "source")
    records = {
        name: [getattr(record, column) for column in columns] for name, record in CATALOG.items()
    }
    return pandas.DataFrame.from_dict(records, orient="index", columns=list(columns))
