"""Findings: the rows of a run that exceed a stated bound, as sentences with a reproduction.

Everything is derived from stored rows: `max_ulp`, `max_ulp_flushed`, where those are reached, and
counts such as `nan_mismatches`. Errors only beside a zero of the function itself are left out.
Cases of one framework, activation, form and direction are one finding, whatever their dtypes and
modes. Cases that exceed a bound only because subnormal numbers stand as zero are one finding per
framework and mode, and so are those counted at the same inputs. A result that depends on the place
or the layout of its input by more than the bound is a finding, however right both results are, and
so is a row of infinities, of NaN or of equal numbers whose results are far from the exact ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Literal

from ..catalog.activations import find
from ..catalog.again import again
from ..catalog.cases import DIRECTIONS, MODES, Case, Selection, forms_of
from ..catalog.dtypes import DTYPES, prominence
from ..catalog.frameworks import frameworks, own_of
from ..host.errors import UsageError
from ..results import door, words
from ..results.door import Real
from ..results.rows import Entries, Point, Row, Tried, plain
from ..results.store import Run
from ..words import counted, listing
from . import reproduction

Kind = Literal["op", "formula", "own"]
Nature = Literal["value", "path", "special", "flushed"]


@dataclass(frozen=True)
class Bound:
    """The largest error in ulp allowed for a kind of form: `wide` in 32 and 64 bits, `narrow` in
    16.

    `words` name the kind, `reason` says why so many.
    """

    wide: float
    narrow: float
    words: str
    reason: str

    def of(self, dtype: str) -> float:
        """The bound in a dtype, in ulp."""
        return self.narrow if DTYPES[dtype].is_small else self.wide


BOUNDS: Mapping[Kind, Bound] = {
    "op": Bound(
        4,
        1,
        "the native functions",
        "4 ulp is what good mathematical libraries keep to with room; 16-bit results that are "
        "computed in float32 and rounded once are within 1",
    ),
    "formula": Bound(
        16,
        4,
        "the formulas as printed",
        "each operation may add half an ulp and an elementary function 4; a formula takes at most "
        "ten, so more is not rounding but cancellation or overflow",
    ),
    "own": Bound(
        4,
        1,
        "this project's forms and derivatives",
        "written to hold for every input, so held to what the frameworks are held to",
    ),
}
"""The bounds by kind of form. A NaN for a number is an infinite error, beyond every bound."""


@dataclass(frozen=True)
class Count:
    """A metric that counts inputs, at which even one is a finding.

    `words` say what is wrong there; `in_ulp` says whether the largest error covers the finite ones
    as well.
    """

    words: str
    in_ulp: bool = False


COUNTS: Mapping[str, Count] = {
    "nan_mismatches": Count("NaN and a number are mistaken for each other", in_ulp=True),
    "special_row": Count("results are far from the exact ones", in_ulp=True),
}
"""The counts by metric. They leave out subnormal inputs, which may stand for zero, and gradients at
NaN: a copy has slope 1 there too."""

_SMALL = 1e-4
"""The relative error below which ulp say more."""
_OWN_FORMS = ("wide", "stable", "blocked")
_NATURES: tuple[Nature, ...] = ("value", "path", "special", "flushed")


def relative(point: Point) -> float:
    """The error over the exact value; infinite for a NaN, an infinity, or against 0."""
    got, exact = _both(point)
    if got == exact:
        return 0.0
    if not (math.isfinite(got) and math.isfinite(exact)) or exact == 0:
        return math.inf
    return abs(got - exact) / abs(exact)


def _both(point: Point) -> tuple[float, float]:
    """The result and the exact value; NaN for one that was not kept."""
    got, exact = (math.nan if value is None else value for value in (point.got, point.exact))
    return got, exact


def _is_flushed(point: Point, dtype: str) -> bool:
    """Return whether both values are subnormal or, at a subnormal input, negligibly small."""
    got, exact = map(abs, _both(point))
    fmt = DTYPES[dtype]
    below = math.sqrt(fmt.normal) if fmt.is_subnormal(point.x) else fmt.normal
    return got < below and exact < below


@dataclass(frozen=True)
class Finding:
    """Something that is wrong beyond a stated bound.

    `case` is the one that shows it best, `points` where; `members` are the functions it holds for
    (`gelu native forward`), `conditions` their dtypes and modes, `cases` all of them. `ulp` is the
    largest error of `case`, `ulp_flushed` the same where subnormals may stand for zero, `bound`
    what that is held to: None where inputs are counted. `paths` are the ways in which inputs of
    `case` were given and came out otherwise, or were written to; then `ulp` is how far results are
    apart. `entries` is the special row that came out otherwise. `reproduction` is Python in three
    lines that prints what came, or this project's own command, and then `note` says why.
    """

    kind: Kind
    nature: Nature
    title: str
    version: str
    case: Case
    points: tuple[Point, ...]
    conditions: tuple[tuple[str, str], ...]
    members: tuple[str, ...]
    cases: tuple[Case, ...]
    ulp: float | None
    ulp_flushed: float | None
    bound: float | None
    sentence: str
    reproduction: str
    note: str
    paths: tuple[Tried, ...] = ()
    entries: Entries | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """The reproduction line by line, after its note if it has one, which is a comment."""
        note = (f"# {self.note}",) if self.note else ()
        return (*note, *self.reproduction.splitlines())

    def as_dict(self) -> dict[str, Any]:
        """The finding as a record ready for JSON."""
        names = [field.name for field in fields(self) if field.name not in _CASES]
        errors = [relative(point) for point in self.points if point.got is not None]
        error = {"relative_error": errors[0] if errors else None}
        return {**self.case.as_dict(), **error, **{n: plain(getattr(self, n)) for n in names}}


_CASES = ("case", "cases")
RECORD = door.model(
    "Finding", Case, Finding, without=_CASES, whole=True, relative_error=(Real | None, ...)
)
"""The model of a finding with the case that shows it best, as `findings --json` has it."""


@dataclass(frozen=True)
class _Excess:
    """One case that is above a bound, and why."""

    case: Case
    kind: Kind
    nature: Nature
    ulp: float
    flushed: float
    points: tuple[Point, ...]
    metric: str = "max_ulp"
    paths: tuple[Tried, ...] = ()
    entries: Entries | None = None

    @property
    def place(self) -> Point:
        """The first of its points; nowhere if none was kept."""
        return self.points[0] if self.points else Point()

    @property
    def weight(self) -> tuple[float, float, float]:
        """A sort key: NaN before infinity before numbers; numbers by their share of wrong, then by
        error."""
        got, exact = _both(self.place)
        if self.nature == "special":
            return 0, 0, self.ulp
        if (self.nature == "value" and self.hidden) or not (
            math.isfinite(got) or math.isfinite(exact)
        ):
            return 0, min(self.flushed * 2.0 ** (1 - DTYPES[self.case.dtype].precision), 1), 0
        if math.isnan(got) or math.isnan(exact):
            return (2, 1, 0) if self.nature == "value" else (0, 0, 0)
        if math.isinf(got) or math.isinf(exact):
            return 1, 1, 0
        return 0, min(relative(self.place), 1), abs(got - exact)

    @property
    def hidden(self) -> bool:
        """Return whether the place shows a flushed subnormal instead of the worse error."""
        return self.flushed < self.ulp and _is_flushed(self.place, self.case.dtype)


def findings(run: Run, chosen: Selection = Selection()) -> list[Finding]:
    """The findings of a run, frameworks' own functions first, each kind by descending weight.

    Only the frameworks and activations in `chosen` count. Raises UsageError for an unknown name.
    """
    exceeding = [
        excess
        for case, rows in _measured(run, chosen).items()
        for excess in _exceeding(case, rows, run.facts.differentiates(case.framework))
    ]
    groups: dict[tuple[Any, ...], list[_Excess]] = {}
    for excess, key in zip(exceeding, _keys(exceeding), strict=True):
        groups.setdefault(key, []).append(excess)
    order = tuple(BOUNDS)
    shown = sorted(
        ((_shown(group), group) for group in groups.values()),
        key=lambda pair: (
            _NATURES.index(pair[0].nature),
            order.index(pair[0].kind),
            *(-part for part in pair[0].weight),
        ),
    )
    return [_finding(run, best, group) for best, group in shown]


def checked(run: Run, chosen: Selection = Selection()) -> int:
    """The number of results of a run that were checked against exact values."""
    return len(_measured(run, chosen))


def verdict(listed: Sequence[Finding], checked: int, shown: int | None = None) -> str:
    """The summary of the findings among `checked` results; the first `shown` stand above it."""
    if not checked:
        return "Exactness was not measured in this run: actbench run --only agreement does."
    if not listed:
        return f"No finding among {checked:,} results checked: none is above its bound."
    counts = {kind: sum(finding.kind == kind for finding in listed) for kind in BOUNDS}
    whose = listing(
        [f"{count:,} in {BOUNDS[kind].words}" for kind, count in counts.items() if count]
    )
    summary = f"{counted(len(listed), 'finding')} from {counted(checked, 'result')}: {whose}."
    hidden = len(listed) - len(listed if shown is None else listed[:shown])
    return f"{summary} {hidden:,} of them are not shown." if hidden else summary


def _measured(run: Run, chosen: Selection) -> dict[Case, list[Row]]:
    """The rows of errors and counts, for the cases whose error was measured."""
    asked = chosen.checked()
    wanted = {"max_ulp", "max_ulp_flushed", "max_ulp_away", *COUNTS}
    by_case: dict[Case, list[Row]] = {}
    for row in run.records:
        if row.metric in wanted and row.ok:
            by_case.setdefault(row.case, []).append(row)
    return {
        case: rows
        for case, rows in by_case.items()
        if case.dtype in DTYPES and any(row.metric == "max_ulp" for row in rows)
        if not asked.frameworks or case.framework in asked.frameworks
        if not asked.activations or case.activation in asked.activations
    }


def kind_of(case: Case, differentiates: bool = True) -> Kind:
    """The origin of a form: the framework's own, a formula as printed, or one of this project.

    A gradient in a framework that does not differentiate is this project's too.
    """
    if case.form in _OWN_FORMS or (case.direction != "forward" and not differentiates):
        return "own"
    return "op" if case.form == "native" else "formula"


def _exceeding(case: Case, rows: Sequence[Row], differentiates: bool) -> Iterator[_Excess]:
    errors = {row.metric: row for row in rows if row.metric not in COUNTS}
    kind, worst = kind_of(case, differentiates), errors["max_ulp"]
    bound = BOUNDS[kind].of(case.dtype)
    flushed = errors.get("max_ulp_flushed", worst)
    error, least, away = (
        math.nan if row.value is None else row.value
        for row in (worst, flushed, errors.get("max_ulp_away", worst))
    )
    least = min(least, error)
    wrong = least > bound and away > bound
    if wrong:
        yield _Excess(case, kind, "value", error, least, _where(flushed) or _where(worst))
    elif error > bound and away > bound:
        yield _Excess(case, kind, "flushed", error, least, _where(worst))
    if parted := tuple(tried for tried in worst.paths if departs(tried, bound)):
        farthest = max(parted, key=lambda tried: (tried.apart_flushed, tried.apart))
        points = (farthest.worst,) if farthest.worst else ()
        ulps = farthest.apart, farthest.apart_flushed
        yield _Excess(case, kind, "path", *ulps, points, paths=parted)
    for row in rows:
        if row.metric not in COUNTS or not row.value:
            continue
        reported = wrong and COUNTS[row.metric].in_ulp
        news = tuple(point for point in row.points if _is_news(point, row, reported))
        if news:
            excess = _Excess(case, kind, "special", row.value, row.value, news, row.metric)
            yield replace(excess, entries=row.entries)


def departs(tried: Tried, bound: float) -> bool:
    """Return whether results on a path differ from the usual ones by more than a bound in ulp.

    Subnormals may stand for zero on either side. Writing to an input counts as differing.
    """
    return tried.apart_flushed > bound or tried.wrote > 0


def _where(row: Row) -> tuple[Point, ...]:
    return (row.worst,) if row.worst else ()


def _keys(exceeding: Sequence[_Excess]) -> Iterator[tuple[Any, ...]]:
    """The key of each excess; those with equal keys are one finding."""
    conditions: dict[tuple[Any, ...], set[tuple[str, str]]] = {}
    for excess in exceeding:
        conditions.setdefault((_function(excess), excess.points), set()).add(
            _condition(excess.case)
        )
    for excess in exceeding:
        case, key = excess.case, (excess.nature, excess.case.framework, excess.case.device)
        if excess.nature in ("value", "path"):
            yield *key, *_function(excess)
        elif excess.nature == "flushed":
            yield *key, case.mode
        else:
            same = frozenset(conditions[_function(excess), excess.points])
            where = (excess.entries.row,) if excess.entries else (excess.points, same)
            yield *key, excess.kind, excess.metric, *where, case.direction


def _function(excess: _Excess) -> tuple[str, ...]:
    case = excess.case
    return excess.metric, case.framework, case.activation, case.form, case.direction


def _condition(case: Case) -> tuple[str, str]:
    """The dtype of a case, and its mode with the device where that is not the CPU."""
    return case.dtype, case.mode if case.device == "cpu" else f"{case.mode}, {case.device}"


def _shown(group: Sequence[_Excess]) -> _Excess:
    """The case that shows a finding best: float32 where it applies, and there the heaviest.

    Where modes are equally wrong, the first one in MODES: eager.
    """
    return min(
        group,
        key=lambda excess: (
            excess.hidden,
            prominence(excess.case.dtype),
            tuple(BOUNDS).index(excess.kind),
            *(-part for part in excess.weight),
            excess.case.direction != "forward",
            _place_in(MODES, excess.case.mode),
        ),
    )


def _place_in(order: Sequence[str], word: str) -> int:
    return order.index(word) if word in order else len(order)


def _finding(run: Run, best: _Excess, group: Sequence[_Excess]) -> Finding:
    title, version = _framework(run, best.case)
    members = tuple(dict.fromkeys(_member(excess.case) for excess in _by_kind(group)))
    conditions = tuple(dict.fromkeys(_condition(excess.case) for excess in _in_order(group)))
    text, note = _reproduction(run, best)
    in_ulp = best.nature != "special"
    return Finding(
        kind=best.kind,
        nature=best.nature,
        title=title,
        version=version,
        case=best.case,
        points=best.points,
        conditions=conditions,
        members=members,
        cases=tuple(excess.case for excess in group),
        ulp=best.ulp if in_ulp else None,
        ulp_flushed=best.flushed if in_ulp else None,
        bound=BOUNDS[best.kind].of(best.case.dtype) if in_ulp else None,
        sentence=f"{' '.join(filter(None, (title, version)))}"
        + _SENTENCES[best.nature](best, group, _conditions(conditions)),
        reproduction=text,
        note=note,
        paths=best.paths,
        entries=best.entries,
    )


def _by_kind(group: Iterable[_Excess]) -> list[_Excess]:
    return sorted(group, key=lambda excess: tuple(BOUNDS).index(excess.kind))


def _in_order(group: Iterable[_Excess]) -> list[_Excess]:
    return sorted(
        group,
        key=lambda excess: (prominence(excess.case.dtype), _place_in(MODES, excess.case.mode)),
    )


def _member(case: Case) -> str:
    return f"{case.activation} {case.form} {case.direction}"


def _framework(run: Run, case: Case) -> tuple[str, str]:
    """The title and the version; a version's build suffix (+cpu) is left out."""
    facts = run.facts
    versions = [w.versions.get(case.framework, "") for w in facts.workers_of(case.framework)]
    return facts.title(case.framework), next(filter(None, versions), "").split("+")[0]


