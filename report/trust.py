"""How far the numbers can be trusted: how much was measured, how tightly, on what machine."""

from __future__ import annotations

from collections import Counter
from statistics import median

from bench.catalog import CATALOG, find
from bench.store import Run

from .evidence import FAMILIES, Evidence, family_of
from .words import counted, listing


def lines(evidence: Evidence) -> list[str]:
    """The state of trust, one line a run."""
    return [_line(evidence, name, run) for name, run in evidence.runs.items()]


def warnings(evidence: Evidence) -> list[str]:
    """What a reader must know before the first number."""
    found = []
    for name, run in evidence.runs.items():
        facts = run.facts
        if facts.state != "finished":
            found.append(
                f"Run {name} is {facts.state}, not finished: it holds only what was measured "
                "until then."
            )
        if facts.epochs < 2:
            found.append(
                f"Run {name} used one process a framework: its intervals do not contain what "
                "differs from one process to the next."
            )
        if facts.machine.get("virtual"):
            found.append(
                f"Run {name} was measured on a virtual machine, whose neighbours cannot be seen."
            )
        found += _forms_left_out(evidence, name)
    return found


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


def _line(evidence: Evidence, name: str, run: Run) -> str:
    timed = [each for each in evidence.timed if each.run == name]
    checked = [each for each in evidence.checked if each.run == name]
    widths = [
        width for each in timed if (width := each.estimates["time_per_call"].width) is not None
    ]
    facts = run.facts
    parts = [
        f"{counted(len(timed), 'case')} timed and {len(checked):,} checked for exactness",
        _failures(evidence, name),
        f"median width of the intervals {median(widths):.1%} of the value"
        if widths
        else "no intervals",
        f"{counted(facts.spoilt_samples, 'sample')} spoilt and left out",
    ]
    if facts.timed_share is not None:
        parts.append(f"{facts.timed_share:.0%} of the measuring phase inside timed regions")
    load = facts.machine.get("load")
    if isinstance(load, int | float):
        parts.append(f"load of the machine {load:g} at the start")
    return f"Run {name} ({facts.state}): {'; '.join(parts)}."


def _failures(evidence: Evidence, name: str) -> str:
    statuses = Counter(each.status for each in evidence.missing if each.run == name)
    unsupported = statuses.pop("unsupported", 0)
    failed = sum(statuses.values())
    kinds = listing([f"{amount} {status}" for status, amount in sorted(statuses.items())])
    return f"{failed:,} failed{f' ({kinds})' if kinds else ''}, {unsupported:,} unsupported"
