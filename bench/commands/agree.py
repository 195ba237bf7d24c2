"""The command `agree`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from ..catalog import plugins
from ..catalog.activations import find_reference
from ..catalog.cases import (
    OF_INPUT,
    PROFILES,
    Case,
    Plan,
    Selection,
    everything,
    expand,
    unsupported,
)
from ..catalog.frameworks import IMPLS, declared, frameworks
from ..exactness.ranges import Range, is_sampled
from ..exactness.stretches import Effort, Subject
from ..exactness.sweep import agreement_cases
from ..host import machine
from ..host.errors import UsageError
from ..host.progress import Reporter
from ..results.addresses import named
from ..run.ranges import Trial, sweep_range
from ..run.request import Request
from ..run.schedule import run
from .callables import Callables, beside, taking
from .certificates import Answer
from .options import (
    DEBUG,
    INTO,
    OUT,
    PYTHONS,
    SEED,
    Finite,
    as_given,
    borrowed,
    interpreters,
    one_folder,
    selecting,
)
from .survey import Survey

_TIMEOUT = 600.0
_EVERY = replace(
    PROFILES["standard"],
    name="agree",
    plans=(Plan(everything),),
    agreement_dtypes=("float16", "bfloat16", "float32"),
    conditions=True,
)
"""Every form of every function, in the formats that are quick to check."""
_SURVEY = replace(
    _EVERY,
    name="survey",
    plans=(Plan(everything, forms=("plain",), modes=("eager",)),),
    per_binade=1,
    conditions=False,
)
"""The plain form of every function on few inputs."""


@dataclass(frozen=True)
class Asked:
    """The options of the command as they were given."""

    callables: Callables
    ends: tuple[str, str] | None
    exhaustive: bool
    survey: bool
    scheduler: str
    workers: int | None
    bound: float | None
    seed: int
    out: Path | None
    into: str | None
    pythons: Mapping[str, str]
    selection: Selection
    command: str

    @property
    def is_range(self) -> bool:
        """Return whether all inputs, or those of a range, are tried."""
        return bool(self.exhaustive or self.ends)


def execute(asked: Asked, quiet: bool) -> Answer:
    """Do what was asked for. Raises UsageError for options that do not go together."""
    _check(asked)
    own = asked.callables.resolved(asked.selection, asked.pythons)
    selection = _selection(asked)
    if own:
        selection = beside(own, replace(selection, dtypes=selection.dtypes or ("float32",)))
    reporter = Reporter(quiet=quiet)
    into = borrowed(asked.into, reporter) if asked.into else nullcontext()
    with declared(*own), into as earlier:
        request = Request(
            profile=_SURVEY if asked.survey else _EVERY,
            selection=selection.checked(),
            seed=asked.seed,
            out=asked.out,
            pythons=asked.pythons,
            python=asked.pythons[""],
            timeout=_TIMEOUT,
            command=asked.command,
            parts=("agreement",),
            into=earlier,
        )
        if asked.survey:
            return Survey(run(request, reporter), asked.bound)
        if not asked.is_range:
            return Answer(run(request, reporter), asked.bound)
        effort = Effort(asked.scheduler, asked.workers or machine.cores(), reporter)
        trials = [_trial(case, request) for case in _cases(request, asked.exhaustive)]
        return Answer(sweep_range(request, trials, Range.read(asked.ends), effort), asked.bound)


def _selection(asked: Asked) -> Selection:
    """The given choice; for a survey values in float32, unless others are chosen."""
    given = asked.selection
    if not asked.survey:
        return given
    dtypes, directions = given.dtypes or ("float32",), given.directions or ("forward",)
    return replace(given, dtypes=dtypes, directions=directions)


def _check(asked: Asked) -> None:
    if asked.exhaustive and asked.ends:
        raise UsageError("--exhaustive takes all inputs and --range some: choose one of them")
    if asked.survey and asked.is_range:
        raise UsageError("--survey chooses its inputs: leave --exhaustive and --range out")
    callables, chosen = asked.callables, asked.selection
    if callables and not callables.references:
        raise UsageError("--callable and --reference go together: what it is and what it should be")
    for option, given in (("--activation", chosen.activations), ("--form", chosen.forms)):
        if callables and given:
            raise UsageError(
                f"{option} is for the functions of frameworks: leave it out beside --callable"
            )
    one_folder(asked.out, asked.into)
    if asked.into and (asked.is_range or asked.survey):
        raise UsageError(
            "--exhaustive, --range and --survey make runs of their own: leave --into out"
        )
    if not asked.is_range and asked.scheduler:
        raise UsageError("--scheduler is for --exhaustive and --range")


def _cases(request: Request, exhaustive: bool) -> list[Case]:
    """The cases to go through: the plain form in eager mode, unless others are chosen.

    Raises UsageError for a selection without a framework and an activation, or without a case that
    can be swept: row-wise activations have no single input.
    """
    selection = request.selection
    own = all(frameworks()[name].callable for name in selection.frameworks)
    if not (selection.frameworks and (own or selection.activations)):
        raise UsageError(
            "all inputs take minutes for each function: choose with --framework and --activation"
        )
    plan = Plan((), forms=("plain",), modes=("eager",), sizes=(1,))
    profile = replace(request.profile, plans=(plan,))
    dtypes = selection.dtypes or ("float32",)
    chosen = agreement_cases(expand(profile, selection), dtypes, selection)
    cases = [case for case in chosen if not unsupported(case)]
    for case in cases:
        rowwise = find_reference(case.activation).rowwise
        if rowwise or (is_sampled(case.dtype) and (exhaustive or not own)):
            what = "rows" if rowwise else "2^64 inputs"
            hint = "; --range LO HI draws a sample of them" if own else ""
            raise UsageError(
                f"{case.activation} in {case.dtype} cannot be tried on all inputs: it has "
                f"{what}{hint}"
            )
    if not cases:
        raise UsageError(f"nothing to sweep: {unsupported(chosen[0])}")
    return cases


def _trial(case: Case, request: Request) -> Trial:
    framework = frameworks()[case.framework]
    own = map(Path, plugins.paths())
    files = (*sorted(IMPLS.glob("_*.py")), IMPLS / f"{framework.module}.py", *own)
    subject = Subject(case, framework, request.python_of(case.framework))
    return Trial(subject, b"".join(path.read_bytes() for path in files))


_EXAMPLES = """
\b
Examples:
  actbench agree --dtype float16 --dtype bfloat16
  actbench agree --survey --framework torch
  actbench agree --framework torch --activation gelu --exhaustive
  actbench agree --framework jax --activation silu --range -0x1p+4 0
  actbench agree --callable mine.kernels:FastGelu --reference gelu
  actbench agree --callable mine.kernels:fast_exp --reference exp --exhaustive --json
  actbench agree --callable mine:f --reference 'relu(x) - 0.9*relu(-x)' --exhaustive
  actbench agree --callable mine:f --reference mine.exact:f_of_mpmath --range -1 1
  actbench agree --callable numpy:tanh --reference tanh --dtype float64 --range -1 1
  actbench agree --callable torch.nn:SiLU --callable jax.nn:silu --reference silu

