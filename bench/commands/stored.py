"""Stored runs as commands open them: what one lacks is said."""

from __future__ import annotations

from pathlib import Path

import click

from ..results.store import Run
from ..results.words import part_of
from ..run.reading import load
from .options import shown


def opened(path: Path) -> Run:
    """A stored run; what it lacks is said on stderr. Raises StoreError where it cannot be read."""
    run = load(path)
    note(run)
    return run


def note(*runs: Run) -> None:
    """Say on stderr what is lacking in runs that ended early."""
    for run in runs:
        for sentence in part_of(run):
            click.echo(f"note: {shown(sentence)}", err=True)
