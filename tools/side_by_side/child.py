"""The child of `tools.side_by_side`: one framework's cases, timed by several harnesses in turn.

`python -m tools.side_by_side.child FRAMEWORK DESCRIPTOR CPUS` reads one request from the pipe
DESCRIPTOR and answers with messages: versions, failures, then one per turn of a tool.

Every tool times the same statement, `wait(step())`, on the same arrays in one process, for about as
many seconds per turn, through its public interface, and from the same depth of the call stack. An
empty callable takes turns like a case; there pytest-benchmark joins.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import count, cycle, permutations
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

from actbench.bench.worker.clock import Batch
from actbench.bench.worker.operations import Ready, Worker
from actbench.bench.worker.protocol import Prepare, Sample
from actbench.bench.worker.serving import failure_of

BATCH = 0.004
"""Seconds per batch of actbench, as in its own runs; a value of pyperf takes once or twice that."""

_TRIES = 5
_BUSY = 0.95
"""The share of CPU time below which a turn counts as disturbed and is tried again: the tools'
batches differ in length, so that other processes would decide which tool looks slow."""
_PYTEST_FILE = "def test_cost(benchmark, subject):\n    benchmark(subject)\n"


@dataclass(frozen=True)
class _Subject:
    """A statement to time, with its names; `key` is a case's number or the kind of empty call."""

    key: int | str
    statement: str
    names: dict[str, Any]

    @property
    def empty(self) -> bool:
        """True for an empty call, which shows the cost of the tools themselves."""
        return isinstance(self.key, str)


def _empty() -> tuple[()]:
    """Do nothing, and return a value that is ready in every framework."""
    return ()


class _Actbench:
    """This harness: `Worker.sample` for a case, timed batches for the empty callable."""

    def __init__(self, worker: Worker, seconds: float) -> None:
        self._worker, self._batches = worker, max(1, round(seconds / BATCH))
        self._loops = 1

    def __call__(self, subject: _Subject) -> dict[str, Any]:
        if isinstance(subject.key, int):
            request = Sample(subject.key, BATCH, self._batches)
            return {"sample": vars(self._worker.sample(request))}
        clock = self._worker.clock
        while clock.elapsed(_empty, self._loops) < BATCH * 1e9:
            self._loops *= 2
        batches = [clock.batch(_empty, self._loops) for _ in range(self._batches)]
        columns = {name: [getattr(batch, name) for batch in batches] for name in Batch._fields}
        return {"sample": {"loops": self._loops, **columns}}


class _Torch:
    """`torch.utils.benchmark.Timer.blocked_autorange`."""

    def __init__(self, worker: Worker, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, subject: _Subject) -> dict[str, Any]:
        from torch.utils.benchmark import Timer

        timer = Timer(subject.statement, globals=subject.names, num_threads=1)
        measured = timer.blocked_autorange(min_run_time=self._seconds)
        return {"times": [seconds * 1e9 for seconds in measured.times]}


class _Pyperf:
    """`pyperf.Runner.timeit` with `--worker`: the process acts as one that pyperf would start.

    Its manager starts one process per run, and two processes of one harness differ more (by their
    memory layout) than two harnesses do in one. Its results are read from the file it writes.
    """

    def __init__(self, worker: Worker, seconds: float) -> None:
        import pyperf

        self._loops: dict[int | str, int] = {}
        self._turns = count()
        self._runner = pyperf.Runner()
        values = max(1, round(seconds / BATCH))
        options = ["--worker", "--quiet", f"--min-time={BATCH}", f"--values={values}"]
        self._runner.parse_args([*options, "--calibrate-loops"])

    def __call__(self, subject: _Subject) -> dict[str, Any]:
        if subject.key not in self._loops:
            (run,) = self._run(subject, 0).get_runs()
            self._loops[subject.key] = run.get_metadata()["calibrate_loops"]
        values = self._run(subject, self._loops[subject.key]).get_values()
        return {"times": [seconds * 1e9 for seconds in values]}

    def _run(self, subject: _Subject, loops: int) -> Any:
        """Run once; without loops pyperf chooses them."""
        import pyperf

        arguments = self._runner.args
        arguments.calibrate_loops, arguments.loops = not loops, loops
        with tempfile.TemporaryDirectory() as folder:
            arguments.append = str(Path(folder, "pyperf.json"))
            name = f"turn {next(self._turns)}"
            self._runner.timeit(name, subject.statement, globals=subject.names)
            return pyperf.Benchmark.load(arguments.append)


