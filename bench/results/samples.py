"""Samples: what was measured, as it came. Everything else follows from them (`run.derive`).

A line of `samples.jsonl` is a record with a `kind`: `case` introduces a number for a case, every
other kind is a class below, with the number in place of its case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import reduce
from operator import or_
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field, TypeAdapter

from ..catalog.cases import DEVICES, DIRECTIONS, Case
from ..catalog.dtypes import DTYPES
from . import door
from .door import Finite, Real
from .metrics import METRICS
from .rows import Against, Hex, Point, SpecialRow, Tried, plain
from .status import Status


@dataclass(frozen=True, slots=True)
class Preparation:
    """A case made ready in a process: seconds of its first call and of a later one.

    `compilations` counts what was compiled for it, `from_cache` how much of that came from the
    compile cache of an earlier process.
    """

    kind: ClassVar[str] = "prepare"
    case: Case
    process: int
    first: Finite
    later: Finite
    compilations: int
    from_cache: int

    @property
    def compiling(self) -> float:
        """Seconds of the first call less a later one, where something was compiled."""
        return max(self.first - self.later, 0.0) if self.compilations else 0.0


@dataclass(frozen=True, slots=True)
class Paired:
    """Blocks of a case and its unit, which is relu in a form, timed in turn in one process.

    Each block is a batch of `loops` calls of the case and one of `unit_loops` of the unit: the ns
    of both, whether somebody else had the CPU meanwhile, and the page faults of the case's.
    """

    kind: ClassVar[str] = "pair"
    case: Case
    process: int
    unit: str
    loops: int
    unit_loops: int
    elapsed: tuple[int, ...]
    unit_elapsed: tuple[int, ...]
    spoilt: tuple[bool, ...]
    faults: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """Probes of a surprise: its time over that on the same inputs sorted, and its time
    in float64 over that in float32, NaN where that was not tried."""

    kind: ClassVar[str] = "probe"
    case: Case
    shuffled: Real
    wide: Real


@dataclass(frozen=True, slots=True)
class Certificate:
    """Errors over `tested` inputs.

    `max_ulp` is over finite inputs, −1 without any; with subnormals contracted in
    `max_ulp_flushed`, over normal exact values in `max_ulp_normal`, and away from zeros of the
    function in `max_ulp_away`; `worst` and `worst_…` are where they are. The counts are over all
    inputs: results that are not the correctly rounded ones, NaN for a number or a number for NaN,
    infinite for finite or finite for infinite, and signs that differ where neither is NaN and the
    exact value is not 0, or so near to it that float64 may take it for 0. `histogram` counts errors
    by the upper end of a step, and numbers against NaN under "nan"; `binades` has the largest
    error, with subnormals contracted, in each group of inputs (`bench.exactness.binades`), −1 where
    there was none, and nothing for rows. `max_ulp_parameter` is the error of the gradient of a
    learned parameter.

    Over finite inputs in [−20, 20], or rows all of whose entries lie there, `max_ulp_near` (with
    subnormals contracted) and `max_absolute_near` are the largest errors; their medians, and
    `ulp_99_near`, which 99 % do not exceed, are over the points of a linear grid there, whose
    errors, in ulp and absolute, `near` holds until they are known.
    `trouble_outside` counts the other finite inputs at which a result is off by more than 1,000
    ulp, with subnormals contracted and away from zeros of the function, or infinite or NaN in
    place of a number. All are None where they were not measured.

    `paths` are the ways, beside the usual array, in which a pool of the inputs was given. An input
    that came out otherwise there counts once more for each other result.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    tested: int = 0
    max_ulp: float = -1.0
    worst: Point | None = None
    max_ulp_flushed: float = 0.0
    worst_flushed: Point | None = None
    max_ulp_normal: float = 0.0
    max_ulp_away: float = 0.0
    worst_away: Point | None = None
    not_correctly_rounded: int = 0
    nan_mismatches: int = 0
    nan_first: tuple[Point, ...] = ()
    infinity_mismatches: int = 0
    infinity_first: tuple[Point, ...] = ()
    sign_mismatches: int = 0
    sign_first: tuple[Point, ...] = ()
    histogram: Mapping[str, int] = field(default_factory=dict)
    binades: tuple[float, ...] = ()
    max_ulp_parameter: float | None = None
    max_ulp_near: float | None = None
    median_ulp_near: float | None = None
    ulp_99_near: float | None = None
    max_absolute_near: float | None = None
    median_absolute_near: float | None = None
    trouble_outside: int | None = None
    near: tuple[tuple[float, float], ...] = ()
    paths: tuple[Tried, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, ready for JSON."""
        return {attribute.name: plain(getattr(self, attribute.name)) for attribute in fields(self)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Certificate:
        """The certificate of such fields. Raises ValueError for invalid ones."""
        return _CERTIFICATES.validate_python(record)


@dataclass(frozen=True, slots=True)
class Agreement:
    """The certificate of a case."""

    kind: ClassVar[str] = "agreement"
    case: Case
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Specials:
    """The results of a case at its special points, all as hex floats."""

    kind: ClassVar[str] = "special"
    case: Case
    points: tuple[Hex, ...]
    got: tuple[Hex, ...]


@dataclass(frozen=True, slots=True)
class SpecialRows:
    """The results of a row-wise case at special rows, a row of each per kind, all as hex floats."""

    kind: ClassVar[str] = "special rows"
    case: Case
    rows: tuple[SpecialRow, ...]
    given: tuple[tuple[Hex, ...], ...]
    got: tuple[tuple[Hex, ...], ...]


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """The numbers of a dtype that a case was given, and the results and their dtype, or why none.

    Results are hex floats.
    """

    dtype: str
    numbers: tuple[int, ...]
    result: str = ""
    got: tuple[Hex, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OfWhole:
    """The answers of a case to whole numbers."""

    kind: ClassVar[str] = "whole numbers"
    case: Case
    answers: tuple[WholeAnswer, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The results of a case beside others at the same inputs: the largest distance in ulp, the
    share of equal bits, and the first input where the two part."""

    kind: ClassVar[str] = "between"
    case: Case
    against: Against
    most: float
    equal: float
    first: Point | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """A case that has no figure of a metric, and why; `reason` is the message, for people."""

    kind: ClassVar[str] = "failure"
    case: Case
    metric: str
    status: Status
    reason: str
    against: Against | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One case in one gate: what was planted, and what the gate said.

    `timed` and `wall` are seconds of the whole gate, `rival` says by the rule of another tool
    whether it called the case slower; empty where none compared. `value` is NaN where the gate came
    to no ratio.
    """

    kind: ClassVar[str] = "trial"
    case: Case
    gate: int
    cycle: int
    hogs: str
    how: str
    share: Finite
    verdict: str
    value: Real
    low: Real
    high: Real
    phase: str
    processes: int
    blocks: int
    spoilt: int
    timed: Finite
    wall: Finite
    rival: Mapping[str, bool] = field(default_factory=dict)
    reason: str = ""

    @property
    def covered(self) -> bool:
        """Return whether the interval holds what was planted."""
        return self.low <= 1 + self.share <= self.high


Sample = (
    Preparation
    | Paired
    | Probe
    | Agreement
    | Specials
    | SpecialRows
    | OfWhole
    | Comparison
    | Missing
    | Trial
)
_KINDS: tuple[Any, ...] = get_args(Sample)
_CERTIFICATES = TypeAdapter(Certificate)


_USUAL: Mapping[str, Mapping[str, Any]] = {
    kind.kind: {
        attribute.name: {} if attribute.default_factory is not MISSING else attribute.default
        for attribute in fields(kind)
        if attribute.name != "case"
    }
    for kind in _KINDS
}
"""The default of each field except the case, by kind."""


def standing(samples: Iterable[Sample]) -> list[Sample]:
    """The samples that count: where a later try succeeded, only those after the last failure.

    A case that failed is tried again where a run is added to.
    """
    tried = [(sample, _tried(sample)) for sample in samples]
    failed = {what: at for at, (sample, what) in enumerate(tried) if isinstance(sample, Missing)}
    last = {what: at for at, (_, what) in enumerate(tried)}
    return [
        sample
        for at, (sample, what) in enumerate(tried)
        if what is None or at > failed.get(what, -1) or last[what] == failed[what]
    ]


def _tried(sample: Sample) -> tuple[str, Case] | None:
    """The purpose of a sample: timing a case, or checking its results, at any size."""
    match sample:
        case Paired():
            return "time_per_call", sample.case
        case Agreement():
            return "max_ulp", replace(sample.case, size=0)
        case Specials():
            return "special_departures", replace(sample.case, size=0)
        case Missing(metric="time_per_call"):
            return sample.metric, sample.case
        case Missing(against=None):
            return sample.metric, replace(sample.case, size=0)
    return None


def trusted(samples: Iterable[Sample]) -> list[Paired]:
    """The blocks of all processes, without those of refused cases.

    Once refused by any process, a case has no times until it is tried again.
    """
    samples = standing(samples)
    missing = [sample for sample in samples if isinstance(sample, Missing)]
    refused = {sample.case for sample in missing if sample.status is Status.REFUSED}
    paired = (sample for sample in samples if isinstance(sample, Paired))
    return [sample for sample in paired if sample.case not in refused]


def as_record(sample: Sample, number: int) -> dict[str, Any]:
    """A sample ready for JSON, with a number for its case, without default values."""
    usual = _USUAL[sample.kind]
    values = {name: getattr(sample, name) for name in usual}
    unusual = {name: plain(value) for name, value in values.items() if value != usual[name]}
    return {"kind": sample.kind, "case": number, **unusual}


class Reader:
    """A reader of lines as samples that remembers the cases introduced by earlier lines."""

    def __init__(self) -> None:
        self._cases: dict[int, Case] = {}

    @property
    def numbers(self) -> dict[Case, int]:
        """The number of each case."""
        return {case: number for number, case in self._cases.items()}

    def sample(self, text: str) -> Sample | None:
        """The sample of a line of JSON, None where the line introduces a case.

        Raises ValueError for a line that no run writes.
        """
        held = dict(vars(LINES.validate_json(text, strict=True)))
        kind, number = held.pop("kind"), held.pop("number")
        if kind == _CASE:
            case = Case(**held)
            if wrong := door.size_of(case) or _unknown(case):
                raise ValueError(f"a case has {wrong}")
            self._cases[number] = case
            return None
        if number not in self._cases:
            raise ValueError(f"no line introduces its case, {number}")
        sample: Sample = _BY_KIND[kind](case=self._cases[number], **held)
        if wrong := _wrong(sample):
            raise ValueError(wrong)
        return sample


def _unknown(case: Case) -> str:
    """The field of a case that no figure can be derived for; empty if there is none."""
    for name, known in (("direction", DIRECTIONS), ("device", DEVICES), ("dtype", DTYPES)):
        if getattr(case, name) not in known:
            return f"the {name} {getattr(case, name)!r}"
    return ""


def _wrong(sample: Sample) -> str:
    """A phrase on a part of a sample that no worker answers with; empty if there is none."""
    match sample:
        case Paired() if not _is_timed(sample):
            return "its blocks have no times"
        case Missing() if sample.metric not in METRICS:
            return f"unknown metric {sample.metric!r}"
        case Specials() if len(sample.points) != len(sample.got):
            return "it has not a result for each point"
        case SpecialRows() if not _is_table(sample):
            return "it has not a result for each row, or rows of several lengths"
        case OfWhole() if not (sample.answers and all(a.numbers for a in sample.answers)):
            return "it has no whole numbers"
    return ""


def _is_table(sample: SpecialRows) -> bool:
    """Return whether inputs and results are equally many rows, each table of one width."""
    tables = (sample.given, sample.got)
    rows = {len(sample.rows), *map(len, tables)}
    widths = [set(map(len, table)) for table in tables]
    return len(rows) == 1 and all(len(width) == 1 and 0 not in width for width in widths)


def _is_timed(paired: Paired) -> bool:
    """Return whether blocks took time and have as many entries of each kind."""
    blocks = (paired.elapsed, paired.unit_elapsed, paired.spoilt, paired.faults)
    numbers = (paired.loops, paired.unit_loops, *paired.elapsed, *paired.unit_elapsed)
    return len(set(map(len, blocks))) == 1 and bool(paired.elapsed) and min(numbers) > 0


_CASE = "case"
_BY_KIND = {kind.kind: kind for kind in _KINDS}
_MODELS = tuple(
    door.model(name, kind, kind=(Literal[name], ...), number=(int, Field(alias="case")))
    for name, kind in ((_CASE, Case), *_BY_KIND.items())
)
_ANY: Any = reduce(or_, _MODELS)
LINES: TypeAdapter[Any] = TypeAdapter(Annotated[_ANY, Field(discriminator="kind")])
"""The model of a line of `samples.jsonl`."""
CERTIFIED = door.model("Certified", Case, Certificate)
"""The model of a certificate with its case, as `agree --json` has it."""
