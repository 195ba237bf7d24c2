"""The cost per element as the input grows: a few activations above a copy."""

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
    """A chart per run and device, in its foremost conditions, where there are two sizes."""
    for index, group in enumerate(foremost(groups(evidence, evidence.timed, _wanted))):
        drawn = [
            Curves(f"{series.who}: ns per element", _curves(series)) for series in group.series
        ]
        if len(group.sizes) > 1:
            yield Figure(
                "What an element costs as the input grows",
                f"{capital(group.words)}; each activation in its plain form. Small "
                f"inputs pay for the call itself, large ones for memory. {_floor(group.series)} "
                "Bars are 95 % intervals. The axes are the same in every panel.",
                panels(f"sizes-{index}", drawn, "nanoseconds per element by size"),
                command=_command(group.series),
            )


def _wanted(timed: Timed) -> bool:
    return timed.plain and timed.case.activation in (*_SHOWN, _FLOOR)


def _curves(series: Series[Timed]) -> list[Curve]:
    by_name: dict[str, dict[int, Timed]] = {}
    for timed in series.records:
        by_name.setdefault(timed.case.activation, {})[timed.case.size] = timed
    return [
        Curve(
            name,
            name,
            {size: timed.estimates["time_per_element"] for size, timed in by_name[name].items()},
            floor=name == _FLOOR,
        )
        for name in (_FLOOR, *_SHOWN)
        if name in by_name
    ]


def _lacking(series: tuple[Series[Timed], ...]) -> list[Series[Timed]]:
    return [one for one in series if all(timed.case.activation != _FLOOR for timed in one.records)]


def _floor(series: tuple[Series[Timed], ...]) -> str:
    missing = _lacking(series)
    words = (
        "The grey area ends at the time of a copy in the same framework and mode: what reading, "
        "writing and the call take without any arithmetic."
    )
    named = f"A copy was not measured in {listing([one.who for one in missing])}."
    return " ".join([words] * (len(missing) < len(series)) + [named] * bool(missing))


def _command(series: tuple[Series[Timed], ...]) -> str:
    """The command that measures the missing copies, at every size."""
    cases = [timed.case for one in _lacking(series) for timed in one.records]
    return again(replace(case, activation=_FLOOR, form="native") for case in cases)
