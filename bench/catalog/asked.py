"""The names that a person asked for, and those of them of which nothing was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .activations import find
from .cases import Case
from .frameworks import frameworks

FIELDS: Mapping[str, str] = {
    "frameworks": "framework",
    "activations": "activation",
    "forms": "form",
    "modes": "mode",
    "devices": "device",
    "dtypes": "dtype",
}
"""The options that ask for something by name, and the field of a case that has it."""


@dataclass(frozen=True)
class Name:
    """A name that was asked for: the field of a case that it is looked up in, and its text."""

    what: str
    text: str


def unmet(
    asked: Mapping[str, Sequence[str | int]],
    measured: Iterable[Case],
    tried: Iterable[Case] | None = None,
) -> list[Name]:
    """Return the names that were asked for and of which nothing was measured.

    Where only the cases in `tried` were attempted, names that occur in none of them are left out.
    """
    done, of_tried = list(measured), None if tried is None else list(tried)
    return [
        Name(field, text)
        for option, field in FIELDS.items()
        for text in (_text(field, str(name)) for name in asked.get(option, ()))
        if text not in {getattr(case, field) for case in done}
        and (of_tried is None or text in {getattr(case, field) for case in of_tried})
    ]


def _text(field: str, name: str) -> str:
    return find(name).label if field == "activation" else name


def names_of(case: Case) -> frozenset[str]:
    """The names of a case: `gelu`, `gelu[textbook]`, `gelu_textbook`, or the address of a user's
    function."""
    framework = frameworks().get(case.framework)
    if framework and framework.callable:
        return frozenset([framework.callable])
    name = case.activation.partition("(")[0]
    labels = (case.activation, name)
    return frozenset(
        [*labels, *(f"{label}[{case.form}]" for label in labels), f"{name}_{case.form}"]
    )
