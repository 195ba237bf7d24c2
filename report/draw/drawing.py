"""Figures as SVG text that takes its colours from the page, light or dark."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.markers import TICKDOWN, TICKLEFT
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import ScaledTranslation, Transform

from .svg import compact

INK, LINE, SOFT = "#010101", "#010102", "#010103"
COLOURS = {"max": "#010105", "exp": "#010106", "algebraic": "#010107", "unknown": "#010108"}
PARTS = {
    "copy_floor": "#010109",
    "arithmetic": "#01010a",
    "memory": "#01010b",
    "allocation": "#01010c",
    "launch": "#01010d",
    "handoff": "#01010e",
}
LINES = ("#010110", "#010111", "#010112", "#010113")
"""Colours of lines that stand for no family, told apart by dashes and markers as well."""
MARKERS = {"max": "s", "exp": "o", "algebraic": "^", "unknown": "x"}
WORDS = {"max": "■ max", "exp": "● exp", "algebraic": "▲ algebraic"}
WIDTH = 340.0
_VARIABLES = {
    INK: "currentColor",
    LINE: "var(--line)",
    SOFT: "var(--soft)",
    **{colour: f"var(--{family})" for family, colour in COLOURS.items()},
    **{colour: f"var(--{part.replace('_', '-')})" for part, colour in PARTS.items()},
    **{colour: f"var(--line-{index})" for index, colour in enumerate(LINES, start=1)},
}
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "actbench",
    "font.size": 10.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": LINE,
    "axes.labelsize": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,
}


@dataclass(frozen=True)
class Panel:
    """A drawing and what it says to somebody who cannot see it."""

    svg: str
    label: str


@contextmanager
def canvas(
    width: float, height: float, left: float, right: float, top: float = 30, bottom: float = 42
) -> Iterator[tuple[Figure, Axes]]:
    """A transparent figure of one pair of axes; sizes and margins are in CSS pixels."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        figure.patch.set_visible(False)
        FigureCanvasSVG(figure)
        box = (left / width, bottom / height, 1 - (left + right) / width, 0)
        axes = figure.add_axes((box[0], box[1], box[2], 1 - (top + bottom) / height))
        axes.patch.set_visible(False)
        axes.set_axisbelow(True)
        yield figure, axes


def heading(axes: Axes, text: str, left: float, above: float = 12, below: str = "") -> None:
    """A panel's title, flush with the left edge of the figure; `below` is a smaller line."""
    at: dict[str, Any] = dict(xycoords="axes fraction", textcoords="offset points")
    axes.annotate(text, (0, 1), xytext=(-left, above), weight="bold", size=11, **at)
    if below:
        axes.annotate(below, (0, 1), xytext=(-left, above - 13), size=9, color=SOFT, **at)


def rows_moved(axes: Axes, right: float, up: float) -> Transform:
    """Places on a share of the width and at a row, so many pixels to the right and up."""
    moved = ScaledTranslation(right / 72, up / 72, axes.figure.dpi_scale_trans)
    return axes.get_yaxis_transform() + moved


def broken(lines: Iterable[tuple[float, float]]) -> list[float]:
    """The ends of many lines along one axis, so that all are drawn at once: NaN parts them."""
    return [end for low, high in lines for end in (low, high, math.nan)]


def to_svg(figure: Figure, name: str) -> str:
    """The figure as inline SVG: colours from the page, ids that start with `name`, no dates."""
    buffer = io.StringIO()
    with rc_context(_STYLE):
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing)
    text = buffer.getvalue()
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    return compact(text, name)


def log_ticks(axis: Any, limits: tuple[float, float]) -> None:
    """Plain numbers on a log axis, few enough to be read."""
    decades = math.log10(limits[1] / limits[0])
    steps = (1.0, 2.0, 5.0) if decades < 1.6 else (1.0, 3.0) if decades < 2.4 else (1.0,)
    minor = axis.get_minor_locator().tick_values(*limits)
    axis.set_major_locator(LogLocator(base=10, subs=steps, numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain_power(value)))
    axis.set_minor_locator(NullLocator())
    _minor_ticks(axis, [each for each in minor if limits[0] <= each <= limits[1]])


def _minor_ticks(axis: Any, places: Sequence[float]) -> None:
    """Short ticks without words: one line of marks, where matplotlib makes an object a tick."""
    axes, edge = axis.axes, [0.0] * len(places)
    flat = axis.axis_name == "x"
    axes.plot(
        *((places, edge) if flat else (edge, places)),
        transform=axes.get_xaxis_transform() if flat else axes.get_yaxis_transform(),
        marker=TICKDOWN if flat else TICKLEFT,
        linestyle="none", color=SOFT, markersize=2, markeredgewidth=0.6, clip_on=False,
    )  # fmt: skip


def plain_power(value: float) -> str:
    """A tick's label: `0.5`, `1,000`, `1e6`."""
    return (
        f"{value:g}"
        if value < 1000
        else f"{value:,.0f}"
        if value < 1e5
        else f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
    )
