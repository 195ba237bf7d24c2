"""Why is GELU slow? Its arithmetic beside the rest of a call, its formula's parts, its variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...bench.catalog.activations import BASELINE, CATALOG
from ...bench.catalog.cases import Case
from ...bench.timing.cost_model import TOLERANCE
from ..draw import strips
from ..draw.drawing import (
    COLOURS,
    INK,
    SOFT,
    WIDTH,
    Panel,
    beside,
    canvas,
    heading,
    to_svg,
    whiskers,
)
from ..draw.figure import Figure
from ..read.evidence import Estimate, Evidence, Split, plain_form
from ..words import counted, interval, listing, number, ratio, sentence, shortened, title
from .answered import Answered, unmeasured
from .lines import Line, View, command, missing, strip, tally, under, views

_ANCHOR = "slow-gelu"
_NAME, _VARIANT, _COSTLY = "gelu", "gelu_tanh", "erf"
_OPERATIONS = CATALOG[_NAME].operations
_SIZES = ("launch", "l1", "l2", "memory")
_ROW = 26.0
_Splits = Mapping[tuple[str, Case], Split]


@dataclass(frozen=True)
class Parts:
    """gelu's parts in one line: arithmetic and whole in ns an element in cache, and its terms.

    `streamed` is what memory and allocation add to an element of `streaming` ns where data streams.
    `terms` are what its formula's primitives cost, times their number; empty where one is missing.
    """

    line: Line
    size: int
    arithmetic: Estimate
    whole: Estimate | None
    terms: Mapping[str, Estimate]
    streamed: Estimate | None
    streaming: Estimate | None
    surprise: Estimate | None


def answer(evidence: Evidence) -> Answered:
    """gelu's arithmetic beside the rest, what its formula counts, and its tanh variant."""
    splits = {(each.run, each.case): each for each in evidence.splits}
    names = (BASELINE, _NAME, _VARIANT)
    found = views(evidence, names, lambda view: bool(_parts(view, splits)))
    if not found:
        again = missing(evidence, (_NAME, _VARIANT, *_OPERATIONS), _SIZES)
        question = _question("--device" not in again)
        return unmeasured(_ANCHOR, question, again, "gelu's arithmetic is not in the rows")
    told = [text for view in found for text in _sentences(view, _parts(view, splits))]
    options = [place.option for place in found[0].each()]
    sizes = dict.fromkeys([*_SIZES, *options])
    return Answered(
        _ANCHOR,
        _question(all(view.conditions.device == "cpu" for view in found)),
        tuple(told),
        (_figure(found, splits, evidence),),
        command((_NAME, _VARIANT, *_OPERATIONS), sizes, found[0]),
    )


def _question(cpu: bool) -> str:
    return f"Why is GELU slow on {'CPU' if cpu else 'this device'}?"


# --- from the rows --------------------------------------------------------------------------------


def _parts(view: View, splits: _Splits) -> list[Parts]:
    return [found for line in view.lines if (found := _parts_of(line, view, splits))]


def _parts_of(line: Line, view: View, splits: _Splits) -> Parts | None:
    split = _split(line, _NAME, splits)
    arithmetic = split.part("arithmetic") if split else None
    if split is None or arithmetic is None:
        return None
    size = split.parts["arithmetic"].size
    memory = view.places.get("memory")
    return Parts(
        line,
        size,
        arithmetic,
        _element(line, size),
        _terms(line, splits),
        _sum(split.part("memory"), split.part("allocation")),
        _element(line, memory.size) if memory else None,
        split.part("surprise"),
    )


def _split(line: Line, name: str, splits: _Splits) -> Split | None:
    """The split of an activation's plain form in a line."""
    some = next(iter(line.timed.get(_NAME, {}).values()), None)
    if some is None:
        return None
    form = plain_form(line.setting.framework, name)
    case = replace(some.case, activation=name, form=form, size=0)
    return splits.get((some.run, case))


def _element(line: Line, size: int) -> Estimate | None:
    found = line.at(_NAME, size)
    return found.estimates.get("time_per_element") if found else None


