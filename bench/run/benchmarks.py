"""A run in the formats of other benchmarking tools, which can then compare and draw it.

- pytest-benchmark's JSON, for its `compare`: seconds per call, an entry of data per block
- Google Benchmark's JSON, for its `compare.py`: ns per call, a repetition per process
- Bencher Metric Format: every figure with its interval, `latency` in ns
- github-action-benchmark's `customSmallerIsBetter`: every figure where less is better

A figure that is missing or infinite is left out: none of the formats can express it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from statistics import fmean, median, quantiles, stdev
from typing import Any

from ..catalog.cases import USUAL, Case
from ..host.errors import UsageError
from ..results.facts import RunFacts
from ..results.metrics import METRICS, Better, Group
from ..results.rows import Row
from ..results.samples import trusted
from ..results.store import Run, stored
from ..timing.costs import Measured, gathered

_FENCE = 1.5
"""The interquartile ranges beyond the quartiles from which a value is an outlier (Tukey 1977)."""


def name_of(case: Case) -> str:
    """The name of a case in one word: `torch/gelu/native/compiled/forward/cpu/float32/65536/1`."""
    parts = (part for name, part in vars(case).items() if part != USUAL.get(name))
    return "/".join(map(str, parts))


def _times_of(run: Run) -> Collection[Measured]:
    """The times behind the figures of a run. Raises UsageError where there are none."""
    measured = gathered(trusted(stored(run.path).samples))
    if not measured:
        raise UsageError(f"{run.path} has no times: export its rows as json or csv")
    return measured.values()


# --- pytest-benchmark -----------------------------------------------------------------------------


def pytest_benchmark(run: Run) -> dict[str, Any]:
    """The times of a run as pytest-benchmark's `--benchmark-json` writes them."""
    facts = run.facts
    return {
        "machine_info": {
            "node": "",
            "processor": facts.machine.cpu or "",
            "machine": facts.machine.architecture or "",
            "python_version": facts.machine.python or "",
            "system": facts.machine.system or "",
            "cpu": {"brand_raw": facts.machine.cpu or "", "count": facts.machine.cores},
        },
        "commit_info": {
            "id": facts.project.commit,
            "time": None,
            "dirty": facts.project.changes != "none",
            "project": "actbench",
            "branch": "",
        },
        "benchmarks": [_of_pytest(case) for case in _times_of(run)],
        "datetime": facts.started,
        "version": "5.3.1",
    }


def _of_pytest(measured: Measured) -> dict[str, Any]:
    name, processes = name_of(measured.case), measured.processes.values()
    seconds = sorted(block / 1e9 for process in processes for block in process.blocks)
    return {
        "group": None,
        "name": name,
        "fullname": name,
        "params": None,
        "param": None,
        "extra_info": measured.case.as_dict(),
        "options": {
            "disable_gc": True,
            "timer": "perf_counter_ns",
            "min_rounds": 1,
            "max_time": 0.0,
            "min_time": 0.0,
            "warmup": True,
        },
        "stats": _statistics(seconds, sum(process.calls for process in processes)),
    }


def _statistics(seconds: Sequence[float], calls: int) -> dict[str, Any]:
    first, middle, third = _quartiles(seconds)
    mean, spread, reach = fmean(seconds), _spread(seconds), third - first
    low, high = first - _FENCE * reach, third + _FENCE * reach
    within = [second for second in seconds if low <= second <= high]
    far = sum(abs(second - mean) > spread for second in seconds)
    return {
        "min": seconds[0],
        "max": seconds[-1],
        "mean": mean,
        "stddev": spread,
        "rounds": len(seconds),
        "median": middle,
        "iqr": reach,
        "q1": first,
        "q3": third,
        "iqr_outliers": len(seconds) - len(within),
        "stddev_outliers": far,
        "outliers": f"{far};{len(seconds) - len(within)}",
        "ld15iqr": within[0],
        "hd15iqr": within[-1],
        "ops": 1 / mean,
        "total": sum(seconds),
        "data": list(seconds),
        "iterations": max(1, round(calls / len(seconds))),
    }


def _quartiles(values: Sequence[float]) -> list[float]:
    return quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3


