"""A prepared case: its step, the changes of what that reads, and looks at what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import numpy as np

from .buffers import DICE, Array, Buffer, Buffers
from .protocol import Look, Observed
from .rounds import Round
from .steps import Action, Step, results_of
from .truth import Refused
from .units import Units

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

    @property
    def given(self) -> set[Buffer]:
        """All that the steps are given."""
        return {buffer for step in self._steps for buffer in step.given}

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
        check_unwritten(self)

    def of(self, result: Any) -> Look:
        """The results of the last call at places that are drawn only now."""
        step = self._last
        call, results = self._call, results_of(result)
        own = 2 if call.direction == "both" else 1
        axis = call.axis if call.rowwise else None
        read = [(buffer, Units(buffer.shape, axis)) for buffer in step.given]
        units = read[0][1]
        places = _places(units, read)
        given, *pulled = (buffer.at(its.places(places)) for buffer, its in read)
        return Look(
            places,
            given,
            None if call.direction == "forward" else pulled[0],
            tuple(units.apart(self._adapter.get(tensor))[places] for tensor in results[:own]),
        )


def _places(units: Units, read: Sequence[tuple[Buffer, Units]]) -> Array:
    """Random places, the last ones, and those of changed elements."""
    most, last = (_ELEMENTS, _TAIL) if units.axis is None else (_ROWS, 1)
    if units.count <= most:
        return np.arange(units.count)
    changed = [of.of(buffer.changed) for buffer, of in read]
    tail = np.arange(units.count - last, units.count)
    return np.concatenate([DICE.integers(units.count, size=most), tail, *changed])


def check_unwritten(*sights: Sight | None) -> None:
    """Refuse calls that wrote to what they were given, which is undone.

    Of several that share their arrays this does not say which of them it was.
    """
    given = {buffer for sight in sights if sight for buffer in sight.given}
    if any([buffer.repair() for buffer in given]):
        raise Refused("writes to its input")


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
        """Keep what the last call gave, its result, for others to judge."""
        if self.sight:
            self.looks.append(self.sight.of(result))
        self.ended = perf_counter_ns()

    def observed(self) -> Observed:
        """The record so far, which is returned once."""
        looks = tuple(self.looks)
        self.looks.clear()
        return Observed(looks, self.started, self.ended)
