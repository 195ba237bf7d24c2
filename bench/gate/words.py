"""What a gate found: in words and a table, in Markdown, as JSON, and as an exit status."""

from __future__ import annotations

import json
import math
import shlex
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..catalog.cases import Case
from ..catalog.frameworks import frameworks
from ..timing.decisions import Decision
from ..timing.verdicts import edge
from .exactness import Compared as Exact
from .gate import Result
from .instructions import Change

_WRONG_TIME = ("slower", "broken")
_WRONG_RESULTS = ("worse", "broken")
_ORDER = ("broken", "slower", "undecided", "unmeasured", "mended", "faster", "same")
_SHOWN = 24
"""Rows of a table; beyond, those that say nothing are left to --json."""
SCHEMA = 1
_USUAL = {"device": "cpu", "threads": 1, "output": "fresh"}


def exit_status(result: Result, strict: bool = False) -> int:
    """1 if something is slower, less exact, broken or takes more instructions; 3 if undecided.

    The latter where `strict`; else 0.
    """
    if wrong_time(result) or wrong_results(result) or more_instructions(result):
        return 1
    return 3 if strict and undecided(result) else 0


def wrong_time(result: Result) -> list[Decision]:
    """Cases that became slower, or that no longer run."""
    return [each for each in result.timed if each.verdict in _WRONG_TIME]


def wrong_results(result: Result) -> list[Exact]:
    """Cases that became less exact, or that no longer run."""
    return [each for each in result.exact if each.kind in _WRONG_RESULTS]


def more_instructions(result: Result) -> list[Change]:
    """Cases that take more instructions a call, where they were counted."""
    return [each for each in result.counted if each.verdict == "more"]


def undecided(result: Result) -> list[Decision | Exact]:
    """Cases on which the gate has no verdict."""
    timed = [each for each in result.timed if each.verdict in ("undecided", "unmeasured")]
    return [*timed, *(each for each in result.exact if each.kind == "unmeasured")]


def sentence(result: Result) -> str:
    """The outcome in a sentence or two: what is wrong first."""
    under = f" under {result.base_python}" if result.base_python else ""
    against = f"Against {result.base.words}{under}"
    if not result.timed and not result.exact:
        whose = "the chosen cases" if result.chosen else "a case"
        return f"{against}: no function that {whose} could notice differs: nothing was measured."
    parts = [_timing_words(result), _exactness_words(result), _instruction_words(result)]
    return f"{against}: {'; '.join(filter(None, parts))}."


def _timing_words(result: Result) -> str:
    if not result.timed:
        return ""
    counts: Counter[str] = Counter(each.verdict for each in result.timed)
    worst = max(wrong_time(result), key=_severity, default=None)
    told = ", ".join(f"{counts[kind]} {kind}" for kind in _ORDER if counts[kind])
    named = f" (worst: {_name(worst.case)}, {_ratio(worst)})" if worst else ""
    return f"of {len(result.timed)} timed cases {told}{named}"


def _severity(each: Decision) -> float:
    return math.inf if each.verdict == "broken" else each.ratio.value


def _exactness_words(result: Result) -> str:
    if not result.exact:
        return ""
    wrong = wrong_results(result)
    same = sum(each.kind == "identical" for each in result.exact)
    told = f"of {len(result.exact)} results compared exactly {same} are the same"
    counts: Counter[str] = Counter(each.kind for each in result.exact)
    kinds = ("different", "better", "worse", "broken", "mended", "unmeasured")
    words = {"different": "differ without being worse", "better": "are better"}
    others = [f"{counts[kind]} {words.get(kind, kind)}" for kind in kinds if counts[kind]]
    told = ", ".join([told, *others])
    return (
        f"{told} (first: {_name(wrong[0].case, 'inputs')}, {_first(wrong[0])})" if wrong else told
    )


def _instruction_words(result: Result) -> str:
    if not result.counted:
        return ""
    counts: Counter[str] = Counter(each.verdict for each in result.counted)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    worst = max(more_instructions(result), key=lambda each: each.ratio, default=None)
    named = f" (worst: {_name(worst.case)}, {_counts(worst)})" if worst else ""
    return f"of {len(result.counted)} instruction counts {told}{named}"


