"""Rows from samples: every metric, what is dropped, why sampling ended, what has no baseline."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.cases import PROFILES, Case, Selection
from actbench.bench.catalog.sizes import from_caches
from actbench.bench.results import store, words
from actbench.bench.results.metrics import METRICS
from actbench.bench.results.rows import (
    Against,
    Cause,
    Ended,
    Other,
    Point,
    Reader,
    Row,
    Sampling,
    SpecialRow,
    Tried,
    Why,
    with_derived,
)
from actbench.bench.results.rows import Path as Path_
from actbench.bench.results.samples import (
    Agreement,
    Certificate,
    Missing,
    Paired,
    Preparation,
    Probe,
    Sample,
    SpecialRows,
)
from actbench.bench.results.status import Status
from actbench.bench.run.derive import Times, rows, spoilt_samples
from actbench.bench.run.request import Request

RELU = Case("torch", "relu", "native", "eager", "forward", "cpu", "float32", 1000, 1)
GELU = replace(RELU, activation="gelu")


CLASSES = {"cpu": from_caches({"L1d": 48 * 2**10, "L2": 2 * 2**20, "L3": 32 * 2**20})}
ASKED = Request(PROFILES["smoke"], Selection(), 0, Path(), {}, "python", 1.0, "actbench run")
PRECISION, MOST = 0.02, 4
FACTS = replace(
    ASKED.facts(datetime.now(UTC)), size_classes=CLASSES, precision=PRECISION, most=MOST
)


def _rows(samples: list[Sample]) -> list[Row]:
    return rows(samples, FACTS)


def _time(case: Case, process: int, *ns: float, unit: float = 100, **more: Any) -> Paired:
    """A visit: a block for each time per call; nothing disturbed it unless `more` says so."""
    blocks = len(ns)
    elapsed, units = (
        tuple(round(1000 * time) for time in times) for times in (ns, [unit] * blocks)
    )
    calm = Paired(
        case, process, "native", 1000, 1000, elapsed, units, (False,) * blocks, (0,) * blocks
    )
    return replace(calm, **more)


def _twice(case: Case, *ns: float, **more: Any) -> list[Sample]:
    """The same visit in two processes."""
    return [_time(case, process, *ns, **more) for process in (0, 1)]


def _of(found: list[Row], case: Case, metric: str) -> Row:
    (row,) = [row for row in found if row.case == case and row.metric == metric]
    return row


def test_rows_of_one_number_stand_beside_the_other_special_rows_of_their_case() -> None:
    softmax = replace(RELU, activation="softmax")
    lowest = SpecialRows(softmax, (SpecialRow.LOWEST,), (("-inf",) * 16,), (("nan",) * 16,))
    single = SpecialRows(softmax, (SpecialRow.SINGLE,), (("0x1p+1",),), (("0x1p+0",),))
    again = replace(single, got=(("0x1p-1",),))
    kept = {
        row.entries.row: row.entries.got
        for row in _rows([lowest, single, again])
        if row.entries is not None
    }
    assert kept.keys() == {SpecialRow.LOWEST, SpecialRow.SINGLE}
    assert kept[SpecialRow.SINGLE] == (0.5,), "what was checked once more counts"


def test_every_timing_metric_follows_from_the_median() -> None:
    found = list(with_derived(_rows(_twice(RELU, 900, 1000, 5000))))
    assert _of(found, RELU, "time_per_call").value == pytest.approx(1000)
    assert _of(found, RELU, "time_per_element").value == pytest.approx(1.0)
    assert _of(found, RELU, "throughput").value == pytest.approx(1e9)
    assert _of(found, RELU, "bandwidth").value == pytest.approx(8.0), (
        "4 bytes in, 4 bytes out, each 1 ns"
    )
    for row in found:
        if row.value is not None and row.low is not None and row.high is not None:
            assert row.low <= row.value <= row.high
        assert row.metric in METRICS


@pytest.mark.parametrize(
    ("activation", "direction", "moved"),
    [
        ("relu", "forward", 2),
        ("relu", "backward", 3),
        ("relu", "both", 5),
        ("crelu", "forward", 3),
        ("maxout", "forward", 1.5),
        ("logsumexp", "forward", 1 + 1 / 500),
    ],
)
def test_bandwidth_counts_what_must_be_moved(activation: str, direction: str, moved: float) -> None:
    case = replace(RELU, activation=activation, form="textbook", direction=direction)
    found = list(with_derived(_rows([_time(case, 0, 1000)])))
    assert _of(found, case, "bandwidth").value == pytest.approx(4 * moved)


def test_relative_cost_is_taken_in_pairs() -> None:
    """A process that is ten times as slow, in both, has the same cost."""
    samples: list[Sample] = [_time(GELU, 0, 300), _time(GELU, 1, 3000, unit=1000)]
    relative = _of(_rows(samples), GELU, "relative_cost")
    assert relative.value == pytest.approx(3)
    assert relative.low == pytest.approx(3, rel=1e-3)
    assert relative.high == pytest.approx(3, rel=1e-3)
    assert relative.against == Against(Other.UNIT, "relu", "native")
    time = _of(_rows(samples), GELU, "time_per_call")
    assert time.value == pytest.approx(math.sqrt(300 * 3000))


def test_the_cost_of_a_unit_is_one_exactly() -> None:
    samples: list[Sample] = [_time(RELU, 0, 103, 99), _time(RELU, 1, 90, 120)]
    relative = _of(_rows(samples), RELU, "relative_cost")
    assert (relative.value, relative.low, relative.high) == (1, 1, 1)


def test_another_form_of_relu_has_a_cost_over_the_unit() -> None:
    other = replace(RELU, form="max")
    relative = _of(_rows(_twice(other, 150)), other, "relative_cost")
    assert relative.value == pytest.approx(1.5)


def test_without_a_unit_relative_cost_says_what_to_add() -> None:
    relative = _of(_rows(_alone()), GELU, "relative_cost")
    assert relative.status == "unsupported"
    assert relative.value is None
    assert relative.cause == Cause(Why.NO_UNIT, ("relu",))
    assert "--activation relu" in words.about(relative)
    assert _of(_rows(_alone()), GELU, "time_per_call").value == pytest.approx(300)


def _alone() -> list[Sample]:
    """A case that was timed against itself."""
    return [replace(_time(GELU, process, 300, unit=300), unit="") for process in (0, 1)]


def test_spoilt_blocks_are_dropped_and_counted() -> None:
    """Two blocks during which somebody else had the CPU, in the same visits as four clean ones."""
    spoilt = (False, True, False, False, True, False)
    visits = _twice(RELU, 100, 9000, 100, 100, 9000, 100, spoilt=spoilt)
    row = _of(_rows(visits), RELU, "time_per_call")
    assert row.value == pytest.approx(100)
    assert "8 samples in 2 processes, 4 dropped" in words.about(row)
    assert spoilt_samples(visits) == 4


def test_one_block_that_nobody_can_explain_does_not_move_a_figure() -> None:
    """A hypervisor may take the CPU for 40 ms and leave no trace but the time."""
    row = _of(_rows(_twice(GELU, 100, 30_000, 100)), GELU, "time_per_call")
    assert row.value == pytest.approx(100)
    assert row.high == pytest.approx(100, rel=1e-3)
    assert row.sampling == Sampling(2, 6, 0, Ended.NARROW)


def test_one_process_has_no_interval() -> None:
    found = _rows([_time(GELU, 0, 300, 310)])
    for metric in ("time_per_call", "relative_cost"):
        row = _of(found, GELU, metric)
        assert row.value is not None
        assert (row.low, row.high) == (None, None)
        assert row.sampling == Sampling(1, 2, 0, Ended.ONE_SAMPLE)


def _line(costs: dict[Case, float], processes: int) -> list[Sample]:
    """Times of so many ns per element at three sizes in cache, the same in every process."""
    sizes = [CLASSES["cpu"][name] for name in ("launch", "l1", "l2")]
    return [
        _time(replace(case, size=size), process, size * cost)
        for case, cost in costs.items()
        for size in sizes
        for process in range(processes)
    ]


def test_parts_of_one_process_have_no_interval() -> None:
    classes = CLASSES["cpu"]
    streaming = replace(GELU, size=classes["memory"])
    reused = replace(streaming, output="reused")
    costs = {GELU: 1.5, replace(GELU, activation="copy"): 1.0}
    samples = [*_line(costs, 2), _time(streaming, 0, 3 * streaming.size)]
    samples += _twice(reused, 2 * streaming.size)
    found = _rows(samples)
    allocation, memory = (_of(found, streaming, metric) for metric in ("allocation", "memory"))
    assert allocation.value == pytest.approx(1)
    assert (allocation.low, allocation.high) == (None, None)
    assert memory.value == pytest.approx(0.5)
    assert memory.low is not None, "the reused output was timed in two processes"
    large = replace(GELU, size=classes["l2"])
    assert _of(found, large, "arithmetic").low is not None
    assert _of(found, large, "slope").value == pytest.approx(1.5)


def test_a_surprise_of_one_process_is_none() -> None:
    """It may be noise: nothing says."""
    costs = {replace(GELU, activation=name): 2.0 for name in ("erf", "add", "multiply")}
    costs |= {replace(GELU, activation="copy"): 1.0, replace(GELU, form="textbook"): 90.0}

    def metrics(processes: int) -> set[str]:
        found = _rows(_line(costs, processes))
        assert all(row.low == row.low for row in found), "NaN is no end"
        return {row.metric for row in found if row.case.activation == "gelu"}

    assert metrics(2) - metrics(1) == {"surprise"}


@pytest.mark.parametrize(
    ("times", "ended"),
    [
        ([100, 100.01], Ended.NARROW),
        ([100], Ended.ONE_SAMPLE),
        ([100, 150], Ended.BUDGET),
        ([100, 150, 100, 150], Ended.DIFFER),
        ([100, 100, 100, 100], Ended.NARROW),
    ],
)
def test_a_time_says_why_sampling_ended(times: list[float], ended: Ended) -> None:
    row = _of(
        _rows([_time(GELU, process, time) for process, time in enumerate(times)]),
        GELU,
        "relative_cost",
    )
    assert row.sampling == Sampling(len(times), len(times), 0, ended)


def test_times_that_were_derived_are_not_derived_again() -> None:
    """A probe found since goes to the same rows as from all samples at once."""
    costs = {replace(GELU, activation=name): 2.0 for name in ("erf", "add", "multiply")}
    costs |= {replace(GELU, activation="copy"): 1.0, replace(GELU, form="textbook"): 90.0}
    samples = _line(costs, 2)
    times = Times(samples, FACTS)
    (surprise,) = times.surprises
    assert surprise == replace(GELU, form="textbook", size=CLASSES["cpu"]["l2"])
    samples.append(Probe(surprise, shuffled=3.0, wide=1.0))
    assert rows(samples, FACTS, times) == rows(samples, FACTS)
    causes = [row.cause for row in rows(samples, FACTS, times) if row.metric == "surprise"]
    assert causes == [Cause(Why.BRANCH, figure=3.0)]
    assert rows(samples, FACTS, Times([], FACTS)) == [], "the derived ones are taken"


def _prepared(case: Case, **changes: Any) -> Preparation:
    plain = Preparation(case, process=0, first=2.5, later=0.5, compilations=1, from_cache=0)
    return replace(plain, **changes)


@pytest.mark.parametrize(
    ("from_cache", "why", "said"),
    [
        (0, Why.COMPILED, "in the first process"),
        (1, Why.FROM_CACHE, "in the first process, from the compile cache of an earlier one"),
    ],
)
def test_compile_time_is_what_the_first_call_takes_above_a_later_one(
    from_cache: int, why: Why, said: str
) -> None:
    case = replace(GELU, mode="compiled")
    again = _prepared(case, process=1, first=9.0)
    samples = [_prepared(case, from_cache=from_cache), _time(case, 0, 100), again]
    row = _of(_rows(samples), case, "compile_time")
    assert (row.value, row.cause) == (2.0, Cause(why))
    assert words.about(row) == said


def test_what_compiled_nothing_has_no_compile_time() -> None:
    case = replace(GELU, mode="compiled")
    found = _rows([_prepared(case, compilations=0), _time(case, 0, 100)])
    assert "compile_time" not in {row.metric for row in found}


def test_a_failure_is_a_row_with_its_reason() -> None:
    (row,) = _rows([Missing(GELU, "time_per_call", Status.TIMEOUT, "no answer")])
    assert (row.status, row.value, row.reason) == (Status.TIMEOUT, None, "no answer")


def test_figures_of_exactness_that_an_older_certificate_lacks_have_no_row() -> None:
    older = {row.metric for row in _rows([Agreement(GELU, Certificate(max_ulp=1.0))])}
    certificate = Certificate(
        max_ulp_near=1.5, median_ulp_near=0.25, max_absolute_near=1e-7, trouble_outside=0
    )
    rows = {row.metric: row.value for row in _rows([Agreement(GELU, certificate)])}
    new = {name: value for name, value in rows.items() if name not in older}
    assert new == {
        "max_ulp_near": 1.5,
        "median_ulp_near": 0.25,
        "max_absolute_near": 1e-7,
        "trouble_outside": 0,
    }


def test_agreement_rows_name_the_worst_input() -> None:
    worst = Point("-0x1.8p+3", got=math.nan, exact=-0.0)
    certificate = Certificate(
        tested=10, max_ulp=math.inf, worst=worst, max_ulp_flushed=2.0, nan_mismatches=1,
        nan_first=(Point("-0x1.8p+3"),), not_correctly_rounded=3,
        histogram={"0.5": 7, "2.0": 2, "nan": 1},
    )  # fmt: skip
    sample = Agreement(GELU, certificate)
    found = list(with_derived(_rows([sample])))
    assert _of(found, GELU, "not_correctly_rounded").value == 3
    said = words.about(_of(found, GELU, "not_correctly_rounded"))
    assert said == "of 10; ≤0.5 ulp: 7, ≤2 ulp: 2, NaN or a number instead: 1"
    assert words.about(_of(found, GELU, "nan_mismatches")) == "first at -0x1.8p+3"
    assert _of(found, GELU, "worst_input").value == -12.0
    row = _of(found, GELU, "max_ulp")
    assert (row.value, row.worst) == (math.inf, worst)
    assert words.about(row) == "at -0x1.8p+3: got nan, exact -0.0"
    binades = (*[0.5] * 61, 2.0)
    sample = Agreement(GELU, replace(certificate, binades=binades))
    row = _of(_rows([sample]), GELU, "max_ulp_flushed")
    assert (row.value, row.binades) == (2.0, binades)


def test_the_paths_of_a_certificate_are_details_of_its_row_and_rows_where_bits_differ() -> None:
    parted = Point("nan", got=1.0, exact=math.nan, other=math.nan)
    tail = Tried(Path_.TAIL, calls=7, inputs=469)
    short = Tried(Path_.SHORT, 115, 18_600, 0.75, math.inf, math.inf, parted, 45)
    refused = Tried(Path_.EMPTY, calls=1, failed=1, reason="ValueError: no")
    paths = (short, tail, Tried(Path_.LARGE, 1, 9), refused, Tried(Path_.STRIDED, 2, lacking=True))
    found = _rows([Agreement(GELU, Certificate(max_ulp=0.5, paths=paths))])
    assert _of(found, GELU, "max_ulp").paths == paths
    assert words.about(_of(found, GELU, "max_ulp")).split("; ") == [
        "the same bits in the last elements, in a large array (478 inputs)",
        "other bits in short arrays, up to inf ulp: at nan it is 1.0 in an array of 45, and "
        "usually nan",
        "no empty arrays",
    ]
    between = {
        row.against.name: row.value for row in found if row.metric == "equal_bits" and row.against
    }
    assert between == {"short arrays": 0.75, "scalar tail": 1.0}
    record = _of(found, GELU, "max_ulp").as_record()
    assert Reader().row(store.dump(record)).paths == paths


def test_a_case_that_one_process_refused_has_no_times() -> None:
    """Another process may have timed it: its figure would mislead as well."""
    refusal = Missing(GELU, "time_per_call", Status.REFUSED, "lie")
    found = _rows([_time(GELU, 0, 300), _time(RELU, 0, 100), refusal])
    (row,) = [row for row in found if row.case == GELU]
    assert (row.status, row.value, row.reason) == (Status.REFUSED, None, "lie")
    assert _of(found, RELU, "time_per_call").value == pytest.approx(100)
