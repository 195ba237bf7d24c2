"""The steps of a worker: forms with their parameters bound, on tensors that are made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..catalog import inputs

if TYPE_CHECKING:
    from ...impls._adapter import Contract
    from .protocol import Call, TimedCall

Array = np.ndarray[Any, Any]
Tensor = Any
"""An array of the framework's own."""
Action = Callable[[], Any]
"""A call of no arguments that does the work of one case, once."""


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

    def share_memory(self, other: Steps) -> None:
        """Use the inputs of others of this process, and the places of reused outputs."""
        self.inputs, self.slots = other.inputs, other.slots

    def timed(self, timed: TimedCall) -> Step:
        """The step of a call on its timing input."""
        call, seed = timed.call, timed.seed
        given = self.timing_input(timed.shape, call.dtype, seed, call.domain)
        arrays = [given, *self.learned(call)]
        upstream: list[Tensor] = []

        def pull(output: Tensor) -> Tensor:
            upstream[:] = [self.timing_input(tuple(output.shape), call.dtype, seed + 1)]
            return upstream[0]

        slot = None if call.output == "fresh" else self._slot(call, arrays, seed)
        return Step(self.action(call, arrays, pull, slot), given, upstream, slot)

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
    ) -> Tensor:
        """The random inputs of a shape, made once."""
        key = (shape, dtype, domain, seed)
        if key not in self.inputs:
            self.inputs[key] = self._adapter.put(inputs.timing(shape, dtype, seed, domain), dtype)
        return self.inputs[key]

    def learned(self, call: Call) -> list[Tensor]:
        """The arrays of the parameters that are learned."""
        return [
            self._adapter.put(
                inputs.to_bits(np.full(learned.shape, learned.value), call.dtype), call.dtype
            )
            for learned in call.learned
        ]

    def _slot(self, call: Call, arrays: list[Tensor], seed: int) -> list[Tensor]:
        """The place of an output that is written again and again, shared by cases of one shape."""
        output = self.forward(call, arrays)
        key = (tuple(output.shape), call.dtype, seed)
        return self.slots.setdefault(key, [output])


def results_of(result: Any) -> tuple[Tensor, ...]:
    """The result of a step, as a tuple of tensors."""
    return tuple(result) if isinstance(result, tuple | list) else (result,)
