"""The command `export`."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING

import click

from ..catalog.activations import nearest
from ..host.errors import StoreError, UsageError
from ..results import export as formats
from ..results.metrics import METRICS
from ..results.store import Run
from ..run import benchmarks
from .options import DEBUG, RUN
from .stored import opened, rows_of

if TYPE_CHECKING:
    import pandas

_CLAIMS = "claims"
_IN_MEMORY = 2**24
"""The bytes of a file that wait in memory until it is complete; larger files wait on the disk."""
_EXAMPLES = """
\b
Examples:
  actbench export 2026-01-31T12-00-00-standard > rows.json
  actbench export results/2026-01-31T12-00-00-standard --format csv --out rows.csv
  actbench export 2026-01-31T12-00-00-standard --table relative_cost --format csv > costs.csv
  actbench export 2026-01-31T12-00-00-standard --table claims --format csv > claims.csv
  actbench export 2026-01-31T12-00-00-standard --format pytest-benchmark > 0001_now.json
  actbench export 2026-01-31T12-00-00-standard --format parquet --out rows.parquet

\b
Exit status: 0 written, 2 bad usage or no such figure in RUN, 4 a run that cannot be read, or a file
that cannot be written.
"""


@click.command(epilog=_EXAMPLES)
@RUN
@click.option(
    "--format",
    "form",
    type=click.Choice((*formats.FORMATS, *benchmarks.FORMATS)),
    default="json",
    show_default=True,
    help="JSON array of records, CSV or Parquet; or the format of another benchmarking tool: "
    "pytest-benchmark, Google Benchmark, Bencher (its Metric Format), github-action-benchmark "
    "(customSmallerIsBetter).",
)
@click.option(
    "--table",
    "metric",
    metavar="METRIC",
    help="One metric in place of all rows, such as relative_cost: a line per activation, form and "
    "conditions, a column per framework and mode. Or claims: a line per figure of each claim.",
)
@click.option("--out", type=click.Path(path_type=Path), help="File to write; stdout unless given.")
@DEBUG
def export(run_path: Path, form: str, metric: str | None, out: Path | None) -> None:
    """Write the rows of RUN, or a table, for other tools.

    RUN is a folder, its name under results/, or an address of fsspec, such as zip://run::runs.zip.
    """
    if metric and form in benchmarks.FORMATS:
        raise UsageError(f"--table is json, csv or parquet: {form} has a shape of its own")
    if form == "parquet" and out is None and sys.stdout.isatty():
        raise UsageError("parquet is for files: name one with --out")
    with SpooledTemporaryFile(_IN_MEMORY) as whole:
        _write(whole, run_path, form, metric)
        whole.seek(0)
        if out is None:
            _print(whole)
            return
        try:
            with out.open("wb") as file:
                shutil.copyfileobj(whole, file)
        except OSError as error:
            raise StoreError(
                f"cannot write {out}: {error.strerror}; choose another --out"
            ) from error
    click.echo(f"Wrote {out}.")


def _print(whole: IO[bytes]) -> None:
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:
        sys.stdout.write(whole.read().decode())
    else:
        sys.stdout.flush()
        shutil.copyfileobj(whole, stream)


def _write(whole: IO[bytes], path: Path, form: str, metric: str | None) -> None:
    """Write the file, row by row, to where it is kept until it is known to be complete.

    Raises UsageError for a metric that does not exist or makes no table.
    """
    if form in ("json", "csv") and not metric:
        with _text(whole) as stream:
            formats.write(rows_of(path), form, stream)
        return
    run = opened(path)
    if form in benchmarks.FORMATS:
        content = benchmarks.FORMATS[form](run)
        whole.write(f"{json.dumps(content, indent=1, allow_nan=False)}\n".encode())
        return
    values = _table(run, metric) if metric else run.rows
    if form == "parquet":
        whole.write(formats.parquet(values))
        return
    with _text(whole) as stream:
        formats.write_table(values, form, stream)


@contextmanager
def _text(whole: IO[bytes]) -> Iterator[IO[str]]:
    """A binary file as a text file; it stays open."""
    stream = io.TextIOWrapper(whole, "utf-8", newline="")
    yield stream
    stream.detach()


def _table(run: Run, metric: str) -> pandas.DataFrame:
    if metric == _CLAIMS:
        return formats.of_claims(run)
    if metric not in METRICS:
        raise UsageError(f"unknown metric {metric!r}: {nearest(metric, [*METRICS, _CLAIMS])}")
    return formats.flattened(formats.table(run, metric))
