"""The first screen: an activation of each family beside relu, in cache and streaming.

Each family is stood for by the activation that people name, in the form that they take first. No
sentence says more than the interval beside it: longer, less time, the same within 5 %, or not told
apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from ...bench.catalog.activations import BASELINE, CATALOG
from ..compare.families import Setting, baseline_of, cost, prominence, setting_of
from ..compare.pairs import NAMED, Size, deciding, kind, total_ratio
from ..draw import strips
from ..draw.figure import Figure
from ..read.evidence import (
    FAMILIES,
    Estimate,
    Evidence,
    Timed,
    class_names,
    plain_form,
    with_device,
)
from ..words import capital, counted, elements, ending, listing, number, sentence, title
from . import gate
from .answers import in_words, unusual

_FIRST: Mapping[str, tuple[str, ...]] = {"exp": NAMED, "algebraic": ("squareplus",)}
"""Who stands for a family: the first of these that was measured, else the catalogue's first."""
_MODES = ("compiled", "eager")
_RUN = 33
"""Letters of a run's name that fit into a panel."""


@dataclass(frozen=True)
class Line:
    """One framework and mode at one size: each activation in one form beside relu, by name.

    That is its plain form, or the fastest measured one where the plain one was not.
    """

    setting: Setting
    members: Mapping[str, Timed]

    @property
    def who(self) -> str:
        """`PyTorch compiled`."""
        return f"{title(self.setting.framework)} {self.setting.mode}"

    def label(self, name: str) -> str:
        """`gelu`, or `gelu [wide]` where that is not its plain form."""
        each = self.members[name]
        return name if _plain(each) else f"{name} [{each.case.form}]"


@dataclass(frozen=True)
class View:
    """The lines under the same conditions in one place; `exp` and `algebraic` stand for families.

    They are names of activations, "" where none was measured. `place` is where the data lies.
    """

    conditions: Setting
    place: str
    lines: tuple[Line, ...]
    exp: str
    algebraic: str

    @property
    def where(self) -> str:
        """`in cache, 65,536 elements (2^16)`."""
        return f"{self.place}, {elements(self.conditions.size)}"


@lru_cache(maxsize=2)
def views(evidence: Evidence) -> tuple[View, ...]:
    """Of each run and device in its foremost conditions: in cache, then streaming."""
    found: dict[tuple[str, str], list[View]] = {}
    groups: dict[Setting, list[Timed]] = {}
    for each in evidence.timed:
        setting = setting_of(each.run, each.case)
        if setting.usual and not each.rowwise and each.family in FAMILIES and each.cost:
            groups.setdefault(replace(setting, framework="", mode="", size=0), []).append(each)
    for conditions in sorted(groups, key=prominence):
        made = list(_views(conditions, groups[conditions], evidence))
        if made:
            found.setdefault((conditions.run, conditions.device), made)
    return tuple(each for several in found.values() for each in several)


def _views(conditions: Setting, timed: Sequence[Timed], evidence: Evidence) -> Iterator[View]:
    names = class_names(evidence.runs[conditions.run], conditions.device)
    sizes = [Size(names.get(size, ""), size) for size in sorted({t.case.size for t in timed})]
    in_cache = deciding(sizes)
    streaming = [each for each in sizes if each.name == "memory" and each != in_cache]
    standing = _standing(timed)
    for size in [in_cache, *streaming]:
        lines = _lines([each for each in timed if each.case.size == size.size])
        if any(each in line.members for each in standing.values() for line in lines):
            yield View(
                replace(conditions, size=size.size),
                place(size.name, conditions.device),
                tuple(lines),
                standing.get("exp", ""),
                standing.get("algebraic", ""),
            )


def place(name: str, device: str) -> str:
    """Where data of a size class lies, in words."""
    if name == "memory":
        return "streaming from DRAM" if device == "cpu" else "streaming from the device's memory"
    return {
        "launch": "at launch",
        "l1": "in cache",
        "l2": "in cache",
        "last_level": "in the last-level cache",
    }.get(name, "at one size")


def _standing(timed: Iterable[Timed]) -> dict[str, str]:
    """The activation that stands for each family, by family."""
    measured = {each.case.activation for each in timed}
    found = {}
    for family, first in _FIRST.items():
        known = [name for name, record in CATALOG.items() if record.family == family]
        names = [name for name in (*first, *known) if name in measured]
        if names:
            found[family] = names[0]
    return found


def _plain(each: Timed) -> bool:
    return each.case.form == plain_form(each.case.framework, each.case.activation)


def _lines(timed: Iterable[Timed]) -> list[Line]:
    lines: dict[Setting, list[Timed]] = {}
    for each in timed:
        lines.setdefault(setting_of(each.run, each.case), []).append(each)
    made = [
        Line(setting, _one_form(lines[setting]))
        for setting in sorted(lines, key=_order)
        if baseline_of(lines[setting])
    ]
    return [line for line in made if line.members]


