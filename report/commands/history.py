"""The command `history`."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...bench.catalog.activations import nearest
from ...bench.catalog.cases import Case, Selection
from ...bench.commands.options import DEBUG, selecting, shown
from ...bench.host.errors import StoreError, UsageError
from ...bench.host.progress import Reporter
from ...bench.results import elsewhere, store
from ...bench.results.addresses import brought, is_address
from ...bench.results.answers import written
from ...bench.results.door import Real
from ...bench.results.metrics import METRICS
from ...bench.results.store import RESULTS
from ...bench.words import Table, named, number, plus_minus

if TYPE_CHECKING:
    from ..site.history import Asked, Entry, Moved

_EXAMPLES = """\b
Examples:
  actbench history
  actbench history --since 2026-01-01 --profile standard --host n1
  actbench history --activation gelu --framework torch
  actbench history --results s3://bucket/runs --activation silu --metric max_ulp_near --json
  actbench history --results zip://::runs.zip

\b
Exit status: 0 listed, 2 bad usage or an address that nothing here opens, 4 a run that cannot be
read; the others are listed.
"""
_COST = "relative_cost"
_OTHERS = (
    *("mode", "direction", "device", "dtype", "size", "threads", "output", "cache", "input"),
    *("shape", "row", "axis", "layout"),
)
_MOST = 8
"""Figures of a case on a line: those of the last runs."""


@click.command("history", epilog=_EXAMPLES)
@click.option(
    "--results",
    default=str(RESULTS),
    show_default=True,
    metavar="FOLDER|ADDRESS",
    help="Where runs lie, at any depth: a folder, or an address of fsspec.",
)
@click.option("--host", default="", help="A host of a fleet by name, or a part of a CPU's name.")
@click.option("--profile", default="", help="Runs of this profile alone.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Runs from this day on."
)
@partial(selecting, without=_OTHERS)
@click.option(
    "--metric",
    default="",
    help=f"The figure to follow, a metric such as time_per_call.  [default: {_COST}]",
)
@click.option("--json", "as_json", is_flag=True, help="Runs, and the figures asked for, as one.")
@DEBUG
def history(
    results: str, host: str, profile: str, since: datetime | None, metric: str, as_json: bool,
    **chosen: tuple[Any, ...],
) -> None:  # fmt: skip
    """List stored runs, and how their figures moved.

    With --activation or --metric: what each case came to in each run of a machine, the oldest
    first. A change of level is claimed only where chance seldom would make one, as on the
    site's page of trends; that the intervals of the first and the last run are apart is no claim.
    """
    from ..site.history import moved
    from ..site.runs import by_machine

    asked = _asked(metric, Selection(**chosen).checked())
    entries, unread = _read(results, asked, Reporter(quiet=as_json))
    start = since.replace(tzinfo=UTC) if since else None
    listed = [entry for entry in entries if _is_chosen(entry, host, profile, start)]
    machines = by_machine(listed)
    figures = [moved(runs) for runs in machines] if asked else []
    if as_json:
        moves = [_moved(case) for of in figures for case in of]
        click.echo(written(Answer(list(map(_record, listed)), unread, moves)))
    else:
        click.echo("\n".join(_table(listed)))
        for runs, of in zip(machines, figures, strict=False):
            if of:
                click.echo("\n".join(["", *_movements(runs, of)]))
        if asked and not any(figures):
            click.echo("None of these runs has the figure.")
    for reason in unread.values():
        click.echo(f"error: {shown(reason)}", err=True)
    if unread:
        sys.exit(StoreError.exit_status)


def _asked(metric: str, chosen: Selection) -> Asked | None:
    """The figures to follow; None where nothing says which."""
    from ..site.history import Asked

    if metric and metric not in METRICS:
        raise UsageError(f"unknown metric {metric!r}: {nearest(metric, list(METRICS))}")
    if not metric and not chosen.activations:
        return None
    return Asked(metric or _COST, chosen.activations, chosen.forms, chosen.frameworks)


def _read(
    results: str, asked: Asked | None, reporter: Reporter
) -> tuple[list[Entry], dict[str, str]]:
    """The runs of a folder or an address, and why others cannot be read."""
    from ..site.history import read

    entries: list[Entry] = []
    unread: dict[str, str] = {}
    names = _names(results)
    with reporter.phase("Reading runs", len(names)) as done:
        for name in names:
            try:
                with brought(name) as folder:
                    entries.append(read(name, folder, asked))
            except StoreError as error:
                unread[name] = str(error)
            done()
    return entries, unread


def _names(results: str) -> list[str]:
    """The paths or addresses of all runs. Raises StoreError where nothing can be read."""
    if is_address(results):
        return elsewhere.runs(results)
    folder = Path(results)
    if not folder.is_dir():
        raise StoreError(f"no folder {results}: name one with --results, or measure: actbench run")
    return sorted(str(path.parent) for path in folder.glob(f"**/{store.FACTS}"))


def _is_chosen(entry: Entry, host: str, profile: str, start: datetime | None) -> bool:
    return (
        host.casefold() in (entry.facts.host.casefold(), "")
        or host.casefold() in entry.machine.cpu.casefold()
    ) and (
        profile in (entry.facts.profile, "")
        and (start is None or (entry.started is not None and entry.started >= start))
    )


# --- in words -------------------------------------------------------------------------------------


def _table(entries: Sequence[Entry]) -> list[str]:
    if not entries:
        return ["No stored run is of this kind."]
    rows = [
        (
            entry.day,
            entry.facts.host or "–",
            entry.machine.cpu,
            ", ".join(f"{name} {version}" for name, version in entry.versions.items()) or "–",
            entry.facts.profile,
            f"{entry.cases:,}",
            entry.facts.state,
            entry.name,
        )
        for entry in sorted(entries, key=lambda entry: entry.order)
    ]
    head = ("date, UTC", "host", "CPU", "versions", "profile", "cases", "state", "run")
    return list(map(shown, Table(head, rows).text()))


def _movements(runs: Sequence[Entry], cases: Sequence[Moved]) -> list[str]:
    """The runs of a machine by number, and a line per case."""
    lines = [f"{runs[0].machine.title}:"]
    lines += [f"  {at}  {run.day}  {run.name}" for at, run in enumerate(runs, start=1)]
    rows = [
        (
            named(case.case),
            " ".join(map(_figure, case.figures[-_MOST:])),
            f"{number(case.ratio)}×" if len(case.figures) > 1 else "–",
            _verdict(case, runs),
        )
        for case in cases
    ]
    head = ("case", f"figures, the last {_MOST}", "last/first", "")
    return list(map(shown, [*lines, *Table(head, rows).text()]))


def _figure(figure: Any) -> str:
    half = figure.half_width
    return plus_minus(figure.value, half) if math.isfinite(half) else number(figure.value)


def _verdict(case: Moved, runs: Sequence[Entry]) -> str:
    numbers = {run.name: at for at, run in enumerate(runs, start=1)}
    claims = [
        f"{'higher' if change.rose else 'lower'} from run {numbers[case.runs[change.at]]} on"
        for change in case.changes
    ]
    if claims or len(case.figures) < 2:
        return ", ".join(claims)
    return "first and last are apart" if case.apart else "first and last overlap"


# --- for machines ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class StoredRun:
    """A stored run: its path or address, when and where it was measured, and what it is of."""

    run: str
    started: str
    host: str
    cpu: str | None
    versions: dict[str, str]
    profile: str
    cases: int
    state: str


@dataclass(frozen=True)
class RunFigure:
    """A figure in a run, with the ends of its 95 % interval as far as they are known."""

    run: str
    value: Real
    low: Real | None
    high: Real | None


@dataclass(frozen=True)
class RunChange:
    """A run from which on a figure is at another level."""

    run: str
    higher: bool


@dataclass(frozen=True, kw_only=True)
class MovedCase(Case):
    """A case with its figure in the runs that have it, the oldest first.

    `apart` says that the intervals of the first and the last do not overlap.
    """

    figures: list[RunFigure]
    last_over_first: Real
    apart: bool
    changes: list[RunChange]


@dataclass(frozen=True)
class Answer:
    """Stored runs, why others cannot be read, and how figures moved over those of one machine."""

    runs: list[StoredRun]
    unread: dict[str, str]
    moved: list[MovedCase]


def _record(entry: Entry) -> StoredRun:
    facts = entry.facts
    return StoredRun(
        run=entry.name,
        started=facts.started,
        host=facts.host,
        cpu=facts.machine.cpu,
        versions=entry.versions,
        profile=facts.profile,
        cases=entry.cases,
        state=facts.state,
    )


def _moved(case: Moved) -> MovedCase:
    return MovedCase(
        **case.case.as_dict(),
        figures=[
            RunFigure(run, figure.value, *figure.ends)
            for run, figure in zip(case.runs, case.figures, strict=True)
        ],
        last_over_first=case.ratio,
        apart=case.apart,
        changes=[RunChange(case.runs[change.at], change.rose) for change in case.changes],
    )
