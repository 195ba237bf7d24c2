"""`actbench report RUN...`: run folders to one page."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from pathlib import Path

import click

from actbench.bench.host.errors import ActbenchError, StoreError

EXAMPLES = """\b
Examples:
  actbench report 2025-01-31-standard
  actbench report results/cpu results/gpu --out both.html
"""


@click.command(epilog=EXAMPLES)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The file to write.  [default: report.html in the first run's folder]",
)
@click.option("--debug", is_flag=True, help="Show the whole traceback of an error.")
def main(runs: tuple[Path, ...], out: Path | None, debug: bool) -> None:
    """Make one HTML page of one or several runs.

    RUN is a run folder, or its name under results/ or results/published/. The page opens offline.
    """
    try:
        sentence, path = make(runs, out)
    except ActbenchError as error:
        if debug:
            raise
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_status)
    click.echo(sentence)
    click.echo(click.format_filename(path))


def make(runs: tuple[Path, ...], out: Path | None) -> tuple[str, Path]:
    """Write the page of runs; what it says first and its path. Raises StoreError."""
    from actbench.report.page import render
    from actbench.report.read.rows import read
    from actbench.report.sections.glance import spoken

    evidence = read(runs)
    path = out or next(iter(evidence.runs.values())).path / "report.html"
    write(path, render(evidence))
    return "\n".join(spoken(evidence)), path


def write(path: Path, text: str) -> None:
    """Write the page so that a full disk leaves an older one whole. Raises StoreError."""
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
        else:
            _replace(path.resolve(), text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            f"cannot write {path}: {reason}; choose another file with --out"
        ) from error


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


if __name__ == "__main__":
    # The process ends with its page. Looking again and again through a hundred thousand records,
    # none of them in a cycle, took a fifth of the time.
    gc.disable()
    main(prog_name="actbench report")
