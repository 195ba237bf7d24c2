"""Sizes by the place of their data: one tiny call, in cache, from memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...bench.catalog.places import Place
from ...bench.results.store import Run
from ..read.evidence import Evidence, class_names
from ..words import counted, elements, place_words
from .settings import Setting

_DECIDING = ("l2", "l1")
"""The size classes at which arithmetic decides, the better first."""


@dataclass(frozen=True)
class Size:
    """A number of elements, its size class on the machine, and the place of its data."""

    elements: int
    name: str = ""
    device: str = "cpu"
    place: Place | None = None

    @property
    def words(self) -> str:
        """`in cache`, `from memory`."""
        return place_words(self.place) if self.place else f"at {counted(self.elements, 'element')}"

    @property
    def kind(self) -> str:
        """`launch`, `memory`, or `cache` for any other."""
        return self.name if self.name in ("launch", "memory") else "cache"

    @property
    def where(self) -> str:
        """`in cache, 65,536 elements (2^16)`."""
        return f"{self.words}, {elements(self.elements)}" if self.place else self.words


def sizes_of(evidence: Evidence, setting: Setting, measured: Iterable[int]) -> tuple[Size, ...]:
    """Sizes with their class, rising; `between` only if it is the only one."""
    sizes = classed(evidence.runs[setting.run], setting.device, measured)
    return tuple([size for size in sizes if size.name != "between"] or sizes)


def classed(run: Run, device: str, measured: Iterable[int]) -> list[Size]:
    """Sizes with their class and its place on the machine of a run, rising."""
    names = {size: class_names(run, device).get(size, "") for size in sorted(set(measured))}
    return [Size(size, name, device, run.facts.place(device, name)) for size, name in names.items()]


def deciding(sizes: Sequence[Size]) -> Size:
    """The size at which arithmetic decides: the class l2, else l1, else the largest."""
    by_name = {size.name: size for size in sizes}
    return next((by_name[name] for name in _DECIDING if name in by_name), sizes[-1])


def places(sizes: Sequence[Size]) -> list[Size]:
    """The sizes in cache (arithmetic decides), from memory and at launch, as far as present."""
    by_name = {size.name: size for size in sizes}
    wanted = [deciding(sizes) if sizes else None, by_name.get("memory"), by_name.get("launch")]
    return list(dict.fromkeys(size for size in wanted if size))
