"""Commands that repeat the measurement behind a sentence, a chart or a row."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import fields

from ...bench.catalog.cases import USUAL, Case
from ..read.evidence import repeatable

_FIELDS = tuple(field.name for field in fields(Case))


def again(
    cases: Iterable[Case], options: str = "", leave: Sequence[str] = (), command: str = "run"
) -> str:
    """The command that measures these cases again, except those with names that are not plain.

    It omits the fields in `leave`, those that are 0, and those of an output, a cache and an input
    that have their defaults. Empty if no case is left.
    """
    safe = [case for case in cases if repeatable(case)]
    words = [
        f"--{field} {shlex.quote(str(value))}"
        for field in _FIELDS
        if field not in leave
        for value in _values(safe, field)
        if value
    ]
    return " ".join(filter(None, [f"actbench {command}", *words, options])) if safe else ""


def _values(cases: Sequence[Case], field: str) -> list[object]:
    values = dict.fromkeys(getattr(case, field) for case in cases)
    return [] if set(values) <= {USUAL.get(field)} else list(values)