class _PytestBenchmark:
    """The median of pytest-benchmark's fixture, in a pytest session of its own."""

    def __init__(self, worker: Worker, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, subject: _Subject) -> dict[str, Any]:
        import pytest

        class Plugin:
            @pytest.fixture
            def subject(self) -> Callable[[], Any]:
                names = subject.names
                return _empty if subject.key == "bare" else lambda: names["wait"](_empty())

        with tempfile.TemporaryDirectory() as folder:
            test, out = Path(folder, "test_cost.py"), Path(folder, "out.json")
            test.write_text(_PYTEST_FILE)
            Path(folder, "pytest.ini").write_text("[pytest]\n")
            options = ["-p", "no:cacheprovider", "--import-mode=importlib"]
            seconds = f"--benchmark-max-time={self._seconds}"
            pytest.main([str(test), *options, seconds, f"--benchmark-json={out}"], [Plugin()])
            (measured,) = json.loads(out.read_text())["benchmarks"]
        return {"times": [measured["stats"]["median"] * 1e9]}


_Tool = Callable[[_Subject], dict[str, Any]]
_TOOLS: Mapping[str, Callable[[Worker, float], _Tool]] = {
    "actbench": _Actbench,
    "torch.utils.benchmark": _Torch,
    "pyperf": _Pyperf,
    "pytest-benchmark": _PytestBenchmark,
}


_TIMING = ("actbench", "torch.utils.benchmark", "pyperf")


def main(arguments: list[str]) -> int:
    """Import the framework, prepare the cases of the request, and time them."""
    framework, descriptor, cpus = arguments
    os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})
    pipe = Connection(int(descriptor))
    try:
        worker = Worker(importlib.import_module(f"actbench.impls.{framework}"), "cpu", 1)
        request = pipe.recv()
        tools = {name: tool(worker, request["seconds"]) for name, tool in _TOOLS.items()}
    except ImportError as error:
        pipe.send({"kind": "missing", "detail": f"{error.name} is not installed here"})
        return 0
    pipe.send({"kind": "versions", **_versions(worker)})
    wait = worker.adapter.wait
    subjects = [_Subject("waited for", "wait(step())", {"wait": wait, "step": _empty})]
    if request["bare"]:
        subjects.append(_Subject("bare", "step()", {"step": _empty}))
    for number, timed in enumerate(request["cases"]):
        try:
            worker.prepare(Prepare(number, timed))
        except Exception as error:
            pipe.send({"kind": "failed", "detail": failure_of(error).reason})
            continue
        names = {"wait": wait, "step": worker.ready[number].action}
        subjects.append(_Subject(number, "wait(step())", names))
    depths = {name: _depth(tools[name], worker) for name in _TIMING}
    for name, subject in _turns(subjects, request["rounds"], request["seed"]):
        padding = 0 if subject.empty else max(depths.values()) - depths[name]
        answer = _quietest(partial(_from_depth, padding, tools[name], subject), name)
        pipe.send({"kind": "turn", "subject": subject.key, "tool": name, **answer})
    pipe.send({"kind": "done"})
    return 0


def _depth(tool: _Tool, worker: Worker) -> int:
    """Python frames between this function and the statement as a tool runs it.

    TensorFlow records the Python stack with every operation: from 20 frames deeper an eager elu of
    65,536 elements takes 38 µs instead of 37. pyperf's loop is about ten frames deeper.
    """
    depth = 0

    def step() -> tuple[()]:
        nonlocal depth
        depth = -1
        frame: FrameType | None = sys._getframe()
        while frame:
            frame, depth = frame.f_back, depth + 1
        return ()

    worker.ready[-1] = Ready(step, 1.0)
    tool(_Subject(-1, "wait(step())", {"wait": worker.adapter.wait, "step": step}))
    return depth


def _from_depth(frames: int, tool: _Tool, subject: _Subject) -> dict[str, Any]:
    """Take a turn of a tool from so many frames deeper."""
    return _from_depth(frames - 1, tool, subject) if frames else tool(subject)


def _quietest(turn: Callable[[], dict[str, Any]], name: str) -> dict[str, Any]:
    """Take an undisturbed turn, or return the least disturbed of some."""
    best = {"busy": -1.0}
    for _ in range(_TRIES):
        wall, busy = time.perf_counter(), time.process_time()
        answer = turn()
        share = (time.process_time() - busy) / (time.perf_counter() - wall)
        # Its rounds take microseconds: their median is that of undisturbed ones.
        share = 1.0 if name == "pytest-benchmark" else share
        best = max(best, {**answer, "busy": share}, key=lambda turn: turn["busy"])
        if best["busy"] >= _BUSY:
            break
    return {**best, "disturbed": best["busy"] < _BUSY}


def _versions(worker: Worker) -> dict[str, Any]:
    others = {name: version(name) for name in ("torch", "pyperf", "pytest-benchmark")}
    return {"versions": {**worker.describe().versions, **others}}


def _turns(subjects: list[_Subject], rounds: int, seed: int) -> Iterator[tuple[str, _Subject]]:
    """Rounds over all subjects in shuffled order; the tools' order cycles its permutations."""
    dice = random.Random(seed)
    timing, every = (cycle(permutations(tools)) for tools in (_TIMING, tuple(_TOOLS)))
    for _ in range(rounds):
        order, with_empty = next(timing), next(every)
        for subject in dice.sample(subjects, len(subjects)):
            for name in with_empty if subject.empty else order:
                yield name, subject


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
