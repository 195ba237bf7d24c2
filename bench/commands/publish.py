"""The command `publish`."""

from __future__ import annotations

from pathlib import Path

import click

from ..catalog.shell import command
from ..host import temporary
from ..results import claims, store
from ..results.addresses import is_address
from ..results.claims import Claims
from ..results.store import Run
from .options import DEBUG, RUN
from .stored import opened

_EXAMPLES = """
\b
Examples:
  actbench publish 2026-01-31T12-00-00-standard
  actbench publish 2026-01-31T12-00-00-standard --published s3://bucket/runs
  actbench publish s3://bucket/runs/2026-01-31T12-00-00-standard

\b
Exit status: 0 published, 2 bad usage or a run that is published already, 4 a run that cannot be
read, or a folder or address that cannot be written.
"""


@click.command(epilog=_EXAMPLES)
@RUN
@click.option(
    "--published",
    default=str(store.PUBLISHED),
    show_default=True,
    metavar="FOLDER|ADDRESS",
    help="Where published runs lie, one folder each: a folder, or an address of fsspec.",
)
@DEBUG
def publish(run_path: Path, published: str) -> None:
    """Copy RUN to results/published/, compressed.

    There it is kept under version control. RUN is a folder, its name under results/, or an address
    of fsspec.
    """
    run = opened(run_path)
    judged = claims.read(run.path)
    if not is_address(published):
        target = _copied(run, judged, Path(published))
        click.echo(f"Published in {target}; git add it to keep it.")
        return
    from ..results import elsewhere  # slow to import, and only an address needs it

    with temporary.folder() as folder:
        address = elsewhere.put(_copied(run, judged, folder.path), published)
    click.echo(f"Published at {address}. Page: {command('report', address)}")


def _copied(run: Run, judged: Claims | None, folder: Path) -> Path:
    """The compressed copy of a run in a folder, with its claims."""
    target = store.publish(run, folder)
    if judged:
        claims.write(target, judged)
    return target
