"""The contract that each module of this folder fulfils.

A module defines

- `TITLE`, the name for people; `MODES`, those it has; `ENVIRONMENT`, variables to be set before it
  is imported ({threads}, {device} and {cache}, a folder of its own, are filled in). If need be,
  `VARIANTS`, by name the variables under which its results may have other bits on the CPU;
  `COMPILES`, the modes whose code a compiler makes, if not the compiled one alone; `EMULATED`, by
  machine the variables under which valgrind can run its code; `LAYOUTS`, those of
  `bench.catalog.given` that its arrays may have besides the contiguous one; `PACKAGES`, further
  packages whose functions take its arrays; and `SCRIPT`, how three lines show a form without this
  project (`Script` in bench/catalog/frameworks.py). All are literals: they are read without an
  import.
- one function per form, `activation_form(x, *learnable, **parameters)`, the same names in the same
  order in every module, each with its formula. A form that the framework does not have is absent.
- `Adapter`, a class with the methods below.

A `wide` form is computed in the next wider format and rounded once (`_wide`), with its derivative
beside it: 16-bit inputs are computed in float32, float32 in float64. bfloat16 has the range of
float32, so that no intermediate value may be smaller or larger than the result is: a tail is
multiplied by its square root twice. A wide form holds for every finite input, ±∞ and NaN; where the
function or its derivative has a limit at ±∞ it returns that. Clamping at ±1000 is exact there:
every exponential involved is 0 or 1 beyond it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np

Bits = np.ndarray[Any, Any]
"""The bit patterns of a tensor's values, as unsigned integers, on the host."""
Tensor = Any
"""A framework's own array."""
Step = Callable[[], Any]
"""The work of one case, done once per call."""


class Unsupported(Exception):
    """The framework, or this machine, does not have what is asked for; the text says why."""


class NotCompiled(Exception):
    """A function that was to be compiled ran eagerly."""


class HostCall(Exception):
    """A function has the framework call Python on the host for it."""


class Contract(Protocol):
    """The interface of one framework on one device."""

    def __init__(self, device: str, threads: int) -> None:
        """Set the device and the thread count. Raises Unsupported without such a device."""

    def versions(self) -> dict[str, str]:
        """Version of the framework and of what it runs on, by distribution name."""

    def put(self, bits: Bits, dtype: str) -> Tensor:
        """A tensor on the device from the bit patterns of its values.

        Raises Unsupported for a dtype that the framework does not have.
        """

    def get(self, tensor: Tensor) -> Bits:
        """The bit patterns of a tensor's values."""

    def step(
        self,
        function: Callable[..., Tensor],
        arrays: Sequence[Tensor],
        upstream: Callable[[Tensor], Tensor],
        mode: str,
        direction: str,
        slot: list[Tensor] | None = None,
    ) -> Step:
        """A callable of no arguments that does the work of one case, once.

        `function` takes `arrays`, all of which get a gradient; `upstream` maps the output's shape
        to the tensor that the backward pass starts from. The step returns the output (`forward`),
        the tuple of gradients (`backward`, from the values that one forward pass saved) or the
        output followed by the gradients (`both`).
        With a `slot`, a list of one tensor, a forward step writes its result where that tensor is,
        and leaves the result in the slot; the tensor may be gone afterwards (JAX donates it).
        Where `mode` is `compiled` the function is compiled for the arrays' dtypes and shapes, with
        its parameters as constants. Raises NotCompiled where all or a part of it would run eagerly,
        now or in a call of the step; Unsupported where the framework cannot write to a given
        tensor.
        """

    def wait(self, result: Any) -> None:
        """Return when every tensor of a step's result is computed."""

    def is_ready(self, result: Any) -> bool | None:
        """Return whether every tensor of a result is computed by now; None where nobody can know.

        True is returned only for tensors that cannot be written to any more.
        """

    def trace(self, function: Callable[..., Tensor], arrays: Sequence[Tensor]) -> None:
        """Call the function on stand-ins for the arrays that have no values.

        Raises whatever the framework raises where values are asked for, and HostCall for what the
        framework would itself ask Python for.
        """

    def guard(self) -> AbstractContextManager[Any]:
        """A context in which a copy from the device to the host raises, where that can be seen."""

    def synchronize(self) -> Callable[[], Any] | None:
        """A function that waits for everything on the device; None where work is on this CPU."""

    def device_elapsed(self, step: Step, loops: int) -> int:
        """Nanoseconds of `loops` calls on an asynchronous device, waited for all together.

        By device events where the framework has them. Not called where `synchronize` gives None.
        """

    def address(self, tensor: Tensor) -> int:
        """The place in memory where a tensor's values begin: two tensors that share it are one."""

    def compilations(self) -> int:
        """The number of compilations that this process has done so far."""

    def from_cache(self) -> int:
        """The number of those that were loaded from the compile cache of an earlier process."""
