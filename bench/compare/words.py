"""A comparison of two runs for people, in plain text or Markdown, and for machines."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..catalog.cases import Case
from ..catalog.frameworks import frameworks
from ..results.store import dump
from .exactness import Difference
from .rows import Missing
from .runs import Comparison, title
from .timing import DOUBT, Answer, Timing, Unit

_ORDER = ("fails", "slower", "less exact", "convention", "faster", "more exact", "undecided")
_SENSES = {"worse": "less exact", "better": "more exact", "changed": "convention"}
_FAR = 100
"""A factor beyond which the end of an interval says nothing."""
_HEADS = ("verdict", "what", "candidate over base", "why")


@dataclass(frozen=True)
class Line:
    """A line of the table: a case that is not the same, the change, and what shows it."""

    verdict: str
    what: str
    change: str
    why: str
    weight: float = 0.0


# --- the table ------------------------------------------------------------------------------------


def lines(found: Comparison) -> list[Line]:
    """What is not the same, worst first and what is undecided last."""
    every = [
        *(Line("fails", _named(each.case), "", each.reason) for each in found.broken),
        *(_timing(each) for each in found.times.timings if each.answer.verdict != "same"),
        *(_part(each) for each in found.times.parts if each.answer.verdict != "same"),
        *_differences(found.exactness.differences),
    ]
    return sorted(every, key=lambda line: (_ORDER.index(line.verdict), -line.weight))


def _timing(timing: Timing) -> Line:
    answer, what = timing.answer, _named(timing.case)
    against = f"{timing.base:,.0f} → {timing.candidate:,.0f} ns, over {timing.unit or 'nothing'}"
    why = "; ".join(filter(None, [answer.reason, against]))
    return Line(answer.verdict, what, _ratio(answer), why, _weight(answer))


def _part(part: Unit) -> Line:
    what = f"all {part.primitives} primitives of {_framework(part)}, {_conditions(part.part)}"
    answer = part.answer
    why = "; ".join(filter(None, [answer.reason, f"over all of {_framework(part)}"]))
    return Line(answer.verdict, what, _ratio(answer), why, _weight(answer))


def _weight(answer: Answer) -> float:
    """Orders lines of one verdict: the largest change first, or what is nearest to being slower."""
    ratio = answer.ratio
    if ratio is None:
        return 0.0
    if answer.verdict == "undecided" and ratio.known and ratio.low < ratio.value:
        return math.log(ratio.value) / math.log(ratio.value / ratio.low)
    return abs(math.log(ratio.value))


def _differences(differences: Iterable[Difference]) -> Iterator[Line]:
    """A line a case and sense: its figures together, with the input that shows the gravest."""
    groups: dict[tuple[Case, str], list[Difference]] = {}
    for each in differences:
        groups.setdefault((each.case, each.sense), []).append(each)
    for (case, sense), found in groups.items():
        change = ", ".join(
            f"{each.metric} {each.base:.6g} → {each.candidate:.6g}" for each in found
        )
        why = next((each.detail for each in found if each.detail), "")
        yield Line(_SENSES[sense], _named(case), change, why)


def _named(case: Case) -> str:
    unusual = [
        *([case.device] if case.device != "cpu" else []),
        *([f"{case.threads} threads"] if case.threads != 1 else []),
        *([f"output {case.output}"] if case.output != "fresh" else []),
        *([f"cache {case.cache}"] if case.cache != "warm" else []),
    ]
    what = f"{title(case.framework)} {case.activation} {case.form}"
    where = [case.mode, case.direction, case.dtype, f"{case.size:,}", *unusual]
    return f"{what}, {' '.join(where)}"


def _conditions(part: Mapping[str, str | int]) -> str:
    fields = {"activation": "", "form": "", "framework": "", "mode": "", "device": "cpu"}
    case = Case(**{**fields, **part})  # type: ignore[arg-type]
    return _named(case).partition(", ")[2].strip()


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
            f"The machines differ: {found.machines}. What is told is what holds across them: what "
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
                yield f"{_counted(len(left), 'case')} {what} in the {word} alone{_reasons(left)}."


def _reasons(alone: Sequence[Missing]) -> str:
    """The reasons that the other run gives, each counted."""
    told = [each.reason for each in alone if each.reason]
    counts = {reason: told.count(reason) for reason in dict.fromkeys(told)}
    listed = "; ".join(f"{count:,} there {reason}" for reason, count in counts.items())
    return f" ({listed})" if listed else ""


def _left_out(found: Comparison) -> Iterator[str]:
    exactness = found.exactness
    for reason, count in exactness.left_out.items():
        yield f"{_counted(count, 'figure')} of exactness left out: {reason}."
    if exactness.one_sided:
        yield f"Told by one of the runs alone: {', '.join(exactness.one_sided)}."


def _counts(found: Comparison) -> Iterator[str]:
    answers = [each.answer for each in found.times.timings]
    answers += [each.answer for each in found.times.parts]
    if answers:
        parts = f" and {_counted(len(found.times.parts), 'group')} of primitives"
        told = _tally(answer.verdict for answer in answers)
        zone = f"dead zone {found.zone:.1%}"
        yield f"{_counted(len(found.times.timings), 'case')}{parts} timed in both: {told} ({zone})."
        yield _trust(answers, found.times.freedom)
    exactness = found.exactness
    senses = _tally(_SENSES[each.sense] for each in exactness.differences)
    if exactness.compared:
        figures = _counted(exactness.compared, "figure")
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
        f"under {DOUBT:.0%} (Student, {_counted(int(freedom), 'degree')} of freedom from the "
        f"processes of both runs). The middle one is {wide} to either side; more --epochs make it "
        "narrower."
    )


def _tally(words: Iterable[str]) -> str:
    told = list(words)
    every = dict.fromkeys([*(word for word in _ORDER if word in told), *told])
    return ", ".join(f"{told.count(word):,} {word}" for word in every) or "none differs"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def conclusion(found: Comparison) -> str:
    """What it comes to, in one sentence."""
    slower = sum(line.verdict == "slower" for line in lines(found))
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
    undecided = sum(line.verdict == "undecided" for line in lines(found))
    rest = [
        *([f"{undecided:,} of the times are undecided"] if undecided else []),
        *([] if times else ["times were not compared"]),
        *([] if figures else ["exactness was not compared"]),
    ]
    return f"{'; '.join([f'Nothing is shown to be {worse}', *rest])}."


# --- whole answers --------------------------------------------------------------------------------


def for_people(found: Comparison, limit: int) -> str:
    """The comparison as text: what differs, the first `limit` lines, and what they come to."""
    every = lines(found)
    rows = [(line.verdict, line.what, line.change, line.why) for line in every[:limit]]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    table = [
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]
    return "\n".join(
        line.rstrip() for line in [*_before(found), *table, *_after(found, every, limit)]
    )


def for_markdown(found: Comparison, limit: int) -> str:
    """The same as Markdown, for a comment or a summary."""
    every = lines(found)
    rows = [_HEADS, tuple("---" for _ in _HEADS)]
    rows += [(line.verdict, line.what, line.change, line.why) for line in every[:limit]]
    table = [f"| {' | '.join(map(_escaped, row))} |" for row in rows] if every else []
    paragraphs = [*_before(found), "\n".join(table), *_after(found, every, limit)]
    return "\n\n".join(text.strip() for text in paragraphs if text)


def _escaped(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;").replace("\n", " ")


def _before(found: Comparison) -> list[str]:
    runs = [f"Base: {found.base}", f"Candidate: {found.candidate}"]
    return [*runs, *found.notes, *_across(found), *_units(found)]


def _after(found: Comparison, every: Sequence[Line], limit: int) -> list[str]:
    hidden = every[limit:]
    rest = [f"Not shown: {_tally(line.verdict for line in hidden)} (--limit)."] if hidden else []
    return [*rest, *_counts(found), *_missing(found), *_left_out(found), conclusion(found)]


def for_machines(found: Comparison, strict: bool) -> str:
    """All of the comparison as one JSON object; infinity is 1e999."""
    record: dict[str, Any] = asdict(found)
    record["conclusion"] = conclusion(found)
    record["regressed"] = found.regressed
    record["exit_status"] = found.exit_status(strict)
    return dump(record)
