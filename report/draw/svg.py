"""A chart's panel as an SVG element in the colours of the page, light or dark."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from markupsafe import escape

from ...bench.results.estimate import Estimate
from ..words import number

INK, SOFT, LINE = "currentColor", "var(--soft)", "var(--line)"
SIGNS = {"max": "■", "exp": "●", "algebraic": "▲"}
_COLOURED = frozenset({*SIGNS, "holds", "fails"})
_LETTER = 0.54
"""The approximate width of a letter, over the size of its font."""


def colour(family: str) -> str:
    """The colour of a family, or of a figure of a claim that `holds` or `fails`."""
    return f"var(--{family if family in _COLOURED else 'unknown'})"


@dataclass(frozen=True)
class Scale:
    """A scale from values to pixels between `left` and `right`, logarithmic or from 0."""

    low: float
    high: float
    left: float
    right: float
    log: bool = True

    def __call__(self, value: float) -> float:
        """The place of a value; a value beyond an end is placed at the end."""
        value = min(max(value, self.low), self.high)
        low, high, at = map(self._along, (self.low, self.high, value))
        return self.left + (at - low) / (high - low) * (self.right - self.left)

    def _along(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def ticks(self) -> list[float]:
        """Round values between the ends, few enough to be read."""
        if not self.log:
            step = _step((self.high - self.low) / 4)
            first = math.ceil(self.low / step)
            return [step * at for at in range(first, math.floor(self.high / step) + 1)]
        decades = math.log10(self.high / self.low)
        steps = (1, 2, 5) if decades < 1.6 else (1, 3) if decades < 2.4 else (1,)
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        values = (step * 10.0**power for power in powers for step in steps)
        return [value for value in values if self.low <= value <= self.high]


def _step(least: float) -> float:
    """The least of 1, 2 and 5 times a power of 10 that is not below."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * 0.999)


def logarithmic(values: Iterable[float], left: float, right: float, span: float = 3.0) -> Scale:
    """A logarithmic scale that holds all values above 0, and has at least a minimal span."""
    known = [value for value in values if 0 < value < math.inf] or [1.0]
    low = min(known) / 1.25
    return Scale(low, max(max(known) * 1.25, low * span), left, right)


def tick_label(value: float) -> str:
    """A tick in words: `0.5`, `1,000`, `1e6`."""
    if value and not 1e-4 <= abs(value) < 1e5:
        return f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def shortened(text: str, width: float, size: float = 10) -> str:
    """A text that fits into so many pixels."""
    most = max(1, int(width / size / _LETTER))
    return text if len(text) <= most else f"{text[: most - 1]}…"


@dataclass
class Drawing:
    """The elements of one SVG element, in CSS pixels from its upper left corner."""

    width: float
    height: float
    _elements: list[str] = field(default_factory=list)

    def text(
        self, x: float, y: float, words: str, size: float = 10, anchor: str = "start",
        fill: str = INK, bold: bool = False,
    ) -> None:  # fmt: skip
        """A line of text whose baseline is at `y`."""
        look = ' font-weight="600"' * bold + f' text-anchor="{anchor}"' * (anchor != "start")
        self._add(
            f'<text x="{x:.4g}" y="{y:.4g}" font-size="{size:g}"{look} style="fill:{fill}">'
            f"{escape(words)}</text>"
        )

    def line(
        self, x1: float, y1: float, x2: float, y2: float, stroke: str = LINE, width: float = 1,
        dash: str = "",
    ) -> None:  # fmt: skip
        """A straight line."""
        self.path(f"M{x1:.4g} {y1:.4g}L{x2:.4g} {y2:.4g}", stroke, width, dash)

    def path(self, d: str, stroke: str, width: float = 1, dash: str = "", fill: str = "") -> None:
        """A path; without a `fill` only its line."""
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self._add(
            f'<path d="{d}" stroke-width="{width:g}"{dashes} '
            f'style="stroke:{stroke};fill:{fill or "none"}"/>'
        )

    def bar(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """A filled rectangle."""
        self._add(
            f'<rect x="{x:.5g}" y="{y:.5g}" width="{width:.4g}" height="{height:.4g}" '
            f'style="fill:{fill}"/>'
        )

    def marker(self, x: float, y: float, family: str, hollow: bool = False) -> None:
        """The marker of a family: a square, a triangle or a circle; a cross for any other.

        For a figure of a claim it is a circle where it holds, a bar where it is undecided.
        """
        circle = f"M{x - 3.8:.4g} {y:.4g}a3.8 3.8 0 1 0 7.6 0a3.8 3.8 0 1 0 -7.6 0z"
        shape = {
            "max": f"M{x - 3.5:.4g} {y - 3.5:.4g}h7v7h-7z",
            "algebraic": f"M{x:.4g} {y - 4.5:.4g}l4.5 8h-9z",
            "exp": circle,
            "holds": circle,
            "undecided": f"M{x:.4g} {y - 4.5:.4g}v9",
        }.get(family, f"M{x - 3.5:.4g} {y - 3.5:.4g}l7 7m0 -7l-7 7")
        self.path(shape, colour(family), 1.4, fill="" if hollow else colour(family))

    def axis(self, scale: Scale, top: float, bottom: float, words: str) -> None:
        """A horizontal axis: lines from top to bottom, labels and words below."""
        for value in scale.ticks():
            self.line(scale(value), top, scale(value), bottom)
            self.text(scale(value), bottom + 13, tick_label(value), 9.5, "middle")
        if words:
            self.text(self.width / 2, bottom + 28, words, 10, "middle", SOFT)

    def interval(self, scale: Scale, y: float, estimate: Estimate, stroke: str) -> None:
        """The interval of an estimate; an end beyond the scale is drawn at its edge."""
        if estimate.known:
            self.line(scale(estimate.low), y, scale(estimate.high), y, stroke, 2)

    def svg(self) -> str:
        """The element."""
        return (
            f'<svg viewBox="0 0 {self.width:g} {self.height:g}" width="{self.width:g}" '
            f'height="{self.height:g}">{"".join(self._elements)}</svg>'
        )

    def _add(self, element: str) -> None:
        self._elements.append(element)


def figure_of(estimate: Estimate, unit: str) -> str:
    """A figure with its interval, for somebody who cannot see it: `3.71× (3.52–3.90)`."""
    text = f"{number(estimate.value)}{unit}"
    if not estimate.known:
        return f"{text} (no interval)"
    return f"{text} ({number(estimate.low)}–{number(estimate.high)})"
