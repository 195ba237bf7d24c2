"""Rows from raw samples: everything here can be done again from a stored run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..catalog.activations import BASELINE
from ..catalog.cases import Case
from ..catalog.dtypes import DTYPES
from ..catalog.frameworks import frameworks
from ..catalog.sizes import Classes
from ..catalog.traffic import elements_moved
from ..exactness import blame, special
from ..results.rows import Against, Cause, Ended, Other, Row, Sampling, Why, described
from ..results.samples import (
    Agreement,
    Comparison,
    Missing,
    Preparation,
    Probe,
    Sample,
    Specials,
    Trial,
    Visit,
)
from ..results.status import Status
from ..timing import bootstrap, cost_model
from ..timing import parts as decomposition
from ..timing.ratios import Estimate
from ..timing.relative import relative_costs

_SLOW = 1.3
_ENOUGH = 2
"""Unspoilt visits of a process from which on its spoilt ones are dropped."""


@dataclass(frozen=True)
class _Times:
    """The batches of a visit, ns per call: those that were not spoilt, and all of them."""

    clean: list[float]
    batches: list[float]

    @property
    def times(self) -> list[float]:
        """The batches that count: all of them, where every one was spoilt."""
        return self.clean or self.batches


@dataclass
class _Timings:
    """The samples of one case: visits by process, page faults, and the first calls."""

    visits: dict[int, list[_Times]] = field(default_factory=dict)
    faults: list[float] = field(default_factory=list)
    compiling: list[Preparation] = field(default_factory=list)

    def add(self, visit: Visit, usual: float) -> None:
        """Keep a visit: ns per call of each batch, without those that were spoilt."""
        flags = zip(visit.times, _spoilt(visit, usual), strict=True)
        clean = [time for time, spoilt in flags if not spoilt]
        self.visits.setdefault(visit.process, []).append(_Times(clean, visit.times))
        self.faults += [count / visit.loops for count in visit.faults]

    def kept(self) -> dict[int, list[float]]:
        """The median of each visit, by process: a batch alone may be hit by what nobody counts.

        The batches themselves, where a process has one visit only.
        """
        kept = {}
        for process, visits in self.visits.items():
            medians = [float(np.median(visit.times)) for visit in _kept(visits)]
            kept[process] = medians if len(medians) > 1 else visits[0].times
        return kept

    def sampling(self, ended: Ended) -> Sampling:
        """The number of samples, how many were dropped, and why sampling ended."""
        visits = [visit for process in self.visits.values() for visit in process]
        counting = [visit for process in self.visits.values() for visit in _kept(process)]
        samples = sum(len(visit.times) for visit in counting)
        dropped = sum(len(visit.batches) for visit in visits) - samples
        return Sampling(len(self.visits), samples, dropped, ended)


def _kept(visits: list[_Times]) -> list[_Times]:
    """The visits that were not spoilt, or all where those are too few."""
    clean = [visit for visit in visits if visit.clean]
    return clean if len(clean) >= _ENOUGH else visits


def _spoilt(visit: Visit, usual: float) -> list[bool]:
    """Mark batches of a visit that say more of the machine than of the case.

    Either one was preempted. Or the clock was slow: the `pulse` beside the visit took 1.3 times as
    long as is `usual` in its process. What runs on a device minds neither.
    """
    slow = visit.pulse > _SLOW * usual
    return [visit.case.device == "cpu" and (slow or lost) for lost in visit.preempted]


def _usual_pulses(samples: Iterable[Sample]) -> dict[int, float]:
    """The median pulse of each process."""
    pulses: dict[int, list[float]] = {}
    for sample in samples:
        if isinstance(sample, Visit):
            pulses.setdefault(sample.process, []).append(sample.pulse)
    return {process: float(np.median(values)) for process, values in pulses.items()}


def spoilt_samples(samples: Iterable[Sample]) -> int:
    """Count the batches of a run that were spoilt."""
    visits = [sample for sample in samples if isinstance(sample, Visit)]
    usual = _usual_pulses(visits)
    return sum(sum(_spoilt(visit, usual[visit.process])) for visit in visits)


def compile_seconds(samples: Iterable[Sample]) -> float:
    """Seconds that the processes of a run spent in compiling what was timed."""
    return sum(sample.compiling for sample in samples if isinstance(sample, Preparation))


def rows(
    samples: Iterable[Sample],
    classes: Mapping[str, Classes],
    precision: float,
    seed: Callable[[Case], int] = bootstrap.seed_of,
) -> list[Row]:
    """All rows of a run, in the order in which its cases first appear.

    A case that was refused once has no times, whatever another process made of it.
    `classes` are the size classes by device of the machine that measured; `precision` is the half
    width of an interval, as a share, at which sampling was to stop. `seed` gives the number from
    which a case's intervals are drawn.
    """
    samples = list(samples)
    stored = (*timing_rows(samples, classes, precision, seed), *_exactness_rows(samples))
    return list(described(stored))


def timing_rows(
    samples: Sequence[Sample],
    classes: Mapping[str, Classes],
    precision: float,
    seed: Callable[[Case], int] = bootstrap.seed_of,
) -> Iterator[Row]:
    """The rows that follow from times alone: of each case, the parts of its cost, the model's."""
    usual = _usual_pulses(samples)
    timings: dict[Case, _Timings] = {}
    probes: dict[Case, Probe] = {}
    refused: set[Case] = set()
    for sample in samples:
        match sample:
            case Visit():
                timings.setdefault(sample.case, _Timings()).add(sample, usual[sample.process])
            case Preparation():
                if sample.compilations:
                    timings.setdefault(sample.case, _Timings()).compiling.append(sample)
            case Probe():
                probes[sample.case] = sample
            case Missing(status=Status.REFUSED):
                refused.add(sample.case)
            case _:
                pass  # of exactness
    timings = {case: timing for case, timing in timings.items() if case not in refused}
    timed, parts = _timing_rows(timings, precision, seed)
    faults = {case: timing.faults for case, timing in parts.items()}
    split = list(decomposition.rows(parts, classes))
    yield from map(_with_known_ends, (*timed, *split, *cost_model.rows(split, probes, faults)))


