"""Places: the memory that a call's data comes from, and the memory that its output goes to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Where(StrEnum):
    """The bound on a call's time: the call itself, or the memory that its data comes from."""

    CALL = "call"
    CACHE = "cache"
    LAST_LEVEL = "last level"
    MEMORY = "memory"


class Outputs(StrEnum):
    """The memory that outputs are written to: kept from call to call, or freshly mapped pages."""

    KEPT = "kept"
    FRESH_PAGES = "fresh pages"


@dataclass(frozen=True)
class Place:
    """The place that a size actually has on a machine."""

    where: Where
    outputs: Outputs = Outputs.KEPT


_NAMED = {
    "launch": Place(Where.CALL),
    "l1": Place(Where.CACHE),
    "between": Place(Where.CACHE),
    "l2": Place(Where.CACHE),
    "last_level": Place(Where.LAST_LEVEL),
    "memory": Place(Where.MEMORY, Outputs.FRESH_PAGES),
}


def named(size_class: str) -> Place | None:
    """The place that a size class is named after, for a run that does not record the actual one."""
    return _NAMED.get(size_class)
