"""What the answers rest on: lines of plain forms by size, their ratios, in words and in commands.

A question is answered for the first run that has what it asks for, on each of its devices in the
foremost conditions; nothing is compared across runs, devices or conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ...bench.catalog.activations import BASELINE
from ...bench.catalog.cases import DEVICES, Case
from ...bench.catalog.dtypes import DTYPES
from ...bench.catalog.frameworks import frameworks
from ..compare.families import USUAL, Setting, is_unit, prominence, setting_of
from ..compare.pairs import Size, deciding, kind, sizes_of, total_ratio
from ..draw.strips import Mark, Strip
from ..read.evidence import Estimate, Evidence, Timed, class_names, plain_form, with_device
from ..sections.answers import in_words
from ..sections.glance import AGAINST, ends
from ..words import counted, elements, listing, sentence, shortened, title

_FEW = 3
"""Settings that a sentence names; of more it gives the number."""
_CACHES = {
    "l1": ("in cache", "in cache"),
    "l2": ("in cache", "in cache"),
    "last_level": ("in the last-level cache", "last level"),
}
Found = tuple["Line", Estimate]


@dataclass(frozen=True)
class Place:
    """Where the data of a call lies: in words, as a short label, its elements, its `--size`."""

    words: str
    label: str
    size: int
    option: str

    @property
    def where(self) -> str:
        """`in cache, 65,536 elements (2^16)`."""
        return f"{self.words}, {elements(self.size)}"


@dataclass(frozen=True)
class Line:
    """One framework and mode: the plain form of each activation by size."""

    setting: Setting
    timed: Mapping[str, Mapping[int, Timed]]

    @property
    def who(self) -> str:
        """`PyTorch compiled`."""
        return f"{title(self.setting.framework)} {self.setting.mode}"

    def at(self, name: str, size: int) -> Timed | None:
        """An activation at a size, if it was timed there."""
        return self.timed.get(name, {}).get(size)

    def time(self, name: str, size: int) -> Estimate | None:
        """Its nanoseconds a call, if it was timed there."""
        found = self.at(name, size)
        return found.estimates["time_per_call"] if found else None

    def ratio(self, top: str, bottom: str, size: int) -> Estimate | None:
        """One activation's time over another's, if both were timed there.

        Over relu it is the rows' own relative cost, taken in the same processes.
        """
        above, below = self.at(top, size), self.at(bottom, size)
        if above is None or below is None:
            return None
        if bottom == BASELINE and is_unit(below) and above.cost:
            return above.cost
        return total_ratio(above, below)


@dataclass(frozen=True)
class View:
    """The lines under the same conditions; `places` are "launch", "cache" and "memory"."""

    conditions: Setting
    lines: tuple[Line, ...]
    places: Mapping[str, Place]
    prefix: str = ""

    def ratios(self, top: str, bottom: str, place: Place) -> list[Found]:
        """One activation's time over another's in one place, of every line that has both."""
        return [
            (line, found) for line in self.lines if (found := line.ratio(top, bottom, place.size))
        ]

    def each(self, *wanted: str) -> list[Place]:
        """These places, as far as they were timed, or all."""
        return [self.places[key] for key in wanted or self.places if key in self.places]

    def sizes(self) -> list[int]:
        """Every size at which something was timed, rising."""
        return sorted(
            {size for line in self.lines for sizes in line.timed.values() for size in sizes}
        )


def views(
    evidence: Evidence, names: Sequence[str], wanted: Callable[[View], bool], mode: str = ""
) -> list[View]:
    """Of the first run that has what is wanted, each device's foremost conditions that have it.

    The lines hold these activations, forward, each call with fresh memory and a warm cache, in all
    modes or in one.
    """
    groups: dict[Setting, list[Timed]] = {}
    for each in evidence.timed:
        case = each.case
        if case.activation in names and mode in ("", case.mode) and _asked(case):
            setting = setting_of(each.run, case)
            groups.setdefault(replace(setting, framework="", mode="", size=0), []).append(each)
    found: dict[str, View] = {}
    runs = list(evidence.runs)
    for conditions in sorted(groups, key=lambda each: (runs.index(each.run), *prominence(each))):
        view = _view(conditions, groups[conditions], evidence)
        same_run = all(each.conditions.run == conditions.run for each in found.values())
        if same_run and conditions.device not in found and wanted(view):
            found[conditions.device] = view
    return _prefixed(list(found.values()), evidence)


def _asked(case: Case) -> bool:
    return (
        case.direction == "forward"
        and (case.output, case.cache) == USUAL
        and case.form == plain_form(case.framework, case.activation)
    )


def _view(conditions: Setting, timed: Sequence[Timed], evidence: Evidence) -> View:
    lines: dict[Setting, dict[str, dict[int, Timed]]] = {}
    for each in timed:
        setting = replace(setting_of(each.run, each.case), size=0)
        forms = lines.setdefault(setting, {}).setdefault(each.case.activation, {})
        forms[each.case.size] = each
    made = tuple(Line(setting, lines[setting]) for setting in sorted(lines, key=_order))
    sizes = sizes_of(evidence, conditions, {each.case.size for each in timed})
    return View(conditions, made, _places(sizes, conditions.device))


def _order(setting: Setting) -> tuple[bool, str]:
    return setting.mode != "compiled", title(setting.framework).lower()


def _places(sizes: Sequence[Size], device: str) -> dict[str, Place]:
    memory = "DRAM" if device == "cpu" else "the device's memory"
    words = {
        "launch": ("at launch", "at launch"),
        "memory": (f"streaming from {memory}", "streaming"),
    }
    found = {}
    cache = deciding(sizes)
    if cache.name not in words:
        found["cache"] = _place(*_CACHES.get(cache.name, ("at one size", "one size")), cache)
    for each in sorted(sizes, key=lambda each: each.name != "memory"):
        if each.name in words:
            found[each.name] = _place(*words[each.name], each)
    return found


def _place(words: str, label: str, size: Size) -> Place:
    return Place(words, label, size.size, size.name or str(size.size))


def _prefixed(found: Sequence[View], evidence: Evidence) -> list[View]:
    """The same views, each told from others of other devices, runs and unusual conditions."""
    made = []
    for each in found:
        setting = each.conditions
        words = [f"on {setting.device}"] if len(found) > 1 else []
        words += [f"in {setting.dtype}"] if setting.dtype != "float32" else []
        words += [f"on {counted(setting.threads, 'thread')}"] if setting.threads != 1 else []
        words += [f"in run {setting.run}"] if len(evidence.runs) > 1 else []
        made.append(replace(each, prefix=f"{', '.join(words)}: " if words else ""))
    return made


# --- in words -------------------------------------------------------------------------------------


def under(found: Sequence[View], evidence: Evidence) -> str:
    """The conditions of the views, for a note: `Forward, float32, cpu, 1 thread.`"""
    several = len(evidence.runs) > 1
    return sentence("; ".join(in_words(each.conditions, several) for each in found))


def tally(subject: str, other: str, found: Sequence[Found]) -> str:
    """How often one takes longer than another: `silu takes longer than relu in 5 of 7 settings …`.

    Each kind of ratio comes with the ends of its intervals; a few settings are named.
    """
    told: list[str] = []
    for which, words in AGAINST.items():
        mine = [each for each in found if kind(each[1]) == which]
        if mine:
            where = _where(mine, len(found), "settings" if not told else "")
            told.append(f"{words.replace('{other}', other)} {where}")
    return f"{subject} {'; '.join(told)}"


def _where(mine: Sequence[Found], total: int, noun: str) -> str:
    reach = ends(found for _, found in mine)
    names = listing([line.who for line, _ in mine])
    if total == 1:
        return f"in {names} ({reach})"
    named = f": {names}" if len(mine) <= _FEW and len(mine) < total else ""
    return f"in {' '.join(filter(None, [str(len(mine)), 'of', str(total), noun]))} ({reach}{named})"


_BRIEF = {
    "same": "the same within 5% in",
    "cheaper": "less in",
    "dearer": "longer in",
    "open": "not told apart in",
    "bare": "without an interval in",
}


def brief(ratios: Sequence[Estimate]) -> str:
    """The same in few words: `longer in 3 of 7 (1.58–37.2×), not told apart in 4 (0.73–2.65×)`."""
    told: list[str] = []
    for which, words in _BRIEF.items():
        mine = [each for each in ratios if kind(each) == which]
        if mine:
            total = f" of {len(ratios)}" if not told else ""
            told.append(f"{words} {len(mine)}{total} ({ends(mine)})")
    return ", ".join(told)


def amount(ratios: Iterable[Estimate], which: str) -> str:
    """How many of the ratios are of a kind: `none of 7`, `3 of 7`."""
    found = [kind(each) for each in ratios]
    return f"{found.count(which) or 'none'} of {len(found)}"


def preferred(wanted: Sequence[str], found: Iterable[str]) -> list[str]:
    """The wanted ones of the names found; all of them where none is, so that no chart is empty."""
    names = list(dict.fromkeys(found))
    return [name for name in wanted if name in names] or names


# --- as strips ------------------------------------------------------------------------------------


def strip(line: Line, marks: Iterable[Mark | None]) -> Strip:
    """The marks of a line under its framework and mode."""
    setting = line.setting
    return Strip(
        shortened(title(setting.framework)), shortened(setting.mode), tuple(filter(None, marks))
    )


# --- as commands ----------------------------------------------------------------------------------


def command(
    names: Iterable[str], sizes: Iterable[str], view: View | None = None, modes: Sequence[str] = ()
) -> str:
    """What times these activations at these sizes, under the conditions of a view or the usual.

    Empty where a condition is none that the command line knows.
    """
    words = [f"--activation {name}" for name in names]
    words += [f"--mode {mode}" for mode in modes]
    words += [f"--size {size}" for size in sizes]
    told = _conditions(view) if view else []
    if told is None:
        return ""
    return " ".join(["actbench run", *words, *told, "--direction forward", "--only timing"])


def _conditions(view: View) -> list[str] | None:
    """The options of a view's conditions; None where one is unknown."""
    setting = view.conditions
    measured = list(dict.fromkeys(line.setting.framework for line in view.lines))
    known = setting.device in DEVICES and setting.dtype in DTYPES
    if not known or not set(measured) <= set(frameworks()):
        return None
    every = set(measured) == set(frameworks())
    chosen = [] if every else [f"--framework {name}" for name in measured]
    options = {"device": setting.device, "dtype": setting.dtype, "threads": setting.threads}
    return [*chosen, *(f"--{option} {value}" for option, value in options.items())]


def missing(
    evidence: Evidence, names: Iterable[str], sizes: Iterable[str], modes: Sequence[str] = ()
) -> str:
    """What measures a question that the rows do not answer: on the device that they are of."""
    return with_device(evidence, command(names, sizes, modes=modes))


def class_of(evidence: Evidence, view: View, size: int) -> str:
    """A size as a value of `--size`: the class that it is on its machine, or its elements."""
    conditions = view.conditions
    return class_names(evidence.runs[conditions.run], conditions.device).get(size, str(size))
