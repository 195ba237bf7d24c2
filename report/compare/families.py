"""Families compared, setting by setting: `exp` against `max` and against algebra only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

from ...bench.catalog.activations import BASELINE
from ...bench.catalog.cases import Case
from ..read.evidence import FAMILIES, Estimate, Evidence, Timed, plain
from ..words import title

VIEWS: Mapping[str, str] = {
    "fastest": "the fastest measured form of each activation",
    "sound": "the fastest form whose value stays within 1,000 ulp of the exact one, and whose "
    "gradient is finite where it should be, on the inputs tested (no †)",
    "native": "the framework's own function only",
    "written": "the fastest form written out in the framework's operations, none of its own "
    "functions: the same kind of form on both sides",
}
REFERENCE_SIZE = 2**16
USUAL = ("fresh", "warm")
"""The output and the cache of the settings that sentences and charts speak of."""
_DIRECTIONS = {"forward": 0, "backward": 1, "both": 2}


@dataclass(frozen=True)
class Setting:
    """What cases must share to be compared."""

    run: str
    framework: str
    mode: str
    direction: str
    device: str
    dtype: str
    size: int
    threads: int
    output: str
    cache: str

    @property
    def usual(self) -> bool:
        """Whether each call returns memory of its own and finds its input in the cache."""
        return (self.output, self.cache) == USUAL

    @property
    def command(self) -> str:
        """The command that measures the whole setting again; empty if a field is no plain word."""
        fields = {key: value for key, value in asdict(self).items() if key != "run"}
        options = " ".join(f"--{key} {value}" for key, value in fields.items())
        return f"actbench run {options}" if plain(*fields.values()) else ""


@dataclass(frozen=True)
class Comparison:
    """An algebraic activation against each `exp` one, decided by their intervals."""

    algebraic: Timed
    cheaper_than: tuple[Timed, ...]
    dearer_than: tuple[Timed, ...]
    undecided: tuple[Timed, ...]

    @property
    def verdict(self) -> str:
        """Whether it is shown to be cheaper than `all`, `some`, `none`, or to be `dearest`."""
        if not self.cheaper_than:
            return "none" if self.undecided else "dearest"
        return "some" if self.dearer_than or self.undecided else "all"


@dataclass(frozen=True)
class Summary:
    """One setting: every family's activations, each in one form, the cheapest first."""

    setting: Setting
    families: Mapping[str, tuple[Timed, ...]]
    comparison: Comparison | None
    baseline: Timed | None


def setting_of(run: str, case: Case) -> Setting:
    """The setting of a case."""
    return Setting(
        run,
        case.framework,
        case.mode,
        case.direction,
        case.device,
        case.dtype,
        case.size,
        case.threads,
        case.output,
        case.cache,
    )


@lru_cache(maxsize=8)
def summaries(evidence: Evidence, view: str = "fastest", usual: bool = True) -> tuple[Summary, ...]:
    """Every setting in which something was timed, in the order of its fields.

    `usual` leaves out those whose output is reused or whose cache is cold.
    """
    groups: dict[Setting, list[Timed]] = {}
    for each in evidence.timed:
        setting = setting_of(each.run, each.case)
        if setting.usual or not usual:
            groups.setdefault(setting, []).append(each)
    return tuple(_summary(each, groups[each], view) for each in sorted(groups, key=_order))


def _order(setting: Setting) -> tuple[str | int, ...]:
    return (
        setting.run,
        setting.device,
        setting.dtype,
        setting.threads,
        _DIRECTIONS.get(setting.direction, 3),
        title(setting.framework).lower(),
        setting.mode != "eager",
        setting.size,
        setting.output,
        setting.cache != "warm",
    )


def _summary(setting: Setting, timed: Sequence[Timed], view: str) -> Summary:
    families = {family: chosen(timed, family, view) for family in FAMILIES}
    return Summary(setting, families, compared(families), baseline_of(timed))


