"""The command `report`."""

from __future__ import annotations

import gc
from pathlib import Path

import click

from ...bench.commands.options import DEBUG, RunPath, folder_of
from ...bench.commands.stored import note

_EXAMPLES = """\b
Examples:
  actbench report 2025-01-31-standard
  actbench report results/cpu results/gpu --out both.html
  actbench report s3://bucket/runs/2025-01-31-standard --out page.html
"""


@click.command("report", epilog=_EXAMPLES)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=RunPath())
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The file to write.  [default: report.html in the first run's folder, or here where that "
    "lies elsewhere]",
)
@DEBUG
def report(runs: tuple[Path, ...], out: Path | None) -> None:
    """Make one HTML page of one or several runs.

    RUN is a run folder, its name under results/ or results/published/, or an address of fsspec,
    such as zip://run::runs.zip. The page opens offline.
    """
    # Looking again and again through a hundred thousand records, none of them in a cycle, took a
    # fifth of the time.
    gc.disable()
    try:
        sentence, path = make(runs, out)
    finally:
        gc.enable()
    click.echo(sentence)
    click.echo(click.format_filename(path))


def make(runs: tuple[Path, ...], out: Path | None) -> tuple[str, Path]:
    """Write the page of runs; what it says first and its path. Raises StoreError."""
    from ..page import render, spoken, write
    from ..read.rows import read

    evidence = read(runs)
    note(*evidence.runs.values())
    path = out or folder_of(next(iter(evidence.runs.values())).path) / "report.html"
    write(path, render(evidence))
    return "\n".join(spoken(evidence)), path


def verdict(run: Path) -> list[str]:
    """The first sentences of a run's page."""
    from ..page import spoken
    from ..read.rows import read

    return spoken(read((run,)))
