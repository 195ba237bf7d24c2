"""Two cases timed in turn, on the same input, in one fresh process after another.

A process gives one value: the median over blocks of the log ratio of two batches, half a
millisecond each. The spread between processes decides how many are needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from ..catalog.cases import Case
from ..host.cpus import available_cpus, measuring_cpus
from ..results.estimate import Estimate
from ..worker.protocol import Failure, Turns
from ..workers.environment import Key
from ..workers.supervised import Judge, SupervisedWorker
from .ratios import common_spread, of_blocks

_TIMEOUT = 300.0
_ERROR = 0.05
"""The probability that an interval misses the ratio."""
_ENOUGH = 4
"""The number of a process's unspoilt blocks from which on its spoilt ones are dropped."""


@dataclass(frozen=True)
class Effort:
    """The work for a comparison: blocks of batches of so many seconds in each process.

    There are `fewest` fresh processes at least, and further ones until every ratio is known to
    within `precision`, half an interval as a share, or there were `most`, or `budget` seconds have
    passed.
    """

    blocks: int = 24
    batch: float = 0.0005
    precision: float = 0.02
    fewest: int = 3
    most: int = 12
    budget: float = 22.0


@dataclass(frozen=True)
class Setting:
    """The common settings of processes: the folder of their own output, interpreters, the seed.

    `judge` returns the reason why results cannot be right, if there is one.
    """

    logs: Path
    python_of: Callable[[str], str]
    judge: Judge
    seed: int = 0


@dataclass
class Pair:
    """Two cases of one framework; per process the log ratio, and the ns per call of either.

    `failure` is the reason why no more processes are started.
    """

    case: Case
    other: Case
    logs: list[float] = field(default_factory=list)
    nanoseconds: list[tuple[float, float]] = field(default_factory=list)
    failure: Failure | None = None

    @property
    def key(self) -> Key:
        """The kind of process that times both."""
        return Key(self.case.framework, self.case.device, self.case.threads)

    @property
    def times(self) -> tuple[float, float]:
        """The ns per call of either, the median over processes."""
        first, second = zip(*self.nanoseconds, strict=True)
        return median(first), median(second)

    def add(self, turns: Turns) -> None:
        """Add the blocks of a process: the unspoilt ones, or all where those are few."""
        clean = [place for place, spoilt in enumerate(turns.spoilt) if not spoilt]
        kept = clean if len(clean) >= _ENOUGH else range(len(turns.spoilt))
        case = [turns.elapsed[place] / turns.loops for place in kept]
        other = [turns.unit_elapsed[place] / turns.unit_loops for place in kept]
        self.logs.append(of_blocks(other, case))
        self.nanoseconds.append((median(case), median(other)))


def estimates(pairs: Sequence[Pair]) -> list[Estimate]:
    """The ratio of each pair with its 95 % interval; NaN where nothing was timed."""
    spread = common_spread(pair.logs for pair in pairs)
    return [spread.ratio(pair.logs).interval(_ERROR) for pair in pairs]


def measure(
    pairs: Sequence[Pair], effort: Effort, setting: Setting, done: Callable[[], None]
) -> None:
    """Time the pairs in as many fresh processes as their ratios need; `done` counts processes.

    The next process starts on other CPUs, if there are any, while one is timed.
    """
    started = time.monotonic()
    keys = list(dict.fromkeys(pair.key for pair in pairs))
    turns = [(turn, key) for turn in range(effort.most) for key in keys]
    ahead = all(key.device == "cpu" and len(available_cpus()) > key.threads for key in keys)
    workers: list[SupervisedWorker] = []

    def start(turn: int, key: Key) -> SupervisedWorker:
        worker = _worker(key, _alive(pairs, key), setting)
        workers.append(worker)
        if worker.numbers:
            worker.start()
        for case in worker.numbers:
            worker.prepare(case, setting.seed, checked=turn == 0)
        return worker

    with ThreadPoolExecutor(1) as pool:
        coming: Future[SupervisedWorker] | None = None
        try:
            for place, (turn, key) in enumerate(turns):
                late = time.monotonic() - started > effort.budget
                if key == keys[0] and turn >= effort.fewest and (late or _narrow(pairs, effort)):
                    break
                worker = (coming or pool.submit(start, turn, key)).result()
                last = late and turn + 1 >= effort.fewest and key == keys[-1]
                following = turns[place + 1 : place + 2] if ahead and not last else []
                coming = next((pool.submit(start, *next_) for next_ in following), None)
                _time(worker, _alive(pairs, key), effort, setting)
                worker.close()
                done()
        finally:
            for worker in workers:
                worker.close()


def _worker(key: Key, pairs: Iterable[Pair], setting: Setting) -> SupervisedWorker:
    """A worker with both cases of some pairs, started while nothing is timed."""
    cases = dict.fromkeys(case for pair in pairs for case in (pair.case, pair.other))
    log = setting.logs / f"worker-{key.label.replace('/', '-')}.log"
    cpus = available_cpus()[: key.threads]
    return SupervisedWorker(key, cases, setting.python_of(key.framework), cpus, log, _TIMEOUT)


def _time(
    worker: SupervisedWorker, pairs: Sequence[Pair], effort: Effort, setting: Setting
) -> None:
    if pairs:
        worker.pin(measuring_cpus(worker.key.threads))
    for pair in pairs:
        turns = worker.in_turn(
            pair.case, pair.other, setting.seed, effort.batch, effort.blocks, setting.judge
        )
        if turns:
            pair.add(turns)
        else:
            pair.failure = worker.failure_of(pair.case) or worker.failure_of(pair.other)


def _alive(pairs: Iterable[Pair], key: Key) -> list[Pair]:
    return [pair for pair in pairs if pair.key == key and not pair.failure]


def _narrow(pairs: Iterable[Pair], effort: Effort) -> bool:
    alive = [pair for pair in pairs if not pair.failure]
    return all(estimate.half_width <= effort.precision for estimate in estimates(alive))
