"""The result of a gate: in words and a table, in Markdown, as JSON, and as an exit status."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from itertools import islice
from typing import Any

from ..catalog.cases import USUAL, Case
from ..catalog.shell import command
from ..timing.decisions import Decision
from ..timing.ratios import Estimate
from ..timing.verdicts import edge
from ..words import Table, escaped, finite, named, tally, title
from .exactness import Compared
from .gate import Result
from .instructions import Change

_ORDER = ("broken", "slower", "undecided", "unmeasured", "mended", "faster", "same")
_RESULTS = ("different", "better", "worse", "wrong", "broken", "mended", "unmeasured")
_OF_RESULTS = {
    "different": "differ without being worse",
    "better": "are better",
    "wrong": "are wrong in both versions",
}
_COUNTS = ("more", "fewer", "same", "not counted")
_HEAD = (
    *("verdict", "framework", "activation", "form", "mode", "direction", "dtype", "elements"),
    *("µs per call", "time ÷ base", "interval", "processes", "why"),
)
_USUAL = {"device": "cpu", "threads": 1, **USUAL}
_SHOWN = 24
"""Rows of a table; beyond that many, cases that are the same are left to --json."""
SCHEMA = 1


# --- what is wrong --------------------------------------------------------------------------------


def exit_status(result: Result, strict: bool = False) -> int:
    """Return 1 if something is slower, less exact, broken or takes more instructions.

    Otherwise 3 if `strict` and something is undecided, else 0.
    """
    if _wrong_times(result) or _wrong_results(result) or _more_instructions(result):
        return 1
    timed = any(decision.verdict in ("undecided", "unmeasured") for decision in result.timed)
    exact = any(compared.kind == "unmeasured" for compared in result.exact)
    return 3 if strict and (timed or exact) else 0


def _wrong_times(result: Result) -> list[Decision]:
    """Cases that became slower, or that no longer run."""
    return [decision for decision in result.timed if decision.verdict in ("slower", "broken")]


def _wrong_results(result: Result) -> list[Compared]:
    """Cases that became less exact, or that no longer run."""
    return [compared for compared in result.exact if compared.kind in ("worse", "wrong", "broken")]


def _more_instructions(result: Result) -> list[Change]:
    return [change for change in result.counted if change.verdict == "more"]


# --- sentences ------------------------------------------------------------------------------------


def sentence(result: Result) -> str:
    """The outcome in one sentence."""
    under = f" under {result.base_python}" if result.base_python else ""
    against = f"Against {result.base.words}{under}"
    if not result.timed and not result.exact:
        whose = "the chosen cases" if result.chosen else "a case"
        return f"{against}: no function that {whose} could notice differs; nothing was measured."
    parts = [_about_times(result), _about_results(result), _about_instructions(result)]
    return f"{against}: {'; '.join(filter(None, parts))}."


def _about_times(result: Result) -> str:
    if not result.timed:
        return ""
    verdicts = tally((decision.verdict for decision in result.timed), _ORDER)
    worst = max(_wrong_times(result), key=_severity, default=None)
    example = f" (worst: {named(worst.case)}, {_ratio(worst)})" if worst else ""
    return f"of {len(result.timed)} timed cases {verdicts}{example}"


def _severity(decision: Decision) -> float:
    return math.inf if decision.verdict == "broken" else decision.ratio.value


def _ratio(decision: Decision) -> str:
    if decision.verdict == "broken":
        return decision.detail
    ratio = decision.ratio
    return f"{ratio.value:.3g} times ({_interval(ratio)})"


def _interval(ratio: Estimate) -> str:
    return f"{ratio.low:.3g}–{ratio.high:.3g}"


def _about_results(result: Result) -> str:
    if not result.exact:
        return ""
    kinds = [_OF_RESULTS.get(compared.kind, compared.kind) for compared in result.exact]
    order = [_OF_RESULTS.get(kind, kind) for kind in _RESULTS]
    same = f"{kinds.count('identical')} are the same"
    counts = ", ".join(filter(None, (same, tally(kinds, order))))
    first = next(iter(_wrong_results(result)), None)
    example = f" (first: {named(first.case, 'inputs')}, {_fault(first)})" if first else ""
    return f"of {len(result.exact)} results compared exactly {counts}{example}"


def _fault(compared: Compared) -> str:
    return compared.detail or "; ".join(filter(None, (*compared.worse[:1], compared.shown)))


def _about_instructions(result: Result) -> str:
    if not result.counted:
        return ""
    verdicts = tally((change.verdict for change in result.counted), _COUNTS)
    worst = max(_more_instructions(result), key=lambda change: change.ratio, default=None)
    example = f" (worst: {named(worst.case)}, {_counts(worst)})" if worst else ""
    return f"of {len(result.counted)} instruction counts {verdicts}{example}"


def _counts(change: Change) -> str:
    if change.detail:
        return change.detail
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
    fields = {name: value for name, value in case.as_dict().items() if value != _USUAL.get(name)}
    which: dict[str, object] = {"all": True}
    if result.own:
        [own] = [own for own in result.own.frameworks if own.name == case.framework]
        fields = {**fields, "framework": own.arrays, "activation": None, "form": None}
        which = {"callable": own.callable, "reference": case.activation or None}
    return command(
        "gate",
        base=result.base.option,
        base_python=result.base_python or None,
        **which,
        **fields,
        **result.options,
        budget=120,
    )


def _to_repeat(result: Result) -> Iterable[str]:
    """The command that repeats the first case that is slower, or else undecided."""
    verdicts = ("slower", "undecided")
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
    if not compared.detail:
        differ += ", none for the worse"
    parts = [
        differ if compared.kind == "different" else "",
        compared.detail,
        *compared.worse,
        *(f"{text} (better)" for text in compared.better),
        compared.shown if compared.worse or compared.detail else "",
    ]
    return f"{compared.kind}: {named(compared.case, 'inputs')}: {'; '.join(filter(None, parts))}"


# --- the table ------------------------------------------------------------------------------------


def _table(decisions: list[Decision]) -> Table:
    return Table(_HEAD, list(map(_row, decisions)))


def _shown(result: Result) -> list[Decision]:
    """The cases by verdict and ratio; of many, those that are not the same."""
    ordered = sorted(result.timed, key=_rank)
    if len(ordered) <= _SHOWN:
        return ordered
    return [decision for decision in ordered if decision.verdict != "same"] or ordered[:_SHOWN]


def _rank(decision: Decision) -> tuple[int, float]:
    return _ORDER.index(decision.verdict), -_value(decision)


def _value(decision: Decision) -> float:
    return decision.ratio.value if math.isfinite(decision.ratio.value) else 0.0


def _row(decision: Decision) -> tuple[str, ...]:
    case, ratio = decision.case, decision.ratio
    return (
        decision.verdict,
        title(case.framework),
        *(case.activation, case.form, case.mode, case.direction, case.dtype, f"{case.size:,}"),
        f"{decision.nanoseconds / 1e3:.3g}" if decision.nanoseconds else "–",
        f"{ratio.value:.3g}" if decision.processes else "–",
        _interval(ratio) if decision.processes > 1 else "none",
        str(decision.processes),
        decision.detail or decision.why,
    )


# --- whole answers --------------------------------------------------------------------------------


def for_people(result: Result) -> str:
    """Notes, the tables, the promise and the sentence."""
    shown = _shown(result)
    lines = [*result.notes, *(_table(shown).text() if shown else ())]
    if hidden := len(result.timed) - len(shown):
        lines.append(f"… and {hidden} more that are the same (--json lists them).")
    lines += [_exact_line(compared) for compared in result.exact if compared.kind != "identical"]
    lines += [
        f"{change.verdict} instructions: {named(change.case)}: {_counts(change)}"
        for change in result.counted
        if change.verdict != "same"
    ]
    if result.timed:
        lines += ["", promise(result)]
    lines += [f"To repeat one for longer: {text}" for text in _to_repeat(result)]
    return "\n".join([*lines, sentence(result)])


def for_machines(result: Result, strict: bool = False) -> str:
    """One JSON object with everything."""
    record = {
        "schema": SCHEMA,
        "verdict": sentence(result),
        "exit_status": exit_status(result, strict),
        "command": result.command,
        "base": {**result.base.as_dict(), "python": result.base_python},
        "candidate": result.candidate.as_dict(),
        "dead_zone": result.design.zone,
        "called_from": edge(result.design.zone),
        "family_wise_error": result.design.alarm,
        "timing": [decision.as_dict() for decision in result.timed],
        "exactness": [compared.as_dict() for compared in result.exact],
        "instructions": list(map(_change, result.counted)),
        "notes": result.notes,
        "processes": result.processes,
        "seconds": result.seconds,
        "versions": result.versions,
        "machine": result.machine,
    }
    return json.dumps(finite(record), ensure_ascii=False, indent=1)


def _change(change: Change) -> dict[str, Any]:
    names = ("verdict", "base", "candidate", "zone", "detail")
    return {**change.case.as_dict(), **{name: getattr(change, name) for name in names}}


def markdown(result: Result) -> str:
    """A comment for a pull request."""
    wrong = exit_status(result) == 1
    outcome = "slower or less exact" if wrong else "nothing slower or less exact"
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
