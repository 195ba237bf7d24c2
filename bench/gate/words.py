"""The result of a gate: in words and a table, in Markdown, as JSON, and as an exit status."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Literal

from ..catalog.again import again
from ..catalog.asked import Name
from ..catalog.cases import Case
from ..host.machine import Machine
from ..results import words
from ..results.answers import Number, as_record, like
from ..results.estimate import Estimate
from ..results.rows import Row
from ..timing import decisions
from ..timing.decisions import Decision
from ..timing.verdicts import Verdict, edge
from ..words import (
    Table,
    besides,
    changed,
    counted,
    escaped,
    finite,
    named,
    tally,
    title,
)
from ..worker.protocol import Arm, Failure
from . import exactness
from .exactness import MEASURES, Compared, Example, Kind
from .gate import Result
from .instructions import Change
from .instructions import Verdict as CountVerdict
from .select import Part

_ORDER = (
    *(Verdict.BROKEN, Verdict.UNMEASURED, Verdict.SLOWER, Verdict.UNDECIDED, Verdict.UNSUPPORTED),
    *(Verdict.MENDED, Verdict.NEW, Verdict.FASTER, Verdict.SAME),
)
_UNJUDGED = "differ, and no reference says which is right"
_OF_RESULTS = {Kind.DIFFERENT: "differ without being worse", Kind.BETTER: "are better"}
_RESULTS = (
    *(_OF_RESULTS[Kind.DIFFERENT], _UNJUDGED, _OF_RESULTS[Kind.BETTER]),
    *(Kind.WORSE, Kind.WRONG, Kind.BROKEN, Kind.MENDED, Kind.NEW),
    *(Kind.UNMEASURED, Kind.UNSUPPORTED),
)
_MEANINGS = {
    "max_ulp_near": "largest error in [−20, 20], ulp",
    "max_absolute_near": "largest distance in [−20, 20]",
    "trouble_outside": "inputs outside [−20, 20] in trouble",
    "max_ulp": "largest error, ulp",
    "max_ulp_flushed": "largest error with subnormals contracted, ulp",
    "max_ulp_parameter": "largest error of a learned parameter's gradient, ulp",
    "not_correctly_rounded": "results not correctly rounded",
    "nan_mismatches": "NaN out of place",
    "infinity_mismatches": "infinities out of place",
    "sign_mismatches": "signs out of place",
    "special_departures": "special points far from the exact value",
    "special_row": "results of a special row far from the exact ones",
    "nan_kept": "NaN stays NaN",
    "subnormal_kept": "subnormals are kept",
    "sign_of_zero": "the sign of zero at −0",
    "gradient_at_kink": "the gradient at a kink",
}
_COUNTS = ("more", "fewer", "same", "not counted")
_HEAD = (
    *("verdict", "framework", "activation", "form", "mode", "direction", "dtype", "elements"),
    *("µs per call", "time ÷ base", "interval", "processes", "why"),
)
_SHOWN = 24
"""The most rows of a table; beyond that, cases that are the same are left to --json."""
SCHEMA: Literal[2] = 2


# --- what is wrong --------------------------------------------------------------------------------


def exit_status(result: Result, strict: bool = False) -> int:
    """Return 1 for a regression, or something that could not be compared, unless accepted by name.

    A regression is something that became worse, does not run or is gone. Otherwise 3 if `strict`
    and something is undecided, else 0.
    """
    if _regressions(result) or _uncompared(result):
        return 1
    undecided = any(decision.verdict is Verdict.UNDECIDED for decision in result.timed)
    return 3 if strict and undecided else 0


def _regressions(result: Result) -> bool:
    """Return whether something is slower, less exact or gone, or takes more instructions."""
    worse = [*_wrong_times(result), *_wrong_results(result), *_more_instructions(result)]
    return bool(worse) or any(not part.accepted for part in result.gone)


def _wrong_times(result: Result) -> list[Decision]:
    """The cases that became slower, or that no longer run."""
    wrong = (Verdict.SLOWER, Verdict.BROKEN)
    return [timed for timed in result.timed if timed.verdict in wrong and not timed.accepted]


def _wrong_results(result: Result) -> list[Compared]:
    """The cases that became less exact or no longer run, and those that nothing judges."""
    return [
        compared
        for compared in result.exact
        if compared.fails and compared.kind is not Kind.UNMEASURED and not compared.accepted
    ]


def _more_instructions(result: Result) -> list[Change]:
    more = (change for change in result.counted if change.verdict == "more")
    return [change for change in more if not change.accepted]


def _uncompared(result: Result) -> bool:
    """Return whether something that was to be compared was not."""
    verdicts = {change.verdict for change in result.counted}
    return bool(_unmeasured(result) or result.lacking) or verdicts == {"not counted"}


def _unmeasured(result: Result) -> list[Decision | Compared]:
    """The cases that run in neither version.

    And, where no results were compared, those that only run in the candidate: nothing says that
    they are right.
    """
    held = {_form(compared.case) for compared in result.exact}
    alone = (Verdict.MENDED, Verdict.NEW)
    return [
        *(
            timed
            for timed in result.timed
            if timed.verdict is Verdict.UNMEASURED
            or (timed.verdict in alone and _form(timed.case) not in held)
        ),
        *(compared for compared in result.exact if compared.kind is Kind.UNMEASURED),
    ]


def _form(case: Case) -> tuple[str, str, str]:
    return case.framework, case.activation, case.form


# --- sentences ------------------------------------------------------------------------------------


def sentence(result: Result) -> str:
    """The outcome in one sentence."""
    under = f" under {result.base_python}" if result.base_python else ""
    against = f"Against {result.base.words}{under}"
    parts = [
        *(_about_times(result), _about_results(result), _about_instructions(result)),
        *(_about_gone(result.gone), _about_new(result.new), _about_lacking(result.lacking)),
    ]
    if not any(parts):
        whose = "the chosen cases" if result.chosen else "a case"
        return f"{against}: no function that {whose} could notice differs; nothing was measured."
    return f"{against}: {'; '.join(filter(None, parts))}."


def _about_gone(gone: Sequence[Part]) -> str:
    """`2 gone: NumPy relu_max, PyTorch compiled (accepted)`."""
    listed = [f"{_part(part)}{' (accepted)' if part.accepted else ''}" for part in gone]
    return f"{len(gone)} gone: {_some(listed)}" if gone else ""


def _about_new(new: Sequence[Part]) -> str:
    return f"{len(new)} new, so without a base: {_some(list(map(_part, new)))}" if new else ""


def _part(part: Part) -> str:
    return f"{title(part.framework)} {part.function or part.mode}"


def _about_lacking(lacking: Sequence[Name]) -> str:
    """`not compared at all: dtype bfloat16, framework PyTorch`."""
    listed = [
        f"{name.what} {title(name.text) if name.what == 'framework' else name.text}"
        for name in lacking
    ]
    return f"not compared at all: {_some(listed)}" if listed else ""


def _some(listed: Sequence[str], most: int = 6) -> str:
    rest = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + rest


def _about_times(result: Result) -> str:
    if not result.timed:
        return ""
    verdicts = tally((decision.verdict for decision in result.timed), _ORDER)
    worst = max(_wrong_times(result), key=_severity, default=None)
    example = f" (worst: {named(worst.case)}, {_ratio(worst)})" if worst else ""
    return f"of {len(result.timed)} timed cases {verdicts}{example}"


def _severity(decision: Decision) -> float:
    return math.inf if decision.verdict is Verdict.BROKEN else decision.ratio.value


def _ratio(decision: Decision) -> str:
    if decision.verdict is Verdict.BROKEN:
        return reasons(decision.failures)
    ratio, beside = decision.ratio, besides(decision.besides)
    return f"{ratio.value:.3g} times ({_interval(ratio)}){f'; {beside}' if beside else ''}"


def _interval(ratio: Estimate) -> str:
    return f"{ratio.low:.3g}–{ratio.high:.3g}"


def _about_results(result: Result) -> str:
    if not result.exact:
        return ""
    kinds = list(map(_kind, result.exact))
    same = f"{kinds.count(Kind.IDENTICAL)} are the same"
    counts = ", ".join(filter(None, (same, tally(kinds, _RESULTS))))
    first = next(iter(_wrong_results(result)), None)
    example = f" (first: {named(first.case, 'inputs')}, {_fault(first)})" if first else ""
    return f"of {len(result.exact)} results compared exactly {counts}{example}"


def _kind(compared: Compared) -> str:
    if compared.kind is Kind.DIFFERENT and not compared.judged:
        return _UNJUDGED
    return _OF_RESULTS.get(compared.kind, compared.kind)


def _fault(compared: Compared) -> str:
    figures = (_change(change) for change in compared.worse[:1])
    shown = _example(compared.shown) if compared.shown else ""
    return "; ".join(filter(None, (_unjudged(compared), *figures, shown)))


def _unjudged(compared: Compared) -> str:
    """The failures of a case, or a note that nothing says whether it is right."""
    unknown = "" if compared.judged else "no --reference says what is right"
    return "; ".join(filter(None, (reasons(compared.failures), unknown)))


def reasons(failures: Mapping[Arm, Failure]) -> str:
    """`the base: …; the candidate: …`; only once for a failure of their shared process."""
    if len(failures) > 1 and len(set(failures.values())) == 1:
        return next(iter(failures.values())).reason
    return "; ".join(f"the {arm}: {failure.reason}" for arm, failure in failures.items())


def _change(change: exactness.Change) -> str:
    """`largest error, ulp: 0.5 → 2`."""
    meaning, rows = _MEANINGS[change.metric], (change.before, change.after)
    values = [row.value for row in rows if row and row.value is not None]
    if change.metric in MEASURES and len(values) == len(rows):
        return f"{meaning}: {changed(*values)}"
    return f"{meaning}: {' → '.join(map(_described, rows))}"


def _described(row: Row | None) -> str:
    if row is None:
        return "none"
    detail = words.about(row)
    return f"{row.value:.6g}" + (f" ({detail})" if detail else "")


def _example(shown: Example) -> str:
    """`at 0x1p+0 (1.0): 1.0 → 2.0, exact 1.0`."""
    x = f" ({shown.place.x!r})" if shown.place.input else ""
    exact = "" if shown.exact is None else f", exact {_number(shown.exact)}"
    return f"at {words.place(shown.place)}{x}: {shown.before!r} → {shown.after!r}{exact}"


def _number(value: float) -> str:
    return "not a number" if math.isnan(value) else repr(value)


def _about_instructions(result: Result) -> str:
    if not result.counted:
        return ""
    verdicts = tally((change.verdict for change in result.counted), _COUNTS)
    worst = max(_more_instructions(result), key=lambda change: change.ratio, default=None)
    example = f" (worst: {named(worst.case)}, {_counts(worst)})" if worst else ""
    return f"of {len(result.counted)} instruction counts {verdicts}{example}"


def _counts(change: Change) -> str:
    if change.failures:
        return reasons(change.failures)
    return (
        f"{change.base:,.0f} → {change.candidate:,.0f} per call "
        f"({100 * (change.ratio - 1):+.3g}%, called beyond {change.zone:.1%})"
    )


def promise(result: Result) -> str:
    """A paragraph on the meaning and the error rates of the verdicts on time."""
    design = result.design
    return (
        f"Slower means more than {edge(design.zone) - 1:.1%} slower, confirmed in fresh "
        "processes; the chance of any false slower or faster in the whole gate is below "
        f"{design.alarm:.0%}, as far as the values of processes are nearly normal. "
        f"Same means within {design.zone:.0%}. A change between the two "
        f"may be called either way. {result.processes} processes per framework, "
        f"{result.seconds.get('timed', 0.0):.0f} s of timing."
    )


def repeat(result: Result, case: Case) -> str:
    """The command that compares one case again, for longer."""
    return again(
        [case],
        "gate",
        functions={function.name: function for function in result.own},
        base=result.base.option,
        base_python=result.base_python or None,
        all=not result.own,
        **result.options,
        budget=120,
    )


def _to_repeat(result: Result) -> Iterable[str]:
    """The command that repeats the first case that is slower, or else undecided."""
    verdicts = (Verdict.SLOWER, Verdict.UNDECIDED)
    doubtful = (
        decision.case
        for verdict in verdicts
        for decision in result.timed
        if decision.verdict == verdict
    )
    return [repeat(result, case) for case in islice(doubtful, 1)]


def _exact_line(compared: Compared) -> str:
    """The line on a case's results: what is worse, what is better, and an input that shows it."""
    differ = f"{compared.differing:,} of {compared.tested:,} results differ"
    if compared.judged:
        differ += ", none for the worse"
    shown = compared.shown if compared.worse or not compared.judged else None
    parts = [
        differ if compared.kind is Kind.DIFFERENT else "",
        _unjudged(compared),
        *map(_change, compared.worse),
        *(f"{_change(change)} (better)" for change in compared.better),
        _example(shown) if shown else "",
    ]
    kind = f"{compared.kind}{', accepted' if compared.accepted else ''}"
    return f"{kind}: {named(compared.case, 'inputs')}: {'; '.join(filter(None, parts))}"


