"""The agreement of a run: what a worker is asked, what is recorded, and whom a fault costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from actbench.bench.catalog.cases import PROFILES, Case, Selection, directions_of
from actbench.bench.exactness.agreement import Agreement
from actbench.bench.host.errors import StoreError
from actbench.bench.host.progress import Reporter
from actbench.bench.results.samples import Agreement as Certified
from actbench.bench.results.samples import Missing, Sample, Specials
from actbench.bench.results.status import Status
from actbench.bench.worker.protocol import Failure
from actbench.bench.workers.environment import Key
from actbench.bench.workers.supervised import Workers

_CASE = Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 64, 1)
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

    def evaluate(self, case: Case, bits: Any, upstream: Any = None) -> Any:
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
    agreement = Agreement(PROFILES["smoke"], selection, 0, workers, {_CASE}, kept)
    agreement.prepare(Reporter(quiet=True))
    for task in agreement.tasks(worker):  # type: ignore[arg-type]
        task()
    return worker, recorder.samples


def _kinds(samples: list[Sample]) -> list[tuple[type[Sample], str]]:
    return [(type(sample), sample.case.direction) for sample in samples]


def test_both_directions_come_of_one_call_of_what_was_asked_for() -> None:
    worker, samples = _swept()
    assert [(case.form, case.direction) for case in worker.asked] == [("max", "both")]
    assert _kinds(samples) == [
        *((Certified, "forward"), (Specials, "forward")),
        *((Certified, "backward"), (Specials, "backward")),
    ]
    assert {sample.case.size for sample in samples} == {2**16}


def test_where_both_at_once_fail_each_is_tried_and_has_its_own_failure() -> None:
    worker, samples = _swept("both", "backward")
    assert [case.direction for case in worker.asked] == ["both", "forward", "backward"]
    assert _kinds(samples) == [
        *((Certified, "forward"), (Specials, "forward")),
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
