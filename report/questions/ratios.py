"""What several answers rest on: ratios by framework and mode, in words, in charts, in commands."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ...bench.catalog.cases import Case
from ..compare.families import Setting, prominence, setting_of
from ..compare.pairs import Size, deciding, kind, sizes_of, total_ratio
from ..draw import strips
from ..draw.drawing import Panel
from ..read.evidence import Estimate, Evidence, Timed, command_of, plain_form
from ..sections.answers import in_words
from ..sections.glance import AGAINST, ends, place
from ..words import capital, elements, listing, shortened, title

NAMED = ("relu", "gelu", "squareplus")
"""One activation a family: those that people name."""
_VARYING = (
    *("framework", "activation", "form", "mode", "direction", "device", "dtype"),
    *("size", "threads"),
)
_MODES = ("compiled", "eager")


@dataclass(frozen=True)
class Line:
    """The time of one case over another's, of the same framework and mode."""

    top: Timed
    bottom: Timed
    estimate: Estimate

    @property
    def who(self) -> str:
        """`PyTorch compiled`."""
        return who(self.top.case)


@dataclass(frozen=True)
class Place:
    """Where data lies: a size, and that in words."""

    size: int
    words: str


def who(case: Case) -> str:
    """A framework and mode: `PyTorch compiled`."""
    return f"{title(case.framework)} {case.mode}"


def groups(
    evidence: Evidence, wanted: Callable[[Timed], bool]
) -> list[tuple[Setting, list[Timed]]]:
    """The wanted rows by run, device, dtype and threads: the first run's foremost first.

    Outputs are fresh and caches warm; framework, mode, direction and size are left open.
    """
    found: dict[Setting, list[Timed]] = {}
    for each in evidence.timed:
        setting = setting_of(each.run, each.case)
        if setting.usual and wanted(each):
            key = replace(setting, framework="", mode="", direction="", size=0)
            found.setdefault(key, []).append(each)
    order = list(evidence.runs)
    return sorted(found.items(), key=lambda item: (order.index(item[0].run), prominence(item[0])))


def is_plain(each: Timed) -> bool:
    """Whether a case is in the form that people take first."""
    return each.case.form == plain_form(each.case.framework, each.case.activation)


def places(evidence: Evidence, setting: Setting, timed: Iterable[Timed]) -> list[Place]:
    """In cache, where arithmetic decides, and streaming from memory where that was timed."""
    sizes = sizes_of(evidence, setting, {each.case.size for each in timed})
    return [_place(each, setting.device) for each in _decisive(sizes)] if sizes else []


def _decisive(sizes: Sequence[Size]) -> list[Size]:
    found = [deciding(sizes), *(each for each in sizes if each.name == "memory")]
    return list(dict.fromkeys(found))


def _place(size: Size, device: str) -> Place:
    return Place(size.size, f"{place(size.name, device)}, {elements(size.size)}")


def over(tops: Iterable[Timed], bottoms: Iterable[Timed]) -> list[Line]:
    """Each time over that of the same framework, mode and size; compiled lines first.

    Of several bottoms there, the first counts.
    """
    floor: dict[tuple[str, str, int], Timed] = {}
    for each in bottoms:
        floor.setdefault(_where(each), each)
    found = [
        Line(top, floor[_where(top)], ratio)
        for top in tops
        if _where(top) in floor and (ratio := total_ratio(top, floor[_where(top)]))
    ]
    return sorted(found, key=lambda line: order(line.top.case))


def _where(each: Timed) -> tuple[str, str, int]:
    return each.case.framework, each.case.mode, each.case.size


def order(case: Case) -> tuple[int, str]:
    """Where a case's line stands: compiled first, then by the framework's name."""
    modes = _MODES.index(case.mode) if case.mode in _MODES else len(_MODES)
    return modes, title(case.framework).lower()


def counts(ratios: Sequence[tuple[str, Estimate]], other: str) -> str:
    """In how many ratios over another, by name or "", each kind is found, and from where to where.

    `takes longer than relu in 1 of 2 (1.20–1.40×: NumPy eager); is not told apart from …`
    """
    told = []
    for which, words in AGAINST.items():
        mine = [(who, found) for who, found in ratios if kind(found) == which]
        if mine:
            names = listing([who for who, _ in mine if who and len(mine) < len(ratios)])
            reach = ends(found for _, found in mine) + f": {names}" * bool(names)
            share = f"{len(mine)} of {len(ratios)} ({reach})"
            told.append(f"{words.replace('{other}', other)} in {share}")
    return "; ".join(told)


def panels(
    name: str, lines: Sequence[Line], label: Callable[[Line], str], axis: str, one: str
) -> tuple[Panel, ...]:
    """The ratios as rows of marks, a panel a mode, on the same axis; `one` is what 1 stands for."""
    modes: dict[str, dict[str, list[strips.Mark]]] = {}
    for line in lines:
        case = line.top.case
        mark = strips.Mark(line.top.family, label(line), line.estimate)
        modes.setdefault(case.mode, {}).setdefault(title(case.framework), []).append(mark)
    drawn = {
        mode: [strips.Strip(shortened(who), "", tuple(marks)) for who, marks in found.items()]
        for mode, found in modes.items()
    }
    across = strips.limits([each for some in drawn.values() for each in some], 1.0)
    return tuple(
        strips.panel(f"{name}-{index}", shortened(capital(mode), 30), some, across, axis, one)
        for index, (mode, some) in enumerate(drawn.items())
    )


def of_run(run: str, evidence: Evidence, sentences: Iterable[str]) -> tuple[str, ...]:
    """The sentences; where there are several runs, the first says which one they are of."""
    told = tuple(sentences)
    return (f"Run {run}: {told[0]}", *told[1:]) if len(evidence.runs) > 1 else told


def under(setting: Setting, evidence: Evidence) -> str:
    """The conditions in words, with the run where there are several."""
    return in_words(setting, len(evidence.runs) > 1).removeprefix(", ")


def again(cases: Iterable[Case], options: str = "", leave: Sequence[str] = ()) -> str:
    """The command that measures all these cases again; those with names that are not plain aside.

    It leaves out some fields, and those that are 0. Empty if no case is left.
    """
    safe = [each for each in cases if command_of(each)]
    if not safe:
        return ""
    words = [
        f"--{field} {shlex.quote(str(value))}"
        for field in _VARYING
        if field not in leave
        for value in dict.fromkeys(getattr(each, field) for each in safe)
        if value
    ]
    return " ".join(filter(None, ["actbench run", *words, options]))
