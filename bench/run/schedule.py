"""The schedule of a run: when workers start, are prepared, checked and timed.

It imports no framework. Checks are made in `exactness.agreement`, costs are timed in
`timing.costing`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ..catalog import own_reference, plugins
from ..catalog.activations import load_plugins
from ..catalog.cases import Case, expand, unsupported
from ..catalog.frameworks import declared
from ..exactness import observed
from ..exactness.agreement import Agreement
from ..host import cache, machine
from ..host.cpus import available_cpus, measuring_cpus
from ..host.progress import Advance, Reporter
from ..results.rows import Row
from ..results.status import Status
from ..results.store import RunWriter, new_folder
from ..results.words import lost
from ..timing.costing import Costing, candidates
from ..timing.parts import floors
from ..words import title
from ..worker.protocol import Failure
from ..workers.recorder import Recorder
from ..workers.supervised import SupervisedWorker, start_from, workers_of
from . import adding
from .adding import Earlier
from .derive import Times, goal_of
from .outlook import Outlook
from .preparing import Preparing
from .recording import Outcome, derived, record
from .request import Request, request_of

_RATE = 50.0
"""The visits per second, as long as none was made."""
_PARTS = 3
"""The parts of the budget for further processes, one of which a further process may take."""
_AGAIN, _TRIES = 0.5, 3
"""The time for repeating disturbed visits, over that of all visits of the processes; and how often
they are repeated in it."""
Task = Callable[[], None]
Waiting = dict[SupervisedWorker, list[Case]]
"""The cases that each worker is to time in its next process."""


def run(request: Request, reporter: Reporter) -> Outcome:
    """Measure what is asked for, with relu beside it as the unit of cost, and write a run folder.

    Raises UsageError for names that do not exist or a folder that is taken, StoreError where the
    disk refuses. An interrupt, or an error, ends the run early; what was measured is kept.
    """
    return _execute(request, reporter, adding.read(request.into) if request.into else None)


def resume(path: Path, reporter: Reporter) -> Outcome:
    """Continue a run that ended early, as it was asked for.

    What it names is run again: interpreters, functions of the user's own and their references,
    plug-ins. Raises UsageError where it is finished, is being written, or the machine or versions
    differ.
    """
    earlier = adding.read(path, resumed=True)
    request = request_of(earlier.facts, earlier.folder)
    for plugin in request.plugins:
        plugins.name(plugin)
    load_plugins()
    for function in request.own:
        if ":" in function.activation:
            own_reference.name(function.activation, function.reference_gradient)
    return _execute(request, reporter, earlier)


def _execute(request: Request, reporter: Reporter, earlier: Earlier | None) -> Outcome:
    """Measure what is asked for, or what an earlier run lacks of it.

    An earlier run that cannot be added to is left as it was.
    """
    started = datetime.now(UTC)
    with declared(*request.own):
        cases = expand(request.profile, request.selection)
        facts = replace(request.facts(started), request=request.as_record())
        if earlier:
            writer = RunWriter.going_on(earlier.folder, earlier.facts_with(facts), earlier.stored)
            for line in earlier.stored.lost:
                reporter.say(lost(line, str(earlier.folder)))
        else:
            writer = RunWriter(request.out or new_folder(started, request.profile.name), facts)
        schedule = _Schedule(request, reporter, writer, cases, earlier)
        try:
            return record(writer, schedule.execute, schedule.rows)
        finally:
            cache.trim()


def opening_first(
    cases: Iterable[Case], size_classes: Mapping[str, Mapping[str, int]]
) -> list[Case]:
    """The cases in the order in which they are timed further: those that the page opens with first.

    Those in cache, of these the forward ones in float32; others keep their order among themselves.
    """

    def later(case: Case) -> tuple[bool, bool]:
        in_cache = case.size == size_classes[case.device]["l2"]
        return not in_cache, (case.direction, case.dtype) != ("forward", "float32")

    return sorted(cases, key=later)


class _Schedule:
    """The schedule of one run."""

    def __init__(
        self,
        request: Request,
        reporter: Reporter,
        writer: RunWriter,
        cases: list[Case],
        earlier: Earlier | None = None,
    ) -> None:
        self._request, self._reporter = request, reporter
        self._profile = request.profile
        self._recorder, self._facts = Recorder(writer), writer.facts
        if not request.timing:
            cases = [case.anywhere for case in cases]
        self._asked = set(cases)
        beside = floors(cases) if request.timing else []
        cases = list(dict.fromkeys([*cases, *beside]))
        if request.budget is None:
            self._facts.budget = self._profile.budget(len(cases))
        reasons = {case: unsupported(case) for case in cases}
        self._missing = {
            case: Failure(Status.UNSUPPORTED, why) for case, why in reasons.items() if why
        }
        supported = [case for case in cases if case not in self._missing]
        self._workers = workers_of(supported, request.python_of, writer.path, request.timeout)
        epochs = self._profile.epochs
        self._cases = {
            worker: [c for c in worker.alive if not (earlier and earlier.is_done(c, epochs))]
            for worker in self._workers
        }
        forms = candidates(supported, self._facts.size_classes)
        self._costing = Costing(
            self._profile, request.seed, self._recorder, forms, observed.refusal
        )
        self._earlier = earlier
        if earlier:
            start_from(earlier.processes)
            self._costing.take(earlier.pairs)
        self._times: Times | None = None
        self._outlook = Outlook(supported, self._rounds, self._facts.budget, request.agreement)
        self._number = 0
        self._began, self._deadline = time.monotonic(), 0.0
        self._had = self._costing.visited.total()

    def execute(self) -> None:
        """Time in as many fresh processes as needed; check agreement in the first of them."""
        self._recorder.fail_all(self._missing, self._metric)
        try:
            waiting = self._waiting()
            while waiting:
                self._start(waiting)
                self._prepare(waiting)
                if self._request.timing:
                    self._measure(waiting)
                self._number += 1
                waiting = self._waiting()
            if self._request.timing:
                self._explain()
        finally:
            self._workers.close()

    def rows(self, writer: RunWriter) -> list[Row]:
        """The rows of what was measured; `times` derived earlier are not derived again."""
        return derived(writer, self._times)

    @property
    def _metric(self) -> str:
        """The metric of a case that cannot be tried at all."""
        return "time_per_call" if self._request.timing else "max_ulp"

    def _short(self) -> Waiting:
        """The cases that have not failed and were timed in fewer processes than all cases are."""
        timed = self._costing.visited
        short = {
            worker: [
                case
                for case in cases
                if case not in worker.failures and timed[case] < self._profile.epochs
            ]
            for worker, cases in self._cases.items()
        }
        unchecked = self._unchecked()
        return {worker: cases for worker, cases in short.items() if cases or worker in unchecked}

    def _unchecked(self) -> set[SupervisedWorker]:
        """The workers with results that an earlier run lacks, before the first processes."""
        if not (self._earlier and self._request.agreement and self._number == 0):
            return set()
        agreement = self._agreement()
        return {worker for worker in self._workers if next(agreement.tasks(worker), None)}

    @property
    def _rounds(self) -> int:
        """The processes in which every case is tried."""
        return self._profile.epochs if self._request.timing else 1

    def _waiting(self) -> Waiting:
        """The cases to be timed in the next process: all at first, then those that are wide.

        While there is time, they are as many as a part of it allows: those in cache first, of these
        the forward ones in float32, and of equals the widest.
        """
        profile = self._profile
        if self._number < self._rounds and (short := self._short()):
            return short
        if not self._request.timing:
            return {}
        now, budget = time.monotonic(), self._facts.budget
        self._deadline = self._deadline or now + budget
        left = min(self._deadline - now, budget / _PARTS)
        if self._number >= profile.most or left <= 0:
            return {}
        visited = self._costing.visited.total() - self._had
        rate = visited / (now - self._began) if visited else _RATE
        wide = opening_first(self._costing.wide(goal_of(self._facts)), self._facts.size_classes)
        wanted = set(wide[: max(1, int(left * rate))])
        chosen = {
            worker: [case for case in worker.alive if case in wanted] for worker in self._workers
        }
        return {worker: cases for worker, cases in chosen.items() if cases}

    @contextmanager
    def _phase(self, name: str, title: str, steps: int) -> Iterator[Advance]:
        """A phase with its progress, whose seconds are recorded under its name."""
        before, left = self._facts.seconds.get(name, 0.0), self._outlook.left()
        with self._recorder.timed(name), self._reporter.phase(title, steps, left=left) as done:
            yield done
        self._outlook.took(name, self._number, self._facts.seconds[name] - before)

    def _start(self, waiting: Waiting) -> None:
        """Start fresh processes, on as many CPUs as they may have threads."""

        def start(worker: SupervisedWorker) -> None:
            worker.stop()
            if worker in waiting:
                worker.pin(available_cpus())
                worker.start()
                done()

        with self._phase("start", "Starting workers", len(waiting)) as done:
            self._workers.in_parallel(start)
        for worker in waiting:
            self._note(worker)
        self._recorder.fail_all(self._workers.failures, self._metric)
        self._recorder.write_facts()

    def _note(self, worker: SupervisedWorker) -> None:
        """Record what is known of a worker, and say why it is missing if it is."""
        label, facts = worker.key.label, worker.facts
        if self._earlier and self._number == 0:
            self._earlier.check_versions(label, facts)
        self._facts.workers[label] = facts
        if facts.loop_overhead is not None:
            self._facts.loop_overhead_ns[label] = round(facts.loop_overhead, 1)
        if facts.status is not Status.OK:
            who = label.replace(worker.key.framework, title(worker.key.framework), 1)
            self._reporter.say(f"{who}: {facts.reason}")

    def _prepare(self, waiting: Waiting) -> None:
        """Prepare the timing and, in the first processes, check agreement.

        Preparing comes first, because agreement would compile what compile_time measures. A worker
        that is done lends its CPU to the one with most left to compile.
        """
        first = self._number == 0
        agreement = self._agreement() if first and self._request.agreement else None
        cases = self._preparations(waiting) if self._request.timing else Waiting()
        prepare = partial(self._costing.prepare, checked=first)
        preparing = Preparing(self._workers, cases, prepare)
        checks: dict[SupervisedWorker, list[Task]] = {}
        if agreement:
            with self._recorder.timed("exact"):
                agreement.prepare(self._reporter)
            checks = {worker: list(agreement.tasks(worker)) for worker in waiting}

        def work(worker: SupervisedWorker) -> None:
            if worker in waiting:
                preparing.work(worker, done)
                for check in checks.get(worker, ()):
                    check()
                    done()
                preparing.help(worker)

        steps = sum(len(several) for part in (cases, checks) for several in part.values())
        title = f"{self._preparation()} ({self._turn})"
        with self._phase("prepare", title, steps) as done:
            self._workers.in_parallel(work)
        self._recorder.fail_all(self._workers.failures, self._metric)
        if agreement:
            agreement.compare()
            self._compare_conditions(agreement)
        if first:
            self._began = time.monotonic()
        self._recorder.flush()

    def _preparations(self, waiting: Waiting) -> Waiting:
        """The cases to be timed, their units, and the forms among which units are still to be
        chosen."""
        wanted = {
            worker: [*cases, *self._costing.units(cases), *self._costing.forms(cases)]
            for worker, cases in waiting.items()
        }
        for worker, cases in wanted.items():
            worker.include(cases)
        return {worker: list(dict.fromkeys(cases)) for worker, cases in wanted.items()}

    @property
    def _turn(self) -> str:
        """`2 of 4`; beyond the processes that every case needs, how many more."""
        further = self._number + 1 - self._rounds
        return f"{further} more" if further > 0 else f"{self._number + 1} of {self._rounds}"

    def _preparation(self) -> str:
        agreement = self._number == 0 and self._request.agreement
        parts = {"preparing": self._request.timing, "checking agreement": agreement}
        return " and ".join(part for part, wanted in parts.items() if wanted).capitalize()

    def _agreement(self) -> Agreement:
        request = self._request
        return Agreement(
            self._profile,
            request.selection,
            request.seed,
            self._workers,
            self._asked,
            self._recorder,
            self._earlier.stored.samples if self._earlier else (),
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

    def _measure(self, waiting: Waiting) -> None:
        """Visit every waiting case once, in turn with its unit."""
        for worker in waiting:
            worker.pin(measuring_cpus(worker.key.threads))
        self._note_gpus()
        self._choose(waiting)
        tasks = [
            (worker, case)
            for worker, cases in waiting.items()
            for case in dict.fromkeys([*cases, *self._costing.units(cases)])
            if case not in worker.failures
        ]
        started = time.monotonic()
        with self._phase("measure", f"Measuring ({self._turn})", len(tasks)) as done:
            tasks = self._costing.round(tasks, self._number, done)
        until = time.monotonic() + _AGAIN * (time.monotonic() - started)
        for _ in range(_TRIES):
            if tasks and time.monotonic() < until:
                title = f"Measuring again what was disturbed ({self._turn})"
                with self._phase("measure", title, len(tasks)) as done:
                    tasks = self._costing.round(tasks, self._number, done, until)
        self._note_gpus()
        self._recorder.fail_all(self._workers.failures, "time_per_call")
        self._note_shares()

    def _choose(self, waiting: Waiting) -> None:
        """Choose the units that are still open, in the first processes, and prepare them."""
        for worker, cases in waiting.items():
            self._costing.choose(worker, self._costing.forms(cases))
            units = self._costing.units(cases)
            worker.include(units)
            for unit in units:
                self._costing.prepare(worker, unit)

    def _note_gpus(self) -> None:
        if any(worker.key.device == "cuda" for worker in self._workers):
            self._facts.gpu_states += machine.gpu_state()

    def _note_shares(self) -> None:
        """Record the share of the measuring phase that lies in timed regions, and the time per
        case."""
        facts, measured = self._facts, self._facts.seconds.get("measure", 0.0)
        share = self._costing.timed_ns / 1e9 / measured if measured else None
        facts.timed_share = None if share is None else round(share, 3)
        facts.seconds_a_case = round(measured / max(len(self._workers.alive), 1), 4)
        self._recorder.write_facts()

    def _explain(self) -> None:
        """Derive the rows of times; probe the surprises among them for the likely cause."""
        self._times = Times(self._recorder.samples, self._facts)
        surprises = set(self._times.surprises)
        wanted = [(worker, case) for worker, case in self._workers.alive if case in surprises]
        with self._phase("explain", "Looking for the causes of surprises", len(wanted)) as done:
            for worker, case in wanted:
                self._costing.probe(worker, case)
                done()
        self._recorder.flush()
