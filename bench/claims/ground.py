"""The grounds that claims are judged on: kinds of evidence, and how they are obtained."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, Self

from ..results.store import Run


@dataclass(frozen=True)
class Effort:
    """The interpreters, the frameworks, the seed, and whether a short version is enough."""

    pythons: Mapping[str, str]
    frameworks: tuple[str, ...] = ()
    seed: int = 0
    quick: bool = False

    def python_of(self, framework: str) -> str:
        """The interpreter that runs a framework."""
        return self.pythons.get(framework, self.pythons[""])


class Unavailable(Exception):
    """Evidence that cannot be obtained; the text says why."""


class Ground(Protocol):
    """A kind of evidence: made when a claim first asks for it, and kept for the others."""

    @classmethod
    def opened(cls, run: Run | None, effort: Effort) -> AbstractContextManager[Self]:
        """The evidence, within this context. Raises Unavailable if it cannot be obtained."""
