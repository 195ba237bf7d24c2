"""Figures as SVG text that takes its colours from the page, light or dark."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from ..read.evidence import Estimate
from ..words import shortened

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
"""Colours of lines that stand for no family, distinguished by dashes and markers as well."""
MARKERS = {"max": "s", "exp": "o", "algebraic": "^", "unknown": "x"}
SIGNS = {"max": "■", "exp": "●", "algebraic": "▲"}
KEY = "■ max, ▲ algebraic, ● exp"
"""The families by their markers, for captions."""
WIDTH = 340.0
LEFT = 82.0
_LANE, _GAP = 15.0, 9.0
"""Pixels of a lane, and between rows."""
Limits = tuple[float, float]
Item = TypeVar("Item")
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
_INLINE = (
    (r' xmlns(:xlink)?="[^"]*"', ""),
    (r"<style.*?</style>", ""),
    (r'<g id="[^"]*"', "<g"),
    (r"xlink:href", "href"),
    (r'(width|height)="([\d.]+)pt"', r'\1="\2"'),
    (r"font: (\d+) ([\d.]+px) [^;]*", r"font-weight: \1; font-size: \2"),
    (r"; font-family: [^;]*", ""),
    (r' transform="rotate\(-0 [^"]*"', ""),
    (r"\s*\n\s*", " "),
)
"""Patterns of an SVG document that an inline element must not have or need not repeat."""


@dataclass(frozen=True)
class Panel:
    """A drawing and its text for somebody who cannot see it."""

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


@dataclass(frozen=True)
class Row(Generic[Item]):
    """The items of one row, a lane per item, under a name and a smaller line below it."""

    who: str
    below: str
    items: tuple[Item, ...]


@contextmanager
def rows(
    content: Sequence[Row[Item]], title: str, axis: str, right: float, below: str = ""
) -> Iterator[tuple[Figure, Axes, list[tuple[float, Item]]]]:
    """A figure of rows with their names on the left, and each item with the height of its lane.

    `below` is a subtitle, `right` the room for words beside the axes.
    """
    height = sum(len(row.items) * _LANE + _GAP for row in content)
    room = 12.0 if below else 0.0
    with canvas(WIDTH, height + 84 + room, LEFT, right, top=38 + room) as (figure, axes):
        placed, top = [], 0.0
        for row in content:
            placed += [(top + (lane + 0.8) * _LANE, item) for lane, item in enumerate(row.items)]
            middle = top + (len(row.items) / 2 + 0.3) * _LANE
            beside(axes, middle, shortened(row.who), -LEFT, 5 if row.below else 0, size=10)
            beside(axes, middle, shortened(row.below), -LEFT, -6.5, size=8.5, color=SOFT)
            top += len(row.items) * _LANE + _GAP
        axes.set(ylim=(height, 0), yticks=[])
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(axis)
        axes.xaxis.set_label_coords((WIDTH / 2 - LEFT) / (WIDTH - LEFT - right), -30 / height)
        heading(axes, shortened(title, 48), LEFT, above=18 + room, below=below)
        yield figure, axes, placed


def spoken(row: Row[Item], words: Callable[[Item], str]) -> str:
    """A row for somebody who cannot see it."""
    return f"{f'{row.who} {row.below}'.strip()}: {', '.join(map(words, row.items))}"


def beside(
    axes: Axes, row: float, text: str, right: float, up: float = 0, edge: int = 0, **look: Any
) -> None:
    """A text at a row, `right` pixels from an edge of the axes (0 left, 1 right) and `up`."""
    axes.annotate(
        text, (edge, row), xycoords=("axes fraction", "data"), xytext=(right, up),
        textcoords="offset points", va="center", **look,
    )  # fmt: skip


def whiskers(
    axes: Axes,
    positions: Iterable[float],
    estimates: Iterable[Estimate],
    colour: str,
    width: float = 1.2,
    upright: bool = False,
) -> None:
    """The intervals of estimates, each at its position along the other axis."""
    intervals = [
        (position, estimate.low, estimate.high)
        for position, estimate in zip(positions, estimates, strict=True)
        if estimate.low is not None and estimate.high is not None
    ]
    draw = axes.vlines if upright else axes.hlines
    if intervals:
        draw(*zip(*intervals, strict=True), color=colour, linewidth=width)


def to_svg(figure: Figure, name: str) -> str:
    """The figure as inline SVG: colours from the page, ids that start with `name`, no dates."""
    buffer = io.StringIO()
    with rc_context(_STYLE):
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    for pattern, wanted in _INLINE:
        text = re.sub(pattern, wanted, text)
    return re.sub(r'((?:\bid|href)="#?|url\(#)(?=[a-z])', rf"\1{name}-", text).strip()


def limits(values: Iterable[float | None], span: float = 3.0, room: float = 1.25) -> Limits:
    """The ends of a logarithmic axis that holds these values and at least so wide a span."""
    finite = [value for value in values if value is not None and 0 < value < math.inf] or [1.0]
    return min(finite) / room, max(*finite, min(finite) * span) * room


def ends(estimates: Iterable[Estimate]) -> list[float | None]:
    """The values of estimates, and the ends of their intervals."""
    return [end for estimate in estimates for end in (estimate.value, estimate.low, estimate.high)]


def log_ticks(axis: Any, limits: tuple[float, float]) -> None:
    """Plain numbers on a log axis, few enough to be read."""
    decades = math.log10(limits[1] / limits[0])
    steps = (1.0, 2.0, 5.0) if decades < 1.6 else (1.0, 3.0) if decades < 2.4 else (1.0,)
    axis.set_major_locator(LogLocator(base=10, subs=steps, numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain_power(value)))
    axis.set_minor_locator(NullLocator())


def plain_power(value: float) -> str:
    """A tick's label: `0.5`, `1,000`, `1e6`."""
    return (
        f"{value:g}"
        if value < 1000
        else f"{value:,.0f}"
        if value < 1e5
        else f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
    )