def _reproduction(run: Run, excess: _Excess) -> tuple[str, str]:
    """Three lines, or the project's own command and why; empty for unknown names."""
    case, place, facts = excess.case, excess.place, run.facts
    measure = partial(
        again, [case], functions=facts.frameworks, leave=("size", "threads"), python=facts.pythons
    )
    if own_of(case.framework)[0]:
        return measure(only="agreement"), "With this project: it is a function of a user's."
    if not _is_known(case):
        return "", "its names are not known here"
    if excess.nature == "path" or place.path:
        return measure("agree"), "With this project, because it takes two arrays."
    try:
        return reproduction.script(case, place.input), ""
    except reproduction.NotAlone as reason:
        return measure(only="agreement"), f"With this project, because {reason}."


def _is_known(case: Case) -> bool:
    """Return whether every word of a case is known here, and safe on a command line."""
    try:
        forms = forms_of(find(case.activation))
    except UsageError:
        return False
    known = frameworks().get(case.framework)
    words = (case.output, case.cache, case.device)
    return (
        known is not None
        and case.form in forms
        and case.mode in known.modes
        and case.direction in DIRECTIONS
        and all(word.isalnum() for word in words)
    )


# --- sentences ------------------------------------------------------------------------------------


def _value_sentence(best: _Excess, group: Sequence[_Excess], conditions: str) -> str:
    case, place, ulp = best.case, best.place, _ulp(best.ulp)
    who = f": {_named(best)}, {case.direction}, {conditions}, "
    if place == Point():
        return f"{who}is off by {ulp}."
    values = ", ".join(f"{what} {value!r}" for what, value in words.result(place).items())
    if best.hidden:
        return (
            f"{who}is off by {_ulp(best.flushed)} even where subnormals may stand for zero, and by "
            f"more {_at(place)} ({values})."
        )
    if relative(place) < _SMALL:
        return f"{who}is off by {ulp} {_at(place)} ({values})."
    error = "" if math.isinf(best.ulp) else f"; {ulp}"
    return f"{who}{_wrong(place)} {_at(place)} ({values}{error})."


