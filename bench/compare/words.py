"""A comparison of two runs for people, in plain text or Markdown, and for machines."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from ..catalog.cases import Case
from ..catalog.frameworks import frameworks
from ..results.store import dump
from ..words import Table, changed, conditions, counted, named, tally, title
from .exactness import Difference
from .rows import Missing
from .runs import Comparison
from .timing import DOUBT, Answer, Timing, Unit

_ORDER = (
    *("fails", "slower", "less exact", "convention"),
    *("faster", "more exact", "undecided", "same"),
)
_SENSES = {"worse": "less exact", "better": "more exact", "changed": "convention"}
_FAR = 100
"""The factor beyond which the end of an interval is not written out."""
_HEADS = ("verdict", "what", "candidate over base", "why")


@dataclass(frozen=True)
class Entry:
    """A case that differs: the verdict, the change, and the evidence."""

    verdict: str
    what: str
    change: str
    why: str
    weight: float = 0.0


# --- the table ------------------------------------------------------------------------------------


def entries(comparison: Comparison) -> list[Entry]:
    """The entries that differ, the worst first and undecided ones last."""
    every = [
        *(Entry("fails", named(missing.case), "", missing.reason) for missing in comparison.broken),
        *map(_timing, comparison.times.timings),
        *map(_part, comparison.times.parts),
        *_differences(comparison.exactness.differences),
    ]
    differing = (entry for entry in every if entry.verdict != "same")
    return sorted(differing, key=lambda entry: (_ORDER.index(entry.verdict), -entry.weight))


def _timing(timing: Timing) -> Entry:
    against = f"{timing.base:,.0f} → {timing.candidate:,.0f} ns, over {timing.unit or 'nothing'}"
    return _answered(timing.answer, named(timing.case), against)


def _part(part: Unit) -> Entry:
    who = _framework(part)
    what = f"all {part.primitives} primitives of {who}, {conditions(part.part)}"
    return _answered(part.answer, what, f"over all of {who}")


def _answered(answer: Answer, what: str, against: str) -> Entry:
    why = "; ".join(filter(None, [answer.reason, against]))
    return Entry(answer.verdict, what, _ratio(answer), why, _weight(answer))


def _weight(answer: Answer) -> float:
    """A sort key within a verdict: the largest change, or the nearest to being slower, first."""
    ratio = answer.ratio
    if ratio is None:
        return 0.0
    if answer.verdict == "undecided" and ratio.known and ratio.low < ratio.value:
        return math.log(ratio.value) / math.log(ratio.value / ratio.low)
    return abs(math.log(ratio.value))


def _differences(differences: Iterable[Difference]) -> Iterator[Entry]:
    """One entry per case and sense: its figures, with the input that shows the gravest."""
    groups: dict[tuple[Case, str], list[Difference]] = {}
    for difference in differences:
        groups.setdefault((difference.case, difference.sense), []).append(difference)
    for (case, sense), figures in groups.items():
        change = ", ".join(
            f"{figure.metric} {changed(figure.base, figure.candidate)}" for figure in figures
        )
        why = next(filter(None, (figure.shown for figure in figures)), "")
        yield Entry(_SENSES[sense], named(case, "inputs"), change, why)


def _framework(unit: Unit) -> str:
    device = "" if unit.device == "cpu" else f" on {unit.device}"
    return f"{title(unit.framework)} {unit.mode}{device}"


def _ratio(answer: Answer) -> str:
    ratio = answer.ratio
    if ratio is None:
        return ""
    if not ratio.known:
        return f"{ratio.value:.3g}"
    return f"{ratio.value:.3g} ({_end(ratio.low)}–{_end(ratio.high)})"


def _end(end: float) -> str:
    if end > _FAR:
        return f">{_FAR}"
    return f"<{1 / _FAR:g}" if end < 1 / _FAR else f"{end:.3g}"


# --- sentences ------------------------------------------------------------------------------------


def _across(comparison: Comparison) -> Iterator[str]:
    if comparison.machines:
        yield (
            f"The machines differ: {comparison.machines}. Still comparable are exactness and the "
            "cost of a case relative to the primitives of its own machine. Not comparable is "
            "absolute speed; and a relative cost may differ by the code or by the machine."
        )


def _units(comparison: Comparison) -> Iterator[str]:
    """Sentences on the change of the primitives, and on frameworks that changed as a whole."""
    units = sorted(comparison.times.units, key=_rank)
    if not units:
        return
    yield (
        "The change of the primitives, which is divided out of every case, so that a slowdown of "
        "everything at once shows only here:"
    )
    for unit in units:
        yield f"  {_framework(unit)}: its primitives took {_ratio(unit.answer)} times as long"
    if not comparison.machines:
        yield from (text for unit in units if (text := _whole(unit, comparison.zone)))


def _rank(unit: Unit) -> tuple[int, str, str]:
    known = [*frameworks(), unit.framework]
    return known.index(unit.framework), unit.mode, unit.device


def _whole(unit: Unit, zone: float) -> str:
    ratio = unit.answer.ratio.value if unit.answer.ratio else 1.0
    who = f"{_framework(unit)} as a whole"
    if unit.answer.verdict in ("slower", "faster"):
        return (
            f"{who} is {unit.answer.verdict}: {_ratio(unit.answer)} times as long. Stored runs "
            "cannot distinguish a change of the framework from one of the machine's state."
        )
    if unit.answer.verdict == "undecided" and not 1 / (1 + zone) < ratio < 1 + zone:
        word = "slower" if ratio > 1 else "faster"
        return (
            f"{who} may be {word}: {ratio:.3g} is beyond the dead zone, but its interval leaves "
            "that open."
        )
    return ""


def _missing(comparison: Comparison) -> Iterator[str]:
    for what, side in (
        ("timed", comparison.times),
        ("checked for exactness", comparison.exactness),
    ):
        for word, alone in (("base", side.only_base), ("candidate", side.only_candidate)):
            skipped = [missing for missing in alone if not missing.broken]
            if skipped:
                cases, reasons = counted(len(skipped), "case"), _reasons(skipped)
                yield f"{cases} {what} only in the {word}{reasons}."


def _reasons(alone: Sequence[Missing]) -> str:
    """The reasons that the other run gives, with their counts."""
    counts = Counter(missing.reason for missing in alone if missing.reason)
    listed = "; ".join(f"{count:,} there {reason}" for reason, count in counts.items())
    return f" ({listed})" if listed else ""


def _left_out(comparison: Comparison) -> Iterator[str]:
    exactness = comparison.exactness
    for reason, count in exactness.left_out.items():
        yield f"{counted(count, 'figure')} of exactness left out: {reason}."
    if exactness.one_sided:
        yield f"In one of the runs only: {', '.join(exactness.one_sided)}."


def _counts(comparison: Comparison) -> Iterator[str]:
    answers = [timing.answer for timing in comparison.times.timings]
    answers += [part.answer for part in comparison.times.parts]
    if answers:
        cases = counted(len(comparison.times.timings), "case")
        parts = counted(len(comparison.times.parts), "group")
        verdicts = _counts_of(answer.verdict for answer in answers)
        both = f"{cases} and {parts} of primitives timed in both"
        yield f"{both}: {verdicts} (dead zone {comparison.zone:.1%})."
        yield _trust(answers, comparison.times.freedom)
    exactness = comparison.exactness
    senses = _counts_of(_SENSES[difference.sense] for difference in exactness.differences)
    if exactness.compared:
        figures = counted(exactness.compared, "figure")
        yield f"{figures} of exactness: {exactness.equal:,} equal; {senses}."


def _trust(answers: Sequence[Answer], freedom: float) -> str:
    """A sentence on the error rate and the width of the intervals."""
    ratios = [answer.ratio for answer in answers if answer.ratio and answer.ratio.known]
    widths = [(ratio.high / ratio.low) ** 0.5 for ratio in ratios]
    if not widths:
        return "No intervals: they need at least two processes per run (--epochs)."
    middle = statistics.median(widths)
    wide = f"a factor of {middle:.3g}" if middle < _FAR else f"a factor beyond {_FAR}"
    return (
        f"The intervals are simultaneous: the probability that any of these verdicts is wrong is "
        f"under {DOUBT:.0%} (Student, {counted(int(freedom), 'degree')} of freedom from the "
        f"processes of both runs). The median interval is {wide} to either side; more --epochs "
        "make it narrower."
    )


def _counts_of(verdicts: Iterable[str]) -> str:
    return tally(verdicts, _ORDER) or "none differs"


def conclusion(comparison: Comparison) -> str:
    """The outcome in one sentence."""
    slower = sum(entry.verdict == "slower" for entry in entries(comparison))
    differences = comparison.exactness.differences
    less = len({difference.case for difference in differences if difference.sense == "worse"})
    whole = [unit for unit in comparison.times.units if unit.answer.verdict == "slower"]
    wholes = (
        [] if comparison.machines else [f"{_framework(unit)} slower as a whole" for unit in whole]
    )
    worse = [
        *([f"{slower:,} slower"] if slower else []),
        *([f"{less:,} less exact"] if less else []),
        *([f"{len(comparison.broken):,} that fail"] if comparison.broken else []),
        *wholes,
    ]
    if worse:
        return f"Regression: {', '.join(worse)}."
    return _no_regression(comparison)


def _no_regression(comparison: Comparison) -> str:
    """Say that nothing compared is shown to be worse, and what was not compared."""
    times, figures = bool(comparison.times.timings), bool(comparison.exactness.compared)
    if not (times or figures):
        return "Nothing could be compared."
    worse = " or ".join([*(["slower"] if times else []), *(["less exact"] if figures else [])])
    undecided = sum(entry.verdict == "undecided" for entry in entries(comparison))
    rest = [
        *([f"{undecided:,} of the times are undecided"] if undecided else []),
        *([] if times else ["times were not compared"]),
        *([] if figures else ["exactness was not compared"]),
    ]
    return f"{'; '.join([f'Nothing is shown to be {worse}', *rest])}."


# --- whole answers --------------------------------------------------------------------------------


def for_people(comparison: Comparison, limit: int) -> str:
    """The comparison as text: notes, the first `limit` entries, and the conclusion."""
    every = entries(comparison)
    table = _table(every[:limit]).text(head=False) if every[:limit] else []
    lines = [*_before(comparison), *table, *_after(comparison, every[limit:])]
    return "\n".join(line.rstrip() for line in lines)


def for_markdown(comparison: Comparison, limit: int) -> str:
    """The same as Markdown, for a comment or a summary."""
    every = entries(comparison)
    table = "\n".join(_table(every[:limit]).markdown())
    paragraphs = [*_before(comparison), table, *_after(comparison, every[limit:])]
    return "\n\n".join(text.strip() for text in paragraphs if text)


def _table(every: Iterable[Entry]) -> Table:
    return Table(_HEADS, [(entry.verdict, entry.what, entry.change, entry.why) for entry in every])


def _before(comparison: Comparison) -> list[str]:
    runs = [f"Base: {comparison.base}", f"Candidate: {comparison.candidate}"]
    return [*runs, *comparison.notes, *_across(comparison), *_units(comparison)]


def _after(comparison: Comparison, hidden: Sequence[Entry]) -> list[str]:
    verdicts = _counts_of(entry.verdict for entry in hidden)
    rest = [f"Not shown: {verdicts} (--limit)."] if hidden else []
    return [
        *rest,
        *_counts(comparison),
        *_missing(comparison),
        *_left_out(comparison),
        conclusion(comparison),
    ]


def for_machines(comparison: Comparison, strict: bool) -> str:
    """All of the comparison as one JSON object; infinity is 1e999."""
    record = asdict(comparison)
    record["conclusion"] = conclusion(comparison)
    record["regressed"] = comparison.regressed
    record["exit_status"] = comparison.exit_status(strict)
    return dump(record)
