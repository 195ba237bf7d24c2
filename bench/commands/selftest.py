"""The command `selftest`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any, NoReturn

import click

from ..gate import summary
from ..gate.selftest import FRAMEWORKS, Asked
from ..gate.selftest import selftest as execute
from ..host.progress import Reporter
from .options import DEBUG, OUT, SEED, Finite, as_given, framework

_EXAMPLES = """
\b
Examples:
  actbench selftest
  actbench selftest --cycles 34 --planted-every 6
  actbench selftest --framework numpy --hogs none --cycles 3

\b
Exit status: 0 the gate keeps what it promises as far as this many trials show, 1 it does not
(alarms on the same code in surely more than 1 % of gates), 2 bad usage, 4 a folder that cannot be
written, 130 interrupted (what was measured is kept).
"""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--cycles",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Cycles, of one gate on the same code per load of --hogs.",
)
@click.option(
    "--minutes", type=Finite(0), default=600.0, help="Begin no gate after so many minutes."
)
@click.option(
    "--framework",
    "frameworks",
    type=framework,
    multiple=True,
    help=f"{', '.join(FRAMEWORKS)}, or its title.",
)
@click.option(
    "--hogs",
    multiple=True,
    type=click.Choice(["none", "both arms", "one arm"]),
    help="Load: when a busy process runs on every CPU; all three unless some are named.",
)
@click.option(
    "--budget",
    type=Finite(1),
    default=30.0,
    show_default=True,
    help="Seconds of timing per gate.",
)
@click.option(
    "--planted-every",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Cycles per one with planted slowdowns; 0 for never.",
)
@SEED
@OUT
@click.option("--json", "as_json", is_flag=True, help="Print the lines of the table as JSON.")
@DEBUG
def selftest(hogs: tuple[str, ...], as_json: bool, **asked: Any) -> None:
    """Measure the gate itself: alarms on the same code, planted slowdowns found."""
    run(Asked(hogs=hogs or summary.HOGS, command=as_given(), **asked), as_json)


def run(asked: Asked, as_json: bool) -> NoReturn:
    """Run a selftest, say what it found, and end with its exit status."""
    done = execute(asked, Reporter(quiet=as_json))
    lines = summary.summary(done.trials)
    if as_json:
        click.echo(json.dumps({"path": str(done.path), "lines": [asdict(line) for line in lines]}))
    else:
        click.echo("\n".join(summary.table(lines)))
        click.echo(f"{summary.words(done.trials)}\nTrials: {done.path}/samples.jsonl")
    sys.exit(130 if done.state == "interrupted" else summary.exit_status(done.trials))
