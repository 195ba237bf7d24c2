"""The schedule of a run: when workers start, are prepared, checked and timed.

It imports no framework. What is checked is `exactness.agreement`'s, what is timed
`timing.visits`' to say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from ..catalog.cases import Case, expand, unsupported
from ..exactness.agreement import Agreement
from ..host import machine
from ..host.cpus import available_cpus, measuring_cpus
from ..host.progress import Advance, Reporter
from ..results.status import Status
from ..results.store import RunWriter, new_folder
from ..timing import cost_model
from ..timing.visits import Visits
from ..worker.protocol import Failure
from ..workers.recorder import Recorder
from ..workers.supervised import SupervisedWorker, workers_of
from .derive import companions, timing_rows
from .recording import Outcome, record
from .request import Request

Task = Callable[[], None]


def run(request: Request, reporter: Reporter) -> Outcome:
    """Measure what is asked for, with relu beside it as the unit of cost, and write a run folder.

    Raises UsageError for names that do not exist or a folder that is taken, StoreError where the
    disk refuses. An interrupt, or an error, ends the run early; what was measured is kept.
    """
    cases = expand(request.profile, request.selection)
    started = datetime.now(UTC)
    folder = request.out or new_folder(started, request.profile.name)
    writer = RunWriter(folder, request.facts(started))
    return record(writer, _Schedule(request, reporter, writer, cases).execute)


class _Schedule:
    """The schedule of one run."""

    def __init__(
        self, request: Request, reporter: Reporter, writer: RunWriter, cases: list[Case]
    ) -> None:
        self._request, self._reporter = request, reporter
        self._profile = request.profile
        self._recorder, self._facts = Recorder(writer), writer.facts
        if not request.timing:
            cases = [replace(case, size=0, output="fresh", cache="warm") for case in cases]
        self._asked = set(cases)
        beside = companions(cases) if request.timing else []
        cases = list(dict.fromkeys([*cases, *beside]))
        if request.budget is None:
            self._facts.budget = self._profile.budget(len(cases))
        reasons = {case: unsupported(case) for case in cases}
        self._missing = {
            case: Failure(Status.UNSUPPORTED, why) for case, why in reasons.items() if why
        }
        supported = [case for case in cases if case not in self._missing]
        self._workers = workers_of(supported, request.python_of, writer.path, request.timeout)
        self._visits = Visits(self._profile, request.seed, self._workers, self._recorder)

    def execute(self) -> None:
        """Time in as many fresh processes as the profile has; agreement in the first of them."""
        timing = self._request.timing
        self._recorder.fail_all(self._missing, self._metric)
        try:
            for epoch in range(self._epochs):
                self._start()
                self._prepare(epoch)
                if timing:
                    self._measure(epoch)
            if timing:
                self._explain()
        finally:
            self._workers.close()

    @property
    def _metric(self) -> str:
        """The metric of a case that cannot be tried at all."""
        return "time_per_call" if self._request.timing else "max_ulp"

    @property
    def _epochs(self) -> int:
        return self._profile.epochs if self._request.timing else 1

    @contextmanager
    def _phase(self, name: str, title: str, steps: int, unit: str = "") -> Iterator[Advance]:
        """A phase with its progress, whose seconds count for its name."""
        with self._recorder.timed(name), self._reporter.phase(title, steps, unit) as done:
            yield done

    def _start(self) -> None:
        """Start fresh processes, on as many CPUs as they may have threads."""

        def start(worker: SupervisedWorker) -> None:
            worker.stop()
            worker.pin(available_cpus())
            worker.start()
            done()

        with self._phase("start", "Starting workers", len(self._workers)) as done:
            self._workers.in_parallel(start)
        for worker in self._workers:
            self._note(worker)
        self._recorder.fail_all(self._workers.failures, self._metric)
        self._recorder.write_facts()

    def _note(self, worker: SupervisedWorker) -> None:
        """Keep what is known of a worker, and say why it is missing if it is."""
        label, facts = worker.key.label, worker.facts
        self._facts.workers[label] = facts
        if facts.loop_overhead is not None:
            self._facts.loop_overhead_ns[label] = round(facts.loop_overhead, 1)
        if facts.status is not Status.OK:
            self._reporter.say(f"{label}: {facts.reason}")

    def _prepare(self, epoch: int) -> None:
        """Prepare the timing and, in the first epoch, check agreement, each worker at its own pace.

        Preparing comes first, because agreement would compile what compile_time is about.
        """
        agreement = self._agreement() if epoch == 0 and self._request.agreement else None
        tasks = {worker: self._preparations(worker) for worker in self._workers}
        if agreement:
            with self._recorder.timed("exact"):
                agreement.prepare(self._reporter)
            for worker in self._workers:
                tasks[worker] += agreement.tasks(worker)

        def work(worker: SupervisedWorker) -> None:
            for task in tasks[worker]:
                task()
                done()

        title = f"{self._preparation(epoch)} ({epoch + 1} of {self._epochs})"
        with self._phase("prepare", title, sum(map(len, tasks.values()))) as done:
            self._workers.in_parallel(work)
        self._recorder.fail_all(self._workers.failures, self._metric)
        if agreement:
            agreement.compare()
            self._compare_conditions(agreement)
        self._recorder.flush()

    def _preparation(self, epoch: int) -> str:
        agreement = epoch == 0 and self._request.agreement
        parts = {"preparing": self._request.timing, "checking agreement": agreement}
        return " and ".join(part for part, wanted in parts.items() if wanted).capitalize()

    def _preparations(self, worker: SupervisedWorker) -> list[Task]:
        cases = worker.alive if self._request.timing else []
        return [partial(self._visits.prepare, worker, case) for case in cases]

    def _agreement(self) -> Agreement:
        request = self._request
        return Agreement(
            self._profile,
            request.selection,
            request.seed,
            self._workers,
            self._asked,
            self._recorder,
        )

    def _compare_conditions(self, agreement: Agreement) -> None:
        """Evaluate the plain forms of what was swept under other conditions."""
        compare = agreement.conditions()
        if not compare:
            return

        def work(worker: SupervisedWorker) -> None:
            compare(worker)
            done()

        with self._phase("conditions", "Comparing conditions", len(self._workers)) as done:
            self._workers.in_parallel(work)

    def _measure(self, epoch: int) -> None:
        """Visit every case in rounds, then those whose intervals are wide while there is time."""
        profile, visits, number = self._profile, self._visits, f"({epoch + 1} of {self._epochs})"
        for worker in self._workers:
            worker.pin(measuring_cpus(worker.key.threads))
        self._note_gpus()
        visits.begin()
        deadline = time.monotonic() + self._facts.budget / profile.epochs
        steps = profile.rounds * len(self._workers.alive)
        with self._phase("measure", f"Measuring {number}", steps) as done:
            for _ in range(profile.rounds):
                visits.round(done)
        left = max(round(deadline - time.monotonic()), 0)
        with self._phase("measure", f"Narrowing intervals {number}", left, "s") as done:
            visits.narrow(deadline, done)
        self._note_gpus()
        self._recorder.fail_all(self._workers.failures, "time_per_call")
        self._note_shares()

    def _note_gpus(self) -> None:
        if any(worker.key.device == "cuda" for worker in self._workers):
            self._facts.gpu_states += machine.gpu_state()

    def _note_shares(self) -> None:
        """Keep how much of the measuring phase lies in timed regions, and what a case takes."""
        facts, measured = self._facts, self._facts.seconds.get("measure", 0.0)
        share = self._visits.timed_ns / 1e9 / measured if measured else None
        facts.timed_share = None if share is None else round(share, 3)
        facts.seconds_a_case = round(measured / max(len(self._workers.alive), 1), 4)
        self._recorder.write_facts()

    def _explain(self) -> None:
        """Probe the cases whose cost the model did not foresee, for the likely cause."""
        facts, alive = self._facts, {case for _, case in self._workers.alive}
        asking = filter(
            cost_model.asks_for_probe,
            timing_rows(self._recorder.samples, facts.size_classes, facts.precision),
        )
        wanted = [row.case for row in asking if row.case in alive]
        title = "Looking for the causes of surprises"
        with self._phase("explain", title, len(wanted)) as done:
            self._visits.probe(wanted, done)
        self._recorder.flush()
