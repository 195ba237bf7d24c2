"""Differences between the machines, versions and settings of two runs, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..results.store import RunFacts
from ..words import title

_MACHINE = ("cpu", "cores", "caches", "architecture", "gpus")
"""Facts by which machines differ, so that their times cannot be compared."""
_SURROUNDINGS = ("system", "libc", "governor", "virtual")
_SETTINGS = ("seed", "batch", "batches", "inputs")


def machines(base: RunFacts, candidate: RunFacts) -> str:
    """The differences between the machines of two runs; empty if there are none."""
    return _against(base.machine, candidate.machine, _MACHINE)


def _against(base: dict[str, Any], candidate: dict[str, Any], names: Sequence[str]) -> str:
    pairs = [(name, base.get(name), candidate.get(name)) for name in names]
    return "; ".join(
        f"{name.replace('_', ' ')} {_written(before)} against {_written(after)}"
        for name, before, after in pairs
        if before != after
    )


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items()) or "unknown"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "unknown" if value is None else str(value)


def notes(base: RunFacts, candidate: RunFacts) -> Iterator[str]:
    """Sentences on all other differences between two runs."""
    for word, facts in (("base", base), ("candidate", candidate)):
        if facts.state != "finished":
            yield f"The {word} is incomplete: its state is {facts.state}."
    if differing := _against(base.project, candidate.project, ("commit", "changes")):
        yield f"This project: {differing}."
    for name in dict.fromkeys([*_labels(base), *_labels(candidate)]):
        if differing := _workers(base, candidate, name):
            yield f"{title(name)}: {differing}."
    if differing := _against(base.machine, candidate.machine, _SURROUNDINGS):
        yield f"System: {differing}."
    if differing := _against(vars(base), vars(candidate), _SETTINGS):
        yield f"Settings: {differing}."


def _labels(facts: RunFacts) -> list[str]:
    return [label.partition("/")[0] for label in facts.workers]


def _workers(base: RunFacts, candidate: RunFacts, framework: str) -> str:
    """The differing versions of a framework and its Python, where both runs have it."""
    before, after = (_versions(facts, framework) for facts in (base, candidate))
    names = list(dict.fromkeys([*before, *after])) if before and after else []
    return _against(before, after, names)


def _versions(facts: RunFacts, framework: str) -> dict[str, Any]:
    versions: dict[str, Any] = {}
    for label, worker in facts.workers.items():
        if label.partition("/")[0] == framework and worker.get("status") == "ok":
            python = {"Python": worker["python"]} if "python" in worker else {}
            versions = {**worker.get("versions", {}), **python, **versions}
    return versions
