"""The end of a run: in words, for machines, and as an exit status."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..catalog import asked
from ..catalog.activations import UNKNOWN
from ..catalog.cases import Case
from ..host.floating_point import sentences
from ..results import words
from ..results.door import Real
from ..results.facts import FrameworkFacts, RunFacts, WorkerFacts
from ..results.rows import Row
from ..results.status import Status
from ..run.recording import Outcome
from ..words import counted, know, title
from ..worker.protocol import Failure

_BUSY = 0.2
"""The share of disturbed visits from which on the end of a run mentions them."""


def exit_status(outcome: Outcome) -> int:
    """Return 130 if interrupted; 1 if nothing, or nothing of some name, was measured, or a case
    failed or was refused; else 0."""
    if outcome.facts.state == "interrupted":
        return 130
    wrong = _failed(outcome) or _refused(outcome) or unmet(outcome)
    return 0 if _measured(outcome) and not wrong else 1


def unmet(outcome: Outcome) -> list[str]:
    """The names that were asked for and of which nothing was measured."""
    return [name.text for name in asked.unmet(outcome.facts.asked, _measured(outcome))]


def missing(outcome: Outcome) -> dict[str, WorkerFacts]:
    """The workers that were not available, by their labels."""
    workers = outcome.facts.workers.items()
    return {label: facts for label, facts in workers if facts.status is not Status.OK}


@dataclass(frozen=True)
class Own:
    """A function of the user's: what it was given, and what it should be; None where unknown."""

    callable: str
    framework: str
    dims: int | None
    reference: str | None


@dataclass(frozen=True)
class Conclusion:
    """The end of a run: where it is, how many cases came to what, and where the time went.

    `unmet` are names that were asked for and of which nothing was measured, `missing` the workers
    that could not be had, by label. `disturbed` is the share of visits that others slowed down.
    """

    path: Path
    state: str
    measured: int
    failed: int
    refused: int
    unsupported: int
    unmet: list[str]
    missing: dict[str, Failure]
    timed_share: float | None
    disturbed: Real | None
    seconds: dict[str, float]
    seconds_a_case: float | None
    compile_seconds: float
    callables: list[Own]


def of(outcome: Outcome) -> Conclusion:
    """The end of a run for machines."""
    facts = outcome.facts
    return Conclusion(
        path=outcome.path,
        state=facts.state,
        measured=len(_measured(outcome)),
        failed=len({row.case for row in _failed(outcome)}),
        refused=len({row.case for row in _refused(outcome)}),
        unsupported=len(_absent(outcome)),
        unmet=unmet(outcome),
        missing={
            label: Failure(worker.status, worker.reason)
            for label, worker in missing(outcome).items()
        },
        timed_share=facts.timed_share,
        disturbed=facts.disturbed.share if facts.disturbed else None,
        seconds=facts.seconds,
        seconds_a_case=facts.seconds_a_case,
        compile_seconds=facts.compile_seconds,
        callables=[
            Own(
                callable=own.callable,
                framework=own.arrays,
                dims=own.dims or None,
                reference=None if own.activation == UNKNOWN.name else own.activation,
            )
            for own in facts.callables
        ],
    )


def for_people(outcome: Outcome) -> str:
    """Sentences on what was measured and what was not, and how to read it."""
    facts, failed, absent = outcome.facts, _failed(outcome), len(_absent(outcome))
    know(facts.titles)
    start = "Interrupted; kept" if facts.state == "interrupted" else "Measured"
    parts = [f"{start} {counted(len(_measured(outcome)), 'case')}"]
    if absent:
        parts.append(f"{absent} are unsupported here, with the reason in their rows")
    if refused := _refused(outcome):
        count = len({row.case for row in refused})
        parts.append(
            f"{count} refused, because the times would mislead, the first {_named(refused[0])}"
        )
    if failed:
        parts.append(f"{len({row.case for row in failed})} failed, the first {_named(failed[0])}")
    if facts.timed_share is not None:
        parts.append(
            f"{facts.timed_share:.0%} of the measuring time was inside timed regions, "
            f"{facts.seconds_a_case:.2g} s per case; compiling took {facts.compile_seconds:.0f} s"
        )
    workers = missing(outcome).values()
    lacking = [f"{facts.title(worker.framework)}: {worker.reason}." for worker in workers]
    if names := unmet(outcome):
        lacking.append(f"Nothing was measured of what was asked for by name: {', '.join(names)}.")
    own = [_own(function, facts) for function in facts.callables]
    said = [*own, *_disturbed(outcome), *sentences(facts.workers, facts.title)]
    text = " ".join([f"{'; '.join(parts)}.", *lacking, *said])
    return f"{text}\nRows: {outcome.path}/rows.jsonl. Page: actbench report {outcome.path}"


def _disturbed(outcome: Outcome) -> list[str]:
    rate = outcome.facts.disturbed
    if rate is None or rate.share <= _BUSY:
        return []
    return [
        f"Others slowed the machine down in {rate.share:.0%} of the visits, which makes intervals "
        "wider: measure again when it is quiet."
    ]


def _own(function: FrameworkFacts, facts: RunFacts) -> str:
    """A sentence on the inputs of a user's function, and whether anything judged its results."""
    shape = f" of {counted(function.dims, 'dimension')}" if function.dims else ""
    given = f"{function.callable} was given {facts.title(function.arrays)} arrays{shape}"
    if function.activation != UNKNOWN.name:
        return f"{given}."
    return f"{given}; its results were not judged, because no --reference says what it should be."


def _named(row: Row) -> str:
    case = row.case
    who = f"{title(case.framework)} {case.activation} {case.form} {case.mode} {case.direction}"
    return f"{who}: {row.status}, {words.about(row)}"


def _measured(outcome: Outcome) -> set[Case]:
    return {row.case for row in outcome.rows if row.status == "ok"}


def _failed(outcome: Outcome) -> list[Row]:
    """The rows of what should have been measured and was not."""
    return [row for row in outcome.rows if row.status not in ("ok", "unsupported", "refused")]


def _refused(outcome: Outcome) -> list[Row]:
    return [row for row in outcome.rows if row.status == "refused"]


def _absent(outcome: Outcome) -> set[Case]:
    unsupported = {row.case for row in outcome.rows if row.status == "unsupported"}
    return unsupported - _measured(outcome)
