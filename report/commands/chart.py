"""The command `chart`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from ...bench.catalog.cases import DIRECTIONS, USUAL, Selection
from ...bench.catalog.dtypes import DTYPES
from ...bench.commands.options import DEBUG, RUN, folder_of, selecting
from ...bench.commands.stored import note
from ...bench.host.errors import UsageError

_EXAMPLES = """\b
Examples:
  actbench chart 2026-01-31T12-00-00-standard
  actbench chart 2026-01-31T12-00-00-standard --framework torch --direction backward --out costs.pdf
  actbench chart results/gpu --place memory --mode compiled --out slide.png
  actbench chart results/gpu --kind size --activation gelu --activation squareplus

\b
Exit status: 0 written, 2 bad usage or nothing to draw, 4 a run that cannot be read, or a file that
cannot be written.
"""
_NAMES = {"cost": "costs.svg", "size": "sizes.svg"}
_LEFT_OUT = ("form", "direction", "device", "dtype", "size", "threads", *USUAL)


@click.command("chart", epilog=_EXAMPLES)
@RUN
@click.option(
    "--kind",
    type=click.Choice(tuple(_NAMES)),
    default="cost",
    show_default=True,
    help="The cost over relu of each activation, or the time of a call over size above a copy's.",
)
@partial(selecting, without=_LEFT_OUT)
@click.option(
    "--place",
    default="",
    help="Where the data lies: cache, memory or launch, or elements.  [default: cache]",
)
@click.option("--direction", type=click.Choice(DIRECTIONS), default="forward", show_default=True)
@click.option("--dtype", type=click.Choice(tuple(DTYPES)), default="float32", show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The file to write: .svg, .pdf or .png.  [default: costs.svg or sizes.svg in the run's "
    "folder]",
)
@DEBUG
def chart(
    run_path: Path, kind: str, place: str, direction: str, dtype: str, out: Path | None,
    **chosen: tuple[Any, ...],
) -> None:  # fmt: skip
    """Draw a figure of RUN for a paper or slides.

    Activations are in the form that people take first, with 95 % intervals, and machine, versions
    and run at the foot. The same run gives the same file.
    """
    # matplotlib takes half a second to import: no other command pays for it.
    from ..draw import paper
    from ..matrix.chart import Choice, costs, times
    from ..matrix.model import matrix
    from ..page import write
    from ..read.rows import read

    names = Selection(**chosen).checked()
    choice = Choice(place, direction, dtype, names.frameworks, names.activations, names.modes)
    suffix = out.suffix.lower() if out else ".svg"
    if suffix not in paper.SUFFIXES:
        hint = f"choose from {', '.join(paper.SUFFIXES)}"
        raise UsageError(f"unknown suffix {suffix!r} of --out: {hint}")
    if kind == "size" and place:
        raise UsageError("--place is for --kind cost: a figure over size has every place")
    evidence = read((run_path,))
    note(*evidence.runs.values())
    records = matrix(evidence)
    if kind == "cost":
        figure = paper.rows(*costs(evidence, records, choice))
    else:
        figure = paper.lines(*times(evidence, records, choice))
    path = out or folder_of(next(iter(evidence.runs.values())).path) / _NAMES[kind]
    write(path, paper.written(figure, suffix))
    click.echo(click.format_filename(path))
