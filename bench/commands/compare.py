"""The command `compare`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from ..catalog.activations import CATALOG, nearest
from ..catalog.cases import Selection
from ..compare import activations, words
from ..compare import runs as module
from ..compare.timing import ZONE
from ..exactness.observed import refusal
from ..host import temporary
from ..host.errors import StoreError, UsageError
from ..host.progress import Reporter
from ..results import store
from ..results.addresses import is_address, named
from ..timing.in_turn import Effort, Setting
from .options import (
    DEBUG,
    PYTHONS,
    SEED,
    Finite,
    RunPath,
    interpreters,
    refuse,
    selecting,
)
from .stored import opened

_EXAMPLES = """
\b
Examples:
  actbench compare gelu squareplus --framework torch --mode compiled
  actbench compare 'gelu[textbook]' 'gelu[native]' --framework jax --direction backward
  actbench compare silu 'squareplus(b=1)' --size launch --size memory --json
  actbench compare results/before results/after
  actbench compare 2026-01-31T12-00-00-standard 2026-02-28T12-00-00-standard --limit 50
  actbench compare before after --dead-zone 0.2 --strict
  actbench compare before after --common --accept 'gelu[textbook]'
  actbench compare before after --markdown > summary.md
  actbench compare here there --across-machines --json

\b
Exit status of two activations: 0 timed, 1 nothing could be timed, or nothing of what was named, or
a case failed or was refused because its times would mislead, 2 bad usage, 130 interrupted.
Exit status of two runs: 0 nothing slower or less exact, 1 a regression: something is slower, less
exact, fails or is gone, or not all of the first could be compared, 2 bad usage, runs of different
machines, or nothing could be compared, 3 undecided (with --strict), 4 a run that cannot be read.
"""
_OF_RUNS = ("zone", "across_machines", "strict", "limit", "as_markdown", "accepted", "common")
_OF_BOTH = ("first", "second", "as_json")


def _brought(ctx: click.Context, param: click.Parameter, name: str) -> str:
    """A name unchanged, or the folder of a run fetched from its address."""
    return str(RunPath().convert(name, param, ctx)) if is_address(name) else name


@click.command(epilog=_EXAMPLES)
@click.argument("first", metavar="ACTIVATION|RUN", callback=_brought)
@click.argument("second", metavar="ACTIVATION|RUN", callback=_brought)
@partial(selecting, without=("activation",))
@click.option(
    "--precision",
    type=Finite(0, min_open=True),
    default=Effort.precision,
    show_default=True,
    help="Half an interval over the ratio of two activations, at which timing stops.",
)
@click.option(
    "--budget",
    type=Finite(0),
    default=Effort.budget,
    show_default=True,
    help="Seconds after which no further process is started.",
)
@SEED
@PYTHONS
@click.option(
    "--dead-zone",
    "zone",
    type=Finite(0, min_open=True),
    default=ZONE,
    show_default=True,
    help="Of two runs: the least change of a time to detect, as a share.",
)
@click.option("--across-machines", is_flag=True, help="Compare runs of different machines too.")
@click.option("--strict", is_flag=True, help="Of two runs: exit with 3 if something is undecided.")
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    metavar="NAME",
    help="Of two runs: what may be slower, less exact or gone: gelu, gelu[textbook], or a "
    "function of your own, module:function. Can be given several times.",
)
@click.option(
    "--common", is_flag=True, help="Of two runs: pass over cases that the second did not try."
)
@click.option(
    "--limit",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="Of two runs: lines of the table.",
)
@click.option("--json", "as_json", is_flag=True, help="Everything, as one object.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Of two runs: the text as Markdown.")
@DEBUG
def compare(
    first: str,
    second: str,
    zone: float,
    across_machines: bool,
    strict: bool,
    accepted: tuple[str, ...],
    common: bool,
    limit: int,
    as_json: bool,
    as_markdown: bool,
    **asked: Any,
) -> None:
    """Compare two activations, or two stored runs.

    Two activations are timed in turn, in several fresh processes. The answer is how many times as
    long the first takes, with its 95 % interval, in each framework and mode that is chosen. An
    activation is in its plain form unless one is named: `gelu[textbook]`, or --form for both.
    Nothing is stored.

    Runs are given as folders, their names under results/ or addresses of fsspec. The answer is
    what became slower or less exact from the first, the base, to the second, the candidate. A case
    is slower where both its time and its cost over its unit are: hours apart a machine moves all
    times alike, and a unit that became faster makes nothing else slower. Exactness is compared
    directly.
    """
    if not _are_runs(first, second):
        refuse("two runs", lambda name: name in _OF_RUNS)
        sys.exit(_activations((first, second), as_json, **asked))
    refuse("two activations", lambda name: name not in (*_OF_RUNS, *_OF_BOTH))
    if as_json and as_markdown:
        raise UsageError("--json and --markdown exclude each other: choose one of them")
    runs = opened(Path(first)), opened(Path(second))
    comparison = module.compare(*runs, zone, across_machines, accepted, common)
    if as_json:
        click.echo(named(words.for_machines(comparison, strict)))
    elif as_markdown:
        click.echo(named(words.for_markdown(comparison, limit)))
    else:
        click.echo(named(words.for_people(comparison, limit)))
    sys.exit(comparison.exit_status(strict))


def _are_runs(*names: str) -> bool:
    """Return whether two names are runs, and not activations.

    Raises UsageError for one of each and for names that are neither, StoreError for a folder
    without a run.
    """
    runs = [_is_run(name) for name in names]
    for name in (name for name, is_run in zip(names, runs, strict=True) if not is_run):
        if Path(name).exists() or "/" in name:
            store.locate(Path(name))
        label = name.partition("[")[0].partition("(")[0].strip()
        if label not in CATALOG:
            hint = nearest(label, list(CATALOG))
            raise UsageError(f"{name!r} is neither a run nor an activation: {hint}")
    if len(set(runs)) > 1:
        kinds = ["a run" if run else "an activation" for run in runs]
        raise UsageError(
            f"{names[0]} is {kinds[0]} and {names[1]} is {kinds[1]}: name two of either"
        )
    return all(runs)


def _is_run(name: str) -> bool:
    try:
        store.locate(Path(name))
    except StoreError:
        return False
    return True


def _activations(
    named: tuple[str, str],
    as_json: bool,
    precision: float,
    budget: float,
    seed: int,
    pythons: tuple[str, ...],
    **chosen: tuple[Any, ...],
) -> int:
    """Time two activations, print their ratio, and return the exit status."""
    given = interpreters(pythons)
    with temporary.folder() as folder:
        answer = activations.compare(
            named,
            Selection(**chosen),
            Effort(precision=precision, budget=budget),
            Setting(folder.path, lambda name: given.get(name, given[""]), refusal, seed),
            Reporter(quiet=as_json),
        )
    click.echo(answer.for_machines() if as_json else answer.for_people())
    return answer.exit_status
