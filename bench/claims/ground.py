"""The ground that claims are judged on: kinds of evidence, and what it takes to have them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, Self

from ..results.store import Run


@dataclass(frozen=True)
class Effort:
    """The interpreters, the frameworks, the seed, and whether a short form is enough."""

    pythons: Mapping[str, str]
    frameworks: tuple[str, ...] = ()
    seed: int = 0
    quick: bool = False

    def python_of(self, framework: str) -> str:
        """The interpreter that runs a framework."""
        return self.pythons.get(framework, self.pythons[""])


class Unavailable(Exception):
    """Evidence that cannot be had; the text says why."""


class Ground(Protocol):
    """A kind of evidence: made when a claim first asks for it, and kept for the others."""

    @classmethod
    def opened(cls, run: Run | None, effort: Effort) -> AbstractContextManager[Self]:
        """The evidence, as long as the context lasts. Raises Unavailable if it cannot be had."""
