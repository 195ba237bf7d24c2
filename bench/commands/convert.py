"""The command `convert`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from ..gate import summary
from ..results.facts import RunFacts
from ..results.rows import Row
from ..results.samples import Sample, Trial
from ..results.store import check_free
from ..run import convert as conversion
from ..run import derive
from .options import DEBUG, RUN

_EXAMPLES = """
\b
Examples:
  actbench convert results/2026-01-31T12-00-00-standard
  actbench convert 2026-01-31T12-00-00-standard --out results/converted

\b
Exit status: 0 converted, 1 a figure came out another, and nothing was written, 4 a run that cannot
be read or written.
"""
_SHOWN = 10


@click.command(epilog=_EXAMPLES)
@RUN
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the new run; RUN if unset.")
@DEBUG
def convert(run_path: Path, out: Path | None) -> None:
    """Make RUN, of schema 2, one of today: its rows are derived anew and compared with the old."""
    if out:
        check_free(out)
    converted = conversion.convert(run_path, _derived)
    for difference in converted.differences[:_SHOWN]:
        click.echo(difference)
    counts = f"{converted.same:,} figures are the same, {len(converted.differences):,} differ"
    if converted.differences:
        click.echo(f"{counts}: nothing was written.")
        sys.exit(1)
    target = out or converted.folder
    converted.write(target)
    click.echo(f"{counts}. Converted: {target}")


def _derived(samples: Sequence[Sample], facts: RunFacts) -> list[Row]:
    trials = [sample for sample in samples if isinstance(sample, Trial)]
    if trials:
        return summary.rows(trials)
    return derive.rows(samples, facts.size_classes, facts.precision, conversion.seed_of)
