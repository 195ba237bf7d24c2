"""Compiled over eager code of the same framework: the sizes at which compiling helps."""

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
    groups = answering(evidence, pairs(evidence, _wanted, mode="eager"))
    if not groups:
        why = "no framework was timed both eager and compiled"
        return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE, why)
    sentences = [text for group in groups for text in _sentences(group)]
    return Answer(_ANCHOR, _QUESTION, tuple(sentences), (_figure(groups),), command(groups))


def _wanted(timed: Timed) -> bool:
    return timed.case.mode == "compiled" and plain(timed, *_NAMES)


def _by_name(group: Group[Pair]) -> dict[str, dict[str, dict[int, Estimate]]]:
    """The ratios by size, of each activation and framework; relu only if it is alone."""
    ratios: dict[str, dict[str, dict[int, Estimate]]] = {}
    for pair in sorted(group.records, key=lambda pair: pair.top.case.size):
        framework = title(pair.setting.framework)
        sizes = ratios.setdefault(pair.name, {}).setdefault(framework, {})
        sizes[pair.top.case.size] = pair.ratio
    return {name: ratios[name] for name in _NAMES[1:] if name in ratios} or ratios


# --- in words -------------------------------------------------------------------------------------


def _sentences(group: Group[Pair]) -> list[str]:
    sentences = [sentence(group.prefix, _lead(group.records))]
    for name, frameworks in _by_name(group).items():
        clauses = [f"{framework} {_by_size(sizes)}" for framework, sizes in frameworks.items()]
        sentences.append(f"Compiled {name}, over eager: {'; '.join(clauses)}.")
    return sentences


def _lead(pairs: Sequence[Pair]) -> str:
    """The number of cases in which compiled code takes less time, by framework."""
    names = listing(list(dict.fromkeys(pair.name for pair in pairs)))
    clauses: list[str] = []
    for framework in dict.fromkeys(pair.setting.framework for pair in pairs):
        shown = [verdict(pair.ratio) for pair in pairs if pair.setting.framework == framework]
        less, more = (shown.count(kind) or "none" for kind in (Verdict.LESS, Verdict.LONGER))
        cases = " cases" * (not clauses)
        clauses.append(f"in {title(framework)} in {less} of {len(shown)}{cases}, more in {more}")
    return (
        f"compiled code takes less time than eager {'; '.join(clauses)}: {names} at every size "
        "timed, where the intervals are apart"
    )


def _by_size(sizes: Sizes) -> str:
    """`less at 64–4,096 elements (0.20–0.41×), longer at 65,536 (1.2–1.5×)`, and the break-even."""
    clauses = []
    for shown, group in groupby(sizes, key=lambda size: verdict(sizes[size])):
        alike = list(group)
        ends = "–".join(f"{size:,}" for size in dict.fromkeys((alike[0], alike[-1])))
        clauses.append(f"{shown.brief} at {ends} ({span(sizes[size] for size in alike)})")
    return f"{', '.join(clauses)}{_break_even(sizes)}"


def _break_even(sizes: Sizes) -> str:
    """The sizes between which compiling begins to pay, if it never turns back."""
    shown = [(size, verdict(estimate)) for size, estimate in sizes.items()]
    decided = [entry for entry in shown if entry[1] in (Verdict.LONGER, Verdict.LESS)]
    turns = [(low, high) for low, high in pairwise(decided) if low[1] != high[1]]
    if len(turns) != 1 or turns[0][0][1] is not Verdict.LONGER:
        return ""
    (low, _), (high, _) = turns[0]
    return f": break-even lies between {low:,} and {high:,} elements"


# --- as curves ------------------------------------------------------------------------------------


def _figure(groups: Sequence[Group[Pair]]) -> Figure:
    drawn = [
        Curves(
            f"{name}{f', {group.conditions.device}' * (len(groups) > 1)}: compiled over eager (×)",
            [Curve(framework, framework, sizes) for framework, sizes in frameworks.items()],
        )
        for group in groups
        for name, frameworks in _by_name(group).items()
    ]
    return Figure(
        "Compiled over eager, by size",
        "Below the dashed line compiled code takes less time; bars are 95 % intervals. "
        f"{capital('; '.join(group.words for group in groups))}.",
        panels("compiling", drawn, "time of compiled over eager", one=True),
    )
