"""Does compiling help, and at which size? Compiled over eager code of the same framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise

from ..compare.groups import Group, answering
from ..compare.pairs import Pair, pairs
from ..compare.ratios import Verdict, span, verdict
from ..draw.curves import Curve, Curves, panels
from ..draw.figure import Figure
from ..read.evidence import Estimate, Evidence, Timed
from ..words import capital, listing, sentence, title
from .answer import Answer, command, plain, unmeasured

ORDER = 60
_ANCHOR = "compiling"
_QUESTION = "Does compiling help, and at which size?"
_NAMES = ("relu", "gelu", "squareplus")
_MEASURE = (
    "--activation relu --activation gelu --activation squareplus --direction forward --only timing "
    "--size launch --size l1 --size l2 --size last_level --size memory"
)
Sizes = Mapping[int, Estimate]
"""Compiled over eager by size."""


def answer(evidence: Evidence) -> Answer:
    """Compiled over eager, by framework and size."""
    found = answering(evidence, pairs(evidence, _wanted, mode="eager"))
    if not found:
        why = "no framework was timed both eager and compiled"
        return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE, why)
    told = [text for group in found for text in _sentences(group)]
    return Answer(_ANCHOR, _QUESTION, tuple(told), (_figure(found),), command(found))


def _wanted(timed: Timed) -> bool:
    return timed.case.mode == "compiled" and plain(timed, *_NAMES)


def _by_name(group: Group[Pair]) -> dict[str, dict[str, dict[int, Estimate]]]:
    """The ratios by size, of each activation and framework; relu only if there is nothing else."""
    found: dict[str, dict[str, dict[int, Estimate]]] = {}
    for pair in sorted(group.records, key=lambda pair: pair.top.case.size):
        framework = title(pair.setting.framework)
        sizes = found.setdefault(pair.name, {}).setdefault(framework, {})
        sizes[pair.top.case.size] = pair.ratio
    return {name: found[name] for name in _NAMES[1:] if name in found} or found


# --- in words -------------------------------------------------------------------------------------


def _sentences(group: Group[Pair]) -> list[str]:
    told = [sentence(group.prefix, _lead(group.records))]
    for name, frameworks in _by_name(group).items():
        clauses = [f"{framework} {_by_size(sizes)}" for framework, sizes in frameworks.items()]
        told.append(f"Compiled {name}, over eager: {'; '.join(clauses)}.")
    return told


def _lead(found: Sequence[Pair]) -> str:
    """In how many of the cases compiled code takes less time, by framework."""
    names = listing(list(dict.fromkeys(pair.name for pair in found)))
    clauses: list[str] = []
    for framework in dict.fromkeys(pair.setting.framework for pair in found):
        shown = [verdict(pair.ratio) for pair in found if pair.setting.framework == framework]
        less, more = (shown.count(each) or "none" for each in (Verdict.LESS, Verdict.LONGER))
        cases = " cases" * (not clauses)
        clauses.append(f"in {title(framework)} in {less} of {len(shown)}{cases}, more in {more}")
    return (
        f"compiled code takes less time than eager {'; '.join(clauses)}: {names} at every size "
        "timed, where the intervals are apart"
    )


def _by_size(sizes: Sizes) -> str:
    """`less at 64–4,096 elements (0.20–0.41×), longer at 65,536 (1.2–1.5×)`, and the break-even."""
    told = []
    for shown, group in groupby(sizes, key=lambda size: verdict(sizes[size])):
        alike = list(group)
        ends = "–".join(f"{size:,}" for size in dict.fromkeys((alike[0], alike[-1])))
        told.append(f"{shown.brief} at {ends} ({span(sizes[size] for size in alike)})")
    return f"{', '.join(told)}{_break_even(sizes)}"


def _break_even(sizes: Sizes) -> str:
    """Between which sizes compiled begins to pay, if it never turns back."""
    shown = [(size, verdict(found)) for size, found in sizes.items()]
    decided = [each for each in shown if each[1] in (Verdict.LONGER, Verdict.LESS)]
    turns = [(low, high) for low, high in pairwise(decided) if low[1] != high[1]]
    if len(turns) != 1 or turns[0][0][1] is not Verdict.LONGER:
        return ""
    (low, _), (high, _) = turns[0]
    return f": break-even lies between {low:,} and {high:,} elements"


# --- as curves ------------------------------------------------------------------------------------


def _figure(found: Sequence[Group[Pair]]) -> Figure:
    drawn = [
        Curves(
            f"{name}{f', {group.conditions.device}' * (len(found) > 1)}: compiled over eager (×)",
            [Curve(framework, framework, sizes) for framework, sizes in frameworks.items()],
        )
        for group in found
        for name, frameworks in _by_name(group).items()
    ]
    return Figure(
        "Compiled over eager, by size",
        "Below the dashed line compiled code takes less time; bars are 95 % intervals. "
        f"{capital('; '.join(group.words for group in found))}.",
        panels("compiling", drawn, "time of compiled over eager", one=True),
    )
