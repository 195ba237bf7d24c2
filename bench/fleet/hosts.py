"""The hosts of a cluster: identified by what their workers report, or refused with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from ... import __version__
from ..results.files import plain_name
from ..words import writable
from . import on_host


@dataclass(frozen=True)
class Kind:
    """A kind of hosts that can replace each other: the same CPU and GPUs, the same versions."""

    cpu: str
    gpus: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Host:
    """A host, and the address of the worker that measures there.

    `machine` is equal for hosts that share one, as containers do: they measure in turn.
    """

    name: str
    worker: str
    machine: str
    kind: Kind


@dataclass(frozen=True)
class Refused:
    """A host that measures nothing, and the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class _Said:
    """The answer of `on_host.describe`, as this version has it."""

    version: str
    source: str
    host: str
    boot: str
    cpu: str
    gpus: tuple[str, ...]
    versions: dict[str, str]


_SAID = TypeAdapter(_Said)


def discovered(client: Any) -> tuple[list[Host], list[Refused]]:
    """The hosts of a cluster, by name: those that can measure what this version asks for, or not.

    Workers are of one host where they have the same host name and address.
    """
    said = client.run(on_host.describe, on_error="return")
    places = {worker: about["host"] for worker, about in _about(client).items()}
    first: dict[tuple[str, str], tuple[str, Any]] = {}
    for worker in sorted(said, key=lambda worker: (places.get(worker, worker), worker)):
        name = said[worker].get("host", "") if isinstance(said[worker], dict) else ""
        first.setdefault((str(name), places.get(worker, worker)), (worker, said[worker]))
    often = Counter(name for name, _ in first)
    answers = [
        _judged(_called(name, place, often[name] > 1), worker, answer)
        for (name, place), (worker, answer) in sorted(first.items())
    ]
    return (
        [answer for answer in answers if isinstance(answer, Host)],
        [answer for answer in answers if isinstance(answer, Refused)],
    )


def _about(client: Any) -> Mapping[str, Mapping[str, Any]]:
    workers: Mapping[str, Mapping[str, Any]] = client.scheduler_info()["workers"]
    return workers


def _called(name: str, place: str, ambiguous: bool) -> str:
    """The name of a host, with its address where another has the same, fit for a folder."""
    return plain_name("-".join(filter(None, [name, place if ambiguous or not name else ""])))


def _judged(name: str, worker: str, answer: Any) -> Host | Refused:
    if not isinstance(answer, dict):
        return Refused(
            name, f"its worker cannot load actbench ({_first_line(answer)}): install it there"
        )
    version = str(answer.get("version", "of before 0.2"))
    if version != __version__:
        return Refused(
            name,
            f"it has actbench {writable(version)}, and this is {__version__}: install the same "
            "version there",
        )
    try:
        said = _SAID.validate_python(answer)
    except ValueError:
        return Refused(name, "it says of itself what no actbench says: start its worker again")
    if said.source != on_host.source():
        return Refused(
            name,
            f"its actbench {version} has other code than this one: install the same there, and "
            "start its worker again",
        )
    kind = Kind(said.cpu, said.gpus, tuple(sorted(said.versions.items())))
    return Host(name, worker, said.boot or f"{said.host} {worker}", kind)


def _first_line(error: object) -> str:
    return writable(f"{type(error).__name__}: {error}".splitlines()[0][:200])
