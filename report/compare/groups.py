"""Cases under the same conditions, a series per framework and mode."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from ...bench.catalog.cases import Case
from ..read.evidence import FAMILIES, Checked, Evidence, Split, Timed
from .settings import Setting, setting_of, unusual
from .sizes import Size, deciding, places, sizes_of


class Measured(Protocol):
    """A record of a run and a case."""

    @property
    def run(self) -> str:
        """The name of the run."""

    @property
    def case(self) -> Case:
        """The case."""


Record = TypeVar("Record", bound=Measured)


@dataclass(frozen=True)
class Series(Generic[Record]):
    """The records of one framework and mode in the same conditions; its setting has no size."""

    setting: Setting
    records: tuple[Record, ...]

    @property
    def who(self) -> str:
        """`PyTorch compiled`."""
        return self.setting.who

    def at(self, size: Size) -> list[Record]:
        """The records of a size."""
        return [record for record in self.records if record.case.size == size.elements]


@dataclass(frozen=True)
class Group(Generic[Record]):
    """Series under the same conditions, and the sizes that any of them has, rising."""

    conditions: Setting
    series: tuple[Series[Record], ...]
    sizes: tuple[Size, ...]
    with_run: bool = False

    @property
    def words(self) -> str:
        """The conditions, with the run where there are several."""
        return self.conditions.words(self.with_run)

    @property
    def unusual(self) -> str:
        """What is unusual of the conditions: `cuda, bfloat16, run b`."""
        conditions = unusual(replace(self.conditions, direction="forward"))
        return ", ".join([*conditions, *[f"run {self.conditions.run}"] * self.with_run])

    @property
    def prefix(self) -> str:
        """The unusual conditions, before a sentence: `cuda, bfloat16, run b: `."""
        conditions = unusual(replace(self.conditions, direction="forward"))
        conditions += [f"run {self.conditions.run}"] * self.with_run
        return f"{', '.join(conditions)}: " if conditions else ""

    @property
    def records(self) -> tuple[Record, ...]:
        """The records of all series."""
        return tuple(record for series in self.series for record in series.records)

    @property
    def cached(self) -> Size:
        """The size at which arithmetic decides."""
        return deciding(self.sizes)

    @property
    def places(self) -> list[Size]:
        """The sizes in cache, streaming and at launch, as far as they were timed."""
        return places(self.sizes)

    def at(self, size: Size) -> list[Record]:
        """The records of a size."""
        return [record for series in self.series for record in series.at(size)]

    def only(self, size: Size) -> Group[Record]:
        """The group at one size alone."""
        kept = self.having(lambda record: record.case.size == size.elements)
        return replace(kept, sizes=(size,))

    def having(self, wanted: Callable[[Record], bool]) -> Group[Record]:
        """The group with some records alone."""
        kept = (
            replace(series, records=tuple(filter(wanted, series.records))) for series in self.series
        )
        return replace(self, series=tuple(kept))


def _every(record: object) -> bool:
    return True


def groups(
    evidence: Evidence, records: Iterable[Record], wanted: Callable[[Record], bool] = _every
) -> list[Group[Record]]:
    """The wanted records with fresh outputs and warm caches, of each run the foremost first."""
    grouped: dict[Setting, dict[Setting, list[Record]]] = {}
    for record in filter(wanted, records):
        setting = replace(setting_of(record.run, record.case), size=0)
        if setting.usual:
            grouped.setdefault(setting.conditions, {}).setdefault(setting, []).append(record)
    runs = list(evidence.runs)
    order = sorted(grouped, key=lambda setting: (runs.index(setting.run), setting.prominence))
    return [_group(evidence, conditions, grouped[conditions]) for conditions in order]


def _group(
    evidence: Evidence, conditions: Setting, records: dict[Setting, list[Record]]
) -> Group[Record]:
    settings = sorted(records, key=lambda setting: setting.order)
    series = tuple(Series(setting, tuple(records[setting])) for setting in settings)
    measured = {record.case.size for member in series for record in member.records}
    sizes = sizes_of(evidence, conditions, measured)
    return Group(conditions, series, sizes, len(evidence.runs) > 1)


def whole(group: Group[Record]) -> Group[Record]:
    """The group as it is."""
    return group


def in_cache(group: Group[Record]) -> Group[Record]:
    """The size at which arithmetic decides."""
    return group.only(group.cached)


def streaming(group: Group[Record]) -> Group[Record]:
    """The size at which data streams from memory; empty where that was not timed."""
    return group.only(next((size for size in group.sizes if size.name == "memory"), Size(0)))


def answering(
    evidence: Evidence,
    records: Iterable[Record],
    narrow: Callable[[Group[Record]], Group[Record]] = whole,
) -> list[Group[Record]]:
    """The groups behind an answer: each device's foremost conditions in the first run with any.

    Nothing is compared across runs, devices or conditions. `narrow` drops some.
    """
    narrowed = map(narrow, groups(evidence, records))
    first = foremost(group for group in narrowed if group.records)
    return [group for group in first if group.conditions.run == first[0].conditions.run]


def foremost(groups: Iterable[Group[Record]]) -> list[Group[Record]]:
    """The first group of each run and device."""
    first: dict[tuple[str, str], Group[Record]] = {}
    for group in groups:
        first.setdefault((group.conditions.run, group.conditions.device), group)
    return list(first.values())


def in_families(record: Timed | Split | Checked) -> bool:
    """True for element-wise activations in one of the families that are compared."""
    return not record.rowwise and record.family in FAMILIES
