"""Cases prepared side by side: what compiles first, and a second process from the other end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog.cases import Case
from actbench.bench.run import preparing
from actbench.bench.run.preparing import Preparing, compiles
from actbench.bench.workers.environment import Key
from actbench.bench.workers.supervised import SupervisedWorker, Workers

CASE = Case("torch", "gelu", "native", "compiled", "forward", "cpu", "float32", 64, 1)
PATIENCE = 600.0
"""Seconds after which what has not come on a busy machine is given up."""


class Named(SupervisedWorker):
    """A worker without a process, which keeps those that it was given beside it."""

    def __init__(self, framework: str) -> None:
        super().__init__(Key(framework, "cpu", 1), (), "python", [0], Path("log"), 1.0)
        self.second: list[Named] = []
        self.started = False

    def start(self) -> None:
        """Only be seen to."""
        self.started = True

    def beside(self, **changes: object) -> Named:
        """Another of the same framework."""
        self.second.append(Named(self.key.framework))
        return self.second[-1]


@pytest.fixture(autouse=True)
def two_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two CPUs, of which one is free where a single worker is busy."""
    monkeypatch.setattr(preparing, "available_cpus", lambda: [0, 1])


def _compiled(count: int) -> list[Case]:
    return [replace(CASE, size=64 << place) for place in range(count)]


class Log:
    """The cases that each worker prepared, in order; `hold` is called before each."""

    def __init__(self, hold: Callable[[SupervisedWorker, Case], None] = lambda *_: None) -> None:
        self.cases: dict[SupervisedWorker, list[Case]] = {}
        self._hold, self._lock = hold, Lock()

    def __call__(self, worker: SupervisedWorker, case: Case) -> None:
        """Prepare a case."""
        self._hold(worker, case)
        with self._lock:
            self.cases.setdefault(worker, []).append(case)


def _nothing() -> None:
    pass


@given(st.lists(st.tuples(st.sampled_from(["eager", "compiled"]), st.integers(1, 99)), unique=True))
def test_what_compiles_is_prepared_first_and_everything_once(drawn: list[tuple[str, int]]) -> None:
    cases = [replace(CASE, mode=mode, size=size) for mode, size in drawn]
    worker, log, steps = Named("torch"), Log(), list[None]()
    work = Preparing(Workers([worker]), {worker: cases}, log)
    work.work(worker, lambda: steps.append(None))
    assert log.cases.get(worker, []) == sorted(cases, key=lambda case: not compiles(case))
    assert len(steps) == len(cases)


@pytest.mark.parametrize(
    ("name", "modes"),
    [("torch", {"compiled"}), ("tensorflow", {"compiled"}), ("jax", {"eager", "compiled"})],
)
def test_jax_compiles_its_operations_in_eager_mode_too(name: str, modes: set[str]) -> None:
    cases = [replace(CASE, framework=name, mode=mode) for mode in ("eager", "compiled")]
    assert {case.mode for case in cases if compiles(case)} == modes


class Helped:
    """A worker that compiles for long, and another that is done and helps it.

    The first waits in its case `at` until the second process has prepared `until` cases.
    """

    def __init__(self, count: int, at: int = 0, until: int = 1) -> None:
        self.cases = _compiled(count)
        self.busy, self.done = Named("torch"), Named("numpy")
        self._at, self._until = self.cases[at], until
        self._begun, self._enough, self.helped = Event(), Event(), 0
        self.log = Log(self._hold)
        self.workers = Workers([self.busy, self.done])
        self.preparing = Preparing(self.workers, {self.busy: self.cases, self.done: []}, self.log)

    def _hold(self, worker: SupervisedWorker, case: Case) -> None:
        if worker is not self.busy:
            self.helped += 1
            if self.helped >= self._until:
                self._enough.set()
        elif case == self._at:
            self._begun.set()
            assert self._enough.wait(PATIENCE)

    def run(self) -> None:
        """Have both work, the second until it finds nothing more to do."""
        first = Thread(target=self.preparing.work, args=(self.busy, _nothing))
        first.start()
        assert self._begun.wait(PATIENCE)
        self.preparing.work(self.done, _nothing)
        self.preparing.help(self.done)
        self._enough.set()
        first.join(PATIENCE)
        assert not first.is_alive()


@pytest.mark.parametrize(("count", "at", "until"), [(8 + 1, 0, 1), (20, 3, 10), (40, 5, 34)])
def test_a_second_process_compiles_from_the_other_end(count: int, at: int, until: int) -> None:
    helped = Helped(count, at, until)
    helped.run()
    (beside,) = helped.busy.second
    assert beside.started
    assert beside.closed, "it ends when nothing is left"
    own, others = helped.log.cases[helped.busy], helped.log.cases[beside]
    assert own == helped.cases, "the first loads from the cache what the second compiled"
    assert others == helped.cases[::-1][: len(others)]
    assert len(others) >= until
    assert helped.done.second == []


def test_no_process_prepares_a_case_twice() -> None:
    helped = Helped(30, at=4, until=20)
    helped.run()
    for cases in helped.log.cases.values():
        assert Counter(cases).most_common(1)[0][1] == 1


def test_every_case_that_a_second_process_may_take_has_a_number_there() -> None:
    helped = Helped(20)
    helped.run()
    (beside,) = helped.busy.second
    assert set(helped.log.cases[beside]) <= beside.numbers.keys()


def test_a_few_cases_are_not_worth_a_second_process() -> None:
    worker, other = Named("torch"), Named("numpy")
    for count, helped in ((7, 0), (8, 1)):
        work = Preparing(Workers([worker, other]), {worker: _compiled(count), other: []}, Log())
        work.help(other)
        assert len(worker.second) == helped


def test_nobody_helps_where_every_cpu_is_busy() -> None:
    workers = [Named("torch"), Named("jax"), Named("numpy")]
    cases = {worker: _compiled(20) for worker in workers}
    work = Preparing(Workers(workers), cases, Log())
    work.help(workers[2])
    assert not any(worker.second for worker in workers)
    work.help(workers[1])
    assert [len(worker.second) for worker in workers] == [1, 0, 0]


def test_the_worker_with_most_left_is_helped_and_once_only() -> None:
    short, long, *done = map(Named, ("torch", "jax", "numpy", "tensorflow"))
    cases = {short: _compiled(9), long: _compiled(30), done[0]: []}
    work = Preparing(Workers([*cases, done[1]]), cases, Log())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparing, "available_cpus", lambda: [0, 1, 2])
        work.help(done[0])
        assert (len(short.second), len(long.second)) == (0, 1)
        work.help(done[1])
        assert (len(short.second), len(long.second)) == (1, 1)
        work.help(done[1])
        assert (len(short.second), len(long.second)) == (1, 1)


def test_a_run_that_ends_ends_the_second_process() -> None:
    """Its worker is closed meanwhile: no further case is begun."""
    helped = Helped(20)
    log = helped.log

    def ending(worker: SupervisedWorker, case: Case) -> None:
        log(worker, case)
        if worker is not helped.busy:
            helped.workers.close()

    work = Preparing(helped.workers, {helped.busy: helped.cases, helped.done: []}, ending)
    work.help(helped.done)
    (beside,) = helped.busy.second
    assert beside.closed
    assert log.cases[beside] == helped.cases[-1:]