def _terms(line: Line, splits: _Splits) -> dict[str, Estimate]:
    """What each primitive costs times its number, none below 0; empty where one is missing."""
    found = {}
    for name, count in _OPERATIONS.items():
        split = _split(line, name, splits)
        cost = split.part("arithmetic") if split else None
        if cost is None:
            return {}
        ends = (None if end is None else max(end, 0.0) * count for end in (cost.low, cost.high))
        found[name] = Estimate(max(cost.value, 0.0) * count, *ends)
    return found


def _sum(*parts: Estimate | None) -> Estimate | None:
    """The sum of parts and of their ends; a part without an interval is exact. None if one is."""
    known = [each for each in parts if each]
    if len(known) < len(parts):
        return None
    low = sum(each.value if each.low is None else each.low for each in known)
    high = sum(each.value if each.high is None else each.high for each in known)
    return Estimate(sum(each.value for each in known), low, high)


def share(part: Estimate, others: Sequence[Estimate]) -> Estimate | None:
    """A part's share of a sum that it is in, as wide as the intervals of all allow."""
    rest = _sum(*others)
    whole = _sum(part, *others)
    if rest is None or whole is None or whole.value <= 0:
        return None
    low, high = (part.value if end is None else end for end in (part.low, part.high))
    least, most = (rest.value if end is None else end for end in (rest.low, rest.high))
    if low + most <= 0 or high + least <= 0:
        return None
    return Estimate(part.value / whole.value, low / (low + most), high / (high + least))


# --- in words -------------------------------------------------------------------------------------


def _sentences(view: View, found: Sequence[Parts]) -> list[str]:
    texts = [_slow(view), _in_cache(found), _formula(found), _streams(view, found), _variant(view)]
    return [sentence(view.prefix, text) for text in texts if text]


def _slow(view: View) -> str:
    return _against(view, _NAME, BASELINE)


def _variant(view: View) -> str:
    return _against(view, _VARIANT, _NAME)


def _against(view: View, top: str, bottom: str) -> str:
    place = view.places.get("cache")
    ratios = view.ratios(top, bottom, place) if place else []
    return f"{place.where}: {tally(top, bottom, ratios)}" if place and ratios else ""


def _in_cache(found: Sequence[Parts]) -> str:
    shares = [
        (each.line.who, part)
        for each in found
        if each.whole and (part := each.arithmetic.over(each.whole))
    ]
    sizes = listing([f"{size:,}" for size in sorted({each.size for each in found})])
    lead = f"its arithmetic above a copy, at {sizes} elements, is"
    return f"{lead} {_halves(shares, 'of a call')}" if shares else ""


def _halves(shares: Sequence[tuple[str, Estimate]], whole: str) -> str:
    """In how many lines a part is more than half of the whole, and in how many less."""
    words = {
        "more": f"more than half {whole}",
        "less": f"less than half {whole}",
        "open": "not shown to be either",
    }
    told: list[str] = []
    for key, text in words.items():
        mine = [each for each in shares if _half(each[1]) == key]
        if mine:
            some = len(mine) <= 3 and len(mine) < len(shares)
            names = f": {listing([who for who, _ in mine])}" if some else ""
            total = f" of {len(shares)} settings" if not told else ""
            told.append(f"{text} in {len(mine)}{total} ({_percent(mine)}{names})")
    return "; ".join(told)


def _half(each: Estimate) -> str:
    if each.low is not None and each.low > 0.5:
        return "more"
    return "less" if each.high is not None and each.high < 0.5 else "open"


def _percent(shares: Sequence[tuple[str, Estimate]]) -> str:
    """The shares' intervals from end to end, which cannot lie outside 0 to 100 %."""
    lows = [each.value if each.low is None else each.low for _, each in shares]
    highs = [each.value if each.high is None else each.high for _, each in shares]
    return f"{100 * max(min(lows), 0.0):.0f}–{min(max(highs), 1.0):.0%}"


def _formula(found: Sequence[Parts]) -> str:
    shares = [
        (each.line.who, part)
        for each in found
        if each.terms and (part := share(each.terms[_COSTLY], _others(each.terms)))
    ]
    if not shares:
        return ""
    counts = " + ".join(f"{count} {name}" for name, count in _OPERATIONS.items())
    text = f"its formula counts {counted(sum(_OPERATIONS.values()), 'operation')}, {counts}"
    return f"{text}: {_COSTLY} is {_halves(shares, 'of what these cost alone')}{_odd(found)}"


def _others(terms: Mapping[str, Estimate]) -> list[Estimate]:
    return [each for name, each in terms.items() if name != _COSTLY]


