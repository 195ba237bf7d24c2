"""Errors of plain forms along the input axis: the largest in each binade."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ....bench.catalog.dtypes import DTYPES
from ....bench.exactness.binades import edges
from ...read.evidence import FAMILIES, Checked, Evidence, plain
from ...words import listing, number, title
from ..drawing import INK, LINES, SOFT, WIDTH, Panel, canvas, heading, plain_power, to_svg
from ..figure import Figure

ORDER = 50
_ALWAYS = "gelu"
_PANELS = 6
_LOWEST, _HIGHEST = 0.1, 2.0**24
"""Ends of the axis of errors, ulp: what lies beyond stands at them."""
_DASHES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (7, 2, 1.5, 2)))
_POINTS = ("o", "s", "^", "D", "v", "P", "X", "*")
_AXES, _LEFT, _ROW = 190.0, 46.0, 15.0


@dataclass(frozen=True)
class Profile:
    """Errors in ulp from −max to max, −1 where no input was tried; the worst input as hex float."""

    who: str
    errors: tuple[float, ...]
    worst: str

    @property
    def words(self) -> str:
        """The framework and mode, the largest error, and its input."""
        return f"{self.who}: {number(max(self.errors))} ulp at {decimal(self.worst)}"


def figures(evidence: Evidence) -> Iterator[Figure]:
    """The chart of each run and device: in float32 where that was checked, else the first dtype."""
    groups: dict[tuple[str, str], dict[str, list[Checked]]] = {}
    for checked in filter(_drawn, evidence.checked):
        by_dtype = groups.setdefault((checked.run, checked.case.device), {})
        by_dtype.setdefault(checked.case.dtype, []).append(checked)
    for index, ((run, device), by_dtype) in enumerate(groups.items()):
        dtype = "float32" if "float32" in by_dtype else next(iter(by_dtype))
        where = f"{dtype} on {device}{f', run {run}' * (len(evidence.runs) > 1)}"
        yield _figure(f"binades-{index}", where, by_dtype[dtype])


def _drawn(checked: Checked) -> bool:
    """True for the value of an element-wise activation in its plain form."""
    wanted = checked.plain and checked.family in FAMILIES and not checked.rowwise
    return wanted and checked.case.direction == "forward" and checked.case.dtype in DTYPES


def _figure(name: str, where: str, checks: Sequence[Checked]) -> Figure:
    sentence = f"Where on the input axis each errs: {where}"
    kept = [checked for checked in checks if checked.by_binade]
    case = checks[0].case
    if not kept:
        command = f"actbench run --only agreement --dtype {case.dtype} --device {case.device}"
        return Figure(
            sentence,
            "Not measured in this run: it kept the largest error over all inputs only.",
            command=command if plain(case.dtype, case.device) else "",
        )
    ends = edges(case.dtype)
    return Figure(
        sentence,
        "Largest error in each binade of the input, in ulp of the exact value, where a subnormal "
        "may stand as zero: gelu, and the activations whose plain forms have the largest errors. "
        "From −max on the left through zero to max on the right each step is one binade, outside "
        "±2^-32 and ±2^16 an eighth of the exponents of a sign. Dashed is 0.5 ulp: up to it a "
        "result is rounded as well as can be. Errors below 0.1 stand at 0.1, those from 2^24 on, "
        "and infinities or NaN where a number belongs, at the upper edge. The marker is the worst "
        "input, named below the axis. Modes with the same errors share a line.",
        tuple(
            _panel(f"{name}-{panel}", activation, _profiles(kept, activation), ends)
            for panel, activation in enumerate(shown(kept))
        ),
    )


def shown(checks: Iterable[Checked]) -> list[str]:
    """gelu, and the activations whose plain forms have the largest errors, in that order."""
    worst: dict[str, float] = {}
    for checked in checks:
        name = checked.case.activation
        worst[name] = max(worst.get(name, 0.0), checked.error)
    order = sorted(worst, key=lambda name: (name != _ALWAYS, -worst[name], name))
    return order[:_PANELS]


def _profiles(checks: Iterable[Checked], activation: str) -> list[Profile]:
    """Profiles, the largest errors first; modes of a framework that err alike are one."""
    alike: dict[tuple[str, tuple[float, ...]], list[Checked]] = {}
    for checked in checks:
        if checked.case.activation == activation:
            key = (title(checked.case.framework), checked.by_binade)
            alike.setdefault(key, []).append(checked)
    profiles = []
    for (framework, errors), same in alike.items():
        modes = listing(list(dict.fromkeys(checked.case.mode for checked in same)))
        profiles.append(Profile(f"{framework} {modes}", errors, _worst(same[0])))
    return sorted(profiles, key=lambda profile: -max(map(_height, profile.errors)))


def _worst(checked: Checked) -> str:
    point = checked.worst_flushed or checked.worst
    return point.input if point else ""


def _height(error: float) -> float:
    return min(max(error, _LOWEST), _HIGHEST)


def _panel(
    name: str, activation: str, profiles: Sequence[Profile], exponents: Sequence[int]
) -> Panel:
    """Largest error by binade, a line per profile, the worst input marked and named."""
    bottom = 56 + _ROW * len(profiles)
    height = 30 + _AXES + bottom
    with canvas(WIDTH, height, _LEFT, 12, bottom=bottom) as (figure, axes):
        limits = (_LOWEST / 1.3, _HIGHEST * 2)
        axes.set(yscale="log", ylim=limits, xlim=(-1, 2 * len(exponents)))
        axes.axhline(0.5, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        for row, profile in enumerate(profiles):
            look = _look(row)
            _draw(axes, profile, look)
            up = (bottom - 48 - row * _ROW) / height
            across = [(_LEFT + step) / WIDTH for step in (0, 15, 30)]
            figure.add_artist(Line2D(across, [up] * 3, markevery=[1], markersize=5, **look))
            at = (_LEFT + 36) / WIDTH
            figure.text(at, up, profile.words, va="center_baseline", size=9, color=INK)
        _ticks(axes, exponents)
        axes.grid()
        axes.set_xlabel("input, a step per binade; error on a log scale")
        heading(axes, f"{activation}: largest error, ulp", _LEFT)
        svg = to_svg(figure, name)
    worst = "; ".join(profile.words for profile in profiles)
    return Panel(svg, f"{activation}: largest error by binade of the input; worst {worst}")


def _look(row: int) -> dict[str, Any]:
    return {
        "color": LINES[row % len(LINES)],
        "linestyle": _DASHES[row % len(_DASHES)],
        "marker": _POINTS[row % len(_POINTS)],
        "linewidth": 1.3,
    }


def _draw(axes: Axes, profile: Profile, look: dict[str, Any]) -> None:
    tried = [index for index, error in enumerate(profile.errors) if error >= 0]
    worst = max(range(len(tried)), key=lambda index: profile.errors[tried[index]])
    heights = [_height(profile.errors[index]) for index in tried]
    axes.plot(tried, heights, drawstyle="steps-mid", markevery=[worst], markersize=6, **look)


def decimal(worst: str) -> str:
    """An input named by a hex float, in decimals; unchanged if it is not a number."""
    try:
        value = float.fromhex(worst)
    except ValueError:
        return worst[:20] or "an input not kept"
    return f"{value:.4g}".replace("-", "−")


def _ticks(axes: Axes, exponents: Sequence[int]) -> None:
    """Ends, ±1, ±2^-16 where the format has them, and zero in the middle."""
    half = len(exponents)
    at = {half - 0.5: "0", 0.0: "−max", 2.0 * half - 1: "max"}
    for exponent, text in {0: "1", -16: "2^-16"}.items():
        if exponent in exponents:
            group = exponents.index(exponent) + 1
            at[half + group - 0.5] = text
            at[half - 1 - group + 0.5] = f"−{text}"
    axes.xaxis.set_major_locator(FixedLocator(sorted(at)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: at.get(x, "")))
    axes.yaxis.set_major_locator(FixedLocator([_LOWEST, 0.5, 10.0, 1e3, 1e5, _HIGHEST]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: _error(y)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())


def _error(value: float) -> str:
    """A tick of the axis of errors, whose ends hold all that lies beyond."""
    if value >= _HIGHEST:
        return "≥2^24"
    return f"≤{plain_power(value)}" if value <= _LOWEST else plain_power(value)
