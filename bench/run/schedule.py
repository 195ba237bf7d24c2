"""The parent of a run: workers, schedule, samples, rows. It imports no framework."""

from __future__ import annotations

import itertools
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from threading import Lock
from typing import Any

from ..catalog import inputs
from ..catalog.activations import find
from ..catalog.cases import DEVICES, Case, Profile, Selection, directions_of, expand, unsupported
from ..catalog.sizes import size_classes
from ..exactness import conditions, known, special, sweep
from ..exactness.problem import Problems, known_keys
from ..host import machine
from ..host.errors import ActbenchError
from ..host.progress import Reporter
from ..results.rows import Row
from ..results.samples import Missing, Preparation, Probe, Sample, Visit
from ..results.status import Status
from ..results.store import RESULTS, SCHEMA, RunFacts, RunWriter
from ..timing import cost_model
from ..timing.bootstrap import half_width
from ..worker.protocol import Failure
from ..workers.lanes import Lane, available_cpus, make_lanes, measuring_cpus
from ..workers.process import Failed
from .derive import companions, compile_seconds, spoilt_samples
from .derive import rows as derive_rows

PARTS = ("agreement", "timing")


@dataclass(frozen=True)
class Request:
    """A run as it was asked for. `pythons` maps a framework to the interpreter that runs it.

    `budget` is the seconds of measuring, the profile's own where it is None.
    """

    profile: Profile
    selection: Selection
    seed: int
    out: Path | None
    pythons: Mapping[str, str]
    python: str
    timeout: float
    command: str
    parts: tuple[str, ...] = PARTS
    budget: float | None = None


@dataclass(frozen=True)
class Outcome:
    """Where a run was written, its rows and facts."""

    path: Path
    facts: RunFacts
    rows: list[Row]


def run(request: Request, reporter: Reporter) -> Outcome:
    """Measure what is asked for, with relu beside it as the unit of cost, and write a run folder.

    Raises UsageError for names that do not exist or a folder that is taken, StoreError where the
    disk refuses. An interrupt, or an error, ends the run early; what was measured is kept.
    """
    cases = expand(request.profile, request.selection)
    started = datetime.now(UTC)
    name = f"{started:%Y-%m-%dT%H-%M-%S}-{request.profile.name}"
    writer = RunWriter(request.out or RESULTS / name, facts_of(request, started))
    measurement = _Measurement(request, reporter, writer, cases)

    def measure() -> None:
        try:
            measurement.execute()
        finally:
            measurement.close()

    return record(writer, measure)


def record(writer: RunWriter, measure: Callable[[], None]) -> Outcome:
    """Measure, derive the rows and close the run.

    An interrupt, or an error, ends it early; what was measured is kept.
    """
    try:
        with interruptible():
            measure()
        writer.facts.state = "finished"
    except KeyboardInterrupt:
        writer.facts.state = "interrupted"
    except Exception:
        writer.facts.state = "failed"
        with suppress(Exception):  # what ended the run is raised, not what follows from it
            _finish(writer)
        raise
    return _finish(writer)


def _finish(writer: RunWriter) -> Outcome:
    """Derive the rows of what was measured and close the run."""
    writer.facts.finished = datetime.now(UTC).isoformat(timespec="seconds")
    rows = derived(writer)
    writer.finish(rows)
    return Outcome(writer.path, writer.facts, rows)


