"""The trust in the numbers: what was measured, how narrow it is, and what is missing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from ...bench.host import floating_point
from ...bench.results.rows import Ended
from ...bench.results.status import Status
from ...bench.results.store import Run
from ..read.evidence import Evidence, Missing, Timed, with_device
from ..words import capital, counted, elements, machine, title
from . import gate

ORDER = 70
TITLE = "How far to trust it"
NARROW = 0.03
"""The half-width that intervals should have."""
_SHOWN = 3
"""The most refused cases that are named."""
_ENDED: Mapping[Ended, str] = {
    Ended.NARROW: "as narrow as asked for",
    Ended.DIFFER: "wider, because processes differ",
    Ended.BUDGET: "wider, because the budget ended",
    Ended.ONE_SAMPLE: "of one sample, because the budget ended",
}


def SUMMARY(evidence: Evidence) -> str:
    """The precision of the costs, the number of cases that failed, and the machine's state."""
    widths = [width for timed in evidence.timed if (width := _half_width(timed)) is not None]
    failed = sum(missing.status is not Status.UNSUPPORTED for missing in evidence.missing)
    precision = f"95 % intervals of ±{median(widths):.1%} in the median" if widths else ""
    return "; ".join(filter(None, [precision, f"{counted(failed, 'case')} failed or refused."]))


def content(evidence: Evidence) -> Mapping[str, Any]:
    """The state of each run, caveats, and frameworks that were not measured."""
    return {
        "states": state(evidence),
        "caveats": [*refusals(evidence), *caveats(evidence)],
        "absent": [] if gate.leads(evidence) else absent(evidence),
    }


def state(evidence: Evidence) -> list[tuple[str, list[tuple[str, str]]]]:
    """The facts of trust by run: its name, and labels with their texts."""
    return [
        (
            ": ".join(filter(None, (capital(evidence.label(name)), name))),
            _state(evidence, name, run),
        )
        for name, run in evidence.runs.items()
    ]


def caveats(evidence: Evidence) -> list[str]:
    """The caveats with which the numbers must be read."""
    sentences = []
    for name, run in evidence.runs.items():
        timed = [case for case in evidence.timed if case.run == name]
        alone = sum(map(evidence.in_one_process, timed))
        if alone:
            sentences.append(
                f"Run {name} timed {counted(alone, 'case')} in one process: their intervals do not "
                "contain differences between processes."
            )
        unusual = floating_point.sentences(run.facts.workers, run.facts.title)
        sentences += [f"Run {name}. {text}" for text in unusual]
    return sentences


def refusals(evidence: Evidence) -> list[str]:
    """The refused cases of each run, whose times would mislead: a finding in itself."""
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
    """A row for a missing framework; if it was refused, its command runs where all work: on the
    CPU."""
    refused = _of_worker(evidence, framework)
    command = f"actbench run --framework {framework}"
    stopped = any(
        run.facts.state != "finished"
        and framework in (run.facts.asked.get("frameworks") or [framework])
        for run in evidence.runs.values()
    )
    end = "the run ended before" if stopped else "not asked for"
    reason = refused or _of_rows(evidence, framework) or end
    return (
        f"{title(framework)} was not measured: {reason.rstrip('.')}.",
        command if refused else with_device(evidence, command),
    )


def _of_worker(evidence: Evidence, framework: str) -> str:
    workers = (
        worker for run in evidence.runs.values() for worker in run.facts.workers_of(framework)
    )
    return next((worker.reason for worker in workers if worker.reason), "")


def _of_rows(evidence: Evidence, framework: str) -> str:
    """The most common reason of its rows, or of its failures if any case failed."""
    reasons = Counter(
        (missing.status, missing.reason)
        for missing in evidence.missing
        if missing.case.framework == framework
    )
    if not reasons:
        return ""
    status, reason = min(reasons, key=lambda key: (key[0] is Status.UNSUPPORTED, -reasons[key]))
    return f"{status}: {reason or 'no reason was kept'}"


# --- the state of a run ---------------------------------------------------------------------------


def _state(evidence: Evidence, name: str, run: Run) -> list[tuple[str, str]]:
    timed = [case for case in evidence.timed if case.run == name]
    checked = sum(case.run == name for case in evidence.checked)
    facts = [
        ("Timed", [counted(len(timed), "case")] * bool(timed)),
        ("Checked for exactness", [counted(checked, "case")] * bool(checked)),
        ("Without a value", _failures(evidence, name)),
        ("Half-width of the costs", _widths(timed)),
        ("Intervals", _sampling(timed)),
        ("Independent runs agree", _agreement(run)),
        ("Machine", _machine(run)),
        ("Samples", [f"{run.facts.spoilt_samples:,} preempted"]),
        ("Visits slowed by others", _disturbed(run)),
        ("State", [str(run.facts.state)]),
    ]
    return [(label, ", ".join(texts)) for label, texts in facts if texts]


def _failures(evidence: Evidence, name: str) -> list[str]:
    statuses = Counter(missing.status for missing in evidence.missing if missing.run == name)
    return [f"{amount:,} {status}" for status, amount in sorted(statuses.items())]


def _half_width(timed: Timed) -> float | None:
    """The half-width of the relative cost; None for the unit and where it is unknown."""
    cost = None if timed.is_unit else timed.cost
    return cost.half_width if cost and math.isfinite(cost.half_width) else None


def _widths(timed: Iterable[Timed]) -> list[str]:
    widths = [width for case in timed if (width := _half_width(case)) is not None]
    if not widths:
        return []
    narrow = sum(width <= NARROW for width in widths) / len(widths)
    return [f"±{median(widths):.1%} in the median", f"{narrow:.0%} within ±{NARROW:.0%}"]


def _agreement(run: Run) -> list[str]:
    """The share of costs on which independent runs agree, where that was measured."""
    lines = [line for line in run.facts.coverage if not line.framework]
    return [f"in {line.agree.share:.1%} of {counted(line.cells, 'cost')}" for line in lines]


def _sampling(timed: Iterable[Timed]) -> list[str]:
    """The reasons that sampling ended, counted over the cases that record one."""
    counts = Counter(case.ended for case in timed if case.ended)
    return [f"{counts[ended]:,} {text}" for ended, text in _ENDED.items() if counts[ended]]


def _disturbed(run: Run) -> list[str]:
    rate = run.facts.disturbed
    return [f"{rate.share:.0%} of {rate.of:,}"] if rate else []


def _machine(run: Run) -> list[str]:
    known = run.facts.machine
    load = [] if known.load is None else [f"load {known.load:g} at the start"]
    return [
        machine(known),
        *["virtual: its neighbours cannot be seen"] * bool(known.virtual),
        *load,
    ]
