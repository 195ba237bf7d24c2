"""Published runs as the site lists them: their kind, machine and verdict."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from ...bench.catalog.cases import Case
from ...bench.results.facts import RunFacts, WorkerFacts
from ...bench.results.files import plain_name
from ..page import spoken
from ..read.evidence import Evidence, Timed
from ..words import listing, writable

MACHINE = ("cpu", "architecture", "cores", "caches", "memory_gib", "gpus", "virtual")
"""The facts that identify a machine: where one differs, it is another machine.

Runs of a fleet also have a host name. Without one, machines that agree in all facts count as one.
"""
_SYSTEM = ("system", "libc", "compiler", "governor")


@dataclass(frozen=True)
class Machine:
    """A machine as far as runs record it; `key` is equal for runs of the same one.

    `host` is its name in a fleet, empty for a run outside one.
    """

    key: str
    cpu: str
    words: str
    host: str = ""

    @property
    def title(self) -> str:
        """`n1: AMD EPYC`; only the CPU without a name."""
        return ": ".join(filter(None, (self.host, self.cpu)))


@dataclass(frozen=True)
class Listed:
    """A run of the index.

    `excluded` says why the trends leave it out; empty if they do not. `costs` are the cases with a
    cost over relu.
    """

    name: str
    page: str
    facts: RunFacts
    started: datetime | None
    kind: str
    verdict: str
    excluded: str
    machine: Machine
    costs: Mapping[Case, Timed]

    @property
    def day(self) -> str:
        """The date and the minute of its start, in UTC."""
        return day_of(self.started)

    @property
    def order(self) -> tuple[float, str]:
        """The key for sorting by start, then by name; runs without a date come last."""
        return self.started.timestamp() if self.started else math.inf, self.name

    @property
    def versions(self) -> list[tuple[str, str]]:
        """Each framework with its versions, or the reason that it is missing."""
        return [
            (self.facts.title(name), _versions(worker) or _reason(worker))
            for name, worker in self.facts.workers.items()
        ]


@dataclass(frozen=True)
class Unread:
    """A folder among the published runs that cannot be read, and the reason in a sentence."""

    name: str
    reason: str


def listed(name: str, evidence: Evidence) -> Listed:
    """One published run, from its evidence alone."""
    facts = next(iter(evidence.runs.values())).facts
    started = moment(facts.started)
    costs = {timed.case: timed for timed in evidence.timed if _can_move(timed)}
    return Listed(
        writable(name),
        f"{plain_name(name)}.html",
        facts,
        started,
        _kind(evidence, facts),
        " ".join(spoken(evidence)),
        _excluded(facts, started, bool(costs)),
        machine_of(facts),
        costs,
    )


def _can_move(timed: Timed) -> bool:
    """Return whether a cost can move and be drawn: that of relu over itself cannot."""
    cost = timed.cost
    return timed.case.activation != "relu" and cost is not None and 0 < cost.value < math.inf


def day_of(started: datetime | None) -> str:
    """A date and the minute."""
    return started.strftime("%Y-%m-%d %H:%M") if started else "no date"


def moment(text: str | None) -> datetime | None:
    """The time of a text as runs write it, in UTC; None for any other text."""
    try:
        time = datetime.fromisoformat(text or "")
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _selftest(facts: RunFacts) -> bool:
    return bool(facts.selftest) or facts.profile == "selftest"


def _kind(evidence: Evidence, facts: RunFacts) -> str:
    if _selftest(facts):
        return "selftest of the gate"
    if evidence.timed:
        return f"measuring run, profile {facts.profile}"
    return "exactness alone" if evidence.checked else "nothing measured"


def _excluded(facts: RunFacts, started: datetime | None, costs: bool) -> str:
    """The reasons why a run is not in the trends."""
    reasons = {
        "a selftest times the gate, not activations": _selftest(facts),
        "it has no cost over relu": not costs and not _selftest(facts),
        "a smoke run is too short for its numbers to be compared": facts.profile == "smoke",
        "with one process per framework its intervals do not contain differences between "
        "processes": costs and facts.epochs < 2 and facts.profile != "smoke",
        f"it is {facts.state}, not finished": facts.state != "finished",
        "its start is not a date": started is None,
    }
    return "; ".join(reason for reason, holds in reasons.items() if holds)


class Dated(Protocol):
    """A run that has a machine and a place in time."""

    @property
    def machine(self) -> Machine:
        """The machine that measured it."""

    @property
    def order(self) -> tuple[float, str]:
        """The key for sorting by start, then by name."""


Run = TypeVar("Run", bound=Dated)


def by_machine(runs: Iterable[Run]) -> list[list[Run]]:
    """Runs grouped by machine, the oldest first; machines in the order of their first runs."""
    machines: dict[str, list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.order):
        machines.setdefault(run.machine.key, []).append(run)
    return list(machines.values())


def machine_of(facts: RunFacts) -> Machine:
    """The machine of a run, from the facts in MACHINE; a GPU by its name without the driver."""
    machine = facts.machine
    gpus = [gpu.name for gpu in machine.gpus]
    identity = {name: getattr(machine, name) for name in MACHINE}
    identity |= {"gpus": gpus, "host": facts.host}
    words = [
        _text(machine.cpu),
        _text(machine.architecture),
        f"{_text(machine.cores)} CPUs",
        f"{_text(machine.memory_gib)} GiB",
        *(f"{level} {size}" for level, size in machine.caches.items()),
        *gpus,
        "virtual" if machine.virtual else "not virtual",
    ]
    key = json.dumps(identity, sort_keys=True, default=str)
    return Machine(key, _text(machine.cpu), ", ".join(filter(None, words)), facts.host)


def _text(value: object) -> str:
    return "not kept" if value is None else str(value)


def version_of(facts: RunFacts, framework: str) -> str:
    """A framework's own version in a run; empty if the run does not record it."""
    versions = (worker.versions.get(framework, "") for worker in facts.workers_of(framework))
    return next(filter(None, versions), "")


def circumstances(facts: RunFacts, framework: str) -> dict[str, str]:
    """The versions and settings of a run that a framework's cost may depend on."""
    known = {f"project {name}": value for name, value in vars(facts.project).items()}
    known |= {name: _text(getattr(facts.machine, name)) for name in _SYSTEM}
    for worker in facts.workers_of(framework):
        known |= {**worker.versions, "Python": worker.python or _text(None)}
    drivers = [gpu.driver for gpu in facts.machine.gpus]
    known |= {"driver": listing(drivers)} if drivers else {}
    sampling = f"{facts.epochs} processes or more, {facts.budget:g} s"
    asked = json.dumps(facts.asked, sort_keys=True, default=str)
    return known | {"profile": facts.profile, "sampling": sampling, "what was asked for": asked}


def differences(before: Listed, after: Listed, framework: str) -> list[str]:
    """`torch 2.13.0 → 2.14.0`: the recorded versions and settings in which two runs differ."""
    old, new = (circumstances(run.facts, framework) for run in (before, after))
    return [
        f"{name} {old.get(name, 'not kept')} → {new.get(name, 'not kept')}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


def news(before: Listed, after: Listed) -> list[str]:
    """The differences of two runs for any framework."""
    names = dict.fromkeys(
        worker.framework for run in (before, after) for worker in run.facts.workers.values()
    )
    texts = (text for name in names or [""] for text in differences(before, after, name))
    return list(dict.fromkeys(texts))


def _versions(worker: WorkerFacts) -> str:
    return ", ".join(f"{name} {version}" for name, version in worker.versions.items())


def _reason(worker: WorkerFacts) -> str:
    return " ".join(filter(None, [worker.status, worker.reason]))
