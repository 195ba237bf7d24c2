"""What an element costs as the input grows: a few activations above a copy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...compare.commands import again
from ...compare.groups import Series, foremost, groups
from ...read.evidence import Evidence, Timed
from ...words import capital, listing
from ..curves import Curve, Curves, panels
from ..figure import Figure

ORDER = 20
_SHOWN = ("relu", "elu", "softplus", "gelu", "squareplus")
_FLOOR = "copy"


def figures(evidence: Evidence) -> Iterator[Figure]:
    """Of each run and device a chart, in its foremost conditions, where there are two sizes."""
    for index, group in enumerate(foremost(groups(evidence, evidence.timed, _wanted))):
        drawn = [Curves(f"{each.who}: ns an element", _curves(each)) for each in group.series]
        if len(group.sizes) > 1:
            yield Figure(
                "What an element costs as the input grows",
                f"{capital(group.words)}; each activation in its plain form. Small "
                f"inputs pay for the call itself, large ones for memory. {_floor(group.series)} "
                "Bars are 95 % intervals. The axes are the same in every panel.",
                panels(f"sizes-{index}", drawn, "nanoseconds an element by size"),
                command=_command(group.series),
            )


def _wanted(timed: Timed) -> bool:
    return timed.plain and timed.case.activation in (*_SHOWN, _FLOOR)


def _curves(series: Series[Timed]) -> list[Curve]:
    found: dict[str, dict[int, Timed]] = {}
    for timed in series.records:
        found.setdefault(timed.case.activation, {})[timed.case.size] = timed
    return [
        Curve(
            name,
            name,
            {size: timed.estimates["time_per_element"] for size, timed in found[name].items()},
            floor=name == _FLOOR,
        )
        for name in (_FLOOR, *_SHOWN)
        if name in found
    ]


def _lacking(series: tuple[Series[Timed], ...]) -> list[Series[Timed]]:
    return [
        each for each in series if all(timed.case.activation != _FLOOR for timed in each.records)
    ]


def _floor(series: tuple[Series[Timed], ...]) -> str:
    missing = _lacking(series)
    words = (
        "The grey area ends at the time of a copy in the same framework and mode: what reading, "
        "writing and the call take without any arithmetic."
    )
    named = f"A copy was not measured in {listing([each.who for each in missing])}."
    return " ".join([words] * (len(missing) < len(series)) + [named] * bool(missing))


def _command(series: tuple[Series[Timed], ...]) -> str:
    """What measures the copies that are missing, at every size."""
    cases = [timed.case for each in _lacking(series) for timed in each.records]
    return again(replace(case, activation=_FLOOR, form="native") for case in cases)
