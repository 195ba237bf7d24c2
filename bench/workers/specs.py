"""What a worker is told of a case: the function, its arguments and the shape of its input."""

from __future__ import annotations

from typing import Any

from ..catalog.activations import Activation, find
from ..catalog.cases import Case, row_length


def timing_shape(case: Case) -> tuple[int, int]:
    """Rows × elements on the last axis of a timing input."""
    length = row_length(case.size)
    return case.size // length, length


def spec_of(case: Case, channels: int) -> dict[str, Any]:
    """The function's name, the parameters that are not at their default, and its learnable arrays.

    `channels` is the length of the input's last axis: the shape of a parameter that is learned
    one a channel. `output_share` is how many elements the output has for each of the input.
    """
    activation = find(case.activation)
    learned = (*activation.learnable, "per_channel")
    return {
        "function": f"{activation.name}_{case.form}",
        "parameters": {
            name: activation.parameters[name] for name in activation.changed if name not in learned
        },
        "learnable": _learnable(activation, channels),
        "output_share": activation.output_share(channels),
        "mode": case.mode,
        "direction": case.direction,
        "dtype": case.dtype,
        "domain": activation.domain,
        "output": case.output,
        "cache": case.cache,
    }


def own_spec(case: Case, function: str, domain: str) -> dict[str, Any]:
    """The same for a function of the user's own, which takes one array and returns any."""
    fields = ("mode", "direction", "dtype", "output", "cache")
    of_case = {name: getattr(case, name) for name in fields}
    own = {"function": function, "parameters": {}, "learnable": [], "domain": domain}
    return {**own, **of_case}


def _learnable(activation: Activation, channels: int) -> list[tuple[tuple[int, ...], float]]:
    shape = (channels,) if activation.parameters.get("per_channel") else ()
    return [(shape, float(activation.parameters[name])) for name in activation.learnable]


def elements_moved(case: Case) -> float:
    """Elements that one call must read and write, in multiples of the input's.

    Forward reads x and writes y; backward reads x and the upstream and writes the gradient; both
    does either.
    """
    activation = find(case.activation)
    output = activation.output_share(row_length(case.size))
    forward, backward = 1 + output, 2 + output
    return {"forward": forward, "backward": backward, "both": forward + backward}[case.direction]