def _path_sentence(best: _Excess, group: Sequence[_Excess], conditions: str) -> str:
    who = f": {_named(best)}, {best.case.direction}, {conditions}, "
    wrote = [words.PATHS[tried.path] for tried in best.paths if tried.wrote]
    parted = [words.PATHS[tried.path] for tried in best.paths if tried.worst]
    sentences = [f"writes to its input {listing(wrote)}"] if wrote else []
    if parted:
        got, other = (f"{value!r}" for value in (best.place.got, best.place.other))
        sentences.append(
            f"depends on how its input is given: {_at(best.place)} it is {got} and in the usual "
            f"array {other}; it departs {listing(parted)}"
        )
    return f"{who}{'; '.join(sentences)}."


def _flushed_sentence(best: _Excess, group: Sequence[_Excess], conditions: str) -> str:
    counts = {
        kind: len({_member(excess.case) for excess in group if excess.kind == kind})
        for kind in BOUNDS
    }
    who = listing([f"{count} of {BOUNDS[kind].words}" for kind, count in counts.items() if count])
    return (
        f", {conditions}: {who} {'is' if sum(counts.values()) == 1 else 'are'} above the bound "
        "only because subnormal numbers stand as zero, in or out: "
        f"{_named(best)}, {best.case.direction}, is {best.place.got!r} {_at(best.place)} "
        f"(exact {best.place.exact!r})."
    )


