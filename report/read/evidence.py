"""What a page may speak of: what was timed, what was checked, what is missing, and why."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from ...bench.catalog import cases
from ...bench.catalog.activations import find
from ...bench.catalog.cases import Case
from ...bench.catalog.frameworks import frameworks
from ...bench.exactness.findings import Finding, findings
from ...bench.host.errors import UsageError
from ...bench.results.store import Run

COARSE = 1000.0
"""Errors in ulp above which a form is marked wherever its speed is shown."""
FAMILIES = ("max", "algebraic", "exp")
_FIELDS = tuple(Case.__dataclass_fields__)
_PLAIN = re.compile(r"\w[\w.+-]*")
_ENDED = re.compile(r"; ±[^,;]*, (.+)$")


@dataclass(frozen=True)
class Estimate:
    """A value and the ends of its 95 % interval, None where the rows give none."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def width(self) -> float | None:
        """The interval's width as a share of the value."""
        if self.low is None or self.high is None or not self.value:
            return None
        return (self.high - self.low) / self.value

    def over(self, other: Estimate) -> Estimate | None:
        """The ratio to another, as wide as both intervals allow; None if that may be 0 or less."""
        if (other.value if other.low is None else other.low) <= 0:
            return None
        value = self.value / other.value
        if None in (self.low, self.high, other.low, other.high):
            return Estimate(value)
        return Estimate(
            value,
            min(_end(self.low) / _end(each) for each in (other.low, other.high)),
            max(_end(self.high) / _end(each) for each in (other.low, other.high)),
        )

    def plus(self, amount: float) -> Estimate:
        """The estimate and its ends, moved by an exact amount."""
        ends = (None if end is None else end + amount for end in (self.low, self.high))
        return Estimate(self.value + amount, *ends)


def _end(value: float | None) -> float:
    return math.nan if value is None else value


@dataclass(frozen=True)
class Checked:
    """The exactness of one case: its largest error in ulp and the input at which it is reached.

    `by_binade` has the largest error of each group of inputs, where a subnormal may stand as zero,
    as `bench.agreement.binades` orders them; −1 where there was none, empty where none was kept.
    `worst_flushed` is the input of the largest of them, a hex float.
    """

    run: str
    case: Case
    family: str
    max_ulp: float
    flushed: float | None = None
    parameter: float | None = None
    nan_mismatches: float | None = None
    worst: str = ""
    detail: str = ""
    wrongly_rounded: float | None = None
    by_binade: tuple[float, ...] = ()
    worst_flushed: str = ""

    @property
    def error(self) -> float:
        """The largest error where a subnormal may stand as zero."""
        return self.max_ulp if self.flushed is None else min(self.max_ulp, self.flushed)


@dataclass(frozen=True)
class Timed:
    """A case that was timed: an estimate a metric, and its exactness where it was checked.

    `flawed` says whether the form's value strays by more than COARSE ulp, or its gradient without
    bound, on some finite input tested; None if its value was not checked.
    """

    run: str
    case: Case
    family: str
    rowwise: bool
    estimates: Mapping[str, Estimate]
    exactness: Checked | None = None
    flawed: bool | None = None
    samples: str = ""

    @property
    def cost(self) -> Estimate | None:
        """The time relative to the same framework's relu, if relu was measured beside it."""
        return self.estimates.get("relative_cost")

    @property
    def ended(self) -> str:
        """Why sampling ended, in the words of the rows; empty if they do not say."""
        found = _ENDED.search(self.samples)
        return found[1] if found else ""


@dataclass(frozen=True)
class Part:
    """One part of a cost and where it was taken; without an estimate `detail` is the reason."""

    size: int
    estimate: Estimate | None
    detail: str


@dataclass(frozen=True)
class Split:
    """The cost of a case over all its `sizes`, split into parts by metric; `case` has size 0.

    `reused` says whether it was timed with its output reused as well.
    """

    run: str
    case: Case
    family: str
    rowwise: bool
    parts: Mapping[str, Part]
    sizes: tuple[int, ...]
    reused: bool

    def part(self, metric: str) -> Estimate | None:
        """What a part takes, if that was measured."""
        found = self.parts.get(metric)
        return found.estimate if found else None

    def detail(self, metric: str) -> str:
        """What the rows say beside a part."""
        found = self.parts.get(metric)
        return found.detail if found else ""


@dataclass(frozen=True)
class Between:
    """How far two frameworks' results lie apart."""

    run: str
    case: Case
    other: str
    max_ulp: float | None
    equal_bits: float | None
    note: str


@dataclass(frozen=True)
class Missing:
    """A case that could not be measured; `what` is `time` or `exactness`."""

    run: str
    case: Case
    what: str
    status: str
    reason: str


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything that a page may speak of; `runs` are by the name the page gives them.

    One reading equals itself alone, so that what is made of it can be kept.
    """

    runs: Mapping[str, Run]
    timed: Sequence[Timed]
    checked: Sequence[Checked]
    between: Sequence[Between]
    missing: Sequence[Missing]
    splits: Sequence[Split]

    @cached_property
    def devices(self) -> frozenset[str]:
        """Every device that something was timed or checked on."""
        timed = {each.case.device for each in self.timed}
        return frozenset(timed | {each.case.device for each in self.checked})

    def in_one_process(self, each: Timed) -> bool:
        """Whether a case was timed in one process, as planned or as its row says."""
        return self.runs[each.run].facts.epochs < 2 or " in 1 process" in each.samples

    @cached_property
    def findings(self) -> Mapping[str, Sequence[Finding]]:
        """What is wrong beyond its bound, by the name of the run."""
        return {name: findings(run) for name, run in self.runs.items()}


@cache
def family_of(label: str) -> tuple[str, bool]:
    """The family of an activation and whether it is row-wise; `unknown` if not in the catalogue."""
    try:
        record = find(label)
    except UsageError:
        return "unknown", False
    return record.family, record.rowwise


def class_names(run: Run, device: str) -> dict[int, str]:
    """The size classes of a run's machine, by elements; commands are made from them."""
    classes = run.facts.size_classes.get(device, {})
    return {size: name for name, size in classes.items() if plain(name)}


def plain_form(framework: str, activation: str) -> str:
    """The form that people take first: native, or the first one written out where there is none."""
    known = frameworks().get(framework)
    try:
        record = find(activation)
    except UsageError:
        return "native"
    return "native" if known is None else cases.plain_form(record, known)


def command_of(case: Case) -> str:
    """The command that measures a case again; empty if its fields are no plain words."""
    return case.command if repeatable(case) else ""


def with_device(evidence: Evidence, command: str) -> str:
    """A command of a run on the device that the rows are of, where none is of the CPU."""
    other = [device for device in cases.DEVICES if device in evidence.devices]
    return command if not other or "cpu" in evidence.devices else f"{command} --device {other[0]}"


def repeatable(case: Case) -> bool:
    """Whether a command can measure a case again.

    A name with a quote in it would end the quoting of the command line it is pasted into.
    """
    fields = (getattr(case, field) for field in _FIELDS if field != "activation")
    return family_of(case.activation)[0] != "unknown" and plain(*fields)


def plain(*fields: object) -> bool:
    """Whether every field is a plain word, safe on a command line."""
    return all(_is_plain(str(field)) for field in fields)


@cache
def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None
