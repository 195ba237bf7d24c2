"""The command `special`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..catalog.cases import Selection
from ..catalog.frameworks import names
from ..exactness import special_table
from ..host.errors import UsageError
from ..results import export
from ..results.store import load
from .options import DEBUG, RUN

_EXAMPLES = """
\b
Examples:
  actbench special 2026-01-31T12-00-00-standard
  actbench special 2026-01-31T12-00-00-standard --activation gelu --framework torch --json
"""


@click.command(epilog=_EXAMPLES)
@RUN
@click.option("--framework", "wanted", multiple=True, help=f"{', '.join(names())}.")
@click.option("--activation", "labels", multiple=True, help="Every form of it, not the plain one.")
@click.option("--json", "as_json", is_flag=True, help="The rows, as records.")
@DEBUG
def special(
    run_path: Path, wanted: tuple[str, ...], labels: tuple[str, ...], as_json: bool
) -> None:
    """Show what each framework of RUN makes of ±0, subnormals, ±∞, NaN, kinks and thresholds."""

    asked = Selection(frameworks=wanted, activations=labels).checked()
    loaded = load(run_path)
    rows = special_table.chosen(loaded.records, asked)
    if not rows:
        raise UsageError(f"{loaded.path} has nothing of this at special points")
    if as_json:
        export.write_rows(rows, sys.stdout)
    else:
        click.echo(special_table.text(special_table.lines(rows)))
