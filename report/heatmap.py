"""The heat map of errors: activation and form against framework and mode."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from bench.catalog import CATALOG

from .drawing import HEAT, INK, SOFT, Panel, canvas, heading, to_svg
from .evidence import Checked
from .words import number, title


def errors(name: str, direction: str, checked: Sequence[Checked]) -> Panel:
    """Largest error in ulp as a heat map: activation and form against framework and mode."""
    columns = sorted({_column(each) for each in checked}, key=_column_order)
    lines = sorted({_line(each) for each in checked}, key=_catalogue_order)
    found = {(_line(each), _column(each)): each.max_ulp for each in checked}
    left, width, height = 200.0, 88.0, 20.0
    size = (left + width * len(columns) + 8, height * len(lines) + 60)
    with canvas(*size, left, 8, top=56, bottom=4) as (figure, axes):
        for x, column in enumerate(columns):
            for y, line in enumerate(lines):
                _heat(axes, x, y, found.get((line, column)))
        for y, (label, form) in enumerate(lines):
            words = f"{label} [{form}]"
            words = words if len(words) < 34 else f"{words[:32]}…"
            axes.annotate(
                words, (-0.52, y), ha="right", va="center", size=10, annotation_clip=False
            )
        for x, (framework, mode) in enumerate(columns):
            axes.annotate(
                f"{title(framework)}\n{mode}", (x, -0.6), ha="center", va="bottom",
                size=10, annotation_clip=False,
            )  # fmt: skip
        axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(lines) - 0.5, -0.5))
        axes.set_axis_off()
        heading(axes, f"{direction}: largest error, ulp", left)
        svg = to_svg(figure, name)
    label = f"{direction}: largest error in ulp, {len(lines)} activations and forms against "
    return Panel(svg, label + f"{len(columns)} frameworks and modes; every value is in the table")


def _heat(axes: Axes, x: int, y: int, ulp: float | None) -> None:
    if ulp is not None:
        share = 1.0 if math.isinf(ulp) else min(1.0, math.log2(1 + max(ulp, 0.0)) / 24)
        box = Rectangle(
            (x - 0.48, y - 0.46), 0.96, 0.92, color=HEAT, alpha=0.06 + 0.5 * share, lw=0
        )
        axes.add_patch(box)
    colour = SOFT if ulp is None else INK
    axes.annotate(number(ulp), (x, y), ha="center", va="center", size=10.5, color=colour)


def _column(each: Checked) -> tuple[str, str]:
    return each.case.framework, each.case.mode


def _column_order(column: tuple[str, str]) -> tuple[str, bool]:
    return title(column[0]).lower(), column[1] != "eager"


def _line(each: Checked) -> tuple[str, str]:
    return each.case.activation, each.case.form


def _catalogue_order(line: tuple[str, str]) -> tuple[int, str, bool, str]:
    names = list(CATALOG)
    name = line[0].split("(")[0]
    place = names.index(name) if name in names else len(names)
    return place, line[0], line[1] != "native", line[1]
