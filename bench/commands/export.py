"""The command `export`."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..catalog.activations import nearest
from ..host.errors import StoreError, UsageError
from ..results import export as formats
from ..results.metrics import METRICS
from ..results.store import Run
from ..run import benchmarks
from .options import DEBUG, RUN
from .stored import opened

if TYPE_CHECKING:
    import pandas

_CLAIMS = "claims"
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
    help="JSON array of records, CSV or Parquet; or what another tool for benchmarks stores: "
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
    text = _written(opened(run_path), form, metric)
    if out is None:
        _print(text)
        return
    try:
        out.write_bytes(text)
    except OSError as error:
        raise StoreError(f"cannot write {out}: {error.strerror}; choose another --out") from error
    click.echo(f"Wrote {out}.")


def _print(text: bytes) -> None:
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:
        sys.stdout.write(text.decode())
    else:
        sys.stdout.flush()
        stream.write(text)


def _written(run: Run, form: str, metric: str | None) -> bytes:
    """The file. Raises UsageError for a metric that does not exist or makes no table."""
    stream = io.StringIO(newline="")
    if form in benchmarks.FORMATS:
        content = benchmarks.FORMATS[form](run)
        return f"{json.dumps(content, indent=1, allow_nan=False)}\n".encode()
    if not metric:
        if form == "parquet":
            return formats.parquet(run.rows)
        formats.write(run, form, stream)
        return stream.getvalue().encode()
    values = _table(run, metric)
    if form == "parquet":
        return formats.parquet(values)
    formats.write_table(values, form, stream)
    return stream.getvalue().encode()


def _table(run: Run, metric: str) -> pandas.DataFrame:
    if metric == _CLAIMS:
        return formats.of_claims(run)
    if metric not in METRICS:
        raise UsageError(f"unknown metric {metric!r}: {nearest(metric, [*METRICS, _CLAIMS])}")
    return formats.flattened(formats.table(run, metric))
