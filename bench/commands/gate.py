"""The command line of the gate."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from ..catalog.cases import Selection
from ..host.errors import StoreError, UsageError
from ..timing.verdicts import DEAD_ZONE
from .options import DEBUG, Finite, interpreters, selecting

_EXAMPLES = """
\b
Examples:
  actbench gate --base origin/main
  actbench gate --base HEAD~1 --framework torch --markdown comment.md
  actbench gate --base v1.2 --all --activation gelu --size 65536 --budget 120
  actbench gate --base main --callable mine.kernels:fast_gelu --reference gelu
  actbench gate --base WORKTREE --framework numpy --activation relu
  actbench gate --base-python ~/torch-2.12/bin/python --framework torch

\b
Exit status: 0 nothing slower or less exact, 1 something is, or does not run any more, 2 bad usage
or nothing could be compared, 3 undecided cases with --strict, 4 a file that cannot be written,
130 interrupted.
"""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--base",
    metavar="REF|FOLDER|WORKTREE",
    help="What to compare with: a git commit, branch or tag, a folder that holds impls/, or the "
    "working tree itself, as a test of the gate.",
)
@click.option(
    "--callable",
    "function",
    metavar="MODULE:FUNCTION",
    help="A function of your own, in the tree around this folder, in place of those of impls/. It "
    "takes and returns an array of --framework.",
)
@click.option(
    "--reference",
    default="",
    metavar="NAME",
    help="What --callable should be: an activation of `list`, or exp2, log, erfc.",
)
@click.option(
    "--base-python",
    metavar="PATH",
    default="",
    help="Run the base under this interpreter, which may have other versions of the frameworks; "
    "without --base the working tree is compared with itself. The dead zone is then at least 20%.",
)
@click.option("--all", "everything", is_flag=True, help="Every case, changed or not.")
@selecting
@click.option(
    "--dead-zone",
    type=Finite(0.001, 10),
    default=DEAD_ZONE,
    show_default=True,
    help="The least change to find; half of it is never called.",
)
@click.option(
    "--budget",
    type=Finite(1),
    help="Seconds of timing, start-up apart; 30, or half a second a case if that is more. "
    "Suspects are confirmed in what screening leaves of it, or in a little more.",
)
@click.option("--only", type=click.Choice(["timing", "exactness"]), help="Leave the other out.")
@click.option(
    "--instructions",
    is_flag=True,
    help="Count instructions a call as well, at the size of a launch; needs valgrind, and a minute "
    "or more a framework.",
)
@click.option("--strict", is_flag=True, help="Exit with 3 if a case stays undecided.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of all inputs.")
@click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="[FRAMEWORK=]PATH",
    help="Interpreter of the workers, or of one framework's.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--markdown", type=click.Path(path_type=Path), help="Write a comment to this file.")
@DEBUG
def gate(
    base: str | None,
    base_python: str,
    function: str | None,
    reference: str,
    everything: bool,
    dead_zone: float,
    budget: float | None,
    only: str | None,
    instructions: bool,
    strict: bool,
    seed: int,
    pythons: tuple[str, ...],
    as_json: bool,
    markdown: Path | None,
    debug: bool,
    **chosen: tuple[Any, ...],
) -> None:
    """Find what became slower or less exact than in another version of impls/."""
    from ..gate import words
    from ..gate.gate import PARTS, Request, check
    from ..gate.gate import gate as compare
    from ..gate.own import Own
    from ..gate.trees import WORKTREE
    from ..host.progress import Reporter
    from ..run.schedule import interruptible
    from ..timing.decisions import Design

    if base is None and not base_python:
        raise UsageError("nothing to compare with: name --base or --base-python")
    if function and (instructions or base_python):
        raise UsageError("--callable goes with neither --instructions nor --base-python")
    if reference and not function:
        raise UsageError("--reference says what --callable should be: give both or neither")
    request = Request(
        base=WORKTREE if base is None else base,
        base_python=base_python,
        selection=Selection(**chosen),
        everything=everything,
        design=Design(zone=dead_zone),
        budget=budget,
        seed=seed,
        parts=(only,) if only else PARTS,
        pythons=interpreters(pythons),
        python=interpreters(pythons).get("", sys.executable),
        command=shlex.join(["actbench", *sys.argv[1:]]),
        own=Own(function, reference) if function else None,
        instructions=instructions,
    )
    with interruptible():
        result = compare(request, Reporter(quiet=as_json))
    check(result)
    if markdown:
        _write(markdown, words.markdown(result) + "\n")
    click.echo(words.for_machines(result, strict) if as_json else words.for_people(result))
    sys.exit(words.exit_status(result, strict))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}; choose another file") from error


_SELFTEST_EXAMPLES = """
\b
Examples:
  actbench selftest
  actbench selftest --cycles 34 --planted-every 6 --rival-every 11
  actbench selftest --framework numpy --hogs none --cycles 3 --rival-every 0

\b
Exit status: 0 the gate keeps what it promises as far as this many trials tell, 1 it does not
(alarms on the same code in surely more than 1 % of gates), 2 bad usage, 4 a folder that cannot be
written, 130 interrupted (what was measured is kept).
"""


@click.command(epilog=_SELFTEST_EXAMPLES)
@click.option(
    "--cycles",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Each has a gate on the same code for each of --hogs.",
)
@click.option("--minutes", type=Finite(0), default=600.0, help="Begin no gate after.")
@click.option("--framework", "frameworks", multiple=True, help="numpy, torch, jax.")
@click.option(
    "--hogs",
    multiple=True,
    type=click.Choice(["none", "both arms", "one arm"]),
    help="When a process that never rests runs on every CPU; all three unless told.",
)
@click.option(
    "--budget",
    type=Finite(1),
    default=30.0,
    show_default=True,
    help="Seconds of timing of a gate.",
)
@click.option(
    "--planted-every",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Cycles for one with planted slowdowns; 0 is never.",
)
@click.option(
    "--rival-every",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Cycles for one in which pytest-benchmark compares too; 0 is never.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of all inputs.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run; it must be empty.")
@click.option("--json", "as_json", is_flag=True, help="Print the lines of the table as JSON.")
@DEBUG
def selftest(
    cycles: int,
    minutes: float,
    frameworks: tuple[str, ...],
    hogs: tuple[str, ...],
    budget: float,
    planted_every: int,
    rival_every: int,
    seed: int,
    out: Path | None,
    as_json: bool,
    debug: bool,
) -> None:
    """Measure the gate itself: alarms on the same code, planted slowdowns found."""
    import json
    from dataclasses import asdict

    from ..gate import summary
    from ..gate.selftest import Asked
    from ..gate.selftest import selftest as execute
    from ..host.progress import Reporter

    asked = Asked(
        cycles=cycles,
        minutes=minutes,
        frameworks=frameworks,
        hogs=hogs or summary.HOGS,
        budget=budget,
        planted_every=planted_every,
        rival_every=rival_every,
        seed=seed,
        out=out,
        command=shlex.join(["actbench", *sys.argv[1:]]),
    )
    done = execute(asked, Reporter(quiet=as_json))
    lines = summary.summary(done.trials)
    if as_json:
        click.echo(json.dumps({"path": str(done.path), "lines": [asdict(each) for each in lines]}))
    else:
        click.echo("\n".join(summary.table(lines)))
        click.echo(f"{summary.words(done.trials)}\nTrials: {done.path}/samples.jsonl")
    sys.exit(130 if done.state == "interrupted" else summary.exit_status(done.trials))