def _counts(each: Change) -> str:
    if each.detail:
        return each.detail
    return (
        f"{each.base:,.0f} → {each.candidate:,.0f} a call, {each.ratio:.3f} times, "
        f"called from {each.zone:.1%} on"
    )


def _first(each: Exact) -> str:
    return each.detail or "; ".join(filter(None, (*each.worse[:1], each.shown)))


def promise(result: Result) -> str:
    """What the verdicts on time are worth."""
    design = result.design
    return (
        f"Slower means: more than {edge(design.zone) - 1:.1%} slower, confirmed in processes of "
        f"its own; the chance of any false slower or faster in this whole gate is held below "
        f"{design.alarm:.0%}, as far as the values of processes are nearly normal. "
        f"Same means: within {design.zone:.0%}. A change between these two "
        f"may be called either way. {result.processes} processes a framework, "
        f"{result.seconds.get('timed', 0.0):.0f} s of timing."
    )


def for_people(result: Result) -> str:
    """Notes, the tables, the promise and the sentence."""
    lines = [*result.notes, *_text(_time_rows(result))]
    if hidden := len(result.timed) - len(_shown(result.timed)):
        lines.append(f"… and {hidden} more that are the same: --json has them.")
    lines += [_exact_line(each) for each in result.exact if each.kind != "identical"]
    for change in result.counted:
        if change.verdict != "same":
            lines.append(f"{change.verdict} instructions: {_name(change.case)}: {_counts(change)}")
    if result.timed:
        lines += ["", promise(result)]
    lines += [f"Repeat one longer: {repeat(result, each.case)}" for each in _doubtful(result)[:1]]
    return "\n".join([*lines, sentence(result)])


def _doubtful(result: Result) -> list[Decision]:
    return sorted(
        (each for each in result.timed if each.verdict in ("slower", "undecided")),
        key=lambda each: _ORDER.index(each.verdict),
    )


def repeat(result: Result, case: Case) -> str:
    """The command that compares one case again, with more time."""
    which = f"--all --activation {shlex.quote(case.activation)} --form {case.form}"
    if result.own:
        known = f" --reference {shlex.quote(result.own.label)}" if result.own.label else ""
        which = f"--callable {shlex.quote(result.own.function)}{known}"
    under = f" --base-python {shlex.quote(result.base_python)}" if result.base_python else ""
    unusual = [
        f"--{name} {getattr(case, name)}"
        for name, usual in _USUAL.items()
        if getattr(case, name) != usual
    ]
    words = [
        f"actbench gate --base {shlex.quote(result.base.option)}{under} {which}",
        f"--framework {case.framework} --mode {case.mode} --direction {case.direction}",
        f"--dtype {case.dtype} --size {case.size}",
        *unusual,
        *result.options,
        "--budget 120",
    ]
    return " ".join(words)


def _exact_line(each: Exact) -> str:
    """What is wrong with a case's results first, then what is better, then where it shows."""
    differ = f"{each.differing:,} of {each.tested:,} results differ"
    parts = [
        f"{differ}{', none is worse' * (not each.detail)}" if each.kind == "different" else "",
        each.detail,
        *each.worse,
        *(f"{text} (better)" for text in each.better),
        each.shown if each.worse or each.detail else "",
    ]
    return f"{each.kind}: {_name(each.case, 'inputs')}: {'; '.join(filter(None, parts))}"


def for_machines(result: Result, strict: bool = False) -> str:
    """One JSON object with everything."""
    return json.dumps(
        {
            "schema": SCHEMA,
            "verdict": sentence(result),
            "exit_status": exit_status(result, strict),
            "command": result.command,
            "base": {**result.base.as_dict(), "python": result.base_python},
            "candidate": result.candidate.as_dict(),
            "dead_zone": result.design.zone,
            "called_from": edge(result.design.zone),
            "family_wise_error": result.design.alarm,
            "timing": [_finite(each.as_dict()) for each in result.timed],
            "exactness": [_finite(each.as_dict()) for each in result.exact],
            "instructions": [_finite(_change(each)) for each in result.counted],
            "notes": result.notes,
            "processes": result.processes,
            "seconds": result.seconds,
            "versions": result.versions,
            "machine": result.machine,
        },
        ensure_ascii=False,
        indent=1,
    )


