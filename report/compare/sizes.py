"""Sizes by the place of their data: at launch, in cache, streaming from memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..read.evidence import Evidence, class_names
from ..words import counted, elements
from .settings import Setting

_PLACES = {
    "launch": "one tiny call",
    "l1": "in cache",
    "l2": "in cache",
    "last_level": "in the last-level cache",
    "memory": "from memory",
}
_DECIDING = ("l2", "l1")
"""Size classes at which arithmetic decides, the better first."""


@dataclass(frozen=True)
class Size:
    """A number of elements, its size class on the machine, and the device of its data."""

    elements: int
    name: str = ""
    device: str = "cpu"

    @property
    def words(self) -> str:
        """`in cache`, `from memory`."""
        return _PLACES.get(self.name, f"at {counted(self.elements, 'element')}")

    @property
    def kind(self) -> str:
        """`launch`, `memory`, or `cache` for any other."""
        return self.name if self.name in ("launch", "memory") else "cache"

    @property
    def where(self) -> str:
        """`in cache, 65,536 elements (2^16)`."""
        known = self.name in _PLACES
        return f"{self.words}, {elements(self.elements)}" if known else self.words


def sizes_of(evidence: Evidence, setting: Setting, measured: Iterable[int]) -> tuple[Size, ...]:
    """Sizes with their class, rising; `between` only if it is the only one."""
    names = class_names(evidence.runs[setting.run], setting.device)
    classed = [Size(size, names.get(size, ""), setting.device) for size in sorted(set(measured))]
    return tuple([size for size in classed if size.name != "between"] or classed)


def deciding(sizes: Sequence[Size]) -> Size:
    """The size at which arithmetic decides: the class l2, else l1, else the largest."""
    by_name = {size.name: size for size in sizes}
    return next((by_name[name] for name in _DECIDING if name in by_name), sizes[-1])


def places(sizes: Sequence[Size]) -> list[Size]:
    """The sizes in cache (arithmetic decides), streaming and at launch, as far as present."""
    by_name = {size.name: size for size in sizes}
    wanted = [deciding(sizes) if sizes else None, by_name.get("memory"), by_name.get("launch")]
    return list(dict.fromkeys(size for size in wanted if size))
