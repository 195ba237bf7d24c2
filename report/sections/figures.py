"""Which charts the page has: the panels of each, and the sentence above them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ...bench.catalog.activations import CATALOG
from ...bench.catalog.sizes import CLASSES
from ...bench.timing.parts import FLOOR
from ..compare.families import Setting, Summary, at_reference_size, cost, setting_of, summaries
from ..compare.roofline import Roofline, rooflines
from ..draw import charts, heatmap
from ..draw.figure import Figure
from ..draw.roofline import roofline
from ..read.evidence import COARSE, FAMILIES, Between, Checked, Evidence, Timed, family_of, plain
from ..words import elements, listing, title
from . import binades


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
        found += _roofline(name, setting, evidence)
        found += _tradeoff(name, group, evidence)
    found += _errors(evidence)
    found += binades.figures(evidence)
    found += _between(evidence)
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
            case.activation in (*charts.SERIES, FLOOR)
            and "time_per_element" in each.estimates
            and _beside(each, setting)
        ):
            who = f"{title(case.framework)}, {case.mode}"
            lines.setdefault(who, {}).setdefault(case.activation, []).append(each)
    series = {
        who: {key: _one_form(lines[who][key]) for key in charts.SERIES if key in lines[who]}
        for who in sorted(lines, key=_panel_order)
        if lines[who].keys() & set(charts.SERIES)
    }
    floors = {who: _one_form(lines[who][FLOOR]) for who in series if FLOOR in lines[who]}
    drawn = [each for found in series.values() for line in found.values() for each in line]
    if len({each.case.size for each in drawn}) < 2:
        return
    copies = [each for line in floors.values() for each in line]
    limits = _limits(each.estimates["time_per_element"].value for each in [*drawn, *copies])
    yield Figure(
        "What an element costs as the input grows",
        f"{_where(setting, evidence)}. Small inputs pay for the call itself, large ones for "
        "memory. Each line is one form: native where it was measured, else the one fastest at "
        f"the size nearest to 2^16. {_floor_words(series, floors)} Bars are 95 % intervals. The "
        "axes are the same in every panel.",
        tuple(
            charts.sizes(f"{name}s{index}", who, found, floors.get(who, ()), limits)
            for index, (who, found) in enumerate(series.items())
        ),
        command=""
        if floors.keys() == series.keys()
        else _measure(setting, f"--activation {FLOOR}"),
    )


def _beside(each: Timed, setting: Setting) -> bool:
    """Whether a case was timed as a setting says, in any framework and mode, at any size."""
    found = setting_of(each.run, each.case)
    return found.usual and replace(setting, framework="", mode="", size=0) == replace(
        found, framework="", mode="", size=0
    )


def _floor_words(series: Iterable[str], floors: Iterable[str]) -> str:
    missing = listing([who for who in series if who not in set(floors)])
    words = (
        "The grey area ends at the time of a copy in the same framework and mode: what reading, "
        "writing and the call take without any arithmetic."
    ) * bool(set(floors))
    return f"{words} A copy was not measured in {missing}." if missing else words


def _roofline(name: str, setting: Setting, evidence: Evidence) -> Iterator[Figure]:
    found = rooflines(evidence, setting)
    lines = {f"{title(key[0])}, {key[1]}": found[key] for key in found}
    points = [each for line in lines.values() for each in (*line.cached, *line.streamed)]
    if not points:
        return
    measured = [line for line in lines.values() if line.copy_cached or line.single]
    complete = all(line.complete for line in lines.values())
    across = _limits(each.intensity for each in points)
    up = _limits(
        [each.rate.value for each in points]
        + [line.single.rate.value for line in measured if line.single]
    )
    yield Figure(
        "How many operations a second, for each byte that is read and written",
        f"{_where(setting, evidence)}; each activation in its plain form, ■ max, ▲ algebraic, "
        f"● exp; {_roofline_sizes(lines.values())}. Operations are those that the formula counts, "
        "as in the cost model: an exp is one as an addition is one, so a rate compares formulas "
        "and is no floating-point rate. Bytes are those of input and output. The lines were "
        "measured in the same framework and mode, none is of a data sheet: the bytes a second of "
        "a copy, and the most operations a second that any single operation reached at any size. "
        "A single operation reads and writes for each one that it does; many in one pass may lie "
        "above it. Times include the call: where it decides, the line in cache lies below that "
        "from memory. A name is left out where it would cover another. The axes are the same in "
        "every panel."
        if measured
        else "Not measured in this run: neither a copy nor any single operation was timed under "
        "the conditions of the activations.",
        tuple(
            roofline(f"{name}r{index}", who, lines[who], across, up)
            for index, who in enumerate(sorted(lines, key=_panel_order))
        )
        if measured
        else (),
        command="" if complete else _measure(setting, _operations()),
    )


def _roofline_sizes(lines: Iterable[Roofline]) -> str:
    """Which sizes the filled and the hollow markers stand for."""
    cached: set[int] = set()
    streamed: set[int] = set()
    for line in lines:
        cached |= {each.timed.case.size for each in line.cached}
        streamed |= {each.timed.case.size for each in line.streamed}
    filled, hollow = (listing([elements(size) for size in sorted(s)]) for s in (cached, streamed))
    return f"filled at {filled}" + f", hollow at {hollow}, from memory" * bool(streamed)


def _operations() -> str:
    return " ".join(f"--activation {name}" for name, each in CATALOG.items() if each.primitive)


def _measure(setting: Setting, options: str) -> str:
    """The command that measures something else under the same conditions, at every size class."""
    fields = [(key, getattr(setting, key)) for key in ("direction", "device", "dtype", "threads")]
    if not plain(*(value for _, value in fields)):
        return ""
    words = " ".join(f"--{key} {value}" for key, value in fields)
    sizes = " ".join(f"--size {name}" for name in CLASSES)
    return f"actbench run {options} {words} {sizes}"


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


def _between(evidence: Evidence) -> Iterator[Figure]:
    groups: dict[tuple[str, str], dict[str, list[Between]]] = {}
    for each in filter(heatmap.of_frameworks, evidence.between):
        if each.case.dtype in ("float32", "bfloat16") and family_of(each.case.activation)[0] in (
            FAMILIES
        ):
            by_dtype = groups.setdefault((each.run, each.case.device), {})
            by_dtype.setdefault(each.case.dtype, []).append(each)
    for (run, device), found in groups.items():
        where = f", run {run}" if len(evidence.runs) > 1 else ""
        yield Figure(
            f"How far two frameworks lie apart: on {device}{where}",
            "The same inputs through two frameworks in the same mode and form: native where both "
            "have it, else the first written-out form of either that both have, named in "
            "brackets. The largest distance in ulp, and the share of results that are equal to "
            "the bit; – was not compared. A subnormal that one keeps and the other takes for zero "
            "is up to 2^23 ulp in float32. The stronger the colour, the farther.",
            heatmaps=tuple(
                heatmap.between(dtype, found[dtype]) for dtype in sorted(found, reverse=True)
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
    yield Figure(
        "Speed against exactness: down and to the left is better",
        f"■ max, ▲ algebraic, ● exp; one marker a form. {_where(group[0].setting, evidence)}, at "
        f"{_sizes_of(group)}. Errors on the inputs tested, where a subnormal may stand as zero. Up "
        "to 0.5 ulp a result is rounded as well as can be and stands at 0.5; above "
        f"{COARSE:,.0f} (marked † elsewhere) it stands above the grey line. A form is beaten only "
        "where another, at least as exact, has an interval of its cost that lies wholly below: "
        "the beaten lie with their whole interval to the right of the steps. Filled, with their "
        "intervals and named below the axis, the cheapest first, are the algebraic and exp forms "
        "that none of these beats; max forms, exact and cheap by nature, take no part. A name "
        "beside a marker is left out where it would cover another: the table below has all. The "
        "axes are the same in every panel.",
        tuple(
            charts.tradeoff(f"{name}t{index}", who, timed, across)
            for index, (who, timed) in enumerate(
                sorted(found.items(), key=lambda item: _panel_order(item[0]))
            )
        ),
    )


def _panel_order(who: str) -> tuple[str, bool]:
    framework, _, mode = who.rpartition(", ")
    return framework.lower(), mode != "eager"
