"""The gate in front of a user's own function, `package.module:function` in two versions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product

from ..catalog.activations import find_reference
from ..catalog.cases import Case, Selection, directions_of
from ..catalog.dtypes import DTYPES
from ..catalog.frameworks import Framework, frameworks
from ..catalog.frameworks import own as own_framework
from ..catalog.sizes import size_classes
from ..host.errors import UsageError
from .select import Chosen

_SIZES = ("launch", "l2")


@dataclass(frozen=True)
class Own:
    """A function as one framework per kind of arrays that it is given.

    `label` names the activation or primitive that it should be, "" if unknown.
    """

    frameworks: tuple[Framework, ...]
    label: str = ""

    @property
    def function(self) -> str:
        """Its address, `package.module:function`."""
        return self.frameworks[0].callable


def own(function: str, reference: str, selection: Selection) -> Own:
    """The function on the arrays of the chosen frameworks, or else on NumPy's.

    Raises UsageError for a function that is not written as one, and for unknown names.
    """
    activation = find_reference(reference) if reference else None
    name = activation.name if activation else ""
    arrays = selection.checked().frameworks or ("",)
    frameworks = tuple(own_framework(function, name, kind) for kind in arrays)
    return Own(frameworks, activation.label if activation else "")


def choose(own: Own, selection: Selection) -> Chosen:
    """The cases of a function: eager and forward in float32, unless chosen otherwise.

    Raises UsageError for unknown names and for choices that a function does not have.
    """
    asked = selection.checked()
    for option, names in (("--activation", asked.activations), ("--form", asked.forms)):
        if names:
            raise UsageError(f"{option} is for the forms of impls/: leave it out beside --callable")
    form = own.function.partition(":")[2]
    cases = [
        Case(framework.name, own.label, form, *rest)
        for framework in own.frameworks
        for rest in product(
            asked.modes or ("eager",),
            asked.directions or ("forward",),
            asked.devices or ("cpu",),
            asked.dtypes or ("float32",),
            _sizes(asked),
            [int(threads) for threads in asked.threads] or (1,),
        )
        if rest[0] in framework.modes
    ]
    if not cases:
        raise UsageError("nothing to compare: none of these frameworks has that mode")
    return Chosen(dict.fromkeys(cases, "chosen"))


def _sizes(asked: Selection) -> list[int]:
    classes = size_classes("cpu")
    return [classes[size] if isinstance(size, str) else size for size in asked.sizes or _SIZES]


def swept(cases: Iterable[Case]) -> list[Case]:
    """The cases to compare exactly: framework, mode and direction once per format."""
    swept_cases = {
        replace(directed, size=0, dtype=dtype): None
        for case in cases
        for directed in directions_of(case)
        for dtype in (*_all_inputs(case), case.dtype)
    }
    return list(swept_cases)


def _all_inputs(case: Case) -> tuple[str, ...]:
    """The formats whose every number is tried, as far as the arrays have them."""
    framework = frameworks()[case.framework]
    small = [dtype for dtype in DTYPES.values() if dtype.is_small]
    if framework.arrays == "numpy":
        small = [dtype for dtype in small if dtype.carrier == dtype.name]
    return tuple(dtype.name for dtype in small)
