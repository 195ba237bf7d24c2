"""The operations of a worker: prepare a case, time batches of it, evaluate it on given inputs."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..catalog import inputs
from ..catalog.dtypes import DTYPES
from ..catalog.given import NORMAL
from . import floating_point, helpers, perceptron, truth
from .buffers import Tensor
from .checks import Checks
from .clock import Batch, Clock
from .layers import Function
from .observing import Ready, Sight, check_unwritten
from .protocol import (
    Attempt,
    Call,
    Confirm,
    Evaluate,
    Laid,
    Observe,
    Observed,
    OnWhole,
    Operations,
    Prepare,
    Prepared,
    Probe,
    Probed,
    Started,
    State,
    TimeInTurn,
    Train,
    Try,
    TryWhole,
    Turns,
)
from .rounds import filled
from .serving import failure_of
from .steps import Action, Steps, results_of
from .truth import Refused
from .turns import fitting, in_turn, warm
from .views import laid_out

if TYPE_CHECKING:
    from ...impls._adapter import Contract
    from .protocol import Bits, Outputs

_VISIT = 0.025
_FEWEST = 4
"""Seconds of a visit at most, unless so few blocks take longer."""
_COMPARED = ("busy", "elapsed")
_SHARE, _THREADS_NS = 1.1, 1_000_000
"""The share of its threads' time that a visit may take of CPUs, and the ns beside."""


class Recompiled(Exception):
    """A compilation inside a timed region: the sample would hold its time."""


