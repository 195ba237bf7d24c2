"""The gate in front of a user's own function, `package.module:function` in two versions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product

from ..catalog.activations import Activation, find_reference
from ..catalog.cases import Case, Selection
from ..catalog.frameworks import frameworks
from ..catalog.inputs import Domain
from ..catalog.sizes import size_classes
from ..host.errors import UsageError
from .select import Chosen

_SIZES = ("launch", "l2")


@dataclass(frozen=True)
class Own:
    """A function, and what it should be: an activation or primitive, or nothing that is known."""

    function: str
    label: str = ""


def reference(own: Own | None) -> Activation | None:
    """What the function should be. Raises UsageError for a name that does not exist."""
    return find_reference(own.label) if own and own.label else None


def domain(own: Own | None) -> Domain:
    """Where its timing inputs lie: everywhere unless its reference says otherwise."""
    found = reference(own)
    return found.domain if found else "all"


def choose(own: Own, selection: Selection) -> Chosen:
    """Its cases: on NumPy arrays, eager and forward in float32, unless chosen otherwise.

    Raises UsageError for unknown names and for choices that a function does not have.
    """
    asked = selection.checked()
    if ":" not in own.function:
        raise UsageError(f"cannot read {own.function!r}: write it as package.module:function")
    for option, given in (("--activation", asked.activations), ("--form", asked.forms)):
        if given:
            raise UsageError(f"{option} is for the forms of impls/: leave it out beside --callable")
    name = reference(own)
    cases = [
        Case(framework, name.label if name else "", own.function, *rest)
        for framework in asked.frameworks or ("numpy",)
        for rest in product(
            asked.modes or ("eager",),
            asked.directions or ("forward",),
            asked.devices or ("cpu",),
            asked.dtypes or ("float32",),
            _sizes(asked),
            [int(each) for each in asked.threads] or (1,),
        )
        if rest[0] in frameworks()[framework].modes
    ]
    if not cases:
        raise UsageError("nothing to compare: none of these frameworks has that mode")
    return Chosen(dict.fromkeys(cases, "chosen"))


def _sizes(asked: Selection) -> list[int]:
    classes = size_classes("cpu")
    return [classes[each] if isinstance(each, str) else each for each in asked.sizes or _SIZES]


def swept(cases: Iterable[Case]) -> list[Case]:
    """What of it is compared exactly: each framework, mode and direction once a format."""
    found = {
        replace(case, size=0, dtype=dtype, direction=direction): None
        for case in cases
        for direction in _directions(case)
        for dtype in (*_all_inputs(case), case.dtype)
    }
    return list(found)


def _directions(case: Case) -> tuple[str, ...]:
    return ("forward", "backward") if case.direction == "both" else (case.direction,)


def _all_inputs(case: Case) -> tuple[str, ...]:
    """The 16-bit formats that the framework has."""
    return ("float16",) if case.framework == "numpy" else ("float16", "bfloat16")
