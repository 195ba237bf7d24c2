"""Where the difference between exp and the others disappears, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...bench.catalog.activations import BASELINE
from ..sections.answers import member
from ..words import elements, listing, ratio, sentence
from .pairs import CLOSE, Pair, Size, kind


def disappears(pair: Pair, sizes: Iterable[Size]) -> tuple[str, str]:
    """The pair, and at which sizes the difference disappears, is open, or stays."""
    found: dict[str, list[str]] = {}
    for each in sizes:
        if each.size in pair.ratios:
            here = pair.ratios[each.size]
            where = each.name or elements(each.size)
            found.setdefault(kind(here), []).append(f"{where} {ratio(here)}")
    told = [
        f"{_WHERE[each]} {listing(found[each])}"
        for each in ("same", "open", "dearer", "cheaper", "bare")
        if each in found
    ]
    text = "; ".join(told)
    who = f"{member(pair.exp)} against {member(pair.other)}"
    return who, sentence(text) if text else "Not timed at the same sizes."


_WHERE = {
    "same": f"the difference disappears (at most {CLOSE:.0%}) at",
    "open": "not told apart at",
    "dearer": "takes longer at",
    "cheaper": "takes less time at",
    "bare": "without an interval at",
}


def tally(lines: Iterable[Sequence[Pair]], sizes: Sequence[Size]) -> list[str]:
    """How the cheapest exp activation stands, counted over settings: a sentence a rival.

    `lines` are the pairs of the cheapest one, by framework and mode.
    """
    rivals = ((BASELINE, "max"), ("the cheapest algebraic one", "algebraic"))
    return [text for name, family in rivals if (text := _against(name, family, lines, sizes))]


def _against(name: str, family: str, lines: Iterable[Sequence[Pair]], sizes: Iterable[Size]) -> str:
    places: dict[str, list[str]] = {}
    for size in sizes:
        found = [
            kind(pair.ratios[size.size])
            for line in lines
            for pair in line
            if pair.other.family == family and size.size in pair.ratios
        ]
        for each in dict.fromkeys(found):
            where = size.name or elements(size.size)
            places.setdefault(each, []).append(f"{where} in {found.count(each)} of {len(found)}")
    told = [f"{words} {listing(places[each])}" for each, words in _TALLY.items() if each in places]
    if not told:
        return ""
    if "same" not in places:
        told.insert(
            0, f"at no size is the difference shown to have disappeared (within {CLOSE:.0%})"
        )
    return f"The cheapest exp activation against {name}, by setting: {'; '.join(told)}."


_TALLY = {
    "same": f"the difference has disappeared (within {CLOSE:.0%}) at",
    "open": "the two are not told apart at",
    "dearer": "exp takes longer at",
    "cheaper": "exp takes less time at",
    "bare": "no interval at",
}