def _exact_lines(result: Result) -> Iterator[str]:
    """A line per case whose results differ; cases that neither version has, by reason."""
    without: dict[str, list[Compared]] = {}
    for compared in result.exact:
        if compared.kind is Kind.UNSUPPORTED:
            without.setdefault(reasons(compared.failures), []).append(compared)
        elif compared.kind is not Kind.IDENTICAL:
            yield _exact_line(compared)
    for reason, several in without.items():
        yield f"unsupported in both versions: {counted(len(several), 'case')}: {reason}"


# --- the table ------------------------------------------------------------------------------------


def _table(decisions: list[Decision]) -> Table:
    return Table(_HEAD, list(map(_row, decisions)))


def _shown(result: Result) -> list[Decision]:
    """The cases by verdict and ratio; of many, those that are not the same."""
    ordered = sorted(result.timed, key=_rank)
    if len(ordered) <= _SHOWN:
        return ordered
    return [timed for timed in ordered if timed.verdict is not Verdict.SAME] or ordered[:_SHOWN]


def _rank(decision: Decision) -> tuple[int, float]:
    return _ORDER.index(decision.verdict), -_value(decision)


def _value(decision: Decision) -> float:
    return decision.ratio.value if math.isfinite(decision.ratio.value) else 0.0


def _row(decision: Decision) -> tuple[str, ...]:
    case, ratio = decision.case, decision.ratio
    return (
        f"{decision.verdict}{', accepted' if decision.accepted else ''}",
        title(case.framework),
        *(case.activation, case.form, case.mode, case.direction, case.dtype, f"{case.size:,}"),
        f"{decision.nanoseconds / 1e3:.3g}" if decision.nanoseconds else "–",
        f"{ratio.value:.3g}" if decision.processes else "–",
        _interval(ratio) if decision.processes > 1 else "none",
        str(decision.processes),
        "; ".join(
            filter(None, (reasons(decision.failures) or decision.why, besides(decision.besides)))
        ),
    )


