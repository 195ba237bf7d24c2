"""Curves: values with their intervals over the size of the input, a line per framework and mode."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..read.evidence import Estimate
from ..words import elements, number, shortened
from .charts import Limits, end_labels, power
from .drawing import INK, PARTS, SOFT, WIDTH, Panel, canvas, heading, log_ticks, to_svg, whiskers

_LEFT, _HEIGHT, _LETTER, _TICK = 46.0, 260.0, 5.4, 27.0
"""Pixels: left of the axes, in all, of a letter beside a line, and of a tick's label."""
_LOOKS = (
    (PARTS["memory"], "o", "○"),
    (PARTS["arithmetic"], "s", "□"),
    (PARTS["launch"], "^", "△"),
    (INK, "D", "◇"),
)
"""Colour, marker and sign of each group in turn; the sign stands with its name at its end."""


@dataclass(frozen=True)
class Curve:
    """Values by size under a label; curves of the same `group` look alike, one may be dashed."""

    label: str
    group: str
    values: Mapping[int, Estimate]
    dashed: bool = False


def limits(curves: Iterable[Curve], *others: float) -> Limits:
    """The ends of an axis that holds these curves with their intervals, and these others."""
    drawn = [each for curve in curves for each in curve.values.values()]
    values = [end for each in drawn for end in (each.value, each.low, each.high) if end is not None]
    found = [value for value in [*values, *others] if 0 < value < math.inf] or [1.0]
    low = min(found)
    return low / 1.2, max(*found, low * 4) * 1.2


def panel(
    name: str, title: str, curves: Sequence[Curve], up: Limits, what: str, one: bool = False
) -> Panel:
    """The curves on logarithmic axes; `one` draws a dashed line at 1."""
    groups = list(dict.fromkeys(curve.group for curve in curves))
    looks = {group: _LOOKS[place % len(_LOOKS)] for place, group in enumerate(groups)}
    names = [f"{looks[each.group][2]} {shortened(each.label, 19)}" for each in curves]
    right = 12 + _LETTER * max(map(len, names))
    with canvas(WIDTH, _HEIGHT, _LEFT, right) as (figure, axes):
        for curve in curves:
            colour, marker, _ = looks[curve.group]
            sizes = sorted(curve.values)
            axes.plot(
                sizes, [curve.values[size].value for size in sizes], color=colour,
                marker=marker, markersize=4.5, markerfacecolor="none", linewidth=1.4,
                linestyle=(0, (4, 3)) if curve.dashed else "-", clip_on=False,
                markevery=[0, len(sizes) - 1],
            )  # fmt: skip
            whiskers(axes, curve.values, curve.values.values(), colour, 1.1, upright=True)
        measured = sorted({size for curve in curves for size in curve.values})
        axes.set(xscale="log", yscale="log", ylim=up)
        axes.xaxis.set_major_locator(FixedLocator(measured))
        axes.xaxis.set_minor_locator(NullLocator())
        named = _named(measured, WIDTH - _LEFT - right)
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda size, _: power(round(size)) if round(size) in named else "")
        )
        axes.tick_params(axis="x", labelsize=9)
        log_ticks(axes.yaxis, up)
        axes.grid()
        if one and up[0] < 1 < up[1]:
            axes.axhline(1, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xlabel("elements of the input, log scale")
        last = [each.values[max(each.values)].value for each in curves]
        end_labels(axes, dict(zip(names, last, strict=True)), up)
        heading(axes, title, _LEFT)
        svg = to_svg(figure, name)
    return Panel(svg, f"{title}: {what}: {'; '.join(map(_spoken, curves))}")


def _named(sizes: Sequence[int], width: float) -> set[int]:
    """The sizes whose labels fit side by side on so many pixels; the ends come first."""
    reach = math.log(sizes[-1] / sizes[0]) or 1.0
    kept: list[int] = []
    for size in dict.fromkeys([sizes[0], sizes[-1], *sizes]):
        if all(abs(math.log(size / each)) / reach * width >= _TICK for each in kept):
            kept.append(size)
    return set(kept)


def _spoken(curve: Curve) -> str:
    told = [
        f"{number(curve.values[size].value)} at {elements(size)}" for size in sorted(curve.values)
    ]
    return f"{curve.label} {', '.join(told)}"
