"""The first screen: an activation of each family beside relu, in cache and streaming.

A family is represented by the activation that people name, in the form that they take first. No
sentence says more than the interval beside it: longer, less time, the same within 5 %, or not
distinguished.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..compare.families import cost, standing
from ..compare.groups import Group, groups, in_families
from ..compare.ratios import Verdict, span, tally, verdict
from ..compare.settings import Setting, unusual
from ..compare.sizes import Size
from ..compare.values import ratio
from ..read.evidence import Estimate, Evidence, Timed, with_device
from ..words import capital, listing, number, title
from . import gate, trust

ORDER = 10
TITLE = "The answer"
LINK = "Answer"
_MODES = ("compiled", "eager")


def content(evidence: Evidence) -> Mapping[str, Any]:
    """Headlines, verdicts, and the costs by framework."""
    return {
        "refusals": trust.refusals(evidence),
        "unfinished": trust.unfinished(evidence),
        "headlines": headlines(evidence),
        "absent": absent(evidence),
        "verdicts": verdicts(evidence),
        "by_framework": by_framework(evidence),
    }


@dataclass(frozen=True)
class Entry:
    """One framework and mode at one size: each activation in one form over relu, by name.

    That is its plain form, or the fastest measured one where the plain one was not.
    """

    setting: Setting
    members: Mapping[str, Timed]

    def label(self, name: str) -> str:
        """`gelu`, or `gelu [stable]` where that is not its plain form."""
        member = self.members[name]
        return name if member.plain else f"{name} [{member.case.form}]"


@dataclass(frozen=True)
class Screen:
    """Entries under the same conditions in one place; `exp` and `algebraic` stand for families.

    They are names of activations, "" where none was measured.
    """

    conditions: Setting
    size: Size
    entries: tuple[Entry, ...]
    exp: str
    algebraic: str

    def having(self, name: str, mode: str) -> list[Entry]:
        """The entries of a mode that have an activation."""
        return [
            entry for entry in self.entries if entry.setting.mode == mode and name in entry.members
        ]


@lru_cache(maxsize=2)
def screens(evidence: Evidence) -> tuple[Screen, ...]:
    """The screens of each run and device in its foremost conditions: in cache, then streaming."""
    by_device: dict[tuple[str, str], list[Screen]] = {}
    for group in groups(evidence, evidence.timed, _wanted):
        screens_of_group = list(_screens(group))
        if screens_of_group:
            by_device.setdefault((group.conditions.run, group.conditions.device), screens_of_group)
    return tuple(screen for several in by_device.values() for screen in several)


def _wanted(timed: Timed) -> bool:
    return in_families(timed) and timed.cost is not None


def _screens(group: Group[Timed]) -> Iterator[Screen]:
    others = [timed for series in group.series for timed in series.records if not timed.is_unit]
    exp, algebraic = ("".join(standing(others, name)[:1]) for name in ("exp", "algebraic"))
    for size in group.places:
        entries = [Entry(series.setting, _one_form(series.at(size))) for series in group.series]
        shown = tuple(entry for entry in entries if entry.members)
        named = any(name in entry.members for entry in shown for name in (exp, algebraic))
        if named and size.name != "launch":
            yield Screen(group.conditions, size, shown, exp, algebraic)


def _one_form(timed: Iterable[Timed]) -> dict[str, Timed]:
    """The plain form of each activation but relu, else its fastest form."""
    by_name: dict[str, Timed] = {}
    for case in sorted(timed, key=lambda case: (not case.plain, cost(case).value)):
        if case.case.activation != "relu":
            by_name.setdefault(case.case.activation, case)
    return by_name


# --- in words -------------------------------------------------------------------------------------


def headlines(evidence: Evidence) -> list[str]:
    """The cost of algebra and exp over relu: a sentence per mode, run and device.

    A range runs from the lowest end of all frameworks' intervals to the highest.
    """
    by_device: dict[tuple[str, str], list[Screen]] = {}
    for screen in screens(evidence):
        by_device.setdefault((screen.conditions.run, screen.conditions.device), []).append(screen)
    several = _several(evidence)
    sentences = [_headline(alike, mode, several) for alike in by_device.values() for mode in _MODES]
    return [text for text in sentences if text]


def _several(evidence: Evidence) -> bool:
    """True if there are runs or devices to distinguish."""
    devices = {screen.conditions.device for screen in screens(evidence)}
    return len(evidence.runs) > 1 or len(devices) > 1


def _conditions(screen: Screen, several: bool) -> str:
    """` (backward, bfloat16)`: what is unusual; where there are several screens, all of it."""
    setting = screen.conditions
    conditions = setting.words(True) if several else ", ".join(unusual(setting))
    return f" ({conditions})" if conditions else ""


def _headline(screens: Sequence[Screen], mode: str, several: bool) -> str:
    costs = {
        (screen.size, name): entries
        for screen in screens
        for name in (screen.algebraic, screen.exp)
        if (entries := screen.having(name, mode))
    }
    if not costs:
        return ""
    whose = {
        key: listing([title(entry.setting.framework) for entry in entries])
        for key, entries in costs.items()
    }
    alike = len(set(whose.values())) == 1
    clauses_of: dict[str, list[str]] = {}
    for (size, name), entries in costs.items():
        reach = span(cost(entry.members[name]) for entry in entries)
        of = "" if alike else f" ({whose[size, name]})"
        clauses_of.setdefault(size.words, []).append(f"{_labels(entries, name)} takes {reach}{of}")
    text = "; ".join(f"{where} {listing(clauses)}" for where, clauses in clauses_of.items())
    of_all = f" ({next(iter(whose.values()))})" if alike else ""
    return f"{capital(mode)}{_conditions(screens[0], several)}, over relu: {text}{of_all}."


def _labels(entries: Iterable[Entry], name: str) -> str:
    return " or ".join(dict.fromkeys(entry.label(name) for entry in entries))


def verdicts(evidence: Evidence) -> list[str]:
    """exp against algebra: a sentence per place."""
    several = _several(evidence)
    return [text for screen in screens(evidence) if (text := _verdict(screen, several))]


def _verdict(screen: Screen, several: bool) -> str:
    exp, algebraic = screen.exp, screen.algebraic
    both = [entry for entry in screen.entries if {exp, algebraic} <= entry.members.keys()]
    over = [
        (entry.setting.who, ratio(entry.members[exp], entry.members[algebraic])) for entry in both
    ]
    ratios = [(who, estimate) for who, estimate in over if estimate]
    if not ratios:
        return ""
    text = tally(_labels(both, exp), _labels(both, algebraic), ratios)
    return f"{capital(screen.size.where)}{_conditions(screen, several)}: {text}."


def by_framework(evidence: Evidence) -> list[tuple[str, list[str]]]:
    """Costs over relu by mode and place: a heading, and a sentence per framework."""
    several = _several(evidence)
    return [
        (f"{capital(mode)}, {screen.size.where}{_conditions(screen, several)}", sentences)
        for mode in _MODES
        for screen in screens(evidence)
        if (
            sentences := [
                _sentence(screen, entry) for entry in screen.entries if entry.setting.mode == mode
            ]
        )
    ]


def _sentence(screen: Screen, entry: Entry) -> str:
    """`JAX: squareplus 1.25–1.38×, gelu 4.19–4.65×.`"""
    costs = [
        f"{entry.label(name)} {_shown(cost(entry.members[name]))}"
        for name in (screen.algebraic, screen.exp)
        if name in entry.members
    ]
    return f"{title(entry.setting.framework)}: {', '.join(costs) or 'neither was measured'}."


def _shown(estimate: Estimate) -> str:
    """A cost over relu in words, no more than its interval shows."""
    shown = verdict(estimate)
    if shown is Verdict.BARE:
        return f"{number(estimate.value)}× {shown.brief}"
    reach = span([estimate])
    return reach if shown in (Verdict.LONGER, Verdict.LESS) else f"{shown.brief} ({reach})"


def absent(evidence: Evidence) -> list[tuple[str, str]]:
    """Statements that the first screen lacks, and the command that measures each."""
    shown = screens(evidence)
    if not any(screen.exp and screen.algebraic for screen in shown):
        these = "this run" if len(evidence.runs) == 1 else "these runs"
        text = (
            f"exp against algebraic was not measured in {these}: no setting has an activation of "
            "both families beside relu."
        )
        return [(capital(text), with_device(evidence, "actbench run"))]
    if not any(screen.size.name == "memory" for screen in shown):
        again = with_device(evidence, "actbench run --size l2 --size memory")
        return [("Streaming was not measured.", again)]
    return []


def spoken(evidence: Evidence) -> list[str]:
    """The answer for a terminal."""
    sentences = [*headlines(evidence), *verdicts(evidence), *gate.sentences(evidence)]
    return sentences or [text for text, _ in absent(evidence)]
