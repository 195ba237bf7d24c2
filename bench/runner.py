"""The parent of a run: workers, schedule, samples, rows. It imports no framework."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from . import inputs, machine
from .agreement import sweep
from .cases import Case, Profile, Selection, expand, unsupported
from .derive import baseline_of, spoilt
from .derive import rows as derive_rows
from .lanes import Lane, available_cpus, make_lanes, measuring_cpus
from .metrics import Row
from .progress import Reporter
from .store import RESULTS, SCHEMA, RunFacts, RunWriter, read_samples
from .worker_process import Failed

PARTS = ("agreement", "timing")


@dataclass(frozen=True)
class Request:
    """A run as it was asked for. `pythons` maps a framework to the interpreter that runs it."""

    profile: Profile
    selection: Selection
    seed: int
    out: Path | None
    pythons: Mapping[str, str]
    python: str
    timeout: float
    command: str
    parts: tuple[str, ...] = PARTS


@dataclass(frozen=True)
class Outcome:
    """Where a run was written, its rows and facts."""

    path: Path
    facts: RunFacts
    rows: list[Row]


def run(request: Request, reporter: Reporter) -> Outcome:
    """Measure what is asked for, with relu beside it as the unit of cost, and write a run folder.

    Raises UsageError for names that do not exist or a folder that is taken, StoreError where the
    disk refuses. An interrupt ends the run early; what was measured is kept.
    """
    cases = expand(request.profile, request.selection)
    started = datetime.now(UTC)
    name = f"{started:%Y-%m-%dT%H-%M-%S}-{request.profile.name}"
    writer = RunWriter(request.out or RESULTS / name, _facts(request, started))
    measurement = _Measurement(request, reporter, writer, cases)
    try:
        with _interruptible():
            measurement.execute()
        writer.facts.state = "finished"
    except KeyboardInterrupt:
        writer.facts.state = "interrupted"
    finally:
        measurement.close()
    writer.facts.finished = datetime.now(UTC).isoformat(timespec="seconds")
    writer.flush()
    derived = derive_rows(read_samples(writer.path))
    writer.finish(derived)
    return Outcome(writer.path, writer.facts, derived)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _facts(request: Request, started: datetime) -> RunFacts:
    profile = request.profile
    return RunFacts(
        schema=SCHEMA,
        command=request.command,
        profile=profile.name,
        seed=request.seed,
        started=started.isoformat(timespec="seconds"),
        rounds=profile.rounds,
        epochs=profile.epochs,
        batch=profile.batch,
        per_binade=profile.per_binade,
        asked={key: list(value) for key, value in asdict(request.selection).items() if value},
        inputs=inputs.TIMING_INPUTS,
        machine=machine.facts(),
        project=machine.project(),
    )


class _Measurement:
    """One run in progress: the lanes, and where samples go."""

    def __init__(
        self, request: Request, reporter: Reporter, writer: RunWriter, cases: list[Case]
    ) -> None:
        self._request, self._reporter, self._writer = request, reporter, writer
        self._profile = request.profile
        self._asked = set(cases)
        if "timing" in request.parts:
            cases = list(dict.fromkeys([*cases, *map(baseline_of, cases)]))
        reasons = {case: unsupported(case) for case in cases}
        self._lanes = make_lanes(
            [case for case in cases if not reasons[case]],
            lambda framework: request.pythons.get(framework, request.python),
            writer.path,
            request.timeout,
        )
        self._missing = {case: Failed("unsupported", why) for case, why in reasons.items() if why}
        self._told: set[Case] = set()
        self._timed_ns = 0
        self._lock = Lock()

    def execute(self) -> None:
        """As many fresh processes of timing as the profile has; agreement in the first of them."""
        self._tell_failures(self._missing, self._metric)
        timing = "timing" in self._request.parts
        for epoch in range(self._epochs):
            self._start_all()
            self._prepare_all(epoch)
            if timing:
                self._measure_all(epoch)

    def close(self) -> None:
        """End the workers and keep what is known of them."""
        for lane in self._lanes:
            lane.close()

    @property
    def _metric(self) -> str:
        return "time_per_call" if "timing" in self._request.parts else "max_ulp"

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            seconds = self._writer.facts.seconds
            seconds[phase] = round(seconds.get(phase, 0.0) + time.monotonic() - started, 4)

    def _start_all(self) -> None:
        with (
            self._timed("start"),
            self._reporter.phase("Starting workers", len(self._lanes)) as done,
        ):

            def start(lane: Lane) -> None:
                lane.pin(available_cpus())
                lane.start()
                done()

            self._in_parallel(start)
        for lane in self._lanes:
            self._writer.facts.workers[lane.key.label] = lane.facts
            overhead = lane.facts.get("loop_overhead")
            if overhead is not None:
                self._writer.facts.loop_overhead_ns[lane.key.label] = round(overhead, 1)
            if lane.facts["status"] != "ok":
                self._reporter.say(f"{lane.key.label}: {lane.facts['detail']}")
        self._tell_failures(self._failures(), self._metric)
        self._writer.write_facts()

    def _in_parallel(self, work: Callable[[Lane], None]) -> None:
        """Do something in every lane at once: the lanes wait for processes, not for this one."""
        if not self._lanes:
            return
        with ThreadPoolExecutor(len(self._lanes)) as pool:
            futures = [pool.submit(work, lane) for lane in self._lanes]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                self.close()  # the other lanes are waiting for their workers
                raise

    def _failures(self) -> dict[Case, Failed]:
        return {case: failure for lane in self._lanes for case, failure in lane.failures.items()}

    def _tell_failures(self, failures: Mapping[Case, Failed], metric: str) -> None:
        """Append a sample for each failure that has not been told yet."""
        for case, failure in failures.items():
            if case not in self._told:
                self._told.add(case)
                self._append(
                    "failure", case, metric=metric, status=failure.status, detail=failure.detail
                )

    def _append(self, kind: str, case: Case, **values: Any) -> None:
        with self._lock:
            self._writer.append(kind, case, **values)

    def _prepare_all(self, epoch: int) -> None:
        """Prepare the timing and, in the first epoch, check agreement, each lane at its own pace.

        Preparing comes first, because agreement would compile what compile_time is about.
        """
        timed = {lane: self._timed_cases(lane) for lane in self._lanes}
        swept = {lane: self._swept_cases(lane) if epoch == 0 else [] for lane in self._lanes}
        problems = sweep.Problems(self._profile.per_binade, self._request.seed)
        results: dict[Case, Any] = {}
        steps = sum(len(timed[lane]) + len(swept[lane]) for lane in self._lanes)
        title = f"{self._preparation(epoch)} ({epoch + 1} of {self._epochs})"

        def work(lane: Lane) -> None:
            for case in timed[lane]:
                self._prepare(lane, case)
                done()
            for case in swept[lane]:
                self._check(lane, case, problems, results)
                done()

        with self._timed("prepare"), self._reporter.phase(title, steps) as done:
            self._in_parallel(work)
        self._tell_failures(self._failures(), self._metric)
        for case, sample in sweep.between(results, lambda case: problems.of(case).bits):
            self._append("between", case, **sample)
        self._writer.flush()

    @property
    def _epochs(self) -> int:
        return self._profile.epochs if "timing" in self._request.parts else 1

    def _preparation(self, epoch: int) -> str:
        parts = {"timing": "preparing", "agreement": "checking agreement"}
        chosen = [text for part, text in parts.items() if part in self._request.parts]
        return " and ".join(chosen if epoch == 0 else chosen[:1]).capitalize()

    def _timed_cases(self, lane: Lane) -> list[Case]:
        return lane.alive if "timing" in self._request.parts else []

    def _swept_cases(self, lane: Lane) -> list[Case]:
        if "agreement" not in self._request.parts:
            return []
        request = self._request
        asked = [case for case in lane.alive if case in self._asked]
        return sweep.agreement_cases(asked, self._profile.agreement_dtypes, request.selection)

    def _measure_all(self, epoch: int) -> None:
        profile = self._profile
        for lane in self._lanes:
            lane.pin(measuring_cpus(lane.key.threads))
        steps = profile.rounds * sum(len(lane.alive) for lane in self._lanes)
        title = f"Measuring ({epoch + 1} of {profile.epochs})"
        with self._timed("measure"), self._reporter.phase(title, steps) as done:
            for round_ in range(profile.rounds):
                self._time_round(epoch, round_, done)
                self._writer.flush()
        self._tell_failures(self._failures(), "time_per_call")
        self._share_timed()

    def _prepare(self, lane: Lane, case: Case) -> None:
        answer = lane.prepare(case, self._request.seed)
        if answer is not None:
            self._append("prepare", case, process=lane.process, **answer)

    def _time_round(self, epoch: int, round_: int, done: Callable[[], None]) -> None:
        """Every case once, in an order of its own: drift hits all alike."""
        order = [(lane, case) for lane in self._lanes for case in lane.alive]
        random.Random(f"{self._request.seed} {epoch} {round_}").shuffle(order)
        for lane, case in order:
            answer = lane.sample(case, self._request.seed, self._profile.batch)
            if answer is not None:
                self._append("time", case, process=lane.process, round=round_, **answer)
                self._timed_ns += answer["elapsed"]
                self._writer.facts.spoilt_samples += spoilt(answer, case.device)
            done()

    def _share_timed(self) -> None:
        facts = self._writer.facts
        measured = facts.seconds.get("measure", 0.0)
        facts.timed_share = round(self._timed_ns / 1e9 / measured, 3) if measured else None
        self._writer.write_facts()

    def _check(
        self, lane: Lane, case: Case, problems: sweep.Problems, results: dict[Case, Any]
    ) -> None:
        if lane.closed:
            return
        problem = problems.of(case)
        sized = replace(case, size=int(problem.bits.size))

        def evaluate(_: Case, channels: int, **values: Any) -> list[Any] | None:
            return lane.evaluate(sized, channels, **values)

        found = sweep.measure(sized, problem, evaluate)
        if found is None:
            self._told.add(sized)
            failure = lane.failure_of(sized)
            if failure:
                why = {"status": failure.status, "detail": failure.detail}
                self._append("failure", sized, metric="max_ulp", **why)
        else:
            sample, result = found
            results[sized] = result
            self._append("agreement", sized, **sample)
