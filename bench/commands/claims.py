"""The command `claims`."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from ..catalog.shell import command
from ..claims import claim
from ..claims.ground import Effort
from ..claims.judging import chosen, judge, needs_run
from ..claims.measuring import measured
from ..host.errors import UsageError
from ..host.progress import Reporter
from ..results import claim_words as words
from ..results.addresses import named
from ..results.answers import written
from ..results.claims import Claims, Judged, Topic, Verdict, read, write
from ..results.store import Run
from ..words import Table
from . import conclusion
from .options import DEBUG, FRAMEWORKS, OUT, PYTHONS, SEED, as_given, borrowed, interpreters
from .stored import opened

_EXAMPLES = """
\b
Examples:
  actbench claims
  actbench claims --quick --out /tmp/claims
  actbench claims cost form --run results/2026-01-31T12-00-00-standard
  actbench claims cost --run s3://bucket/runs/2026-01-31T12-00-00-standard
  actbench claims relu-has-one-value-in-every-form
  actbench claims identities shape --framework torch
  actbench claims --list

\b
One claim alone is shown with its source, how it is tested, and all its figures. With --run, the
claims that were not named keep the verdicts that the run has of them.

\b
Exit status: 0 done, whatever the verdicts are, 1 no claim could be decided, 2 bad usage, 4 a folder
that cannot be read or written, 130 interrupted (what was measured is kept).
"""

_COLOURS: Mapping[Verdict, str] = {
    Verdict.HOLDS: "green",
    Verdict.LIMITED: "yellow",
    Verdict.FAILS: "red",
    Verdict.UNDECIDED: "bright_black",
}
_MOST = 3
"""The most lines of a claim among others."""
_FILE = 10_000
"""The columns where there is no terminal."""


@dataclass(frozen=True)
class Listed:
    """A claim, and how it is tested."""

    name: str
    topic: Topic
    sentence: str
    source: str
    method: str


@dataclass(frozen=True)
class Listing:
    """Claims that can be judged."""

    claims: list[Listed]


@dataclass(frozen=True, kw_only=True)
class Answer(Claims):
    """Claims as they were judged, and the file that they are kept in, None where in none."""

    path: Path | None


@click.command(epilog=_EXAMPLES)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--run",
    "run_path",
    metavar="RUN",
    help="Judge claims of cost by this run as it is, and keep the verdicts in it, for its page. A "
    "folder, its name under results/, or an address of fsspec.",
)
@OUT
@FRAMEWORKS
@click.option(
    "--quick", is_flag=True, help="Fewer processes, frameworks, seeds and inputs: a minute or two."
)
@click.option("--list", "only_list", is_flag=True, help="List the claims and judge none.")
@SEED
@PYTHONS
@click.option("--json", "as_json", is_flag=True, help="One record with all verdicts and figures.")
@DEBUG
def claims(
    names: tuple[str, ...],
    run_path: str | None,
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
    in three minutes, or in one with --quick (profile claims), into a new folder under results/. The
    verdicts are kept in it, and `actbench report` shows them.
    """
    wanted = chosen(names)
    if only_list:
        click.echo(written(Listing(_records(wanted))) if as_json else "\n".join(_listed(wanted)))
        return
    if out and run_path:
        raise UsageError("--out makes a run of its own, --run names one: take one of them")
    started, reporter = datetime.now(UTC), Reporter(quiet=as_json)
    effort = Effort(interpreters(pythons), frameworks, seed, quick)
    with borrowed(run_path, reporter) if run_path else nullcontext() as folder:
        run = opened(folder) if folder else None
        earlier = read(run.path) if run and names else None
        if out or (not run and needs_run(wanted)):
            run = _measured(effort, out, reporter)
        judged = judge(wanted, run, effort, reporter)
        result = Claims(as_given(), started.isoformat(timespec="seconds"), tuple(judged))
        path = write(run.path, result.after(earlier, list(claim.claims()))) if run else None
    if as_json:
        click.echo(named(written(Answer(**vars(result), path=path))))
    else:
        text = _whole(judged[0]) if len(judged) == 1 else _compact(judged)
        click.echo(named("\n".join([*text, *(_end(path) if path else [])])))
    sys.exit(int(all(claim.verdict is Verdict.UNDECIDED for claim in judged)))


def _measured(effort: Effort, out: Path | None, reporter: Reporter) -> Run:
    """Measure a run to judge by; end the program if that is interrupted."""
    outcome = measured(effort, out, as_given(), reporter)
    if outcome.facts.state == "interrupted":
        click.echo(conclusion.for_people(outcome), err=True)
        sys.exit(conclusion.exit_status(outcome))
    return Run(outcome.path, outcome.facts, outcome.rows)


def _end(path: Path) -> list[str]:
    return [f"Verdicts: {path}. Page: {command('report', path.parent)}"]


def _records(wanted: Sequence[claim.Claim]) -> list[Listed]:
    return [
        Listed(known.name, known.topic, known.sentence, known.source, known.method)
        for known in wanted
    ]


def _listed(wanted: Sequence[claim.Claim]) -> Iterator[str]:
    for topic in Topic:
        alike = [known for known in wanted if known.topic is topic]
        yield from [_heading(topic)] if alike else []
        for known in alike:
            yield f"  {known.name}"
            yield from _wrapped(known.sentence, "    ", _MOST - 1)


def _compact(judged: Sequence[Judged]) -> Iterator[str]:
    """Each topic with its claims, at most three lines each, and a verdict on all of them."""
    for topic, alike in words.by_topic(judged).items():
        yield _heading(topic)
        for known in alike:
            sentence = _verdict(known)
            yield from sentence
            yield from _wrapped(words.finding(known), "  ", _MOST - len(sentence))
    yield words.summary(judged)


def _whole(judged: Judged) -> Iterator[str]:
    """A claim with everything that is known about it."""
    yield from _verdict(judged)
    for text in (
        words.finding(judged),
        judged.why,
        f"Said: {judged.source}",
        f"Tested: {judged.method}",
    ):
        yield from _wrapped(text, "  ") if text else []
    rows = [
        (words.holds(figure), figure.name, words.value(figure), words.setting(figure))
        for figure in judged.figures
    ]
    if rows:
        yield from Table(("", "figure", "value (95 % interval)", "where"), rows).text()


def _heading(topic: Topic) -> str:
    return click.style(words.heading(topic), bold=True) if _in_colour() else words.heading(topic)


def _verdict(judged: Judged) -> list[str]:
    """The verdict and the sentence, in at most two lines."""
    verdict = f"{words.CUES[judged.verdict]} {judged.verdict.value.upper()}:"
    first, *rest = _wrapped(f"{verdict} {judged.sentence}", "", _MOST - 1, "  ")
    if _in_colour():
        first = first.replace(verdict, click.style(verdict, fg=_COLOURS[judged.verdict]), 1)
    return [first, *rest]


def _wrapped(text: str, indent: str, most: int | None = None, later: str = "") -> list[str]:
    """Lines of the terminal's width; where there is none, one line."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _FILE
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=later or indent,
        max_lines=most,
        placeholder=" …",
        break_on_hyphens=False,
    )


def _in_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
