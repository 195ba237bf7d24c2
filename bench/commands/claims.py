"""The command `claims`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ..catalog.shell import command
from ..claims.ground import Effort
from ..claims.judging import chosen, judge, needs_run
from ..claims.measuring import measured
from ..host.errors import UsageError
from ..host.progress import Reporter
from ..results.claims import Claims, Figure, Judged, Verdict, write
from ..results.store import Run, dump
from ..words import number, tally, title
from . import conclusion
from .options import DEBUG, FRAMEWORKS, OUT, PYTHONS, SEED, as_given, interpreters
from .stored import opened

_EXAMPLES = """
\b
Examples:
  actbench claims
  actbench claims --quick --out /tmp/claims
  actbench claims cost form --run results/2026-01-31T12-00-00-standard
  actbench claims relu-has-one-value-in-every-form
  actbench claims identities shape --framework torch
  actbench claims --list

\b
Exit status: 0 done, whatever the verdicts are, 1 no claim could be decided, 2 bad usage, 4 a folder
that cannot be read or written, 130 interrupted (what was measured is kept).
"""


@click.command(epilog=_EXAMPLES)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--run",
    "run_path",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Judge claims of cost by this run as it is, and keep all verdicts in it, for its page.",
)
@OUT
@FRAMEWORKS
@click.option(
    "--quick", is_flag=True, help="Fewer processes, frameworks, seeds and inputs: two minutes."
)
@click.option("--list", "only_list", is_flag=True, help="List the claims and judge none.")
@SEED
@PYTHONS
@click.option("--json", "as_json", is_flag=True, help="One record with all verdicts and figures.")
@DEBUG
def claims(
    names: tuple[str, ...],
    run_path: Path | None,
    out: Path | None,
    frameworks: tuple[str, ...],
    quick: bool,
    only_list: bool,
    seed: int,
    pythons: tuple[str, ...],
    as_json: bool,
) -> None:
    """Put claims of the literature to the test.

    NAME is a claim, or a topic; all of them unless some are named. Each gets a verdict: it holds,
    holds within limits, fails, or is undecided.

    Claims of cost are judged by a run: by the one that is named, or by one that is measured first,
    in three minutes or less with --quick (profile claims), into a new folder under results/. The
    verdicts are kept in it, and `actbench report` shows them.
    """
    wanted = chosen(names)
    if only_list:
        _list([asdict(claim) for claim in wanted], as_json)
        return
    if out and run_path:
        raise UsageError("--out makes a run of its own, --run names one: take one of them")
    started, reporter = datetime.now(UTC), Reporter(quiet=as_json)
    effort = Effort(interpreters(pythons), frameworks, seed, quick)
    run = opened(run_path) if run_path else None
    if out or (not run and needs_run(wanted)):
        run = _measured(effort, out, reporter)
    judged = judge(wanted, run, effort, reporter)
    result = Claims(as_given(), seed, quick, started.isoformat(timespec="seconds"), tuple(judged))
    path = write(run.path, result) if run else None
    if as_json:
        click.echo(dump({**asdict(result), "path": path and str(path)}))
    else:
        click.echo("\n".join([*_paragraphs(judged), *(_end(path) if path else [])]))
    sys.exit(int(all(claim.verdict is Verdict.UNDECIDED for claim in judged)))


def _measured(effort: Effort, out: Path | None, reporter: Reporter) -> Run:
    """Measure a run to judge by; ends the program where that is interrupted."""
    outcome = measured(effort, out, as_given(), reporter)
    if outcome.facts.state == "interrupted":
        click.echo(conclusion.for_people(outcome), err=True)
        sys.exit(conclusion.exit_status(outcome))
    return Run(outcome.path, outcome.facts, outcome.rows)


def _end(path: Path) -> list[str]:
    return [f"Verdicts: {path}. Page: {command('report', path.parent)}"]


def _list(records: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    keys = ("name", "topic", "sentence", "source", "method")
    if as_json:
        click.echo(dump({"claims": [{key: record[key] for key in keys} for record in records]}))
        return
    for record in records:
        click.echo(f"{record['name']} ({record['topic']})\n    {record['sentence']}")


def _paragraphs(judged: Sequence[Judged]) -> list[str]:
    lines = []
    for claim in judged:
        lines += [f"{claim.verdict.value.upper()}: {claim.sentence}", f"    {claim.name}"]
        against = claim.counter_example
        if against:
            lines.append(f"    but {figure(against)}")
        lines += [f"    {text}" for text in (claim.why, claim.reason) if text]
    verdicts = [claim.verdict.value for claim in judged]
    return [*lines, f"Of {len(judged)} claims: {tally(verdicts, [*Verdict])}."]


def figure(given: Figure) -> str:
    """`softplus over squareplus 1.21 (1.18–1.24): JAX, compiled, forward, l2`."""
    interval = "" if given.low is None else f" ({number(given.low)}–{number(given.high)})"
    where = [title(given.framework) if given.framework else "", given.mode, given.direction]
    place = f"x = {number(given.at)}" if given.at is not None else ""
    words = ", ".join(filter(None, [*where, given.dtype, given.place, place]))
    return f"{given.name} {number(given.value)}{interval}" + (f": {words}" if words else "")
