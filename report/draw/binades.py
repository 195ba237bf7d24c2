"""The drawing of errors over the input axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..words import number
from .charts import Limits
from .drawing import INK, LINES, SOFT, WIDTH, Panel, canvas, heading, plain_power, to_svg

_DASHES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (7, 2, 1.5, 2)))
_POINTS = ("o", "s", "^", "D", "v", "P", "X", "*")
_AXES, _LEFT, _ROW = 190.0, 46.0, 15.0


@dataclass(frozen=True)
class Line:
    """Errors in ulp from −max to max, −1 where no input was tried; the worst input as hex float."""

    who: str
    errors: tuple[float, ...]
    worst: str


def binades(
    name: str, activation: str, lines: Sequence[Line], edges: Sequence[int], limits: Limits
) -> Panel:
    """Largest error by binade, a line a framework and mode, the worst input marked and named."""
    bottom = 56 + _ROW * len(lines)
    height = 30 + _AXES + bottom
    with canvas(WIDTH, height, _LEFT, 12, bottom=bottom) as (figure, axes):
        axes.set(yscale="log", ylim=(limits[0] / 1.3, limits[1] * 2), xlim=(-1, 2 * len(edges)))
        axes.axhline(0.5, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        for row, line in enumerate(lines):
            _draw(axes, row, line, limits)
            _entry(figure, height, bottom - 48 - row * _ROW, row, line)
        _ticks(axes, edges, limits)
        axes.grid()
        axes.set_xlabel("input, a step a binade; error on a log scale")
        heading(axes, f"{activation}: largest error, ulp", _LEFT)
        svg = to_svg(figure, name)
    spoken = "; ".join(
        f"{line.who}: {number(max(line.errors))} ulp at {place(line.worst)}" for line in lines
    )
    return Panel(svg, f"{activation}: largest error by binade of the input; worst {spoken}")


def _draw(axes: Axes, row: int, line: Line, limits: Limits) -> None:
    look: dict[str, Any] = {"color": LINES[row % len(LINES)]}
    tried = [index for index, error in enumerate(line.errors) if error >= 0]
    heights = [min(max(line.errors[index], limits[0]), limits[1]) for index in tried]
    dashes = _DASHES[row % len(_DASHES)]
    axes.plot(tried, heights, drawstyle="steps-mid", linestyle=dashes, linewidth=1.3, **look)
    top = max(range(len(tried)), key=lambda index: line.errors[tried[index]])
    axes.plot(
        [tried[top]], [heights[top]], marker=_POINTS[row % len(_POINTS)], markersize=6, **look
    )


def _entry(figure: Figure, height: float, up: float, row: int, line: Line) -> None:
    """A line of the key below the axis: who it is, and the worst input."""
    key = Line2D(
        [_LEFT / WIDTH, (_LEFT + 15) / WIDTH, (_LEFT + 30) / WIDTH],
        [up / height] * 3,
        color=LINES[row % len(LINES)],
        linestyle=_DASHES[row % len(_DASHES)],
        linewidth=1.3,
        marker=_POINTS[row % len(_POINTS)],
        markevery=[1],
        markersize=5,
    )
    figure.add_artist(key)
    text = f"{line.who}: {number(max(line.errors))} at {place(line.worst)}"
    figure.text((_LEFT + 36) / WIDTH, up / height, text, va="center_baseline", size=9, color=INK)


def place(worst: str) -> str:
    """An input named by a hex float, in decimals; as it is where it is no number."""
    try:
        value = float.fromhex(worst)
    except ValueError:
        return worst[:20] or "an input not kept"
    return f"{value:.4g}".replace("-", "−")


def _ticks(axes: Axes, edges: Sequence[int], limits: Limits) -> None:
    """Ends, ±1, ±2^-16 where the format has them, and zero in the middle."""
    named = {0: "1", -16: "2^-16"}
    half = len(edges)
    at = {half - 0.5: "0", 0.0: "−max", 2.0 * half - 1: "max"}
    for exponent, text in named.items():
        if exponent in edges:
            group = edges.index(exponent) + 1
            at[half + group - 0.5] = text
            at[half - 1 - group + 0.5] = f"−{text}"
    axes.xaxis.set_major_locator(FixedLocator(sorted(at)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: at.get(x, "")))
    ticks = [0.1, 0.5, 10.0, 1e3, 1e5, limits[1]]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: _error(y, limits)))


def _error(value: float, limits: Limits) -> str:
    """A tick of the axis of errors, whose ends hold all that lies beyond."""
    if value >= limits[1]:
        return "≥2^24"
    return f"≤{plain_power(value)}" if value <= limits[0] else plain_power(value)
