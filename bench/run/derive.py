"""From raw samples to rows: everything here can be done again from a stored run."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..catalog.activations import BASELINE
from ..catalog.cases import Case
from ..catalog.dtypes import DTYPES
from ..catalog.frameworks import frameworks
from ..catalog.sizes import Classes
from ..catalog.traffic import elements_moved
from ..exactness import blame, special
from ..results.metrics import Row
from ..timing import bootstrap as statistics
from ..timing import cost_model
from ..timing import parts as decomposition
from ..timing.ratios import Estimate

_SLOW = 1.3
_ENOUGH = 2
"""Unspoilt visits of a process from which on its spoilt ones are dropped."""


@dataclass(frozen=True)
class _Visit:
    """The batches of a visit, ns a call: those that were not spoilt, and all of them."""

    clean: list[float]
    batches: list[float]

    @property
    def times(self) -> list[float]:
        """What counts of it: all batches, where every one was spoilt."""
        return self.clean or self.batches


@dataclass
class _Timings:
    """The samples of one case: visits by process, page faults, and the first calls."""

    visits: dict[int, list[_Visit]] = field(default_factory=dict)
    faults: list[float] = field(default_factory=list)
    compiling: list[dict[str, Any]] = field(default_factory=list)

    def add(self, case: Case, sample: dict[str, Any], usual: float) -> None:
        """Keep a visit: ns a call of each batch, without those that were spoilt."""
        batches = times(sample)
        flags = _spoilt(sample, case.device, usual)
        clean = [time for time, spoilt in zip(batches, flags, strict=True) if not spoilt]
        self.visits.setdefault(sample["process"], []).append(_Visit(clean, batches))
        self.faults += [count / sample["loops"] for count in sample["faults"]]

    def kept(self) -> dict[int, list[float]]:
        """The median of each visit, by process: a batch alone may be hit by what nobody counts.

        The batches themselves, where a process has one visit only.
        """
        kept = {}
        for process, visits in self.visits.items():
            medians = [float(np.median(visit.times)) for visit in _kept(visits)]
            kept[process] = medians if len(medians) > 1 else visits[0].times
        return kept

    def detail(self) -> str:
        """How many samples there are and how many were dropped."""
        visits = [each for mine in self.visits.values() for each in mine]
        counting = [each for mine in self.visits.values() for each in _kept(mine)]
        samples = sum(len(visit.times) for visit in counting)
        dropped = sum(len(visit.batches) for visit in visits) - samples
        processes = len(self.visits)
        text = f"{samples} samples in {processes} process{'es' if processes > 1 else ''}"
        return f"{text}, {dropped} dropped: preempted, or the clock was slow" if dropped else text


def _kept(visits: list[_Visit]) -> list[_Visit]:
    """The visits that were not spoilt, or all where those are too few."""
    clean = [visit for visit in visits if visit.clean]
    return clean if len(clean) >= _ENOUGH else visits


Sample = tuple[Case, dict[str, Any]]


def times(sample: dict[str, Any]) -> list[float]:
    """Nanoseconds a call of each batch of a visit."""
    return [elapsed / sample["loops"] for elapsed in sample["elapsed"]]


def preempted(sample: dict[str, Any]) -> list[bool]:
    """Of each batch of a visit, whether somebody else had the CPU for a tenth of it.

    A context switch alone does not say so: the threads of one framework displace each other.
    """
    columns = zip(sample["switches"], sample["busy"], sample["elapsed"], strict=True)
    return [switches > 0 and busy < 0.9 * elapsed for switches, busy, elapsed in columns]


def _spoilt(sample: dict[str, Any], device: str, usual: float) -> list[bool]:
    """Of each batch of a visit, whether it tells more of the machine than of the case.

    Either it was preempted. Or the clock was slow: the `pulse` beside the visit took 1.3 times as
    long as is `usual` in its process. What runs on a device minds neither.
    """
    slow = sample["pulse"] > _SLOW * usual
    return [device == "cpu" and (slow or each) for each in preempted(sample)]


def _usual_pulses(samples: Iterable[Sample]) -> dict[int, float]:
    """The median pulse of each process."""
    pulses: dict[int, list[float]] = {}
    for _, sample in samples:
        if sample["kind"] == "time":
            pulses.setdefault(sample["process"], []).append(sample["pulse"])
    return {process: float(np.median(each)) for process, each in pulses.items()}


def spoilt_samples(samples: Iterable[Sample]) -> int:
    """How many batches of a run were spoilt."""
    samples = list(samples)
    usual = _usual_pulses(samples)
    timed = [each for each in samples if each[1]["kind"] == "time"]
    return sum(sum(_spoilt(each, case.device, usual[each["process"]])) for case, each in timed)


def compile_seconds(sample: dict[str, Any]) -> float:
    """Of a preparation: the first call less a later one, where something was compiled."""
    return max(sample["first"] - sample["later"], 0.0) if sample["compilations"] else 0.0


def _compiled_how(sample: dict[str, Any]) -> str:
    if sample["from_cache"]:
        return "in the first process, from the compile cache of an earlier one"
    return "in the first process"


def rows(samples: Iterable[Sample], classes: Mapping[str, Classes], precision: float) -> list[Row]:
    """All rows of a run, in the order in which its cases first appear.

    A case that was refused once has no times, whatever another process made of it.
    `classes` are the size classes by device of the machine that measured; `precision` is the half
    width of an interval, as a share, at which sampling was to stop.
    """
    samples = list(samples)
    usual = _usual_pulses(samples)
    timings: dict[Case, _Timings] = {}
    probes: dict[Case, cost_model.Probe] = {}
    derived: list[Row] = []
    for case, sample in samples:
        kind = sample["kind"]
        if kind == "time":
            timings.setdefault(case, _Timings()).add(case, sample, usual[sample["process"]])
        elif kind == "prepare":
            if sample["compilations"]:
                timings.setdefault(case, _Timings()).compiling.append(sample)
        elif kind == "probe":
            probes[case] = cost_model.Probe(sample["shuffled"], sample["wide"])
        else:
            derived += _OTHER_KINDS[kind](case, sample)
    refused = {case for case, sample in samples if sample.get("status") == "refused"}
    timings = {case: each for case, each in timings.items() if case not in refused}
    timed, parts = _timing_rows(timings, precision)
    faults = {case: each.faults for case, each in parts.items()}
    split = list(decomposition.rows(parts, classes))
    modelled = cost_model.rows(split, probes, faults)
    return [*map(_with_known_ends, (*timed, *split, *modelled)), *blame.blamed(derived)]


def _with_known_ends(row: Row) -> Row:
    """A row without an interval in place of one whose ends are NaN."""
    known = row.low is None or row.low == row.low
    return row if known else replace(row, low=None, high=None)


def _timing_rows(
    timings: dict[Case, _Timings], precision: float
) -> tuple[list[Row], dict[Case, decomposition.Timing]]:
    """The rows of each case by itself, and what the decomposition needs of it."""
    kept = {case: each.kept() for case, each in timings.items() if each.visits}
    spreads = _spreads(kept)
    ratio_spreads = _spreads({case: _quotients(case, kept) for case in kept})
    rows: list[Row] = []
    parts = {}
    for case, samples in kept.items():
        timing, kind = timings[case], _kind(case)
        replicates = statistics.replicates(samples, spreads[kind], _seed(case))
        alone = _is_alone(samples)
        if alone:
            replicates[1:] = math.nan  # what is made of it has no interval either
        parts[case] = decomposition.Timing(replicates, float(np.median(timing.faults)))
        rows += _times(case, timing, statistics.estimate(replicates), precision)
        relative = _relative(case, kept, ratio_spreads[kind])
        alone = alone or _is_alone(kept.get(baseline_of(case), {}))
        rows.append(replace(relative, low=None, high=None) if alone else relative)
    return rows, parts


def _is_alone(samples: statistics.Samples) -> bool:
    """Whether there is one sample, which tells no interval."""
    return sum(map(len, samples.values())) == 1


def _times(case: Case, timing: _Timings, estimate: Estimate, precision: float) -> Iterator[Row]:
    detail = f"{timing.detail()}; {_ended(timing.kept(), estimate, precision)}"
    yield _row(case, "time_per_call", estimate, detail)
    yield _row(case, "time_per_element", estimate.scaled(1 / case.size), detail)
    yield _row(case, "throughput", estimate.inverse(case.size * 1e9), detail)
    moved = elements_moved(case) * case.size * DTYPES[case.dtype].itemsize
    yield _row(case, "bandwidth", estimate.inverse(moved), detail)
    if case.mode == "compiled" and timing.compiling:
        first = timing.compiling[0]
        yield Row(case, "compile_time", compile_seconds(first), detail=_compiled_how(first))


def _kind(case: Case) -> tuple[str, str, str, int]:
    """What cases have in common whose processes differ about as much."""
    return case.framework, case.device, case.mode, case.size


def _spreads(kept: dict[Case, dict[int, list[float]]]) -> dict[Any, float]:
    groups: dict[Any, list[dict[int, list[float]]]] = {}
    for case, samples in kept.items():
        groups.setdefault(_kind(case), []).append(samples)
    return {kind: statistics.spread_between(cases) for kind, cases in groups.items()}


def _seed(case: Case) -> int:
    """A number of a case's own, the same in every process."""
    return zlib.crc32(repr(case).encode())


