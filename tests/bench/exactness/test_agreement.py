"""The agreement of a run: what a worker is asked, what is recorded, and whom a fault costs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from actbench.bench.catalog.activations import find
from actbench.bench.catalog.cases import PROFILES, Case, Selection, directions_of
from actbench.bench.catalog.sizes import size_classes
from actbench.bench.exactness import sweep
from actbench.bench.exactness.agreement import Agreement
from actbench.bench.exactness.problem import problem_of
from actbench.bench.host.errors import StoreError
from actbench.bench.host.progress import Reporter
from actbench.bench.results.samples import Agreement as Certified
from actbench.bench.results.samples import Missing, OfWhole, Sample, Specials
from actbench.bench.results.status import Status
from actbench.bench.worker.protocol import Attempt, Failure, OnWhole
from actbench.bench.workers.environment import Key
from actbench.bench.workers.supervised import Workers

_CASE = Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 0, 1)
_ABSENT = replace(_CASE, form="abs")
_WHY = Failure(Status.OOM, "64 GiB")


class _Worker:
    """A worker of NumPy's relu in float16, which fails in some directions."""

    key = Key("numpy", "cpu", 1)
    closed = False

    def __init__(self, failing: tuple[str, ...], error: Exception | None) -> None:
        self.alive = [_CASE, _ABSENT]
        self.asked: list[Case] = []
        self._failing, self._error = failing, error

    def evaluate(self, case: Case, bits: Any, upstream: Any = None, apart: bool = False) -> Any:
        self.asked.append(case)
        if self._error:
            raise self._error
        if case.direction in self._failing:
            return None
        x = bits.view(np.float16)
        value, slope = np.maximum(x, 0).astype(np.float16), (x > 0).astype(np.float16)
        value[np.isnan(x)] = slope[np.isnan(x)] = np.nan
        results = {"forward": (value,), "backward": (slope,), "both": (value, slope)}
        return tuple(result.view(np.uint16) for result in results[case.direction])

    def attempts(self, case: Case, inputs: Any) -> list[Attempt]:
        """No path can be gone: that is none of the sweep's failures."""
        return [Attempt(failure=_WHY)] * len(inputs)

    def whole(self, case: Case, inputs: Any) -> list[OnWhole]:
        return [OnWhole(failure=_WHY)] * len(inputs)

    def failure_of(self, case: Case) -> Failure | None:
        return _WHY if case.direction in self._failing else None


class _Recorder:
    """Keeps what is recorded."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    def append(self, sample: Sample) -> None:
        self.samples.append(sample)

    def fail(self, case: Case, metric: str, failure: Failure) -> None:
        self.append(Missing(case, metric, failure.status, failure.reason))

    def pass_over(self, case: Case) -> None:
        """Nothing else records failures here."""


def _swept(*failing: str, error: Exception | None = None) -> tuple[_Worker, list[Sample]]:
    worker, recorder = _Worker(failing, error), _Recorder()
    selection = Selection(dtypes=("float16",))
    workers: Any = Workers([worker])  # type: ignore[list-item]
    kept: Any = recorder
    profile = replace(PROFILES["smoke"], agreement_dtypes=("float32",))
    agreement = Agreement(profile, selection, 0, workers, {_CASE}, kept)
    agreement.prepare(Reporter(quiet=True))
    for task in agreement.tasks(worker):  # type: ignore[arg-type]
        task()
    # What it makes of whole numbers is none of the sweep's samples.
    return worker, [sample for sample in recorder.samples if not isinstance(sample, OfWhole)]


def _kinds(samples: list[Sample]) -> list[tuple[type[Sample], str]]:
    return [(type(sample), sample.case.direction) for sample in samples]


def _timed(*directions: str, sizes: tuple[int, ...] = (64, 2**15)) -> list[Case]:
    return [
        replace(_CASE, direction=direction, size=size, output=output)
        for direction in directions
        for size in sizes
        for output in ("fresh", "reused")
    ]


@pytest.mark.parametrize(
    ("timed", "swept"),
    [
        (("forward",), ("forward",)),
        (("forward", "backward"), ("forward", "backward")),
        (("backward", "both"), ("forward", "backward")),
        (("both",), ("both",)),
        (("forward", "both"), ("both",)),
    ],
)
def test_what_is_timed_is_swept_once_and_nothing_else_is_compiled(
    timed: tuple[str, ...], swept: tuple[str, ...]
) -> None:
    cases = sweep.timed_cases(_timed(*timed))
    assert tuple(case.direction for case in cases) == swept
    assert {(case.size, case.output, case.dtype) for case in cases} == {(0, "fresh", "float32")}


def test_a_sweep_has_the_shape_of_the_timed_size_that_is_nearest_to_the_cache() -> None:
    usual = size_classes("cpu")["l2"]

    def shape(*sizes: int) -> sweep.Shape:
        [found] = sweep.timed_cases(_timed("forward", sizes=sizes)).values()
        return found

    assert shape(64, usual, 8 * usual) == (usual // 256, 256)
    assert shape(2**13, 2**19 if usual < 2**16 else 2**12) == (2**5, 256)
    assert shape(64) == shape(2**25) == (usual // 256, 256)


@pytest.mark.parametrize("label", ["silu", "softmax"])
def test_results_do_not_depend_on_the_shape_of_the_calls(label: str) -> None:
    """In calls of 128 and of 2^20 inputs: none is lost, and what fills up the last is left out."""
    problem, asked = problem_of(find(label), "forward", "float32", 1, 0), []

    def evaluate(case: Case, bits: Any, upstream: Any = None, apart: bool = False) -> Any:
        assert apart is (label == "silu")  # all rows are one call
        asked.append(bits.shape)
        return (bits,)

    case = replace(_CASE, activation=label)
    small, large = (
        sweep.outputs_of(case, [problem], evaluate, shape) for shape in ((2, 64), (4096, 256))
    )
    assert small is not None
    assert large is not None
    assert np.array_equal(small[0], problem.bits)
    assert np.array_equal(large[0], problem.bits)
    calls = -(-problem.bits.size // 128)
    shapes = [problem.bits.shape] * 2
    assert asked == (shapes if label == "softmax" else [(calls, 2, 64), (1, 4096, 256)])


_SWEEP = """
import importlib
from dataclasses import replace
from actbench.bench.catalog.activations import find
from actbench.bench.catalog.cases import Case
from actbench.bench.exactness import sweep
from actbench.bench.exactness.problem import problem_of
from actbench.bench.worker.operations import Worker
from actbench.bench.worker.protocol import Evaluate, Prepare
from actbench.bench.workers.requests import call_of, timed_call