\b
Exit status: 0 done, 1 nothing could be checked, the function failed or --bound is exceeded, 2 bad
usage, 4 a folder that cannot be written, 130 interrupted (what was done of --exhaustive is kept).
"""


@click.command(epilog=_EXAMPLES)
@partial(selecting, without=OF_INPUT)
@taking
@click.option(
    "--range",
    "ends",
    type=str,
    nargs=2,
    metavar="LO HI",
    help="Every input from LO to HI, both included.",
)
@click.option("--exhaustive", is_flag=True, help="Every input, 2^32 in float32.")
@click.option("--survey", is_flag=True, help="A line per function, in seconds, the worst first.")
@click.option(
    "--scheduler", default="", metavar="ADDRESS", help="Address of a dask cluster to use."
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Local processes of --exhaustive; one per CPU if unset.",
)
@click.option("--bound", type=Finite(0), help="Exit with 1 if an error is above, in ulp.")
@SEED
@OUT
@INTO
@PYTHONS
@click.option("--json", "as_json", is_flag=True, help="Print the certificates as JSON.")
@DEBUG
def agree(
    callables: Callables,
    ends: tuple[str, str] | None,
    exhaustive: bool,
    survey: bool,
    scheduler: str,
    workers: int | None,
    bound: float | None,
    seed: int,
    out: Path | None,
    into: str | None,
    pythons: tuple[str, ...],
    as_json: bool,
    **chosen: tuple[Any, ...],
) -> None:
    """Certify how right functions are, against proved values.

    Without --range or --exhaustive: every form and mode at all inputs of the 16-bit formats and at
    chosen ones of float32, forward and gradient. With them: the plain form of the
    frameworks and activations chosen at every input there is. A function of your own is tried in
    the same ways, in float32 unless --dtype chooses others.
    """
    asked = Asked(
        callables=callables,
        ends=ends,
        exhaustive=exhaustive,
        survey=survey,
        scheduler=scheduler,
        workers=workers,
        bound=bound,
        seed=seed,
        out=out,
        into=into,
        pythons=interpreters(pythons),
        selection=Selection(**chosen),
        command=as_given(),
    )
    outcome = execute(asked, quiet=as_json)
    click.echo(named(outcome.for_machines() if as_json else outcome.for_people()))
    sys.exit(outcome.exit_status)