# --- whole answers --------------------------------------------------------------------------------


def for_people(result: Result) -> str:
    """The notes, the tables, the promise and the sentence."""
    shown = _shown(result)
    lines = [*result.notes, *(_table(shown).text() if shown else ())]
    if hidden := len(result.timed) - len(shown):
        lines.append(f"… and {hidden} more that are the same (--json lists them).")
    lines += _exact_lines(result)
    lines += [
        f"{change.verdict} instructions: {named(change.case)}: {_counts(change)}"
        for change in result.counted
        if change.verdict != "same"
    ]
    if result.timed:
        lines += ["", promise(result)]
    lines += [f"Nothing needed --accept {name}." for name in result.unneeded]
    lines += [f"To repeat one for longer: {text}" for text in _to_repeat(result)]
    return "\n".join([*lines, sentence(result)])


@dataclass(frozen=True)
class Candidate:
    """A version: its name, its commit, empty where it has none, and whether changes came after."""

    label: str
    commit: str
    dirty: bool


@dataclass(frozen=True)
class Base(Candidate):
    """The version compared with, and the interpreter that it ran under, empty for the same one."""

    python: str


@dataclass(frozen=True, kw_only=True)
class Counted(Case):
    """A case with its instructions per call in both versions, null where they were not counted."""

    verdict: CountVerdict
    base: Number
    candidate: Number
    zone: Number
    failures: Mapping[Arm, Failure]
    accepted: bool


