"""Workers under supervision: restarted when they are lost, each with the cases it has prepared."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from ..catalog.cases import ROW_LENGTH, Case
from ..host.cpus import available_cpus
from ..results.facts import WorkerFacts
from ..results.status import Status
from ..worker.protocol import (
    Answer,
    Attempt,
    Evaluate,
    Failure,
    Laid,
    Look,
    Observe,
    OnWhole,
    Pin,
    Prepare,
    Prepared,
    Probe,
    Probed,
    Request,
    Started,
    TimeInTurn,
    Try,
    TryWhole,
    Turns,
)
from .environment import Key
from .process import Failed, Lost, WorkerProcess
from .requests import call_of, timed_call

if TYPE_CHECKING:
    from ..worker.protocol import Bits, Outputs

Judge = Callable[[Case, Look], str]
"""A function that returns the reason why a case cannot have given what was seen; empty where it
can."""

_processes = itertools.count()


def start_from(number: int) -> None:
    """Set the number of the next process."""
    global _processes
    _processes = itertools.count(number)


_OPERATIONS: Mapping[type[Any], str] = {
    Prepare: "prepare",
    TimeInTurn: "time",
    Evaluate: "evaluate",
    Try: "try",
}
"""The work that a process was doing when it was lost."""


class SupervisedWorker:
    """The worker of one key and its cases. A case that failed once is not tried again."""

    def __init__(
        self,
        key: Key,
        cases: Iterable[Case],
        python: str,
        cpus: list[int],
        log: Path,
        timeout: float,
    ) -> None:
        self.key = key
        self.numbers = {case: number for number, case in enumerate(cases)}
        self.failures: dict[Case, Failure] = {}
        self.facts = WorkerFacts(key.framework)
        self.process = -1
        self.closed = False
        self._python, self._cpus, self._log, self._timeout = python, cpus, log, timeout
        self._worker: WorkerProcess | None = None
        self._down: Failure | None = None
        self._prepared: set[Case] = set()
        self._believed: set[Case] = set()
        self._pinned = available_cpus()

    @property
    def alive(self) -> list[Case]:
        """The cases that have not failed."""
        return [case for case in self.numbers if case not in self.failures]

    def failure_of(self, case: Case) -> Failure | None:
        """The failure of a case, its own or that no process could be started."""
        return self.failures.get(case) or self._down

    def start(self) -> None:
        """Start a fresh process. Where it cannot start, every case fails for that reason."""
        self.stop()
        if self.closed:
            return
        self._prepared.clear()
        self._believed.clear()
        self.process = next(_processes)
        try:
            self._worker = self._started()
        except Failed as failed:
            self._fail(failed.failure)
            return
        if self.closed:
            self.stop()
            return
        self.facts = _facts(self.key.framework, self._python, self._worker.facts)

    def _started(self) -> WorkerProcess:
        """A process that is ready. One that is lost before that is started once more."""
        try:
            return self._ready()
        except Lost:
            if self.closed:
                raise
            return self._ready()

    def _ready(self) -> WorkerProcess:
        worker = WorkerProcess(
            self.key, self._python, self._cpus, self._log, start_seconds=self._timeout
        )
        try:
            if not self.closed:
                worker.ask(Pin(tuple(self._pinned)), self._timeout)
        except BaseException:
            worker.kill()
            raise
        return worker

    def _fail(self, failure: Failure) -> None:
        """No process can be had, unless it was ended from outside: every case fails for it."""
        self.stop()
        if self.closed:
            return
        self._down = failure
        self.failures.update(dict.fromkeys(self.alive, failure))
        self.facts = WorkerFacts(self.key.framework, failure.status, failure.reason)

    def close(self) -> None:
        """End the process for good: whatever waits for it fails, and no other is started."""
        self.closed = True
        self.stop()

    def drop_log(self) -> None:
        """Remove the log if no process has written to it."""
        with suppress(FileNotFoundError):
            if not self._log.stat().st_size:
                self._log.unlink()

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._worker:
            self._worker.kill()
            self._worker = None

    def pin(self, cpus: list[int]) -> None:
        """Confine the process, and those that replace it, to some CPUs.

        It starts on as many CPUs as it may have threads, because frameworks count them then. A
        process that has been lost since it was last asked is replaced.
        """
        self._pinned = cpus
        if self._worker and self.alive:
            try:
                self._worker.ask(Pin(tuple(cpus)), self._timeout)
            except Failed:
                self.start()

    def beside(self, **changes: Any) -> SupervisedWorker:
        """A worker like this one without cases, with some fields of its key replaced."""
        key = replace(self.key, **changes)
        cpus = self._cpus if key.threads == self.key.threads else available_cpus()[: key.threads]
        return SupervisedWorker(key, (), self._python, cpus, self._log, self._timeout)

    def include(self, cases: Iterable[Case]) -> None:
        """Add cases to those that this worker knows."""
        for case in cases:
            self.numbers.setdefault(case, len(self.numbers))

    def prepare(self, case: Case, seed: int, checked: bool = True) -> Prepared | None:
        """Have a case built and warmed up. None if it failed, or was prepared before."""
        if case in self._prepared:
            return None
        request = Prepare(self.numbers[case], timed_call(case, seed), checked)
        answer = self._try(case, request)
        if answer is not None:
            self._prepared.add(case)
        return answer

    def in_turn(
        self, case: Case, unit: Case, seed: int, batch: float, blocks: int, judge: Judge
    ) -> Turns | None:
        """Time a case and its unit in turn, preparing them first if their process is new.

        None if the case or its unit failed, or its results while it was timed are wrong.
        """
        for either in (unit, case):
            self.prepare(either, seed)
            if either not in self._prepared:
                return None
        request = TimeInTurn(self.numbers[case], self.numbers[unit], batch, blocks)
        sent = perf_counter_ns()
        turns = self._try(case, request)
        if turns is None:
            if unit != case and self._fails(unit, seed, batch, blocks):
                self.failures.pop(case, None)
            return None
        for either in {unit, case} - (self._believed - {case}):
            if reason := self._refusal(either, turns, sent, judge):
                self.failures[either] = Failure(Status.REFUSED, reason)
        self._believed.add(unit)
        return None if case in self.failures or unit in self.failures else turns

    def _fails(self, unit: Case, seed: int, batch: float, blocks: int) -> bool:
        """Return whether a unit cannot be timed by itself: then it is to blame, and not the case.

        A lost process has been replaced, so that it is prepared again.
        """
        if unit not in self._prepared:
            self.prepare(unit, seed, checked=False)
        number = self.numbers[unit]
        self._try(unit, TimeInTurn(number, number, batch, blocks))
        return unit in self.failures

    def _refusal(self, case: Case, turns: Turns, sent: int, judge: Judge) -> str:
        """The reason why a time cannot be believed; empty where it can."""
        seen = self._try(case, Observe(self.numbers[case]))
        if seen is None:
            return ""
        claimed = sum(turns.elapsed) + sum(turns.unit_elapsed)
        if not sent <= seen.started <= seen.started + claimed <= perf_counter_ns():
            return "its clock is not the system's: the times it claims were not there"
        return next(filter(None, (judge(case, look) for look in seen.looks)), "")

    def probe(self, case: Case, seed: int, batch: float) -> Probed | None:
        """Find what the time of a case depends on. None where that could not be tried."""
        if not self._worker or self.closed:
            return None
        try:
            return self._worker.ask(Probe(timed_call(case, seed), batch), self._timeout)
        except Lost:
            self.start()
        except Failed:
            pass
        return None

    def evaluate(
        self, case: Case, bits: Bits, upstream: Bits | None = None, apart: bool = False
    ) -> Outputs | None:
        """The outputs of a case on given inputs, as bit patterns. None if it failed."""
        return self._try(case, Evaluate(call_of(case, bits.shape[-1]), bits, upstream, apart))

    def attempts(self, case: Case, inputs: Sequence[Laid]) -> tuple[Attempt, ...]:
        """The outputs of a case on several inputs, rows all of one length, or its failures.

        A process that is lost meanwhile is replaced, and all inputs fail because of it.
        """
        shape = inputs[0].bits.shape or (ROW_LENGTH,)
        answer = self._ask_apart(case, Try(call_of(case, shape[-1]), tuple(inputs)))
        if isinstance(answer, Failure):
            return (Attempt(failure=answer),) * len(inputs)
        return answer

    def whole(self, case: Case, inputs: Sequence[Bits]) -> tuple[OnWhole, ...]:
        """The results of a case on arrays of whole numbers, or its failures."""
        request = TryWhole(call_of(case, inputs[0].shape[-1]), tuple(inputs))
        answer = self._ask_apart(case, request)
        if isinstance(answer, Failure):
            return (OnWhole(failure=answer),) * len(inputs)
        return answer

    def _ask_apart(self, case: Case, request: Request[Answer]) -> Answer | Failure:
        """An answer, or the failure, which costs the case no other work."""
        answer = self._try(case, request)
        if answer is not None:
            return answer
        ended = Failure(Status.ERROR, "the run was ended")
        return self.failures.pop(case, None) or self._down or ended

    def _try(self, case: Case, request: Request[Answer]) -> Answer | None:
        if not self._worker or self.closed or case in self.failures:
            return None
        try:
            return self._worker.ask(request, self._timeout)
        except Lost as lost:
            if self.closed:
                return None
            reason = f"{lost.failure.reason} ({_OPERATIONS.get(type(request), 'asked')})"
            self.failures[case] = replace(lost.failure, reason=reason)
            self.start()
        except Failed as failed:
            self.failures[case] = failed.failure
        return None


def _facts(framework: str, interpreter: str, started: Started) -> WorkerFacts:
    """The facts of a worker that run.json holds."""
    return WorkerFacts(
        framework,
        interpreter=interpreter,
        versions=started.versions,
        python=started.python,
        pid=started.pid,
        loop_overhead=started.loop_overhead,
        before=started.before,
        after=started.after,
        environment=started.environment,
    )


class Workers:
    """The workers of a run, asked side by side."""

    def __init__(self, workers: Sequence[SupervisedWorker]) -> None:
        self._workers = workers
        self._others: list[SupervisedWorker] = []

    def __iter__(self) -> Iterator[SupervisedWorker]:
        return iter(self._workers)

    def __len__(self) -> int:
        return len(self._workers)

    @property
    def alive(self) -> list[tuple[SupervisedWorker, Case]]:
        """The cases that have not failed, each with its worker."""
        return [(worker, case) for worker in self for case in worker.alive]

    @property
    def failures(self) -> dict[Case, Failure]:
        """The failures of cases."""
        return {case: why for worker in self for case, why in worker.failures.items()}

    def in_parallel(self, work: Callable[[SupervisedWorker], None]) -> None:
        """Call a function for every worker at once: they wait for processes, not for this one."""
        if not self._workers:
            return
        with ThreadPoolExecutor(len(self._workers)) as pool:
            futures = [pool.submit(work, worker) for worker in self]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                self.close()  # the other threads are waiting for their workers
                raise

    def add(self, others: Iterable[SupervisedWorker]) -> None:
        """Have other workers end with these."""
        self._others += others

    def close(self) -> None:
        """End every process for good."""
        for worker in (*self, *self._others):
            worker.close()
        for worker in self:
            worker.drop_log()


def workers_of(
    cases: Iterable[Case], python_of: Callable[[str], str], logs: Path, timeout: float
) -> Workers:
    """One worker for each framework, device and thread count, spread over the CPUs."""
    grouped: dict[Key, list[Case]] = {}
    for case in cases:
        grouped.setdefault(Key(case.framework, case.device, case.threads), []).append(case)
    available = available_cpus()
    workers = []
    for place, (key, own) in enumerate(grouped.items()):
        count = min(key.threads, len(available))
        cpus = [available[(place + i) % len(available)] for i in range(count)]
        log = logs / f"worker-{key.label.replace('/', '-')}.log"
        workers.append(SupervisedWorker(key, own, python_of(key.framework), cpus, log, timeout))
    return Workers(workers)
