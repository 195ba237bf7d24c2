"""Cases under the same conditions, a series per framework and mode."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from ...bench.catalog.cases import Case
from ..read.evidence import Evidence
from .settings import Setting, setting_of, unusual
from .sizes import Size, places, sizes_of


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
    """Series under the same conditions, and the sizes that any of them has, rising.

    `run` is the run's label, empty for a single run.
    """

    conditions: Setting
    series: tuple[Series[Record], ...]
    sizes: tuple[Size, ...]
    run: str = ""

    @property
    def words(self) -> str:
        """The conditions, with the run where there are several."""
        return ", ".join(filter(None, (self.conditions.words, self.run)))

    @property
    def unusual(self) -> str:
        """The conditions that are unusual: `cuda, bfloat16, run B`."""
        conditions = unusual(replace(self.conditions, direction="forward"))
        return ", ".join(filter(None, [*conditions, self.run]))

    @property
    def places(self) -> list[Size]:
        """The sizes in cache, from memory and of a tiny call, as far as they were timed."""
        return places(self.sizes)

    def at(self, size: Size) -> list[Record]:
        """The records of a size."""
        return [record for series in self.series for record in series.at(size)]


def _every(record: object) -> bool:
    return True


def groups(
    evidence: Evidence, records: Iterable[Record], wanted: Callable[[Record], bool] = _every
) -> list[Group[Record]]:
    """The wanted records with fresh outputs and warm caches, grouped, each run's foremost first."""
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
    return Group(conditions, series, sizes, evidence.label(conditions.run))


def foremost(groups: Iterable[Group[Record]]) -> list[Group[Record]]:
    """The first group of each run and device: nothing is compared across them."""
    first: dict[tuple[str, str], Group[Record]] = {}
    for group in groups:
        first.setdefault((group.conditions.run, group.conditions.device), group)
    return list(first.values())
