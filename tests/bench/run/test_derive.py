"""Rows from samples: every metric, what is dropped, why sampling ended, what has no baseline."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.catalog.sizes import from_caches
from actbench.bench.results import words
from actbench.bench.results.metrics import METRICS
from actbench.bench.results.rows import Cause, Ended, Point, Row, Sampling, Why, with_derived
from actbench.bench.results.samples import (
    Agreement,
    Certificate,
    Missing,
    Preparation,
    Sample,
    Visit,
)
from actbench.bench.results.status import Status
from actbench.bench.run.derive import baseline_of, companions, rows, spoilt_samples

RELU = Case("torch", "relu", "native", "eager", "forward", "cpu", "float32", 1000, 1)
GELU = replace(RELU, activation="gelu")


CLASSES = {"cpu": from_caches({"L1d": 48 * 2**10, "L2": 2 * 2**20, "L3": 32 * 2**20})}
PRECISION = 0.02


def _rows(samples: list[Sample]) -> list[Row]:
    return rows(samples, CLASSES, PRECISION)


def _time(case: Case, process: int, *ns: float, loops: int = 10, **more: Any) -> Visit:
    """A visit: a batch for each time a call, which nothing disturbed unless `more` says so."""
    elapsed: tuple[Any, ...] = tuple(each * loops for each in ns)
    none = (0,) * len(ns)
    calm = Visit(case, process, loops, 9, elapsed, elapsed, none, none)
    return replace(calm, **more)


def _of(found: list[Row], case: Case, metric: str) -> Row:
    (row,) = [row for row in found if row.case == case and row.metric == metric]
    return row


def test_every_timing_metric_follows_from_the_median() -> None:
    found = list(with_derived(_rows([_time(RELU, 0, ns) for ns in (900, 1000, 5000)])))
    assert _of(found, RELU, "time_per_call").value == 1000
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
        ("logsumexp", "forward", 1 + 1 / 8),
    ],
)
def test_bandwidth_counts_what_must_be_moved(activation: str, direction: str, moved: float) -> None:
    case = replace(RELU, activation=activation, form="textbook", direction=direction)
    found = list(with_derived(_rows([_time(case, 0, 1000)])))
    assert _of(found, case, "bandwidth").value == pytest.approx(4 * moved)


def test_relative_cost_is_taken_in_the_same_process() -> None:
    samples = [
        _time(RELU, 0, 100),
        _time(GELU, 0, 300),
        _time(RELU, 1, 1000),
        _time(GELU, 1, 3000),
    ]
    relative = _of(_rows(samples), GELU, "relative_cost")
    assert (relative.value, relative.low, relative.high) == (
        pytest.approx(3),
        pytest.approx(3),
        pytest.approx(3),
    )
    assert _of(_rows(samples), RELU, "relative_cost").value == 1.0


def test_without_a_baseline_relative_cost_says_what_to_add() -> None:
    relative = _of(_rows([_time(GELU, 0, 300)]), GELU, "relative_cost")
    assert relative.status == "unsupported"
    assert relative.value is None
    assert relative.cause == Cause(Why.NO_UNIT, ("relu",))
    assert "--activation relu" in words.about(relative)


def test_numpy_has_no_native_relu_to_compare_with() -> None:
    assert baseline_of(replace(GELU, framework="numpy", form="wide")).form == "max"
    assert baseline_of(GELU).form == "native"


def test_spoilt_batches_are_dropped_and_counted() -> None:
    """Two batches during which somebody else had the CPU, in the same visit as three clean ones."""
    visit = _time(
        RELU, 0, 100, 9000, 100, 100, 9000,
        switches=(0, 3, 0, 0, 1), busy=(1000, 10, 1000, 1000, 80_000),
    )  # fmt: skip
    row = _of(_rows([visit]), RELU, "time_per_call")
    assert row.value == row.high == 100
    assert "3 samples in 1 process, 2 dropped: preempted, or the clock was slow" in words.about(row)
    assert spoilt_samples([visit]) == 2


def test_batches_beside_a_slow_clock_are_dropped_and_counted() -> None:
    """Of four visits of one process one has a pulse twice as long as the others."""
    visits = [_time(RELU, 0, 100, 100, pulse=8000) for _ in range(3)]
    slow = _time(RELU, 0, 900, 900, pulse=16_000)
    row = _of(_rows([*visits, slow]), RELU, "time_per_call")
    assert row.value == row.high == 100
    assert row.sampling == Sampling(1, 6, 2, Ended.NARROW)
    assert spoilt_samples([*visits, slow]) == 2
    steady = _time(RELU, 1, 900, 900, pulse=16_000)
    assert spoilt_samples([*visits, steady]) == 0  # another process has a pulse of its own


def test_too_few_clean_visits_keep_the_spoilt_ones() -> None:
    """Of two visits one is spoilt, whole: one visit tells no interval, so both stay."""
    spoilt = _time(RELU, 0, 9000, 9000, switches=(3, 3), busy=(10, 10))
    row = _of(_rows([spoilt, _time(RELU, 0, 100, 100)]), RELU, "time_per_call")
    assert row.high == 9000
    assert row.sampling == Sampling(1, 4, 0, Ended.BUDGET)


def test_one_batch_that_nobody_can_explain_does_not_move_the_interval() -> None:
    """A hypervisor may take the CPU for 40 ms and leave no trace but the time."""
    visits = [_time(RELU, 0, 100, 100, 100) for _ in range(2)]
    row = _of(_rows([*visits, _time(RELU, 0, 100, 30_000, 100)]), RELU, "time_per_call")
    assert (row.value, row.low, row.high) == (100, 100, 100)
    assert row.sampling == Sampling(1, 9, 0, Ended.NARROW)


def test_one_sample_has_no_interval() -> None:
    row = _of(_rows([_time(RELU, 0, 100)]), RELU, "time_per_call")
    assert (row.value, row.low, row.high) == (100, None, None)
    assert row.sampling == Sampling(1, 1, 0, Ended.ONE_SAMPLE)


def test_parts_of_one_sample_have_no_interval() -> None:
    """A call that streams is longer than a batch: one visit gives one sample."""
    classes = CLASSES["cpu"]
    sizes = [classes[name] for name in ("launch", "l1", "l2")]
    streaming = replace(GELU, size=classes["memory"])
    reused = replace(streaming, output="reused")
    samples = [
        _time(replace(GELU, size=size, activation=name), 0, size, size + 1)
        for name in ("gelu", "copy")
        for size in sizes
    ]
    samples += [
        _time(streaming, 0, 3 * streaming.size),
        _time(reused, 0, 2 * streaming.size, 2.1 * streaming.size),
    ]
    found = _rows(samples)
    allocation = _of(found, streaming, "allocation")
    assert allocation.value == pytest.approx(0.95)
    assert (allocation.low, allocation.high) == (None, None)
    memory = _of(found, streaming, "memory")
    assert memory.low is not None, "the reused output has two samples"
    assert _of(found, replace(GELU, size=sizes[-1]), "arithmetic").low is not None


def test_a_surprise_of_one_sample_is_none() -> None:
    """It may be noise: nothing tells."""
    costs = {replace(GELU, activation=name): 2.0 for name in ("erf", "add", "multiply")}
    costs |= {replace(GELU, activation="copy"): 1.0, replace(GELU, form="textbook"): 90.0}
    sizes = [CLASSES["cpu"][name] for name in ("launch", "l1", "l2")]

    def metrics(*more: float) -> set[str]:
        found = _rows(
            [
                _time(replace(case, size=size), 0, *(size * (cost + each) for each in more))
                for case, cost in costs.items()
                for size in sizes
            ]
        )
        assert all(row.low == row.low for row in found), "NaN is no end"
        return {row.metric for row in found if row.case.activation == "gelu"}

    assert "surprise" in metrics(0.0, 0.01)
    assert metrics(0.0, 0.01) - metrics(0.0) == {"surprise"}


def test_a_ratio_to_one_sample_has_no_interval() -> None:
    found = _rows([_time(RELU, 0, 100), _time(GELU, 0, 300, 310, 320)])
    assert _of(found, GELU, "time_per_call").low is not None
    relative = _of(found, GELU, "relative_cost")
    assert (relative.value, relative.low, relative.high) == (pytest.approx(3.1), None, None)


def test_threads_that_displace_each_other_spoil_nothing() -> None:
    visit = _time(RELU, 0, 100, 100, 400, 400, 400, switches=(10,) * 5)
    assert _of(_rows([visit]), RELU, "time_per_call").value == 400


def test_a_device_is_not_spoilt_by_a_waiting_cpu() -> None:
    case = replace(RELU, device="cuda")
    switches = (0, 0, 0, 9, 9, 9, 9)
    visit = _time(case, 0, 100, 100, 100, 400, 400, 400, 400, switches=switches, busy=(0,) * 7)
    found = rows([visit], {"cuda": CLASSES["cpu"]}, PRECISION)
    assert _of(found, case, "time_per_call").value == 400


@pytest.mark.parametrize(
    ("visits", "ended"),
    [
        ([(0, 100, 101, 100), (1, 100, 100, 101)], Ended.NARROW),
        (
            [(0, 100, 101, 100), (0, 100), (1, 150, 151, 150), (1, 150)],
            Ended.DIFFER,
        ),
        ([(0, 100, 150, 200, 90)], Ended.BUDGET),
        ([(0, 100, 101, 100), (1, 100, 190, 140)], Ended.BUDGET),
    ],
)
def test_a_time_says_why_sampling_ended(visits: list[tuple[int, ...]], ended: Ended) -> None:
    row = _of(_rows([_time(RELU, *visit) for visit in visits]), RELU, "time_per_call")
    assert row.sampling is not None
    assert row.sampling.ended is ended
    assert row.low is not None
    assert row.high is not None
    assert row.value is not None
    width = (row.high - row.low) / 2 / row.value
    assert (width <= PRECISION) == (ended is Ended.NARROW)


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


def test_rows_do_not_depend_on_the_process_that_derives_them() -> None:
    """The resampling is seeded by the case: the same samples give the same intervals again."""
    samples = [_time(case, p, 90 + 7 * p, 100, 130) for case in (RELU, GELU) for p in range(3)]
    assert _rows(samples) == _rows(samples)
    alone = _of(_rows(samples[:3]), RELU, "time_per_call")
    assert alone == _of(_rows(samples), RELU, "time_per_call")


def test_companions_are_relu_and_a_copy_where_a_line_is_drawn() -> None:
    small, large = replace(GELU, size=64), replace(GELU, size=4096)
    relus = [replace(case, activation="relu") for case in (small, large)]
    copies = [replace(case, activation="copy") for case in (small, large)]
    assert companions([small]) == relus[:1]
    assert set(companions([small, large])) == {*relus, *copies}


def test_what_is_not_split_needs_no_copy() -> None:
    cases = [replace(GELU, size=size, output="reused") for size in (64, 4096)]
    assert {case.activation for case in companions(cases)} == {"relu"}


def test_the_floor_of_a_backward_case_is_a_forward_copy() -> None:
    sizes = [replace(GELU, size=size, direction="backward") for size in (64, 4096)]
    floors = {case.direction for case in companions(sizes) if case.activation == "copy"}
    assert floors == {"forward"}


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


def test_a_case_that_one_process_refused_has_no_times() -> None:
    """Another process may have timed it: its figure would mislead as well."""
    refusal = Missing(GELU, "time_per_call", Status.REFUSED, "lie")
    found = _rows([_time(GELU, 0, 300), _time(RELU, 0, 100), refusal])
    (row,) = [row for row in found if row.case == GELU]
    assert (row.status, row.value, row.reason) == (Status.REFUSED, None, "lie")
    assert _of(found, RELU, "time_per_call").value == 100
