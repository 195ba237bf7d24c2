"""Figures as SVG text that takes its colours from the page, light or dark."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

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


def heading(axes: Axes, text: str, left: float, above: float = 12) -> None:
    """A panel's title, flush with the left edge of the figure."""
    axes.annotate(
        text,
        (0, 1),
        xycoords="axes fraction",
        xytext=(-left, above),
        textcoords="offset points",
        weight="bold",
        size=11,
    )


def to_svg(figure: Figure, name: str) -> str:
    """The figure as inline SVG: colours from the page, ids that start with `name`, no dates."""
    buffer = io.StringIO()
    with rc_context(_STYLE):
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"| version="[^"]*"', "", text)
    text = re.sub(r'(width|height)="([\d.]+)pt"', r'\1="\2"', text)
    text = re.sub(r'<g id="[^"]*">', "<g>", text)
    text = re.sub(r'(?<= id=")|(?<=url\(#)|(?<=href="#)', f"{name}-", text)
    text = text.replace("xlink:href", "href")
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d\.\d\d)\d+", r"\1", tag[0]), text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    text = re.sub(r"font: (\d+ )([\d.]+)px [^;\"]*", r"font-weight: \1; font-size: \2px", text)
    return _shorter(text)


def _shorter(svg: str) -> str:
    """The same drawing in two thirds of the letters.

    The page's style names the fonts; a mark brings its own style; a group that holds leaves only,
    and says nothing of them, is none.
    """
    svg = re.sub(r" font-family: [^;]*;", "", svg)
    svg = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", svg)
    svg = re.sub(
        r'(<use [^>]*?) style="fill: [^;"]*; stroke: [^;"]*; stroke-width: 0\.\d"', r"\1", svg
    )
    svg = re.sub(r' d="([^"]*)"', lambda path: f' d="{" ".join(path[1].split())}"', svg)
    svg = re.sub(r"\s*\n\s*", "", svg).strip()
    leaves = r"<g>((?:<(?:use|path)[^<>]*/>|<text[^<>]*>[^<]*</text>)*)</g>"
    while (shorter := re.sub(leaves, r"\1", svg)) != svg:
        svg = shorter
    return svg


def log_ticks(axis: Any, limits: tuple[float, float]) -> None:
    """Plain numbers on a log axis, few enough to be read."""
    decades = math.log10(limits[1] / limits[0])
    steps = (1.0, 2.0, 5.0) if decades < 1.6 else (1.0, 3.0) if decades < 2.4 else (1.0,)
    axis.set_major_locator(LogLocator(base=10, subs=steps, numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain_power(value)))
    axis.set_minor_formatter(NullFormatter())


def plain_power(value: float) -> str:
    """A tick's label: `0.5`, `1,000`, `1e6`."""
    return (
        f"{value:g}"
        if value < 1000
        else f"{value:,.0f}"
        if value < 1e5
        else f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
    )
