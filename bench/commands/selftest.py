"""The command `selftest`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import click

from ..catalog.cases import PROFILES, Selection
from ..compare import coverage
from ..gate.selftest import FRAMEWORKS, Asked
from ..gate.selftest import selftest as execute
from ..host.errors import UsageError
from ..host.progress import Reporter
from ..results.addresses import brought, named
from ..results.answers import written
from ..results.facts import Coverage, Tally
from ..results.store import write_facts
from ..run import summary
from ..run.request import Request
from ..run.schedule import run as execute_run
from .options import DEBUG, OUT, SEED, Finite, as_given, borrowed, framework
from .stored import opened

_EXAMPLES = """
\b
Examples:
  actbench selftest
  actbench selftest --cycles 34 --planted-every 6
  actbench selftest --framework numpy --hogs none --cycles 3
  actbench selftest --costs --framework numpy --framework jax
  actbench selftest --costs --of results/2026-01-31T12-00-00-standard --of results/again

\b
Exit status: 0 the gate, or the costs, keep what they promise as far as this many trials show, 1
they do not (alarms on the same code in surely more than 1 % of gates; surely fewer than 93 % of
costs agree), 2 bad usage, 4 a folder that cannot be written, 130 interrupted (what was measured is
kept).
"""


@dataclass(frozen=True)
class OfGate:
    """The rates of a gate on the same code and on planted slowdowns, and the run of its trials."""

    path: Path
    lines: list[Tally]


@dataclass(frozen=True)
class OfCosts:
    """The widths of the intervals of costs, and how often independent runs agree."""

    runs: list[Path]
    lines: list[Coverage]


@click.command(epilog=_EXAMPLES)
@click.option(
    "--costs",
    is_flag=True,
    help="Measure the intervals of costs instead: of independent runs, how many cells agree.",
)
@click.option(
    "--of",
    "runs",
    multiple=True,
    metavar="RUN",
    help="With --costs: these runs, the first against the second and so on; else two new ones. "
    "Folders, names under results/, or addresses of fsspec.",
)
@click.option(
    "--cycles",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Cycles, of one gate on the same code per load of --hogs.",
)
@click.option(
    "--minutes", type=Finite(0), default=600.0, help="Start no gate after this many minutes."
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
def selftest(
    costs: bool, runs: tuple[str, ...], hogs: tuple[str, ...], as_json: bool, **asked: Any
) -> None:
    """Measure the gate itself, or the intervals of costs.

    For the gate: alarms on the same code, and planted slowdowns detected.

    With --costs, for the intervals of costs: how narrow they are, and how often independent runs
    agree.
    """
    if costs:
        reporter = Reporter(quiet=as_json)
        _costs(runs or _two_runs(asked, reporter), reporter, as_json)
    if runs:
        raise UsageError("--of names the runs of --costs: give that too")
    run(Asked(hogs=hogs or summary.HOGS, command=as_given(), **asked), as_json)


def _costs(names: Sequence[str], reporter: Reporter, as_json: bool) -> NoReturn:
    """Compare runs, store the result in the last of them, and print it."""
    if len(names) < 2 or len(names) % 2:
        raise UsageError("--of takes runs in pairs: name two, or four")
    with ExitStack() as stack:
        folders = [stack.enter_context(brought(name)) for name in names[:-1]]
        folders.append(stack.enter_context(borrowed(names[-1], reporter)))
        runs = [opened(folder) for folder in folders]
        lines = coverage.coverage([run.records for run in runs])
        facts = replace(runs[-1].facts, coverage=lines)
        write_facts(runs[-1].path, facts)
    if as_json:
        click.echo(named(written(OfCosts([run.path for run in runs], lines))))
    else:
        click.echo("\n".join(coverage.table(lines, facts)))
        click.echo(named(f"{coverage.words(lines)}\nKept in {runs[-1].path}/run.json"))
    sys.exit(coverage.exit_status(lines))


def _two_runs(asked: Mapping[str, Any], reporter: Reporter) -> list[str]:
    """Two runs of the answer's costs, one after the other."""
    paths = []
    for number in range(2):
        request = Request(
            profile=PROFILES["standard"],
            selection=Selection(frameworks=asked["frameworks"]),
            seed=asked["seed"],
            out=asked["out"] and asked["out"].with_name(f"{asked['out'].name}-{number + 1}"),
            pythons={},
            python=sys.executable,
            timeout=300.0,
            command=as_given(),
            parts=("timing",),
        )
        outcome = execute_run(request, reporter)
        if outcome.facts.state == "interrupted":
            sys.exit(130)
        paths.append(str(outcome.path))
    return paths


def run(asked: Asked, as_json: bool) -> NoReturn:
    """Run a selftest, say what it found, and end with its exit status."""
    done = execute(asked, Reporter(quiet=as_json))
    lines = summary.summary(done.trials)
    if as_json:
        click.echo(written(OfGate(done.path, lines)))
    else:
        click.echo("\n".join(summary.table(lines)))
        click.echo(f"{summary.words(done.trials)}\nTrials: {done.path}/samples.jsonl")
    sys.exit(130 if done.state == "interrupted" else summary.exit_status(done.trials))
