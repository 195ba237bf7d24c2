"""From raw samples to rows: everything here can be done again from a stored run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from . import statistics
from .cases import Case
from .catalog import BASELINE
from .dtypes import DTYPES
from .frameworks import frameworks
from .metrics import Row
from .specs import elements_moved
from .statistics import Estimate

_ENOUGH = 3
"""Unspoilt samples of a process from which on its spoilt ones are dropped."""


@dataclass
class _Timings:
    """The samples of one case: ns a call by process, preemptions beside, and the first calls."""

    rounds: dict[int, list[tuple[float, bool]]] = field(default_factory=dict)
    compiling: list[float] = field(default_factory=list)

    def kept(self) -> dict[int, list[float]]:
        """The samples that no preemption spoilt, or all of a process that has too few of those."""
        kept = {}
        for process, rounds in self.rounds.items():
            clean = [time for time, spoilt in rounds if not spoilt]
            kept[process] = clean if len(clean) >= _ENOUGH else [time for time, _ in rounds]
        return kept

    def detail(self) -> str:
        """How many samples there are and how many were dropped."""
        kept = sum(map(len, self.kept().values()))
        dropped = sum(map(len, self.rounds.values())) - kept
        processes = len(self.rounds)
        text = f"{kept} samples in {processes} process{'es' if processes > 1 else ''}"
        return f"{text}, {dropped} spoilt by preemption dropped" if dropped else text


Sample = tuple[Case, dict[str, Any]]


def spoilt(sample: dict[str, Any], device: str) -> bool:
    """Whether somebody else had the CPU for a tenth of a batch.

    A context switch alone does not say so: the threads of one framework displace each other.
    """
    displaced = sample["switches"] > 0 and sample["busy"] < 0.9 * sample["elapsed"]
    return bool(displaced and device == "cpu")


def rows(samples: Iterable[Sample]) -> list[Row]:
    """All rows of a run, in the order in which its cases first appear."""
    timings: dict[Case, _Timings] = {}
    derived: list[Row] = []
    for case, sample in samples:
        kind = sample["kind"]
        if kind == "time":
            rounds = timings.setdefault(case, _Timings()).rounds.setdefault(sample["process"], [])
            rounds.append((sample["elapsed"] / sample["loops"], spoilt(sample, case.device)))
        elif kind == "prepare":
            if sample["compilations"]:
                seconds = max(sample["first"] - sample["later"], 0.0)
                timings.setdefault(case, _Timings()).compiling.append(seconds)
        else:
            derived += _OTHER_KINDS[kind](case, sample)
    return [*_timing_rows(timings), *derived]


def _timing_rows(timings: dict[Case, _Timings]) -> Iterator[Row]:
    kept = {case: each.kept() for case, each in timings.items() if each.rounds}
    for case, samples in kept.items():
        timing = timings[case]
        estimate = statistics.median(samples)
        detail = timing.detail()
        yield _row(case, "time_per_call", estimate, detail)
        yield _row(case, "time_per_element", estimate.scaled(1 / case.size), detail)
        yield _row(case, "throughput", estimate.inverse(case.size * 1e9), detail)
        moved = elements_moved(case) * case.size * DTYPES[case.dtype].itemsize
        yield _row(case, "bandwidth", estimate.inverse(moved), detail)
        yield _relative(case, samples, kept)
        if case.mode == "compiled" and timing.compiling:
            yield Row(case, "compile_time", timing.compiling[0], detail="in the first process")


def _row(case: Case, metric: str, estimate: Estimate, detail: str) -> Row:
    return Row(case, metric, estimate.value, estimate.low, estimate.high, detail=detail)


def baseline_of(case: Case) -> Case:
    """The case that `relative_cost` divides by: relu, native where the framework has it."""
    native = frameworks()[case.framework].offers(BASELINE, "native")
    return replace(case, activation=BASELINE, form="native" if native else "max")


def _relative(
    case: Case, samples: dict[int, list[float]], kept: dict[Case, dict[int, list[float]]]
) -> Row:
    baseline = baseline_of(case)
    against = f"against {baseline.activation} {baseline.form}"
    shared = kept.get(baseline, {}).keys() & samples.keys()
    if not shared:
        reason = f"{against}: not measured beside it; add --activation {BASELINE}"
        return Row(case, "relative_cost", None, status="unsupported", detail=reason)
    if case == baseline:
        return Row(case, "relative_cost", 1.0, 1.0, 1.0, detail=against)
    return _row(case, "relative_cost", statistics.ratio(samples, kept[baseline]), against)


def _agreement_rows(case: Case, sample: dict[str, Any]) -> Iterator[Row]:
    place = f"{sample['worst_input']}: got {sample['got']}, exact {sample['exact']}"
    yield Row(case, "max_ulp", sample["max_ulp"], detail=f"at {place}")
    yield Row(case, "max_ulp_flushed", sample["max_ulp_flushed"])
    yield Row(case, "worst_input", _number(sample["worst_input"]), detail=place)
    first = ", ".join(sample["nan_first"])
    yield Row(
        case, "nan_mismatches", sample["nan_mismatches"], detail=first and f"first at {first}"
    )
    if "max_ulp_parameter" in sample:
        yield Row(case, "max_ulp_parameter", sample["max_ulp_parameter"])


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


_OTHER_KINDS = {"agreement": _agreement_rows, "between": _between_rows, "failure": _failure_rows}
