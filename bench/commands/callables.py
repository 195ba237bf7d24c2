"""Options for a user's own functions, shared by several commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce, wraps
from itertools import zip_longest
from typing import Any

import click

from ..catalog import own_reference
from ..catalog.activations import UNKNOWN, find_reference
from ..catalog.cases import Selection
from ..catalog.frameworks import Framework, module_of, on_arrays, own
from ..host.errors import UsageError
from ..workers.acquaintance import NotLoaded, fitted, whose


@dataclass(frozen=True)
class Callables:
    """The functions that were asked for, as given: a reference and a gradient for each, or one.

    `dims` of 0 are found by trying. A reference that is a user's function may have a gradient.
    """

    functions: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    gradients: tuple[str, ...] = ()
    dims: int = 0
    reference_gradients: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.functions)

    def resolved(
        self, selection: Selection, pythons: Mapping[str, str], must_load: bool = True
    ) -> tuple[Framework, ...]:
        """Each function on the arrays of the frameworks chosen, or else of its own.

        `pythons` maps frameworks to interpreters, "" to that of the others. Raises UsageError for
        unknown names, and for functions that cannot be loaded, if they must be: for a gate that is
        a fault like any other.
        """
        asked = selection.checked()
        device, dtype = (*asked.devices, "cpu")[0], (*asked.dtypes, "float32")[0]

        def ready(function: Framework) -> Framework:
            python = pythons.get(function.arrays, pythons[""])
            directed = _with_gradient(function, asked.directions)
            try:
                return fitted(directed, python, device, dtype)
            except NotLoaded:
                if must_load:
                    raise
                return directed

        return tuple(
            ready(function)
            for record in self._as_given()
            for function in _on_arrays(record, asked.frameworks, pythons, must_load)
        )

    def _as_given(self) -> Iterator[Framework]:
        named = name_references(self.references, self.reference_gradients)
        references = _per_function(self.functions, self.references, "--reference", UNKNOWN.name)
        gradients = _per_function(self.functions, self.gradients, "--gradient", "")
        for function, label, gradient in zip(self.functions, references, gradients, strict=True):
            record = own(function, _label(label), gradient=gradient, dims=self.dims)
            yield replace(record, reference_gradient=named.get(label, ""))


def _with_gradient(function: Framework, directions: Sequence[str]) -> Framework:
    """A function that is itself the gradient, where only that is asked for and nothing
    differentiates.

    Raises UsageError where the value is asked for as well.
    """
    if function.has_gradient(function.callable) or set(directions) <= {"forward"}:
        return function
    if set(directions) == {"backward"}:
        return replace(function, gradient=function.callable)
    raise UsageError(f"nothing differentiates {function.title}: give its --gradient")


def _on_arrays(
    function: Framework, frameworks: Sequence[str], pythons: Mapping[str, str], must_load: bool
) -> Iterator[Framework]:
    try:
        if not frameworks:
            yield whose(function, pythons)
    except NotLoaded:
        if must_load:
            raise
        yield function
    for name in frameworks:
        yield on_arrays(function, name)


def _per_function(
    functions: Sequence[str], given: Sequence[str], option: str, usual: str
) -> list[str]:
    """A word for each function: its own, the one for all, or the usual one."""
    if not functions and given:
        raise UsageError(f"{option} is for a function of your own: name it with --callable")
    if len(given) > 1 and len(given) != len(functions):
        raise UsageError(
            f"{len(given)} of {option} for {len(functions)} of --callable: give one for each, or "
            "one for all"
        )
    return list(given) if len(given) == len(functions) else [*(given or [usual])] * len(functions)


def name_references(references: Sequence[str], gradients: Sequence[str]) -> Mapping[str, str]:
    """Allow the references that are a user's functions to be run, with their gradients in order.

    Returns the gradients by reference, "" where there is no such function. Raises UsageError for
    one that is not written as a function, or for more gradients than functions.
    """
    own = [reference for reference in references if ":" in reference]
    if len(gradients) > len(own):
        raise UsageError("--reference-gradient is for a --reference that is MODULE:FUNCTION")
    for address in (*own, *gradients):
        module_of(address)
    named = dict(zip_longest(own, gradients, fillvalue=""))
    for reference, gradient in named.items():
        own_reference.name(reference, gradient)
    return named


def _label(reference: str) -> str:
    activation = find_reference(reference)
    if activation.rowwise or activation.learnable:
        raise UsageError(f"{activation.label} is not a function of one number: choose another")
    return activation.label


def beside(own: Sequence[Framework], selection: Selection) -> Selection:
    """A selection that includes a user's functions beside the forms of their frameworks.

    Without an activation it consists of them alone.
    """
    names = tuple(function.name for function in own)
    arrays = tuple(dict.fromkeys(function.arrays for function in own))
    others = (selection.frameworks or arrays) if selection.activations else ()
    return replace(selection, frameworks=(*others, *names))


def taking(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a user's functions, for the argument `callables`."""

    @wraps(command)
    def taken(dims: int | None, **given: Any) -> Any:
        names = [field.name for field in fields(Callables) if field.name != "dims"]
        own = {name: given.pop(name) for name in names}
        return command(callables=Callables(dims=dims or 0, **own), **given)

    return reduce(lambda taking, option: option(taking), reversed(_OPTIONS), taken)


_OPTIONS = (
    click.option(
        "--callable",
        "functions",
        multiple=True,
        metavar="MODULE:FUNCTION",
        help="A function of your own, of arrays of --framework or else of the one that it is "
        "found to use. Or an nn.Module, a layer, an operator.",
    ),
    click.option(
        "--reference",
        "references",
        multiple=True,
        metavar="NAME|FORMULA|MODULE:FUNCTION",
        help="What --callable should be: an activation of `list`, or exp2, log, erfc, with "
        "parameters if need be; a formula of x; or a function of mpmath's or flint's numbers. One "
        "for each, or one for all.",
    ),
    click.option(
        "--reference-gradient",
        "reference_gradients",
        multiple=True,
        metavar="MODULE:FUNCTION",
        help="The derivative of a --reference that is a function, in its order; else it is found "
        "by differences at high precision.",
    ),
    click.option(
        "--gradient",
        "gradients",
        multiple=True,
        metavar="MODULE:FUNCTION",
        help="The derivative of --callable, where nothing finds it, as for NumPy.",
    ),
    click.option(
        "--dims",
        type=click.IntRange(1, 2),
        help="Dimensions of the arrays that --callable is given; found by trying unless given.",
    ),
)