def baseline_of(timed: Iterable[Timed]) -> Timed | None:
    """The relu that relative costs are over: native, or `max` where there is no native one."""
    found = {
        each.case.form: each for each in timed if each.case.activation == BASELINE and each.cost
    }
    return found.get("native") or found.get("max")


def chosen(timed: Iterable[Timed], family: str, view: str) -> tuple[Timed, ...]:
    """One form of each element-wise activation of a family, the cheapest first.

    The relu that costs are over is left out: its cost is 1 by definition and was not measured.
    """
    best: dict[str, Timed] = {}
    for each in timed:
        if each.rowwise or each.family != family or not each.cost or not _allowed(each, view):
            continue
        other = best.get(each.case.activation)
        if other is None or other.cost is None or each.cost.value < other.cost.value:
            best[each.case.activation] = each
    others = [each for each in best.values() if not is_unit(each)]
    return tuple(sorted(others, key=lambda each: (cost(each).value, each.case.activation)))


def is_unit(each: Timed) -> bool:
    """Whether a case is the relu that costs are over."""
    found = each.cost
    return each.case.activation == BASELINE and found == Estimate(1.0, 1.0, 1.0)


def _allowed(each: Timed, view: str) -> bool:
    native = each.case.form == "native"
    return {
        "fastest": True,
        "sound": each.flawed is False,
        "native": native,
        "written": not native,
    }[view]


def cost(each: Timed) -> Estimate:
    """The relative cost of a case that is known to have one."""
    assert each.cost is not None
    return each.cost


def compared(families: Mapping[str, Sequence[Timed]]) -> Comparison | None:
    """The cheapest algebraic activation against every `exp` one; None if a side is missing."""
    if not families["algebraic"] or not families["exp"]:
        return None
    algebraic = families["algebraic"][0]
    signs = [(_apart(cost(algebraic), cost(each)), each) for each in families["exp"]]
    return Comparison(
        algebraic,
        tuple(each for sign, each in signs if sign < 0),
        tuple(each for sign, each in signs if sign > 0),
        tuple(each for sign, each in signs if sign == 0),
    )


def _apart(one: Estimate, other: Estimate) -> int:
    """-1 or 1 if the one's interval lies wholly below or above the other's, else 0."""
    if None in (one.low, one.high, other.low, other.high):
        return 0
    if _end(one.high) < _end(other.low):
        return -1
    return 1 if _end(one.low) > _end(other.high) else 0


def _end(value: float | None) -> float:
    return math.nan if value is None else value


def reference_size(sizes: Iterable[int]) -> int:
    """The size nearest to 2^16, where arithmetic rather than launch or memory decides."""
    return min(sizes, key=lambda size: (abs(math.log2(size / REFERENCE_SIZE)), size))


def at_reference_size(all_summaries: Iterable[Summary]) -> list[list[Summary]]:
    """Groups under the same conditions: each framework and mode at its size nearest to 2^16.

    Forward in float32 on the CPU comes first.
    """
    series: dict[tuple[object, ...], list[Summary]] = {}
    for each in all_summaries:
        setting = each.setting
        key = (*_conditions(setting), setting.framework, setting.mode)
        series.setdefault(key, []).append(each)
    groups: dict[tuple[object, ...], list[Summary]] = {}
    for summaries_by_size in series.values():
        size = reference_size(each.setting.size for each in summaries_by_size)
        kept = next(each for each in summaries_by_size if each.setting.size == size)
        groups.setdefault(_conditions(kept.setting), []).append(kept)
    return sorted(groups.values(), key=lambda group: prominence(group[0].setting))


def _conditions(setting: Setting) -> tuple[object, ...]:
    return (setting.run, setting.device, setting.dtype, setting.threads, setting.direction)


def prominence(setting: Setting) -> tuple[str, bool, bool, int, int]:
    """Where a group of settings stands on the page: forward in float32 on the CPU first."""
    direction = _DIRECTIONS.get(setting.direction, 3)
    return (
        setting.run,
        setting.device != "cpu",
        setting.dtype != "float32",
        direction,
        setting.threads,
    )
