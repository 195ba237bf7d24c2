"""The evidence of a page: cases timed, checked and missing, with the reasons."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import count, repeat

from ...bench.catalog import cases
from ...bench.catalog.activations import find_reference
from ...bench.catalog.cases import Case
from ...bench.exactness.findings import Finding, findings
from ...bench.host.errors import UsageError
from ...bench.results.claims import Claims
from ...bench.results.estimate import Estimate
from ...bench.results.facts import FrameworkFacts
from ...bench.results.rows import Against, Cause, Ended, Other, Point, Row, Sampling, Tried
from ...bench.results.status import Status
from ...bench.results.store import Run

COARSE = 1000.0
"""The error in ulp above which a form is marked wherever its speed is shown."""
PLAIN = "plain"
"""The plain form, by the name that the command line has for it."""
FAMILIES = ("max", "algebraic", "exp")
_PLAIN = re.compile(r"[\w./][\w.+:,@/-]*")


@dataclass(frozen=True)
class Checked:
    """The exactness of one case: its largest error in ulp, the input of it, and figures by metric.

    `worst_flushed` is where it is largest if a subnormal may stand as zero, `nans` are the first
    inputs at which a NaN and a number are mistaken for each other, `cause` names what is to blame.
    `by_binade` has the largest error of each group of inputs, where a subnormal may stand as zero,
    in the order of `bench.exactness.binades`; −1 for groups without inputs, empty where none was
    kept. `paths` are the ways beside the usual array in which inputs were given.
    """

    run: str
    case: Case
    family: str
    rowwise: bool
    plain: bool
    max_ulp: float
    figures: Mapping[str, float] = field(default_factory=dict)
    worst: Point | None = None
    worst_flushed: Point | None = None
    nans: tuple[Point, ...] = ()
    cause: Cause | None = None
    by_binade: tuple[float, ...] = ()
    paths: tuple[Tried, ...] = ()

    @property
    def flushed(self) -> float | None:
        """The largest error where subnormals may stand for zero, as far as it was kept."""
        return self.figures.get("max_ulp_flushed")

    @property
    def nan_mismatches(self) -> float | None:
        """The number of inputs at which a NaN and a number are mistaken for each other."""
        return self.figures.get("nan_mismatches")

    @property
    def error(self) -> float:
        """The largest error where a subnormal may stand as zero."""
        return self.max_ulp if self.flushed is None else min(self.max_ulp, self.flushed)

    @property
    def near(self) -> float:
        """The largest such error of inputs in [−20, 20], where it was kept."""
        return min(self.figures.get("max_ulp_near", math.inf), self.error)


@dataclass(frozen=True)
class Timed:
    """A case that was timed: an estimate per metric, and its exactness where it was checked.

    `plain` says whether it is in its plain form. `flawed` says whether the form's value is off by
    more than COARSE ulp, or its gradient without bound, on some finite input tested; None if its
    value was not checked. `unit` is what its relative cost is over, `moved` the number of bytes
    that a call must read and write.
    """

    run: str
    case: Case
    family: str
    rowwise: bool
    plain: bool
    estimates: Mapping[str, Estimate]
    exactness: Checked | None = None
    flawed: bool | None = None
    sampling: Sampling | None = None
    unit: Against | None = None
    moved: float | None = None

    @property
    def time(self) -> Estimate:
        """The ns per call."""
        return self.estimates["time_per_call"]

    def is_plain_value(self, names: Sequence[str], direction: str = "forward") -> bool:
        """Return whether it is one of these activations in its plain form, in a direction."""
        case = self.case
        return self.plain and case.activation in names and case.direction == direction

    @property
    def is_unit(self) -> bool:
        """Return whether it is the relu that relative costs are over, whose own cost is 1."""
        return self.cost == Estimate(1.0, 1.0, 1.0)

    @property
    def cost(self) -> Estimate | None:
        """The time relative to the same framework's relu, if relu was measured beside it."""
        return self.estimates.get("relative_cost")

    @property
    def ended(self) -> Ended | None:
        """The reason that sampling ended, as far as the rows record it."""
        return self.sampling.ended if self.sampling else None


@dataclass(frozen=True)
class Part:
    """One part of a cost, and the row with the size at which it was taken, or why it is missing."""

    row: Row
    estimate: Estimate | None

    @property
    def size(self) -> int:
        """The size at which it was taken."""
        return self.row.case.size


@dataclass(frozen=True)
class Split:
    """The cost of a case over all its `sizes`, split into parts by metric; `case` has size 0.

    `reused` says whether it was timed with its output reused as well.
    """

    run: str
    case: Case
    family: str
    rowwise: bool
    primitive: bool
    plain: bool
    parts: Mapping[str, Part]
    sizes: tuple[int, ...]
    reused: bool

    def part(self, metric: str) -> Estimate | None:
        """The estimate of a part, if it was measured."""
        part = self.parts.get(metric)
        return part.estimate if part else None

    @property
    def slope(self) -> Estimate | None:
        """The ns per element in cache, without the call: measured, or the sum of its parts.

        Runs without a `slope` have a floor and the arithmetic above it, which add up to the same.
        """
        floor, own = self.part("copy_floor"), self.part("arithmetic")
        return self.part("slope") or (own.plus(floor.value) if own and floor else own)

    @property
    def cached_size(self) -> int:
        """The size at which the slope was taken; 0 if it was not."""
        parts = (self.parts.get(metric) for metric in ("slope", "arithmetic"))
        return next((part.size for part in parts if part and part.estimate), 0)

    @property
    def cause(self) -> Cause | None:
        """The cause of a surprise in its arithmetic, if there is one."""
        surprise = self.parts.get("surprise")
        return surprise.row.cause if surprise else None


