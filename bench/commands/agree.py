"""The command `agree`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from ..catalog.activations import CATALOG, Activation, find, find_reference
from ..catalog.cases import PROFILES, Case, Plan, Selection, expand, unsupported
from ..catalog.frameworks import IMPLS, Framework, declared, frameworks, own
from ..exactness.ranges import Range, is_sampled
from ..exactness.stretches import Effort, Subject, end, start
from ..exactness.sweep import agreement_cases
from ..host import machine
from ..host.errors import UsageError
from ..host.progress import Reporter
from ..run.ranges import Trial, sweep_range
from ..run.request import Request
from ..run.schedule import run
from ..workers.process import Failed
from .certificates import Answer
from .options import DEBUG, OUT, PYTHONS, SEED, Finite, as_given, interpreters, selecting

_TIMEOUT = 600.0
_EVERY = replace(
    PROFILES["standard"],
    name="agree",
    plans=(Plan(tuple(CATALOG)),),
    agreement_dtypes=("float16", "bfloat16", "float32"),
    conditions=True,
)
"""Every form of every function, in the formats that can be checked with ease."""


@dataclass(frozen=True)
class Asked:
    """The options of the command as they were given."""

    own: str | None
    reference: str | None
    ends: tuple[str, str] | None
    exhaustive: bool
    scheduler: str
    workers: int | None
    bound: float | None
    seed: int
    out: Path | None
    pythons: Mapping[str, str]
    selection: Selection
    command: str


def execute(asked: Asked, quiet: bool) -> Answer:
    """Do what was asked for. Raises UsageError for options that do not go together."""
    _check(asked)
    reporter = Reporter(quiet=quiet)
    request = Request(
        profile=_EVERY,
        selection=asked.selection.checked(),
        seed=asked.seed,
        out=asked.out,
        pythons=asked.pythons,
        python=asked.pythons.get("", sys.executable),
        timeout=_TIMEOUT,
        command=asked.command,
        parts=("agreement",),
    )
    if not (asked.exhaustive or asked.ends):
        return Answer(run(request, reporter), asked.bound)
    effort = Effort(asked.scheduler, asked.workers or machine.cores(), reporter)
    if not asked.own:
        trials = [_trial(case, request) for case in _cases(request)]
        return Answer(sweep_range(request, trials, Range.read(asked.ends), effort), asked.bound)
    activation = _reference(asked)
    framework = own(asked.own, activation.name)
    with declared(framework):
        trial = _own_trial(framework, _own_case(framework, activation, asked), request)
        outcome = sweep_range(request, [trial], Range.read(asked.ends), effort)
    return Answer(outcome, asked.bound)


def _check(asked: Asked) -> None:
    if asked.exhaustive and asked.ends:
        raise UsageError("--exhaustive takes all inputs and --range some: choose one of them")
    if bool(asked.own) != bool(asked.reference):
        raise UsageError("--callable and --reference go together: what it is and what it should be")
    chosen = asked.selection
    others = {
        "--framework": chosen.frameworks,
        "--activation": chosen.activations,
        "--form": chosen.forms,
        "--mode": chosen.modes,
    }
    for option in (name for name, given in others.items() if asked.own and given):
        raise UsageError(f"{option} is for cases of frameworks: leave it out beside --callable")
    if not (asked.exhaustive or asked.ends):
        if asked.own:
            raise UsageError(
                "say which inputs --callable is tried on: --range LO HI or --exhaustive"
            )
        if asked.scheduler:
            raise UsageError("--scheduler is for --exhaustive and --range")


def _reference(asked: Asked) -> Activation:
    activation = find_reference(asked.reference or "")
    if activation.rowwise or activation.learnable:
        raise UsageError(f"{activation.label} is not a function of one number: choose another")
    return activation


def _own_case(framework: Framework, activation: Activation, asked: Asked) -> Case:
    """The user's function against its reference."""
    chosen = asked.selection.checked()
    dtype = _only("dtype", chosen.dtypes, "float32")
    direction = _only("direction", chosen.directions, "forward")
    if direction == "both":
        raise UsageError("a function of your own returns a value or a gradient: choose one of them")
    if asked.exhaustive and is_sampled(dtype):
        raise UsageError("nobody can try 2^64 inputs: take --range LO HI, which draws a sample")
    form = framework.callable.partition(":")[2]
    return Case(framework.name, activation.label, form, "eager", direction, "cpu", dtype, 0, 1)


