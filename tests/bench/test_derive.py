"""Rows from samples: every metric, what is dropped, and what has no baseline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.cases import Case
from bench.derive import baseline_of, rows
from bench.metrics import METRICS, Row

RELU = Case("torch", "relu", "native", "eager", "forward", "cpu", "float32", 1000, 1)
GELU = replace(RELU, activation="gelu")


def _time(process: int, ns: float, loops: int = 10, **more: Any) -> dict[str, Any]:
    elapsed = ns * loops
    plain = {"switches": 0, "busy": elapsed, "round": 0}
    return {"kind": "time", "process": process, "loops": loops, "elapsed": elapsed, **plain, **more}


def _of(found: list[Row], case: Case, metric: str) -> Row:
    (row,) = [row for row in found if row.case == case and row.metric == metric]
    return row


def test_every_timing_metric_follows_from_the_median() -> None:
    found = rows([(RELU, _time(0, ns)) for ns in (900, 1000, 5000)])
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
    found = rows([(case, _time(0, 1000))])
    assert _of(found, case, "bandwidth").value == pytest.approx(4 * moved)


def test_relative_cost_is_taken_in_the_same_process() -> None:
    samples = [
        (RELU, _time(0, 100)),
        (GELU, _time(0, 300)),
        (RELU, _time(1, 1000)),
        (GELU, _time(1, 3000)),
    ]
    relative = _of(rows(samples), GELU, "relative_cost")
    assert (relative.value, relative.low, relative.high) == (
        pytest.approx(3),
        pytest.approx(3),
        pytest.approx(3),
    )
    assert _of(rows(samples), RELU, "relative_cost").value == 1.0


def test_without_a_baseline_relative_cost_says_what_to_add() -> None:
    relative = _of(rows([(GELU, _time(0, 300))]), GELU, "relative_cost")
    assert relative.status == "unsupported"
    assert relative.value is None
    assert "--activation relu" in relative.detail


def test_numpy_has_no_native_relu_to_compare_with() -> None:
    assert baseline_of(replace(GELU, framework="numpy", form="stable")).form == "max"
    assert baseline_of(GELU).form == "native"


def test_spoilt_samples_are_dropped_and_counted() -> None:
    spoilt = _time(0, 9000, switches=3, busy=10)
    clean = [_time(0, 100) for _ in range(3)]
    row = _of(rows([(RELU, each) for each in [*clean, spoilt, spoilt]]), RELU, "time_per_call")
    assert row.value == row.high == 100
    assert "2 spoilt" in row.detail


def test_too_few_clean_samples_keep_the_spoilt_ones() -> None:
    spoilt = _time(0, 9000, switches=3, busy=10)
    row = _of(rows([(RELU, spoilt), (RELU, _time(0, 100))]), RELU, "time_per_call")
    assert row.high == 9000


def test_threads_that_displace_each_other_spoil_nothing() -> None:
    busy = _time(0, 100, switches=10)
    slow = _time(0, 400, switches=10)
    assert _of(rows([(RELU, busy)] * 2 + [(RELU, slow)] * 3), RELU, "time_per_call").value == 400


def test_a_failure_is_a_row_with_its_reason() -> None:
    failure = {
        "kind": "failure",
        "metric": "time_per_call",
        "status": "timeout",
        "detail": "no answer",
    }
    (row,) = rows([(GELU, failure)])
    assert (row.status, row.value, row.detail) == ("timeout", None, "no answer")


def test_agreement_rows_name_the_worst_input() -> None:
    sample = {
        "kind": "agreement", "tested": 10, "max_ulp": float("inf"), "worst_input": "-0x1.8p+3",
        "got": "nan", "exact": "-0.0", "max_ulp_flushed": 2.0, "nan_mismatches": 1,
        "nan_first": ["-0x1.8p+3"],
    }  # fmt: skip
    found = rows([(GELU, sample)])
    assert _of(found, GELU, "worst_input").value == -12.0
    assert _of(found, GELU, "worst_input").detail.startswith("-0x1.8p+3")
    assert _of(found, GELU, "max_ulp").value == float("inf")
