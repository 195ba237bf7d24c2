"""The checks of a step before it is timed: that it does its work, all of it, when it is called.

`truth` says what a lie is; here steps are called so that one would show.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ..catalog.dtypes import DTYPES
from . import truth
from .steps import Action, Array, Step, Steps, Tensor, results_of
from .waiting import check_waiting

if TYPE_CHECKING:
    from ...impls._adapter import Contract
    from .protocol import Call

Change = Callable[[Array, int], Array]
"""Rows of bit patterns changed; the same with −1 brings them back."""


class Checks:
    """The checks of one worker's steps. They raise truth.Refused, or truth.NothingToTime."""

    def __init__(self, adapter: Contract, steps: Steps) -> None:
        self._adapter, self._steps = adapter, steps
        self.traced: set[tuple[Any, str]] = set()

    def step(self, call: Call, timed: Step) -> None:
        """Refuse a step that does not do its work."""
        truth.check_input(timed.input, call.dtype)
        self._traced(call, timed.input)
        first = timed.action()
        self._adapter.wait(first)
        place = self._adapter.address(timed.slot[0]) if timed.slot else None
        with self._adapter.guard():
            second = truth.check_guarded(timed.action)
        self._adapter.wait(second)
        self.results(call, results_of(second), [timed.input, *self._steps.learned(call)])
        if call.output == "fresh":
            arrays = [tensor for key, tensor in self._steps.inputs.items() if key[1] == call.dtype]
            results = results_of(first), results_of(second)
            truth.check_fresh(*results, arrays, call.direction, self._adapter.address)
        elif self._adapter.address(second) != place:
            raise truth.Refused("returns memory of its own, not that of the output it was given")
        del first
        self._follows(call, timed, second)

    def results(self, call: Call, results: tuple[Tensor, ...], arrays: list[Tensor]) -> None:
        """Refuse results of another kind than `arrays`, or of another size where that is known."""
        truth.check_result(results, arrays[0])
        if call.output_share is not None:
            truth.check_elements(results, _elements(call.direction, call.output_share, arrays))

    def waiting(self, action: Action) -> None:
        """Refuse a step that goes on after it was waited for."""

        def call() -> Any:
            result = action()
            self._adapter.wait(result)
            return result

        check_waiting(call, self._adapter.is_ready, self._adapter.synchronize())

    def _traced(self, call: Call, given: Tensor) -> None:
        """Once a dtype: a compiled function may have the framework call Python as well."""
        function = self._steps.function(call)
        if (function, call.dtype) not in self.traced:
            arrays = [given, *self._steps.learned(call)]
            truth.check_traced(lambda: self._adapter.trace(function, arrays))
            self.traced.add((function, call.dtype))

    def _follows(self, call: Call, timed: Step, result: Any) -> None:
        """Call the step once more with some rows of what it reads changed."""
        rows = truth.rows_to_change(timed.input.shape[0])
        if len(rows) < 2:
            return  # one row has no other place
        change = truth.negated if call.direction == "backward" else truth.moved

        def of_rows(result: Any) -> list[Array]:
            # Gradients of learned parameters, which come last, are sums over rows.
            results = results_of(result)[: 2 if call.direction == "both" else 1]
            return [self._adapter.get(tensor)[rows] for tensor in results]

        before = of_rows(result)
        expected = [change(bits, 1) for bits in before]
        truth.check_varies(before, expected)
        del result
        with self._changed(call, timed, rows, change) as action:
            result = action()
            self._adapter.wait(result)
            after = of_rows(result)
        truth.check_follows(expected, after, call.dtype)

    @contextmanager
    def _changed(self, call: Call, timed: Step, rows: Array, change: Change) -> Iterator[Action]:
        """The step while the given rows of what it reads are changed.

        On the CPU they are changed in memory, under the step that is timed: it cannot have done its
        work beforehand, at compile time say. On a device it is another step on other tensors.
        """
        if self._adapter.synchronize():
            yield self._on_copies(call, timed, rows, change)
            return
        views = [self._memory(tensor, call.dtype) for tensor in timed.read(call.direction)]
        try:
            for view in views:
                view[rows] = change(view[rows], 1)
            yield timed.action
        finally:
            for view in views:
                view[rows] = change(view[rows], -1)

    def _memory(self, tensor: Tensor, dtype: str) -> Array:
        """The bit patterns of a tensor on the CPU where they lie, to be written to."""
        kind, shape = np.dtype(DTYPES[dtype].bits), tuple(tensor.shape)
        place = (ctypes.c_ubyte * (math.prod(shape) * kind.itemsize)).from_address(
            self._adapter.address(tensor)
        )
        return np.frombuffer(place, kind).reshape(shape)

    def _on_copies(self, call: Call, timed: Step, rows: Array, change: Change) -> Action:
        def changed(tensor: Tensor) -> Tensor:
            bits = np.array(self._adapter.get(tensor))
            bits[rows] = change(bits[rows], 1)
            return self._adapter.put(bits, call.dtype)

        given = timed.input if call.direction == "backward" else changed(timed.input)
        arrays = [given, *self._steps.learned(call)]
        slot = None if call.output == "fresh" else [self._steps.forward(call, arrays)]
        return self._steps.action(call, arrays, lambda _: changed(timed.upstream[0]), slot)


def _elements(direction: str, output_share: float, arrays: list[Tensor]) -> list[int]:
    """How many elements each result of a case has, of which a gradient has those of its array."""
    gradients = [math.prod(array.shape) for array in arrays]
    output = [round(gradients[0] * output_share)]
    return {"forward": output, "backward": gradients, "both": output + gradients}[direction]
