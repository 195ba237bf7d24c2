"""Options that several commands share."""

from __future__ import annotations

import math
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ..catalog import plugins
from ..catalog.activations import load_plugins, nearest
from ..catalog.cases import all_forms
from ..catalog.dtypes import DTYPES
from ..catalog.frameworks import frameworks, names
from ..catalog.given import DRAWN, LAYOUTS, UNIFORM
from ..catalog.shell import PROGRAM
from ..catalog.sizes import CLASSES
from ..host.errors import UsageError
from ..host.progress import Reporter
from ..results import addresses
from ..results.addresses import is_address, is_brought
from ..words import writable

WITH_TRACEBACK = "actbench.with_traceback"
"""The key under which a command's context says that errors are shown with their traceback."""


def _keep(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta[WITH_TRACEBACK] = value


DEBUG = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_keep,
    help="Show the traceback of an error.",
)
SEED = click.option(
    "--seed",
    type=click.IntRange(0, 2**63),
    default=0,
    show_default=True,
    help="Seed of all inputs.",
)


class LocalFolder(click.Path):
    """A folder of this machine, which nothing else writes as long as a command does."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if is_address(str(value)):
            raise UsageError(
                f"{value} is no folder of this machine: measure into one, then actbench publish "
                "RUN --published ADDRESS copies the run to an address"
            )
        return super().convert(value, param, ctx)


OUT = click.option("--out", type=LocalFolder(), help="Folder of the run; it must be empty.")
INTO = click.option(
    "--into",
    metavar="RUN",
    help="Add to this run, on the same machine with the same versions, what it has not measured, "
    "and what failed in it. One at an address of fsspec is brought here, and back at the end.",
)
PYTHONS = click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="[FRAMEWORK=]PATH",
    help="Interpreter of the workers, or of one framework's.",
)


class RunPath(click.ParamType[Path, Any]):
    """A run's folder, or its name under results/; one at an address is fetched to a temporary
    folder."""

    name = "run"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if isinstance(value, Path):
            return value
        context = ctx or click.get_current_context()
        return context.with_resource(addresses.brought(str(value)))


@contextmanager
def borrowed(run: str, reporter: Reporter) -> Iterator[Path]:
    """The folder of a run to be written; a copy of one that lies elsewhere is named."""
    with addresses.borrowed(run) as folder:
        if is_brought(folder):
            reporter.say(f"{run} is written in a copy, {folder}, which is brought back at the end")
        yield folder


RUN = click.argument("run_path", metavar="RUN", type=RunPath())
LONGEST = 2_000_000.0
"""The most seconds, three weeks, that a system waits for a pipe at once."""


def as_given() -> str:
    r"""The command line of this process, as a shell takes it; bytes that are not text as `\xff`."""
    return shlex.join([PROGRAM, *map(shown, sys.argv[1:])])


def shown(text: str) -> str:
    """Text, or a path with bytes that are not text, in a form that any terminal can show."""
    return writable(os.fsencode(text).decode("utf-8", "backslashreplace"))


def folder_of(run: Path) -> Path:
    """The folder for what is made of a run: its own, or the current one if that is temporary."""
    return Path() if is_brought(run) else run


def refuse(of: str, belongs: Callable[[str], bool]) -> None:
    """Raise UsageError for an option that was given and applies to something else."""
    context = click.get_current_context()
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is click.core.ParameterSource.COMMANDLINE and belongs(parameter.name or ""):
            raise UsageError(f"{parameter.opts[0]} is for {of}: leave it out here")


def one_folder(out: Path | None, into: str | None) -> None:
    """Raise UsageError where a run of its own is also to be added to another."""
    if out and into:
        raise UsageError("--out makes a run of its own, --into adds to one: take one of them")


class Finite(click.FloatRange):
    """A range of finite numbers."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def framework(text: str) -> str:
    """The framework that a text names by name or title, in any case.

    Raises UsageError with the nearest names.
    """
    known = frameworks()
    by_word = {word.casefold(): name for name in known for word in (name, known[name].title)}
    if text.casefold() not in by_word:
        raise UsageError(f"unknown framework {text!r}: {nearest(text.casefold(), list(known))}")
    return by_word[text.casefold()]


FRAMEWORKS = click.option(
    "--framework",
    "frameworks",
    type=framework,
    multiple=True,
    help=f"{', '.join(names())}, or its title.",
)


def _load(_: click.Context, __: click.Parameter, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Load the plug-ins of a command line, and those named elsewhere."""
    for path in paths:
        plugins.name(path)
    load_plugins()
    return paths


PLUGINS = click.option(
    "--plugin",
    multiple=True,
    metavar="FILE",
    expose_value=False,
    is_eager=True,
    callback=_load,
    help=f"File of activations of your own, as docs/own.md has it; also in {plugins.VARIABLE}.",
)


def selecting(command: Callable[..., Any], without: Collection[str] = ()) -> Callable[..., Any]:
    """Add the options that choose cases, except some. Each may be given several times."""
    options = (
        ("activation", "A name of `list`, with parameters if need be: squareplus(b=0)."),
        ("form", f"{', '.join(all_forms())}."),
        ("mode", "eager or compiled."),
        ("direction", "forward, backward or both."),
        ("device", "cpu or cuda."),
        ("dtype", f"{', '.join(DTYPES)}."),
        ("size", f"Elements of the input, or a class: {', '.join(CLASSES)}."),
        ("threads", "CPU threads of a worker, or all; 1 unless given."),
        ("output", "fresh, or reused: written to memory that is there already."),
        ("cache", "warm, or cold: emptied before every call."),
        ("input", f"{', '.join(DRAWN)}, {UNIFORM}LOW,HIGH, or a FILE.npy of numbers."),
        ("shape", "Shape of the input, such as 1x3x1024, in place of a size."),
        ("row", "Elements of a row; as many rows as a size has."),
        ("axis", "Axis of the rows of a row-wise function; the last unless given."),
        ("layout", f"{', '.join(LAYOUTS)} (of four axes)."),
    )
    for name, text in reversed([option for option in options if option[0] not in without]):
        kind = int if name in ("row", "axis") else str
        option = click.option(f"--{name}", _field(name), type=kind, multiple=True, help=text)
        command = option(command)
    return PLUGINS(FRAMEWORKS(command))


def _field(name: str) -> str:
    """The field of a selection that an option fills."""
    return {"threads": "threads", "axis": "axes"}.get(name, f"{name}s")


def interpreters(pythons: tuple[str, ...]) -> dict[str, str]:
    """A mapping of framework to interpreter; "" stands for all others, by default this one."""
    chosen = {"": sys.executable}
    for text in pythons:
        name, equals, path = text.rpartition("=")
        program = shutil.which(path)
        whose = framework(name) if equals and name else ""
        chosen[whose] = os.path.abspath(program) if program else path
    return chosen
