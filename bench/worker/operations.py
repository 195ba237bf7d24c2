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

_CALIBRATIONS = 12


class RecompiledError(Exception):
    """A compilation inside a timed region: the sample would hold its time."""


class Worker:
    """One framework on one device with one thread count."""

    def __init__(self, module: ModuleType, device: str, threads: int) -> None:
        self._module = module
        self._adapter = module.Adapter(device, threads)
        self._functions: dict[tuple[Any, ...], Callable[..., Any]] = {}
        self._inputs: dict[tuple[Any, ...], Any] = {}
        self._steps: dict[int, Callable[[], Any]] = {}
        self._loops: dict[int, int] = {}

    def describe(self) -> dict[str, Any]:
        """Versions, the interpreter, the process, and the loop's own cost a call in ns."""
        return {
            "versions": {**self._adapter.versions(), "numpy": np.__version__},
            "python": platform.python_version(),
            "pid": os.getpid(),
            "loop_overhead": self._overhead(),
        }

    def pin(self, cpus: list[int]) -> dict[str, Any]:
        """Confine every thread of this process to the given CPUs."""
        for thread in os.listdir("/proc/self/task"):
            os.sched_setaffinity(int(thread), cpus)
        return {}

    def prepare(
        self, number: int, spec: dict[str, Any], shape: tuple[int, ...], seed: int
    ) -> dict[str, Any]:
        """Build the step of a case and call it until warm.

        `spec` holds the function's name, parameters, learnable arrays (shape and value), mode,
        direction and dtype. Answers the seconds until the first result, those of a warm call, and
        how often something was compiled: a form that another size has compiled may need nothing.
        """
        compilations = self._adapter.compilations()
        started = time.perf_counter()
        arrays = [
            self._timing_input(shape, spec["dtype"], seed, spec["domain"]),
            *self._learnable(spec),
        ]
        upstream = partial(self._timing_upstream, dtype=spec["dtype"], seed=seed + 1)
        step = self._step(spec, arrays, upstream)
        self._adapter.wait(step())
        first = time.perf_counter() - started
        self._steps[number] = step
        self._loops.pop(number, None)
        return {
            "first": first,
            "later": min(self._elapsed(step, 1) for _ in range(2)) / 1e9,
            "compilations": self._adapter.compilations() - compilations,
        }

    def sample(self, number: int, batch: float) -> dict[str, Any]:
        """Time one batch of a prepared case.

        Answers its calls (`loops`), the ns they took (`elapsed`), the ns that this process was on
        a CPU meanwhile (`busy`), and its involuntary context switches.

        The first batch of a case is preceded by the choice of how many calls take `batch` seconds:
        not earlier, because preparing is done in all workers at once. Every batch is preceded by
        an eighth of its calls untimed: what ran before, in this worker or another, has left the
        caches and the branch predictors to itself.
        """
        step = self._steps[number]
        if number not in self._loops:
            self._loops[number] = self._calibrate(step, batch)
        loops = self._loops[number]
        if loops > 1:
            self._elapsed(step, max(1, loops // 8))
        compilations = self._adapter.compilations()
        switches, busy = _switches(), time.process_time_ns()
        elapsed = self._elapsed(step, loops)
        busy = time.process_time_ns() - busy
        switches = _switches() - switches
        if self._adapter.compilations() != compilations:
            raise RecompiledError("compiled again inside a timed region")
        return {"loops": loops, "elapsed": elapsed, "busy": busy, "switches": switches}

    def call(self, number: int) -> Callable[[], None]:
        """One call of a prepared case, waited for, for another tool to time."""
        step, wait = self._steps[number], self._adapter.wait
        return lambda: wait(step())

    def evaluate(
        self, spec: dict[str, Any], bits: np.ndarray, upstream: np.ndarray | None
    ) -> dict[str, Any]:
        """The outputs of a case on given inputs, as bit patterns. `upstream` of None is ones."""
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

    def _timing_input(
        self, shape: tuple[int, ...], dtype: str, seed: int, domain: Any = "all"
    ) -> Any:
        key = (shape, dtype, seed, domain)
        if key not in self._inputs:
            self._inputs[key] = self._adapter.put(inputs.timing(shape, dtype, seed, domain), dtype)
        return self._inputs[key]

    def _timing_upstream(self, output: Any, dtype: str, seed: int) -> Any:
        return self._timing_input(tuple(output.shape), dtype, seed)

    def _learnable(self, spec: dict[str, Any]) -> list[Any]:
        dtype = spec["dtype"]
        return [
            self._adapter.put(inputs.to_bits(np.full(tuple(shape), value), dtype), dtype)
            for shape, value in spec["learnable"]
        ]

    def _overhead(self) -> float:
        """Nanoseconds that the loop and the wait add to each call, on a result that is ready."""
        ready = self._adapter.put(inputs.timing((16,), "float32", 0), "float32")
        return min(self._elapsed(lambda: ready, 10_000) for _ in range(5)) / 10_000

    def _calibrate(self, step: Callable[[], Any], batch: float) -> int:
        """How many warm calls take `batch` seconds: doubled until the last estimate holds."""
        loops, calls = 1, 0
        while True:
            self._elapsed(step, 1)
            elapsed = self._elapsed(step, loops) / 1e9
            wanted = max(1, round(loops * batch / max(elapsed, 1e-9)))
            calls += 1
            if wanted <= 2 * loops or calls == _CALIBRATIONS:
                return wanted
            loops = min(wanted, 8 * loops)

    def _elapsed(self, step: Callable[[], Any], loops: int) -> int:
        """Nanoseconds of `loops` calls, each waited for."""
        wait = self._adapter.wait
        started = time.perf_counter_ns()
        for _ in repeat(None, loops):
            wait(step())
        return time.perf_counter_ns() - started


def _switches() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
