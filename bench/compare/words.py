"""A comparison of two runs for people, in plain text or Markdown, and for machines."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..catalog.cases import Case
from ..host.environment import Circumstance
from ..results import words
from ..results.answers import written
from ..words import (
    Table,
    besides,
    changed,
    circumstance,
    conditions,
    counted,
    duration,
    named,
    number,
    tally,
    title,
)
from .exactness import Difference, Exactness, OtherInputs
from .rows import Missing
from .runs import Comparison
from .timing import DOUBT, Change, Group, Lack, Times, Timing

_ORDER = (
    *("fails", "gone", "slower", "less exact", "convention"),
    *("faster", "more exact", "undecided", "same"),
)
_SENSES = {"worse": "less exact", "better": "more exact", "changed": "convention"}
_FAR = 100
"""The factor beyond which the end of an interval is not written out."""
_LACKS = {
    Lack.INTERVAL: (
        "no interval: a run with one process per framework does not show how processes differ"
    ),
    Lack.UNIT: "no unit: one of the runs alone has a cost",
    Lack.OPPOSITE: "its time and its cost moved in opposite directions",
}
_HEADS = ("verdict", "what", "candidate over base", "why")


@dataclass(frozen=True)
class Entry:
    """A case that differs: the verdict, the change, and the evidence."""

    verdict: str
    what: str
    change: str
    why: str
    weight: float = 0.0
    accepted: bool = False


# --- the table ------------------------------------------------------------------------------------


def entries(comparison: Comparison) -> list[Entry]:
    """The entries that differ, the worst first and undecided ones last."""
    times = comparison.times
    every = [
        *(_lost("fails", missing) for missing in (*comparison.broken, *comparison.failing)),
        *(_lost("gone", missing) for missing in comparison.gone),
        *map(_timing, times.timings),
        *(_group(group) for group in times.groups if group.is_telling),
        *_differences(comparison.exactness.differences),
    ]
    differing = (entry for entry in every if entry.verdict != "same")
    return sorted(differing, key=lambda entry: (_ORDER.index(entry.verdict), -entry.weight))


def _lost(verdict: str, missing: Missing) -> Entry:
    return Entry(verdict, named(missing.case), "", _said(missing), accepted=missing.accepted)


def _said(missing: Missing) -> str:
    """`refused: work went on`: what a run reports of a case that it lacks."""
    return f"{missing.status}: {missing.reason}" if missing.status else ""


def _timing(timing: Timing) -> Entry:
    times = f"{duration(timing.base)} → {duration(timing.candidate)}"
    beside = f"over {timing.unit}" if timing.unit else "by time alone"
    if timing.over:
        beside = f"the unit of {counted(timing.over, 'case')}: beside them"
    what = named(timing.case)
    lack = _LACKS[timing.lack] if timing.lack else ""
    entry = _entry(timing, what, [times, _beside(timing.beside, beside), lack])
    return replace(entry, accepted=timing.accepted)


def _group(group: Group) -> Entry:
    what = f"the median of {counted(group.cases, 'case')} of {_framework(group)}"
    if not group.is_whole:
        what = f"{what}, {conditions({**group.fields, 'mode': '', 'device': 'cpu'})}"
        beside = f"beside all of {_framework(group)}"
    elif group.beside:
        beside = "beside the other frameworks"
    else:
        beside = "no other framework shows whether the machine is the cause"
    return _entry(group, what, [_beside(group.beside, beside)])


def _beside(change: Change | None, what: str) -> str:
    return f"{what} {_ratio(change)}" if change else what


def _entry(timed: Timing | Group, what: str, why: Iterable[str]) -> Entry:
    reasons = "; ".join(filter(None, (*why, besides(timed.besides))))
    return Entry(timed.verdict, what, _ratio(timed.time), reasons, abs(math.log(timed.time.value)))


def _differences(differences: Iterable[Difference]) -> Iterator[Entry]:
    """One entry per case and sense: its figures, with the input that shows the gravest."""
    groups: dict[tuple[Case, str], list[Difference]] = {}
    for difference in differences:
        groups.setdefault((difference.case, difference.sense), []).append(difference)
    for (case, sense), figures in groups.items():
        change = ", ".join(
            f"{figure.metric} {changed(figure.base, figure.candidate)}" for figure in figures
        )
        why = next(filter(None, (words.about(figure.shown) for figure in figures)), "")
        accepted = figures[0].accepted
        yield Entry(_SENSES[sense], named(case, "inputs"), change, why, accepted=accepted)


def _framework(group: Group) -> str:
    fields = group.fields
    device = "" if fields["device"] == "cpu" else f" on {fields['device']}"
    return f"{title(str(fields['framework']))} {fields['mode']}{device}"


def _ratio(change: Change) -> str:
    """`1.35 (1.29–1.41)`."""
    if not math.isfinite(change.high):
        return number(change.value)
    return f"{number(change.value)} ({_end(change.low)}–{_end(change.high)})"


def _end(end: float) -> str:
    if end > _FAR:
        return f">{_FAR}"
    return f"<{1 / _FAR:g}" if end < 1 / _FAR else number(end)


# --- sentences ------------------------------------------------------------------------------------


def _across(comparison: Comparison) -> Iterator[str]:
    if comparison.machines:
        yield (
            f"The machines differ: {comparison.machines}. Compared are exactness and costs over a "
            "unit, which may differ by the code or by the machine; times are not."
        )


def _moves(comparison: Comparison) -> Iterator[str]:
    """Sentences on what moved many cases at once: frameworks, and units of cost."""
    for group in filter(lambda group: group.is_whole, comparison.times.groups):
        yield f"{_framework(group)}: the median case took {_ratio(group.time)} times as long."
    if comparison.machines:
        return
    for timing in comparison.times.timings:
        if timing.over and timing.time.verdict in ("slower", "faster"):
            yield (
                f"A unit of cost moved: {named(timing.case)} took {_ratio(timing.time)} times as "
                f"long, and what {counted(timing.over, 'case')} cost over it moves by that."
            )


def not_compared(comparison: Comparison) -> Iterator[str]:
    """Sentences on what only one of the runs has, or what they have in different ways."""
    times, exactness = comparison.times, comparison.exactness
    for units, count in times.other_units.items():
        yield f"{counted(count, 'cost')} over another unit, compared by time: {units}."
    lacks = Counter(timing.lack for timing in times.timings if timing.lack)
    for lack, count in lacks.items():
        yield f"{counted(count, 'time')} undecided: {_LACKS[lack]}."
    for what, side in (("timed", times), ("checked for exactness", exactness)):
        for word, alone in (("base", side.only_base), ("candidate", side.only_candidate)):
            skipped = [missing for missing in alone if not missing.failed]
            if skipped:
                cases = counted(len(skipped), "case")
                yield f"{cases} {what} only in the {word}{_reasons(skipped)}."
    for reason, count in exactness.left_out:
        yield f"{counted(count, 'figure')} of exactness left out: {_other_inputs(reason)}."
    if exactness.one_sided:
        yield f"In one of the runs only: {', '.join(exactness.one_sided)}."


def _reasons(alone: Sequence[Missing]) -> str:
    """The reasons that the other run gives, with their counts."""
    counts = Counter(_said(missing) for missing in alone if missing.status)
    listed = "; ".join(f"{count:,} there {reason}" for reason, count in counts.items())
    return f" ({listed})" if listed else ""


def _other_inputs(reason: OtherInputs) -> str:
    what = "" if reason.what == "inputs" else f"{reason.what} "
    return (
        f"in {reason.dtype} the runs tried different inputs: "
        f"{what}{reason.base:,} against {reason.candidate:,}"
    )


def _counts(comparison: Comparison) -> Iterator[str]:
    times, exactness = comparison.times, comparison.exactness
    if times.timings:
        cases, zone = counted(len(times.timings), "case"), f"dead zone {comparison.zone:.0%}"
        verdicts = _counts_of(timing.verdict for timing in times.timings)
        yield f"{cases} timed in both: {verdicts} ({zone})."
        yield from _trust(times.timings)
    senses = _counts_of(_SENSES[difference.sense] for difference in exactness.differences)
    if exactness.compared:
        figures = counted(exactness.compared, "figure")
        yield f"{figures} of exactness: {exactness.equal:,} equal; {senses}."


def _trust(timings: Iterable[Timing]) -> Iterator[str]:
    """A sentence on the width of the intervals, and on the basis of a verdict."""
    widths = [
        (timing.time.high / timing.time.low) ** 0.5 - 1
        for timing in timings
        if math.isfinite(timing.time.high)
    ]
    if widths:
        yield (
            f"A call of slower or faster needs the time and what stands beside it; the probability "
            f"that any is wrong is under {DOUBT:.0%}. The median 95% interval of a time is "
            f"±{statistics.median(widths):.1%}."
        )


def _counts_of(verdicts: Iterable[str]) -> str:
    return tally(verdicts, _ORDER) or "none differs"


def conclusion(comparison: Comparison) -> str:
    """The outcome in one sentence."""
    counts = Counter(entry.verdict for entry in entries(comparison) if not entry.accepted)
    worse = {"slower": "slower", "less exact": "less exact", "fails": "that fail", "gone": "gone"}
    parts = [f"{counts[kind]:,} {said}" for kind, said in worse.items() if counts[kind]]
    if comparison.regressed:
        return f"Regression: {', '.join(parts)}."
    if comparison.nothing:
        return "Nothing could be compared."
    if comparison.uncompared:
        return f"Not everything could be compared: {', '.join(_uncompared(comparison))}."
    times, figures = bool(comparison.times.timings), bool(comparison.exactness.compared)
    kinds = " or ".join([*(["slower"] if times else []), *(["less exact"] if figures else [])])
    rest = [
        *([f"{counts['faster']:,} faster"] if counts["faster"] else []),
        *([f"{counts['undecided']:,} of the times are undecided"] if counts["undecided"] else []),
        *([] if times else ["times were not compared"]),
        *([] if figures else ["exactness was not compared"]),
    ]
    return f"{'; '.join([f'Nothing is shown to be {kinds}', *rest])}."


def _uncompared(comparison: Comparison) -> Iterator[str]:
    """Counts of what could not be compared of the base."""
    missing = [lacking for lacking in comparison.missing if not lacking.accepted]
    if missing and not comparison.common:
        cases = counted(len({lacking.case for lacking in missing}), "case")
        yield f"{cases} of the base not tried in the candidate (--common passes over them)"
    lacks = Counter(timing.lack for timing in comparison.times.timings if not timing.compared)
    for lack, count in lacks.items():
        yield f"{counted(count, 'time')} with {lack}"
    if left_out := sum(count for _, count in comparison.exactness.left_out):
        yield f"{counted(left_out, 'figure')} of other inputs"
    if comparison.failing:
        yield f"{counted(len(comparison.failing), 'case')} failing in both or new"


# --- whole answers --------------------------------------------------------------------------------


def for_people(comparison: Comparison, limit: int) -> str:
    """The comparison as text: notes, the first `limit` entries, and the conclusion."""
    every = entries(comparison)
    table = _table(every[:limit]).text(head=False) if every[:limit] else []
    lines = [*_before(comparison), *table, *_after(comparison, every[limit:])]
    return "\n".join(line.rstrip() for line in lines)


def for_markdown(comparison: Comparison, limit: int) -> str:
    """The comparison in Markdown, for a comment or a summary."""
    every = entries(comparison)
    table = "\n".join(_table(every[:limit]).markdown())
    paragraphs = [*_before(comparison), table, *_after(comparison, every[limit:])]
    return "\n\n".join(text.strip() for text in paragraphs if text)


def _table(every: Iterable[Entry]) -> Table:
    return Table(_HEADS, [(entry.verdict, entry.what, entry.change, entry.why) for entry in every])


def _before(comparison: Comparison) -> list[str]:
    runs = [f"Base: {comparison.base}", f"Candidate: {comparison.candidate}"]
    changed = map(circumstance, comparison.circumstances)
    return [*runs, *comparison.notes, *changed, *_across(comparison), *_moves(comparison)]


def _after(comparison: Comparison, hidden: Sequence[Entry]) -> list[str]:
    verdicts = _counts_of(entry.verdict for entry in hidden)
    rest = [f"Not shown: {verdicts} (--limit)."] if hidden else []
    said = (*_counts(comparison), *not_compared(comparison))
    return [*rest, *said, conclusion(comparison)]


@dataclass(frozen=True)
class Answer:
    """A comparison of two runs with what follows from it; `not_compared` are sentences."""

    base: str
    candidate: str
    zone: float
    machines: str
    notes: Sequence[str]
    times: Times
    exactness: Exactness
    common: bool
    circumstances: Sequence[Circumstance]
    not_compared: list[str]
    conclusion: str
    regressed: bool
    uncompared: bool
    exit_status: int


def for_machines(comparison: Comparison, strict: bool) -> str:
    """All of the comparison as one JSON object; infinity is 1e999."""
    return written(
        Answer(
            **vars(comparison),
            not_compared=list(not_compared(comparison)),
            conclusion=conclusion(comparison),
            regressed=comparison.regressed,
            uncompared=comparison.uncompared,
            exit_status=comparison.exit_status(strict),
        )
    )
