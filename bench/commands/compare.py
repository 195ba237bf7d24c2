"""The command `compare`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..compare import runs as module
from ..compare import words
from ..compare.timing import ZONE
from ..host.errors import UsageError
from ..results import store
from .options import DEBUG, Finite

_EXAMPLES = """
\b
Examples:
  actbench compare results/before results/after
  actbench compare 2026-01-31T12-00-00-standard 2026-02-28T12-00-00-standard --limit 50
  actbench compare before after --dead-zone 0.1 --strict
  actbench compare before after --markdown > summary.md
  actbench compare here there --across-machines --json

\b
Exit status: 0 nothing slower or less exact, 1 a regression: something is slower, less exact or
fails, 2 bad usage, runs of different machines or with nothing in common, 3 undecided (with
--strict), 4 a run that cannot be read.
"""


@click.command(epilog=_EXAMPLES)
@click.argument("base", metavar="RUN_A", type=click.Path(path_type=Path))
@click.argument("candidate", metavar="RUN_B", type=click.Path(path_type=Path))
@click.option(
    "--dead-zone",
    "zone",
    type=Finite(0, min_open=True),
    default=ZONE,
    show_default=True,
    help="The least change of a time to detect, as a share.",
)
@click.option("--across-machines", is_flag=True, help="Compare runs of different machines too.")
@click.option("--strict", is_flag=True, help="Exit with 3 if something is undecided.")
@click.option(
    "--limit", type=click.IntRange(0), default=20, show_default=True, help="Lines of the table."
)
@click.option("--json", "as_json", is_flag=True, help="Everything, as one object.")
@click.option("--markdown", "as_markdown", is_flag=True, help="The same text as Markdown.")
@DEBUG
def compare(
    base: Path,
    candidate: Path,
    zone: float,
    across_machines: bool,
    strict: bool,
    limit: int,
    as_json: bool,
    as_markdown: bool,
) -> None:
    """Say what became slower or less exact from RUN_A, the base, to RUN_B, the candidate.

    A run is a folder, or its name under results/. A case is slower where its time is and its cost
    over its unit is too: hours apart a machine moves all times alike, and a unit that became faster
    makes nothing else slower. Exactness is compared as it is.
    """

    if as_json and as_markdown:
        raise UsageError("--json and --markdown exclude each other: choose one of them")
    runs = store.load(base), store.load(candidate)
    comparison = module.compare(*runs, zone=zone, across_machines=across_machines)
    if as_json:
        click.echo(words.for_machines(comparison, strict))
    elif as_markdown:
        click.echo(words.for_markdown(comparison, limit))
    else:
        click.echo(words.for_people(comparison, limit))
    sys.exit(comparison.exit_status(strict))
