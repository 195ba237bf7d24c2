"""The command `run`."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import click

from ..catalog.activations import nearest
from ..catalog.cases import PROFILES, Profile, Selection
from ..host.errors import UsageError
from ..host.progress import Reporter
from ..results.addresses import named
from ..results.answers import written
from ..run.recording import Outcome
from ..run.request import PARTS, Request
from ..run.schedule import resume as go_on
from ..run.schedule import run as execute
from . import conclusion
from .callables import Callables, beside, taking
from .cells import CellRecord, cells
from .options import (
    DEBUG,
    INTO,
    LONGEST,
    OUT,
    PYTHONS,
    SEED,
    Finite,
    as_given,
    borrowed,
    interpreters,
    one_folder,
    refuse,
    selecting,
)
from .table import answer


def _profile_help() -> str:
    return " ".join(f"{profile.name}: {profile.title}." for profile in PROFILES.values())


_EXAMPLES = """
\b
Examples:
  actbench run --profile smoke
  actbench run --activation gelu --activation relu --framework torch --size 1048576
  actbench run --profile full --into results/2026-01-31T12-00-00-standard
  actbench run --resume results/2026-01-31T12-00-00-standard
  actbench run --resume s3://bucket/runs/2026-01-31T12-00-00-standard
  actbench run --activation gelu --size launch --size l1 --size l2
  actbench run --activation 'squareplus(b=0)' --dtype float64 --direction backward
  actbench run --callable mine.kernels:fast_gelu --reference gelu --activation gelu
  actbench run --callable mine.kernels:Fused --framework torch --mode compiled
  actbench run --activation softmax --row 50257 --framework torch
  actbench run --activation gelu --input normal --input subnormal --input values.npy
  actbench run --activation silu --shape 8x64x32x32 --layout channels_last --framework torch

\b
Exit status: 0 done, 1 nothing could be measured, or nothing of what was asked for by name, or a
case failed or was refused because its times would mislead, or a framework is installed and does not
load, 2 bad usage, 4 a folder that cannot be read or written, 130 interrupted. What was measured is
kept, and --resume goes on with it.
"""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--profile",
    default="",
    show_default="ask where --activation names some, else standard",
    help=_profile_help(),
)
@selecting
@taking
@click.option("--only", type=click.Choice(["agreement", "timing"]), help="Measure only this.")
@click.option("--epochs", type=click.IntRange(1), help="Fresh processes that time every case.")
@click.option("--budget", type=Finite(0), help="Seconds for further processes for wide intervals.")
@click.option(
    "--precision",
    type=Finite(0, min_open=True),
    help="Half-width of a cost's interval, as a share, at which sampling stops; 0.03 unless given.",
)
@SEED
@OUT
@INTO
@click.option(
    "--resume",
    metavar="RUN",
    help="Go on with a run that ended early, as it was asked for; no other option counts. One at "
    "an address of fsspec is brought here, and back at the end.",
)
@PYTHONS
@click.option(
    "--timeout",
    type=Finite(0, LONGEST, min_open=True),
    default=300.0,
    show_default=True,
    help="Seconds that one step of a case, or a start, may take before its worker is killed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@DEBUG
def run(
    profile: str,
    callables: Callables,
    only: str | None,
    epochs: int | None,
    budget: float | None,
    precision: float | None,
    seed: int,
    out: Path | None,
    into: str | None,
    resume: str | None,
    pythons: tuple[str, ...],
    timeout: float,
    as_json: bool,
    **chosen: tuple[Any, ...],
) -> None:
    """Measure cases, and answer what was asked for.

    The run is written to a folder under results/. A function of your own is measured beside the
    activations that are named, in a process of its own with a relu as its unit.

    The answer is a table: the cost over relu of each case that was named, the time of a call, and
    the errors, by place, framework, mode and direction. A run of hundreds of cases ends with
    sentences instead, and its page has the rest.
    """

    reporter = Reporter(quiet=as_json)
    if resume:
        refuse("a run of its own", lambda name: name not in ("resume", "as_json"))
        with borrowed(resume, reporter) as earlier:
            ended = _ended(go_on(earlier, reporter), as_json)
        _end(*ended)
    one_folder(out, into)
    base, selection = profile_of(profile, bool(callables), **chosen), Selection(**chosen)
    given = interpreters(pythons)
    own = callables.resolved(selection, given)
    request = Request(
        profile=replace(
            base,
            epochs=epochs or base.epochs,
            most=max(epochs or 0, base.most),
            precision=precision or base.precision,
        ),
        budget=budget,
        selection=beside(own, selection) if own else selection,
        seed=seed,
        out=out,
        pythons=given,
        python=given[""],
        timeout=timeout,
        command=as_given(),
        parts=(only,) if only else PARTS,
        own=own,
    )
    with borrowed(into, reporter) if into else nullcontext() as earlier:
        ended = _ended(execute(replace(request, into=earlier), reporter), as_json)
    _end(*ended)


def profile_of(name: str, callables: bool, **chosen: tuple[Any, ...]) -> Profile:
    """The profile of a name; without a name, the one that fits what is chosen.

    Raises UsageError for an unknown name.
    """
    name = name or ("ask" if callables or chosen["activations"] else "standard")
    if name not in PROFILES:
        raise UsageError(f"unknown profile {name!r}: {nearest(name, list(PROFILES))}")
    return PROFILES[name]


def _ended(outcome: Outcome, as_json: bool) -> tuple[str, int]:
    """The text to print of a run, with addresses for folders brought here, and the exit status."""
    text = for_machines(outcome) if as_json else for_people(outcome)
    return named(text), conclusion.exit_status(outcome)


def _end(text: str, status: int) -> NoReturn:
    click.echo(text)
    sys.exit(status)


def for_people(outcome: Outcome) -> str:
    """The table of what was asked for and its sentence, then what was measured and where it is.

    Where the table would be longer than a screen, the sentences of the page take its place.
    """
    asked = cells(outcome.rows, outcome.facts)
    lines = answer(asked, outcome.facts)
    if asked and not lines:
        from ...report.commands.page import verdict

        lines = verdict(outcome.path)
    return "\n".join([*lines, conclusion.for_people(outcome)])


@dataclass(frozen=True)
class Answer(conclusion.Conclusion):
    """The outcome of a run: how it ended, and the cases that were asked for."""

    rows: list[CellRecord]


def for_machines(outcome: Outcome) -> str:
    """The outcome as one JSON object, with a record per case that was asked for."""
    asked = cells(outcome.rows, outcome.facts)
    rows = [cell.record for cell in asked]
    return written(Answer(**vars(conclusion.of(outcome)), rows=rows))
