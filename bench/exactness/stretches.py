"""Sweeps over all inputs: cut into stretches, spread over processes and machines, resumable.

A task of `distributed` evaluates a stretch in a worker of its own, started once in each of its
processes, and judges the results there. The in-process cluster is the default; with the address of
a scheduler the same tasks run wherever its workers are, which need this tree and its environment.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import logging
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import reduce
from multiprocessing import resource_tracker
from threading import Lock
from typing import Any

from ..catalog.activations import find_reference
from ..catalog.cases import Case, directions_of
from ..catalog.frameworks import Framework, declared
from ..host import cache
from ..host.errors import UsageError
from ..host.interrupt import deferred
from ..host.progress import Reporter
from ..results.samples import Certificate
from ..results.status import Status
from ..words import title
from ..worker.protocol import Attempt, Evaluate, Failure, Laid, Try
from ..workers import alone
from ..workers.environment import Key
from ..workers.process import Failed, WorkerProcess
from ..workers.requests import call_of
from ..workers.scheduler import connected, quiet
from . import double, paths
from .judge import merge
from .problem import ROW, problem_at
from .ranges import Range, Stretch, bits_of

_FEW = 2
"""The stretches for which a cluster is not worth its start."""
_SHAPE = (2**12, ROW)
"""The usual shape of a call."""
_TIMEOUT = 600.0
_WORKER = "in this folder, PYTHONPATH=. dask worker --nthreads 1"


@dataclass(frozen=True)
class Subject:
    """A case to certify in a form that a task can be given: picklable, the same on every machine.

    Its direction may be `both`. `framework` is the record of its framework. `python` is the
    interpreter of its worker, where that is not the one of the task's own process.
    """

    case: Case
    framework: Framework
    python: str = ""

    @property
    def directions(self) -> tuple[str, ...]:
        """The direction of each output."""
        return tuple(case.direction for case in directions_of(self.case))

    @property
    def name(self) -> str:
        """The key that distinguishes a subject from others."""
        own = (self.framework.gradient, str(self.framework.dims))
        return " ".join((*map(str, asdict(self.case).values()), *own, self.python))


@dataclass(frozen=True)
class Part:
    """A finished stretch: a certificate per direction, and the versions that it holds for."""

    stretch: Stretch
    certificates: tuple[Certificate, ...]
    versions: Mapping[str, str]


# --- in a process of the cluster ------------------------------------------------------------------

_workers: dict[str, WorkerProcess] = {}
_one_at_a_time = Lock()


def certify_stretch(subject: Subject, stretch: Stretch) -> Part:
    """Evaluate and judge a stretch, in this process and a worker that it keeps.

    Raises Failed where the function under test fails.
    """
    with _one_at_a_time, declared(subject.framework):
        try:
            return _certify(_worker(subject), subject, stretch)
        except Failed:
            _forget(subject, failed=True)
            raise


def _certify(worker: WorkerProcess, subject: Subject, stretch: Stretch) -> Part:
    activation, dtype = find_reference(subject.case.activation), subject.case.dtype
    certificates = [Certificate() for _ in subject.directions]
    for bits in bits_of(stretch, activation, subject.directions, dtype):
        rows = bits.reshape(-1, math.gcd(len(bits), ROW))
        outputs = worker.ask(Evaluate(call_of(subject.case, ROW), rows), _TIMEOUT)
        for i, direction in enumerate(subject.directions):
            results = outputs[i].reshape(-1)
            part = double.examine(activation, direction, dtype, bits, results)
            certificates[i] = merge(certificates[i], part)
    return Part(stretch, tuple(certificates), worker.facts.versions)


def elsewhere(subject: Subject, asked: Range) -> list[Certificate]:
    """The certificates of a range's inputs on other paths than a stretch's, by direction.

    Empty where not even the usual array gives results. Raises Failed where no worker can start.
    """
    case = subject.case
    activation = find_reference(case.activation)
    pool = paths.pool(activation, case.dtype, asked)
    problems = [problem_at(activation, way, case.dtype, pool.bits) for way in subject.directions]

    def attempt(case: Case, inputs: Sequence[Laid]) -> Sequence[Attempt]:
        call = call_of(case, ROW)
        try:
            return _worker(subject).ask(Try(call, tuple(inputs)), _TIMEOUT)
        except Failed as failed:
            _forget(subject, failed=True)
            return (Attempt(failure=failed.failure),) * len(inputs)

    with _one_at_a_time, declared(subject.framework):
        try:
            extent = paths.extent_alone(case, subject.framework)
            shape = paths.shape_in(subject.framework, _SHAPE)
            return paths.tried(case, problems, attempt, shape, extent, pool) or []
        finally:
            _forget(subject)


def _forget(subject: Subject, failed: bool = False) -> None:
    """End the worker of a subject, if there is one: the next task starts another."""
    worker = _workers.pop(subject.name, None)
    if worker:
        alone.end(worker, failed)


def _worker(subject: Subject) -> WorkerProcess:
    """The worker of this process for a subject, started when it is first needed.

    Raises Failed where it cannot start.
    """
    if subject.name not in _workers:
        case = subject.case
        key = Key(case.framework, case.device, case.threads)
        _workers[subject.name] = alone.start(key, subject.python or sys.executable)
        atexit.register(_forget, subject)
    return _workers[subject.name]


# --- in the parent --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Effort:
    """The resources: `scheduler` is the address of a cluster, empty for this machine.

    `workers` is the number of local processes.
    """

    scheduler: str
    workers: int
    reporter: Reporter


class Journal:
    """The finished parts of a sweep, in a file that survives an interrupt."""

    def __init__(self, subject: Subject, source: bytes) -> None:
        identity = subject.name.encode() + source
        name = hashlib.sha256(identity).hexdigest()[:24]
        self.path = cache.folder("stretches") / f"{name}.jsonl"

    def read(self) -> list[Part]:
        """The finished parts. A line that is not as it was written counts as missing."""
        try:
            lines = self.path.read_bytes().splitlines()
        except OSError:
            return []
        parted = (line.partition(b" ") for line in lines)
        kept = [text for seal, _, text in parted if text and seal == self._seal(text)]
        return [_part(json.loads(text)) for text in kept]

    def _seal(self, text: bytes) -> bytes:
        return cache.digest(self.path.name, text).hex().encode()

    def append(self, part: Part) -> None:
        """Record a part. A full disk costs the chance to continue later, not the sweep."""
        text = json.dumps(asdict(part)).encode()
        with suppress(OSError), self.path.open("ab") as file:
            # A line that was torn off before ends here.
            file.write(b"\n" + self._seal(text) + b" " + text)

    def remove(self) -> None:
        """Remove the file: the sweep it was kept for is finished."""
        with suppress(OSError):
            self.path.unlink()


def _part(record: Mapping[str, Any]) -> Part:
    first, count = record["stretch"]
    certificates = tuple(map(Certificate.from_dict, record["certificates"]))
    return Part((first, count), certificates, record["versions"])


def certify(
    subject: Subject, asked: Range, journal: Journal, effort: Effort
) -> tuple[list[Certificate], Mapping[str, str]]:
    """The certificate of each direction of a subject over a range, and the versions it holds for.

    Many stretches go to a cluster; those in the journal are not repeated. Raises Failed where the
    function under test fails, UsageError for an empty range or a cluster that cannot be used.
    """
    case = subject.case
    wanted = asked.stretches(case.dtype)
    if len(wanted) <= _FEW and not effort.scheduler:
        return sweep(subject, wanted, journal, here, lambda: None)
    known = len({part.stretch for part in journal.read()} & set(wanted))
    if known:
        effort.reporter.say(f"{known} of {len(wanted)} parts were done before: going on")
    count = asked.places(case.dtype)[1]
    heading = f"{title(case.framework)} {case.form} against {case.activation}, {count:,} inputs"
    with (
        cluster(effort.scheduler, effort.workers) as compute,
        effort.reporter.phase(heading, len(wanted)) as done,
    ):
        estimated = _estimating(done, len(wanted) - known, known, effort.reporter.say)
        return sweep(subject, wanted, journal, compute, estimated)


def _estimating(
    done: Callable[[], None], stretches: int, known: int, say: Callable[[str], None]
) -> Callable[[], None]:
    """Count a stretch, and say once how long the rest will take."""
    started, counted = time.monotonic(), 0

    def one() -> None:
        nonlocal counted
        done()
        counted += 1
        new, seconds = counted - known, time.monotonic() - started
        if new == max(stretches // 16, 1) and stretches > new:
            left = seconds / new * (stretches - new)
            say(f"{new} of {stretches} parts took {seconds:.0f} s; {left:.0f} s left")

    return one


def sweep(
    subject: Subject,
    wanted: Sequence[Stretch],
    journal: Journal,
    compute: Compute,
    done: Callable[[], None],
) -> tuple[list[Certificate], Mapping[str, str]]:
    """The certificate of each direction over all stretches, and the versions that it holds for.

    Stretches in the journal are not repeated. Parts from another version of the framework are
    discarded and repeated. Raises UsageError where the workers of a cluster differ in that.
    """
    finished = {part.stretch: part for part in journal.read()}
    if finished.keys() >= set(wanted):
        finished.pop(wanted[-1])  # done again, it shows whether the versions are still the same
    for stretch in wanted:
        if stretch in finished:
            done()
    while missing := [stretch for stretch in wanted if stretch not in finished]:
        versions: set[str] = set()
        for part in compute(subject, missing):
            versions.add(json.dumps(part.versions, sort_keys=True))
            if len(versions) > 1:
                differing = " and ".join(sorted(versions))
                raise UsageError(f"the workers differ in versions: {differing}")
            journal.append(part)
            finished[part.stretch] = part
            done()
        finished = {
            stretch: done_part
            for stretch, done_part in finished.items()
            if done_part.versions == part.versions
        }
    parts = [finished[stretch] for stretch in wanted]
    columns = zip(*(part.certificates for part in parts), strict=True)
    return [reduce(merge, column) for column in columns], parts[-1].versions


Compute = Callable[[Subject, Sequence[Stretch]], Iterator[Part]]


def here(subject: Subject, stretches: Sequence[Stretch]) -> Iterator[Part]:
    """Process stretches one after another in this process."""
    try:
        for stretch in stretches:
            yield certify_stretch(subject, stretch)
    finally:
        _forget(subject)


@contextmanager
def cluster(scheduler: str, workers: int) -> Iterator[Compute]:
    """Process stretches in the processes of a cluster: a local one, or that of a scheduler.

    Raises UsageError where no scheduler answers, or it has no workers.
    """
    from distributed import Client, LocalCluster
    from distributed.deploy.spec import close_clusters

    if scheduler:
        with connected(scheduler, _WORKER) as client:
            yield lambda subject, stretches: _in_cluster(client, subject, stretches)
        return
    atexit.unregister(close_clusters)  # it is closed here, or was never there
    with quiet(), ExitStack() as open_:
        resource_tracker.ensure_running()  # which would let signals come, where it began later
        with deferred():
            local = open_.enter_context(
                LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    memory_limit=None,
                    silence_logs=logging.CRITICAL,
                    dashboard_address=None,
                    scheduler_kwargs={"dashboard_address": ":0"},  # its HTTP server's, any free one
                )
            )
        client = open_.enter_context(Client(local))
        yield lambda subject, stretches: _in_cluster(client, subject, stretches)


def _in_cluster(client: Any, subject: Subject, stretches: Sequence[Stretch]) -> Iterator[Part]:
    from distributed import KilledWorker, as_completed

    subjects = [subject] * len(stretches)
    futures = client.map(certify_stretch, subjects, stretches, pure=False)
    try:
        for future in as_completed(futures):
            yield future.result()
    except KilledWorker as error:
        reason = f"the same stretch ended several worker processes: {error}; run it again to go on"
        raise Failed(Failure(Status.ERROR, reason)) from None
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the cluster's workers lack {error.name}: start them in this folder with PYTHONPATH=. "
            "and this project's environment"
        ) from None
    finally:
        client.cancel(futures, reason="done or interrupted", force=True)
