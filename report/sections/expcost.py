"""What exp costs against max and against algebra only: arithmetic, and total time at each size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from ...bench.catalog.cases import Case
from ..compare.expwords import disappears, tally
from ..compare.families import Setting, prominence, setting_of
from ..compare.pairs import Pair, Size, follow, kind, sizes_of
from ..read.evidence import FAMILIES, Estimate, Evidence, Split, Timed
from ..words import capital, interval, number, ratio, title
from .answers import in_words, mark, member
from .overview import Cell


@dataclass(frozen=True)
class Entry:
    """One ratio of a cell: what its interval shows, in figures, and over whom."""

    kind: str
    value: str
    interval: str
    over: str


@dataclass(frozen=True)
class Named:
    """An exp activation by name: its arithmetic, and its ratios at each size."""

    name: str
    arithmetic: Cell
    totals: tuple[tuple[Entry, ...], ...]


@dataclass(frozen=True)
class Line:
    """One framework, mode and device under its conditions: who, in cells and in words."""

    who: str
    exp: str
    arithmetic: tuple[Cell, ...]
    pairs: tuple[Pair, ...]
    totals: tuple[tuple[Entry, ...], ...]
    named: tuple[Named, ...]
    words: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Lines under the same conditions and their sizes; `first` of a run and device."""

    heading: str
    sizes: tuple[Size, ...]
    lines: tuple[Line, ...]
    tally: tuple[str, ...]
    first: bool = False


@lru_cache(maxsize=2)
def tables(evidence: Evidence) -> tuple[Table, ...]:
    """A table for each run, device, dtype, direction and number of threads, the first foremost."""
    groups: dict[Setting, dict[Setting, list[Timed]]] = {}
    for each in evidence.timed:
        setting = setting_of(each.run, each.case)
        if setting.usual and not each.rowwise and each.family in FAMILIES:
            line = replace(setting, size=0)
            conditions = replace(line, framework="", mode="")
            groups.setdefault(conditions, {}).setdefault(line, []).append(each)
    parts = {(each.run, each.case): each for each in evidence.splits}
    several = len(evidence.runs) > 1
    made = []
    seen: set[tuple[str, str]] = set()
    for setting in sorted(groups, key=prominence):
        table = _table(setting, groups[setting], parts, evidence, several)
        if table.lines:
            where = (setting.run, setting.device)
            made.append(replace(table, first=where not in seen))
            seen.add(where)
    return tuple(made)


def headlines(evidence: Evidence) -> list[str]:
    """What is said first: of each run and device, in its foremost conditions."""
    found = [table for table in tables(evidence) if table.first]
    return [
        f"{table.heading}: {sentence[0].lower()}{sentence[1:]}" if len(found) > 1 else sentence
        for table in found
        for sentence in table.tally
    ]


Parts = Mapping[tuple[str, Case], Split]


def _table(
    conditions: Setting,
    lines: Mapping[Setting, Sequence[Timed]],
    parts: Parts,
    evidence: Evidence,
    several: bool,
) -> Table:
    measured = {each.case.size for timed in lines.values() for each in timed}
    sizes = sizes_of(evidence, conditions, measured)
    order = sorted(lines, key=lambda each: (title(each.framework).lower(), each.mode != "eager"))
    made = [_line(setting, lines[setting], parts, sizes) for setting in order]
    made = made if any(each.pairs for each in made) else []
    text = in_words(conditions, several)
    return Table(
        capital(text),
        sizes,
        tuple(made),
        tuple(tally([each.pairs for each in made], sizes)),
    )


def _line(setting: Setting, timed: Sequence[Timed], parts: Parts, sizes: Sequence[Size]) -> Line:
    found = follow(timed, sizes)
    pairs = found.of(found.cheapest)
    named = found.named if found.others else ()
    spoken = {id(each): each for each in (found.cheapest, *found.named[:1]) if each}
    return Line(
        f"{title(setting.framework)}, {setting.mode}",
        member(pairs[0].exp) if pairs else "",
        (
            *(_arithmetic(timed, family, parts) for family in FAMILIES),
            _arithmetic_ratios(pairs, parts),
        ),
        tuple(pairs),
        tuple(_total(pairs, each.size) for each in sizes),
        tuple(_named(each, found.of(each), parts, sizes) for each in named),
        (
            *_arithmetic_told(pairs, parts),
            *(disappears(pair, sizes) for each in spoken.values() for pair in found.of(each)),
        ),
    )


