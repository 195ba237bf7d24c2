"""Two cases timed in turn: what a process gives, and how many there are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.results.status import Status
from actbench.bench.timing import in_turn
from actbench.bench.timing.in_turn import Effort, Pair, Setting, estimates, measure
from actbench.bench.worker.protocol import Failure, Turns
from actbench.bench.workers.environment import Key
from actbench.bench.workers.supervised import Judge

SETTING = Setting(Path("logs"), lambda framework: "python", lambda *_: "")


def _pair(framework: str = "torch", mode: str = "compiled") -> Pair:
    cases = (
        Case(framework, name, "native", mode, "forward", "cpu", "float32", 4096, 1)
        for name in ("gelu", "squareplus")
    )
    return Pair(*cases)


def _turns(case: Iterable[int], other: Iterable[int], spoilt: Iterable[bool] = ()) -> Turns:
    elapsed, beside = tuple(case), tuple(other)
    flags = tuple(spoilt) or (False,) * len(elapsed)
    return Turns(10, 20, elapsed, beside, flags, (0,) * len(elapsed))


def test_a_process_gives_the_median_log_ratio_of_its_blocks() -> None:
    pair = _pair()
    pair.add(_turns([1000, 2000, 9000], [1000, 2000, 1000]))
    assert pair.logs == pytest.approx([math.log(2)]), "10 calls against 20"
    assert pair.times == (200.0, 50.0)


def test_spoilt_blocks_are_dropped_where_enough_are_left() -> None:
    spoilt = [False] * 4 + [True]
    pair = _pair()
    pair.add(_turns([100] * 4 + [9900], [200] * 5, spoilt))
    assert pair.times == (10.0, 10.0)
    few = _pair()
    few.add(_turns([100, 300], [200, 200], [True, False]))
    assert few.times == (20.0, 10.0)


def test_the_interval_is_students_over_processes() -> None:
    """Against the textbook's formula; two values have 12.706 standard errors to either side."""
    pair = _pair()
    pair.logs = [0.1, 0.3]
    [ratio] = estimates([pair])
    assert ratio.value == pytest.approx(math.exp(0.2))
    assert ratio.high == pytest.approx(math.exp(0.2 + 12.7062047 * 0.1), rel=1e-6)


class _Worker:
    """A worker whose answers are made up: a ratio per process, from a list."""

    started: ClassVar[list[Key]] = []
    ratios: ClassVar[Iterator[float]] = iter(())
    broken: ClassVar[tuple[str, ...]] = ()

    def __init__(self, key: Key, cases: Iterable[Case], *_: Any) -> None:
        self.key, self.numbers = key, dict.fromkeys(cases, 0)

    def start(self) -> None:
        self.started.append(self.key)

    def prepare(self, case: Case, seed: int, checked: bool) -> None:
        assert checked == (self.started.count(self.key) == 1), "once, in the first process"

    def pin(self, cpus: list[int]) -> None:
        assert cpus

    def in_turn(
        self, case: Case, unit: Case, seed: int, batch: float, blocks: int, judge: Judge
    ) -> Turns | None:
        if case.framework in self.broken:
            return None
        return _turns([round(1e6 * next(self.ratios))] * blocks, [2_000_000] * blocks)

    def failure_of(self, case: Case) -> Failure:
        return Failure(Status.REFUSED, "work went on")

    def close(self) -> None:
        pass


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> type[_Worker]:
    class Fresh(_Worker):
        started: ClassVar[list[Key]] = []

    monkeypatch.setattr(in_turn, "SupervisedWorker", Fresh)
    monkeypatch.setattr(in_turn, "available_cpus", lambda: [0])  # none is started beside another
    return Fresh


def test_processes_go_on_until_the_ratio_is_known(worker: type[_Worker]) -> None:
    pair = _pair()
    worker.ratios = itertools.cycle([1.5, 1.52])
    counted: list[int] = []
    measure([pair], Effort(precision=0.02), SETTING, lambda: counted.append(1))
    [ratio] = estimates([pair])
    assert ratio.half_width <= 0.02
    assert 3 <= len(pair.logs) == len(counted) == len(worker.started) < 12
    assert ratio.value == pytest.approx(1.51, rel=0.01)


def test_they_end_at_most_or_with_the_budget(worker: type[_Worker]) -> None:
    worker.ratios = itertools.cycle([1.0, 2.0])
    scattered, late = _pair(), _pair()
    measure([scattered], Effort(most=5), SETTING, lambda: None)
    assert len(scattered.logs) == 5
    worker.started.clear()
    measure([late], Effort(budget=0.0), SETTING, lambda: None)
    assert len(late.logs) == 3


def test_a_pair_that_fails_is_not_tried_again_and_the_others_go_on(worker: type[_Worker]) -> None:
    worker.broken, worker.ratios = ("jax",), itertools.repeat(1.25)
    lost, kept = _pair("jax"), _pair()
    measure([lost, kept], Effort(), SETTING, lambda: None)
    assert lost.failure == Failure(Status.REFUSED, "work went on")
    assert (len(lost.logs), len(kept.logs)) == (0, 3)
    assert sum(key.framework == "jax" for key in worker.started) == 1