def _exactness_rows(samples: Iterable[Sample]) -> Iterator[Row]:
    """The rows of results, and of what is missing, of times as well."""
    checked: list[Row] = []
    for sample in samples:
        match sample:
            case Agreement():
                checked += _agreement_rows(sample)
            case Comparison():
                checked += _comparison_rows(sample)
            case Specials():
                checked += special.rows(sample)
            case Missing():
                checked.append(_missing_row(sample))
            case Trial():
                raise ValueError("trials of a gate are no measurement: gate.summary counts them")
            case _:
                pass  # of times
    return blame.blamed(checked)


def _with_known_ends(row: Row) -> Row:
    """A row without an interval in place of one whose ends are NaN."""
    known = row.low is None or row.low == row.low
    return row if known else replace(row, low=None, high=None)


def _timing_rows(
    timings: dict[Case, _Timings], precision: float, seed: Callable[[Case], int]
) -> tuple[list[Row], dict[Case, decomposition.Timing]]:
    """The rows of each case by itself, and what the decomposition needs of it."""
    kept = {case: timing.kept() for case, timing in timings.items() if timing.visits}
    spreads = bootstrap.spreads(kept)
    costs = relative_costs(kept, baseline_of, seed)
    rows: list[Row] = []
    parts = {}
    for case, samples in kept.items():
        timing = timings[case]
        replicates = bootstrap.replicates(samples, spreads[bootstrap.kind_of(case)], seed(case))
        if bootstrap.is_alone(samples):
            replicates[1:] = math.nan  # what is made of it has no interval either
        parts[case] = decomposition.Timing(replicates, float(np.median(timing.faults)))
        rows += _times(case, timing, bootstrap.estimate(replicates), precision)
        rows.append(_relative(case, costs.get(case)))
    return rows, parts


def _times(case: Case, timing: _Timings, estimate: Estimate, precision: float) -> Iterator[Row]:
    sampling = timing.sampling(_ended(timing.kept(), estimate, precision))
    moved = elements_moved(case) * case.size * DTYPES[case.dtype].itemsize
    time = _row(case, "time_per_call", estimate)
    yield replace(time, sampling=sampling, moved=moved)
    if case.mode == "compiled" and timing.compiling:
        first = timing.compiling[0]
        why = Why.FROM_CACHE if first.from_cache else Why.COMPILED
        yield Row(case, "compile_time", first.compiling, cause=Cause(why))


def _ended(samples: dict[int, list[float]], estimate: Estimate, precision: float) -> Ended:
    """The reason why sampling ended: the interval is narrow enough, or why it is not."""
    if bootstrap.is_alone(samples):
        return Ended.ONE_SAMPLE
    if estimate.half_width <= precision:
        return Ended.NARROW
    if all(bootstrap.half_width(rounds) <= precision for rounds in samples.values()):
        return Ended.DIFFER
    return Ended.BUDGET


def _row(case: Case, metric: str, estimate: Estimate) -> Row:
    return Row(case, metric, estimate.value, estimate.low, estimate.high)


def baseline_of(case: Case) -> Case:
    """The case that `relative_cost` divides by: relu, native where the framework has it."""
    native = frameworks()[case.framework].offers(BASELINE, "native")
    return replace(case, activation=BASELINE, form="native" if native else "max")


def companions(cases: Iterable[Case]) -> list[Case]:
    """Cases that have to be measured beside some others: their unit of cost, and their copy floor.

    A floor takes several sizes in cache, and so it is of use only to what has them.
    """
    cases = list(cases)
    sizes: dict[Case, set[int]] = {}
    for case in cases:
        sizes.setdefault(replace(case, size=0), set()).add(case.size)
    several = [case for case in cases if len(sizes[replace(case, size=0)]) > 1]
    floors = [decomposition.floor_of(case) for case in several if case.output == "fresh"]
    return list(dict.fromkeys([*map(baseline_of, cases), *floors]))


def _relative(case: Case, cost: Estimate | None) -> Row:
    baseline = baseline_of(case)
    unit = Against(Other.UNIT, baseline.activation, baseline.form)
    if cost is None:
        row = Row(case, "relative_cost", None, status=Status.UNSUPPORTED)
        return replace(row, against=unit, cause=Cause(Why.NO_UNIT, (BASELINE,)))
    row = replace(_row(case, "relative_cost", cost), against=unit)
    return row if cost.known else replace(row, low=None, high=None)


def _agreement_rows(sample: Agreement) -> Iterator[Row]:
    case, certificate = sample.case, sample.certificate
    yield Row(case, "max_ulp", certificate.max_ulp, worst=certificate.worst)
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


_OPTIONAL = (
    *("max_ulp_parameter", "max_ulp_near", "median_ulp_near"),
    *("max_absolute_near", "median_absolute_near", "trouble_outside"),
)
"""Figures that not every certificate has."""


def _comparison_rows(sample: Comparison) -> Iterator[Row]:
    points = (sample.first,) if sample.first else ()
    for metric, value in (("max_ulp_between", sample.most), ("equal_bits", sample.equal)):
        yield Row(sample.case, metric, value, against=sample.against, points=points)


def _missing_row(sample: Missing) -> Row:
    row = Row(sample.case, sample.metric, None, status=sample.status, reason=sample.reason)
    return replace(row, against=sample.against)