@dataclass(frozen=True)
class Answer:
    """Everything that a gate measured, and its verdict. A ratio that is not known is null.

    A change is called from `called_from` times on; `family_wise_error` bounds the probability that
    any call of slower or faster is wrong. `seconds` are of each part.
    """

    schema: Literal[2]
    verdict: str
    exit_status: int
    command: str
    base: Base
    candidate: Candidate
    dead_zone: float
    called_from: float
    family_wise_error: float
    timing: list[Annotated[dict[str, Any], like(decisions.RECORD)]]
    exactness: list[Annotated[dict[str, Any], like(exactness.RECORD)]]
    instructions: list[Counted]
    new: Sequence[Part]
    gone: Sequence[Part]
    lacking: Sequence[Name]
    unneeded: Sequence[str]
    notes: Sequence[str]
    processes: int
    seconds: Mapping[str, float]
    versions: Mapping[str, Mapping[str, str]]
    machine: Annotated[dict[str, Any], like(Machine)]


def for_machines(result: Result, strict: bool = False) -> str:
    """All of the result as one JSON object."""
    record = Answer(
        schema=SCHEMA,
        verdict=sentence(result),
        exit_status=exit_status(result, strict),
        command=result.command,
        base=Base(**result.base.as_dict(), python=result.base_python),
        candidate=Candidate(**result.candidate.as_dict()),
        dead_zone=result.design.zone,
        called_from=edge(result.design.zone),
        family_wise_error=result.design.alarm,
        timing=[decision.as_dict() for decision in result.timed],
        exactness=[compared.as_dict() for compared in result.exact],
        instructions=list(map(_count, result.counted)),
        new=result.new,
        gone=result.gone,
        lacking=result.lacking,
        unneeded=result.unneeded,
        notes=result.notes,
        processes=result.processes,
        seconds=result.seconds,
        versions=result.versions,
        machine=result.machine,
    )
    return json.dumps(finite(as_record(record)), ensure_ascii=False, indent=1)


def _count(change: Change) -> Counted:
    names = ("verdict", "base", "candidate", "zone", "failures", "accepted")
    fields = {name: getattr(change, name) for name in names}
    return Counted(**change.case.as_dict(), **fields)


def markdown(result: Result) -> str:
    """A comment for a pull request."""
    outcome = "nothing slower or less exact"
    if _regressions(result):
        outcome = "slower or less exact"
    elif _uncompared(result):
        outcome = "not everything could be compared"
    lines = [f"### actbench gate: {outcome}", "", escaped(sentence(result)), ""]
    if table := _table(_shown(result)).markdown():
        lines += [*table, ""]
    lines += [
        f"- **more instructions** {named(change.case)}: {_counts(change)}"
        for change in _more_instructions(result)
    ]
    for compared in _wrong_results(result):
        fault = f"{named(compared.case, 'inputs')}: {_fault(compared)}"
        lines.append(f"- **{compared.kind}** {escaped(fault)}")
    lines += [f"- {escaped(note)}" for note in result.notes]
    if result.timed:
        lines += ["", f"<sub>{promise(result)}</sub>"]
    for text in _to_repeat(result):
        lines += ["", f"To repeat one for longer: `{text}`"]
    return "\n".join(lines)
