"""Which charts the page has: the panels of each, and the sentence above them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from . import charts, heatmap
from .drawing import Panel
from .evidence import FAMILIES, Checked, Evidence, Timed
from .families import Setting, Summary, at_reference_size, cost, setting_of, summaries
from .heatmap import Heatmap
from .words import elements, listing, title


@dataclass(frozen=True)
class Figure:
    """A chart of one or more panels under one caption.

    Its `shape` is `small`, `large`, `half` of the page's width or `broad`; the last two scroll
    sideways.
    """

    sentence: str
    note: str
    panels: tuple[Panel, ...] = ()
    shape: Literal["small", "large", "half", "broad"] = "small"
    heatmaps: tuple[Heatmap, ...] = ()


def figures(evidence: Evidence) -> list[Figure]:
    """Every chart that the rows suffice for, for each run and device in its first conditions."""
    found: list[Figure] = []
    groups = at_reference_size(summaries(evidence))
    seen: set[tuple[str, str]] = set()
    for group in groups:
        setting = group[0].setting
        if (setting.run, setting.device) in seen or not _worth(group):
            continue
        seen.add((setting.run, setting.device))
        name = f"f{len(seen)}"
        found += _costs(name, group, _partners(groups, setting), evidence)
        found += _sizes(name, setting, evidence)
        found += _tradeoff(name, group, evidence)
    found += _errors(evidence)
    return found


def _worth(group: Iterable[Summary]) -> bool:
    return any(len(each.families["exp"]) for each in group)


def _partners(
    groups: Iterable[list[Summary]], setting: Setting
) -> dict[tuple[str, str, int], Summary]:
    """The backward summaries under the same conditions, by framework, mode and size."""
    return {
        (each.setting.framework, each.setting.mode, each.setting.size): each
        for group in groups
        for each in group
        if setting.direction == "forward"
        and each.setting.direction == "backward"
        and _same(each.setting, setting)
    }


def _same(one: Setting, other: Setting) -> bool:
    return (one.run, one.device, one.dtype, one.threads) == (
        other.run,
        other.device,
        other.dtype,
        other.threads,
    )


def _who(setting: Setting) -> str:
    return f"{title(setting.framework)}, {setting.mode}"


def _where(setting: Setting, evidence: Evidence, direction: str | None = None) -> str:
    words = [direction or setting.direction, setting.dtype, setting.device]
    words.append(f"{setting.threads} thread{'s' * (setting.threads != 1)}")
    words += [f"run {setting.run}"] * (len(evidence.runs) > 1)
    return ", ".join([words[0].capitalize(), *words[1:]])


def _sizes_of(group: Iterable[Summary]) -> str:
    return listing([elements(size) for size in sorted({each.setting.size for each in group})])


def _members(summary: Summary) -> list[Timed]:
    return [each for family in summary.families.values() for each in family]


def _limits(values: Iterable[float], lowest: float | None = None) -> charts.Limits:
    found = [value for value in values if 0 < value < math.inf] or [1.0]
    low = min([*found, *([lowest] if lowest else [])])
    return low / 1.25, max([*found, low * 4]) * 1.25


def _costs(
    name: str,
    group: Sequence[Summary],
    partners: dict[tuple[str, str, int], Summary],
    evidence: Evidence,
) -> Iterator[Figure]:
    shown = [each for each in group if _members(each)]
    beside = {
        id(each): partners.get((each.setting.framework, each.setting.mode, each.setting.size))
        for each in shown
    }
    everything = [m for each in shown for m in _members(each)]
    everything += [m for each in beside.values() if each for m in _members(each)]
    limits = _limits([1.0, *(cost(each).value for each in everything)])
    panels = []
    for index, each in enumerate(shown):
        other = beside[id(each)]
        backward = {m.case.activation: m for m in _members(other)} if other else {}
        panels.append(
            charts.costs(f"{name}c{index}", _who(each.setting), _members(each), backward, limits)
        )
    setting = group[0].setting
    hollow = "; the hollow marker below is the gradient alone, over relu's gradient" * any(
        beside.values()
    )
    yield Figure(
        f"What each activation costs beside relu, at {_sizes_of(shown)}",
        f"■ max, ▲ algebraic, ● exp; bars are 95 % intervals. {_where(setting, evidence)}; each "
        "activation in its fastest measured form, named below it. The dashed line is relu; "
        f"figures are the filled markers{hollow}. The axis is the same in every panel.",
        tuple(panels),
    )


def _sizes(name: str, setting: Setting, evidence: Evidence) -> Iterator[Figure]:
    lines: dict[str, dict[str, list[Timed]]] = {}
    for each in evidence.timed:
        case = each.case
        if (
            case.activation in charts.SERIES
            and "time_per_element" in each.estimates
            and setting_of(each.run, case).usual
            and case.direction == setting.direction
            and (each.run, case.device, case.dtype, case.threads)
            == (setting.run, setting.device, setting.dtype, setting.threads)
        ):
            who = f"{title(case.framework)}, {case.mode}"
            lines.setdefault(who, {}).setdefault(case.activation, []).append(each)
    series = {
        who: {key: _one_form(lines[who][key]) for key in charts.SERIES if key in lines[who]}
        for who in sorted(lines, key=_panel_order)
    }
    drawn = [each for found in series.values() for line in found.values() for each in line]
    if len({each.case.size for each in drawn}) < 2:
        return
    limits = _limits(each.estimates["time_per_element"].value for each in drawn)
    yield Figure(
        "What an element costs as the input grows",
        f"{_where(setting, evidence)}. Small inputs pay for the call itself, large ones for "
        "memory. Each line is one form: native where it was measured, else the one fastest at "
        "the size nearest to 2^16. The axis is the same in every panel.",
        tuple(
            charts.sizes(f"{name}s{index}", who, found, limits)
            for index, (who, found) in enumerate(series.items())
        ),
    )


def _one_form(timed: Sequence[Timed]) -> list[Timed]:
    """The cases of one form: native if there, else the fastest at the size nearest to 2^16."""
    nearest = min(timed, key=lambda each: abs(each.case.size - 2**16)).case.size
    best = min(
        timed,
        key=lambda each: (
            each.case.form != "native",
            each.case.size != nearest,
            each.estimates["time_per_call"].value,
        ),
    )
    line = [each for each in timed if each.case.form == best.case.form]
    return sorted(line, key=lambda each: each.case.size)


def _errors(evidence: Evidence) -> Iterator[Figure]:
    groups: dict[tuple[str, str, str], list[Checked]] = {}
    for each in evidence.checked:
        groups.setdefault((each.run, each.case.device, each.case.dtype), []).append(each)
    for (run, device, dtype), checked in groups.items():
        directions = sorted({each.case.direction for each in checked}, reverse=True)
        where = f", run {run}" if len(evidence.runs) > 1 else ""
        yield Figure(
            f"How far each form strays from the exact value: {dtype} on {device}{where}",
            "Largest error on the inputs tested, in ulp of the exact value; up to 0.5 is "
            "rounded as well as can be, ∞ is an infinity or a NaN where a number belongs, – was "
            "not measured. Where a function crosses zero (the gradient of gelu near −0.752), ulp "
            "grow without bound by nature. The stronger the colour, the larger.",
            heatmaps=tuple(
                heatmap.errors(
                    direction, [each for each in checked if each.case.direction == direction]
                )
                for direction in directions
            ),
            shape="broad",
        )


def _tradeoff(name: str, group: Sequence[Summary], evidence: Evidence) -> Iterator[Figure]:
    wanted = {each.setting: _who(each.setting) for each in group}
    found: dict[str, list[Timed]] = {}
    for each in evidence.timed:
        who = wanted.get(setting_of(each.run, each.case))
        if who and each.cost and each.exactness and not each.rowwise and each.family in FAMILIES:
            found.setdefault(who, []).append(each)
    if not found:
        return
    points = [each for timed in found.values() for each in timed]
    across = _limits(cost(each).value for each in points)
    largest = max(_finite(each) for each in points)
    yield Figure(
        "Speed against exactness: down and to the left is better",
        f"■ max, ▲ algebraic, ● exp; one marker a form. {_where(group[0].setting, evidence)}, at "
        f"{_sizes_of(group)}. Errors on the inputs tested; those below 0.1 ulp stand at 0.1. "
        "A name is left out where it would cover another: the table below has all.",
        tuple(
            charts.tradeoff(f"{name}t{index}", who, timed, across, (0.1, max(largest, 10.0) * 2))
            for index, (who, timed) in enumerate(
                sorted(found.items(), key=lambda item: _panel_order(item[0]))
            )
        ),
    )


def _panel_order(who: str) -> tuple[str, bool]:
    framework, _, mode = who.rpartition(", ")
    return framework.lower(), mode != "eager"


def _finite(each: Timed) -> float:
    ulp = each.exactness.max_ulp if each.exactness else 0.0
    return ulp if ulp != float("inf") else 0.0
