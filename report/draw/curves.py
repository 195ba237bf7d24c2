"""Curves: values with their intervals over the size of the input."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..read.evidence import Estimate
from ..words import elements, number, shortened
from .drawing import (
    INK,
    LINE,
    PARTS,
    SOFT,
    WIDTH,
    Limits,
    Panel,
    canvas,
    ends,
    heading,
    limits,
    log_ticks,
    to_svg,
    whiskers,
)

_LEFT, _HEIGHT, _LETTER, _TICK = 46.0, 260.0, 5.4, 27.0
"""Pixels: the left margin, the height, a letter of a curve's label, and a tick's label."""
_LOOKS = (
    (PARTS["memory"], "o", "○"),
    (PARTS["arithmetic"], "s", "□"),
    (PARTS["launch"], "^", "△"),
    (INK, "D", "◇"),
    (PARTS["handoff"], "v", "▽"),
)
"""Colour, marker and sign of each group in turn; the sign stands with its name at its end."""


@dataclass(frozen=True)
class Curve:
    """Values by size under a label; curves of the same `group` look alike.

    One may be `dashed`, or be a `floor`, drawn as the area below it.
    """

    label: str
    group: str
    values: Mapping[int, Estimate]
    dashed: bool = False
    floor: bool = False


@dataclass(frozen=True)
class Curves:
    """The content of one panel: its title and its curves."""

    title: str
    curves: Sequence[Curve]


def panels(
    name: str, contents: Sequence[Curves], what: str, one: bool = False
) -> tuple[Panel, ...]:
    """Panels on the same axes of values; `one` draws a dashed line at 1."""
    drawn = [curve for content in contents for curve in content.curves]
    values = ends(value for curve in drawn for value in curve.values.values())
    up = limits([*values, *([1.0] if one else [])], span=4.0, room=1.2)
    return tuple(
        _panel(f"{name}-{index}", content, up, what, one)
        for index, content in enumerate(contents)
        if content.curves
    )


def _panel(name: str, content: Curves, up: Limits, what: str, one: bool) -> Panel:
    curves = [
        Curve(c.label, c.group, dict(sorted(c.values.items())), c.dashed, c.floor)
        for c in content.curves
    ]
    groups = list(dict.fromkeys(curve.group for curve in curves if not curve.floor))
    looks = {group: _LOOKS[index % len(_LOOKS)] for index, group in enumerate(groups)}
    names = [
        f"{'▁' if curve.floor else looks[curve.group][2]} {shortened(curve.label, 19)}"
        for curve in curves
    ]
    right = 12 + _LETTER * max(map(len, names))
    measured = sorted({size for curve in curves for size in curve.values})
    with canvas(WIDTH, _HEIGHT, _LEFT, right) as (figure, axes):
        for curve in curves:
            _draw(axes, curve, "" if curve.floor else looks[curve.group], up)
        axes.set(xscale="log", yscale="log", ylim=up)
        size_ticks(axes, measured, WIDTH - _LEFT - right)
        log_ticks(axes.yaxis, up)
        axes.grid()
        if one:
            axes.axhline(1, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xlabel("elements of the input, log scale")
        last = [list(curve.values.values())[-1].value for curve in curves]
        end_labels(axes, dict(zip(names, last, strict=True)), up)
        heading(axes, content.title, _LEFT)
        svg = to_svg(figure, name)
    return Panel(svg, f"{content.title}: {what}: {'; '.join(map(_spoken, curves))}")


def _draw(axes: Axes, curve: Curve, look: Sequence[str], up: Limits) -> None:
    sizes, values = list(curve.values), [estimate.value for estimate in curve.values.values()]
    if curve.floor:
        axes.fill_between(sizes, up[0], values, color=LINE, linewidth=0)
        return
    colour, marker, _ = look
    axes.plot(
        sizes, values, color=colour, marker=marker, markersize=4.5, markerfacecolor="none",
        linewidth=1.4, linestyle=(0, (4, 3)) if curve.dashed else "-", clip_on=False,
        markevery=[0, len(sizes) - 1],
    )  # fmt: skip
    whiskers(axes, sizes, curve.values.values(), colour, 1.1, upright=True)


def size_ticks(axes: Axes, sizes: Sequence[int], width: float) -> None:
    """A tick per size, named where the labels fit into `width` pixels, the ends first."""
    reach = math.log(sizes[-1] / sizes[0]) or 1.0
    named: list[int] = []
    for size in dict.fromkeys([sizes[0], sizes[-1], *sizes]):
        if all(abs(math.log(size / other)) / reach * width >= _TICK for other in named):
            named.append(size)
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda size, _: power(round(size)) if round(size) in named else "")
    )
    axes.tick_params(axis="x", labelsize=9)


def power(size: int) -> str:
    """A size as a tick of an axis: `2^16`, `1,000`."""
    exponent = size.bit_length() - 1
    return f"2^{exponent}" if size == 2**exponent else f"{size:,}"


def end_labels(axes: Axes, ends: Mapping[str, float], up: Limits) -> None:
    """Names at the curves' ends, moved apart where they would overlap."""
    low, high = (math.log10(limit) for limit in up)
    step = (high - low) * 0.068
    order = sorted(ends, key=lambda name: ends[name])
    heights = [math.log10(ends[name]) for name in order]
    rising = [*accumulate(heights, lambda last, height: max(height, last + step))]
    falling = [*accumulate(reversed(heights), lambda last, height: min(height, last - step))]
    for name, *both in zip(order, rising, reversed(falling), strict=True):
        axes.annotate(
            name, (1, 10 ** (sum(both) / 2)), xycoords=("axes fraction", "data"), xytext=(7, 0),
            textcoords="offset points", va="center", size=10,
        )  # fmt: skip


def _spoken(curve: Curve) -> str:
    points = [
        f"{number(estimate.value)} at {elements(size)}" for size, estimate in curve.values.items()
    ]
    return f"{curve.label} {', '.join(points)}"
