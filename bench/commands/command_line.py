"""The command line: `actbench list | run | agree | gate | compare | export | …`."""

from __future__ import annotations

import errno
import io
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from ..catalog.activations import CATALOG, nearest
from ..catalog.cases import PROFILES, Selection, forms_of
from ..catalog.frameworks import frameworks
from ..host.errors import ActbenchError, StoreError, UsageError
from ..results import export as export_module
from .compare import compare
from .gate import gate, selftest
from .options import DEBUG, Finite, interpreters, selecting

_EXAMPLES = """
\b
Examples:
  actbench list
  actbench run --profile smoke
  actbench run --activation gelu --activation relu --framework torch --size 1048576
  actbench run --activation gelu --size launch --size l1 --size l2
  actbench run --activation 'squareplus(b=0)' --dtype float64 --direction backward
  actbench gate --base origin/main
  actbench doctor
  actbench export results/2026-01-31T12-00-00-standard --format csv > rows.csv
  actbench findings results/2026-01-31T12-00-00-standard --framework torch --limit 10

\b
Exit status: 0 done, 1 nothing could be measured, a case was refused because its times would
mislead, or an internal error, 2 bad usage, 4 a run that cannot be read or written,
130 interrupted (what was measured is kept).
"""


_LONGEST = 2_000_000.0
"""Seconds, three weeks: a system waits no longer for a pipe at once."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Why standard output cannot be written; what writes files has a StoreError for it."""


@click.group(epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Measure what an activation function costs and how right it is."""


@cli.command("list")
@click.option(
    "--json", "as_json", is_flag=True, help="One record a framework, activation and form."
)
@DEBUG
def list_(as_json: bool, debug: bool) -> None:
    """List activations and the forms that each framework has. Imports no framework."""
    records = _listing()
    if as_json:
        click.echo(json.dumps(records, ensure_ascii=False, indent=1))
        return
    for name, record in CATALOG.items():
        kind = dict.fromkeys([record.family, *["primitive"] * record.primitive])
        click.echo(f"{name}  [{', '.join(kind)}]  {record.formula}")
        for framework in frameworks().values():
            forms = [form for form in forms_of(record) if framework.offers(name, form)]
            click.echo(f"    {framework.title:<11} {', '.join(forms)}")


def _listing() -> list[dict[str, Any]]:
    return [
        {
            "activation": name,
            "family": record.family,
            "primitive": record.primitive,
            "operations": dict(record.operations),
            "domain": record.domain,
            "formula": record.formula,
            "parameters": dict(record.parameters),
            "rowwise": record.rowwise,
            "source": record.source,
            "framework": framework.name,
            "form": form,
            "modes": list(framework.modes),
            "status": "ok" if framework.offers(name, form) else "unsupported",
            "detail": ""
            if framework.offers(name, form)
            else f"{framework.title} has no {form} {name}",
        }
        for name, record in CATALOG.items()
        for framework in frameworks().values()
        for form in forms_of(record)
    ]


def _profile_help() -> str:
    return " ".join(f"{profile.name}: {profile.title}." for profile in PROFILES.values())


@cli.command(epilog=_EXAMPLES)
@click.option("--profile", default="standard", show_default=True, help=_profile_help())
@selecting
@click.option(
    "--only", type=click.Choice(["agreement", "timing"]), help="Leave the other part out."
)
@click.option("--rounds", type=click.IntRange(1), help="Visits of a case in each process.")
@click.option("--epochs", type=click.IntRange(1), help="Fresh processes a framework.")
@click.option("--budget", type=Finite(0), help="Seconds of measuring, unless --rounds takes more.")
@click.option(
    "--precision",
    type=Finite(0, min_open=True),
    help="Half an interval over the value, at which sampling stops; 0.02 unless told.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of all inputs.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; it must be empty.")
@click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="[FRAMEWORK=]PATH",
    help="Interpreter of the workers, or of one framework's.",
)
@click.option(
    "--timeout",
    type=Finite(0, _LONGEST, min_open=True),
    default=300.0,
    show_default=True,
    help="Seconds that one step of a case may take before its worker is killed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@DEBUG
def run(
    profile: str,
    only: str | None,
    rounds: int | None,
    epochs: int | None,
    budget: float | None,
    precision: float | None,
    seed: int,
    out: Path | None,
    pythons: tuple[str, ...],
    timeout: float,
    as_json: bool,
    debug: bool,
    **chosen: tuple[Any, ...],
) -> None:
    """Measure cases and write a run folder under results/."""
    from dataclasses import replace

    from ..host.progress import Reporter
    from ..run.schedule import PARTS, Request
    from ..run.schedule import run as execute
    from . import conclusion

    if profile not in PROFILES:
        hint = nearest(profile, list(PROFILES))
        raise UsageError(f"unknown profile {profile!r}: {hint}")
    base = PROFILES[profile]
    request = Request(
        profile=replace(
            base,
            rounds=rounds or base.rounds,
            epochs=epochs or base.epochs,
            precision=precision or base.precision,
        ),
        budget=budget,
        selection=Selection(**chosen),
        seed=seed,
        out=out,
        pythons=interpreters(pythons),
        python=interpreters(pythons).get("", sys.executable),
        timeout=timeout,
        command=shlex.join(["actbench", *sys.argv[1:]]),
        parts=(only,) if only else PARTS,
    )
    outcome = execute(request, Reporter(quiet=as_json))
    click.echo(conclusion.for_machines(outcome) if as_json else conclusion.for_people(outcome))
    sys.exit(conclusion.exit_status(outcome))


_AGREE_EXAMPLES = """
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


@cli.command(epilog=_AGREE_EXAMPLES)
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
    debug: bool,
    **chosen: tuple[Any, ...],
) -> None:
    """Certify how right functions are, against proved values.

    Without --range or --exhaustive: every form and mode at all inputs of the 16-bit formats and at
    chosen ones of float32, forward and gradient, as in every run. With them: the plain form of the
    frameworks and activations chosen, or a function of your own, at every input there is.
    """
    from . import agree as command

    asked = command.Asked(
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
        command=shlex.join(["actbench", *sys.argv[1:]]),
    )
    outcome = command.execute(asked, quiet=as_json)
    click.echo(outcome.for_machines() if as_json else outcome.for_people())
    sys.exit(outcome.exit_status)


