"""Claims, registered by a decorator: a sentence, its source, how it is tested, and the test."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TypeVar

from ..results.claims import Outcome, Topic
from .ground import Ground

Judge = TypeVar("Judge", bound=Callable[..., Outcome])


@dataclass(frozen=True)
class Claim:
    """A claim.

    `judge` takes the ground that its first parameter names, and constants of the claim. The
    defaults of those are what the literature says: with other values, as a test passes them, the
    claim must fail.
    """

    name: str
    topic: Topic
    sentence: str
    source: str
    method: str
    judge: Callable[..., Outcome]

    @property
    def ground(self) -> type[Ground]:
        """The kind of evidence that the claim is judged by."""
        hints = typing.get_type_hints(self.judge)
        kind: type[Ground] = next(iter(hints.values()))
        return kind


_FOUND: dict[str, Claim] = {}


def claim(topic: Topic, sentence: str, source: str, method: str) -> Callable[[Judge], Judge]:
    """Make a function the test of a claim, named after the function with hyphens."""

    def register(judge: Judge) -> Judge:
        name = judge.__name__.replace("_", "-")
        _FOUND[name] = Claim(name, topic, sentence, source, method, judge)
        return judge

    return register


@cache
def claims() -> Mapping[str, Claim]:
    """Every claim by its name, by topic and in the order in which they are written."""
    package = __package__ or ""
    for entry in iter_modules(import_module(package).__path__):
        import_module(f"{package}.{entry.name}")
    order = list(Topic)
    return dict(sorted(_FOUND.items(), key=lambda item: order.index(item[1].topic)))
