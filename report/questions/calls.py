"""The parts of a call: the share of each, at launch, in cache and streaming."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ...bench.catalog.cases import Case
from ...bench.results.metrics import POOR_FIT
from ..compare.commands import again
from ..compare.groups import Group, groups
from ..compare.parts import poor_fit
from ..compare.sizes import Size, sizes_of
from ..read.evidence import Estimate, Evidence, Split
from ..words import counted, number, sentence
from .answer import Answer, of_run, unmeasured

ORDER = 80
_ANCHOR = "parts-of-a-call"
_QUESTION = "Where does the time go: launch, arithmetic, memory or allocation?"
_NAMES = ("relu", "gelu", "squareplus")
_OPTIONS = "--output fresh --output reused"
_MEASURE = (
    "--activation relu --activation gelu --activation squareplus "
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
_TAKEN: Mapping[str, tuple[str, ...]] = {
    "launch": ("launch", "copy_floor", "arithmetic"),
    "arithmetic": ("launch", "handoff", "copy_floor", "arithmetic"),
    "memory": tuple(_WORDS),
}
"""The parts of a call by the part that is taken at its size: the smallest, in cache, streaming."""
_MOST = 0.5


@dataclass(frozen=True)
class Call:
    """A call and the share of each part in the time that it took, by the part's word.

    It is `poor` if the fitted line missed the size left out.
    """

    case: Case
    poor: bool
    shares: Mapping[str, Estimate]


Calls = Mapping[Size, Sequence[Call]]


def answer(evidence: Evidence) -> Answer:
    """The part that takes more than half of a call, by activation and size."""
    for group in groups(evidence, evidence.splits, _wanted):
        calls = _calls(evidence, group)
        if calls:
            return _answered(evidence, group, calls)
    return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE)


def _wanted(split: Split) -> bool:
    case = split.case
    return split.plain and case.activation in _NAMES and case.direction == "forward"


def _calls(evidence: Evidence, group: Group[Split]) -> Calls:
    by_size: dict[int, list[Call]] = {}
    for series in group.series:
        for split in sorted(series.records, key=lambda split: _NAMES.index(split.case.activation)):
            for size, shares in _shares(evidence, split):
                call = Call(replace(split.case, size=size), poor_fit(split), shares)
                by_size.setdefault(size, []).append(call)
    sizes = sizes_of(evidence, group.conditions, by_size)
    return {size: by_size[size.elements] for size in sizes}


def _shares(evidence: Evidence, split: Split) -> Iterator[tuple[int, dict[str, Estimate]]]:
    """The shares at each size where a part was taken and all its parts are known."""
    for taken, metrics in _TAKEN.items():
        known = {metric: split.part(metric) for metric in metrics}
        if known[taken] is None:
            continue
        size = split.parts[taken].size
        call = evidence.case(split.run, replace(split.case, size=size))
        shares = {
            _WORDS[metric]: share
            for metric, part in known.items()
            if call and part
            if (share := part.times(1 if metric in _OF_A_CALL else size).over(call.time))
        }
        missing = {_WORDS[metric] for metric in metrics if metric != "handoff"} - shares.keys()
        if not missing:
            yield size, shares


def _answered(evidence: Evidence, group: Group[Split], by_size: Calls) -> Answer:
    splits = [split for series in group.series for split in series.records]
    every = [replace(split.case, size=size) for split in splits for size in split.sizes]
    every.sort(key=lambda case: case.size)
    return Answer(
        _ANCHOR,
        _QUESTION,
        of_run(
            evidence,
            group.conditions.run,
            *(_sentence(size, calls) for size, calls in by_size.items()),
            *_doubt(splits),
        ),
        command=again(every, _OPTIONS),
        see={"parts": "Where the time goes"},
    )


def _sentence(size: Size, calls: Sequence[Call]) -> str:
    """The parts shown to take more than half, and in how many calls, by activation."""
    clauses = []
    for name in _NAMES:
        named = [call for call in calls if call.case.activation == name]
        if named:
            clauses.append(f"{name}, {_majority(named)}")
    return sentence(f"{size.where}, more than half of a call goes to: {'; '.join(clauses)}")


def _majority(calls: Sequence[Call]) -> str:
    """`launch in 3 of 7 (58.0–100 %), no part for certain in 4 of 7`."""
    by_part: dict[str, list[Estimate]] = {}
    for call in calls:
        word = _most(call)
        by_part.setdefault(word, []).extend([call.shares[word]] if word else [])
    left = sum(not _most(call) for call in calls)
    clauses = [
        f"{word} in {len(shares)} of {len(calls)} ({_ends(shares)})"
        for word, shares in by_part.items()
        if word
    ]
    rest = [f"no part for certain in {left} of {len(calls)}"] * bool(left)
    return ", ".join([*clauses, *rest])


def _most(call: Call) -> str:
    """The part that is shown to take more than half; empty if none is, as in a poor fit.

    Where some are below 0, the others take more than the whole call: half is then half of those.
    """
    most = _MOST * max(1.0, sum(max(share.value, 0.0) for share in call.shares.values()))
    sure = (
        word for word, share in call.shares.items() if share.low is not None and share.low > most
    )
    return "" if call.poor else next(sure, "")


def _ends(shares: Iterable[Estimate]) -> str:
    """`62.0–99.1 %`; intervals are cut off at the whole."""
    ends = [(share.low or 0.0, min(share.high or share.value, 1.0)) for share in shares]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    return f"{number(100 * low)}–{number(100 * high)} %"


def _doubt(splits: Sequence[Split]) -> list[str]:
    poor = sum(map(poor_fit, splits))
    text = (
        f"{counted(poor, 'line')} of {len(splits)} missed a size left out by more than "
        f"{POOR_FIT:.0%}, marked ✗ among the parts: their shares are not for certain."
    )
    return [text] * bool(poor)
