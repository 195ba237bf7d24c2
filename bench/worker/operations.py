"""What a worker does: prepare a case, time batches of it, evaluate it on given inputs."""

from __future__ import annotations

import ctypes
import itertools
import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from ..catalog import inputs
from ..catalog.dtypes import DTYPES
from . import truth
from .clock import Clock

_STREAMED = 4
"""Pairs of buffers that a streaming case goes round: none is in a cache when its turn comes."""

_ROW = 256
"""Elements of a row of inputs, where their number allows."""

_COLD_CALLS = 2
"""Calls in a batch of a cold case at most: emptying the caches before each takes some 20 ms."""


class Recompiled(Exception):
    """A compilation inside a timed region: the sample would hold its time."""


@dataclass
class _Prepared:
    """A case that can be timed: its step, and how many calls are thought to fill a batch."""

    step: Callable[[], Any]
    seconds: float
    cold: bool


@dataclass
class _Step:
    """A step of a case, the tensors whose values it reads, and where it writes if that is given."""

    call: Callable[[], Any]
    input: Any
    upstream: list[Any]
    slot: list[Any] | None

    def read(self, direction: str) -> list[Any]:
        """A backward pass reads what the forward pass saved, and the upstream."""
        return self.upstream if direction == "backward" else [self.input, *self.upstream]