def _ended(samples: dict[int, list[float]], estimate: Estimate, precision: float) -> str:
    """Why sampling ended: the interval is narrow enough, or why it is not."""
    if _is_alone(samples):
        return "one sample tells no interval: the budget ended"
    if estimate.half_width <= precision:
        return f"±{estimate.half_width:.1%}, narrow enough"
    wide = f"±{estimate.half_width:.1%}, wider than ±{precision:.0%}"
    if all(statistics.half_width(rounds) <= precision for rounds in samples.values()):
        return f"{wide}: processes differ"
    return f"{wide}: the budget ended"


def _row(case: Case, metric: str, estimate: Estimate, detail: str) -> Row:
    return Row(case, metric, estimate.value, estimate.low, estimate.high, detail=detail)


def baseline_of(case: Case) -> Case:
    """The case that `relative_cost` divides by: relu, native where the framework has it."""
    native = frameworks()[case.framework].offers(BASELINE, "native")
    return replace(case, activation=BASELINE, form="native" if native else "max")


def companions(cases: Iterable[Case]) -> list[Case]:
    """What has to be measured beside some cases: their unit of cost, and their copy floor.

    A floor takes several sizes in cache, and so it is of use only to what has them.
    """
    cases = list(cases)
    sizes: dict[Case, set[int]] = {}
    for case in cases:
        sizes.setdefault(replace(case, size=0), set()).add(case.size)
    several = [case for case in cases if len(sizes[replace(case, size=0)]) > 1]
    floors = [decomposition.floor_of(case) for case in several if case.output == "fresh"]
    return list(dict.fromkeys([*map(baseline_of, cases), *floors]))


