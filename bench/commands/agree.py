"""The command `agree`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ..catalog.cases import PROFILES, Selection
from ..catalog.dtypes import DTYPES
from ..catalog.frameworks import frameworks
from ..host import machine
from ..host.errors import UsageError
from ..host.progress import Reporter
from ..results.store import dump, read_samples
from ..run import certify
from ..run.schedule import Outcome, Request, run
from . import conclusion
from .options import DEBUG, Finite, as_given, interpreters, selecting

_TIMEOUT = 600.0
_FEW = 12
"""Certificates that are told one by one; more are counted."""


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


@dataclass(frozen=True)
class Answer:
    """Certificates by the name of what they hold for; `outcome` is the run that keeps them."""

    certificates: Mapping[str, Mapping[str, Any]]
    bound: float | None
    outcome: Outcome | None = None

    @property
    def exit_status(self) -> int:
        """As that of a run; 1 where an error is above the bound."""
        status = conclusion.exit_status(self.outcome) if self.outcome else 0
        return status or int(bool(self._above()))

    def _above(self) -> list[str]:
        bound = float("inf") if self.bound is None else self.bound
        return [name for name, each in self.certificates.items() if each["max_ulp"] > bound]

    def for_machines(self) -> str:
        """One certificate as an object; several in a list, with the folder of the run."""
        records = [dict(each) for each in self.certificates.values()]
        if not self.outcome:
            return dump(records[0])
        summary = json.loads(conclusion.for_machines(self.outcome))
        return dump({**summary, "certificates": records})

    def for_people(self) -> str:
        """Few certificates in words, many as counts; the verdict, and where the rest is."""
        worst = sorted(self.certificates.items(), key=lambda pair: -pair[1]["max_ulp"])
        if len(worst) <= _FEW:
            lines = [certify.in_words(name, each) for name, each in worst]
        else:
            lines = _counted([each for _, each in worst])
        if self.bound is not None:
            above = len(self._above())
            lines.append(f"{above} of {len(worst)} above the bound of {self.bound:g} ulp.")
        if self.outcome:
            lines.append(conclusion.for_people(self.outcome))
            lines.append(f"What is wrong beyond a stated bound: {_FINDINGS} {self.outcome.path}")
        return "\n".join(lines)


_FINDINGS = "actbench findings"


def _counted(certificates: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line a framework and format: how many are right, and the worst of native and wide."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for each in certificates:
        groups.setdefault((each["framework"], each["dtype"]), []).append(each)
    return [_group(*key, groups[key]) for key in sorted(groups)]


def _group(framework: str, dtype: str, found: Sequence[Mapping[str, Any]]) -> str:
    right = sum(each["not_correctly_rounded"] == 0 for each in found)
    near = sum(each["max_ulp"] <= 1 for each in found)
    misplaced = sum(each["nan_mismatches"] + each["infinity_mismatches"] > 0 for each in found)
    worst = [_worst(found, form) for form in ("native", "wide")]
    return (
        f"{frameworks()[framework].title}, {dtype}: of {len(found)} values and gradients {right} "
        f"are correctly rounded at every input tried, {near} within 1 ulp; {misplaced} have NaN or "
        f"infinity out of place.{''.join(worst)}"
    )


def _worst(found: Sequence[Mapping[str, Any]], form: str) -> str:
    """The worst of a form, with subnormals contracted; the zeros of a function are its own."""
    mine = [each for each in found if each["form"] == form]
    if not mine:
        return ""
    top = max(mine, key=lambda each: float(each["max_ulp_flushed"]))
    which = f"{top['activation']}, {top['mode']}, {top['direction']}"
    return f" Worst {form}: {which}, {top['max_ulp_flushed']:.4g} ulp, subnormals contracted."


def execute(asked: Asked, quiet: bool) -> Answer:
    """Do what was asked for. Raises UsageError for options that do not go together."""
    _check(asked)
    reporter = Reporter(quiet=quiet)
    effort = certify.Effort(asked.scheduler, asked.workers or machine.cores(), reporter)
    if asked.own:
        return _own_function(asked, effort)
    request = Request(
        profile=PROFILES["standard"],
        selection=asked.selection.checked(),
        seed=asked.seed,
        out=asked.out,
        pythons=asked.pythons,
        python=asked.pythons.get("", sys.executable),
        timeout=_TIMEOUT,
        command=asked.command,
        parts=("agreement",),
    )
    if asked.exhaustive or asked.ends:
        outcome = certify.whole_range(request, certify.read_range(asked.ends), effort)
    else:
        outcome = run(request, reporter)
    return Answer(_stored(outcome), asked.bound, outcome)


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
        "--out": asked.out,
    }
    for option in (name for name, given in others.items() if asked.own and given):
        raise UsageError(f"{option} is for cases of frameworks: leave it out beside --callable")
    if asked.scheduler and not (asked.exhaustive or asked.ends):
        raise UsageError("--scheduler is for --exhaustive and --range")


def _own_function(asked: Asked, effort: certify.Effort) -> Answer:
    assert asked.own is not None
    assert asked.reference is not None
    chosen = asked.selection.checked()
    dtype = _only("dtype", chosen.dtypes, "float32")
    direction = _only("direction", chosen.directions, "forward")
    if direction == "both":
        raise UsageError("a function of your own returns a value or a gradient: choose one of them")
    if not (asked.exhaustive or asked.ends):
        raise UsageError("say which inputs --callable is tried on: --range LO HI or --exhaustive")
    if asked.exhaustive and DTYPES[dtype].itemsize == 8:
        raise UsageError("nobody can try 2^64 inputs: take --range LO HI, which draws a sample")
    inputs = certify.read_range(asked.ends)
    record = certify.own_function(asked.own, asked.reference, direction, dtype, inputs, effort)
    return Answer({f"{asked.own} against {record['reference']}, {dtype}": record}, asked.bound)


def _only(name: str, given: tuple[str, ...], default: str) -> str:
    if len(given) > 1:
        raise UsageError(f"--callable takes one --{name}, not {len(given)}")
    return given[0] if given else default


def _stored(outcome: Outcome) -> dict[str, dict[str, Any]]:
    """The certificates of a run by the name of their case."""
    found = {}
    for case, sample in read_samples(outcome.path):
        if sample["kind"] == "agreement":
            name = (
                f"{case.framework} {case.activation} {case.form}, {case.mode}, {case.direction}, "
                f"{case.dtype}"
            )
            found[name] = {**case.as_dict(), **sample}
    return found


_EXAMPLES = """
\b
Examples:
  actbench agree --dtype float16 --dtype bfloat16
  actbench agree --framework torch --activation gelu --exhaustive
  actbench agree --framework jax --activation silu --range -0x1p+4 0
  actbench agree --callable mine.kernels:fast_exp --reference exp --exhaustive --json
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
    metavar="NAME",
    help="What --callable should be: an activation of `list`, or exp2, log, erfc.",
)
@click.option(
    "--range", "ends", type=str, nargs=2, metavar="LO HI", help="All inputs between, both included."
)
@click.option("--exhaustive", is_flag=True, help="All inputs there are, 2^32 in float32.")
@click.option("--scheduler", default="", metavar="ADDRESS", help="Of a dask cluster to work on.")
@click.option(
    "--workers", type=click.IntRange(1), help="Local processes of --exhaustive; one a CPU if unset."
)
@click.option("--bound", type=Finite(0), help="Exit with 1 if an error is above, in ulp.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of all inputs.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; it must be empty.")
@click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="[FRAMEWORK=]PATH",
    help="Interpreter of the workers, or of one framework's.",
)
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
    chosen ones of float32, forward and gradient, as in every run. With them: the plain form of the
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