def _odd(found: Sequence[Parts]) -> str:
    """Where the rows show that gelu does not cost what its primitives predict."""
    off = f"more than {TOLERANCE:.0%} off what they and a copy predict"
    odd = [f"{each.line.who} {ratio(each.surprise)}" for each in found if each.surprise]
    return f"; shown to be {off}: {', '.join(odd)}" if odd else f"; nowhere is it shown to be {off}"


def _streams(view: View, found: Sequence[Parts]) -> str:
    place = view.places.get("memory")
    shares = [
        (each.line.who, part)
        for each in found
        if each.streamed and each.streaming and (part := each.streamed.over(each.streaming))
    ]
    if not shares or not place:
        return ""
    return f"{place.where}: memory and allocation are {_halves(shares, 'of a call')}"


# --- as a picture ---------------------------------------------------------------------------------


def _figure(found: Sequence[View], splits: _Splits, evidence: Evidence) -> Figure:
    panels = []
    for index, view in enumerate(found):
        device = f", {view.conditions.device}" if len(found) > 1 else ""
        place = view.places.get("cache")
        rows = [strip(line, _marks(line, place.size)) for line in view.lines] if place else []
        kept = [each for each in rows if each.marks]
        if place and kept:
            across = strips.limits(kept, 1.0)
            panels.append(
                strips.panel(
                    f"qg{index}", f"Over {BASELINE}, {place.label}{device}", kept, across,
                    f"time over {BASELINE}'s (×), log scale", BASELINE,
                )
            )  # fmt: skip
        panels.append(_drawn(f"qa{index}", f"Arithmetic{device}", _parts(view, splits)))
    return Figure(
        "What GELU's arithmetic is made of",
        "Bars: what the formula's primitives cost alone, plain add and multiply, hatched "
        f"{_COSTLY}; no bar where one was not measured. ┃ is gelu's own arithmetic with its 95 % "
        f"interval; a part is a difference of times and can fall below 0. {under(found, evidence)}",
        tuple(panels),
    )


def _marks(line: Line, size: int) -> list[strips.Mark]:
    return [
        strips.Mark("exp", name, found, hollow=name == _VARIANT)
        for name in (_NAME, _VARIANT)
        if (found := line.ratio(name, BASELINE, size))
    ]


def _drawn(name: str, head: str, found: Sequence[Parts]) -> Panel:
    """The terms as stacked bars from 0, the arithmetic beside them, a row per line."""
    left, right, label = 82.0, 54.0, "ns an element above a copy"
    with canvas(WIDTH, _ROW * len(found) + 80, left, right) as (figure, axes):
        for row, each in enumerate(found):
            simple = sum(other.value for other in _others(each.terms))
            costly = each.terms[_COSTLY].value if each.terms else 0.0
            axes.barh(row, simple, height=0.5, color=COLOURS["algebraic"], lw=0)
            axes.barh(
                row, costly, left=simple, height=0.5, facecolor="none", hatch="////",
                edgecolor=COLOURS["exp"], lw=0.8,
            )  # fmt: skip
            setting = each.line.setting
            beside(axes, row, shortened(title(setting.framework)), -left, 5, size=10)
            beside(axes, row, shortened(setting.mode), -left, -6.5, size=8.5, color=SOFT)
            beside(axes, row, number(each.arithmetic.value), 7, edge=1, size=9)
        own = [each.arithmetic for each in found]
        whiskers(axes, range(len(own)), own, INK, 1.1)
        axes.plot(
            [each.value for each in own], range(len(own)), "|", color=INK,
            markersize=9, markeredgewidth=1.6,
        )  # fmt: skip
        axes.axvline(0, color=SOFT, linewidth=0.8)
        axes.set(ylim=(len(found) - 0.4, -0.6), yticks=[])
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(label)
        heading(axes, head, left)
        svg = to_svg(figure, name)
    return Panel(svg, f"{head}, {label}: {'; '.join(map(_spoken, found))}")


def _spoken(each: Parts) -> str:
    terms = ", ".join(f"{name} {number(term.value)}" for name, term in each.terms.items())
    own = f"{number(each.arithmetic.value)} ({interval(each.arithmetic)})"
    return f"{each.line.who} {own}{f', its primitives {terms}' if terms else ''}"
