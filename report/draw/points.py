"""Points: markers of the families with names beside them where there is room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from ..read.evidence import Estimate
from .drawing import COLOURS, MARKERS, whiskers


@dataclass(frozen=True)
class Point:
    """A marker of a family at a position, filled or hollow; `interval` is drawn along one axis."""

    family: str
    x: float
    y: float
    name: str
    filled: bool
    interval: Estimate | None = None


def draw(axes: Axes, points: Sequence[Point], upright: bool = False) -> None:
    """The points with their intervals, across or upright, and names, the filled ones' first."""
    for family in dict.fromkeys(point.family for point in points):
        of_family = [point for point in points if point.family == family]
        known = [(p.x if upright else p.y, p.interval) for p in of_family if p.interval]
        positions, intervals = (
            [position for position, _ in known],
            [interval for _, interval in known],
        )
        whiskers(axes, positions, intervals, COLOURS[family], 1, upright)
        for filled in (False, True):
            shown = [point for point in of_family if point.filled is filled]
            axes.plot(
                [point.x for point in shown], [point.y for point in shown], MARKERS[family],
                markersize=5.5, color=COLOURS[family],
                markerfacecolor=COLOURS[family] if filled else "none",
            )  # fmt: skip
    _names(axes, sorted(points, key=lambda point: not point.filled))


def _names(axes: Axes, points: Sequence[Point]) -> None:
    """Names beside the points, left out where they would overlap."""
    positions = axes.transData.transform([(point.x, point.y) for point in points])
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in positions]
    for point, (x, y) in zip(points, positions, strict=True):
        text = point.name[:24]
        width = 5.3 * len(text)
        for left, bottom in ((x + 6, y - 5), (x - 6 - width, y - 5), (x - width / 2, y + 6)):
            box = (left, bottom, left + width, bottom + 10)
            inside = box[0] > axes.bbox.x0 and box[2] < axes.bbox.x1 + 10
            if inside and not _covers(box, taken):
                taken.append(box)
                axes.annotate(text, (left, bottom + 2), xycoords="figure pixels", size=9)
                break


def _covers(box: Sequence[float], taken: Iterable[Sequence[float]]) -> bool:
    return any(
        box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
        for other in taken
    )
