"""Speed against exactness: every form, marked where no other one beats it in both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ...compare.families import cost
from ...compare.frontier import HALF, Frontier, error, frontier
from ...compare.groups import foremost, groups, in_families
from ...read.evidence import COARSE, Evidence, Timed
from ...words import capital, listing, number
from ..drawing import (
    KEY,
    LINE,
    SOFT,
    WIDTH,
    Limits,
    Panel,
    canvas,
    heading,
    limits,
    log_ticks,
    plain_power,
    to_svg,
)
from ..figure import Figure
from ..points import Point, draw

ORDER = 30
_SHELF = COARSE * 2.5
"""The height at which errors above COARSE stand."""
_LEFT = 46.0
_LINE, _LINES, _LETTERS = 13.0, 4, 60
_NAMED = 10
"""Unbeaten forms that are named below the axis, the cheapest."""


def figures(evidence: Evidence) -> Iterator[Figure]:
    """A chart per run and device, in its foremost conditions, in cache."""
    for index, group in enumerate(foremost(groups(evidence, evidence.timed, _wanted))):
        forms_of = {series.who: series.at(group.cached) for series in group.series}
        across = limits(cost(timed).value for forms in forms_of.values() for timed in forms)
        yield Figure(
            "Speed against exactness: down and to the left is better",
            f"{KEY}; one marker per form.  {capital(group.words)}, {group.cached.where}. "
            "Errors on the inputs tested, where a subnormal may stand as zero. Up to 0.5 ulp a "
            "result is rounded as well as can be and stands at 0.5; above "
            f"{COARSE:,.0f} (marked † elsewhere) it stands above the grey line. A form is beaten "
            "only where another, at least as exact, has an interval of its cost that lies wholly "
            "below. Filled, with their intervals and named below the axis, the cheapest first, are "
            "the algebraic and exp forms that none of these beats; max forms, exact and cheap by "
            "nature, take no part. The axes are the same in every panel.",
            tuple(
                _panel(f"tradeoff-{index}-{panel}", who, forms, across)
                for panel, (who, forms) in enumerate(forms_of.items())
                if forms
            ),
        )


def _wanted(timed: Timed) -> bool:
    return in_families(timed) and timed.cost is not None and timed.exactness is not None


def _panel(name: str, who: str, timed: Sequence[Timed], across: Limits) -> Panel:
    bottom = 50 + _LINE * _LINES
    front = frontier(timed)
    with canvas(WIDTH, 250 + bottom, _LEFT, 12, bottom=bottom) as (figure, axes):
        axes.set(xscale="log", yscale="log", xlim=across, ylim=(HALF / 1.5, _SHELF * 2))
        _steps(axes, front)
        log_ticks(axes.xaxis, across)
        axes.yaxis.set_major_locator(FixedLocator([HALF, 1, 2, 10, 100, _SHELF]))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda y, _: f">{COARSE:,.0f}" if y > COARSE else plain_power(y))
        )
        axes.grid()
        axes.axhline(COARSE, color=LINE, linewidth=3)
        axes.set_xlabel("time over relu's (×), log scales")
        draw(axes, _points(timed, front))
        for row, line in enumerate(_key(front)):
            height = (bottom - 48 - row * _LINE) / (250 + bottom)
            figure.text(0, height, line, va="center_baseline", size=9)
        heading(axes, f"{who}: largest error, ulp", _LEFT)
        svg = to_svg(figure, name)
    unbeaten = ", ".join(
        f"{_name(form)} {number(cost(form).value)} at {number(error(form))} ulp"
        for form in front.members
    )
    lead = f"{who}: time over relu's against largest error, {len(timed)} forms"
    return Panel(svg, f"{lead}; unbeaten: {unbeaten or 'none'}")


def _points(timed: Sequence[Timed], front: Frontier) -> list[Point]:
    unbeaten = {id(form) for form in front.members}
    points = []
    for form in timed:
        first = id(form) in unbeaten
        name = _name(form) if first else form.case.activation
        at = (cost(form).value, _height(error(form)))
        points.append(Point(form.family, *at, name, first, cost(form) if first else None))
    return points


def _height(ulp: float) -> float:
    return _SHELF if ulp >= COARSE else ulp


def _name(form: Timed) -> str:
    native = form.case.form == "native"
    return form.case.activation if native else f"{form.case.activation} {form.case.form}"


def _key(front: Frontier) -> list[str]:
    """The unbeaten forms as text of a few lines, the cheapest first."""
    order = sorted(front.members, key=lambda form: cost(form).value)
    names = [_name(form)[:24] for form in order[:_NAMED]]
    more = [f"{len(order) - _NAMED} more"] * (len(order) > _NAMED)
    text = f"Unbeaten: {listing([*names, *more]) or 'none'}."
    return wrap(text, _LETTERS, max_lines=_LINES, placeholder=" …")


def _steps(axes: Axes, front: Frontier) -> None:
    """The steps right of which a form is beaten: upwards, to the left at each corner."""
    bottom, top = axes.get_ylim()
    heights = [_height(ulp) for _, ulp in front.corners[1:]]
    xs = [limit for limit, _ in front.corners for _end in range(2)]
    ys = [bottom, *(height for height in heights for _end in range(2)), top]
    if xs:
        axes.plot(xs, ys, color=SOFT, linewidth=1)
