"""Pairs: a case over the same case with something else in one place, and which of them answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..read.evidence import Estimate, Evidence, Timed
from .ratios import ratio
from .settings import Setting, setting_of, unusual
from .sizes import Size, deciding, places, sizes_of


@dataclass(frozen=True)
class Pair:
    """A case over another of the same run."""

    top: Timed
    bottom: Timed
    ratio: Estimate

    @property
    def setting(self) -> Setting:
        """The setting of the case above."""
        return setting_of(self.top.run, self.top.case)

    @property
    def name(self) -> str:
        """The activation of the case above."""
        return self.top.case.activation


def pairs(evidence: Evidence, wanted: Callable[[Timed], bool], **others: Any) -> list[Pair]:
    """Each wanted case, outputs fresh and caches warm, over the same case but for some fields.

    A form of `PLAIN` stands for the one that people take first.
    """
    found = []
    for top in filter(wanted, evidence.timed):
        bottom = evidence.case(top.run, replace(top.case, **others))
        if bottom and bottom is not top and setting_of(top.run, top.case).usual:
            over = ratio(top, bottom)
            found += [Pair(top, bottom, over)] if over else []
    return sorted(found, key=lambda pair: pair.setting.order)


@dataclass(frozen=True)
class View:
    """The pairs under the same conditions, in either direction, that an answer rests on."""

    conditions: Setting
    pairs: tuple[Pair, ...]
    sizes: tuple[Size, ...]
    with_run: bool

    @property
    def places(self) -> list[Size]:
        """In cache, streaming and at launch, as far as they were timed."""
        return places(self.sizes)

    @property
    def prefix(self) -> str:
        """What is unusual, before a sentence: `cuda, bfloat16, run b: `."""
        told = unusual(replace(self.conditions, direction="forward"))
        told += [f"run {self.conditions.run}"] * self.with_run
        return f"{', '.join(told)}: " if told else ""

    @property
    def words(self) -> str:
        """The conditions: `float32, cpu, 1 thread`."""
        return self.conditions.words(self.with_run)

    def at(self, size: Size) -> list[Pair]:
        """The pairs of a size."""
        return [pair for pair in self.pairs if pair.top.case.size == size.elements]

    def cached(self) -> View:
        """The pairs of the size at which arithmetic decides."""
        return self._only(deciding(self.sizes))

    def streaming(self) -> View:
        """The pairs of the size at which data streams from memory."""
        return self._only(next((size for size in self.sizes if size.name == "memory"), Size(0)))

    def _only(self, size: Size) -> View:
        return replace(self, pairs=tuple(self.at(size)), sizes=(size,))


def _whole(view: View) -> View:
    return view


def views(
    evidence: Evidence, found: Iterable[Pair], narrow: Callable[[View], View] = _whole
) -> list[View]:
    """The pairs of the first run that has any, of each device under its foremost conditions.

    Nothing is compared across runs, devices or conditions. `narrow` leaves out what is not asked.
    """
    by_conditions: dict[Setting, list[Pair]] = {}
    for pair in found:
        conditions = replace(pair.setting.conditions, direction="")
        by_conditions.setdefault(conditions, []).append(pair)
    runs = list(evidence.runs)
    order = sorted(by_conditions, key=lambda each: (runs.index(each.run), each.prominence))
    narrowed = (narrow(_view(evidence, each, by_conditions[each])) for each in order)
    made = [view for view in narrowed if view.pairs]
    first: dict[str, View] = {}
    for view in made:
        if view.conditions.run == made[0].conditions.run:
            first.setdefault(view.conditions.device, view)
    return list(first.values())


def _view(evidence: Evidence, conditions: Setting, found: list[Pair]) -> View:
    sizes = sizes_of(evidence, conditions, {pair.top.case.size for pair in found})
    return View(conditions, tuple(found), sizes, len(evidence.runs) > 1)
