"""The command `special`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from ..catalog.cases import Selection
from ..exactness.conventions import Conventions, chosen, conventions
from ..host.errors import UsageError
from ..results import export
from ..words import title
from .options import DEBUG, FRAMEWORKS, RUN
from .stored import opened

_EXAMPLES = """
\b
Examples:
  actbench special 2026-01-31T12-00-00-standard
  actbench special 2026-01-31T12-00-00-standard --activation gelu --framework torch --json
"""


@click.command(epilog=_EXAMPLES)
@RUN
@FRAMEWORKS
@click.option("--activation", "labels", multiple=True, help="Every form, not only the plain one.")
@click.option("--json", "as_json", is_flag=True, help="The rows, as records.")
@DEBUG
def special(
    run_path: Path, frameworks: tuple[str, ...], labels: tuple[str, ...], as_json: bool
) -> None:
    """Show the results of RUN at ±0, ±∞, NaN and kinks.

    They are listed by framework, with those at subnormals, thresholds, special rows and whole
    numbers.
    """

    asked = Selection(frameworks=frameworks, activations=labels).checked()
    loaded = opened(run_path)
    rows = chosen(loaded.records, asked)
    if not rows:
        raise UsageError(f"{loaded.path} has no such results at special points")
    if as_json:
        export.write_rows(rows, sys.stdout)
    else:
        click.echo(text(conventions(rows)))


def text(rows: Sequence[Conventions]) -> str:
    """A paragraph per activation and form, under its framework."""
    parts = []
    for framework in dict.fromkeys(row.framework for row in rows):
        parts.append(title(framework))
        parts += [_paragraph(row) for row in rows if row.framework == framework]
    return "\n".join(parts)


_WIDTH = 22
"""The most columns for a name."""


def _paragraph(row: Conventions) -> str:
    width = max(_WIDTH, *(len(column) + 2 for column, texts in row.cells.items() if texts), 0)
    lines = [
        f"    {'' if number else column:<{width}}{text}"
        for column, texts in row.cells.items()
        for number, text in enumerate(texts)
    ]
    return "\n".join([f"  {row.activation}, {row.form}", *lines])