@cli.command()
@click.argument("run_path", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(export_module.FORMATS),
    default="json",
    show_default=True,
    help="JSON array of records, or CSV.",
)
@click.option("--out", type=click.Path(path_type=Path), help="File to write; stdout unless told.")
@DEBUG
def export(run_path: Path, form: str, out: Path | None, debug: bool) -> None:
    """Write the rows of RUN (a folder, or its name under results/) for other tools."""
    from ..results.store import load

    loaded = load(run_path)
    if out is None:
        export_module.write(loaded, form, sys.stdout)
        return
    try:
        with out.open("w", encoding="utf-8", newline="") as stream:
            export_module.write(loaded, form, stream)
    except OSError as error:
        raise StoreError(f"cannot write {out}: {error.strerror}; choose another --out") from error
    click.echo(f"Wrote {len(loaded.rows)} rows to {out}.")


@cli.command()
@click.argument("run_path", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--framework", "frameworks", multiple=True, help="numpy, torch, jax, tensorflow.")
@click.option("--activation", "activations", multiple=True, help="A name of `list`.")
@click.option("--limit", type=click.IntRange(1), help="The first so many; all unless told.")
@click.option("--json", "as_json", is_flag=True, help="One record a finding.")
@DEBUG
def findings(
    run_path: Path,
    frameworks: tuple[str, ...],
    activations: tuple[str, ...],
    limit: int | None,
    as_json: bool,
    debug: bool,
) -> None:
    """List what is wrong in RUN beyond a stated bound, each with three lines that show it."""
    from ..exactness import findings as module
    from ..results.store import dump, load

    loaded = load(run_path)
    chosen = Selection(frameworks=frameworks, activations=activations)
    found = module.findings(loaded, chosen)
    shown = found[:limit]
    if as_json:
        records = ",\n".join(dump(each.as_dict()) for each in shown)
        click.echo(f"[\n{records}\n]" if shown else "[]")
        return
    for each in shown:
        click.echo(each.sentence)
        click.echo("".join(f"    {line}\n" for line in each.lines))
    click.echo(module.verdict(found, module.checked(loaded, chosen), len(shown)))


@cli.command()
@click.argument("run_path", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--framework", "wanted", multiple=True, help="numpy, torch, jax, tensorflow.")
@click.option("--activation", "labels", multiple=True, help="Every form of it, not the plain one.")
@click.option("--json", "as_json", is_flag=True, help="The rows, as records.")
@DEBUG
def special(
    run_path: Path, wanted: tuple[str, ...], labels: tuple[str, ...], as_json: bool, debug: bool
) -> None:
    """Show what each framework of RUN makes of ±0, subnormals, ±∞, NaN, kinks and thresholds."""
    from ..exactness import special_table
    from ..results.store import load

    asked = Selection(frameworks=wanted, activations=labels).checked()
    loaded = load(run_path)
    records = special_table.chosen(loaded.records, asked)
    if not records:
        raise UsageError(f"{loaded.path} has nothing of this at special points")
    if as_json:
        export_module.write_records(records, sys.stdout)
    else:
        click.echo(special_table.text(special_table.lines(records)))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="One record a finding.")
@DEBUG
def doctor(as_json: bool, debug: bool) -> None:
    """Say what about this machine makes figures worse, and what mends it."""
    from dataclasses import asdict

    from ..host.doctor import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps([asdict(each) for each in findings], ensure_ascii=False, indent=1))
        return
    for each in findings:
        click.echo(f"{each.state:<8} {each.name}: {each.found}")
        if each.remedy:
            click.echo(f"{'':<8} → {each.remedy}")
    worse = sum(each.state == "worse" for each in findings)
    click.echo(f"{worse} of {len(findings)} things here make figures worse.")


@cli.command()
@click.argument("run_path", metavar="RUN", type=click.Path(path_type=Path))
@DEBUG
def publish(run_path: Path, debug: bool) -> None:
    """Copy RUN to results/published/, compressed, to be kept under version control."""
    from ..results import store

    click.echo(f"Published in {store.publish(run_path)}; git add it to keep it.")


for _command in (compare, gate, selftest):
    cli.add_command(_command)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; an expected error is one sentence on stderr and its exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # which the environment may not think of
    try:
        cli.main(given, prog_name="actbench", standalone_mode=False)
        if sys.stdout:
            sys.stdout.flush()
    except ActbenchError as error:
        if "--debug" in given:
            raise
        click.echo(f"error: {error}", err=True)
        return error.exit_status
    except click.ClickException as error:
        error.show()
        return 2
    except BrokenPipeError:
        _drop_output()
        return 0
    except OSError as error:
        if error.errno not in _FULL or error.filename:
            raise
        _drop_output()
        click.echo(f"error: cannot write the output: {error.strerror}", err=True)
        return StoreError.exit_status
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return 130
    return 0


def _drop_output() -> None:
    """Let what standard output has not taken so far go nowhere, instead of failing once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