def _change(each: Change) -> dict[str, Any]:
    fields = ("verdict", "base", "candidate", "zone", "detail")
    return {**each.case.as_dict(), **{name: getattr(each, name) for name in fields}}


def _finite(record: dict[str, Any]) -> dict[str, Any]:
    """The record with null for what JSON has no number for."""

    def value(each: Any) -> Any:
        if isinstance(each, dict):
            return _finite(each)
        return None if isinstance(each, float) and not math.isfinite(each) else each

    return {name: value(each) for name, each in record.items()}


def markdown(result: Result) -> str:
    """A comment for a pull request."""
    wrong = exit_status(result) == 1
    title = "became slower or less exact" if wrong else "nothing slower or less exact found"
    lines = [f"### actbench gate: {title}", "", _escaped(sentence(result)), ""]
    rows = _time_rows(result)
    if len(rows) > 1:
        lines += [f"| {' | '.join(rows[0])} |", "|" + "---|" * len(rows[0])]
        lines += [f"| {' | '.join(map(_escaped, row))} |" for row in rows[1:]]
        lines.append("")
    for change in more_instructions(result):
        lines.append(f"- **more instructions** {_name(change.case)}: {_counts(change)}")
    for each in wrong_results(result):
        told = f"{_name(each.case, 'inputs')}: {_first(each)}"
        lines += [f"- **{each.kind}** {_escaped(told)}"]
    lines += [f"- {_escaped(note)}" for note in result.notes]
    if result.timed:
        lines += ["", f"<sub>{promise(result)}</sub>"]
    for doubtful in _doubtful(result)[:1]:
        lines += ["", f"Repeat one longer: `{repeat(result, doubtful.case)}`"]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    for character in "\\`*_<>|[]":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())


_HEAD = (
    *("verdict", "framework", "activation", "form", "mode", "direction", "dtype", "elements"),
    *("µs a call", "time ÷ base", "interval", "processes", "why"),
)


def _time_rows(result: Result) -> list[tuple[str, ...]]:
    return [_HEAD, *map(_row, _shown(result.timed))] if result.timed else []


def _shown(timed: Sequence[Decision]) -> list[Decision]:
    ordered = sorted(timed, key=lambda each: (_ORDER.index(each.verdict), -_known(each)))
    if len(ordered) <= _SHOWN:
        return ordered
    telling = [each for each in ordered if each.verdict != "same"]
    return telling or ordered[:_SHOWN]


def _known(each: Decision) -> float:
    return each.ratio.value if math.isfinite(each.ratio.value) else 0.0


def _row(each: Decision) -> tuple[str, ...]:
    case, ratio = each.case, each.ratio
    interval = f"{ratio.low:.3f}–{ratio.high:.3f}" if each.processes > 1 else "none"
    return (
        each.verdict,
        frameworks()[case.framework].title,
        *(case.activation, case.form, case.mode, case.direction, case.dtype, f"{case.size:,}"),
        f"{each.nanoseconds / 1e3:.4g}" if each.nanoseconds else "–",
        f"{ratio.value:.3f}" if each.processes else "–",
        *(interval, str(each.processes)),
        each.detail or each.why,
    )


def _text(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _ratio(each: Decision) -> str:
    if each.verdict == "broken":
        return each.detail
    return f"{each.ratio.value:.3f} times ({each.ratio.low:.3f}–{each.ratio.high:.3f})"


def _name(case: Case, of: str = "elements") -> str:
    return (
        f"{frameworks()[case.framework].title} {case.activation} {case.form}, {case.mode}, "
        f"{case.direction}, {case.dtype}" + (f", {case.size:,} {of}" if case.size else "")
    )
