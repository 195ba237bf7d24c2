"""The command `export`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import click

from ..catalog.activations import nearest
from ..host.errors import StoreError, UsageError
from ..results import export as formats
from ..results.metrics import METRICS
from ..results.store import Run, load
from .options import DEBUG, RUN

Writer = Callable[[IO[str]], None]

_EXAMPLES = """
\b
Examples:
  actbench export 2026-01-31T12-00-00-standard > rows.json
  actbench export results/2026-01-31T12-00-00-standard --format csv --out rows.csv
  actbench export 2026-01-31T12-00-00-standard --table relative_cost --format csv > costs.csv

\b
Exit status: 0 written, 2 bad usage or no such figure in RUN, 4 a run that cannot be read, or a file
that cannot be written.
"""


@click.command(epilog=_EXAMPLES)
@RUN
@click.option(
    "--format",
    "form",
    type=click.Choice(formats.FORMATS),
    default="json",
    show_default=True,
    help="Format: JSON array of records, or CSV.",
)
@click.option(
    "--table",
    "metric",
    metavar="METRIC",
    help="One metric in place of all rows, such as relative_cost: a line per activation, form and "
    "conditions, a column per framework and mode.",
)
@click.option("--out", type=click.Path(path_type=Path), help="File to write; stdout unless given.")
@DEBUG
def export(run_path: Path, form: str, metric: str | None, out: Path | None) -> None:
    """Write the rows of RUN, or a table, for other tools.

    RUN is a folder, or its name under results/.
    """
    loaded = load(run_path)
    write, lines = _table(loaded, metric, form) if metric else _rows(loaded, form)
    if out is None:
        write(sys.stdout)
        return
    try:
        with out.open("w", encoding="utf-8", newline="") as stream:
            write(stream)
    except OSError as error:
        raise StoreError(f"cannot write {out}: {error.strerror}; choose another --out") from error
    click.echo(f"Wrote {lines} rows to {out}.")


def _rows(run: Run, form: str) -> tuple[Writer, int]:
    return lambda stream: formats.write(run, form, stream), len(run.rows)


def _table(run: Run, metric: str, form: str) -> tuple[Writer, int]:
    """Raises UsageError for a metric that does not exist or makes no table."""
    if metric not in METRICS:
        raise UsageError(f"unknown metric {metric!r}: {nearest(metric, list(METRICS))}")
    values = formats.table(run, metric)
    return lambda stream: formats.write_table(values, form, stream), len(values)
