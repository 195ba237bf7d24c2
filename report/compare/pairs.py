"""The pairs that show what exp costs: which stand for their families, followed through every size.

A family's representative is its cheapest member: of the forms timed at the most sizes, the one that
takes least time at the size where arithmetic decides. Beside it stand the exp activations that
people name, each in its own fastest such form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..read.evidence import Estimate, Evidence, Timed, class_names
from ..words import counted, elements
from .families import Setting, baseline_of

NAMED = ("gelu", "silu", "elu")
"""Exp activations that are followed by name, beside the cheapest one."""
CLOSE = 0.05
"""Times that differ by no more than this share count as the same."""
_DECIDING = ("l2", "l1")
"""Size classes at which arithmetic decides, the better first."""


_Forms = dict[tuple[str, str], dict[int, Timed]]


@dataclass(frozen=True)
class Pair:
    """An exp activation against another of the same line, in total time by size."""

    exp: Timed
    other: Timed
    ratios: Mapping[int, Estimate]


@dataclass(frozen=True)
class Size:
    """A size of a table: its name and its elements."""

    name: str
    size: int


@dataclass(frozen=True)
class Followed:
    """Of one framework and mode: who stands for what, and every pair of them."""

    cheapest: Timed | None
    named: tuple[Timed, ...]
    others: tuple[Timed, ...]
    pairs: tuple[Pair, ...]

    def of(self, exp: Timed | None) -> list[Pair]:
        """The pairs of one exp activation, each once."""
        return list({id(each.other): each for each in self.pairs if each.exp is exp}.values())


def follow(timed: Sequence[Timed], sizes: Sequence[Size]) -> Followed:
    """The pairs of one framework and mode: exp against relu and the cheapest algebraic one."""
    wanted = {each.size for each in sizes}
    forms: _Forms = {}
    for each in timed:
        if each.case.size in wanted:
            key = (each.case.activation, each.case.form)
            forms.setdefault(key, {})[each.case.size] = each
    at = _reference(forms.values(), deciding(sizes).size)
    unit = baseline_of(each for each in timed if each.case.size == at)
    candidates = _followed(forms, at)
    exp, algebraic = (_cheapest(candidates, family) for family in ("exp", "algebraic"))
    named = [found for name in NAMED if (found := _cheapest(candidates, "exp", name))]
    others = [each for each in (unit, algebraic) if each]
    rivals = [each for each in (exp, *named) if each]
    return Followed(
        exp,
        tuple(named),
        tuple(others),
        tuple(_pair(each, other, forms) for each in rivals for other in others),
    )


def sizes_of(evidence: Evidence, setting: Setting, measured: Iterable[int]) -> tuple[Size, ...]:
    """Sizes by the name of their class, rising; the one that tests the line only if it is alone."""
    names = class_names(evidence.runs[setting.run], setting.device)
    found = [Size(names.get(size, ""), size) for size in sorted(set(measured))]
    return tuple([each for each in found if each.name != "between"] or found)


def deciding(sizes: Sequence[Size]) -> Size:
    """The size at which arithmetic decides: the class l2, else l1, else the largest."""
    by_name = {each.name: each for each in sizes}
    return next((by_name[name] for name in _DECIDING if name in by_name), sizes[-1])


def _reference(forms: Iterable[Mapping[int, Timed]], wanted: int) -> int:
    """The wanted size, or the nearest one where it was not timed in this line."""
    timed = {size for sizes in forms for size in sizes}
    return min(timed, key=lambda size: (abs(size - wanted), size)) if timed else wanted


def _followed(forms: _Forms, at: int) -> list[tuple[Timed, int]]:
    """Every form timed at the size that decides, with the number of sizes it was timed at."""
    return [(sizes[at], len(sizes)) for sizes in forms.values() if at in sizes]


def _cheapest(candidates: Iterable[tuple[Timed, int]], family: str, name: str = "") -> Timed | None:
    """The fastest form of a family, or of one activation, among those timed at the most sizes."""
    found = [
        (-sizes, each.estimates["time_per_call"].value, each.case.activation, each)
        for each, sizes in candidates
        if each.family == family and name in ("", each.case.activation)
    ]
    return min(found, key=lambda each: each[:3])[3] if found else None


def _pair(exp: Timed, other: Timed, forms: _Forms) -> Pair:
    tops, bottoms = (forms[each.case.activation, each.case.form] for each in (exp, other))
    ratios = {
        size: found
        for size in sorted(tops.keys() & bottoms.keys())
        if (found := total_ratio(tops[size], bottoms[size]))
    }
    return Pair(exp, other, ratios)


def total_ratio(top: Timed, bottom: Timed) -> Estimate | None:
    """One case's time over another's, as wide as both intervals allow."""
    return top.estimates["time_per_call"].over(bottom.estimates["time_per_call"])


def kind(found: Estimate) -> str:
    """What a ratio's interval shows: `same` within 5 %, `open`, `dearer`, `cheaper` or `bare`."""
    if found.low is None or found.high is None:
        return "bare"
    if found.low >= 1 - CLOSE and found.high <= 1 + CLOSE:
        return "same"
    if found.low <= 1 <= found.high:
        return "open"
    return "dearer" if found.low > 1 else "cheaper"


def place(size: Size) -> str:
    """A size in words: `l2 (65,536 elements)`."""
    return f"{size.name} ({counted(size.size, 'element')})" if size.name else elements(size.size)
