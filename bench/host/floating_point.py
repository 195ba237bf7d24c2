"""The floating-point environments of workers in words, where they are unusual."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Protocol


@dataclass(frozen=True)
class FloatingPoint:
    """A thread's treatment of subnormal results and operands, and its rounding."""

    flushes_results: bool
    subnormals_are_zero: bool
    rounding: str


class Observed(Protocol):
    """The environment of a process before anything was imported, and after everything was."""

    @property
    def framework(self) -> str: ...

    @property
    def before(self) -> FloatingPoint | None: ...

    @property
    def after(self) -> FloatingPoint | None: ...


USUAL = FloatingPoint(flushes_results=False, subnormals_are_zero=False, rounding="to nearest")
"""The environment in which IEEE 754 and every system start a process."""

_WORDS = {
    ("flushes_results", True): "subnormal results become zero",
    ("flushes_results", False): "subnormal results are kept",
    ("subnormals_are_zero", True): "subnormal operands count as zero",
    ("subnormals_are_zero", False): "subnormal operands count as they are",
}


def sentences(workers: Mapping[str, Observed], title: Callable[[str], str] = str) -> list[str]:
    """Write a sentence per worker whose environment was unusual, or changed with its framework.

    A worker that reported nothing is passed over; `title` names a framework for people.
    """
    return [text for label, worker in workers.items() for text in _unusual(label, worker, title)]


def _unusual(label: str, worker: Observed, title: Callable[[str], str]) -> Iterator[str]:
    if strange := differences(USUAL, worker.before):
        yield f"The worker {label} started in an unusual floating-point environment: {strange}."
    if changed := differences(worker.before, worker.after):
        yield (
            f"Importing {title(worker.framework)} changed the floating-point environment of its "
            f"worker {label}: {changed}."
        )


def differences(expected: FloatingPoint | None, actual: FloatingPoint | None) -> str:
    """Describe how an environment differs from the expected one; empty where one is unknown."""
    if expected is None or actual is None:
        return ""
    pairs = [(f.name, getattr(expected, f.name), getattr(actual, f.name)) for f in fields(actual)]
    return ", ".join(
        _WORDS.get((name, after), f"{name} {after}")
        for name, before, after in pairs
        if before != after
    )
