"""Requests made from cases: the function, its arguments and the shape of its input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..catalog import given
from ..catalog.activations import Activation, find, find_reference
from ..catalog.cases import Case
from ..catalog.dtypes import DTYPES
from ..catalog.frameworks import Framework, frameworks
from ..catalog.sizes import buffers_of
from ..worker.protocol import Call, Learned, TimedCall

if TYPE_CHECKING:
    from ..worker.protocol import Bits, Outputs


class Evaluator(Protocol):
    """A function that returns the outputs of a case on given inputs, as bit patterns; None if it
    failed."""

    def __call__(
        self, case: Case, bits: Bits, upstream: Bits | None = None, apart: bool = False
    ) -> Outputs | None:
        """Evaluate a case on shaped inputs; an upstream of None is ones.

        With `apart` each entry of the first axis is the input of a call of its own.
        """


def timed_call(case: Case, seed: int) -> TimedCall:
    """The call of a case on its timing input."""
    shape = case.lengths
    buffers = buffers_of(case.size, DTYPES[case.dtype].itemsize, case.device)
    call = call_of(case, shape[-1])
    return TimedCall(call, shape, seed, buffers, given.resolved(case.input), case.layout)


def call_of(case: Case, channels: int) -> Call:
    """A case with the parameters that are not at their default, and its learned arrays.

    `channels` is the length of the input's last axis: the shape of a parameter that is learned
    one per channel, and that of rows unless the case has them along another axis.
    """
    framework = frameworks()[case.framework]
    if framework.owns(case.form):
        return _own_call(case, framework, channels)
    activation = find(case.activation)
    learned = (*activation.learnable, "per_channel")
    return Call(
        function=f"{activation.name}_{case.form}",
        parameters={
            **{
                name: activation.parameters[name]
                for name in activation.changed
                if name not in learned
            },
            **({} if case.axis == given.LAST else {"axis": case.axis}),
        },
        learned=_learned(activation, channels),
        output_share=activation.output_share(_length(case, channels)),
        domain=activation.domain,
        mode=case.mode,
        direction=case.direction,
        dtype=case.dtype,
        output=case.output,
        cache=case.cache,
        rowwise=activation.rowwise,
        axis=activation.axis if case.axis == given.LAST else case.axis,
    )


def _length(case: Case, channels: int) -> int:
    return channels if case.axis == given.LAST else case.length


def _own_call(case: Case, framework: Framework, channels: int) -> Call:
    """The call of a user's function, of one array and without parameters.

    Without a gradient, it is itself the value or the gradient.
    """
    activation = find_reference(case.activation)
    return Call(
        function=case.form,
        output_share=activation.output_share(channels),
        domain=activation.domain,
        mode=case.mode,
        direction=case.direction if framework.has_gradient(case.form) else "forward",
        dtype=case.dtype,
        output=case.output,
        cache=case.cache,
    )


def _learned(activation: Activation, channels: int) -> tuple[Learned, ...]:
    shape = (channels,) if activation.parameters.get("per_channel") else ()
    return tuple(
        Learned(shape, float(activation.parameters[name])) for name in activation.learnable
    )
