"""Small networks that learn handwritten digits with a framework's activations, from a few seeds.

The digits are scikit-learn's: 1,797 images of 8 × 8 pixels (E. Alpaydin, C. Kaynak 1998, UCI
Machine Learning Repository, doi:10.24432/C50P49). A third of them, drawn by the seed, is held out.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self

import numpy as np

from ..catalog.activations import find
from ..catalog.cases import Case, plain_form
from ..catalog.frameworks import frameworks
from ..host import temporary
from ..host.cpus import available_cpus
from ..results.claims import Figure
from ..results.estimate import Estimate
from ..results.store import Run
from ..timing.ratios import student
from ..worker.protocol import Network, Phase, Pin, Samples, State, Train
from ..workers.environment import Key
from ..workers.process import Failed, WorkerProcess
from ..workers.requests import call_of
from .costs import Holds
from .ground import Effort, Unavailable

Array = np.ndarray[Any, Any]
_SEEDS, _FEW = 8, 3
_HELD = 3
"""The number of digits of which one is held out."""
_TIMEOUT = 300.0
_LEAST = 0.1
"""The least deviation, in 16 shades, that a pixel is divided by: some pixels are always blank."""


@dataclass(frozen=True)
class Setting:
    """A network with an activation, which is a label: `leaky_relu(alpha=0.1)`.

    Pixels are `standardised` over the training digits, or else as stored, from 0 to 16.
    """

    activation: str
    network: Network
    standardised: bool = True


States = tuple[State, ...]
"""The states of a network at the start and at each look."""


@dataclass(frozen=True)
class Networks:
    """Trained networks, kept so that claims about the same ones share them."""

    framework: str
    seeds: Sequence[int]
    quick: bool
    _idle: SimpleQueue[WorkerProcess]
    _workers: Sequence[WorkerProcess]
    _trained: dict[tuple[Setting, int], States] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def opened(cls, run: Run | None, effort: Effort) -> Iterator[Self]:
        """The networks with activations of the first chosen framework, by default NumPy.

        Raises Unavailable without scikit-learn or without the framework.
        """
        if find_spec("sklearn") is None:
            raise Unavailable(
                "the digits that networks learn come with scikit-learn, which is not installed: "
                "python -m pip install scikit-learn"
            )
        framework = effort.frameworks[0] if effort.frameworks else "numpy"
        count = _FEW if effort.quick else _SEEDS
        seeds = [1000 * effort.seed + place for place in range(count)]
        with temporary.folder() as logs:
            workers: list[WorkerProcess] = []
            try:
                for place, _ in zip(range(count), available_cpus(), strict=False):
                    log = logs.path / f"{place}.log"
                    workers.append(_started(framework, effort.python_of(framework), log))
                idle: SimpleQueue[WorkerProcess] = SimpleQueue()
                for worker in workers:
                    idle.put(worker)
                yield cls(framework, seeds, effort.quick, idle, workers)
            finally:
                for worker in workers:
                    worker.kill()

    def epochs(self, count: int) -> int:
        """The epochs to train for: fewer for a quick answer."""
        return math.ceil(count / 2) if self.quick else count

    def trained(self, *settings: Setting) -> list[list[States]]:
        """The states of each network with each seed; networks of one seed begin alike.

        Raises Unavailable where one cannot be trained.
        """
        wanted = {(setting, seed) for setting in settings for seed in self.seeds}
        missing = sorted(wanted - self._trained.keys(), key=repr)
        with ThreadPoolExecutor(len(self._workers)) as pool:
            jobs = {job: pool.submit(self._train, *job) for job in missing}
            try:
                self._trained.update({job: future.result() for job, future in jobs.items()})
            except BaseException as error:
                pool.shutdown(wait=False, cancel_futures=True)
                if isinstance(error, Failed):
                    raise Unavailable(f"a network could not be trained: {error}") from None
                for worker in self._workers:
                    worker.kill()  # threads are waiting for them
                raise
        return [[self._trained[setting, seed] for seed in self.seeds] for setting in settings]

    def _train(self, setting: Setting, seed: int) -> States:
        worker = self._idle.get()
        try:
            return worker.ask(request(self.framework, setting, seed), _TIMEOUT)
        finally:
            self._idle.put(worker)

    def figure(
        self,
        name: str,
        values: Sequence[float],
        holds: Holds,
        **more: Any,
    ) -> Figure:
        """The mean of a value per seed, with its interval, and whether the claim holds by it."""
        return self._figure(name, mean(values), holds, **more)

    def ratio(
        self,
        name: str,
        values: Sequence[float],
        others: Sequence[float],
        holds: Holds,
        **more: Any,
    ) -> Figure:
        """The geometric mean of positive values over others, seed by seed."""
        pairs = zip(values, others, strict=True)
        logs = mean([_log(value) - _log(other) for value, other in pairs])
        estimate = Estimate(*(math.exp(end) for end in (logs.value, logs.low, logs.high)))
        return self._figure(name, estimate, holds, unit="ratio", **more)

    def _figure(self, name: str, estimate: Estimate, holds: Holds, **more: Any) -> Figure:
        made = Figure(name, estimate.value, *estimate.ends, holds=holds(estimate))
        return replace(made, framework=self.framework, mode="eager", dtype="float32", **more)


def _log(value: float) -> float:
    """The logarithm; NaN for numbers that are not positive."""
    return math.log(value) if value > 0 else math.nan


def learned(networks: Networks, activation: str, l1: float = 0.0) -> Setting:
    """A usual trained network: many claims ask for it."""
    phase = Phase(networks.epochs(20), 0.05)
    return Setting(activation, Network((64, 64), (phase,), l1=l1))


def _started(framework: str, python: str, log: Path) -> WorkerProcess:
    """A worker with one thread, on any CPU. Raises Unavailable where it cannot start."""
    try:
        cpus = available_cpus()
        worker = WorkerProcess(Key(framework, "cpu", 1), python, cpus[:1], log)
        worker.ask(Pin(tuple(cpus)), _TIMEOUT)
    except Failed as failed:
        raise Unavailable(str(failed)) from None
    return worker


def request(framework: str, setting: Setting, seed: int, dtype: str = "float32") -> Train:
    """The request that trains a network."""
    record = find(setting.activation)
    form = plain_form(record, frameworks()[framework])
    case = Case(framework, record.label, form, "eager", "forward", "cpu", dtype, 1, 1)
    learned, held = digits(seed, setting.standardised)
    return Train(call_of(case, 1), setting.network, learned, held, seed)


@cache
def digits(seed: int, standardised: bool = True) -> tuple[Samples, Samples]:
    """The training digits and the held-out ones, as float64."""
    pixels, labels = _digits()
    order = np.random.default_rng(seed).permutation(len(labels))
    held, learned = np.split(order, [len(labels) // _HELD])
    if standardised:
        deviation = np.maximum(pixels[learned].std(axis=0), _LEAST)
        pixels = (pixels - pixels[learned].mean(axis=0)) / deviation
    return Samples(pixels[learned], labels[learned]), Samples(pixels[held], labels[held])


@cache
def _digits() -> tuple[Array, Array]:
    """All pixels, a row per image, and the digit that each image shows."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return pixels, labels


def mean(values: Sequence[float]) -> Estimate:
    """The mean of a value per seed with Student's 95 % interval; unknown where one is not a number.

    A single value has no interval.
    """
    if not all(map(math.isfinite, values)):
        return Estimate(math.nan, -math.inf, math.inf)
    centre = statistics.fmean(values)
    if len(values) < 2:
        return Estimate(centre, -math.inf, math.inf)
    error = statistics.stdev(values) / math.sqrt(len(values))
    half = student(len(values) - 1, 0.05) * error
    return Estimate(centre, centre - half, centre + half)
