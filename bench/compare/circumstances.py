"""Differences between the machines, versions and settings of two runs, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..host import environment
from ..host.environment import Circumstance
from ..host.machine import Gpu
from ..results.facts import RunFacts

_MACHINE = ("cpu", "cores", "caches", "architecture", "gpus")
"""The facts by which machines differ in a way that their times cannot be compared."""
_SURROUNDINGS = ("system", "libc", "governor", "virtual")
_SETTINGS = ("seed", "batch", "batches", "inputs")


def machines(base: RunFacts, candidate: RunFacts) -> str:
    """The differences between the machines of two runs; empty if there are none."""
    return _against(vars(base.machine), vars(candidate.machine), _MACHINE)


def _against(base: Mapping[str, Any], candidate: Mapping[str, Any], names: Iterable[str]) -> str:
    pairs = [(name, base.get(name), candidate.get(name)) for name in names]
    return "; ".join(
        f"{name.replace('_', ' ')} {_written(before)} against {_written(after)}"
        for name, before, after in pairs
        if before != after
    )


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {part}" for key, part in value.items()) or "unknown"
    if isinstance(value, tuple):
        return ", ".join(map(_written, value)) or "none"
    if isinstance(value, Gpu):
        return f"{value.name}, {value.driver}"
    return "unknown" if value is None else str(value)


def changes(base: RunFacts, candidate: RunFacts) -> list[Circumstance]:
    """The changes of variables, CPU features, CPUs and quotas, as far as both runs record them."""
    differing = [
        Circumstance("", what, *(None if side is None else _written(side) for side in both))
        for what, *both in (
            ("CPUs", base.machine.cpus.given, candidate.machine.cpus.given),
            ("CPU quota", base.machine.cpus.quota, candidate.machine.cpus.quota),
        )
        if both[0] != both[1]
    ]
    for label in filter(candidate.workers.__contains__, base.workers):
        before, after = base.workers[label], candidate.workers[label]
        if before.environment and after.environment:
            differing += environment.changes(after.framework, before.environment, after.environment)
    return list(dict.fromkeys(differing))


def notes(base: RunFacts, candidate: RunFacts) -> Iterator[str]:
    """Sentences on all other differences between two runs."""
    for word, facts in (("base", base), ("candidate", candidate)):
        if facts.state != "finished":
            yield f"The {word} is incomplete: its state is {facts.state}."
    if differing := _against(vars(base.project), vars(candidate.project), ("commit", "changes")):
        yield f"This project: {differing}."
    workers = (*base.workers.values(), *candidate.workers.values())
    for name in dict.fromkeys(worker.framework for worker in workers):
        if differing := _workers(base, candidate, name):
            yield f"{candidate.title(name)}: {differing}."
    if differing := _against(vars(base.machine), vars(candidate.machine), _SURROUNDINGS):
        yield f"System: {differing}."
    if differing := _against(vars(base), vars(candidate), _SETTINGS):
        yield f"Settings: {differing}."


def _workers(base: RunFacts, candidate: RunFacts, framework: str) -> str:
    """The differing versions of a framework and its Python, where both runs have it."""
    before, after = (_versions(facts, framework) for facts in (base, candidate))
    names = list(dict.fromkeys([*before, *after])) if before and after else []
    return _against(before, after, names)


def _versions(facts: RunFacts, framework: str) -> dict[str, str]:
    versions: dict[str, str] = {}
    for worker in facts.workers_of(framework):
        python = {"Python": worker.python} if worker.python else {}
        versions = {**worker.versions, **python, **versions}
    return versions
