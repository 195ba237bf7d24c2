"""The command `export`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..host.errors import StoreError
from ..results import export as formats
from ..results.store import load
from .options import DEBUG, RUN

_EXAMPLES = """
\b
Examples:
  actbench export 2026-01-31T12-00-00-standard > rows.json
  actbench export results/2026-01-31T12-00-00-standard --format csv --out rows.csv
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
@click.option("--out", type=click.Path(path_type=Path), help="File to write; stdout unless given.")
@DEBUG
def export(run_path: Path, form: str, out: Path | None) -> None:
    """Write the rows of RUN (a folder, or its name under results/) for other tools."""

    loaded = load(run_path)
    if out is None:
        formats.write(loaded, form, sys.stdout)
        return
    try:
        with out.open("w", encoding="utf-8", newline="") as stream:
            formats.write(loaded, form, stream)
    except OSError as error:
        raise StoreError(f"cannot write {out}: {error.strerror}; choose another --out") from error
    click.echo(f"Wrote {len(loaded.rows)} rows to {out}.")
