"""The steps of a worker: forms with their parameters bound, on tensors that are made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..catalog import inputs
from .rounds import Action as Action
from .rounds import Ring, Round

if TYPE_CHECKING:
    from ...impls._adapter import Contract
    from .protocol import Call, TimedCall

Array = np.ndarray[Any, Any]
Tensor = Any
"""An array of the framework's own."""


@dataclass(frozen=True)
class Step:
    """A step on timing inputs: the tensors that it reads, and where it writes if that is given.

    `upstream` is known once the step was called.
    """

    action: Action
    input: Tensor
    upstream: list[Tensor]
    slot: list[Tensor] | None

    def read(self, direction: str) -> list[Tensor]:
        """A backward pass reads what the forward pass saved, and the upstream."""
        return self.upstream if direction == "backward" else [self.input, *self.upstream]


class Steps:
    """Makes the steps of one module of `impls/`."""

    def __init__(self, module: Any, adapter: Contract) -> None:
        self._module, self._adapter = module, adapter
        self.functions: dict[tuple[Any, ...], Callable[..., Tensor]] = {}
        self.inputs: dict[tuple[Any, ...], Tensor] = {}
        self.slots: dict[tuple[Any, ...], list[Tensor]] = {}
        self.rings: dict[tuple[Any, ...], Ring] = {}

    def share_memory(self, other: Steps) -> None:
        """Use the inputs of others of this process, and the places where results are kept."""
        self.inputs, self.slots, self.rings = other.inputs, other.slots, other.rings

    def timed(self, timed: TimedCall, turn: int = 0) -> Step:
        """The step of a call on its timing input, or on that of another turn of its round."""
        call, seed = timed.call, timed.seed
        given = self.timing_input(timed.shape, call.dtype, seed, call.domain, turn)
        arrays = [given, *self.learned(call)]
        upstream: list[Tensor] = []

        def pull(output: Tensor) -> Tensor:
            shape = tuple(output.shape)
            upstream[:] = [self.timing_input(shape, call.dtype, seed + 1, turn=turn)]
            return upstream[0]

        slot = None if call.output == "fresh" else self._slot(call, arrays, (seed, turn))
        return Step(self.action(call, arrays, pull, slot), given, upstream, slot)

    def round(self, timed: TimedCall) -> Round:
        """A step that goes round the buffers of all calls of its shape and format."""
        key = (timed.shape, timed.call.dtype, timed.buffers)
        ring = self.rings.setdefault(key, Ring([None] * timed.buffers))
        saves = timed.call.direction == "backward"
        made = partial(self._turn, timed)
        return Round(made, ring, saves, self._adapter.wait)

    def _turn(self, timed: TimedCall, turn: int) -> Action:
        return self.timed(timed, turn).action

    def action(
        self,
        call: Call,
        arrays: list[Tensor],
        upstream: Callable[[Tensor], Tensor],
        slot: list[Tensor] | None = None,
    ) -> Action:
        """A call on given arrays, its learned ones included."""
        function = self.function(call)
        return self._adapter.step(function, arrays, upstream, call.mode, call.direction, slot)

    def on(
        self, call: Call, given: Tensor, upstream: Array | None = None
    ) -> tuple[Action, list[Tensor]]:
        """A call on a given input, and all its arrays. `upstream` of None is ones."""
        arrays = [given, *self.learned(call)]

        def pull(output: Tensor) -> Tensor:
            ones = inputs.to_bits(np.ones(tuple(output.shape)), call.dtype)
            return self._adapter.put(ones if upstream is None else upstream, call.dtype)

        return self.action(call, arrays, pull), arrays

    def forward(self, call: Call, arrays: list[Tensor]) -> Tensor:
        """The output of a call on given arrays, eagerly."""
        return self.function(call)(*arrays)

    def function(self, call: Call) -> Callable[..., Tensor]:
        """The form with its parameters bound: one object each, so that a compiled one is reused."""
        key = (call.function, tuple(sorted(call.parameters.items())))
        if key not in self.functions:
            form = getattr(self._module, call.function)
            self.functions[key] = partial(form, **call.parameters) if call.parameters else form
        return self.functions[key]

    def timing_input(
        self,
        shape: tuple[int, ...],
        dtype: str,
        seed: int,
        domain: inputs.Domain = "all",
        turn: int = 0,
    ) -> Tensor:
        """The random inputs of a shape, made once. Each turn has them a row further."""
        key = (shape, dtype, domain, seed, turn)
        if key not in self.inputs:
            if turn:
                first = self._adapter.get(self.timing_input(shape, dtype, seed, domain))
                bits = np.roll(first, turn * shape[-1])
            else:
                bits = inputs.timing(shape, dtype, seed, domain)
            self.inputs[key] = self._adapter.put(bits, dtype)
        return self.inputs[key]

    def learned(self, call: Call) -> list[Tensor]:
        """The arrays of the parameters that are learned."""
        return [
            self._adapter.put(
                inputs.to_bits(np.full(learned.shape, learned.value), call.dtype), call.dtype
            )
            for learned in call.learned
        ]

    def _slot(self, call: Call, arrays: list[Tensor], turn: tuple[int, int]) -> list[Tensor]:
        """The place of an output that is written again and again, shared by cases of one shape."""
        output = self.forward(call, arrays)
        key = (tuple(output.shape), call.dtype, *turn)
        return self.slots.setdefault(key, [output])


def results_of(result: Any) -> tuple[Tensor, ...]:
    """The result of a step, as a tuple of tensors."""
    return tuple(result) if isinstance(result, tuple | list) else (result,)
