"""The checks of a step before it is timed: that it does its work, all of it, when it is called.

`truth` defines what a lie is; here steps are called so that one would show.
"""

from __future__ import annotations

import math
from time import perf_counter_ns, process_time_ns
from typing import TYPE_CHECKING, Any

import numpy as np

from ..catalog import inputs
from ..catalog.dtypes import DTYPES
from . import truth
from .buffers import Array, Tensor
from .steps import Action, Step, Steps, results_of
from .waiting import check_waiting

if TYPE_CHECKING:
    from ...impls._adapter import Contract
    from .protocol import Call

_VARY = 32
"""The elements from which on some result follows the input, whatever the function."""
_TRIES = 8
_FEW_TURNS, _TURNS, _LONG_NS = 3, 15, 500_000
"""The calls of either kind by which a memory is looked for, unless they take too long."""
_FASTER, _NOTHING_NS = 1.5, 10_000
"""The speed-up on a known input from which on it is not accidental."""
_SERIES = 3
"""The series of calls that all have to show a memory: threads that slept in one may not in another.
"""


class Checks:
    """The checks of one worker's steps. They raise truth.Refused, or truth.NothingToTime."""

    def __init__(self, adapter: Contract, steps: Steps) -> None:
        self._adapter, self._steps = adapter, steps
        self.traced: set[tuple[Any, str]] = set()

    def step(self, call: Call, timed: Step, usual: Step | None = None) -> None:
        """Refuse a step that does not do its work, or writes to what it was given.

        `usual` is the same on usual values where its own are not: no result may follow from those.
        """
        try:
            self._works(call, timed)
            self._follows(call, usual or timed)
            self._forgets(call, timed)
        finally:  # another version may share its input
            given = {*timed.given, *(usual or timed).given}
            wrote = any([buffer.repair() for buffer in given])
        if wrote:
            raise truth.Refused("writes to its input")

    def _works(self, call: Call, timed: Step) -> None:
        given = timed.input.tensor
        truth.check_input(given, call.dtype)
        self._traced(call, given)
        first = timed.action()
        self._adapter.wait(first)
        place = self._adapter.address(timed.slot[0]) if timed.slot else None
        with self._adapter.guard():
            second = truth.check_guarded(timed.action)
        self._adapter.wait(second)
        self.results(call, results_of(second), [given, *self._steps.learned(call)])
        if call.output == "fresh":
            arrays = [
                buffer.tensor
                for buffer in self._steps.buffers.made.values()
                if buffer.dtype == call.dtype
            ]
            results = results_of(first), results_of(second)
            truth.check_fresh(*results, arrays, call.direction, self._adapter.address)
        elif self._adapter.address(second) != place:
            raise truth.Refused("returns memory of its own, not that of the output it was given")

    def results(self, call: Call, results: tuple[Tensor, ...], arrays: list[Tensor]) -> None:
        """Refuse results of another kind than `arrays`, or of another size where that is known."""
        truth.check_result(results, arrays[0])
        if call.output_share == 1 and not call.rowwise:
            truth.check_shape(results[: 2 if call.direction == "both" else 1], arrays[0])
        if call.output_share is not None:
            truth.check_elements(results, _elements(call.direction, call.output_share, arrays))

    def again(self, call: Call, timed: Step, results: tuple[Tensor, ...]) -> None:
        """Refuse results of a timed call that a call on a copy of its arrays does not give.

        The last bits may be others: vectors begin elsewhere.
        """
        get, put = self._adapter.get, self._adapter.put
        given = put(np.array(get(timed.input.tensor)), call.dtype)
        pull = np.array(get(timed.upstream[0].tensor)) if timed.upstream else None
        action, _ = self._steps.on(call, given, pull)
        anew = action()
        self._adapter.wait(anew)
        for before, now in zip(results, results_of(anew), strict=True):
            then, values = (inputs.from_bits(get(result), call.dtype) for result in (before, now))
            truth.check_again(then, values, DTYPES[call.dtype].precision)

    def waiting(self, action: Action) -> None:
        """Refuse a step that goes on after it was waited for."""

        def call() -> Any:
            result = action()
            self._adapter.wait(result)
            return result

        check_waiting(call, self._adapter.is_ready, self._adapter.synchronize())

    def _traced(self, call: Call, given: Tensor) -> None:
        """Trace a function once per dtype; a compiled one may call Python as well."""
        function = self._steps.function(call)
        if (function, call.dtype) not in self.traced:
            arrays = [given, *self._steps.learned(call)]
            truth.check_traced(lambda: self._adapter.trace(function, arrays))
            self.traced.add((function, call.dtype))

    def _follows(self, call: Call, timed: Step) -> None:
        """Refuse a step that gives the same, bit by bit, whatever it is given.

        Few elements may honestly do so, as relu's of negative numbers. On a device nothing changes.
        """
        if timed.input.size < _VARY or self._adapter.synchronize():
            return
        own = 2 if call.direction == "both" else 1

        def seen() -> list[Array]:
            result = timed.action()
            self._adapter.wait(result)
            return [np.array(self._adapter.get(tensor)) for tensor in results_of(result)[:own]]

        for _ in range(_TRIES):
            before = seen()
            self._steps.buffers.change(timed.read(call.direction))
            if any((old != new).any() for old, new in zip(before, seen(), strict=True)):
                return
        raise truth.Refused(
            "returns the same values for other inputs: the work was done beforehand"
        )

    def _forgets(self, call: Call, timed: Step) -> None:
        """Refuse a step that is faster on what it was given in the last call than on what is new.

        One that keeps results by all bytes of its input is never wrong. The same elements are
        written to before either call, so that all else is alike; CPU time counts, which others on
        the machine change little: the least of a few calls of either kind, and most pairs of them,
        in one series of calls after another. Calls that fill a batch by themselves find a new input
        each time they are timed.
        """
        if self._adapter.synchronize():
            return
        for _ in range(_SERIES):
            said = self._remembers(call, timed)
            if not said:
                return
        raise truth.Refused(said)

    def _remembers(self, call: Call, timed: Step) -> str:
        """The signs of a memory in a series of calls; empty where there are none."""
        buffers = self._steps.buffers
        news: list[int] = []
        knowns: list[int] = []
        for turn in range(_TURNS):
            started = perf_counter_ns()
            buffers.change(timed.read(call.direction))
            changing = perf_counter_ns() - started
            news.append(self._busy(timed.action))
            started = perf_counter_ns()
            buffers.rewrite()
            while perf_counter_ns() - started < changing:
                buffers.rewrite()  # threads may have gone to sleep, as before
            knowns.append(self._busy(timed.action))
            new, known = min(news), min(knowns)
            alike = not _is_slower(new, known) and turn + 1 >= _FEW_TURNS
            if alike or known > _LONG_NS:
                return ""
        if 2 * sum(map(_is_slower, news, knowns)) <= _TURNS:
            return ""
        return (
            f"remembers results: {known / 1e3:.3g} µs on what it was given before, "
            f"{new / 1e3:.3g} µs on what is new"
        )

    def _busy(self, action: Action) -> int:
        started = process_time_ns()
        self._adapter.wait(action())
        return process_time_ns() - started


def _is_slower(new: int, known: int) -> bool:
    """Return whether a call on a new input clearly took longer than one on a known input."""
    return new > _FASTER * known + _NOTHING_NS


def _elements(direction: str, output_share: float, arrays: list[Tensor]) -> list[int]:
    """The number of elements of each result of a case; a gradient has those of its array."""
    gradients = [math.prod(array.shape) for array in arrays]
    output = [round(gradients[0] * output_share)]
    return {"forward": output, "backward": gradients, "both": output + gradients}[direction]
