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
from ..words import Table, conditions, counted, named, tally, title
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
"""A factor beyond which the end of an interval says nothing."""
_HEADS = ("verdict", "what", "candidate over base", "why")


@dataclass(frozen=True)
class Entry:
    """A case that is not the same: the verdict, the change, and what shows it."""

    verdict: str
    what: str
    change: str
    why: str
    weight: float = 0.0


# --- the table ------------------------------------------------------------------------------------


def entries(found: Comparison) -> list[Entry]:
    """What is not the same, worst first and what is undecided last."""
    every = [
        *(Entry("fails", named(missing.case), "", missing.reason) for missing in found.broken),
        *map(_timing, found.times.timings),
        *map(_part, found.times.parts),
        *_differences(found.exactness.differences),
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
    """Orders entries of a verdict: the largest change first, or what is nearest to being slower."""
    ratio = answer.ratio
    if ratio is None:
        return 0.0
    if answer.verdict == "undecided" and ratio.known and ratio.low < ratio.value:
        return math.log(ratio.value) / math.log(ratio.value / ratio.low)
    return abs(math.log(ratio.value))


def _differences(differences: Iterable[Difference]) -> Iterator[Entry]:
    """An entry per case and sense: its figures, with the input that shows the gravest."""
    groups: dict[tuple[Case, str], list[Difference]] = {}
    for difference in differences:
        groups.setdefault((difference.case, difference.sense), []).append(difference)
    for (case, sense), figures in groups.items():
        change = ", ".join(f"{f.metric} {f.base:.6g} → {f.candidate:.6g}" for f in figures)
        why = next(filter(None, (figure.shown for figure in figures)), "")
        yield Entry(_SENSES[sense], named(case, "inputs"), change, why)


def _framework(unit: Unit) -> str:
    place = "" if unit.device == "cpu" else f" on {unit.device}"
    return f"{title(unit.framework)} {unit.mode}{place}"


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


def _across(found: Comparison) -> Iterator[str]:
    if found.machines:
        yield (
            f"The machines differ: {found.machines}. What follows is what holds across them: what "
            "a case costs relative to the primitives of its own machine, and exactness. What is "
            "not: absolute speed, and whether the code or the machine changed a relative cost."
        )


def _units(found: Comparison) -> Iterator[str]:
    """How the primitives moved, and a sentence of its own for a framework that did as a whole."""
    units = sorted(found.times.units, key=_place)
    if not units:
        return
    yield (
        "How many times as long the primitives took; that is divided out of every case, so a "
        "slowdown of everything at once is seen only here:"
    )
    for unit in units:
        yield f"  {_framework(unit)}: its primitives took {_ratio(unit.answer)} times as long"
    if not found.machines:
        yield from (text for unit in units if (text := _whole(unit, found.zone)))


def _place(unit: Unit) -> tuple[int, str, str]:
    known = [*frameworks(), unit.framework]
    return known.index(unit.framework), unit.mode, unit.device


def _whole(unit: Unit, zone: float) -> str:
    ratio = unit.answer.ratio.value if unit.answer.ratio else 1.0
    who = f"{_framework(unit)} as a whole"
    if unit.answer.verdict in ("slower", "faster"):
        return (
            f"{who} is {unit.answer.verdict}: {_ratio(unit.answer)} times as long. Whether the "
            "framework or the state of the machine made it so, stored runs cannot tell."
        )
    if unit.answer.verdict == "undecided" and not 1 / (1 + zone) < ratio < 1 + zone:
        word = "slower" if ratio > 1 else "faster"
        return (
            f"{who} may be {word}: {ratio:.3g} is beyond the dead zone, but the interval leaves it "
            "open."
        )
    return ""


def _missing(found: Comparison) -> Iterator[str]:
    for what, side in (("timed", found.times), ("checked for exactness", found.exactness)):
        for word, alone in (("base", side.only_base), ("candidate", side.only_candidate)):
            left = [each for each in alone if not each.broken]
            if left:
                yield f"{counted(len(left), 'case')} {what} in the {word} alone{_reasons(left)}."


def _reasons(alone: Sequence[Missing]) -> str:
    """The reasons that the other run gives, each counted."""
    counts = Counter(missing.reason for missing in alone if missing.reason)
    listed = "; ".join(f"{count:,} there {reason}" for reason, count in counts.items())
    return f" ({listed})" if listed else ""


def _left_out(found: Comparison) -> Iterator[str]:
    exactness = found.exactness
    for reason, count in exactness.left_out.items():
        yield f"{counted(count, 'figure')} of exactness left out: {reason}."
    if exactness.one_sided:
        yield f"Said by one of the runs alone: {', '.join(exactness.one_sided)}."


def _counts(found: Comparison) -> Iterator[str]:
    answers = [each.answer for each in found.times.timings]
    answers += [each.answer for each in found.times.parts]
    if answers:
        cases = counted(len(found.times.timings), "case")
        parts = counted(len(found.times.parts), "group")
        verdicts = _counts_of(answer.verdict for answer in answers)
        both = f"{cases} and {parts} of primitives timed in both"
        yield f"{both}: {verdicts} (dead zone {found.zone:.1%})."
        yield _trust(answers, found.times.freedom)
    exactness = found.exactness
    senses = _counts_of(_SENSES[each.sense] for each in exactness.differences)
    if exactness.compared:
        figures = counted(exactness.compared, "figure")
        yield f"{figures} of exactness: {exactness.equal:,} equal; {senses}."


def _trust(answers: Sequence[Answer], freedom: float) -> str:
    """How far the intervals can be believed, and how wide they are."""
    ratios = [answer.ratio for answer in answers if answer.ratio and answer.ratio.known]
    widths = [(ratio.high / ratio.low) ** 0.5 for ratio in ratios]
    if not widths:
        return "No interval: it takes two processes or more in each run (--epochs)."
    middle = statistics.median(widths)
    wide = f"a factor of {middle:.3g}" if middle < _FAR else f"a factor beyond {_FAR}"
    return (
        f"The intervals hold together: the probability that one of all these verdicts is wrong is "
        f"under {DOUBT:.0%} (Student, {counted(int(freedom), 'degree')} of freedom from the "
        f"processes of both runs). The middle one is {wide} to either side; more --epochs make it "
        "narrower."
    )


def _counts_of(verdicts: Iterable[str]) -> str:
    return tally(verdicts, _ORDER) or "none differs"


def conclusion(found: Comparison) -> str:
    """What it comes to, in one sentence."""
    slower = sum(entry.verdict == "slower" for entry in entries(found))
    less = len({each.case for each in found.exactness.differences if each.sense == "worse"})
    whole = [unit for unit in found.times.units if unit.answer.verdict == "slower"]
    wholes = [] if found.machines else [f"{_framework(unit)} slower as a whole" for unit in whole]
    worse = [
        *([f"{slower:,} slower"] if slower else []),
        *([f"{less:,} less exact"] if less else []),
        *([f"{len(found.broken):,} that fail"] if found.broken else []),
        *wholes,
    ]
    if worse:
        return f"Regression: {', '.join(worse)}."
    return _no_regression(found)


def _no_regression(found: Comparison) -> str:
    """What was compared is not shown to be worse; what was not is said."""
    times, figures = bool(found.times.timings), bool(found.exactness.compared)
    if not (times or figures):
        return "Nothing could be compared."
    worse = " or ".join([*(["slower"] if times else []), *(["less exact"] if figures else [])])
    undecided = sum(entry.verdict == "undecided" for entry in entries(found))
    rest = [
        *([f"{undecided:,} of the times are undecided"] if undecided else []),
        *([] if times else ["times were not compared"]),
        *([] if figures else ["exactness was not compared"]),
    ]
    return f"{'; '.join([f'Nothing is shown to be {worse}', *rest])}."


# --- whole answers --------------------------------------------------------------------------------


def for_people(found: Comparison, limit: int) -> str:
    """The comparison as text: what differs, the first `limit` entries, and what they come to."""
    every = entries(found)
    table = _table(every[:limit]).text(head=False) if every[:limit] else []
    lines = [*_before(found), *table, *_after(found, every[limit:])]
    return "\n".join(line.rstrip() for line in lines)


def for_markdown(found: Comparison, limit: int) -> str:
    """The same as Markdown, for a comment or a summary."""
    every = entries(found)
    table = "\n".join(_table(every[:limit]).markdown())
    paragraphs = [*_before(found), table, *_after(found, every[limit:])]
    return "\n\n".join(text.strip() for text in paragraphs if text)


def _table(every: Iterable[Entry]) -> Table:
    return Table(_HEADS, [(entry.verdict, entry.what, entry.change, entry.why) for entry in every])


def _before(found: Comparison) -> list[str]:
    runs = [f"Base: {found.base}", f"Candidate: {found.candidate}"]
    return [*runs, *found.notes, *_across(found), *_units(found)]


def _after(found: Comparison, hidden: Sequence[Entry]) -> list[str]:
    verdicts = _counts_of(entry.verdict for entry in hidden)
    rest = [f"Not shown: {verdicts} (--limit)."] if hidden else []
    return [*rest, *_counts(found), *_missing(found), *_left_out(found), conclusion(found)]


def for_machines(found: Comparison, strict: bool) -> str:
    """All of the comparison as one JSON object; infinity is 1e999."""
    record = asdict(found)
    record["conclusion"] = conclusion(found)
    record["regressed"] = found.regressed
    record["exit_status"] = found.exit_status(strict)
    return dump(record)