def _one_form(timed: Iterable[Timed]) -> dict[str, Timed]:
    """The plain form of each activation but relu, which is the unit; else its fastest form."""
    found: dict[str, Timed] = {}
    for each in sorted(timed, key=lambda each: (not _plain(each), cost(each).value)):
        if each.case.activation != BASELINE:
            found.setdefault(each.case.activation, each)
    return found


def _order(setting: Setting) -> tuple[int, str]:
    modes = _MODES.index(setting.mode) if setting.mode in _MODES else len(_MODES)
    return modes, title(setting.framework).lower()


# --- in words -------------------------------------------------------------------------------------


def headlines(evidence: Evidence) -> list[str]:
    """What algebra and exp cost over relu, over all frameworks: a sentence a mode, run and device.

    From the lowest end of the intervals to the highest.
    """
    found: dict[tuple[str, str], list[View]] = {}
    for view in views(evidence):
        found.setdefault((view.conditions.run, view.conditions.device), []).append(view)
    several = _several(evidence)
    return [
        text
        for mine in found.values()
        for mode in _MODES
        if (text := _headline(mine, mode, several))
    ]


def _several(evidence: Evidence) -> bool:
    """Whether there are runs or devices to be told apart."""
    return len(evidence.runs) > 1 or len({each.conditions.device for each in views(evidence)}) > 1


def _conditions(view: View, several: bool) -> str:
    """` (backward, bfloat16)`: what is unusual in a view; of several views all of it."""
    setting = view.conditions
    told = in_words(setting, True) if several else ", ".join(unusual(setting))
    return f" ({told})" if told else ""


def _headline(found: Sequence[View], mode: str, several: bool) -> str:
    costs = {
        (view.place, name): mine
        for view in found
        for name in (view.algebraic, view.exp)
        if (mine := [x for x in view.lines if x.setting.mode == mode and name in x.members])
    }
    if not costs:
        return ""
    whose = {key: listing([title(x.setting.framework) for x in costs[key]]) for key in costs}
    alike = len(set(whose.values())) == 1
    told: dict[str, list[str]] = {}
    for (spot, name), mine in costs.items():
        reach = ends(cost(each.members[name]) for each in mine)
        of = "" if alike else f" ({whose[spot, name]})"
        told.setdefault(spot, []).append(f"{_labels(mine, name)} takes {reach}{of}")
    where = _conditions(found[0], several)
    text = "; ".join(f"{spot} {listing(clauses)}" for spot, clauses in told.items())
    of_all = f" ({next(iter(whose.values()))})" if alike else ""
    return f"{mode.capitalize()}{where}, over {BASELINE}: {text}{of_all}."


def _labels(lines: Iterable[Line], name: str) -> str:
    return " or ".join(dict.fromkeys(each.label(name) for each in lines))


def verdict(evidence: Evidence) -> list[str]:
    """exp against algebra, and the price of each over relu: one sentence a place."""
    several = _several(evidence)
    return [text for each in views(evidence) if (text := _verdict(each, several))]


def _verdict(view: View, several: bool) -> str:
    pairs = [
        (line, found)
        for line in view.lines
        if view.exp in line.members
        and view.algebraic in line.members
        and (found := total_ratio(line.members[view.exp], line.members[view.algebraic]))
    ]
    if not pairs:
        return ""
    told = []
    for which, words in AGAINST.items():
        mine = [(line, found) for line, found in pairs if kind(found) == which]
        if mine:
            reach = ends(found for _, found in mine)
            who = listing([line.who for line, _ in mine]) if len(mine) < len(pairs) else ""
            whole = counted(len(pairs), "setting")
            told.append(
                f"{words} in {len(mine)} of {whole} ({': '.join(filter(None, (reach, who)))})"
            )
    lines = [line for line, _ in pairs]
    names = {name: _labels(lines, name) for name in (view.exp, view.algebraic)}
    text = f"{names[view.exp]} {'; '.join(told)}.".replace("{other}", names[view.algebraic])
    return f"{capital(view.where)}{_conditions(view, several)}: {text}"


AGAINST = {
    "dearer": "takes longer than {other}",
    "cheaper": "takes less time than {other}",
    "same": "takes the same time as {other}, within 5%,",
    "open": "is not told apart from {other}",
    "bare": "stands beside {other} without an interval",
}
"""What a ratio's interval shows, in words, by its kind."""


def ends(ratios: Iterable[Estimate]) -> str:
    """From the lowest end of the intervals to the highest; of values where there are none."""
    found = list(ratios)
    lows = [each.value if each.low is None else each.low for each in found]
    highs = [each.value if each.high is None else each.high for each in found]
    return f"{number(min(lows))}–{number(max(highs))}×"


