"""The command `findings`."""

from __future__ import annotations

from pathlib import Path

import click

from ..catalog.cases import Selection
from ..exactness import findings as module
from ..results.store import dump
from .options import DEBUG, FRAMEWORKS, RUN
from .stored import opened

_EXAMPLES = """
\b
Examples:
  actbench findings 2026-01-31T12-00-00-standard
  actbench findings results/2026-01-31T12-00-00-standard --framework torch --limit 10
"""


@click.command(epilog=_EXAMPLES)
@RUN
@FRAMEWORKS
@click.option("--activation", "activations", multiple=True, help="A name of `list`.")
@click.option("--limit", type=click.IntRange(1), help="Findings to show; all unless given.")
@click.option("--json", "as_json", is_flag=True, help="One record per finding.")
@DEBUG
def findings(
    run_path: Path,
    frameworks: tuple[str, ...],
    activations: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> None:
    """List what is wrong in RUN.

    Errors beyond a stated bound, each with three lines that show it.
    """

    loaded = opened(run_path)
    chosen = Selection(frameworks=frameworks, activations=activations)
    every = module.findings(loaded, chosen)
    shown = every[:limit]
    if as_json:
        records = ",\n".join(dump(finding.as_dict()) for finding in shown)
        click.echo(f"[\n{records}\n]" if shown else "[]")
        return
    for finding in shown:
        click.echo(finding.sentence)
        click.echo("".join(f"    {line}\n" for line in finding.lines))
    click.echo(module.verdict(every, module.checked(loaded, chosen), len(shown)))