class Worker:
    """One framework on one device with one thread count."""

    def __init__(self, module: ModuleType, device: str, threads: int) -> None:
        self._module = module
        self._adapter = module.Adapter(device, threads)
        self.clock = Clock(self._adapter, device)
        self._functions: dict[tuple[Any, ...], Callable[..., Any]] = {}
        self._inputs: dict[tuple[Any, ...], Any] = {}
        self._slots: dict[tuple[Any, ...], list[Any]] = {}
        self._prepared: dict[int, _Prepared] = {}
        self._traced: set[tuple[Any, str]] = set()

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
        return confine(cpus)

    def prepare(
        self,
        number: int,
        spec: dict[str, Any],
        shape: tuple[int, ...],
        seed: int,
        streams: bool = False,
        checked: bool = True,
    ) -> dict[str, Any]:
        """Build the step of a case, check that it does its work, and call it until warm.

        `spec` holds the function's name, parameters, learnable arrays (shape and value), mode,
        direction, dtype, domain, output and cache. A case that `streams` goes round several
        inputs, so that none of them is in a cache. Answers the seconds until the first result,
        those of a warm call, how often something was compiled (a form that another size has
        compiled may need nothing), and how often that was loaded from an earlier process's cache.
        Raises truth.Refused for a call that does not do its work, unless it need not be `checked`
        again.
        """
        compilations, cached = self._adapter.compilations(), self._adapter.from_cache()
        started = time.perf_counter()
        timed = self._timing_step(spec, shape, seed)
        step = timed.call
        self._adapter.wait(step())
        first = time.perf_counter() - started
        later = min(self.clock.elapsed(step, 1) for _ in range(2)) / 1e9
        compilations = self._adapter.compilations() - compilations
        cached = self._adapter.from_cache() - cached
        if checked:
            self._check(spec, timed)
        if streams:
            others = [self._timing_step(spec, shape, seed + 10 * i) for i in range(1, _STREAMED)]
            step = _round([step, *(other.call for other in others)])
        if checked:
            self._check_waiting(step)
        self._prepared[number] = _Prepared(step, later, spec["cache"] == "cold")
        counts = {"compilations": compilations, "from_cache": cached}
        return {"first": first, "later": later, **counts}

    def sample(self, number: int, batch: float, batches: int) -> dict[str, Any]:
        """Time up to `batches` batches of about `batch` seconds of a prepared case, one by one.

        Answers the calls of each batch (`loops`) and lists with one entry a batch: the ns it took
        (`elapsed`), the ns that this process was on a CPU meanwhile (`busy`), its involuntary
        context switches and its page faults; and `pulse`, the ns that a fixed piece of arithmetic
        took just before or after, the longer of both: the clock as it was.

        An eighth of a batch goes before, untimed: what ran last, in this worker or another, has
        left the caches and the branch predictors to itself. Calls longer than a batch do not need
        it, and are timed one by one for about the same time.
        """
        prepared = self._prepared[number]
        batch = max(batch, self.clock.shortest)
        loops = max(1, round(batch / max(prepared.seconds, 1e-9)))
        loops = min(loops, _COLD_CALLS) if prepared.cold else loops
        count = max(1, min(batches, round(batches * batch / max(prepared.seconds, 1e-9))))
        pulse = self.clock.pulse()
        if loops > 1 and not prepared.cold:
            self.clock.elapsed(prepared.step, max(1, loops // 8))
        compilations = self._adapter.compilations()
        timed = self.clock.cold if prepared.cold else self.clock.batch
        samples = [timed(prepared.step, loops) for _ in range(count)]
        if self._adapter.compilations() != compilations:
            raise Recompiled("compiled again inside a timed region")
        elapsed = [sample["elapsed"] for sample in samples]
        prepared.seconds = sorted(elapsed)[count // 2] / 1e9 / loops
        columns = {name: [sample[name] for sample in samples] for name in samples[0]}
        return {"loops": loops, "pulse": max(pulse, self.clock.pulse()), **columns}

    def share_memory(self, other: Worker) -> None:
        """Use the inputs of another worker of this process, and the places of reused outputs."""
        self._inputs, self._slots = other._inputs, other._slots

    def prepared_step(self, number: int) -> Callable[[], Any]:
        """The step of a prepared case."""
        return self._prepared[number].step

    def prepared_seconds(self, number: int) -> float:
        """What a call of a prepared case is thought to take."""
        return self._prepared[number].seconds

    def seconds(self, step: Callable[[], Any], batch: float = 0.0005) -> float:
        """Seconds of a call of a step, from one batch."""
        loops = max(1, round(batch * 1e9 / max(self.clock.elapsed(step, 1), 1)))
        return self.clock.elapsed(step, loops) / loops / 1e9

    def wait(self, result: Any) -> None:
        """Return when a step's result is computed."""
        self._adapter.wait(result)

    def compilations(self) -> int:
        """How many compilations this process has done so far."""
        return int(self._adapter.compilations())

    def probe(
        self, spec: dict[str, Any], shape: tuple[int, ...], seed: int, batch: float
    ) -> dict[str, float]:
        """What the time of a case depends on, for the causes of surprises.

        Answers the time over that on the same values sorted (`shuffled`: a branch on their sign is
        foreseen there), and the time in float64 over that in float32 (`wide`: twice the bytes, and
        half as many in a vector; NaN for another dtype).
        """
        given = self._timing_input(shape, spec["dtype"], seed, spec["domain"])
        bits = self._adapter.get(given)
        values = inputs.from_bits(bits, spec["dtype"])
        order = np.argsort(values, axis=None)
        ascending = self._adapter.put(bits.ravel()[order].reshape(shape), spec["dtype"])
        step = self._on(spec, given)
        answer = {"shuffled": self.clock.ratio(step, self._on(spec, ascending), batch)}
        if spec["dtype"] != "float32":
            return {**answer, "wide": math.nan}
        doubled = {**spec, "dtype": "float64"}
        wide = self._adapter.put(values.view(np.uint64), "float64")
        return {**answer, "wide": self.clock.ratio(self._on(doubled, wide), step, batch)}

    def _on(self, spec: dict[str, Any], array: Any) -> Callable[[], Any]:
        """A forward step on one given array, called until warm."""
        step = self._step(spec, [array, *self._learnable(spec)], None)
        self._adapter.wait(step())
        return step

    def call(self, number: int) -> Callable[[], None]:
        """One call of a prepared case, waited for, for another tool to time."""
        step, wait = self._prepared[number].step, self._adapter.wait
        return lambda: wait(step())

    def evaluate(
        self,
        spec: dict[str, Any],
        bits: np.ndarray,
        upstream: np.ndarray | None,
        apart: bool = False,
    ) -> dict[str, Any]:
        """The outputs of a case on given inputs, as bit patterns. `upstream` of None is ones.

        With `apart` each row of the inputs is evaluated in a call of its own, and what comes first
        of its outputs is answered. Raises truth.Refused for outputs of another dtype or size than
        follow from the inputs; what a function of the user's own returns is for others to judge.
        """
        if apart:
            rows = [self.evaluate(spec, row[None], None)["outputs"][0] for row in bits]
            return {"outputs": [np.concatenate(rows)]}
        arrays = [self._adapter.put(bits, spec["dtype"]), *self._learnable(spec)]

        def pull(output: Any) -> Any:
            ones = inputs.to_bits(np.ones(tuple(output.shape)), spec["dtype"])
            return self._adapter.put(ones if upstream is None else upstream, spec["dtype"])

        result = self._step(spec, arrays, pull)()
        self._adapter.wait(result)
        if "output_share" in spec:
            self._check_result(spec, _tuple(result), arrays)
        return {"outputs": [self._adapter.get(output) for output in _tuple(result)]}

    def evaluate_stretch(self, spec: dict[str, Any], first: int, count: int) -> dict[str, Any]:
        """The outputs of a case at consecutive places of a format (`inputs.places`), in one row."""
        bits = inputs.bits_at(first, count, spec["dtype"]).reshape(-1, math.gcd(count, _ROW))
        outputs = self.evaluate(spec, bits, None)["outputs"]
        return {"outputs": [output.reshape(-1) for output in outputs[:2]]}

    def _check(self, spec: dict[str, Any], timed: _Step) -> None:
        """Refuse a step that does not do its work; see `truth`."""
        truth.check_input(timed.input, spec["dtype"])
        self._check_traced(spec, timed.input)
        first = timed.call()
        self._adapter.wait(first)
        place = self._adapter.address(timed.slot[0]) if timed.slot else None
        with self._adapter.guard():
            second = truth.check_guarded(timed.call)
        self._adapter.wait(second)
        self._check_result(spec, _tuple(second), [timed.input, *self._learnable(spec)])
        if spec["output"] == "fresh":
            arrays = [x for key, x in self._inputs.items() if key[1] == spec["dtype"]]
            results = _tuple(first), _tuple(second)
            truth.check_fresh(*results, arrays, spec["direction"], self._adapter.address)
        elif self._adapter.address(second) != place:
            raise truth.Refused("returns memory of its own, not that of the output it was given")
        del first
        self._check_follows(spec, timed, second)

    def _check_result(
        self, spec: dict[str, Any], results: tuple[Any, ...], arrays: list[Any]
    ) -> None:
        """Refuse results of another kind than `arrays`, or of another size where that is known."""
        truth.check_result(results, arrays[0])
        if "output_share" in spec:
            truth.check_elements(results, _elements(spec, arrays))

    def _check_traced(self, spec: dict[str, Any], given: Any) -> None:
        """Once a dtype: a compiled function may have the framework call Python as well."""
        function = self._function(spec["function"], spec["parameters"])
        if (function, spec["dtype"]) not in self._traced:
            arrays = [given, *self._learnable(spec)]
            truth.check_traced(lambda: self._adapter.trace(function, arrays))
            self._traced.add((function, spec["dtype"]))

    def _check_follows(self, spec: dict[str, Any], timed: _Step, result: Any) -> None:
        """Call the step once more with some rows of what it reads changed."""
        rows = truth.rows_to_change(timed.input.shape[0])
        if len(rows) < 2:
            return  # one row has no other place
        change = truth.negated if spec["direction"] == "backward" else truth.moved

        def of_rows(result: Any) -> list[Any]:
            # Gradients of learned parameters, which come last, are sums over rows.
            results = _tuple(result)[: 2 if spec["direction"] == "both" else 1]
            return [self._adapter.get(each)[rows] for each in results]

        before = of_rows(result)
        expected = [change(each, 1) for each in before]
        truth.check_varies(before, expected)
        del result
        with self._changed(spec, timed, rows, change) as step:
            result = step()
            self._adapter.wait(result)
            found = of_rows(result)
        truth.check_follows(expected, found, spec["dtype"])

    @contextmanager
    def _changed(
        self,
        spec: dict[str, Any],
        timed: _Step,
        rows: np.ndarray,
        change: Callable[[np.ndarray, int], np.ndarray],
    ) -> Iterator[Callable[[], Any]]:
        """The step while the given rows of what it reads are changed.

        On the CPU they are changed in memory, under the step that is timed: it cannot have done its
        work beforehand, at compile time say. On a device it is another step on other tensors.
        """
        if self._adapter.synchronize():
            yield self._on_copies(spec, timed, rows, change)
            return
        views = [self._memory(each, spec["dtype"]) for each in timed.read(spec["direction"])]
        try:
            for view in views:
                view[rows] = change(view[rows], 1)
            yield timed.call
        finally:
            for view in views:
                view[rows] = change(view[rows], -1)

    def _memory(self, array: Any, dtype: str) -> np.ndarray:
        """The bit patterns of a tensor on the CPU where they lie, to be written to."""
        kind, shape = np.dtype(DTYPES[dtype].bits), tuple(array.shape)
        place = (ctypes.c_ubyte * (math.prod(shape) * kind.itemsize)).from_address(
            self._adapter.address(array)
        )
        return np.frombuffer(place, kind).reshape(shape)

    def _on_copies(
        self,
        spec: dict[str, Any],
        timed: _Step,
        rows: np.ndarray,
        change: Callable[[np.ndarray, int], np.ndarray],
    ) -> Callable[[], Any]:
        def changed(array: Any) -> Any:
            bits = np.array(self._adapter.get(array))
            bits[rows] = change(bits[rows], 1)
            return self._adapter.put(bits, spec["dtype"])

        given = timed.input if spec["direction"] == "backward" else changed(timed.input)
        arrays = [given, *self._learnable(spec)]
        slot = None if spec["output"] == "fresh" else [self._forward(spec, arrays)]
        return self._step(spec, arrays, lambda _: changed(timed.upstream[0]), slot)

    def _check_waiting(self, step: Callable[[], Any]) -> None:
        def call() -> Any:
            result = step()
            self._adapter.wait(result)
            return result

        truth.check_waiting(call, self._adapter.is_ready, self._adapter.synchronize())

    def _timing_step(self, spec: dict[str, Any], shape: tuple[int, ...], seed: int) -> _Step:
        given = self._timing_input(shape, spec["dtype"], seed, spec["domain"])
        arrays = [given, *self._learnable(spec)]
        upstream: list[Any] = []

        def pull(output: Any) -> Any:
            upstream[:] = [self._timing_input(tuple(output.shape), spec["dtype"], seed + 1)]
            return upstream[0]

        slot = None if spec["output"] == "fresh" else self._slot(spec, arrays, seed)
        return _Step(self._step(spec, arrays, pull, slot), given, upstream, slot)

    def _slot(self, spec: dict[str, Any], arrays: list[Any], seed: int) -> list[Any]:
        """The place of an output that is written again and again, shared by cases of one shape."""
        output = self._forward(spec, arrays)
        key = (tuple(output.shape), spec["dtype"], seed)
        return self._slots.setdefault(key, [output])

    def _forward(self, spec: dict[str, Any], arrays: list[Any]) -> Any:
        return self._function(spec["function"], spec["parameters"])(*arrays)

    def _step(
        self,
        spec: dict[str, Any],
        arrays: list[Any],
        upstream: Any,
        slot: list[Any] | None = None,
    ) -> Callable[[], Any]:
        function = self._function(spec["function"], spec["parameters"])
        step: Callable[[], Any] = self._adapter.step(
            function, arrays, upstream, spec["mode"], spec["direction"], slot
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
        key = (shape, dtype, domain, seed)
        if key not in self._inputs:
            bits = inputs.timing(shape, dtype, seed, domain)
            self._inputs[key] = self._adapter.put(bits, dtype)
        return self._inputs[key]

    def _learnable(self, spec: dict[str, Any]) -> list[Any]:
        dtype = spec["dtype"]
        return [
            self._adapter.put(inputs.to_bits(np.full(tuple(shape), value), dtype), dtype)
            for shape, value in spec["learnable"]
        ]

    def _overhead(self) -> float:
        """Nanoseconds that the loop and the wait add to each call, on a result that is ready."""
        ready = self._adapter.put(inputs.timing((16,), "float32", 0), "float32")
        return min(self.clock.elapsed(lambda: ready, 10_000) for _ in range(5)) / 10_000


def confine(cpus: list[int]) -> dict[str, Any]:
    """Confine every thread of this process to the given CPUs."""
    for thread in os.listdir("/proc/self/task"):
        with suppress(ProcessLookupError):  # it may have ended since it was listed
            os.sched_setaffinity(int(thread), cpus)
    return {}


def _elements(spec: dict[str, Any], arrays: list[Any]) -> list[int]:
    """How many elements each result of a case has, of which a gradient has those of its array."""
    gradients = [math.prod(each.shape) for each in arrays]
    output = [round(gradients[0] * spec["output_share"])]
    return {"forward": output, "backward": gradients, "both": output + gradients}[spec["direction"]]


def _tuple(result: Any) -> tuple[Any, ...]:
    return tuple(result) if isinstance(result, tuple | list) else (result,)


def _round(steps: list[Callable[[], Any]]) -> Callable[[], Any]:
    """A step that goes round several."""
    turn = itertools.cycle(steps)
    return lambda: next(turn)()
