"""The command line: `actbench COMMAND`, and how it ends."""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
from collections.abc import Mapping
from typing import IO, Any

import click

from ... import __version__
from ..catalog.shell import PROGRAM
from ..host.errors import ActbenchError, StoreError
from ..host.interrupt import interruptible
from ..results.addresses import named
from .options import WITH_TRACEBACK, shown

_EXAMPLES = """
\b
Examples:
  actbench run --profile smoke
  actbench run --activation gelu --activation squareplus --framework torch
  actbench report results/2026-01-31T12-00-00-smoke
  actbench agree --framework torch --activation gelu --exhaustive
  actbench gate --base origin/main
  actbench claims --quick
  actbench COMMAND --help

\b
Exit status: 0 done, 1 something failed or was found (each command says what), 2 bad usage, 4 a run
that cannot be read or written, 130 interrupted (what was measured is kept).
"""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""The reasons why standard output cannot be written; writers of files raise StoreError for them."""


_COMMANDS: Mapping[str, str] = {
    **{name: name for name in ("run", "agree", "findings", "special", "compare", "gate", "claims")},
    **{name: name for name in ("selftest", "doctor", "export", "publish", "fleet", "schema")},
    "list": "list_",
}
"""The function of each command, in the module of its name, which is imported on use."""


class _Failed(click.ClickException):
    """An expected error as click shows it: one sentence on stderr, and its exit status."""

    def __init__(self, error: ActbenchError) -> None:
        super().__init__(str(error))
        self.exit_status = error.exit_status

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """The exit status of the process."""
        return self.exit_status

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the sentence."""
        click.echo(f"error: {shown(named(self.message))}", err=True)


class _Group(click.Group):
    """A group of commands that are imported on use."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ActbenchError as error:
            if ctx.meta.get(WITH_TRACEBACK):
                raise
            raise _Failed(error) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*self.commands, *_COMMANDS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module(f".{cmd_name}", __package__)
        command: click.Command = getattr(module, _COMMANDS[cmd_name])
        return command


@click.group(
    cls=_Group,
    epilog=_EXAMPLES,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Measure what an activation function costs and how right it is."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: list[str] | None = None) -> int:
    """Run a command; an expected error becomes one sentence on stderr and its exit status.

    The first signal that asks the process to end interrupts it, later ones are ignored: whatever it
    started is ended, and whatever it has done is kept.
    """
    given = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # the environment may not think of UTF-8
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    with interruptible(to_the_end=arguments is None):
        return _run(given)


def _run(given: list[str]) -> int:
    try:
        cli.main(given, prog_name=PROGRAM, standalone_mode=False)
        if sys.stdout:
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
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
        # Where an interrupt met an exec of text, as of a dataclass, Python under -m ends by SIGINT
        # whatever the exit status is, unless another text is executed after it.
        exec("")
        click.echo("interrupted", err=True)
        return 130
    return 0


def _drop_output() -> None:
    """Discard what standard output has not taken so far, instead of failing once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
