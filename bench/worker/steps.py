"""The steps of a worker: forms with their parameters bound, on tensors that are made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..catalog import inputs
from ..catalog.given import CONTIGUOUS, NORMAL
from . import strides
from .buffers import Array, Buffer, Buffers, Tensor
from .rounds import Action as Action
from .rounds import Ring, Round

if TYPE_CHECKING:
    from ...impls._adapter import Contract
    from .protocol import Call, TimedCall


_SOME = 1024
"""The usual values for changed elements where an input is unusual."""


@dataclass(frozen=True)
class Step:
    """A step on timing inputs: the arrays that it is given, and where it writes if that is given.

    `upstream` is known once the step was called.
    """

    action: Action
    input: Buffer
    upstream: list[Buffer]
    slot: list[Tensor] | None

    @property
    def given(self) -> list[Buffer]:
        """All that it is given."""
        return [self.input, *self.upstream]

    def read(self, direction: str) -> list[Buffer]:
        """A backward pass reads what the forward pass saved, and the upstream."""
        return self.upstream if direction == "backward" else self.given


@dataclass(frozen=True)
class Given:
    """An input of a shape: what values it has, of which domain, and how they lie in memory."""

    shape: tuple[int, ...]
    dtype: str
    seed: int
    domain: inputs.Domain = "all"
    values: str = NORMAL
    layout: str = CONTIGUOUS

    @property
    def bits(self) -> Array:
        """The bit patterns of the input."""
        return inputs.timing(self.shape, self.dtype, self.seed, self.domain, self.values)

    @property
    def some(self) -> Array:
        """A few values of the input."""
        return replace(self, shape=(_SOME,)).bits


def _given(timed: TimedCall) -> Given:
    """The input of a timed call."""
    call = timed.call
    return Given(timed.shape, call.dtype, timed.seed, call.domain, timed.values, timed.layout)


class Steps:
    """A maker of the steps of one module of `impls/`."""

    def __init__(self, module: Any, adapter: Contract) -> None:
        self._module, self._adapter = module, adapter
        self.functions: dict[tuple[Any, ...], Callable[..., Tensor]] = {}
        self.buffers = Buffers()
        self.slots: dict[tuple[Any, ...], list[Tensor]] = {}
        self.rings: dict[tuple[Any, ...], Ring] = {}

    def share_memory(self, other: Steps) -> None:
        """Use the inputs of others of this process, and the places where results are kept."""
        self.buffers, self.slots, self.rings = other.buffers, other.slots, other.rings

    def timed(self, timed: TimedCall, turn: int = 0) -> Step:
        """The step of a call on its timing input, or on that of another turn of its round."""
        call, seed = timed.call, timed.seed
        self.buffers.restore()  # before a forward pass saves what it is given
        given = self._buffer(_given(timed), turn)
        arrays = [given.tensor, *self.learned(call)]
        upstream: list[Buffer] = []

        def pull(output: Tensor) -> Tensor:
            shape = tuple(output.shape)
            layout = strides.of_result(timed.layout, shape)
            upstream[:] = [self._buffer(Given(shape, call.dtype, seed + 1, layout=layout), turn)]
            return upstream[0].tensor

        where = timed.layout, seed, turn
        slot = None if call.output == "fresh" else self._slot(call, arrays, where)
        return Step(self.action(call, arrays, pull, slot), given, upstream, slot)

    def round(self, timed: TimedCall) -> Round:
        """A step that goes round the buffers of all calls of its shape and format."""
        key = (timed.shape, timed.call.dtype, timed.buffers, timed.values, timed.layout)
        ring = self.rings.setdefault(key, Ring([None] * timed.buffers))
        saves = timed.call.direction == "backward"
        return Round(partial(self.timed, timed), ring, saves, self._adapter.wait)

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
        """The usual inputs of a shape, made once."""
        return self._buffer(Given(shape, dtype, seed, domain)).tensor

    def _buffer(self, given: Given, turn: int = 0) -> Buffer:
        """Inputs with what they should hold, made once. Each turn has them a row further."""
        key, made = (given, turn), self.buffers.made
        if key not in made:
            usual = replace(given, values=NORMAL)
            bits = self._buffer(given).bits if turn else given.bits
            shift = turn * given.shape[-1] % bits.size if turn else 0
            # Of some values no result follows: those of equal numbers, or of what is as good as 0.
            others = None if given == usual else usual.some
            made[key] = Buffer(self._adapter, bits, given.dtype, shift, given.layout, others)
        return made[key]

    def learned(self, call: Call) -> list[Tensor]:
        """The arrays of the parameters that are learned."""
        return [
            self._adapter.put(
                inputs.to_bits(np.full(learned.shape, learned.value), call.dtype), call.dtype
            )
            for learned in call.learned
        ]

    def _slot(self, call: Call, arrays: list[Tensor], where: tuple[str, int, int]) -> list[Tensor]:
        """The place of an output that is written again and again, shared by cases of one shape."""
        output = self.forward(call, arrays)
        key = (tuple(output.shape), call.dtype, *where)
        return self.slots.setdefault(key, [output])


def results_of(result: Any) -> tuple[Tensor, ...]:
    """The result of a step, as a tuple of tensors."""
    return tuple(result) if isinstance(result, tuple | list) else (result,)
