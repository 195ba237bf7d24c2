"""How far the numbers can be trusted: how much was measured, how tightly, on what machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from ...bench.catalog.activations import CATALOG, find
from ...bench.host import floating_point
from ...bench.results.rows import Ended
from ...bench.results.status import Status
from ...bench.results.store import Run
from ..read.evidence import FAMILIES, Evidence, Missing, Timed, family_of
from ..tables.tables import machine_words
from ..words import counted, elements, listing, title


def state(evidence: Evidence) -> list[tuple[str, list[tuple[str, str]]]]:
    """The state of trust of each run: its name, and what there is to say by what it is about."""
    return [(name, _state(evidence, name, run)) for name, run in evidence.runs.items()]


def unfinished(evidence: Evidence) -> list[str]:
    """Runs that did not come to their end."""
    return [
        f"Run {name} is {run.facts.state}, not finished: it holds only what was measured until "
        "then."
        for name, run in evidence.runs.items()
        if run.facts.state != "finished"
    ]


def warnings(evidence: Evidence) -> list[str]:
    """What a reader must know before the first number."""
    found = []
    for name, run in evidence.runs.items():
        timed = [each for each in evidence.timed if each.run == name]
        alone = sum(map(evidence.in_one_process, timed))
        if alone:
            found.append(
                f"Run {name} timed {alone:,} of {counted(len(timed), 'case')} in one process: "
                "the intervals of these do not contain what differs from one process to the next."
            )
        found += [f"Run {name}. {text}" for text in floating_point.sentences(run.facts.workers)]
        found += _forms_left_out(evidence, name)
    return found


def none_missing(evidence: Evidence) -> str:
    """What it means that no case is listed as missing."""
    runs = evidence.runs.values()
    if all(run.records and run.facts.state == "finished" for run in runs):
        return "Nothing: every case that was asked for has a value."
    return (
        "No case is listed with a reason, which does not mean that all have a value: what a run "
        "did not come to has no row."
    )


def refusals(evidence: Evidence) -> list[str]:
    """Cases whose times would mislead: a finding about the framework or the harness, by reason."""
    found: dict[tuple[str, str], list[Missing]] = {}
    for each in evidence.missing:
        if each.status == "refused":
            reason = each.reason.partition(":")[0] or "no reason was kept"
            found.setdefault((each.run, reason), []).append(each)
    return [_refusal(*key, refused) for key, refused in found.items()]


def _refusal(run: str, reason: str, refused: Sequence[Missing]) -> str:
    cases = [each.case for each in refused]
    shown = [
        f"{title(case.framework)} {case.activation} {case.form} {case.mode} {case.direction} "
        f"({case.dtype}, {elements(case.size)})"
        for case in cases[:3]
    ]
    more = f" and {len(cases) - 3:,} more" if len(cases) > 3 else ""
    return (
        f"Run {run} refused {counted(len(cases), 'case')}, whose times would mislead: {reason}. "
        f"{'; '.join(shown)}{more}."
    )


def _sampling(run: Run, timed: Sequence[Timed]) -> str:
    """How sampling ended, counted over the cases that say so."""
    counts = Counter(each.ended for each in timed if each.ended and each.ended in _ENDED)
    if not counts:
        return ""
    total, narrow = counts.total(), counts.pop(Ended.NARROW, 0)
    rest = [f"{amount:,} {_ENDED[why]}" for why, amount in counts.most_common()]
    text = f"{narrow:,} of {counted(total, 'interval')} reached ±{run.facts.precision:.0%}"
    return f"{text}, {listing(rest)}" if rest else text


_ENDED = {
    Ended.NARROW: "",
    Ended.DIFFER: "stayed wider because processes differ",
    Ended.BUDGET: "stayed wider when the budget ended",
}


def _forms_left_out(evidence: Evidence, name: str) -> list[str]:
    """Forms of the catalogue that a run did not even try: one of them may be faster."""
    tried: dict[str, set[str]] = {}
    cases = [each.case for each in evidence.timed if each.run == name]
    cases += [each.case for each in evidence.missing if each.run == name]
    for case in cases:
        if family_of(case.activation)[0] in FAMILIES:
            tried.setdefault(find(case.activation).name, set()).add(case.form)
    left = [
        f"{activation} {form}"
        for activation, forms in sorted(tried.items())
        for form in CATALOG[activation].forms
        if form not in forms
    ]
    if not left:
        return []
    return [
        f"Run {name} did not time every form (left out: "
        f"{listing(left[:8])}{' …' * (len(left) > 8)}); “fastest” is the fastest of those timed."
    ]


def _state(evidence: Evidence, name: str, run: Run) -> list[tuple[str, str]]:
    timed = [each for each in evidence.timed if each.run == name]
    checked = sum(each.run == name for each in evidence.checked)
    told = [
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
    return [(label, f"{text}.") for label, text in told if text]


def _widths(timed: Sequence[Timed]) -> str:
    widths = [
        width for each in timed if (width := each.estimates["time_per_call"].width) is not None
    ]
    if not timed:
        return ""
    if not widths:
        return "no intervals"
    return f"median width {median(widths):.1%} of the value, from end to end"


def _checks(evidence: Evidence, name: str, timed: int) -> str:
    """Whether a time could be a fast lie: what is timed has passed, what has not is refused."""
    refused = sum(each.run == name and each.status == "refused" for each in evidence.missing)
    if not timed and not refused:
        return ""
    text = (
        f"{counted(timed, 'timed case')} passed: waited for, compiled where it says so, a result "
        "that is new, of the right dtype and follows its input"
    )
    return f"{text}; {counted(refused, 'case')} REFUSED" if refused else f"{text}; none refused"


def _machine(run: Run) -> str:
    facts, known = run.facts, run.facts.machine
    parts = [machine_words(known)]
    parts += ["virtual, shared with neighbours that cannot be seen"] * bool(known.get("virtual"))
    load = known.get("load")
    parts += [f"load {load:g} at the start"] if isinstance(load, int | float) else []
    spoilt = (
        f"{counted(facts.spoilt_samples, 'sample')} preempted or beside a slow clock"
        + " (left out where a process had enough others)" * bool(facts.spoilt_samples)
    )
    return f"{', '.join(parts)}; {spoilt}"


def _time(run: Run) -> list[str]:
    facts = run.facts
    parts = []
    if facts.timed_share is not None:
        parts.append(f"{facts.timed_share:.0%} of the measuring phase inside timed regions")
    if facts.seconds_a_case is not None:
        parts.append(f"{facts.seconds_a_case:.2g} s of it a case")
    if facts.compile_seconds:
        parts.append(f"{facts.compile_seconds:,.0f} s of compiling, all processes together")
    return parts


def _failures(evidence: Evidence, name: str) -> str:
    statuses = Counter(each.status for each in evidence.missing if each.run == name)
    unsupported = statuses.pop(Status.UNSUPPORTED, 0)
    refused = statuses.pop(Status.REFUSED, 0)
    failed = sum(statuses.values())
    kinds = listing([f"{amount} {status}" for status, amount in sorted(statuses.items())])
    text = f"{failed:,} failed{f' ({kinds})' if kinds else ''}, {unsupported:,} unsupported"
    return f"{refused:,} REFUSED, {text}" if refused else text
