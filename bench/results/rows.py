"""Rows: a case, a metric, what came of it, and typed details in place of words.

A row of `rows.jsonl` is a flat record of the fields below without those that hold nothing; a detail
with fields of its own is a record in it. NaN is the string "NaN", infinity 1e999. Sentences about a
row are made from its details (`words`), and nothing reads a sentence.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints

from ..catalog.activations import find_reference
from ..catalog.cases import Case, plain_form
from ..catalog.frameworks import frameworks
from ..host.errors import UsageError
from . import door
from .door import Real
from .estimate import Estimate
from .metrics import METRICS, Group
from .status import Status


def _representable(text: str) -> str:
    """Return a number unchanged. Raises ValueError where float64 cannot hold it."""
    try:
        float.fromhex(text or "0")
    except OverflowError:
        raise ValueError("it is beyond the numbers of float64") from None
    return text


Hex = Annotated[
    str,
    StringConstraints(pattern=r"^([+-]?(0x[0-9a-f]+(\.[0-9a-f]*)?p[+-]?\d+|inf|nan))?$"),
    AfterValidator(_representable),
]
"""A float as `float.hex` writes it, or nothing."""
UNKNOWN = "unknown"
"""The family of an activation that no catalogue had."""


class Ended(StrEnum):
    """The reason why sampling ended."""

    NARROW = "narrow enough"
    DIFFER = "processes differ"
    BUDGET = "budget ended"
    ONE_SAMPLE = "one sample"


@dataclass(frozen=True, slots=True)
class Sampling:
    """The sampling of a time: what counted of it and what was dropped as spoilt."""

    processes: int
    samples: int
    dropped: int
    ended: Ended


class Other(StrEnum):
    """The kind of thing that a figure stands against."""

    UNIT = "unit"
    FRAMEWORK = "framework"
    MODE = "mode"
    TAIL = "scalar tail"
    THREADS = "all threads"
    PROCESS = "another process"
    VARIANT = "variant"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class Against:
    """The other side of a comparison: another framework, mode or condition, or a unit of cost.

    `name` is that of the framework, the mode, the path or the variant of an environment; of a unit
    it is the activation, in its `form`.
    """

    kind: Other
    name: str = ""
    form: str = ""


class Path(StrEnum):
    """The way that an input is given, other than in the body of a usual array."""

    ELSEWHERE = "elsewhere in the array"
    SHORT = "short arrays"
    TAIL = "scalar tail"
    LARGE = "large array"
    UNALIGNED = "off alignment"
    STRIDED = "every second element"
    TRANSPOSED = "transposed"
    BROADCAST = "broadcast"
    SCALAR = "0-d"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Point:
    """An input, a hex float, with the result and the exact value there as far as they are kept.

    In a row-wise activation no entry of an output has an input of its own: `output` is its place.
    `other` is the result on the other side of a comparison; `path` is how the input was given,
    where that is not the usual array. A NaN here is always the same one, so that points with it can
    be compared.
    """

    input: Hex = ""
    output: int | None = None
    got: Real | None = None
    exact: Real | None = None
    other: Real | None = None
    path: Path | None = None

    def __post_init__(self) -> None:
        for name in ("got", "exact", "other"):
            value = getattr(self, name)
            if value != value:
                object.__setattr__(self, name, math.nan)

    @property
    def x(self) -> float:
        """The input; NaN if there is no input."""
        return float.fromhex(self.input) if self.input else math.nan


@dataclass(frozen=True, slots=True)
class Tried:
    """A path that a case was tried on, beside the usual array.

    `inputs` counts the results of its `calls` that were compared with those of the usual array:
    the share of `equal` bits and how far they are `apart` in ulp, NaN from a number infinitely;
    `apart_flushed` is the same where subnormals, before and after, may stand for zero. `worst` is
    where, with both results, in an array of `length` elements. `wrote` counts the calls that wrote
    to the memory of their input, `failed` those that gave no results; `reason` is that of the
    first, and `lacking` says that the framework has no such arrays.
    """

    path: Path
    calls: int = 0
    inputs: int = 0
    equal: float = 1.0
    apart: float = 0.0
    apart_flushed: float = 0.0
    worst: Point | None = None
    length: int | None = None
    wrote: int = 0
    failed: int = 0
    reason: str = ""
    lacking: bool = False


@dataclass(frozen=True, slots=True)
class Kink:
    """An input at which a derivative jumps, and the slopes beside it."""

    at: float
    lowest: float
    highest: float


class Outcome(StrEnum):
    """The ways in which functions deal with whole numbers."""

    FLOATING = "computes in floating point"
    WHOLE = "stays with whole numbers"
    TRUNCATED = "truncates"
    WRONG = "is wrong"
    REFUSED = "refuses"


@dataclass(frozen=True, slots=True)
class Whole:
    """The outcome for arrays of a dtype of whole numbers: results of another dtype, or a refusal.

    `example` is the first result that is another than exact.
    """

    dtype: str
    outcome: Outcome
    result: str = ""
    example: Point | None = None
    reason: str = ""


class SpecialRow(StrEnum):
    """A kind of row at which frameworks differ."""

    LOWEST = "all −∞"
    HIGHEST = "one +∞"
    TWO_HIGHEST = "two +∞"
    NAN = "a NaN"
    EQUAL = "all equal and large"
    APART = "0 and −40 alone"
    MASKED = "masked by −∞"
    SINGLE = "one number"


@dataclass(frozen=True, slots=True)
class Entries:
    """A special row: what was given, what came of it, and what is exact, NaN where nothing is."""

    row: SpecialRow
    given: tuple[Real, ...]
    got: tuple[Real, ...]
    exact: tuple[Real, ...]

    def __post_init__(self) -> None:
        for name in ("given", "got", "exact"):
            values = getattr(self, name)
            object.__setattr__(self, name, tuple(math.nan if v != v else v for v in values))


class Why(StrEnum):
    """A cause that a check named, or what was lacking."""

    CHEAPER = "cheaper than its parts"
    BRANCH = "branch"
    FRESH_PAGES = "fresh pages"
    UNFUSED = "unfused passes"
    SCALAR = "scalar code"
    UNNAMED = "unnamed"
    FLUSHED = "subnormals flushed"
    INEXACT = "inexact primitive"
    COMPILED = "compiled"
    FROM_CACHE = "compile cache"
    REUSED = "output reused"
    KEPT = "memory kept"
    PAGE_FAULTS = "page faults"
    NO_UNIT = "no unit"
    NO_SIZES = "no sizes"
    NO_COPY = "no copy"
    NO_PRIMITIVES = "no primitives"
    NO_TRIALS = "no trials"


@dataclass(frozen=True, slots=True)
class Cause:
    """The reason why a figure is what it is, or is missing.

    `names` are activations: the primitive to blame, or those that were not measured. `figure` is
    what the check found: a ratio of times, outputs' worth of pages, passes, page faults, elements,
    or the ulp of a primitive.
    """

    why: Why
    names: tuple[str, ...] = ()
    figure: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A case, a metric, and what came of it.

    `value` is None unless `status` is `ok`; `low` and `high` are the ends of a 95 % confidence
    interval, None where the value is exact. `reason` is the message of a failure, for people.

    `family`, `rowwise`, `primitive` and `plain` (the form that people take first) are what the
    catalogue said of the case when it was measured. `worst` is where the largest error is, `points`
    are the first inputs that show what a figure counts; `kink` is where a gradient was taken,
    `entries` the special row that a result is of, `whole` what came of whole numbers.
    `tested` counts the inputs or the trials that a figure is of, `histogram` their errors by the
    upper end of a step; `binades` has the largest error of each group of inputs, −1 where there was
    none. `line` names the two sizes that a part of a cost rests on, `operations` counts the
    primitives that predict it. `moved` is the number of bytes that a call must read and write.
    `paths` are the ways, beside the usual array, in which inputs were given.
    """

    case: Case
    metric: str
    value: float | None
    low: float | None = None
    high: float | None = None
    status: Status = Status.OK
    reason: str = ""
    family: str = UNKNOWN
    rowwise: bool = False
    primitive: bool = False
    plain: bool = False
    against: Against | None = None
    sampling: Sampling | None = None
    worst: Point | None = None
    points: tuple[Point, ...] = ()
    kink: Kink | None = None
    entries: Entries | None = None
    whole: tuple[Whole, ...] = ()
    tested: int | None = None
    histogram: Mapping[str, int] | None = None
    binades: tuple[float, ...] = ()
    line: tuple[int, int] | None = None
    operations: Mapping[str, float] | None = None
    moved: float | None = None
    cause: Cause | None = None
    paths: tuple[Tried, ...] = ()

    @property
    def ok(self) -> bool:
        """Return whether the row has a value."""
        return self.status == Status.OK and self.value is not None

    @property
    def estimate(self) -> Estimate | None:
        """The value with its interval; None where there is no value."""
        return None if self.value is None else Estimate.of(self.value, self.low, self.high)

    def as_record(self) -> dict[str, Any]:
        """The row as a record ready for JSON; details that hold nothing are left out."""
        head = {name: getattr(self, name) for name in _ALWAYS}
        details = {name: plain(getattr(self, name)) for name in _DETAILS if getattr(self, name)}
        if self.tested == 0:
            details["tested"] = 0
        unit = METRICS[self.metric].unit
        return {**self.case.as_dict(), "metric": self.metric, "unit": unit, **head, **details}

    def as_columns(self) -> dict[str, Any]:
        """The row under `COLUMNS`: details field by field, lists and mappings as JSON text."""
        record = self.as_record()
        for name in _DETAILS:
            value = record.pop(name, None)
            if isinstance(value, dict) and name in _NESTED:
                record |= {f"{name}.{key}": _text(detail) for key, detail in value.items()}
            else:
                record[name] = _text(value)
        return {name: record.get(name) for name in COLUMNS}