class Worker:
    """One framework on one device with one thread count."""

    def __init__(self, module: Any, device: str, threads: int) -> None:
        self.adapter: Contract = module.Adapter(device, threads)
        self.clock = Clock(self.adapter, device)
        self.steps = Steps(module, self.adapter)
        self.checks = Checks(self.adapter, self.steps)
        self.ready: dict[int, Ready] = {}
        self._threads = threads if device == "cpu" else 0
        self._environment = floating_point.Kept()

    @property
    def operations(self) -> Operations:
        """The function that answers each request."""
        return {
            Prepare: self.prepare,
            TimeInTurn: self.in_turn,
            Observe: self.observe,
            Confirm: self.confirm,
            Probe: self.probe,
            Evaluate: self.evaluate,
            TryWhole: self.whole,
            Try: self.attempts,
            Train: self.train,
        }

    def describe(self) -> Started:
        """Versions, the interpreter, the process, and the loop's own cost."""
        return Started(
            versions={**self.adapter.versions(), "numpy": np.__version__},
            python=platform.python_version(),
            pid=os.getpid(),
            loop_overhead=self._overhead(),
        )

    def prepare(self, request: Prepare) -> Prepared:
        """Build the step of a case. Raises truth.Refused for a call that leaves its work undone."""
        timed = request.timed
        compilations, cached = self.adapter.compilations(), self.adapter.from_cache()
        started = time.perf_counter()
        step = self.steps.timed(timed)
        action = step.action
        result = action()
        if request.checked:
            arrays = [step.input.tensor, *self.steps.learned(timed.call)]
            self.checks.results(timed.call, results_of(result), arrays)
        self.adapter.wait(result)
        first = time.perf_counter() - started
        later = min(self.clock.elapsed(action, 1) for _ in range(2)) / 1e9
        compilations = self.adapter.compilations() - compilations
        cached = self.adapter.from_cache() - cached
        if request.checked:
            usual = replace(timed, values=NORMAL)
            self.checks.step(timed.call, step, None if usual == timed else self.steps.timed(usual))
            self.checks.waiting(action)
        turns = self.steps.round(timed) if timed.buffers > 1 else None
        self.ready[request.number] = Ready(
            turns or action,
            later,
            timed.call.cache == "cold",
            sight=Sight(self.adapter, timed.call, step, turns),
            buffers=self.steps.buffers,
        )
        self._check_environment()
        return Prepared(first, later, compilations, cached)

    def observe(self, request: Observe) -> Observed:
        """Return the looks at a case. Raises truth.Refused where a call wrote to its input."""
        ready = self.ready[request.number]
        if not ready.looks:
            ready.begin()
            with filled(ready.action):
                ready.perturb()
                self.clock.elapsed(ready.action, 1)
                self._see(ready)
                check_unwritten(ready.sight)
        return ready.observed()

    def confirm(self, request: Confirm) -> None:
        """Check a case that was timed. Raises truth.Refused where it does not do its work."""
        ready = self.ready[request.number]
        with filled(ready.action):
            ready.perturb()
            self.clock.elapsed(ready.action, 2)  # as it was timed
            ready.check(self.checks, self.clock.last)
        self._check_environment()

    def _see(self, ready: Ready) -> None:
        """Keep what the last timed call of a case gave, and what it was given.

        Raises truth.Refused where it changed the floating-point environment.
        """
        if self.clock.last is None:  # on a device
            self.clock.last = ready.action()
            self.adapter.wait(self.clock.last)
        ready.see(self.clock.last)
        self._check_environment()

    def _check_environment(self) -> None:
        """Refuse what changed the floating-point environment, and undo that."""
        if change := self._environment.restored():
            raise Refused(f"changes the floating-point environment: {change}")

    def _check_work(self, ready: Ready, batches: Sequence[Batch], others: int) -> None:
        """Refuse more CPU time than the threads of a case have, or that of other processes."""
        busy, elapsed = (sum(getattr(batch, name) for batch in batches) for name in _COMPARED)
        helpers.check_alone(ready.action, busy, others)
        most = _SHARE * self._threads * elapsed
        if self._threads and busy > most + _THREADS_NS:
            raise Refused(f"uses more threads than given: {busy / elapsed:.2g} CPUs at once")

    def in_turn(self, request: TimeInTurn) -> Turns:
        """Time a case and its unit in turn. Raises Recompiled where something was compiled
        meanwhile."""
        arms = {"case": self.ready[request.number], "unit": self.ready[request.unit]}
        batch = max(request.batch, self.clock.shortest)
        for ready in arms.values():
            ready.begin()
            self._calibrate(ready, batch)
        loops = {arm: ready.loops(batch) for arm, ready in arms.items()}
        block = sum(max(batch, ready.seconds) for ready in arms.values())
        count = fitting(request.blocks, block, _VISIT, _FEWEST)

        turns = dict.fromkeys(arms, 0)

        def timed(arm: str) -> Batch:
            ready = arms[arm]
            ready.perturb()
            if not ready.cold:
                warm(self.clock, ready.action, loops[arm])
            taken = (self.clock.cold if ready.cold else self.clock.batch)(ready.action, loops[arm])
            turns[arm] += 1
            if turns[arm] in (1, count) and (arm == "case" or ready is not arms["case"]):
                self._see(ready)
            return taken

        with filled(*(ready.action for ready in arms.values())):
            compilations = self.adapter.compilations()
            others = -helpers.others_ns()
            blocks = list(in_turn(("case", "unit"), count, timed))
            others += helpers.others_ns()
            if self.adapter.compilations() != compilations:
                raise Recompiled("compiled again inside a timed region")
            check_unwritten(*(ready.sight for ready in arms.values()))
            self._check_work(arms["case"], [block["case"] for block in blocks], others)
        return Turns(
            loops["case"],
            loops["unit"],
            tuple(block["case"].elapsed for block in blocks),
            tuple(block["unit"].elapsed for block in blocks),
            tuple(any(map(self.clock.spoilt, block.values())) for block in blocks),
            tuple(block["case"].faults for block in blocks),
        )

    def _calibrate(self, ready: Ready, batch: float) -> None:
        """Time a short call once more: the first calls of a process say little of it."""
        if not ready.calibrated and ready.seconds < batch:
            ready.seconds = self.seconds(ready.action, batch / 4)
        ready.calibrated = True

    def seconds(self, action: Action, batch: float = 0.0005) -> float:
        """Seconds of a call of a step, from one batch."""
        loops = max(1, round(batch * 1e9 / max(self.clock.elapsed(action, 1), 1)))
        return self.clock.elapsed(action, loops) / loops / 1e9

    def probe(self, request: Probe) -> Probed:
        """Time a case on its values sorted, and in float64."""
        timed, batch = request.timed, request.batch
        call, dtype = timed.call, timed.call.dtype
        given = self.steps.timing_input(timed.shape, dtype, timed.seed, call.domain)
        bits = self.adapter.get(given)
        values = inputs.from_bits(bits, dtype)
        order = np.argsort(values, axis=None)
        ascending = self.adapter.put(bits.ravel()[order].reshape(timed.shape), dtype)
        action = self._on(call, given)
        shuffled = self.clock.ratio(action, self._on(call, ascending), batch)
        if dtype != "float32":
            return Probed(shuffled, math.nan)
        doubled = replace(call, dtype="float64")
        wide = self._on(doubled, self.adapter.put(values.view(np.uint64), "float64"))
        return Probed(shuffled, self.clock.ratio(wide, action, batch))

    def _on(self, call: Call, given: Tensor) -> Action:
        """A step on a given input, called until warm."""
        action, _ = self.steps.on(call, given)
        self.adapter.wait(action())
        return action

    def call(self, number: int) -> Callable[[], None]:
        """One call of a prepared case, waited for, for another tool to time."""
        action, wait = self.ready[number].action, self.adapter.wait
        return lambda: wait(action())

    def evaluate(self, request: Evaluate) -> Outputs:
        """Compute the outputs of a call on given inputs.

        Raises truth.Refused for outputs of another dtype or size than follow from the inputs, or
        for a call that writes to those.
        """
        call = request.call
        if request.apart:
            pulls = [None] * len(request.bits) if request.upstream is None else request.upstream
            pairs = zip(request.bits, pulls, strict=True)
            parts = [self.evaluate(Evaluate(call, bits, pull)) for bits, pull in pairs]
            return tuple(np.stack(outputs) for outputs in zip(*parts, strict=True))
        given = self.adapter.put(request.bits, call.dtype)
        outputs = self._outputs(call, given, request.upstream)
        truth.check_unwritten(self.adapter.get(given), request.bits)
        return outputs

    def attempts(self, request: Try) -> tuple[Attempt, ...]:
        """The outputs of each input, or its failure."""
        return tuple(self._attempt(request.call, laid) for laid in request.inputs)

    def _attempt(self, call: Call, laid: Laid) -> Attempt:
        try:
            given = laid_out(self.adapter, laid, call.dtype)
            outputs = self._outputs(call, given.tensor)
            return Attempt(outputs, wrote=given.is_changed())
        except Exception as error:
            return Attempt(failure=failure_of(error))

    def whole(self, request: TryWhole) -> tuple[OnWhole, ...]:
        """The result of each array of whole numbers, or its failure."""
        return tuple(self._on_whole(request.call, given) for given in request.inputs)

    def _on_whole(self, call: Call, given: Bits) -> OnWhole:
        try:
            tensor = self.adapter.put(given.view(f"u{given.itemsize}"), given.dtype.name)
            result = self.steps.forward(call, [tensor, *self.steps.learned(call)])
            self.adapter.wait(result)
            dtype, bits = truth.dtype_of(result), self.adapter.get(result)
            read = inputs.from_bits(bits, dtype) if dtype in DTYPES else bits.view(dtype)
            return OnWhole(dtype, tuple(map(float, read.ravel())))
        except Exception as error:
            return OnWhole(failure=failure_of(error))

    def train(self, request: Train) -> tuple[State, ...]:
        """The states of a network whose activation is the framework's."""
        return perceptron.train(request, Function(self.steps, self.adapter, request.call))

    def _outputs(self, call: Call, given: Tensor, upstream: Bits | None = None) -> Outputs:
        action, arrays = self.steps.on(call, given, upstream)
        result = action()
        results = results_of(result)
        if call.output_share is not None:
            self.checks.results(call, results, arrays)
        self.adapter.wait(result)
        return tuple(self.adapter.get(tensor) for tensor in results)

    def _overhead(self) -> float:
        """Nanoseconds that the loop and the wait add to each call, on a result that is ready."""
        ready = self.steps.timing_input((16,), "float32", 0)
        return min(self.clock.elapsed(lambda: ready, 10_000) for _ in range(5)) / 10_000
