"""The command line of the gate."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from ..cases import Selection
from ..errors import StoreError, UsageError
from ..options import DEBUG, interpreters, selecting
from .verdicts import DEAD_ZONE

_EXAMPLES = """
\b
Examples:
  python -m bench gate --base origin/main
  python -m bench gate --base HEAD~1 --framework torch --markdown comment.md
  python -m bench gate --base v1.2 --all --activation gelu --size 65536 --budget 120
  python -m bench gate --base WORKTREE --framework numpy --activation relu
  python -m bench gate --base-python ~/torch-2.12/bin/python --framework torch

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
    type=click.FloatRange(0.001, 10),
    default=DEAD_ZONE,
    show_default=True,
    help="The least change to find; half of it is never called.",
)
@click.option(
    "--budget",
    type=click.FloatRange(1),
    help="Seconds of timing, start-up apart; 30, or half a second a case if that is more. "
    "Suspects are confirmed beyond it.",
)
@click.option("--only", type=click.Choice(["timing", "exactness"]), help="Leave the other out.")
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
    everything: bool,
    dead_zone: float,
    budget: float | None,
    only: str | None,
    strict: bool,
    seed: int,
    pythons: tuple[str, ...],
    as_json: bool,
    markdown: Path | None,
    debug: bool,
    **chosen: tuple[Any, ...],
) -> None:
    """Find what became slower or less exact than in another version of impls/."""
    from ..progress import Reporter
    from . import words
    from .decisions import Design
    from .gate import PARTS, Request, check
    from .gate import gate as compare
    from .trees import WORKTREE

    if not base and not base_python:
        raise UsageError("nothing to compare with: name --base or --base-python")
    request = Request(
        base=base or WORKTREE,
        base_python=base_python,
        selection=Selection(**chosen),
        everything=everything,
        design=Design(zone=dead_zone),
        budget=budget,
        seed=seed,
        parts=(only,) if only else PARTS,
        pythons=interpreters(pythons),
        python=interpreters(pythons).get("", sys.executable),
        command=shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
    )
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