worker = Worker(importlib.import_module("actbench.impls.{framework}"), "cpu", 1)
case = Case("{framework}", "prelu", "where", "compiled", "forward", "cpu", "float32", 2**15, 1)
timed = [case, replace(case, direction="backward"), replace(case, dtype="bfloat16")]
for number, prepared in enumerate(timed):
    worker.prepare(Prepare(number, timed_call(prepared, 0)))
before = worker.adapter.compilations()

def evaluate(case, bits, upstream=None, apart=False):
    return worker.evaluate(Evaluate(call_of(case, bits.shape[-1]), bits, upstream, apart))

for swept, shape in sweep.timed_cases(timed).items():
    problem = problem_of(find("prelu"), swept.direction, swept.dtype, 2, 0)
    assert sweep.measure(swept, [problem], evaluate, shape)
print(before, worker.adapter.compilations() - before)
"""


@pytest.mark.slow
def test_a_sweep_after_timing_compiles_nothing(compiler: str) -> None:
    """Of value and gradient in float32, of a learned parameter, and of bfloat16, as in a run."""
    code = _SWEEP.format(framework=compiler)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    before, more = map(int, done.stdout.split()[-2:])
    assert before >= 3
    assert more == 0


def test_both_directions_come_of_one_call_of_what_was_asked_for() -> None:
    worker, samples = _swept()
    assert [(case.form, case.direction) for case in worker.asked] == [("max", "both")]
    assert _kinds(samples) == [
        *((Specials, "forward"), (Certified, "forward")),
        *((Specials, "backward"), (Certified, "backward")),
    ]
    assert {sample.case.size for sample in samples} == {2**16}


def test_where_both_at_once_fail_each_is_tried_and_has_its_own_failure() -> None:
    worker, samples = _swept("both", "backward")
    assert [case.direction for case in worker.asked] == ["both", "forward", "backward"]
    assert _kinds(samples) == [
        *((Specials, "forward"), (Certified, "forward")),
        (Missing, "backward"),
    ]
    *_, missing = samples
    assert isinstance(missing, Missing)
    assert (missing.metric, missing.status, missing.reason) == ("max_ulp", "oom", "64 GiB")


def test_a_fault_of_a_check_is_a_failure_of_its_case() -> None:
    _, samples = _swept(error=ValueError("no such shape"))
    reasons = {sample.reason for sample in samples if isinstance(sample, Missing)}
    assert reasons == {"ValueError: no such shape"}
    cases = [replace(sample.case, size=0) for sample in samples]
    assert cases == list(directions_of(replace(_CASE, size=0, dtype="float16", direction="both")))


def test_a_full_disk_ends_the_run() -> None:
    with pytest.raises(StoreError):
        _swept(error=StoreError("cannot write"))


def test_a_closed_worker_is_not_asked() -> None:
    worker = _Worker((), None)
    worker.closed = True
    kept: Any = _Recorder()
    workers: Any = Workers([worker])  # type: ignore[list-item]
    agreement = Agreement(PROFILES["smoke"], Selection(), 0, workers, {_CASE}, kept)
    for task in agreement.tasks(worker):  # type: ignore[arg-type]
        task()
    assert worker.asked == []
