"""Visits: which cases are timed again, in which order, and what is recorded of them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from actbench.bench.catalog.cases import PROFILES, Case
from actbench.bench.results.samples import Preparation, Probe, Sample, Visit
from actbench.bench.timing.visits import Visits
from actbench.bench.worker.protocol import Prepared, Probed, Sampled
from actbench.bench.workers.supervised import Workers

_CASE = Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 64, 1)
_CASES = [replace(_CASE, size=size) for size in range(64, 84)]
_PROFILE = replace(PROFILES["smoke"], precision=0.01)


class _Worker:
    """A worker whose calls take what a test says, in nanoseconds."""

    process = 3

    def __init__(self, times: Callable[[Case, int], float], failed: tuple[Case, ...] = ()) -> None:
        self.numbers = {case: number for number, case in enumerate(_CASES)}
        self.visited: list[Case] = []
        self._times, self._failed = times, failed

    @property
    def alive(self) -> list[Case]:
        return list(self.numbers)

    def prepare(self, case: Case, seed: int) -> Prepared | None:
        return None if case in self._failed else Prepared(0.5, 0.1, 1, 0)

    def sample(self, case: Case, seed: int, batch: float, batches: int) -> Sampled | None:
        if case in self._failed:
            return None
        taken = round(self._times(case, self.visited.count(case)))
        self.visited.append(case)
        return Sampled(1, 1, (taken,), (taken,), (0,), (0,))

    def probe(self, case: Case, seed: int, batch: float) -> Probed | None:
        return None if case in self._failed else Probed(1.5, math.nan)


class _Recorder:
    """Keeps what is appended."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    def append(self, sample: Sample) -> None:
        self.samples.append(sample)

    def flush(self) -> None:
        """Nothing waits."""


def _visits(worker: _Worker) -> tuple[Visits, list[Sample]]:
    recorder: Any = _Recorder()
    workers: Any = [worker]
    return Visits(_PROFILE, 0, Workers(workers), recorder), recorder.samples


def _steady(case: Case, visit: int) -> float:
    return 1000


def _ignore() -> None:
    """Counts nothing."""


def test_a_round_visits_every_case_once_in_an_order_of_its_own() -> None:
    worker = _Worker(_steady)
    visits, samples = _visits(worker)
    for _ in range(2):
        visits.round(_ignore)
    first, second = worker.visited[: len(_CASES)], worker.visited[len(_CASES) :]
    assert set(first) == set(second) == set(_CASES)
    assert first != second
    assert _CASES not in (first, second)
    again = _Worker(_steady)
    _visits(again)[0].round(_ignore)
    assert again.visited == first, "the order follows from the seed"
    assert samples[0] == Visit(first[0], 3, 1, 1, (1000,), (1000,), (0,), (0,))
    assert visits.timed_ns == 2 * len(_CASES) * 1000


def test_what_is_wide_is_visited_until_it_is_narrow() -> None:
    wide = _CASES[5]
    worker = _Worker(lambda case, visit: 2000 if case == wide and visit == 0 else 1000)
    visits, _ = _visits(worker)
    for _ in range(2):
        visits.round(_ignore)
    visits.narrow(math.inf, _ignore)
    counts = {case: worker.visited.count(case) for case in _CASES}
    assert counts.pop(wide) > 10
    assert set(counts.values()) == {2}


def test_what_stays_wide_is_visited_until_the_time_is_up() -> None:
    worker = _Worker(lambda case, visit: 1000 * (1 + visit % 2))
    visits, _ = _visits(worker)
    visits.round(_ignore)
    visits.narrow(time.monotonic() + 0.05, _ignore)
    assert len(worker.visited) > len(_CASES)
    seen = len(worker.visited)
    visits.narrow(time.monotonic() - 1, _ignore)
    assert len(worker.visited) == seen


def test_other_processes_begin_anew() -> None:
    """One visit has no interval, and is wide; none is not visited again."""
    worker = _Worker(_steady)
    visits, _ = _visits(worker)
    visits.round(_ignore)
    visits.begin()
    visits.narrow(math.inf, _ignore)
    assert len(worker.visited) == len(_CASES)


def test_a_case_that_fails_has_no_sample_and_costs_no_other() -> None:
    failed = _CASES[3]
    worker = _Worker(_steady, (failed,))
    visits, samples = _visits(worker)
    counted: list[int] = []
    for case in _CASES:
        visits.prepare(worker, case)  # type: ignore[arg-type]
    visits.round(lambda: counted.append(1))
    visits.probe(_CASES[:5], lambda: counted.append(1))
    assert len(counted) == len(_CASES) + 5
    for kind, expected in ((Preparation, len(_CASES) - 1), (Visit, len(_CASES) - 1), (Probe, 4)):
        cases = [sample.case for sample in samples if isinstance(sample, kind)]
        assert len(cases) == expected
        assert failed not in cases


@pytest.mark.parametrize("visits", [1, 2])
def test_the_first_visits_are_never_enough_where_they_differ(visits: int) -> None:
    worker = _Worker(lambda case, visit: 1000 + 500 * visit)
    timing, _ = _visits(worker)
    for _ in range(visits):
        timing.round(_ignore)
    timing.narrow(time.monotonic() + 0.02, _ignore)
    assert len(worker.visited) > visits * len(_CASES)
