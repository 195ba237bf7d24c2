"""The recorder of a run: samples from several threads, and each failure once."""

from __future__ import annotations

import os
import sys
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from actbench.bench.catalog.cases import PROFILES, Case, Selection
from actbench.bench.results.samples import Missing, Paired, Probe
from actbench.bench.results.status import Status
from actbench.bench.results.store import RunWriter, read_samples
from actbench.bench.run.request import Request
from actbench.bench.worker.protocol import Failure
from actbench.bench.workers.recorder import Recorder

CASE = Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 64, 1)
LATE = Failure(Status.TIMEOUT, "no answer in 2 s")


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RunWriter]:
    """That of an empty run."""
    selection = Selection(frameworks=("numpy",))
    request = Request(PROFILES["smoke"], selection, 0, tmp_path, {}, "python", 1.0, "actbench run")
    writer = RunWriter(tmp_path / "run", request.facts(datetime.now(UTC)))
    yield writer
    writer.finish([])


def test_a_case_that_has_a_failure_has_no_second_one(writer: RunWriter) -> None:
    recorder, other = Recorder(writer), replace(CASE, size=1024)
    recorder.fail(CASE, "max_ulp", LATE)
    for _ in range(2):
        recorder.fail_all({CASE: LATE, other: LATE}, "time_per_call")
    assert recorder.samples == [
        Missing(CASE, "max_ulp", Status.TIMEOUT, "no answer in 2 s"),
        Missing(other, "time_per_call", Status.TIMEOUT, "no answer in 2 s"),
    ]


def test_a_case_that_others_stand_for_has_none(writer: RunWriter) -> None:
    recorder = Recorder(writer)
    recorder.pass_over(CASE)
    recorder.fail_all({CASE: LATE}, "max_ulp")
    assert recorder.samples == []


def test_samples_of_several_threads_are_all_kept(writer: RunWriter) -> None:
    recorder = Recorder(writer)
    probes = [Probe(replace(CASE, size=size), 1.0, 2.0) for size in range(1, 201)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(recorder.append, probes))
    recorder.flush()
    kept = list(read_samples(writer.path))
    assert len(kept) == len(probes)
    assert set(kept) == set(probes)


def test_the_seconds_of_a_phase_add_up_even_if_it_ends_early(writer: RunWriter) -> None:
    recorder = Recorder(writer)

    def measure(error: type[BaseException] | None) -> None:
        with recorder.timed("measure"):
            time.sleep(0.01)
            if error:
                raise error

    measure(None)
    before = recorder.facts.seconds["measure"]
    with pytest.raises(KeyboardInterrupt):
        measure(KeyboardInterrupt)
    assert recorder.facts.seconds["measure"] >= before + 0.01 >= 0.02


FEW, MANY, MORE = 10_000, 100_000, 101_000
_READ = 1.2 * 2**10
"""Bytes that a sample of four blocks may take once it is read; it is 0.7 KiB."""


def test_a_run_of_many_samples_takes_no_more_memory_than_one_of_few(writer: RunWriter) -> None:
    """Seven seconds of CPU: every sample is written and read as those of a run are."""
    recorder, blocks = Recorder(writer), 4

    def feed(first: int, last: int) -> None:
        for number in range(first, last):
            times = (number + 1,) * blocks
            recorder.append(
                Paired(CASE, number, "max", 9, 9, times, times, (False,) * blocks, (0,) * blocks)
            )

    feed(0, FEW)
    objects, resident = sys.getallocatedblocks(), _resident()
    feed(FEW, MANY)
    assert sys.getallocatedblocks() - objects < (MANY - FEW) / 10
    assert _resident() - resident < 8 * 2**20
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        feed(MANY, MORE)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 8 * (MORE - MANY), "less than a pointer per sample"
    recorder.flush()
    resident = _resident()
    kept = read_samples(writer.path)
    assert (_resident() - resident) / len(kept) < _READ
    assert [sample.process for sample in kept if isinstance(sample, Paired)] == list(range(MORE))


def _resident() -> int:
    """The bytes of this process that lie in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
