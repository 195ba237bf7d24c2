"""A run over a range of inputs: one case after another, each kept as soon as it is done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ..catalog.cases import Case, directions_of
from ..catalog.own_reference import ReferenceFailed
from ..exactness import sweep
from ..exactness.judge import merge
from ..exactness.known import code_of, exactness_code
from ..exactness.ranges import Range
from ..exactness.stretches import Effort, Journal, Subject, certify, elsewhere
from ..host.errors import ActbenchError
from ..results.facts import WorkerFacts
from ..results.samples import Missing
from ..results.status import Status
from ..results.store import RESULTS, RunWriter, is_unfinished, new_folder
from ..words import title
from ..worker.protocol import Failure
from ..workers.process import Failed
from .recording import Outcome, derived, record
from .request import Request


@dataclass(frozen=True)
class Trial:
    """The inputs to go through, and the source that the results depend on."""

    subject: Subject
    source: bytes

    @property
    def case(self) -> Case:
        """The case; its direction may be `both`."""
        return self.subject.case

    @property
    def name(self) -> str:
        """The case for people."""
        case = self.case
        return f"{title(case.framework)} {case.activation} {case.form} {case.mode} {case.dtype}"


def sweep_range(request: Request, trials: Sequence[Trial], asked: Range, effort: Effort) -> Outcome:
    """Certify cases over a range of inputs and write a run folder.

    A case that fails costs only itself. Where an earlier run of the same command was not finished,
    it is continued in its folder, and what is done there is not repeated. Raises UsageError for an
    empty range, ActbenchError where every case failed.
    """
    for trial in trials:
        asked.places(trial.case.dtype)
    started = datetime.now(UTC)
    path, facts = _folder(request, started), request.facts(started)
    facts.asked["range"] = [end.hex() for end in (asked.low, asked.high) if end is not None]
    writer = RunWriter(path, facts, anew=is_unfinished(path, request.command))
    journals: list[Journal] = []
    failures: list[str] = []

    def measure() -> None:
        for trial in trials:
            source = trial.source + exactness_code() + code_of(trial.case.activation)
            journals.append(Journal(trial.subject, source))
            try:
                _sweep(writer, trial, asked, journals[-1], effort)
            except (Failed, ReferenceFailed) as failed:
                failures.append(f"{trial.name}: {failed}")
                _append_failure(writer, trial.case, _failure(failed))
            writer.write(derived(writer))

    outcome = record(writer, measure)
    if outcome.facts.state == "finished" and not failures:
        for journal in journals:
            journal.remove()
    elif failures:
        facts.state = "failed"
        writer.write_facts()
    if len(failures) == len(journals):
        raise ActbenchError(failures[0])
    return outcome


def _folder(request: Request, started: datetime) -> Path:
    """The folder of the run: the one asked for, or that of the same command ended early."""
    if request.out:
        return request.out
    earlier = sorted(RESULTS.glob("*-exhaustive*"), reverse=True)
    unfinished = [path for path in earlier if is_unfinished(path, request.command)]
    return unfinished[0] if unfinished else new_folder(started, "exhaustive")


def _sweep(writer: RunWriter, trial: Trial, asked: Range, journal: Journal, effort: Effort) -> None:
    begun = time.monotonic()
    certificates, versions = certify(trial.subject, asked, journal, effort)
    if others := elsewhere(trial.subject, asked):
        certificates = [merge(*pair) for pair in zip(certificates, others, strict=True)]
    framework = trial.case.framework
    writer.facts.workers[framework] = WorkerFacts(framework, versions=versions)
    writer.facts.seconds[trial.name] = round(time.monotonic() - begun, 1)
    for case, certificate in zip(directions_of(trial.case), certificates, strict=True):
        writer.append(sweep.sample_of(replace(case, size=certificate.tested), certificate))


def _failure(failed: Failed | ReferenceFailed) -> Failure:
    return failed.failure if isinstance(failed, Failed) else Failure(Status.ERROR, str(failed))


def _append_failure(writer: RunWriter, case: Case, failure: Failure) -> None:
    for directed in directions_of(case):
        writer.append(Missing(directed, "max_ulp", failure.status, failure.reason))
