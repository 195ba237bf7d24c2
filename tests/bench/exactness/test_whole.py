"""Whole numbers as inputs: what is said of planted results, and what frameworks are known to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.exactness import whole
from actbench.bench.exactness.conventions import conventions
from actbench.bench.results import words
from actbench.bench.results.rows import Outcome, Row
from actbench.bench.results.samples import Reader, as_record
from actbench.bench.results.status import Status
from actbench.bench.results.store import dump
from actbench.bench.worker.protocol import Failure, OnWhole
from actbench.bench.workers.supervised import SupervisedWorker

CASE = Case("numpy", "sigmoid", "textbook", "eager", "forward", "cpu", "float32", 8, 1)


def _stored(sample: Any) -> Any:
    """A sample as a run gives it back."""
    reader = Reader()
    reader.sample(dump({"kind": "case", "case": 0, **sample.case.as_dict()}))
    return reader.sample(dump(as_record(sample, 0)))


def _row(case: Case, function: Callable[[np.ndarray], Any]) -> Row:
    """The row of a function of arrays, as a run stores its sample."""

    def answer(x: np.ndarray) -> OnWhole:
        result = np.asarray(function(x))
        return OnWhole(result.dtype.name, tuple(map(float, result.ravel())))

    sample = whole.taken(case, [answer(array) for array in whole.arrays(case)])
    return whole.row(_stored(sample))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x.astype(np.float32)))


def test_a_function_computes_in_floating_point_whatever_it_is_given() -> None:
    row = _row(CASE, _sigmoid)
    assert {answer.outcome for answer in row.whole} == {Outcome.FLOATING}
    assert row.value == 1
    assert words.about(row) == "int32, int64, bool: computes in float32"


def test_a_result_of_the_dtype_of_the_input_is_cut() -> None:
    row = _row(CASE, lambda x: _sigmoid(x).astype(x.dtype))
    kinds = [answer.outcome for answer in row.whole]
    assert kinds == [Outcome.TRUNCATED] * 3
    assert row.value == 0
    assert words.about(row).startswith("int32, int64, bool: truncates, -3 → 0, exactly 0.04743")


def test_numbers_of_another_function_are_wrong_in_whole_and_in_floating_point() -> None:
    relu = replace(CASE, activation="relu")
    assert {answer.outcome for answer in _row(relu, lambda x: 1.0 * x - 5).whole} == {Outcome.WRONG}
    assert {answer.outcome for answer in _row(relu, lambda x: 1 * x - 5).whole} == {Outcome.WRONG}
    assert {answer.outcome for answer in _row(relu, lambda x: 1 * x[:, :4]).whole} == {
        Outcome.WRONG
    }
    rounding = _row(relu, lambda x: np.maximum(x * (1 + 1e-3), 0.0))
    assert {answer.outcome for answer in rounding.whole} == {Outcome.FLOATING}


def test_rows_are_judged_as_a_whole() -> None:
    def softmax(x: np.ndarray) -> np.ndarray:
        powers = np.exp(x.astype(np.float64))
        return powers / powers.sum(axis=-1, keepdims=True)

    rows = replace(CASE, activation="softmax")
    assert {answer.outcome for answer in _row(rows, softmax).whole} == {Outcome.FLOATING}
    first = replace(rows, activation="softmax(axis=0)")
    assert _row(first, lambda x: softmax(x.T).T).value == 1
    cut = _row(rows, lambda x: softmax(x).astype(np.int64))
    assert {answer.outcome for answer in cut.whole} == {Outcome.TRUNCATED}


def test_a_refusal_has_its_reason_and_a_column() -> None:
    failed = OnWhole(failure=Failure(Status.ERROR, "TypeError: no whole numbers"))
    row = whole.row(whole.taken(CASE, [failed] * 3))
    assert row.value == 0
    (line,) = conventions([row])
    text = "int32, int64, bool: refuses, TypeError: no whole numbers"
    assert line.cells["whole numbers"] == (text,)


def test_each_plain_eager_function_is_tried_once() -> None:
    swept = [
        replace(CASE, direction=direction, dtype=dtype, mode=mode, form=form)
        for direction in ("forward", "backward")
        for dtype in ("float32", "bfloat16")
        for mode in ("eager", "compiled")
        for form in ("textbook", "wide")
    ]
    assert whole.cases(swept) == [CASE]


def test_a_reference_that_no_framework_has_is_tried_as_well() -> None:
    own = replace(CASE, activation="exp2", form="native")
    assert whole.cases([own]) == [own]
    assert {answer.outcome for answer in _row(own, np.exp2).whole} == {Outcome.FLOATING}


_KNOWN = {
    "numpy": {
        "relu": (Outcome.WHOLE,) * 3,
        "tanh": (Outcome.FLOATING,) * 3,
        "sigmoid": (Outcome.FLOATING, Outcome.FLOATING, Outcome.REFUSED),
        "softmax(axis=0)": (Outcome.FLOATING,) * 3,
        "softplus_approximation": (Outcome.WRONG, Outcome.WRONG, Outcome.REFUSED),
    },
    "torch": {
        "relu": (Outcome.WHOLE, Outcome.WHOLE, Outcome.REFUSED),
        "gelu": (Outcome.REFUSED,) * 3,
        "sigmoid": (Outcome.FLOATING,) * 3,
        "logsumexp": (Outcome.FLOATING,) * 3,
    },
    "jax": {
        "relu": (Outcome.WHOLE,) * 3,
        "silu": (Outcome.REFUSED,) * 3,
        "gelu_tanh": (Outcome.FLOATING,) * 3,
    },
    "tensorflow": {
        "relu": (Outcome.WHOLE, Outcome.WHOLE, Outcome.REFUSED),
        "softmax": (Outcome.REFUSED,) * 3,
    },
}


@pytest.mark.slow
def test_frameworks_do_what_they_are_known_to_do(framework: str, worker: SupervisedWorker) -> None:
    for activation, outcomes in _KNOWN[framework].items():
        (case,) = whole.cases(
            replace(CASE, framework=framework, activation=activation, form=form)
            for form in ("native", "max", "textbook")
        )[:1]
        row = whole.row(whole.taken(case, worker.whole(case, whole.arrays(case))))
        assert tuple(answer.outcome for answer in row.whole) == outcomes, words.about(row)
        assert case not in worker.failures
