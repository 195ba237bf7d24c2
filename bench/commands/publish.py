"""The command `publish`."""

from __future__ import annotations

from pathlib import Path

import click

from ..results import claims, store
from .options import DEBUG, RUN
from .stored import opened

_EXAMPLES = """
\b
Examples:
  actbench publish 2026-01-31T12-00-00-standard
"""


@click.command(epilog=_EXAMPLES)
@RUN
@DEBUG
def publish(run_path: Path) -> None:
    """Copy RUN to results/published/, compressed.

    There it is kept under version control.
    """
    run = opened(run_path)
    judged = claims.read(run.path)
    target = store.publish(run)
    if judged:
        claims.write(target, judged)
    click.echo(f"Published in {target}; git add it to keep it.")