def _special_sentence(best: _Excess, group: Sequence[_Excess], conditions: str) -> str:
    names = list(dict.fromkeys(_name(excess.case) for excess in group))
    where = f"at {listing([_written(point) for point in best.points])}"
    if best.entries:
        came = words.listed(best.entries.got, best.case.dtype)
        exact = words.listed(best.entries.exact, best.case.dtype)
        where = f"on a row, {best.entries.row} ({came}; exact {exact})"
    return (
        f": {COUNTS[best.metric].words} {where}, "
        f"{best.case.direction}, {conditions}: {listing(names)}."
    )


_SENTENCES: Mapping[Nature, Callable[[_Excess, Sequence[_Excess], str], str]] = {
    "value": _value_sentence,
    "path": _path_sentence,
    "flushed": _flushed_sentence,
    "special": _special_sentence,
}


def _named(excess: _Excess) -> str:
    """A form with its origin: `native gelu`, `gelu as printed (textbook)`."""
    case, kind = excess.case, excess.kind
    if kind == "op":
        return f"native {case.activation}"
    if kind == "formula":
        return f"{case.activation} as printed ({case.form})"
    if case.form in _OWN_FORMS:
        return f"this project's {case.form} {case.activation}"
    return f"this project's derivative of {case.activation} ({case.form})"