def sentences(evidence: Evidence) -> list[tuple[str, list[str]]]:
    """What each costs over relu, by mode and place: a heading, and a sentence a framework."""
    several = _several(evidence)
    return [
        (f"{mode.capitalize()}, {view.where}{_conditions(view, several)}", told)
        for mode in _MODES
        for view in views(evidence)
        if (told := [_sentence(view, each) for each in view.lines if each.setting.mode == mode])
    ]


def _sentence(view: View, line: Line) -> str:
    """`JAX: squareplus 1.25–1.38×, gelu 4.19–4.65×.`"""
    told = [
        f"{line.label(name)} {_words(cost(line.members[name]))}"
        for name in (view.algebraic, view.exp)
        if name in line.members
    ]
    return f"{title(line.setting.framework)}: {', '.join(told) or 'neither was measured'}."


def _words(found: Estimate) -> str:
    """What an interval shows of a cost over relu."""
    reach = ends([found])
    return {
        "same": f"the same within 5% ({reach})",
        "open": f"not told apart ({reach})",
        "bare": f"{number(found.value)}× without an interval",
    }.get(kind(found), reach)


def absent(evidence: Evidence) -> list[tuple[str, str]]:
    """What the first screen cannot say, and the command that measures it."""
    found = views(evidence)
    if not any(each.exp and each.algebraic for each in found):
        return [
            (
                "exp against algebraic was not measured in "
                f"{'this run' if len(evidence.runs) == 1 else 'these runs'}: no setting has an "
                f"activation of both families beside {BASELINE}.",
                with_device(evidence, "actbench run"),
            )
        ]
    if not any(each.place.startswith("streaming") for each in found):
        again = with_device(evidence, "actbench run --size l2 --size memory")
        return [("Streaming was not measured.", again)]
    return []


# --- as a picture ---------------------------------------------------------------------------------


def figure(evidence: Evidence) -> Figure | None:
    """exp, algebraic and max beside relu, a panel a place; None where nothing stands beside it."""
    found = views(evidence)
    if not found:
        return None
    rows = [[_strip(view, line) for line in view.lines] for view in found]
    across = strips.limits([each for some in rows for each in some], 1.0)
    several = _several(evidence)
    panels = [
        strips.panel(
            f"g{index}",
            capital(view.place),
            mine,
            across,
            f"time over {BASELINE}'s (×), log scale",
            BASELINE,
            _below(view, several),
        )
        for index, (view, mine) in enumerate(zip(found, rows, strict=True))
    ]
    return Figure(
        f"The price of exp, of algebra and of max, over {BASELINE}",
        f"● exp, ▲ algebraic, ■ max, each in its plain form unless another is "
        "named in brackets; the filled marker is the activation "
        "named beside it, the bar its 95 % interval, hollow ones are the others of its family; "
        f"the dashed line is {BASELINE}. {_under(evidence)} "
        "The axis is the same in every panel.",
        tuple(panels),
        "large",
    )


def _below(view: View, several: bool) -> str:
    """The size; of several views the device and the run, whose name is told by its end."""
    setting = view.conditions
    of = [setting.device, f"run {ending(setting.run, _RUN)}"] if several else []
    return ", ".join([elements(setting.size), *of])


def _under(evidence: Evidence) -> str:
    """The conditions of all panels: once where they are the same, else of each run and device."""
    settings = [each.conditions for each in views(evidence)]
    told = dict.fromkeys(map(in_words, settings))
    if len(told) > 1 and len(evidence.runs) > 1:
        told = dict.fromkeys(in_words(each, True) for each in settings)
    return sentence("; ".join(told))


def _strip(view: View, line: Line) -> strips.Strip:
    setting = line.setting
    made = [_mark(line, family, named) for family, named in _families(view)]
    return strips.Strip(title(setting.framework), setting.mode, tuple(filter(None, made)))


def _families(view: View) -> list[tuple[str, str]]:
    return [("exp", view.exp), ("algebraic", view.algebraic), ("max", "leaky_relu")]


def _mark(line: Line, family: str, named: str) -> strips.Mark | None:
    members = {name: each for name, each in line.members.items() if each.family == family}
    if not members:
        return None
    shown = named if named in members else min(members, key=lambda name: cost(members[name]).value)
    others = tuple(cost(each).value for name, each in members.items() if name != shown)
    return strips.Mark(family, line.label(shown), cost(members[shown]), others)


def spoken(evidence: Evidence) -> list[str]:
    """The verdict for a terminal."""
    measured = [table.sentence for table in gate.tables(evidence)]
    told = [*headlines(evidence), *verdict(evidence), *measured]
    return told or [text for text, _ in absent(evidence)]
