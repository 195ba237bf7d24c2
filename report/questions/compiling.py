"""Does compiling help, and at which size? Compiled over eager code of the same framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from ...bench.catalog.activations import BASELINE
from ..compare.pairs import kind
from ..draw.curves import Curve, limits, panel
from ..draw.figure import Figure
from ..read.evidence import Estimate, Evidence
from ..sections.glance import ends
from ..words import listing, sentence, title
from .answered import Answered, unmeasured
from .lines import View, class_of, command, missing, preferred, under, views

_ANCHOR = "compiling"
_QUESTION = "Does compiling help, and at which size?"
_NAMES = (BASELINE, "gelu", "squareplus")
_SHOWN = ("gelu", "squareplus")
_MODES = ("eager", "compiled")
_WORDS = {
    "dearer": "longer",
    "cheaper": "less",
    "same": "the same within 5%",
    "open": "not told apart",
    "bare": "without an interval",
}


@dataclass(frozen=True)
class Helped:
    """A framework's compiled time over its eager one, for one activation, by size."""

    framework: str
    name: str
    ratios: Mapping[int, Estimate]


def answer(evidence: Evidence) -> Answered:
    """Compiled over eager, by framework and size."""
    found = views(evidence, _NAMES, lambda view: bool(_helped(view)))
    if not found:
        again = missing(evidence, _NAMES, ("launch", "l1", "l2", "last_level", "memory"))
        why = "no framework was timed both eager and compiled"
        return unmeasured(_ANCHOR, _QUESTION, again, why)
    told = [text for view in found for text in _sentences(view)]
    sizes = [class_of(evidence, found[0], size) for size in found[0].sizes()]
    return Answered(
        _ANCHOR,
        _QUESTION,
        tuple(told),
        (_figure(found, evidence),),
        command(_NAMES, sizes, found[0]),
    )


def _helped(view: View) -> list[Helped]:
    lines = {(line.setting.framework, line.setting.mode): line for line in view.lines}
    found = []
    for framework in sorted({framework for framework, _ in lines}, key=lambda f: title(f).lower()):
        eager, compiled = (lines.get((framework, mode)) for mode in _MODES)
        if eager and compiled:
            for name in _NAMES:
                ratios = {
                    size: ratio
                    for size in view.sizes()
                    if (above := compiled.time(name, size))
                    and (below := eager.time(name, size))
                    and (ratio := above.over(below))
                }
                found += [Helped(framework, name, ratios)] if ratios else []
    return found


# --- in words -------------------------------------------------------------------------------------


def _sentences(view: View) -> list[str]:
    found = _helped(view)
    told = [sentence(view.prefix, _lead(found))]
    for name, mine in _shown(found).items():
        clauses = [f"{title(each.framework)} {_by_size(each.ratios)}" for each in mine]
        told.append(f"Compiled {name}, over eager: {'; '.join(clauses)}.")
    return told


def _shown(found: Sequence[Helped]) -> dict[str, list[Helped]]:
    """By name what is drawn and told by size."""
    names = preferred(_SHOWN, (each.name for each in found))
    return {name: [each for each in found if each.name == name] for name in names}


def _lead(found: Sequence[Helped]) -> str:
    """In how many of the cases compiled code takes less time, by framework."""
    names = listing(list(dict.fromkeys(each.name for each in found)))
    clauses: list[str] = []
    for framework in dict.fromkeys(each.framework for each in found):
        kinds = [kind(r) for h in found if h.framework == framework for r in h.ratios.values()]
        less, more = (kinds.count(each) or "none" for each in ("cheaper", "dearer"))
        cases = " cases" if not clauses else ""
        clauses.append(f"in {title(framework)} in {less} of {len(kinds)}{cases}, more in {more}")
    return (
        f"compiled code takes less time than eager {'; '.join(clauses)}: {names} at every size "
        "timed, where the intervals tell"
    )


def _by_size(ratios: Mapping[int, Estimate]) -> str:
    """`less at 64–4,096 elements (0.20–0.41×), longer at 65,536 (1.2–1.5×)`, and the break-even."""
    told = []
    for which, group in groupby(sorted(ratios), key=lambda size: kind(ratios[size])):
        sizes = list(group)
        span = "–".join(f"{size:,}" for size in dict.fromkeys((sizes[0], sizes[-1])))
        told.append(f"{_WORDS[which]} at {span} ({ends(ratios[size] for size in sizes)})")
    return f"{', '.join(told)}{_break_even(ratios)}"


def _break_even(ratios: Mapping[int, Estimate]) -> str:
    """Between which sizes compiled begins to pay, where intervals tell: it never turns back."""
    decided = [(size, kind(ratios[size])) for size in sorted(ratios)]
    decided = [each for each in decided if each[1] in ("dearer", "cheaper")]
    turns = [(low, high) for low, high in pairwise(decided) if low[1] != high[1]]
    if len(turns) != 1 or turns[0][0][1] != "dearer":
        return ""
    (low, _), (high, _) = turns[0]
    return f": break-even lies between {low:,} and {high:,} elements"


# --- as curves ------------------------------------------------------------------------------------


def _figure(found: Sequence[View], evidence: Evidence) -> Figure:
    drawn = []
    for view in found:
        device = f", {view.conditions.device}" if len(found) > 1 else ""
        for name, mine in _shown(_helped(view)).items():
            curves = [Curve(title(each.framework), each.framework, each.ratios) for each in mine]
            drawn.append((f"{name}{device}: compiled over eager (×)", curves))
    up = limits([curve for _, curves in drawn for curve in curves], 1.0)
    return Figure(
        "Compiled over eager, by size",
        "Below the dashed line compiled code takes less time; bars are 95 % intervals. "
        f"{under(found, evidence)}",
        tuple(
            panel(f"qc{index}", title, curves, up, "time of compiled over eager", one=True)
            for index, (title, curves) in enumerate(drawn)
        ),
    )