def _spread(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else 0.0


# --- Google Benchmark -----------------------------------------------------------------------------


def google_benchmark(run: Run) -> dict[str, Any]:
    """The times of a run as Google Benchmark's `--benchmark_format=json` writes them."""
    machine = run.facts.machine
    entries = [
        entry for family, case in enumerate(_times_of(run)) for entry in _of_google(family, case)
    ]
    return {
        "context": {
            "date": run.facts.started,
            "host_name": "",
            "executable": "actbench",
            "num_cpus": machine.cores or 0,
            "mhz_per_cpu": 0,
            "cpu_scaling_enabled": machine.governor not in (None, "unknown", "performance"),
            "caches": [],
            "load_avg": [machine.load] if machine.load is not None else [],
            "library_version": "actbench",
            "library_build_type": "release",
            "json_schema_version": 1,
        },
        "benchmarks": entries,
    }


def _of_google(family: int, measured: Measured) -> Iterator[dict[str, Any]]:
    """A repetition per process, then their mean, median and standard deviation."""
    name, processes = name_of(measured.case), measured.processes.values()
    common = {"family_index": family, "per_family_instance_index": 0, "run_name": name}
    common |= {"repetitions": len(processes), "threads": measured.case.threads}
    times = [process.time for process in processes]
    for place, process in enumerate(processes):
        yield {
            "name": name,
            **common,
            "run_type": "iteration",
            "repetition_index": place,
            "iterations": process.calls,
            **_both(process.time),
        }
    for kind, of in (("mean", fmean), ("median", median), ("stddev", _spread)):
        yield {
            "name": f"{name}_{kind}",
            **common,
            "run_type": "aggregate",
            "aggregate_name": kind,
            "aggregate_unit": "time",
            "iterations": len(times),
            **_both(of(times)),
        }


def _both(nanoseconds: float) -> dict[str, Any]:
    """The time for both fields: calls are timed on one clock, their CPU time is not known apart."""
    return {"real_time": nanoseconds, "cpu_time": nanoseconds, "time_unit": "ns"}


# --- figures --------------------------------------------------------------------------------------


def bencher(run: Run) -> dict[str, Any]:
    """Every figure of a case with its interval, in Bencher Metric Format."""
    measures: dict[str, dict[str, Any]] = {}
    for row in _figures(run):
        measure = "latency" if row.metric == "time_per_call" else row.metric.replace("_", "-")
        ends = {"lower_value": row.low, "upper_value": row.high}
        known = {name: end for name, end in ends.items() if end is not None and math.isfinite(end)}
        measures.setdefault(name_of(row.case), {}).setdefault(
            measure, {"value": row.value, **known}
        )
    return measures


def smaller_is_better(run: Run) -> list[dict[str, Any]]:
    """Every figure where less is better, as github-action-benchmark takes them."""
    context = described(run.facts)
    entries: dict[str, dict[str, Any]] = {}
    for row in _figures(run):
        if METRICS[row.metric].better is Better.LESS:
            name = f"{name_of(row.case)} {row.metric}"
            entry = {"name": name, "unit": METRICS[row.metric].unit or "1", "value": row.value}
            if row.low is not None and row.high is not None:
                entry["range"] = f"± {(row.high - row.low) / 2:.3g}"
            entries.setdefault(name, {**entry, "extra": context})
    return list(entries.values())


def described(facts: RunFacts) -> str:
    """The machine, the versions and the commit in one line."""
    versions = (
        f"{name} {version}"
        for worker in facts.workers.values()
        for name, version in worker.versions.items()
    )
    parts = [facts.machine.cpu or "", *dict.fromkeys(versions), f"commit {facts.project.commit}"]
    return ", ".join(filter(None, parts))


def _figures(run: Run) -> Iterator[Row]:
    """The rows with a single finite figure per case."""
    for row in run.records:
        own = METRICS[row.metric].group is not Group.BETWEEN
        if row.ok and own and row.value is not None and math.isfinite(row.value):
            yield row


FORMATS: Mapping[str, Callable[[Run], Any]] = {
    "pytest-benchmark": pytest_benchmark,
    "google-benchmark": google_benchmark,
    "bencher": bencher,
    "github-action-benchmark": smaller_is_better,
}
"""The content of each tool's file, ready for JSON."""
