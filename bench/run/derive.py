"""Rows from raw samples: everything here can be repeated from a stored run."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ..catalog.activations import BASELINE
from ..catalog.cases import Case
from ..catalog.dtypes import DTYPES
from ..catalog.traffic import elements_moved
from ..exactness import blame, special, whole
from ..results.estimate import Estimate
from ..results.facts import Rate, RunFacts
from ..results.rows import Against, Cause, Other, Path, Row, Why, described
from ..results.samples import (
    Agreement,
    Comparison,
    Missing,
    OfWhole,
    Paired,
    Preparation,
    Probe,
    Sample,
    SpecialRows,
    Specials,
    Trial,
    standing,
    trusted,
)
from ..results.status import Status
from ..timing import cost_model, disturbance, parts
from ..timing.costs import Goal, Measured, gathered, relative_costs
from ..timing.costs import times as calls
from . import summary


def spoilt_samples(samples: Iterable[Sample]) -> int:
    """Count the blocks of a run that were spoilt."""
    return sum(sum(sample.spoilt) for sample in samples if isinstance(sample, Paired))


def disturbed_visits(samples: Iterable[Sample]) -> Rate | None:
    """The share of visits that something else slowed down; None without visits."""
    visits = [sample for sample in samples if isinstance(sample, Paired)]
    return disturbance.disturbed(visits) if visits else None


def compile_seconds(samples: Iterable[Sample]) -> float:
    """The seconds that the processes of a run spent compiling what was timed."""
    return sum(sample.compiling for sample in samples if isinstance(sample, Preparation))


class Times:
    """The rows that follow from times alone, derived once; causes from probes come last."""

    def __init__(self, samples: Sequence[Sample], facts: RunFacts) -> None:
        """Derive the rows of each case and the parts of its cost."""
        measured = gathered(trusted(samples))
        self._faults = {case: timed.faults for case, timed in measured.items()}
        self._timed = list(_timing_rows(measured, _compiled(samples), goal_of(facts)))
        self._parts = list(parts.rows(measured, facts.size_classes))

    def rows(self, probes: Mapping[Case, Probe]) -> Iterator[Row]:
        """All rows of a run, the times first; `times` derived earlier are not derived again."""
        predicted = cost_model.rows(self._parts, probes, self._faults)
        yield from map(_with_known_ends, (*self._timed, *self._parts, *predicted))

    @property
    def surprises(self) -> list[Case]:
        """The surprises of the cost model that a probe may explain."""
        return [row.case for row in self.rows({}) if cost_model.asks_for_probe(row)]


def all_of(samples: Sequence[Sample], facts: RunFacts, times: Times | None = None) -> list[Row]:
    """All rows of a run, and the facts that follow from its samples, in `facts`.

    `times` are rows of times derived earlier, which are not derived again.
    """
    facts.spoilt_samples = spoilt_samples(samples)
    facts.compile_seconds = compile_seconds(samples)
    facts.disturbed = disturbed_visits(samples)
    trials = [sample for sample in samples if isinstance(sample, Trial)]
    facts.selftest = summary.summary(trials)
    if trials:
        return summary.rows(trials)
    return rows(samples, facts, times)


def goal_of(facts: RunFacts) -> Goal:
    """The goal at which sampling ends, as the run had it."""
    return Goal(facts.precision, facts.most)


def rows(samples: Iterable[Sample], facts: RunFacts, times: Times | None = None) -> list[Row]:
    """All rows, with the causes of surprises as far as probes found them."""
    samples = list(samples)
    times = times or Times(samples, facts)
    probes = {sample.case: sample for sample in samples if isinstance(sample, Probe)}
    return list(described((*times.rows(probes), *_exactness_rows(samples))))


def _exactness_rows(samples: Iterable[Sample]) -> Iterator[Row]:
    """The rows of results, and of everything missing, including times.

    Where something was checked twice, because the run had ended before a comparison, the last
    counts.
    """
    checked: list[Row] = []
    for sample in {_subject(sample): sample for sample in standing(samples)}.values():
        match sample:
            case Agreement():
                checked += _agreement_rows(sample)
            case Comparison():
                checked += _comparison_rows(sample)
            case Specials():
                checked += special.rows(sample)
            case SpecialRows():
                checked += special.rows_of_rows(sample)
            case OfWhole():
                checked.append(whole.row(sample))
            case Missing():
                checked.append(_missing_row(sample))
            case _:
                pass  # of times, or of a gate, which `summary` counts
    return blame.blamed(checked)


def _subject(sample: Sample) -> Hashable:
    """The subject of a sample of results; a sample of times is a subject of its own."""
    match sample:
        case Agreement() | Specials() | OfWhole():
            return type(sample), sample.case
        case SpecialRows():
            return SpecialRows, sample.case, sample.rows
        case Comparison():
            return Comparison, sample.case, sample.against
        case Missing():
            return Missing, sample.case, sample.metric, sample.against
    return id(sample)


def _with_known_ends(row: Row) -> Row:
    """The row, without its interval where the ends are not known."""
    ends = [end for end in (row.low, row.high) if end is not None]
    return row if all(map(math.isfinite, ends)) else replace(row, low=None, high=None)


def _compiled(samples: Iterable[Sample]) -> dict[Case, Preparation]:
    """The first preparation of each case that compiled something."""
    compiled: dict[Case, Preparation] = {}
    for sample in samples:
        if isinstance(sample, Preparation) and sample.compilations:
            compiled.setdefault(sample.case, sample)
    return compiled


def _timing_rows(
    measured: Mapping[Case, Measured], compiled: Mapping[Case, Preparation], goal: Goal
) -> Iterator[Row]:
    """The rows of each case on its own: its time, its cost over the unit, its compilation."""
    costs, times = relative_costs(measured), calls(measured)
    for case, timed in measured.items():
        cost = costs.get(case)
        sampling = timed.sampling(goal.ended(timed, cost, times[case]))
        moved = elements_moved(case) * case.size * DTYPES[case.dtype].itemsize
        yield replace(_row(case, "time_per_call", times[case]), sampling=sampling, moved=moved)
        if case.mode == "compiled" and case in compiled:
            first = compiled[case]
            why = Why.FROM_CACHE if first.from_cache else Why.COMPILED
            yield Row(case, "compile_time", first.compiling, cause=Cause(why))
        if cost is None:
            status, cause = Status.UNSUPPORTED, Cause(Why.NO_UNIT, (BASELINE,))
            yield Row(case, "relative_cost", None, status=status, cause=cause)
            continue
        unit = Against(Other.UNIT, BASELINE, timed.unit)
        yield replace(_row(case, "relative_cost", cost), against=unit, sampling=sampling)


def _row(case: Case, metric: str, estimate: Estimate) -> Row:
    return Row(case, metric, estimate.value, estimate.low, estimate.high)


def _agreement_rows(sample: Agreement) -> Iterator[Row]:
    case, certificate = sample.case, sample.certificate
    largest = Row(case, "max_ulp", certificate.max_ulp, worst=certificate.worst)
    yield replace(largest, paths=certificate.paths)
    yield Row(case, "max_ulp_normal", certificate.max_ulp_normal)
    flushed = Row(
        case, "max_ulp_flushed", certificate.max_ulp_flushed, worst=certificate.worst_flushed
    )
    yield replace(flushed, binades=certificate.binades)
    yield Row(case, "max_ulp_away", certificate.max_ulp_away, worst=certificate.worst_away)
    rounding = Row(case, "not_correctly_rounded", certificate.not_correctly_rounded)
    yield replace(rounding, tested=certificate.tested, histogram=certificate.histogram)
    yield Row(case, "nan_mismatches", certificate.nan_mismatches, points=certificate.nan_first)
    yield Row(
        case,
        "infinity_mismatches",
        certificate.infinity_mismatches,
        points=certificate.infinity_first,
    )
    yield Row(case, "sign_mismatches", certificate.sign_mismatches, points=certificate.sign_first)
    for metric in _OPTIONAL:
        value = getattr(certificate, metric)
        if value is not None:
            yield Row(case, metric, value)
    for tried in certificate.paths:
        if tried.inputs and (tried.equal < 1 or tried.path is Path.TAIL):
            against = Against(Other.PATH, tried.path.value)
            yield from _comparison_rows(
                Comparison(case, against, tried.apart, tried.equal, tried.worst)
            )


_OPTIONAL = (
    *("max_ulp_parameter", "max_ulp_near", "median_ulp_near"),
    *("max_absolute_near", "median_absolute_near", "trouble_outside"),
)
"""The figures that not every certificate has."""


def _comparison_rows(sample: Comparison) -> Iterator[Row]:
    points = (sample.first,) if sample.first else ()
    for metric, value in (("max_ulp_between", sample.most), ("equal_bits", sample.equal)):
        yield Row(sample.case, metric, value, against=sample.against, points=points)


def _missing_row(sample: Missing) -> Row:
    row = Row(sample.case, sample.metric, None, status=sample.status, reason=sample.reason)
    return replace(row, against=sample.against)