DETAILS = (Against, Sampling, Point, Tried, Kink, Whole, Entries, Cause)
"""The kinds of details, which are stored without what holds nothing."""
_NESTED: Mapping[str, type[Any]] = {
    "against": Against,
    "sampling": Sampling,
    "worst": Point,
    "kink": Kink,
    "entries": Entries,
    "cause": Cause,
}
_NAMES = tuple(field.name for field in fields(Row))
_DETAILS = _NAMES[_NAMES.index("against") :]
_FACTS = ("family", "rowwise", "primitive", "plain")
_ALWAYS = ("value", "low", "high", "status", "reason", *_FACTS)
COLUMNS = (
    *(field.name for field in fields(Case)),
    *("metric", "unit", *_ALWAYS),
    *(
        column
        for name in _DETAILS
        for column in (
            [f"{name}.{field.name}" for field in fields(_NESTED[name])]
            if name in _NESTED
            else [name]
        )
    ),
)
"""The columns of a table of rows."""


def plain(value: Any) -> Any:
    """A detail as JSON has it: records without their empty fields, NaN as text."""
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if is_dataclass(value):
        held = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: plain(item) for name, item in held.items() if item not in (None, "", ())}
    return value


def _text(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def described(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows with the catalogue's facts about their cases."""
    for row in rows:
        case = row.case
        yield replace(row, **_described(case.framework, case.activation, case.form))


@cache
def _described(framework: str, activation: str, form: str) -> Mapping[str, Any]:
    try:
        record = find_reference(activation)
    except UsageError:
        return {}
    known = frameworks().get(framework)
    return {
        "family": record.family,
        "rowwise": record.rowwise,
        "primitive": record.primitive,
        "plain": form == (plain_form(record, known) if known else "native"),
    }


def with_derived(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows, each followed by the rows that follow from it."""
    for row in rows:
        yield row
        yield from derived(row)


def derived(row: Row) -> Iterator[Row]:
    """The rows of metrics that follow from a row with a value."""
    if row.ok:
        facts = {name: getattr(row, name) for name in _FACTS}
        for metric in METRICS.values():
            if metric.of == row.metric and metric.follows:
                value, low, high = metric.follows(row)
                if value is not None:
                    yield Row(row.case, metric.name, value, low, high, **facts)


class Reader:
    """A reader of lines as rows that shares equal cases."""

    def __init__(self) -> None:
        self._cases: dict[Case, Case] = {}

    def row(self, text: str) -> Row:
        """The row of a line of JSON. Raises ValueError for one that no run writes."""
        held = vars(RECORD.model_validate_json(text, strict=True))
        case = Case(**{name: held[name] for name in _CASE})
        row = Row(
            self._cases.setdefault(case, case),
            **{name: held[name] for name in _NAMES if name != "case"},
        )
        if row.metric not in METRICS:
            raise ValueError(f"unknown metric {row.metric!r}")
        if wrong := impossible(row):
            raise ValueError(f"{row.metric} of {case.framework} {case.activation} has {wrong}")
        return row


_CASE = tuple(field.name for field in fields(Case))
RECORD = door.model("Row", Case, Row, unit=(str, ""))
"""The model of a line of `rows.jsonl`, which has the unit of its metric besides."""
_SMALLEST, _LARGEST = 1e-30, 1e30
"""The least and the largest plausible figure of time other than 0."""
_POSITIVE = ("time_per_call", "relative_cost")


def impossible(row: Row) -> str:
    """A phrase on what no run can have measured in a row; empty if it is possible."""
    metric = METRICS[row.metric]
    figures = [figure for figure in (row.value, row.low, row.high) if figure is not None]
    if size := door.size_of(row.case):
        return size
    if (row.value is None) == (row.status is Status.OK):
        return "no value" if row.value is None else f"a value and the status {row.status}"
    if any(map(math.isnan, figures)):
        return "NaN for a number"
    if row.value is not None and not _between(row.low, row.value, row.high):
        return f"the value {row.value:g} outside its interval, {row.low} to {row.high}"
    if metric.group in (Group.TIME, Group.PART):
        known = [figure for figure in figures if figure and math.isfinite(figure)]
        strange = [figure for figure in known if not _SMALLEST <= abs(figure) <= _LARGEST]
        if metric.group is Group.TIME:
            strange += filter(math.isinf, figures)
        if row.metric in _POSITIVE:
            strange += [figure for figure in figures if figure <= 0]
            if figures and not row.case.size:
                return "the size 0"
        return f"the time {strange[0]}" if strange else ""
    return ""


def _between(low: float | None, value: float, high: float | None) -> bool:
    """Return whether an interval holds its value, as far as its ends are known."""
    return (low is None or low <= value) and (high is None or value <= high)
