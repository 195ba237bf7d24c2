"""The roofline as a drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..compare.roofline import Point, Roof, Roofline
from ..words import elements, number
from .charts import Limits, point_labels
from .drawing import COLOURS, INK, MARKERS, SOFT, WIDTH, Panel, canvas, heading, log_ticks, to_svg

_STYLES: dict[str, Any] = {"cached": "-", "streamed": (0, (5, 3)), "single": (0, (1, 2))}
_BOTTOM, _LINE = 98.0, 15.0
_HEIGHT = 340.0


def roofline(name: str, who: str, found: Roofline, across: Limits, up: Limits) -> Panel:
    """Operations a byte against operations a second; filled in cache, hollow from memory."""
    left = 46.0
    with canvas(WIDTH, _HEIGHT, left, 12, bottom=_BOTTOM) as (figure, axes):
        axes.set(xscale="log", yscale="log", xlim=across, ylim=up)
        for roof, style in ((found.copy_cached, "cached"), (found.copy_streamed, "streamed")):
            if roof:
                rates = [roof.rate.value * intensity for intensity in across]
                axes.plot(across, rates, color=SOFT, linewidth=1.2, linestyle=_STYLES[style])
        if found.single:
            axes.axhline(
                found.single.rate.value, color=SOFT, linewidth=1.4, linestyle=_STYLES["single"]
            )
        _points(axes, found.cached, filled=True)
        _points(axes, found.streamed, filled=False)
        log_ticks(axes.xaxis, across)
        log_ticks(axes.yaxis, up)
        axes.grid()
        axes.set_xlabel("operations a byte, log scales")
        named = found.cached or found.streamed
        point_labels(
            axes, [(p.intensity, p.rate.value, p.timed.case.activation, False) for p in named]
        )
        for row, (style, text) in enumerate(_key(found)):
            _entry(figure, left, row, style, text)
        heading(axes, f"{who}: 10⁹ operations a second", left)
        svg = to_svg(figure, name)
    return Panel(svg, f"{who}: operations a second by operations a byte: {_spoken(found)}")


def _points(axes: Axes, points: Sequence[Point], filled: bool) -> None:
    for family in dict.fromkeys(each.timed.family for each in points):
        mine = [each for each in points if each.timed.family == family]
        axes.plot(
            [each.intensity for each in mine],
            [each.rate.value for each in mine],
            marker=MARKERS[family],
            markersize=5.5,
            color=COLOURS[family],
            markerfacecolor=COLOURS[family] if filled else "none",
            linestyle="none",
        )


def _key(found: Roofline) -> list[tuple[str, str]]:
    """What each line is, in words: its style and its text."""
    single = found.single
    return [
        ("cached", _copy("copy in cache", found.copy_cached)),
        ("streamed", _copy("copy from memory", found.copy_streamed)),
        (
            "single",
            "fastest single operation: "
            + (
                f"{single.timed.case.activation}, {number(single.rate.value)}"
                if single
                else "not measured"
            ),
        ),
    ]


def _copy(what: str, roof: Roof | None) -> str:
    return f"{what}: {number(roof.rate.value)} GB/s" if roof else f"{what}: not measured"


def _entry(figure: Figure, left: float, row: int, style: str, text: str) -> None:
    """A line of the key below the axis."""
    height = (_BOTTOM - 52 - row * _LINE) / _HEIGHT
    ends = [left / WIDTH, (left + 26) / WIDTH]
    line = Line2D(ends, [height] * 2, color=SOFT, linewidth=1.4, linestyle=_STYLES[style])
    figure.add_artist(line)
    figure.text((left + 32) / WIDTH, height, text, va="center_baseline", size=9.5, color=INK)


def _spoken(found: Roofline) -> str:
    lines = "; ".join(text for _, text in _key(found))
    points = "; ".join(
        f"{number(each.rate.value)} at {number(each.intensity)} for "
        f"{each.timed.case.activation} at {elements(each.timed.case.size)}"
        for each in (*found.cached, *found.streamed)
    )
    return f"{lines}; {points}"
