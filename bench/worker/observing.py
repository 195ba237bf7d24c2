"""A prepared case: its step, the changes of what that reads, and looks at what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import numpy as np

from .buffers import DICE, Array, Buffer, Buffers, Tensor
from .protocol import Look, Observed
from .rounds import Round
from .steps import Action, Step, results_of
from .truth import Refused

if TYPE_CHECKING:
    from ...impls._adapter import Contract
    from .checks import Checks
    from .protocol import Call

_ELEMENTS, _ROWS = 1024, 16
_TAIL = 16
"""The last places, which are always looked at: what vectors leave over."""
_COLD_CALLS = 2
"""Calls in a batch of a cold case at most: emptying the caches before each takes some 20 ms."""


class Sight:
    """A view of a case: the arrays that its steps are given, and those that they return."""

    def __init__(self, adapter: Contract, call: Call, step: Step, round_: Round | None) -> None:
        self._adapter, self._call = adapter, call
        self._step, self._round = step, round_

    @property
    def _steps(self) -> list[Step]:
        return self._round.steps if self._round else [self._step]

    def read(self) -> list[Buffer]:
        """The arrays that the steps read."""
        return [buffer for step in self._steps for buffer in step.read(self._call.direction)]

    def repaired(self) -> bool:
        """Say whether a call wrote to what it was given, which is undone."""
        given = {buffer for step in self._steps for buffer in step.given}
        return any([buffer.repair() for buffer in given])

    @property
    def _last(self) -> Step:
        return self._round.last if self._round else self._step

    def check(self, checks: Checks, result: Any) -> None:
        """Check the step as before it was timed, and the result of the last call.

        Raises Refused.
        """
        if result is not None:  # as on a device
            checks.again(self._call, self._last, results_of(result))
        checks.step(self._call, self._step)
        if self.repaired():
            raise Refused("writes to its input")

    def of(self, result: Any) -> Look:
        """The results of the last call at places that are drawn only now."""
        step = self._last
        call, results = self._call, results_of(result)
        own = 2 if call.direction == "both" else 1
        rows = _Rows.of(call, step.input)
        places = _places(rows, step)
        return Look(
            places,
            rows.of_buffer(step.input, places),
            None if call.direction == "forward" else rows.of_buffer(step.upstream[0], places),
            tuple(rows.of_array(self._bits(tensor), places) for tensor in results[:own]),
        )

    def _bits(self, tensor: Tensor) -> Array:
        return self._adapter.get(tensor).reshape(-1)


@dataclass(frozen=True)
class _Rows:
    """The rows of arrays, counted: on the last axis, on the first one, or single elements."""

    count: int
    looks: int
    tail: int
    first: bool

    @classmethod
    def of(cls, call: Call, given: Buffer) -> _Rows:
        if not call.rowwise:
            return cls(given.size, _ELEMENTS, _TAIL, first=False)
        first = call.axis == 0
        return cls(given.length if first else given.size // given.length, _ROWS, 1, first)

    def with_element(self, places: Array, size: int) -> Array:
        """The rows that some elements of an array of a size lie in."""
        return places % self.count if self.first else places * self.count // size

    def of_buffer(self, buffer: Buffer, rows: Array) -> Array:
        """What a buffer should hold in some rows."""
        return buffer.at(self._elements(rows, buffer.size))

    def of_array(self, array: Array, rows: Array) -> Array:
        """Some rows of a flat array."""
        return array[self._elements(rows, array.size)]

    def _elements(self, rows: Array, size: int) -> Array:
        width = size // self.count
        if self.first:
            return rows[:, None] + np.arange(width) * self.count
        return rows[:, None] * width + np.arange(width)


def _places(rows: _Rows, step: Step) -> Array:
    """Random places, the last ones, and those of changed elements."""
    if rows.count <= rows.looks:
        return np.arange(rows.count)
    read = (step.input, *step.upstream)
    changed = [rows.with_element(buffer.changed, buffer.size) for buffer in read]
    tail = np.arange(rows.count - rows.tail, rows.count)
    return np.concatenate([DICE.integers(rows.count, size=rows.looks), tail, *changed])


@dataclass
class Ready:
    """A case that can be timed: its step, and the seconds that a call is thought to take.

    `looks` are what was seen of it since that was last asked, `started` when that began.
    """

    action: Action
    seconds: float
    cold: bool = False
    calibrated: bool = False
    sight: Sight | None = None
    buffers: Buffers = field(default_factory=Buffers)
    looks: list[Look] = field(default_factory=list)
    started: int = 0
    ended: int = 0

    def loops(self, batch: float) -> int:
        """The calls that fill a batch of so many seconds."""
        loops = max(1, round(batch / max(self.seconds, 1e-9)))
        return min(loops, _COLD_CALLS) if self.cold else loops

    def begin(self) -> None:
        """Forget what was seen."""
        self.looks.clear()
        self.started = perf_counter_ns()

    def perturb(self) -> None:
        """Change a few elements of what the step reads: called before every timed batch.

        What a case kept by the address, a few values or all bytes of its input is wrong from now.
        """
        self.buffers.change(self.sight.read() if self.sight else ())

    def check(self, checks: Checks, result: Any) -> None:
        """Check a case that was timed, and gave this result in the end. Raises Refused."""
        if self.sight:
            self.sight.check(checks, result)

    def see(self, result: Any) -> None:
        """Keep what the last call gave, its result, for others to judge.

        Raises Refused where a call wrote to what it was given.
        """
        if self.sight:
            self.looks.append(self.sight.of(result))
            if self.sight.repaired():
                raise Refused("writes to its input")
        self.ended = perf_counter_ns()

    def observed(self) -> Observed:
        """The record so far, which is returned once."""
        looks = tuple(self.looks)
        self.looks.clear()
        return Observed(looks, self.started, self.ended)
