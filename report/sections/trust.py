"""Trust in the numbers: the amount measured, the intervals, and the machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from ...bench.host import floating_point
from ...bench.results.rows import Ended
from ...bench.results.status import Status
from ...bench.results.store import Run
from ..read.evidence import Evidence, Missing, Timed, with_device
from ..words import counted, elements, listing, machine, title
from . import gate

ORDER = 15
TITLE = "How far to trust it"
LINK = "Trust"
_SHOWN = 3
"""Refused cases that are named."""
_WIDE: Mapping[Ended, str] = {
    Ended.DIFFER: "stayed wider because processes differ",
    Ended.BUDGET: "stayed wider when the budget ended",
}


def content(evidence: Evidence) -> Mapping[str, Any]:
    """The state of each run, caveats, and frameworks that were not measured."""
    return {
        "states": state(evidence),
        "caveats": caveats(evidence),
        "absent": [] if gate.leads(evidence) else absent(evidence),
    }


def state(evidence: Evidence) -> list[tuple[str, list[tuple[str, str]]]]:
    """The facts of trust by run: its name, and labels with their texts."""
    return [(name, _state(evidence, name, run)) for name, run in evidence.runs.items()]


def unfinished(evidence: Evidence) -> list[str]:
    """Sentences on runs that did not finish."""
    return [
        f"Run {name} is {run.facts.state}, not finished: it holds only what was measured until "
        "then."
        for name, run in evidence.runs.items()
        if run.facts.state != "finished"
    ]


def caveats(evidence: Evidence) -> list[str]:
    """Caveats with which the numbers must be read."""
    sentences = []
    for name, run in evidence.runs.items():
        timed = [case for case in evidence.timed if case.run == name]
        alone = sum(map(evidence.in_one_process, timed))
        if alone:
            sentences.append(
                f"Run {name} timed {alone:,} of {counted(len(timed), 'case')} in one process: "
                "their intervals do not contain differences between processes."
            )
        sentences += [f"Run {name}. {text}" for text in floating_point.sentences(run.facts.workers)]
    return sentences


def refusals(evidence: Evidence) -> list[str]:
    """Refused cases of each run, whose times would mislead: a finding in itself."""
    refused = [missing for missing in evidence.missing if missing.status is Status.REFUSED]
    of_runs = {
        name: [missing for missing in refused if missing.run == name] for name in evidence.runs
    }
    return [_refusal(name, of_run) for name, of_run in of_runs.items() if of_run]


def _refusal(run: str, refused: Sequence[Missing]) -> str:
    shown = []
    for missing in refused[:_SHOWN]:
        case, reason = missing.case, missing.reason.rstrip(".") or "no reason was kept"
        shown.append(
            f"{title(case.framework)} {case.activation} {case.form} {case.mode} {case.direction} "
            f"({case.dtype}, {elements(case.size)}): {reason}"
        )
    more = f" and {len(refused) - _SHOWN:,} more" * (len(refused) > _SHOWN)
    cases = counted(len(refused), "case")
    return f"Run {run} refused {cases}, whose times would mislead. {'; '.join(shown)}{more}."


# --- what was not measured ------------------------------------------------------------------------


def absent(evidence: Evidence) -> list[tuple[str, str]]:
    """Frameworks that no run measured: why, and the command that measures them."""
    measured = {timed.case.framework for timed in evidence.timed}
    measured |= {checked.case.framework for checked in evidence.checked}
    known = dict.fromkeys(name for run in evidence.runs.values() for name in run.facts.frameworks)
    return [_absent(evidence, name) for name in known if name not in measured]


def _absent(evidence: Evidence, framework: str) -> tuple[str, str]:
    """A framework whose worker refused is offered where every framework works: on the CPU."""
    refused = _of_worker(evidence, framework)
    command = f"actbench run --framework {framework}"
    reason = refused or _of_rows(evidence, framework) or _of_end(evidence, framework)
    these = "this run" if len(evidence.runs) == 1 else "these runs"
    return (
        f"{title(framework)} was not measured in {these}: {reason.rstrip('.')}.",
        command if refused else with_device(evidence, command),
    )


def _of_worker(evidence: Evidence, framework: str) -> str:
    for run in evidence.runs.values():
        for worker in run.facts.workers_of(framework):
            if worker.reason:
                return worker.reason
    return ""


def _of_rows(evidence: Evidence, framework: str) -> str:
    """The commonest reason of its rows; of failures, where any case failed."""
    reasons = Counter(
        (missing.status, missing.reason)
        for missing in evidence.missing
        if missing.case.framework == framework
    )
    if not reasons:
        return ""
    status, reason = min(reasons, key=lambda key: (key[0] is Status.UNSUPPORTED, -reasons[key]))
    return f"{status}: {reason or 'no reason was kept'}"


def _of_end(evidence: Evidence, framework: str) -> str:
    """The reason a framework has no row: the run ended before it, or it was not asked for."""
    for run in evidence.runs.values():
        asked = run.facts.asked.get("frameworks") or [framework]
        if run.facts.state != "finished" and framework in asked:
            return "nothing of it was measured before the run ended"
    return "not asked for"


# --- the state of a run ---------------------------------------------------------------------------


def _state(evidence: Evidence, name: str, run: Run) -> list[tuple[str, str]]:
    timed = [case for case in evidence.timed if case.run == name]
    checked = sum(case.run == name for case in evidence.checked)
    facts = [
        (
            "Measured",
            f"{counted(len(timed), 'case')} timed and {checked:,} checked for exactness; "
            f"{_failures(evidence, name)}; {run.facts.state}",
        ),
        ("Intervals", "; ".join(filter(None, [_widths(timed), _sampling(run, timed)]))),
        ("Checks", _checks(evidence, name, len(timed))),
        ("Machine", _machine(run)),
        ("Time", "; ".join(_time(run))),
    ]
    return [(label, f"{text}.") for label, text in facts if text]


def _failures(evidence: Evidence, name: str) -> str:
    statuses = Counter(missing.status for missing in evidence.missing if missing.run == name)
    unsupported = statuses.pop(Status.UNSUPPORTED, 0)
    refused = statuses.pop(Status.REFUSED, 0)
    failed = sum(statuses.values())
    kinds = listing([f"{amount} {status}" for status, amount in sorted(statuses.items())])
    text = f"{failed:,} failed{f' ({kinds})' * bool(kinds)}, {unsupported:,} unsupported"
    return f"{refused:,} REFUSED, {text}" if refused else text


def _widths(timed: Sequence[Timed]) -> str:
    widths = [width for case in timed if (width := case.time.width) is not None]
    if not widths:
        return "no intervals" * bool(timed)
    return f"median width {median(widths):.1%} of the value, from end to end"


def _sampling(run: Run, timed: Sequence[Timed]) -> str:
    """The ways that sampling ended, counted over the cases that record it."""
    counts = Counter(case.ended for case in timed if case.ended in (Ended.NARROW, *_WIDE))
    if not counts:
        return ""
    rest = [f"{counts[ended]:,} {text}" for ended, text in _WIDE.items() if counts[ended]]
    total = counted(counts.total(), "interval")
    reached = f"{counts[Ended.NARROW]:,} of {total} reached ±{run.facts.precision:.0%}"
    return ", ".join([reached, *([listing(rest)] if rest else [])])


def _checks(evidence: Evidence, name: str, timed: int) -> str:
    """The checks against false times: a timed case has passed them, others are refused."""
    refused = sum(m.run == name and m.status is Status.REFUSED for m in evidence.missing)
    if not timed and not refused:
        return ""
    text = (
        f"{counted(timed, 'timed case')} passed: waited for, compiled where it says so, a result "
        "that is new, of the right dtype and follows its input"
    )
    return f"{text}; {counted(refused, 'case')} REFUSED" if refused else f"{text}; none refused"


def _machine(run: Run) -> str:
    facts, known = run.facts, run.facts.machine
    parts = [
        machine(known),
        *["virtual, shared with neighbours that cannot be seen"] * bool(known.virtual),
        *([] if known.load is None else [f"load {known.load:g} at the start"]),
    ]
    spoilt = (
        f"{counted(facts.spoilt_samples, 'sample')} preempted or beside a slow clock"
        + " (left out where a process had enough others)" * bool(facts.spoilt_samples)
    )
    return f"{', '.join(parts)}; {spoilt}"


def _time(run: Run) -> list[str]:
    facts, parts = run.facts, []
    if facts.timed_share is not None:
        parts.append(f"{facts.timed_share:.0%} of the measuring phase inside timed regions")
    if facts.seconds_a_case is not None:
        parts.append(f"{facts.seconds_a_case:.2g} s of it per case")
    if facts.compile_seconds:
        parts.append(f"{facts.compile_seconds:,.0f} s of compiling, all processes together")
    return parts
