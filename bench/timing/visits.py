"""Visits that time cases: some for every case, more for wide intervals, and probes."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from statistics import median

from ..catalog.cases import Case, Profile
from ..host.progress import Advance
from ..results.samples import Preparation, Probe, Visit
from ..workers.recorder import Recorder
from ..workers.supervised import SupervisedWorker, Workers
from .bootstrap import half_width

Pair = tuple[SupervisedWorker, Case]


class Visits:
    """Visits to the cases of some workers, which record the times.

    `timed_ns` are the nanoseconds inside timed regions.
    """

    def __init__(self, profile: Profile, seed: int, workers: Workers, recorder: Recorder) -> None:
        self._profile, self._seed = profile, seed
        self._workers, self._recorder = workers, recorder
        self._medians: dict[Case, list[float]] = {}
        self.timed_ns = 0

    def begin(self) -> None:
        """Drop the times of other processes."""
        self._medians.clear()

    def prepare(self, worker: SupervisedWorker, case: Case) -> None:
        """Have a case built and warmed, and record the time of its first call."""
        answer = worker.prepare(case, self._seed)
        if answer is not None:
            self._recorder.append(Preparation(case, worker.process, **vars(answer)))

    def round(self, done: Advance) -> None:
        """Visit every case once."""
        for pair in self._shuffled(self._workers.alive):
            self._visit(*pair)
            done()
        self._recorder.flush()

    def narrow(self, deadline: float, done: Advance) -> None:
        """Visit cases with wide intervals again, until none is left or the time is up.

        `done` counts the seconds.
        """
        counted = time.monotonic()
        while wide := [pair for pair in self._workers.alive if self._is_wide(pair[1])]:
            for pair in self._shuffled(wide):
                if time.monotonic() >= deadline:
                    return
                self._visit(*pair)
                self._recorder.flush()
                while time.monotonic() - counted >= 1:
                    counted += 1
                    done()

    def probe(self, wanted: Iterable[Case], done: Advance) -> None:
        """Record probes of some cases that have not failed: what their times depend on."""
        worker_of = {case: worker for worker, case in self._workers.alive}
        for case in wanted:
            answer = worker_of[case].probe(case, self._seed, self._profile.batch)
            if answer is not None:
                self._recorder.append(Probe(case, **vars(answer)))
            done()

    def _is_wide(self, case: Case) -> bool:
        medians = self._medians.get(case)
        return medians is not None and half_width(medians) > self._profile.precision

    def _shuffled(self, pairs: list[Pair]) -> list[Pair]:
        """Shuffle, so that drift hits all cases alike."""
        visits = sum(map(len, self._medians.values()))
        order = sorted(pairs, key=lambda pair: pair[0].numbers[pair[1]])
        random.Random(f"{self._seed} {visits}").shuffle(order)
        return order

    def _visit(self, worker: SupervisedWorker, case: Case) -> None:
        profile = self._profile
        answer = worker.sample(case, self._seed, profile.batch, profile.batches)
        if answer is None:
            return
        visit = Visit(case, worker.process, **vars(answer))
        self._recorder.append(visit)
        self._medians.setdefault(case, []).append(median(visit.times))
        self.timed_ns += sum(visit.elapsed)
