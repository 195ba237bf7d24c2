"""Is an activation free: streaming, beside relu and a copy; fused, beside a compiled copy?"""

from __future__ import annotations

from collections.abc import Sequence

from ...bench.catalog.activations import BASELINE, CATALOG
from ...bench.timing.parts import FLOOR
from ..compare.pairs import kind
from ..draw import strips
from ..draw.figure import Figure
from ..read.evidence import Estimate, Evidence
from ..words import listing, sentence
from .answered import Answered, unmeasured
from .lines import Line, Place, View, amount, brief, command, missing, strip, under, views

_STREAMING = "Is it memory-bound, so free on this device?"
_FUSED = "Is it free when fused?"
_NAMES = ("gelu", "silu", "squareplus")
_UNITS = {BASELINE: "relu", FLOOR: "a copy"}
_FUSED_PLACES = ("cache", "memory")


def streaming(evidence: Evidence) -> Answered:
    """gelu, silu and squareplus over relu and over a copy, where the data streams."""
    names = (BASELINE, FLOOR, *_NAMES)
    found = views(evidence, names, lambda view: bool(_ratios(view, "memory", BASELINE)))
    if not found:
        again = missing(evidence, names, ("memory",))
        return unmeasured("memory-bound", _STREAMING, again)
    told = [text for view in found for text in _streaming_told(view)]
    panels = [
        (view, view.places["memory"], unit)
        for view in found
        for unit in _UNITS
        if _ratios(view, "memory", unit)
    ]
    again = command(names, [found[0].places["memory"].option], found[0])
    figure = _figure("qm", "What streams, over relu and over a copy", panels, _NAMES, evidence)
    return Answered("memory-bound", _STREAMING, tuple(told), (figure,), again)


def fused(evidence: Evidence) -> Answered:
    """Compiled activations over a compiled copy of the same framework, in cache and streaming."""
    drawn = (BASELINE, *_NAMES)
    names = (FLOOR, *drawn)
    found = views(
        evidence,
        names,
        lambda view: any(_ratios(view, key, FLOOR) for key in _FUSED_PLACES),
        mode="compiled",
    )
    if not found:
        again = missing(evidence, names, ("l2", "memory"), modes=("compiled",))
        return unmeasured("fused", _FUSED, again)
    told = [text for view in found for text in _fused_told(view)]
    panels = [
        (view, view.places[key], FLOOR)
        for view in found
        for key in _FUSED_PLACES
        if _ratios(view, key, FLOOR)
    ]
    options = [place.option for place in found[0].each(*_FUSED_PLACES)]
    again = command(names, options, found[0], ("compiled",))
    figure = _figure("qu", "Compiled, over a compiled copy", panels, drawn, evidence)
    return Answered("fused", _FUSED, (*told, _BOUND), (figure,), again)


_BOUND = (
    "An activation fused into a kernel that otherwise only reads and writes the same data adds "
    "this much at most; beside other arithmetic, memory may hide less of it. No fused chain was "
    "timed."
)

_Ratios = dict[str, list[Estimate]]


def _ratios(view: View, key: str, unit: str) -> _Ratios:
    """The ratios of each activation over a unit in one place, by name."""
    if key not in view.places:
        return {}
    place = view.places[key]
    names = [name for name in (BASELINE, *_NAMES) if name != unit]
    found = {name: [ratio for _, ratio in view.ratios(name, unit, place)] for name in names}
    named = {name: ratios for name, ratios in found.items() if ratios}
    return named if set(named) - {BASELINE} else {}


def _free(ratios: _Ratios) -> str:
    """`gelu in 1 of 7 settings and silu in none of 7`, or that it is none of them."""
    told = [f"{name} in {amount(mine, 'same')}" for name, mine in ratios.items()]
    if not any(kind(each) == "same" for mine in ratios.values() for each in mine):
        return f"none of {listing(list(ratios))} in any setting"
    return listing([f"{told[0]} settings", *told[1:]])


def _told(ratios: _Ratios) -> str:
    return "; ".join(f"{name}: {brief(mine)}" for name, mine in ratios.items())


def _streaming_told(view: View) -> list[str]:
    place, over = view.places["memory"], _ratios(view, "memory", BASELINE)
    lead = f"{place.where}: shown to be free, within 5% of {BASELINE}, is {_free(over)}"
    told = [sentence(view.prefix, lead), sentence(view.prefix, f"over {BASELINE}, ", _told(over))]
    copied = _ratios(view, "memory", FLOOR)
    return [*told, sentence(view.prefix, "over a copy, ", _told(copied))] if copied else told


def _fused_told(view: View) -> list[str]:
    told = []
    for key in _FUSED_PLACES:
        ratios = _ratios(view, key, FLOOR)
        if ratios:
            lead = f"{view.places[key].where}: shown to be free, within 5% of a compiled copy, is "
            told.append(sentence(view.prefix, lead, _free(ratios)))
            told.append(sentence(view.prefix, "over that copy, ", _told(ratios)))
    return told


def _figure(
    name: str,
    caption: str,
    panels: Sequence[tuple[View, Place, str]],
    names: Sequence[str],
    evidence: Evidence,
) -> Figure:
    rows = [
        [strip(line, _marks(line, place, unit, names)) for line in view.lines]
        for view, place, unit in panels
    ]
    kept = [[each for each in mine if each.marks] for mine in rows]
    across = strips.limits([each for mine in kept for each in mine], 1.0)
    devices = {view.conditions.device: view for view, _, _ in panels}
    return Figure(
        caption,
        "■ max, ▲ algebraic, ● exp; bars are 95 % intervals. The axis is the same in every panel. "
        f"{under(list(devices.values()), evidence)}",
        tuple(
            strips.panel(
                f"{name}{index}",
                f"{place.label.capitalize()}, over {_UNITS[unit]}"
                f"{f', {view.conditions.device}' if len(devices) > 1 else ''}",
                mine,
                across,
                f"time over {_UNITS[unit]}'s (×), log scale",
                _UNITS[unit],
            )
            for index, ((view, place, unit), mine) in enumerate(zip(panels, kept, strict=True))
        ),
    )


def _marks(line: Line, place: Place, unit: str, names: Sequence[str]) -> list[strips.Mark]:
    return [
        strips.Mark(CATALOG[name].family, name, ratio)
        for name in names
        if (ratio := line.ratio(name, unit, place.size))
    ]