def derived(writer: RunWriter) -> list[Row]:
    """The rows of what was measured so far."""
    facts = writer.facts
    facts.spoilt_samples = spoilt_samples(writer.samples)
    return derive_rows(writer.samples, facts.size_classes, facts.precision)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM end what runs within as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def facts_of(request: Request, started: datetime) -> RunFacts:
    """What is known of a run before it begins."""
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
        batches=profile.batches,
        precision=profile.precision,
        budget=profile.seconds if request.budget is None else request.budget,
        size_classes={device: dict(size_classes(device)) for device in DEVICES},
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
            cases = list(dict.fromkeys([*cases, *companions(cases)]))
        else:
            plain = (replace(each, size=0, output="fresh", cache="warm") for each in cases)
            cases = list(dict.fromkeys(plain))
            self._asked = set(cases)
        if request.budget is None:
            writer.facts.budget = self._profile.budget(len(cases))
        reasons = {case: unsupported(case) for case in cases}
        self._lanes = make_lanes(
            [case for case in cases if not reasons[case]],
            lambda framework: request.pythons.get(framework, request.python),
            writer.path,
            request.timeout,
        )
        self._missing = {
            case: Failure(Status.UNSUPPORTED, why) for case, why in reasons.items() if why
        }
        self._beside: list[Lane] = []
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
        if timing:
            self._explain()

    def close(self) -> None:
        """End the workers and keep what is known of them."""
        for lane in [*self._lanes, *self._beside]:
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
                lane.stop()
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

    def _failures(self) -> dict[Case, Failure]:
        return {case: failure for lane in self._lanes for case, failure in lane.failures.items()}

    def _tell_failures(self, failures: Mapping[Case, Failure], metric: str) -> None:
        """Append a sample for each failure that has not been told yet."""
        for case, failure in failures.items():
            if case not in self._told:
                self._told.add(case)
                self._append_failure(case, metric, failure)

    def _append_failure(self, case: Case, metric: str, failure: Failure) -> None:
        self._append(Missing(case, metric, failure.status, failure.reason))

    def _append(self, sample: Sample) -> None:
        with self._lock:
            self._writer.append(sample)

    def _prepare_all(self, epoch: int) -> None:
        """Prepare the timing and, in the first epoch, check agreement, each lane at its own pace.

        Preparing comes first, because agreement would compile what compile_time is about.
        """
        timed = {lane: self._timed_cases(lane) for lane in self._lanes}
        swept = {lane: self._swept_cases(lane) if epoch == 0 else [] for lane in self._lanes}
        with self._timed("exact"):
            known.prepare(known_keys(itertools.chain(*swept.values())), self._reporter)
        problems = Problems(self._profile.per_binade, self._request.seed)
        results: dict[Case, Any] = {}
        others = {
            lane: special.other_cases(swept[lane], self._request.selection) for lane in self._lanes
        }
        steps = sum(len(each[lane]) for each in (timed, swept, others) for lane in self._lanes)
        title = f"{self._preparation(epoch)} ({epoch + 1} of {self._epochs})"

        def work(lane: Lane) -> None:
            for case in timed[lane]:
                self._prepare(lane, case)
                done()
            for case in swept[lane]:
                with self._alone(case, "max_ulp"):
                    self._check(lane, case, problems, results)
                done()
            for case in others[lane]:
                with self._alone(case, "special_departures"):
                    self._check_special(lane, case)
                done()

        with self._timed("prepare"), self._reporter.phase(title, steps) as done:
            self._in_parallel(work)
        self._tell_failures(self._failures(), self._metric)
        for sample in sweep.between(results, lambda case: problems.of(case).bits):
            self._append(sample)
        for sample in conditions.modes(results, lambda case: problems.of(case).bits):
            self._append(sample)
        self._compare_conditions(results)
        self._writer.flush()

    def _compare_conditions(self, results: Mapping[Case, Any]) -> None:
        """Evaluate the plain forms of what was swept under other conditions, each lane at once."""
        asked = self._request.selection
        chosen = {lane: conditions.cases(results, lane.key, asked) for lane in self._lanes}
        others = {lane: conditions.beside(lane) for lane in self._lanes if chosen[lane]}
        self._beside = [other for each in others.values() for other in each.values()]

        def work(lane: Lane) -> None:
            if chosen[lane]:
                conditions.measure(
                    lane, others[lane], chosen[lane], self._request.seed, self._append_condition
                )
            done()

        if others:
            phase = self._reporter.phase("Comparing conditions", len(self._lanes))
            with self._timed("conditions"), phase as done:
                self._in_parallel(work)

    def _append_condition(self, sample: conditions.Answer) -> None:
        if isinstance(sample, Missing):
            self._told.add(sample.case)
        self._append(sample)

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
        self._note_gpus()
        deadline = time.monotonic() + self._writer.facts.budget / profile.epochs
        steps = profile.rounds * sum(len(lane.alive) for lane in self._lanes)
        title = f"Measuring ({epoch + 1} of {profile.epochs})"
        visits: dict[Case, list[float]] = {}
        with self._timed("measure"), self._reporter.phase(title, steps) as done:
            for _ in range(profile.rounds):
                self._time_round(visits, self._alive(), done)
        self._narrow(epoch, visits, deadline)
        self._note_gpus()
        self._tell_failures(self._failures(), "time_per_call")
        self._share_timed()

    def _explain(self) -> None:
        """Probe the cases whose cost the model did not foresee, for the likely cause."""
        facts, lanes = self._writer.facts, {case: lane for lane, case in self._alive()}
        found = derive_rows(self._writer.samples, facts.size_classes, facts.precision)
        wanted = [row.case for row in found if cost_model.asks_for_probe(row) and row.case in lanes]
        with (
            self._timed("explain"),
            self._reporter.phase("Looking for the causes of surprises", len(wanted)) as done,
        ):
            for case in wanted:
                answer = lanes[case].probe(case, self._request.seed, self._profile.batch)
                if answer is not None:
                    self._append(Probe(case, **vars(answer)))
                done()
        self._writer.flush()

    def _note_gpus(self) -> None:
        if any(lane.key.device == "cuda" for lane in self._lanes):
            self._writer.facts.gpu_states += machine.gpu_state()

    def _alive(self) -> list[tuple[Lane, Case]]:
        return [(lane, case) for lane in self._lanes for case in lane.alive]

    def _narrow(self, epoch: int, visits: dict[Case, list[float]], deadline: float) -> None:
        """Visit cases with wide intervals again, until none is left or the time is up."""
        seconds = max(round(deadline - time.monotonic()), 0)
        title = f"Narrowing intervals ({epoch + 1} of {self._profile.epochs})"
        with self._timed("measure"), self._reporter.phase(title, seconds, "s") as done:
            told = time.monotonic()
            while wide := [pair for pair in self._alive() if self._is_wide(visits.get(pair[1]))]:
                for pair in self._shuffled(wide, visits):
                    if time.monotonic() >= deadline:
                        return
                    self._time_round(visits, [pair], lambda: None)
                    while time.monotonic() - told >= 1:
                        told += 1
                        done()

    def _is_wide(self, visits: list[float] | None) -> bool:
        return bool(visits) and half_width(visits or []) > self._profile.precision

    def _prepare(self, lane: Lane, case: Case) -> None:
        answer = lane.prepare(case, self._request.seed)
        if answer is not None:
            sample = Preparation(case, lane.process, **vars(answer))
            self._append(sample)
            with self._lock:
                self._writer.facts.compile_seconds += compile_seconds(sample)

    def _shuffled(
        self, pairs: list[tuple[Lane, Case]], visits: dict[Case, list[float]]
    ) -> list[tuple[Lane, Case]]:
        """In an order of its own: drift hits all alike."""
        done = sum(map(len, visits.values()))
        order = sorted(pairs, key=lambda pair: pair[0].numbers[pair[1]])
        random.Random(f"{self._request.seed} {done}").shuffle(order)
        return order

    def _time_round(
        self,
        visits: dict[Case, list[float]],
        pairs: list[tuple[Lane, Case]],
        done: Callable[[], None],
    ) -> None:
        """Visit every case once."""
        profile = self._profile
        for lane, case in self._shuffled(pairs, visits):
            answer = lane.sample(case, self._request.seed, profile.batch, profile.batches)
            if answer is not None:
                visit = Visit(case, lane.process, **vars(answer))
                self._append(visit)
                self._timed_ns += sum(visit.elapsed)
                visits.setdefault(case, []).append(median(visit.times))
            done()
        self._writer.flush()

    def _share_timed(self) -> None:
        facts = self._writer.facts
        measured = facts.seconds.get("measure", 0.0)
        facts.timed_share = round(self._timed_ns / 1e9 / measured, 3) if measured else None
        facts.seconds_a_case = round(measured / max(len(self._alive()), 1), 4)
        self._writer.write_facts()

    @contextmanager
    def _alone(self, case: Case, metric: str) -> Iterator[None]:
        """Tell what goes wrong with a case as its failure: it must not cost the others."""
        try:
            yield
        except ActbenchError:
            raise
        except Exception as error:
            failure = Failure(Status.ERROR, f"{type(error).__name__}: {error}")
            failure = error.failure if isinstance(error, Failed) else failure
            for directed in directions_of(case):
                self._append_failure(directed, metric, failure)

    def _check(self, lane: Lane, case: Case, problems: Problems, results: dict[Case, Any]) -> None:
        """Check a swept case; where both directions at once fail, each by itself."""
        if lane.closed:
            return
        found = self._checked(lane, case, problems)
        if found is None and case.direction == "both":
            for each in directions_of(case):
                self._check(lane, each, problems, results)
            return
        for sample, result in found or ():
            self._append(sample)
            results[sample.case] = result
            if not find(case.activation).rowwise:
                bits = problems.of(replace(sample.case, size=0)).bits
                self._append(special.taken(sample.case, bits, result))

    def _checked(self, lane: Lane, case: Case, problems: Problems) -> list[sweep.Judged] | None:
        """Sample and result of each direction; None, and the failure told, if it failed."""
        if case.direction == "both":
            size = problems.of(directions_of(case)[0]).bits.size
            sized = replace(case, size=size)
            self._told.add(sized)  # should it fail, each direction has its own row
            return sweep.measure_both(sized, problems, lane.evaluate)
        problem = problems.of(case)
        sized = replace(case, size=int(problem.bits.size))
        found = sweep.measure(sized, problem, lane.evaluate)
        if found is not None:
            return [found]
        self._told.add(sized)
        self._tell_failure(lane, sized, "max_ulp")
        return None

    def _check_special(self, lane: Lane, case: Case) -> None:
        """Evaluate a case at its special points in a format that is not swept."""
        if lane.closed:
            return
        found = special.measure(case, lane.evaluate)
        if found is None:
            self._told.add(case)
            self._tell_failure(lane, case, "special_departures")
        for sample in found or ():
            self._append(sample)

    def _tell_failure(self, lane: Lane, case: Case, metric: str) -> None:
        failure = lane.failure_of(case)
        if failure:
            self._append_failure(case, metric, failure)