def _quotients(case: Case, kept: dict[Case, dict[int, list[float]]]) -> dict[int, list[float]]:
    """A case's time over its baseline's in each process: what shifts both alike is gone."""
    baseline = baseline_of(case)
    below = kept.get(baseline, {}) if case != baseline else {}
    return {
        process: [float(np.median(rounds) / np.median(below[process]))]
        for process, rounds in kept[case].items()
        if process in below
    }


def _relative(case: Case, kept: dict[Case, dict[int, list[float]]], spread: float) -> Row:
    baseline = baseline_of(case)
    against = f"against {baseline.activation} {baseline.form}"
    if not kept.get(baseline, {}).keys() & kept[case].keys():
        reason = f"{against}: not measured beside it; add --activation {BASELINE}"
        return Row(case, "relative_cost", None, status="unsupported", detail=reason)
    if case == baseline:
        return Row(case, "relative_cost", 1.0, 1.0, 1.0, detail=against)
    ratio = statistics.ratio(kept[case], kept[baseline], spread, _seed(case))
    return _row(case, "relative_cost", ratio, against)


def _agreement_rows(case: Case, sample: dict[str, Any]) -> Iterator[Row]:
    place = f"{sample['worst_input']}: got {sample['got']}, exact {sample['exact']}"
    yield Row(case, "max_ulp", sample["max_ulp"], detail=f"at {place}")
    yield Row(case, "worst_input", _number(sample["worst_input"]), detail=place)
    yield Row(case, "max_ulp_normal", sample["max_ulp_normal"])
    for kind in ("flushed", "away"):
        at, got, exact = sample[f"worst_{kind}"]
        detail = f"at {at}: got {got}, exact {exact}"
        yield Row(case, f"max_ulp_{kind}", sample[f"max_ulp_{kind}"], detail=detail)
    if "ulp_by_binade" in sample:
        detail = sample["ulp_by_binade"]
        yield Row(case, "ulp_by_binade", sample["max_ulp_flushed"], detail=detail)
    counts = ", ".join(f"{_step(step)}: {n:,}" for step, n in sample["histogram"].items())
    wrong = sample["not_correctly_rounded"]
    yield Row(case, "not_correctly_rounded", wrong, detail=f"of {sample['tested']:,}; {counts}")
    for kind in ("nan", "infinity", "sign"):
        first = ", ".join(sample[f"{kind}_first"])
        count = sample[f"{kind}_mismatches"]
        yield Row(case, f"{kind}_mismatches", count, detail=first and f"first at {first}")
    if "max_ulp_parameter" in sample:
        yield Row(case, "max_ulp_parameter", sample["max_ulp_parameter"])


def _step(step: str) -> str:
    """A step of the histogram for people."""
    words = {"inf": "beyond", "nan": "NaN or a number instead"}
    return words.get(step) or f"≤{float(step):g} ulp"


def _number(place: str) -> float | None:
    try:
        value = float.fromhex(place)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _between_rows(case: Case, sample: dict[str, Any]) -> Iterator[Row]:
    parting = f": first input where they part {sample['first']}" if sample["first"] else ""
    detail = sample["other"] + parting
    yield Row(case, "max_ulp_between", sample["most"], detail=detail)
    yield Row(case, "equal_bits", sample["equal"], detail=detail)


def _failure_rows(case: Case, sample: dict[str, Any]) -> Iterator[Row]:
    yield Row(case, sample["metric"], None, status=sample["status"], detail=sample["detail"])


_OTHER_KINDS = {
    "agreement": _agreement_rows,
    "between": _between_rows,
    "condition": _between_rows,
    "failure": _failure_rows,
    "special": special.rows,
}