@dataclass(frozen=True)
class Between:
    """The distances of a case's results from another framework's, or from another condition's.

    `figures` are by metric; `first` is the first input at which the two differ.
    """

    run: str
    case: Case
    family: str
    plain: bool
    against: Against
    figures: Mapping[str, float]
    first: Point | None

    @property
    def of_frameworks(self) -> bool:
        """Return whether it is about two frameworks, not one framework under two conditions."""
        return self.against.kind is Other.FRAMEWORK


@dataclass(frozen=True)
class Missing:
    """A case that could not be measured; `what` is `time` or `exactness`."""

    run: str
    case: Case
    what: str
    status: Status
    reason: str


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything that a page may state; `runs` are by the name that the page gives them.

    So are the `claims` of the literature, for runs that judged some. Evidence equals only itself,
    so that results computed from it can be cached.
    """

    runs: Mapping[str, Run]
    timed: Sequence[Timed]
    checked: Sequence[Checked]
    between: Sequence[Between]
    missing: Sequence[Missing]
    splits: Sequence[Split]
    claims: Mapping[str, Claims] = field(default_factory=dict)

    def case(self, run: str, case: Case) -> Timed | None:
        """A timed case of a run; the form PLAIN stands for its plain form."""
        return self._cases.get((run, case))

    @cached_property
    def _cases(self) -> Mapping[tuple[str, Case], Timed]:
        plain = [timed for timed in self.timed if timed.plain]
        return {
            **{(timed.run, replace(timed.case, form=PLAIN)): timed for timed in plain},
            **{(timed.run, timed.case): timed for timed in self.timed},
        }

    def split(self, run: str, case: Case) -> Split | None:
        """The parts of a case's cost, whatever its size; PLAIN stands for its plain form."""
        return self._splits.get((run, replace(case, size=0)))

    @cached_property
    def _splits(self) -> Mapping[tuple[str, Case], Split]:
        plain = [split for split in self.splits if split.plain]
        return {
            **{(split.run, replace(split.case, form=PLAIN)): split for split in plain},
            **{(split.run, split.case): split for split in self.splits},
        }

    @cached_property
    def hosts(self) -> Mapping[str, str]:
        """The short name of each run's host in its fleet; empty unless each run has its own."""
        names = [run.facts.host for run in self.runs.values()]
        for several in ([name.partition(".")[0] for name in names], names):
            if all(several) and len(set(several)) == len(several) > 1:
                return dict(zip(self.runs, several, strict=True))
        return {}

    @cached_property
    def marks(self) -> Mapping[str, str]:
        """The mark of each run among others, its host or a letter; empty for a single run."""
        letters = map(chr, count(ord("A"))) if len(self.runs) > 1 else repeat("")
        return self.hosts or dict(zip(self.runs, letters, strict=False))

    def label(self, run: str) -> str:
        """The name that distinguishes a run from the others: `run B`, `host n1`; empty for a single
        run."""
        mark = self.marks[run]
        return f"{'host' if self.hosts else 'run'} {mark}" if mark else ""

    @cached_property
    def devices(self) -> frozenset[str]:
        """Every device that something was timed or checked on."""
        timed = {timed.case.device for timed in self.timed}
        return frozenset(timed | {checked.case.device for checked in self.checked})

    @cached_property
    def functions(self) -> Mapping[str, FrameworkFacts]:
        """The frameworks of all runs, including a user's functions, by name."""
        all_facts = [run.facts.frameworks for run in self.runs.values()]
        return {name: known for facts in all_facts for name, known in facts.items()}

    @cached_property
    def pythons(self) -> tuple[str, ...]:
        """The interpreters that were named for any run."""
        named = (python for run in self.runs.values() for python in run.facts.pythons)
        return tuple(dict.fromkeys(named))

    def in_one_process(self, timed: Timed) -> bool:
        """Return whether a case was timed in one process, as planned or as its row says."""
        alone = timed.sampling is not None and timed.sampling.processes == 1
        return self.runs[timed.run].facts.epochs < 2 or alone

    @cached_property
    def findings(self) -> Mapping[str, Sequence[Finding]]:
        """The findings, errors beyond their bounds, by the name of the run."""
        return {name: findings(run) for name, run in self.runs.items()}


def class_names(run: Run, device: str) -> dict[int, str]:
    """The size classes of a run's machine, by elements; commands are made from them."""
    classes = run.facts.size_classes.get(device, {})
    return {size: name for name, size in classes.items() if plain(name)}


def with_device(evidence: Evidence, command: str) -> str:
    """A command of a run, with the device of its rows if none of them is of the CPU."""
    other = [device for device in cases.DEVICES if device in evidence.devices]
    return command if not other or "cpu" in evidence.devices else f"{command} --device {other[0]}"


def repeatable(case: Case) -> bool:
    """Return whether a command can measure a case again.

    A name with a quote in it would end the quoting of the command line it is pasted into.
    """
    fields = (value for field, value in case.said.items() if field != "activation")
    return _is_known(case.activation) and plain(*fields)


@cache
def _is_known(activation: str) -> bool:
    try:
        find_reference(activation)
    except UsageError:
        return False
    return True


def plain(*fields: object) -> bool:
    """Return whether every field is a plain word, safe on a command line."""
    return all(_is_plain(str(field)) for field in fields)


@cache
def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None