def _named(exp: Timed, pairs: Sequence[Pair], parts: Parts, sizes: Iterable[Size]) -> Named:
    return Named(
        member(exp), _one_arithmetic(exp, parts), tuple(_total(pairs, each.size) for each in sizes)
    )


def _split(each: Timed, parts: Parts) -> Split | None:
    return parts.get((each.run, replace(each.case, size=0)))


def _one_arithmetic(each: Timed, parts: Parts) -> Cell:
    split = _split(each, parts)
    found = split.part("arithmetic") if split else None
    return Cell(f"{number(found.value)} ({interval(found)})") if found else Cell("not measured")


def _arithmetic(timed: Iterable[Timed], family: str, parts: Parts) -> Cell:
    """A family's arithmetic from its cheapest member to its dearest, each in its cheapest form."""
    best: dict[str, tuple[Estimate, Timed]] = {}
    for each in timed:
        split = _split(each, parts)
        found = split.part("arithmetic") if split and each.family == family else None
        other = best.get(each.case.activation)
        if found and (other is None or found.value < other[0].value):
            best[each.case.activation] = (found, each)
    if not best:
        return Cell("not measured")
    order = sorted(best.values(), key=lambda each: (each[0].value, each[1].case.activation))
    ends = [order[0], order[-1]] if len(order) > 1 else order
    return Cell(
        " to ".join(number(found.value) for found, _ in ends),
        tuple(f"{member(each)} {interval(found)}" for found, each in ends),
    )


def _arithmetic_ratios(pairs: Iterable[Pair], parts: Parts) -> Cell:
    told = tuple(f"over {member(each.other)}: {_arithmetic_ratio(each, parts)}" for each in pairs)
    names = list(dict.fromkeys(member(each.exp) for each in pairs))
    return Cell(names[0] if names else "", told)


def _arithmetic_ratio(pair: Pair, parts: Parts) -> str:
    top, bottom = (_split(each, parts) for each in (pair.exp, pair.other))
    above = top.part("arithmetic") if top else None
    below = bottom.part("arithmetic") if bottom else None
    if above is None or below is None:
        return "not measured"
    found = above.over(below)
    if found:
        return ratio(found)
    if above.low is not None and below.high is not None and above.low > 0 and below.high > 0:
        least = number(above.low / below.high)
        return f"at least {least}×: the interval of {pair.other.case.activation} reaches 0"
    return f"no ratio: the interval of {pair.other.case.activation} reaches 0"


def _arithmetic_told(pairs: Sequence[Pair], parts: Parts) -> list[tuple[str, str]]:
    """The arithmetic of the cheapest exp activation beside the others', in words."""
    if not pairs or not _measured(pairs[0].exp, parts):
        return []
    told = [
        f"{member(each.other)} {_one_arithmetic(each.other, parts).text}, "
        f"ratio {_arithmetic_ratio(each, parts)}"
        for each in pairs
        if _measured(each.other, parts)
    ]
    own = f"{member(pairs[0].exp)} {_one_arithmetic(pairs[0].exp, parts).text}"
    return [("arithmetic, ns an element", f"{'; against '.join([own, *told])}.")]


def _measured(each: Timed, parts: Parts) -> bool:
    split = _split(each, parts)
    return split is not None and split.part("arithmetic") is not None


def _total(pairs: Iterable[Pair], size: int) -> tuple[Entry, ...]:
    return tuple(
        Entry(
            kind(found),
            f"{number(found.value)}×",
            interval(found),
            f"{each.other.case.activation}{mark(each.other)}",
        )
        for each in pairs
        if (found := each.ratios.get(size))
    )