def _own_trial(framework: Framework, case: Case, request: Request) -> Trial:
    """The user's function on trial. Raises UsageError where it cannot be loaded."""
    subject = Subject(case, framework, request.pythons.get(framework.module, request.python))
    try:
        worker = start(subject)
    except Failed as failed:
        raise UsageError(str(failed)) from None
    end(worker)
    return Trial(subject, worker.facts.source.encode())


def _only(name: str, given: tuple[str, ...], default: str) -> str:
    if len(given) > 1:
        raise UsageError(f"--callable takes one --{name}, not {len(given)}")
    return given[0] if given else default


def _cases(request: Request) -> list[Case]:
    """The cases to go through: the plain form in eager mode, unless others are chosen.

    Raises UsageError for a selection without a framework and an activation, or of none that can be
    swept: the row-wise activations have no single input.
    """
    selection = request.selection
    if not (selection.frameworks and selection.activations):
        raise UsageError(
            "all inputs take minutes for each function: choose with --framework and --activation"
        )
    plan = Plan((), forms=("plain",), modes=("eager",), sizes=(1,))
    profile = replace(request.profile, plans=(plan,))
    dtypes = selection.dtypes or ("float32",)
    chosen = agreement_cases(expand(profile, selection), dtypes, selection)
    cases = [case for case in chosen if not unsupported(case)]
    for case in cases:
        if find(case.activation).rowwise or is_sampled(case.dtype):
            what = "rows" if find(case.activation).rowwise else "2^64 inputs"
            raise UsageError(
                f"{case.activation} in {case.dtype} cannot be tried on all inputs: it has {what}"
            )
    if not cases:
        raise UsageError(f"nothing to sweep: {unsupported(chosen[0])}")
    return cases


def _trial(case: Case, request: Request) -> Trial:
    files = (*sorted(IMPLS.glob("_*.py")), IMPLS / f"{case.framework}.py")
    python = request.pythons.get(case.framework, request.python)
    subject = Subject(case, frameworks()[case.framework], python)
    return Trial(subject, b"".join(path.read_bytes() for path in files))


_EXAMPLES = """
\b
Examples:
  actbench agree --dtype float16 --dtype bfloat16
  actbench agree --framework torch --activation gelu --exhaustive
  actbench agree --framework jax --activation silu --range -0x1p+4 0
  actbench agree --callable mine.kernels:fast_exp --reference exp --exhaustive --json
  actbench agree --callable mine:f --reference 'relu(x) - 0.9*relu(-x)' --exhaustive
  actbench agree --callable numpy:tanh --reference tanh --dtype float64 --range -1 1

\b
Exit status: 0 done, 1 nothing could be checked, the function failed or --bound is exceeded, 2 bad
usage, 4 a folder that cannot be written, 130 interrupted (what was done of --exhaustive is kept).
"""


@click.command(epilog=_EXAMPLES)
@selecting
@click.option(
    "--callable",
    "own",
    metavar="MODULE:FUNCTION",
    help="A function of your own on NumPy arrays, in place of a framework's.",
)
@click.option(
    "--reference",
    metavar="NAME|FORMULA",
    help="Reference of --callable: an activation of `list`, or exp2, log, erfc, with parameters if "
    "need be; or a formula of x.",
)
@click.option(
    "--range", "ends", type=str, nargs=2, metavar="LO HI", help="All inputs between, both included."
)
@click.option("--exhaustive", is_flag=True, help="All inputs there are, 2^32 in float32.")
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
@PYTHONS
@click.option("--json", "as_json", is_flag=True, help="Print the certificates as JSON.")
@DEBUG
def agree(
    own: str | None,
    reference: str | None,
    ends: tuple[str, str] | None,
    exhaustive: bool,
    scheduler: str,
    workers: int | None,
    bound: float | None,
    seed: int,
    out: Path | None,
    pythons: tuple[str, ...],
    as_json: bool,
    **chosen: tuple[Any, ...],
) -> None:
    """Certify how right functions are, against proved values.

    Without --range or --exhaustive: every form and mode at all inputs of the 16-bit formats and at
    chosen ones of float32, forward and gradient. With them: the plain form of the
    frameworks and activations chosen, or a function of your own, at every input there is.
    """
    asked = Asked(
        own=own,
        reference=reference,
        ends=ends,
        exhaustive=exhaustive,
        scheduler=scheduler,
        workers=workers,
        bound=bound,
        seed=seed,
        out=out,
        pythons=interpreters(pythons),
        selection=Selection(**chosen),
        command=as_given(),
    )
    outcome = execute(asked, quiet=as_json)
    click.echo(outcome.for_machines() if as_json else outcome.for_people())
    sys.exit(outcome.exit_status)
