"""The parts of a cost: bars that add up, in cache, from memory, and per call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..compare.groups import Series, foremost, groups
from ..read.evidence import Evidence, Split
from ..words import capital, number, spelled
from .figure import Figure, Panel
from .svg import INK, SIGNS, SOFT, Drawing, Scale, colour, shortened, tick_label

NAMES = ("relu", "squareplus", "elu", "silu", "gelu", "softplus", "tanh", "mish")
"""The activations that are drawn; the table has all."""
_LEFT, _BROAD, _ROW, _TOP = 92.0, 560.0, 17.0, 44.0
_COLUMNS: Sequence[tuple[str, Sequence[str], float]] = (
    ("in cache, ns per element", ("copy_floor", "arithmetic"), 1.0),
    ("from memory, ns per element", ("memory", "allocation"), 1.0),
    ("per call, µs", ("launch", "handoff"), 1000.0),
)
"""Columns side by side: a title, parts that add up from the left, and a unit in ns."""
LEGEND: Mapping[str, str] = {
    metric.replace("_", "-"): metric.replace("_", " ")
    for _, metrics, _ in _COLUMNS
    for metric in metrics
}
"""The parts by the name of their colour."""


def figures(evidence: Evidence) -> list[Figure]:
    """The parts of activations that people name, a panel per framework and mode."""
    return [
        Figure(
            "What an element and a call are made of",
            f"{capital(group.words)}; each activation in its plain form. A part is a difference of "
            "times and can fall below 0. Every panel has axes of its own, from 0.",
            tuple(map(_panel, group.series)),
            "half",
        )
        for group in foremost(groups(evidence, evidence.splits, _drawn))
    ]


def _drawn(split: Split) -> bool:
    return split.plain and split.case.activation in NAMES and split.slope is not None


def _panel(series: Series[Split]) -> Panel:
    splits = sorted(series.records, key=lambda split: NAMES.index(split.case.activation))
    bottom = _TOP + _ROW * len(splits)
    drawing = Drawing(_BROAD, bottom + 20)
    drawing.text(0, 12, shortened(series.who, _BROAD, 12), 12, bold=True)
    for row, split in enumerate(splits):
        y = _TOP + (row + 0.5) * _ROW + 3.5
        name = shortened(spelled(split.case.activation), _LEFT - 22)
        drawing.text(_LEFT - 20, y, name, 10.5, "end")
        drawing.text(_LEFT - 6, y, SIGNS.get(split.family, ""), 9, "end", colour(split.family))
    width = (_BROAD - _LEFT) / len(_COLUMNS)
    for index, (title, metrics, nanoseconds) in enumerate(_COLUMNS):
        left = _LEFT + index * width
        drawing.text(left, _TOP - 12, title, 9.5, fill=SOFT)
        _column(drawing, (left, left + width - 24), metrics, nanoseconds, splits, bottom)
    words = "; ".join(f"{split.case.activation}: {_spoken(split)}" for split in splits)
    return Panel(drawing.svg(), f"{series.who}, parts of a cost in ns: {words}")


def _spoken(split: Split) -> str:
    parts = ((name.replace("_", " "), split.part(name)) for name in split.parts if name in _KNOWN)
    return ", ".join(f"{name} {number(part.value)}" for name, part in parts if part)


_KNOWN = frozenset(metric for _, metrics, _ in _COLUMNS for metric in metrics)


def _column(
    drawing: Drawing,
    sides: tuple[float, float],
    metrics: Sequence[str],
    nanoseconds: float,
    splits: Sequence[Split],
    bottom: float,
) -> None:
    """Bars of one column, parts below 0 to the left of its zero line."""
    parts = [
        [(metric, part.value / nanoseconds) for metric in metrics if (part := split.part(metric))]
        for split in splits
    ]
    if not any(parts):
        drawing.text(sides[0], bottom - 4, "not measured", 9.5, fill=SOFT)
        return
    low = min(sum(min(value, 0.0) for _, value in of_split) for of_split in parts)
    high = max(sum(max(value, 0.0) for _, value in of_split) for of_split in parts) or 1.0
    scale = Scale(low, high, *sides, log=False)
    for value in scale.ticks():
        drawing.line(scale(value), _TOP - 6, scale(value), bottom)
        drawing.text(scale(value), bottom + 12, tick_label(value), 9, "middle")
    for row, of_split in enumerate(parts):
        ends = [0.0, 0.0]
        for metric, value in of_split:
            side = value >= 0
            left, right = sorted((scale(ends[side]), scale(ends[side] + value)))
            fill = f"var(--{metric.replace('_', '-')})"
            drawing.bar(left, _TOP + row * _ROW + 3, right - left, _ROW - 6, fill)
            ends[side] += value
    drawing.line(scale(0), _TOP - 6, scale(0), bottom, INK, 0.8)
