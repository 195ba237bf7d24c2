"""Readers of stored runs for commands, which say what a run lacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from ..results.rows import Row
from ..results.store import Run
from ..results.words import part_of
from ..run import reading
from .options import shown


def opened(path: Path) -> Run:
    """A stored run; what it lacks is noted on stderr. Raises StoreError where it cannot be read."""
    run = reading.load(path)
    note(run)
    return run


def rows_of(path: Path) -> Iterator[Row]:
    """The rows of a stored run, one after another, however many there are.

    What it lacks is noted on stderr. Raises StoreError where it cannot be read.
    """
    run, rows = reading.rows_of(path)
    note(run)
    return rows


def note(*runs: Run) -> None:
    """Note on stderr what is lacking in runs that ended early."""
    for run in runs:
        for sentence in part_of(run):
            click.echo(f"note: {shown(sentence)}", err=True)
