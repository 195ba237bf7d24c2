"""Where the time goes: the share of each part in a call, at launch, in cache and streaming."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ...bench.catalog.cases import Case
from ...bench.results.metrics import POOR_FIT
from ..compare.families import Setting, prominence, setting_of
from ..draw import bars
from ..draw.drawing import PARTS, Panel
from ..draw.figure import Figure
from ..read.evidence import Estimate, Evidence, Split, Timed, plain_form, with_device
from ..sections.glance import place
from ..sections.parts import poor_fit
from ..words import capital, counted, elements, number, sentence, title
from . import ratios
from .answered import Answered, unmeasured
from .ratios import NAMED

QUESTION = "Where does the time go: launch, arithmetic, memory or allocation?"
_OPTIONS = "--output fresh --output reused"
_COMMAND = (
    "actbench run --activation relu --activation gelu --activation squareplus "
    f"--form native --form textbook --size launch --size l1 --size l2 --size memory {_OPTIONS}"
)
_WORDS: Mapping[str, str] = {
    "launch": "launch",
    "handoff": "handoff",
    "copy_floor": "copy",
    "arithmetic": "arithmetic",
    "memory": "memory",
    "allocation": "allocation",
}
_OF_A_CALL = ("launch", "handoff")
"""Parts that a call takes once; the others it takes for each element."""
_PLACES: Mapping[str, tuple[str, ...]] = {
    "launch": ("launch", "copy_floor", "arithmetic"),
    "arithmetic": ("launch", "handoff", "copy_floor", "arithmetic"),
    "memory": tuple(_WORDS),
}
"""The parts of a call by the part that is taken at its size: the smallest, in cache, streaming."""
_MOST = 0.5
_PANELS = 2
"""How many sizes are drawn: the largest, as in the smallest there is little to see but launch."""


@dataclass(frozen=True)
class Call:
    """A call and the share of each part in the time that it took, by the part's word.

    It is `poor` if its line missed the size left out.
    """

    case: Case
    poor: bool
    shares: Mapping[str, Estimate]


Calls = Mapping[int, Sequence[Call]]
"""Calls by their size."""


def answer(evidence: Evidence) -> Answered:
    """Which part takes more than half of a call, by activation and size."""
    for setting, splits in _groups(evidence):
        found = _calls(evidence, splits)
        if found:
            return _answered(evidence, setting, splits, found)
    return unmeasured("parts-of-a-call", QUESTION, with_device(evidence, _COMMAND))


def _groups(evidence: Evidence) -> list[tuple[Setting, list[Split]]]:
    found: dict[Setting, list[Split]] = {}
    for each in evidence.splits:
        setting = replace(setting_of(each.run, each.case), framework="", mode="")
        if setting.usual and setting.direction == "forward" and _wanted(each.case):
            found.setdefault(setting, []).append(each)
    order = list(evidence.runs)
    return sorted(found.items(), key=lambda item: (order.index(item[0].run), prominence(item[0])))


def _wanted(case: Case) -> bool:
    return case.activation in NAMED and case.form == plain_form(case.framework, case.activation)


def _calls(evidence: Evidence, splits: Iterable[Split]) -> dict[int, list[Call]]:
    timed = {(each.run, each.case): each for each in evidence.timed}
    found: dict[int, list[Call]] = {}
    for split in sorted(splits, key=_order):
        for size, shares in _shares(split, timed):
            call = Call(replace(split.case, size=size), poor_fit(split), shares)
            found.setdefault(size, []).append(call)
    return {size: found[size] for size in sorted(found)}


def _order(split: Split) -> tuple[tuple[int, str], int]:
    return ratios.order(split.case), NAMED.index(split.case.activation)


def _shares(
    split: Split, timed: Mapping[tuple[str, Case], Timed]
) -> Iterator[tuple[int, dict[str, Estimate]]]:
    """Of each place whose parts are all known, the size and the shares."""
    for place_of, metrics in _PLACES.items():
        known = {metric: split.part(metric) for metric in metrics}
        if known[place_of] is None:
            continue
        size = split.parts[place_of].size
        call = timed.get((split.run, replace(split.case, size=size)))
        shares = {
            _WORDS[metric]: share
            for metric, part in known.items()
            if call and part
            if (share := _share(metric, part, size, call.estimates["time_per_call"]))
        }
        missing = {_WORDS[metric] for metric in metrics if metric != "handoff"} - shares.keys()
        if not missing:
            yield size, shares


def _share(metric: str, part: Estimate, size: int, call: Estimate) -> Estimate | None:
    """A part over the time of the call, as wide as both intervals allow."""
    times = 1 if metric in _OF_A_CALL else size
    ends = (None if end is None else end * times for end in (part.low, part.high))
    return Estimate(part.value * times, *ends).over(call)


# --- in words -------------------------------------------------------------------------------------


def _answered(
    evidence: Evidence, setting: Setting, splits: Sequence[Split], found: Calls
) -> Answered:
    names = {size: _where(evidence, setting, size) for size in found}
    figure = Figure(
        "The parts of a call",
        "Share of the measured time; beside each bar the largest part. A part is a difference of "
        "times and can fall below 0; the others then reach beyond 100 %. A bar that leaves the "
        "axis ends at its edge; ✗ marks a line that missed the size left out. "
        f"{capital(ratios.under(setting, evidence))}.",
        tuple(_panel(names[size], size, found[size]) for size in list(found)[-_PANELS:]),
    )
    every = [replace(split.case, size=size) for split in splits for size in split.sizes]
    every.sort(key=lambda case: case.size)
    return Answered(
        "parts-of-a-call",
        QUESTION,
        ratios.of_run(
            setting.run,
            evidence,
            (*(_sentence(names[size], calls) for size, calls in found.items()), *_doubt(splits)),
        ),
        (figure,),
        ratios.again(every, _OPTIONS),
        see={"parts": "Where the time goes"},
    )


def _where(evidence: Evidence, setting: Setting, size: int) -> str:
    classes = evidence.runs[setting.run].facts.size_classes.get(setting.device, {})
    name = next((name for name, each in classes.items() if each == size), "")
    words = "at launch" if name == "launch" else place(name, setting.device)
    return f"{words}, {elements(size)}"


def _sentence(where: str, calls: Sequence[Call]) -> str:
    """Of each activation, which part is shown to take more than half, and in how many lines."""
    told = []
    for name in NAMED:
        mine = [call for call in calls if call.case.activation == name]
        if mine:
            told.append(f"{name}, {_majority(mine)}")
    return sentence(f"{where}, more than half of a call goes to: {'; '.join(told)}")


def _majority(mine: Sequence[Call]) -> str:
    """`launch in 3 of 7 (58.0–100 %), no part for certain in 4 of 7`."""
    found: dict[str, list[Estimate]] = {}
    left = 0
    for call in mine:
        word = _most(call)
        if word:
            found.setdefault(word, []).append(call.shares[word])
        else:
            left += 1
    told = [f"{word} in {len(each)} of {len(mine)} ({_ends(each)})" for word, each in found.items()]
    rest = [f"no part for certain in {left} of {len(mine)}"] * bool(left)
    return ", ".join([*told, *rest])


def _most(call: Call) -> str:
    """The part that is shown to take more than half; empty if none is, as in a poor line.

    Where some are below 0, the others take more than the whole call: half is then half of that.
    """
    most = _MOST * max(1.0, sum(max(each.value, 0.0) for each in call.shares.values()))
    sure = (word for word, each in call.shares.items() if each.low is not None and each.low > most)
    return "" if call.poor else next(sure, "")


def _ends(shares: Iterable[Estimate]) -> str:
    """`62.0–99.1 %`; what intervals leave above the whole is cut off."""
    found = [(each.low or 0.0, min(each.high or each.value, 1.0)) for each in shares]
    return f"{number(100 * min(f[0] for f in found))}–{number(100 * max(f[1] for f in found))} %"


def _doubt(splits: Sequence[Split]) -> list[str]:
    poor = sum(map(poor_fit, splits))
    if not poor:
        return []
    return [
        f"{counted(poor, 'line')} of {len(splits)} missed a size left out by more than "
        f"{POOR_FIT:.0%}, marked ✗: their shares are not for certain."
    ]


# --- as a picture ---------------------------------------------------------------------------------


def _panel(where: str, size: int, calls: Iterable[Call]) -> Panel:
    rows: dict[tuple[str, str], list[bars.Bar]] = {}
    for call in calls:
        shares = {word: share.value for word, share in call.shares.items()}
        most = max(shares, key=lambda word: shares[word])
        label = f"{'✗ ' * call.poor}{call.case.activation} {most} {100 * shares[most]:.0f} %"
        bar = bars.Bar(label, shares)
        rows.setdefault((title(call.case.framework), call.case.mode), []).append(bar)
    return bars.panel(
        f"q-call-{size}",
        capital(where),
        [bars.Group(*names, tuple(each)) for names, each in rows.items()],
        "share of the time of a call",
        {word: PARTS[metric] for metric, word in _WORDS.items()},
    )
