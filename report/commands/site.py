"""The command `site`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ...bench.commands.options import DEBUG
from ...bench.host.errors import StoreError
from ...bench.results.store import PUBLISHED

_EXAMPLES = """\b
Examples:
  actbench publish 2025-01-31-standard && actbench site
  actbench site --published results/published --out site
  actbench site --published s3://bucket/runs --out site
  actbench site --base-url https://example.org/actbench/
"""


@click.command("site", epilog=_EXAMPLES)
@click.option(
    "--published",
    default=str(PUBLISHED),
    show_default=True,
    metavar="FOLDER|ADDRESS",
    help="The folder of published runs, one folder each, or its address, as of fsspec; actbench "
    "publish RUN adds one.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("site"),
    show_default=True,
    help="The folder to write: a new one, an empty one, or a site of before.",
)
@click.option(
    "--base-url",
    default="",
    help="Where the site will stand; the feed's addresses need it, the pages do not.",
)
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on stdout.")
@DEBUG
def site(published: str, out: Path, base_url: str, as_json: bool) -> None:
    """Make a site of published runs.

    An index of the runs, the report of each, trends over the runs of each machine, and a JSON feed.
    Every page opens offline. A run that cannot be read is listed with the reason, the others are
    built, and the exit status is 4.
    """
    from ..site.build import build, for_machines

    built = build(published, out, base_url)
    for folder in built.unread:
        click.echo(f"error: {folder.reason}", err=True)
    path = click.format_filename(built.path)
    click.echo(for_machines(built) if as_json else f"{built.sentence}\n{path}")
    if built.unread:
        sys.exit(StoreError.exit_status)