def _name(case: Case) -> str:
    return case.activation if case.form == "native" else f"{case.activation} ({case.form})"


def _wrong(place: Point) -> str:
    got, exact = _both(place)
    if math.isnan(got):
        return "is NaN"
    if math.isnan(exact):
        return "is a number instead of NaN"
    if math.isinf(got):
        return "is infinite"
    share = relative(place)
    if math.isinf(share):
        return f"is wrong by {abs(got - exact):.3g}"
    if share >= 10:
        return f"is wrong by {share:.2g} times the exact value"
    return f"is wrong by {100 * share:.{2 if share < 0.995 else 3}g} %"


def _at(place: Point) -> str:
    return f"at {_written(place)}" + (f" {words.PATHS[place.path]}" if place.path else "")


def _written(place: Point) -> str:
    """An input as people read it: `−5.53`, `∞`, `NaN`, `output 12`."""
    x = place.x
    if math.isnan(x):
        return "NaN" if place.input else words.place(place)
    size = "∞" if math.isinf(x) else f"{abs(x):.6g}"
    return f"−{size}" if math.copysign(1, x) < 0 else size


def _ulp(value: float) -> str:
    return f"{value:,.0f} ulp" if 100 <= value < 1e6 else f"{value:.3g} ulp"


def _conditions(conditions: Iterable[tuple[str, str]]) -> str:
    """`float32, eager and compiled; bfloat16, eager`."""
    modes: dict[str, list[str]] = {}
    for dtype, mode in conditions:
        modes.setdefault(dtype, []).append(mode)
    return "; ".join(f"{dtype}, {listing(names)}" for dtype, names in modes.items())


def _is_news(point: Point, row: Row, finite_reported: bool) -> bool:
    """Return whether a counted input is news; `finite_reported` rules out finite ones."""
    given = row.entries.given if row.entries else (point.x,) if point.input else ()
    if row.case.direction != "forward" and any(map(math.isnan, given)):
        return False
    finite = all(map(math.isfinite, given))
    subnormal = not row.entries and DTYPES[row.case.dtype].is_subnormal(point.x)
    return not (finite and (finite_reported or subnormal))
