"""Everything known about each run besides its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from ...bench.results.facts import RunFacts
from ..read.evidence import Evidence
from ..words import machine

ORDER = 80
TITLE = "Environment"
_ELSEWHERE = ("schema", "frameworks", "selftest", "request")
"""The facts that the page or its command shows elsewhere."""


def SUMMARY(evidence: Evidence) -> str:
    """The machines of the runs."""
    machines = dict.fromkeys(machine(run.facts.machine) for run in evidence.runs.values())
    return f"{'; '.join(machines)}: versions, settings and the command of each run."


def content(evidence: Evidence) -> Mapping[str, Any]:
    """The facts of each run as keys and texts."""
    return {"runs": [(name, list(_facts(run.facts))) for name, run in evidence.runs.items()]}


def _facts(facts: RunFacts) -> Iterator[tuple[str, str]]:
    """Facts by name; facts with parts have a line per known part."""
    for name, value in _parts(facts).items():
        words = name.replace("_", " ")
        if name in _ELSEWHERE:
            continue
        if isinstance(value, Mapping) or is_dataclass(value):
            yield from (
                (f"{words}: {key}", _text(part) or "none") for key, part in _parts(value).items()
            )
        else:
            yield words, _text(value) or "none"


def _parts(value: Any) -> Mapping[str, Any]:
    """The parts of a record that are known."""
    known = (
        value
        if isinstance(value, Mapping)
        else {f.name: getattr(value, f.name) for f in fields(value)}
    )
    return {key: part for key, part in known.items() if part not in (None, "")}


def _text(value: Any) -> str:
    if isinstance(value, Mapping) or is_dataclass(value):
        return "; ".join(f"{key}: {_text(part)}" for key, part in _parts(value).items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
