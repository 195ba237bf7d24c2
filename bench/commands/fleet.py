"""The command `fleet`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

import click

from ..catalog.cases import Selection
from ..fleet.fleet import Fleet, Standing, State
from ..fleet.hosts import Refused, discovered
from ..host.errors import ActbenchError, UsageError
from ..host.progress import Reporter
from ..results import store
from ..results.answers import written
from ..run.reading import load
from ..run.recording import Outcome
from ..words import Table
from ..workers.scheduler import connected
from . import conclusion
from .options import DEBUG, LocalFolder
from .run import profile_of, run

_WORKER = "on each host, dask worker --nthreads 1"
_EXAMPLES = """
\b
Examples:
  actbench fleet --scheduler tcp://10.0.0.1:8786
  actbench fleet --scheduler tcp://10.0.0.1:8786 --profile full --out results/autumn
  actbench fleet --scheduler tcp://10.0.0.1:8786 --activation gelu --framework torch --json

\b
Exit status: 0 every host was measured, or another of its kind in its place, 1 a host was refused or
lost, or its run failed or says 1 itself, 2 bad usage, or no scheduler with workers answers, 4 a
folder that cannot be written, 130 interrupted. What arrived is kept.
"""
_OWN = ("out", "into", "resume", "as_json")
"""Options of `run` that are none of a run on another host."""


@click.command(
    epilog=_EXAMPLES,
    context_settings={"ignore_unknown_options": True},
    options_metavar="[OPTIONS] [OPTIONS OF run]",
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="")
@click.option(
    "--scheduler", required=True, metavar="ADDRESS", help="The scheduler of a Dask cluster."
)
@click.option(
    "--out",
    type=LocalFolder(),
    help="Folder of the runs; it must be empty.  [default: a new one under results/]",
)
@click.option("--json", "as_json", is_flag=True, help="Print a record per host, as one object.")
@DEBUG
def fleet(options: tuple[str, ...], scheduler: str, out: Path | None, as_json: bool) -> None:
    """Measure the same on every host of a Dask cluster.

    Each host measures on its own, one thing at a time, as `actbench run` does with the same options
    (actbench run --help), in a folder that is removed. Its run is stored as HOST-PROFILE. Files and
    functions that options name must be on every host.

    The work of a lost host goes to another one with the same CPU, GPUs and versions. What the lost
    host had measured is kept as a run that was killed. A host with another version of actbench is
    refused.
    """
    _check(options)
    if out:
        store.check_free(out)
    reporter = Reporter(quiet=as_json)
    with connected(scheduler, _WORKER) as client:
        hosts, refused = discovered(client)
        for host in refused:
            reporter.say(f"{host.name}: refused: {host.reason}")
        if not hosts:
            raise ActbenchError(f"no host of {scheduler} can measure: {refused[0].reason}")
        folder = _folder(out)
        measuring = Fleet(client, hosts, options, folder, partial(_say, reporter))
        with reporter.board(lambda: list(map(_line, measuring.standings))):
            measuring.measure()
    standings = measuring.standings
    click.echo(
        for_machines(folder, standings, refused)
        if as_json
        else for_people(folder, standings, refused)
    )
    sys.exit(_exit_status(standings, refused))


def _check(options: tuple[str, ...]) -> None:
    """Raise UsageError for what `run` would not take, or a fleet does not hand on."""
    given = run.make_context("run", list(options), parent=click.get_current_context())
    for parameter in run.params:
        name = parameter.name or ""
        if (
            name in _OWN
            and given.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        ):
            raise UsageError(f"{parameter.opts[0]} is for a run on this machine: leave it out here")
    chosen = {field.name: given.params[field.name] for field in fields(Selection)}
    profile_of(given.params["profile"], bool(given.params["functions"]), **chosen)
    Selection(**chosen).checked()


def _folder(out: Path | None) -> Path:
    """The folder of the runs, which is there. Raises StoreError if it cannot be."""
    if out is None:
        return store.new_folder(datetime.now(UTC), "fleet")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise store.cannot_write(out, error) from error
    return out


def _say(reporter: Reporter, standing: Standing) -> None:
    """Say a new state."""
    reporter.say(_line(standing))


def _line(standing: Standing) -> str:
    """`n1: measuring, 12 s: Measuring (1 of 2): 48, about 2 minutes left`."""
    time = f", {standing.seconds:.0f} s" if standing.seconds else ""
    about = _about(standing)
    return f"{standing.job.name}: {standing.state}{time}{f': {about}' if about else ''}"


def _about(standing: Standing) -> str:
    """The folder of a run, or the last word on it and the folder of what it had measured."""
    if standing.state is State.DONE:
        return str(standing.path)
    kept = f"what it had measured is in {standing.path}" if standing.path else ""
    return "; ".join(filter(None, [standing.said.rpartition("\n")[2], kept, _unkept(standing)]))


def _unkept(standing: Standing) -> str:
    """The reason why nothing is kept of what a host had sent; empty where there is none."""
    return f"what it had measured cannot be kept: {standing.unkept}" if standing.unkept else ""


def for_people(folder: Path, standings: Sequence[Standing], refused: Sequence[Refused]) -> str:
    """A table of hosts with their runs, the reasons of those without, and what reads them."""
    rows: list[tuple[str, ...]] = [
        (
            standing.job.name,
            standing.job.host.kind.cpu,
            standing.state,
            f"{standing.seconds:.0f} s",
            f"{standing.cases:,}",
            _about(standing),
        )
        for standing in standings
    ]
    rows += [(host.name, "", "refused", "", "0", host.reason) for host in refused]
    table = Table(("host", "CPU", "state", "time", "cases", "run"), rows)
    failed = [
        f"{standing.job.name}: {_conclusion(standing.path)}"
        for standing in standings
        if standing.path and standing.status
    ]
    paths = " ".join(str(standing.path) for standing in standings if standing.path)
    page = [f"Page: actbench report {paths}"] if paths else []
    return "\n".join([*table.text(), *failed, *page])


def _conclusion(path: Path) -> str:
    """The words of a run on itself at its end, without where it is."""
    measured = load(path)
    outcome = Outcome(path, measured.facts, list(measured.records))
    return conclusion.for_people(outcome).partition("\n")[0]


@dataclass(frozen=True)
class Measured:
    """A host, its state, and the run that it measured; `status` is the exit status of that.

    `reason` is the last thing it said, or why it failed.
    """

    host: str
    in_place_of: str | None
    cpu: str
    versions: dict[str, str]
    state: State
    seconds: float
    path: Path | None
    cases: int
    status: int | None
    reason: str


@dataclass(frozen=True)
class NotMeasured:
    """A host that was refused, and why."""

    host: str
    reason: str
    state: Literal["refused"] = "refused"


@dataclass(frozen=True)
class Answer:
    """The folder of the runs, and a record per host."""

    folder: Path
    hosts: list[Measured | NotMeasured]


def for_machines(folder: Path, standings: Sequence[Standing], refused: Sequence[Refused]) -> str:
    """One object: the folder, and a record per host."""
    measured = [
        Measured(
            host=standing.job.host.name,
            in_place_of=standing.job.lost[0].name if standing.job.lost else None,
            cpu=standing.job.host.kind.cpu,
            versions=dict(standing.job.host.kind.versions),
            state=standing.state,
            seconds=round(standing.seconds, 3),
            path=standing.path,
            cases=standing.cases,
            status=standing.status,
            reason="; ".join(filter(None, [standing.said, _unkept(standing)])),
        )
        for standing in standings
    ]
    not_measured = [NotMeasured(host.name, host.reason) for host in refused]
    return written(Answer(folder, [*measured, *not_measured]))


def _exit_status(standings: Sequence[Standing], refused: Sequence[Refused]) -> int:
    if any(standing.state is State.INTERRUPTED for standing in standings):
        return 130
    return int(bool(refused) or not all(standing.met for standing in standings))
