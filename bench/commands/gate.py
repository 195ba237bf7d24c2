"""The command `gate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ..catalog.cases import Selection
from ..gate import words
from ..gate.gate import PARTS, Request, check
from ..gate.gate import gate as compare
from ..gate.trees import WORKTREE
from ..host.errors import StoreError, UsageError
from ..host.progress import Reporter
from ..timing.decisions import Design
from ..timing.verdicts import DEAD_ZONE
from .callables import Callables, taking
from .options import DEBUG, PYTHONS, SEED, Finite, as_given, interpreters, selecting

_EXAMPLES = """
\b
Examples:
  actbench gate --base origin/main
  actbench gate --base HEAD~1 --framework torch --markdown comment.md
  actbench gate --base v1.2 --all --activation gelu --size 65536 --budget 120
  actbench gate --base main --callable mine.kernels:fast_gelu --reference gelu
  actbench gate --base main --activation softmax --row 50257 --input saturated
  actbench gate --base WORKTREE --framework numpy --activation relu
  actbench gate --base-python ~/torch-2.12/bin/python --framework torch
  actbench gate --base origin/main --accept 'gelu[textbook]' --accept relu_where

\b
Exit status: 0 nothing slower or less exact, 1 something is, or does not run any more, is gone,
differs without a reference, or could not be compared, and is not accepted, 2 bad usage or nothing
at all could be compared, 3 undecided cases with --strict, 4 a file that cannot be written,
130 interrupted.
"""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--base",
    metavar="REF|FOLDER|WORKTREE",
    help="What to compare with: a git commit, branch or tag, a folder that holds impls/, or the "
    "working tree itself, as a test of the gate.",
)
@taking
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
    help="The least change to detect; half of it is never called.",
)
@click.option(
    "--budget",
    type=Finite(1),
    help="Seconds of timing, start-up apart; 30, or half a second per case if more. "
    "Suspects are confirmed in what screening leaves of it, or in a little more.",
)
@click.option("--only", type=click.Choice(["timing", "exactness"]), help="Compare only this.")
@click.option(
    "--instructions",
    is_flag=True,
    help="Count instructions per call as well, at the size of a launch; needs valgrind, and a "
    "minute or more per framework.",
)
@click.option("--strict", is_flag=True, help="Exit with 3 if a case stays undecided.")
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    metavar="NAME",
    help="What may be slower, give other results, or be gone: gelu, gelu[textbook], "
    "or a --callable. It is still reported. Can be given several times.",
)
@SEED
@PYTHONS
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--markdown", type=click.Path(path_type=Path), help="Write a comment to this file.")
@DEBUG
def gate(
    base: str | None,
    base_python: str,
    callables: Callables,
    everything: bool,
    dead_zone: float,
    budget: float | None,
    only: str | None,
    instructions: bool,
    strict: bool,
    accepted: tuple[str, ...],
    seed: int,
    pythons: tuple[str, ...],
    as_json: bool,
    markdown: Path | None,
    **chosen: tuple[Any, ...],
) -> None:
    """Find what became slower or less exact.

    The working tree is compared with another version of impls/, or of a function of yours.
    """

    if base is None and not base_python:
        raise UsageError("nothing to compare with: name --base or --base-python")
    if callables and (instructions or base_python):
        raise UsageError("--callable goes with neither --instructions nor --base-python")
    selection, given = Selection(**chosen), interpreters(pythons)
    request = Request(
        base=WORKTREE if base is None else base,
        base_python=base_python,
        selection=selection,
        everything=everything,
        design=Design(zone=dead_zone),
        budget=budget,
        seed=seed,
        parts=(only,) if only else PARTS,
        pythons=given,
        python=given[""],
        command=as_given(),
        own=callables.resolved(selection, given, must_load=False),
        instructions=instructions,
        accepted=accepted,
    )
    result = compare(request, Reporter(quiet=as_json))
    if markdown:
        _write(markdown, words.markdown(result) + "\n")
    click.echo(words.for_machines(result, strict) if as_json else words.for_people(result))
    check(result)
    sys.exit(words.exit_status(result, strict))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}; choose another file") from error
