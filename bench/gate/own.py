"""The gate for a user's own functions, `package.module:function` in two versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product

from ..catalog.cases import (
    USUAL,
    Case,
    Plan,
    Selection,
    chosen,
    directions_of,
    input_conditions,
    no_such_input,
)
from ..catalog.dtypes import DTYPES
from ..catalog.frameworks import Framework, frameworks
from ..host.errors import UsageError
from .select import Chosen

_SIZES = ("launch", "l2")
_DTYPE = "float32"
_BOTH = ("forward", "backward")


def choose(own: Sequence[Framework], selection: Selection) -> Chosen:
    """The cases of functions: eager, in float32, with gradients if there are any, unless chosen.

    Their versions never share a process: nobody knows what state the first one leaves. Raises
    UsageError for unknown names and for choices that a function does not have.
    """
    asked = selection.checked()
    for option, names in (("--activation", asked.activations), ("--form", asked.forms)):
        if names:
            raise UsageError(f"{option} is for the forms of impls/: leave it out beside --callable")
    cases = [case for framework in own for case in _cases(framework, asked)]
    if not cases:
        raise UsageError("nothing to compare: none of these frameworks has that mode")
    apart = frozenset(framework.name for framework in own)
    notes = tuple(_not_compared(own, cases))
    return Chosen(dict.fromkeys(cases, "chosen"), apart=apart, notes=notes)


def _cases(framework: Framework, asked: Selection) -> Iterator[Case]:
    """The cases of a function. Raises UsageError for inputs that its arrays cannot have."""
    directions = _BOTH if framework.has_gradient(framework.callable) else _BOTH[:1]
    plan = chosen(Plan((), modes=("eager",), directions=directions, sizes=_SIZES), asked)
    for mode, rest in product(plan.modes or (), input_conditions(plan)):
        case = Case(framework.name, framework.activation, framework.callable, mode, **rest)
        if reason := no_such_input(framework, case):
            raise UsageError(reason)
        if mode in framework.modes:
            yield replace(case, axis=USUAL["axis"])


def _not_compared(own: Sequence[Framework], cases: Sequence[Case]) -> Iterator[str]:
    """Sentences on the modes, directions and formats that were not chosen."""
    differentiable = any(framework.has_gradient(framework.callable) for framework in own)
    has = {
        "mode": [mode for framework in own for mode in framework.modes],
        "direction": _BOTH if differentiable else (),
        "dtype": DTYPES,
    }
    left = [
        f"--{name} {value}"
        for name, values in has.items()
        for value in dict.fromkeys(values)
        if value not in {getattr(case, name) for case in cases}
    ]
    if left:
        yield f"Not compared, or not in time, because it was not chosen: {', '.join(left)}."


def swept(cases: Iterable[Case]) -> list[Case]:
    """The cases to compare exactly: framework, mode and direction once per format."""
    swept_cases = {
        replace(directed.anywhere, dtype=dtype): None
        for case in cases
        for directed in directions_of(case)
        for dtype in (*_all_inputs(case), case.dtype)
    }
    return list(swept_cases)


def _all_inputs(case: Case) -> tuple[str, ...]:
    """The formats in which every number is tried, as far as the arrays have them."""
    framework = frameworks()[case.framework]
    small = [dtype for dtype in DTYPES.values() if dtype.is_small]
    if framework.arrays == "numpy":
        small = [dtype for dtype in small if dtype.carrier == dtype.name]
    return tuple(dtype.name for dtype in small)


def is_extra(case: Case, asked: Selection) -> bool:
    """Return whether nobody chose a case: a gradient, or a 16-bit format, tried by default."""
    is_gradient = case.direction == "backward" and not asked.directions
    return is_gradient or case.dtype not in (asked.dtypes or (_DTYPE,))
