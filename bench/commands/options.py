"""Options that several commands share."""

from __future__ import annotations

import math
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..catalog.activations import nearest
from ..catalog.cases import all_forms
from ..catalog.dtypes import DTYPES
from ..catalog.frameworks import frameworks, names
from ..catalog.shell import PROGRAM
from ..catalog.sizes import CLASSES
from ..host.errors import UsageError

WITH_TRACEBACK = "actbench.with_traceback"
"""The key under which a command's context says that an error is to be shown whole."""


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
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of all inputs."
)
OUT = click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of the run; it must be empty."
)
PYTHONS = click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="[FRAMEWORK=]PATH",
    help="Interpreter of the workers, or of one framework's.",
)
RUN = click.argument("run_path", metavar="RUN", type=click.Path(path_type=Path))
LONGEST = 2_000_000.0
"""Seconds, three weeks: a system waits no longer for a pipe at once."""


def as_given() -> str:
    """The command line of this process, as a shell takes it."""
    return shlex.join([PROGRAM, *sys.argv[1:]])


class Finite(click.FloatRange):
    """A range of finite numbers."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def selecting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose cases. Each may be given several times."""
    options = (
        ("framework", str, f"{', '.join(names())}."),
        ("activation", str, "A name of `list`, with parameters if need be: squareplus(b=0)."),
        ("form", str, f"{', '.join(all_forms())}."),
        ("mode", str, "eager or compiled."),
        ("direction", str, "forward, backward or both."),
        ("device", str, "cpu or cuda."),
        ("dtype", str, f"{', '.join(DTYPES)}."),
        ("size", str, f"Elements of the input, or a class: {', '.join(CLASSES)}."),
        ("threads", str, "CPU threads of a worker, or all; 1 unless given."),
        ("output", str, "fresh, or reused: written to memory that is there already."),
        ("cache", str, "warm, or cold: emptied before every call."),
    )
    for name, kind, text in reversed(options):
        plural = name if name == "threads" else f"{name}s"
        command = click.option(f"--{name}", plural, type=kind, multiple=True, help=text)(command)
    return command


def interpreters(pythons: tuple[str, ...]) -> dict[str, str]:
    """Framework to interpreter; the empty name is the one for all the others."""
    chosen: dict[str, str] = {}
    for text in pythons:
        framework, equals, path = text.rpartition("=")
        if framework and framework not in frameworks():
            hint = nearest(framework, list(frameworks()))
            raise UsageError(f"--python {text}: unknown framework {framework!r}: {hint}")
        program = shutil.which(path)
        chosen[framework if equals else ""] = os.path.abspath(program) if program else path
    return chosen
