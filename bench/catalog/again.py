"""The command that measures cases again: every repeatable command that is shown is made here."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Protocol

from .activations import CATALOG, UNKNOWN
from .cases import USUAL, Case
from .frameworks import own_of
from .shell import command

_FIELDS = tuple(field.name for field in fields(Case))
_USUAL = {"device": "cpu", "threads": 1, **USUAL}
_OF_FORMS = ("activation", "form")
"""The fields that choose among a framework's forms, but say nothing of a user's function."""


class Function(Protocol):
    """A user's function, as `Framework` holds it and as a stored run does."""

    @property
    def activation(self) -> str: ...
    @property
    def gradient(self) -> str: ...
    @property
    def reference_gradient(self) -> str: ...
    @property
    def dims(self) -> int: ...


def again(
    cases: Iterable[Case],
    verb: str = "run",
    *,
    functions: Mapping[str, Function] | None = None,
    leave: Collection[str] = (),
    **options: object,
) -> str:
    """Return `actbench VERB …`, the command that measures cases again; `options` come last.

    Each field is named with each of its values, except the fields in `leave`, those that go without
    saying in every case, and those that are 0 or empty. Files of plug-ins are named where an
    activation comes from one. `functions` are the user's functions by the names of their
    frameworks.
    """
    several = list(cases)
    own = list(dict.fromkeys(case.framework for case in several if own_of(case.framework)[0]))
    others = [case for case in several if case.framework not in own]
    chosen = {
        name: _values(others if name in _OF_FORMS else several, name)
        for name in _FIELDS
        if name not in leave
    }
    if own and "framework" in chosen:
        named = (own_of(case.framework)[1] or case.framework for case in several)
        chosen["framework"] = list(dict.fromkeys(named))
    known = {name: function for name, function in (functions or {}).items() if name in own}
    references = {name: _reference(name, several, known.get(name)) for name in own}
    labels = (*(case.activation for case in several), *filter(None, references.values()))
    return command(
        verb,
        plugin=_plugins(labels),
        callable=[own_of(name)[0] for name in own],
        reference=_per_function(references.values()),
        reference_gradient=_per_function(
            function.reference_gradient for function in known.values()
        ),
        gradient=_per_function(function.gradient for function in known.values()),
        dims=max((function.dims for function in known.values()), default=0) or None,
        **{**chosen, **options},
    )


def _values(cases: Sequence[Case], field: str) -> list[object]:
    values = list(dict.fromkeys(getattr(case, field) for case in cases))
    return [value for value in values if value] if set(values) - {_USUAL.get(field)} else []


def _reference(name: str, cases: Iterable[Case], function: Function | None) -> str:
    """The activation that a function implements; for cases of its unit that is relu."""
    form, _ = own_of(name)
    labels = (case.activation for case in cases if (case.framework, case.form) == (name, form))
    label = function.activation if function else next(labels, "")
    return "" if label == UNKNOWN.name else label


def _per_function(words: Iterable[str]) -> list[str]:
    """One word per function, or a single one where all agree; empty where a function has none."""
    given = list(words)
    return list(dict.fromkeys(given)) if len(set(given)) == 1 and given[0] else given * all(given)


def _plugins(labels: Iterable[str]) -> list[str]:
    """The files of the plug-ins whose activations the labels name, including within a formula."""
    names = dict.fromkeys(name for label in labels for name in re.findall(r"\w+", label))
    records = (CATALOG[name] for name in names if name in CATALOG)
    return list(dict.fromkeys(record.plugin for record in records if record.plugin))


def interpreters(pythons: Mapping[str, str]) -> list[str]:
    """The interpreters that were named, as `--python` takes them: "" stands for all other
    frameworks."""
    return [
        f"{framework}={path}" if framework else path
        for framework, path in pythons.items()
        if framework or path != sys.executable
    ]
