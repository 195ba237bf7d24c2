"""Figures for papers and slides, drawn by matplotlib: marks in rows, and lines over size."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, FuncFormatter

from ...bench.results.estimate import Estimate
from .svg import logarithmic, tick_label

COLOURS = ("#0072B2", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
"""The palette of Okabe and Ito (2008), distinct to the colour-blind."""
MARKERS = "s^oDvP*X"
FLOOR = -1
"""The look of a floor: a dashed grey line without markers."""
_GREY, _WIDTH, _ROW, _ACROSS, _KEYS = "#666666", 7.2, 0.19, 4, 3
"""A grey; the inches of a page's width and of a row; the most panels and keys side by side."""
_STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E0E0E0",
    "grid.linewidth": 0.5,
    "lines.markersize": 4,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "savefig.dpi": 300,
    "svg.hashsalt": "actbench",
    "text.parse_math": False,
}
_UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
SUFFIXES = tuple(f".{name}" for name in _UNDATED)


@dataclass(frozen=True)
class Series:
    """Estimates, each at a row or a size; the look is a number, `hollow` marks a second kind."""

    name: str
    look: int
    points: tuple[tuple[float, Estimate], ...]
    hollow: bool = False

    @property
    def at(self) -> list[float]:
        """The rows or sizes."""
        return [at for at, _ in self.points]

    @property
    def values(self) -> list[float]:
        """The estimates without their intervals."""
        return [estimate.value for _, estimate in self.points]

    @property
    def intervals(self) -> tuple[list[float], list[float], list[float]]:
        """The rows or sizes that have an interval, the lower and the upper ends."""
        known = [(at, e.low, e.high) for at, e in self.points if e.known and e.low]
        return [at for at, *_ in known], [low for _, low, _ in known], [high for *_, high in known]


@dataclass(frozen=True)
class Panel:
    """The series that share a pair of axes, and their title."""

    title: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Words:
    """The words of a figure: title, axis, footer, and the meaning of filled and hollow."""

    title: str
    axis: str
    footer: str
    kinds: tuple[str, ...] = ()


@contextmanager
def _style() -> Iterator[None]:
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever a matplotlibrc of the person's says
        matplotlib.rcParams.update(_STYLE)
        yield


@_style()
def rows(panels: Sequence[Panel], names: Sequence[str], words: Words) -> Figure:
    """Marks with horizontal intervals in named rows, on one logarithmic axis with a line at 1."""
    figure, axes = _figure(panels, words, _ROW * len(names), "none")
    ends = [
        end
        for panel in panels
        for series in panel.series
        for end in (*series.values, *series.intervals[1], *series.intervals[2])
    ]
    scale = logarithmic([*ends, 1.0], 0, 1)
    for axis, panel in zip(axes, panels, strict=True):
        axis.axvline(1, color=_GREY, linewidth=0.9)
        for series in panel.series:
            axis.hlines(*series.intervals, color=_colour(series), linewidth=1.1)
            axis.plot(series.values, series.at, **_look(series, "none"))
        axis.set_xscale("log")
        axis.set_xlim(scale.low, scale.high)
        axis.set_xticks(scale.ticks()[:: 2 if len(scale.ticks()) > 5 else 1])
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_label(value)))
        axis.minorticks_off()
        axis.set_yticks(range(len(names)), names)
        axis.set_ylim(len(names) - 0.4, -0.6)
    return figure


@_style()
def lines(panels: Sequence[Panel], words: Words) -> Figure:
    """Times in ns with vertical intervals over numbers of elements, both logarithmic."""
    figure, axes = _figure(panels, words, 2.2, "-")
    seconds = EngFormatter("s")
    for axis, panel in zip(axes, panels, strict=True):
        for series in panel.series:
            axis.vlines(*series.intervals, color=_colour(series), linewidth=1.1)
            axis.plot(series.at, series.values, **_look(series, "-"))
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.xaxis.set_major_formatter(FuncFormatter(lambda size, _: tick_label(size)))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda ns, _: seconds(ns * 1e-9)))
        axis.minorticks_off()
    return figure


@_style()
def written(figure: Figure, suffix: str) -> bytes:
    """A figure as a file of a suffix of SUFFIXES, without a date."""
    kind, stream = suffix.removeprefix("."), io.BytesIO()
    figure.savefig(stream, format=kind, metadata=_UNDATED[kind])
    return stream.getvalue()


def _figure(
    panels: Sequence[Panel], words: Words, height: float, line: str
) -> tuple[Figure, list[Axes]]:
    """An empty figure with all its words, and the axes of its panels, each so many inches high.

    The keys of its legend have such a line.
    """
    across = min(len(panels), _ACROSS)
    down = -(-len(panels) // across)
    width = _WIDTH if across > 1 else _WIDTH * 0.7
    footer = textwrap.wrap(words.footer, round(width * 20))
    keys = _keys(panels, words.kinds, line)
    above, below = 0.35 + 0.16 * -(-len(keys) // _KEYS), 0.1 * len(footer) + 0.25
    tall = (height + 0.4) * down + above + below
    rect = (0, below / tall, 1, 1 - (above + below) / tall)
    figure = Figure((width, tall), layout=ConstrainedLayoutEngine(rect=rect))
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    axes: list[Axes] = list(grid.flat)
    for axis, panel in zip(axes, panels, strict=False):
        axis.set_title(panel.title)
    for axis in axes[len(panels) :]:
        axis.remove()
        axes[axes.index(axis) - across].xaxis.set_tick_params(labelbottom=True)
    left = 0.08 / width
    figure.text(left, 1 - 0.08 / tall, words.title, size=10, weight="bold", va="top")
    figure.legend(handles=keys, ncols=_KEYS, loc="upper left", bbox_to_anchor=(0, 1 - 0.24 / tall))
    figure.text(0.5, below / tall, words.axis, ha="center", va="top")
    figure.text(left, 0.05 / tall, "\n".join(footer), size=6, color=_GREY)
    return figure, axes[: len(panels)]


def _keys(panels: Sequence[Panel], kinds: Sequence[str], line: str) -> list[Line2D]:
    """The legend: every look once, and then what filled and hollow markers mean."""
    known = {series.look: series for panel in panels for series in panel.series}
    keys = [
        Line2D([], [], **_look(replace(known[look], hollow=False), line)) for look in sorted(known)
    ]
    faces = zip(kinds, (_GREY, "white"), strict=False) if len(kinds) > 1 else ()
    return keys + [
        Line2D([], [], marker="o", color=_GREY, markerfacecolor=face, linestyle="none", label=kind)
        for kind, face in faces
    ]


def _look(series: Series, line: str) -> dict[str, Any]:
    colour = _colour(series)
    marker = "" if series.look == FLOOR else MARKERS[series.look % len(MARKERS)]
    return {
        "label": series.name,
        "color": colour,
        "marker": marker,
        "markerfacecolor": "white" if series.hollow else colour,
        "linestyle": "--" if series.look == FLOOR else line,
    }


def _colour(series: Series) -> str:
    return _GREY if series.look == FLOOR else COLOURS[series.look % len(COLOURS)]
