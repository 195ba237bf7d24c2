"""Lanes: one worker each, restarted when it is lost, with the cases that it has prepared."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..catalog.cases import Case
from ..catalog.dtypes import DTYPES
from ..catalog.sizes import streams
from .process import Failed, Key, Lost, WorkerProcess
from .specs import spec_of, timing_shape

_processes = itertools.count()


class Lane:
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
        self.failures: dict[Case, Failed] = {}
        self.facts: dict[str, Any] = {}
        self.process = -1
        self.closed = False
        self._python, self._cpus, self._log, self._timeout = python, cpus, log, timeout
        self._worker: WorkerProcess | None = None
        self._down: Failed | None = None
        self._prepared: set[Case] = set()
        self._pinned = available_cpus()

    @property
    def alive(self) -> list[Case]:
        """The cases that have not failed."""
        return [case for case in self.numbers if case not in self.failures]

    def failure_of(self, case: Case) -> Failed | None:
        """Why a case failed, be it by itself or because no worker could be started."""
        return self.failures.get(case) or self._down

    def start(self) -> None:
        """Start a fresh worker. Where it cannot start, every case fails for that reason."""
        self.stop()
        if self.closed:
            return
        self._prepared.clear()
        self.process = next(_processes)
        try:
            self._worker = WorkerProcess(self.key, self._python, self._cpus, self._log)
            if not self.closed:
                self._worker.ask("pin", self._timeout, cpus=self._pinned)
        except Failed as failure:
            self._fail(failure)
            return
        if self.closed:
            self.stop()
            return
        self.facts = {"status": "ok", "interpreter": self._python, **self._worker.facts}

    def _fail(self, failure: Failed) -> None:
        """No worker can be had, unless it was ended from outside: every case fails for it."""
        self.stop()
        if self.closed:
            return
        self._down = failure
        self.failures.update(dict.fromkeys(self.alive, failure))
        self.facts = {"status": failure.status, "detail": failure.detail}

    def close(self) -> None:
        """End the worker for good: whatever waits for it fails, and no other is started."""
        self.closed = True
        self.stop()

    def stop(self) -> None:
        """End the worker, if there is one."""
        if self._worker:
            self._worker.kill()
            self._worker = None

    def pin(self, cpus: list[int]) -> None:
        """Confine the worker, and those that replace it, to some CPUs.

        A worker starts on as many CPUs as it may have threads, because frameworks count them then.
        One that is gone, as it may be since it was last asked, is replaced.
        """
        self._pinned = cpus
        if self._worker and self.alive:
            try:
                self._worker.ask("pin", self._timeout, cpus=cpus)
            except Failed:
                self.start()

    def beside(self, **changes: Any) -> Lane:
        """A lane without cases for a worker like this one, but for some fields of its key."""
        key = replace(self.key, **changes)
        cpus = self._cpus if key.threads == self.key.threads else available_cpus()[: key.threads]
        return Lane(key, (), self._python, cpus, self._log, self._timeout)

    def prepare(self, case: Case, seed: int) -> dict[str, Any] | None:
        """Have the worker build and warm a case. None if it failed."""
        shape = timing_shape(case)
        answer = self._try(
            case,
            "prepare",
            number=self.numbers[case],
            spec=spec_of(case, shape[-1]),
            shape=shape,
            seed=seed,
            streams=streams(case.size, DTYPES[case.dtype].itemsize, case.device),
        )
        if answer is not None:
            self._prepared.add(case)
        return answer

    def sample(self, case: Case, seed: int, batch: float, batches: int) -> dict[str, Any] | None:
        """Time batches of a case, preparing it first if its worker is new. None if it failed."""
        if case not in self._prepared and self.prepare(case, seed) is None:
            return None
        return self._try(case, "sample", number=self.numbers[case], batch=batch, batches=batches)

    def probe(self, case: Case, seed: int, batch: float) -> dict[str, Any] | None:
        """What the time of a case depends on. None where that could not be tried."""
        if not self._worker or self.closed:
            return None
        shape = timing_shape(case)
        try:
            return self._worker.ask(
                "probe",
                self._timeout,
                spec=spec_of(case, shape[-1]),
                shape=shape,
                seed=seed,
                batch=batch,
            )
        except Lost:
            self.start()
        except Failed:
            pass
        return None

    def evaluate(self, case: Case, channels: int, **values: Any) -> list[Any] | None:
        """The outputs of a case on given inputs, as bit patterns. None if it failed."""
        answer = self._try(case, "evaluate", spec=spec_of(case, channels), **values)
        return None if answer is None else list(answer["outputs"])

    def _try(self, case: Case, operation: str, **values: Any) -> dict[str, Any] | None:
        if not self._worker or self.closed or case in self.failures:
            return None
        try:
            return self._worker.ask(operation, self._timeout, **values)
        except Lost as failure:
            if self.closed:
                return None
            self.failures[case] = Failed(failure.status, f"{failure.detail} ({operation})")
            self.start()
        except Failed as failure:
            self.failures[case] = failure
        return None


def make_lanes(
    cases: Iterable[Case], python_of: Callable[[str], str], logs: Path, timeout: float
) -> list[Lane]:
    """One lane for each framework, device and thread count, spread over the CPUs."""
    grouped: dict[Key, list[Case]] = {}
    for case in cases:
        grouped.setdefault(Key(case.framework, case.device, case.threads), []).append(case)
    available = available_cpus()
    lanes = []
    for place, (key, mine) in enumerate(grouped.items()):
        cpus = [
            available[(place + i) % len(available)] for i in range(min(key.threads, len(available)))
        ]
        log = logs / f"worker-{key.label.replace('/', '-')}.log"
        lanes.append(Lane(key, mine, python_of(key.framework), cpus, log, timeout))
    return lanes


def available_cpus() -> list[int]:
    """The CPUs that this process may use."""
    return sorted(os.sched_getaffinity(0))


def measuring_cpus(threads: int) -> list[int]:
    """The CPUs on which timed work runs: the same for every framework, the last ones there are."""
    return available_cpus()[-threads:]
