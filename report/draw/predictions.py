"""The cost model: time an element predicted from a formula's primitives against measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...bench.timing.cost_model import TOLERANCE
from ..compare.groups import Series, foremost, groups
from ..read.evidence import Estimate, Evidence, Split
from ..words import capital, number
from .drawing import KEY, SOFT, WIDTH, Limits, Panel, canvas, heading, limits, log_ticks, to_svg
from .figure import Figure
from .points import Point, draw

_LEFT = 46.0
Predicted = tuple[Split, Estimate, Estimate]
"""What was split, its copy floor and arithmetic as predicted, and as measured."""


def figures(evidence: Evidence) -> list[Figure]:
    """Predicted against measured, a panel per framework and mode."""
    return [
        Figure(
            "Does a formula cost what its parts cost?",
            f"{capital(group.words)}. Copy floor and arithmetic, as predicted from the primitives "
            "that the formula counts and as measured; whiskers are 95 % intervals of the measured "
            f"arithmetic. On the line the model holds, dashed is ±{TOLERANCE:.0%}; filled markers "
            f"are surprises. {KEY}. The axes are the same in every panel.",
            _panels(f"model-{index}", group.series),
        )
        for index, group in enumerate(foremost(groups(evidence, evidence.splits, _is_predicted)))
    ]


def _is_predicted(split: Split) -> bool:
    return _predicted(split) is not None


def _predicted(split: Split) -> Predicted | None:
    predicted, measured = split.part("predicted_arithmetic"), split.part("arithmetic")
    floor = split.part("copy_floor")
    if not predicted or not measured or not floor:
        return None
    found = predicted.plus(floor.value), measured.plus(floor.value)
    return (split, *found) if min(each.value for each in found) > 0 else None


def _panels(name: str, series: Sequence[Series[Split]]) -> tuple[Panel, ...]:
    found = {each.who: [p for split in each.records if (p := _predicted(split))] for each in series}
    both = limits(
        (side.value for points in found.values() for _, *sides in points for side in sides),
        room=1.4,
    )
    return tuple(
        _panel(f"{name}-{place}", who, points, both)
        for place, (who, points) in enumerate(found.items())
    )


def _panel(name: str, who: str, found: Sequence[Predicted], both: Limits) -> Panel:
    with canvas(WIDTH, 300, _LEFT, 12.0) as (figure, axes):
        axes.set(xscale="log", yscale="log", xlim=both, ylim=both)
        axes.plot(both, both, color=SOFT, linewidth=1)
        for factor in (1 - TOLERANCE, 1 + TOLERANCE):
            ends = [limit * factor for limit in both]
            axes.plot(both, ends, color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
        draw(axes, [_point(*each, both[0]) for each in found], upright=True)
        log_ticks(axes.xaxis, both)
        log_ticks(axes.yaxis, both)
        axes.grid()
        axes.set_xlabel("predicted, ns an element, log scales")
        heading(axes, f"{who}: measured, ns an element", _LEFT)
        svg = to_svg(figure, name)
    told = ", ".join(
        f"{split.case.activation} {split.case.form} {number(predicted.value)} and "
        f"{number(measured.value)}"
        for split, predicted, measured in found
    )
    return Panel(svg, f"{who}: time an element predicted and measured: {told}")


def _point(split: Split, predicted: Estimate, measured: Estimate, lowest: float) -> Point:
    low = None if measured.low is None else max(measured.low, lowest)
    return Point(
        split.family,
        predicted.value,
        measured.value,
        split.case.activation,
        split.part("surprise") is not None,
        replace(measured, low=low),
    )
