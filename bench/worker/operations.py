"""What a worker does: prepare a case, time a batch of it, evaluate it on given inputs."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Callable
from functools import partial
from itertools import repeat
from types import ModuleType
from typing import Any

import numpy as np

from .. import inputs

_WARM_CALLS = 3


class RecompiledError(Exception):
    """A compilation inside a timed region: the sample would hold its time."""


class Worker:
    """One framework on one device with one thread count."""

    def __init__(self, module: ModuleType, device: str, threads: int) -> None:
        self._module = module
        self._adapter = module.Adapter(device, threads)
        self._functions: dict[tuple[Any, ...], Callable[..., Any]] = {}
        self._inputs: dict[tuple[Any, ...], Any] = {}
        self._steps: dict[int, tuple[Callable[[], Any], int]] = {}

    def describe(self) -> dict[str, Any]:
        """Versions, the interpreter, the process, and the loop's own cost a call in ns."""
        return {
            "versions": {**self._adapter.versions(), "numpy": np.__version__},
            "python": platform.python_version(),
            "pid": os.getpid(),
            "loop_overhead": min(self._elapsed(_nothing, 10_000) for _ in range(5)) / 10_000,
        }

    def pin(self, cpus: list[int]) -> dict[str, Any]:
        """Confine every thread of this process to the given CPUs."""
        for thread in os.listdir("/proc/self/task"):
            os.sched_setaffinity(int(thread), cpus)
        return {}

    def prepare(
        self, number: int, spec: dict[str, Any], shape: tuple[int, ...], seed: int, batch: float
    ) -> dict[str, Any]:
        """Build the step of a case, call it until warm, and choose how many calls make a batch.

        `spec` holds the function's name, parameters, learnable arrays (name to shape and value),
        mode, direction and dtype. Answers the seconds until the first result and those of a warm
        call.
        """
        started = time.perf_counter()
        arrays = [self._timing_input(shape, spec["dtype"], seed), *self._learnable(spec)]
        upstream = partial(self._timing_upstream, dtype=spec["dtype"], seed=seed + 1)
        step = self._step(spec, arrays, upstream)
        self._adapter.wait(step())
        first = time.perf_counter() - started
        warm = min(self._elapsed(step, 1) for _ in range(_WARM_CALLS)) / 1e9
        loops = self._calibrate(step, batch)
        self._steps[number] = (step, loops)
        return {"first": first, "later": warm, "loops": loops}

    def sample(self, number: int) -> dict[str, Any]:
        """Time one batch of a prepared case: loops, ns, and involuntary context switches."""
        step, loops = self._steps[number]
        compilations = self._adapter.compilations()
        switches = _switches()
        elapsed = self._elapsed(step, loops)
        spoilt = _switches() - switches
        if self._adapter.compilations() != compilations:
            raise RecompiledError("compiled again inside a timed region")
        return {"loops": loops, "elapsed": elapsed, "switches": spoilt}

    def evaluate(
        self, spec: dict[str, Any], bits: np.ndarray, upstream: np.ndarray | None
    ) -> dict[str, Any]:
        """The outputs of a case on given inputs, as bit patterns; `upstream` of None is all ones."""
        arrays = [self._adapter.put(bits, spec["dtype"]), *self._learnable(spec)]

        def pull(output: Any) -> Any:
            ones = inputs.to_bits(np.ones(tuple(output.shape)), spec["dtype"])
            return self._adapter.put(ones if upstream is None else upstream, spec["dtype"])

        result = self._step(spec, arrays, pull)()
        outputs = result if isinstance(result, tuple | list) else (result,)
        self._adapter.wait(result)
        return {"outputs": [self._adapter.get(output) for output in outputs]}

    def _step(self, spec: dict[str, Any], arrays: list[Any], upstream: Any) -> Callable[[], Any]:
        function = self._function(spec["function"], spec["parameters"])
        step: Callable[[], Any] = self._adapter.step(
            function, arrays, upstream, spec["mode"], spec["direction"]
        )
        return step

    def _function(self, name: str, parameters: dict[str, Any]) -> Callable[..., Any]:
        """The form with its parameters bound: one object each, so that a compiled one is reused."""
        key = (name, tuple(sorted(parameters.items())))
        if key not in self._functions:
            function = getattr(self._module, name)
            self._functions[key] = partial(function, **parameters) if parameters else function
        return self._functions[key]

    def _timing_input(self, shape: tuple[int, ...], dtype: str, seed: int) -> Any:
        key = (shape, dtype, seed)
        if key not in self._inputs:
            self._inputs[key] = self._adapter.put(inputs.timing(shape, dtype, seed), dtype)
        return self._inputs[key]

    def _timing_upstream(self, output: Any, dtype: str, seed: int) -> Any:
        return self._timing_input(tuple(output.shape), dtype, seed)

    def _learnable(self, spec: dict[str, Any]) -> list[Any]:
        dtype = spec["dtype"]
        return [
            self._adapter.put(inputs.to_bits(np.full(tuple(shape), value), dtype), dtype)
            for shape, value in spec["learnable"]
        ]

    def _calibrate(self, step: Callable[[], Any], batch: float) -> int:
        loops = 1
        while True:
            elapsed = self._elapsed(step, loops) / 1e9
            if elapsed >= batch / 2:
                return max(1, round(loops * batch / elapsed))
            loops = min(2 * loops, max(loops + 1, int(loops * batch / max(elapsed, 1e-9))))

    def _elapsed(self, step: Callable[[], Any], loops: int) -> int:
        """Nanoseconds of `loops` calls, each waited for."""
        wait = self._adapter.wait
        started = time.perf_counter_ns()
        for _ in repeat(None, loops):
            wait(step())
        return time.perf_counter_ns() - started


def _nothing() -> None:
    return None


def _switches() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
