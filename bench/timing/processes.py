"""Fresh processes, one after another, that hold both arms of some cases or one arm per process."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ..catalog.cases import Case
from ..catalog.frameworks import IMPLS, frameworks
from ..host.cpus import available_cpus
from ..host.environment import Environment
from ..host.errors import UsageError
from ..results.status import Status
from ..worker.protocol import (
    ARMS,
    Arm,
    Failure,
    Hogs,
    InArm,
    Loops,
    Plant,
    Prepare,
    Slowdown,
    TakeTurn,
)
from ..workers.environment import Key
from ..workers.process import Failed, Lost, WorkerProcess
from ..workers.requests import timed_call
from .apart import Apart

_TIMEOUT = 300.0
_ALONE = 60.0
"""The seconds in which an arm must answer in a separate process."""
_BATCH, _BATCHES = 0.0005, 128
"""The seconds per batch, and the number of batches by which an arm is tried in a separate process.
"""


@dataclass(frozen=True)
class Setting:
    """The common settings of a gate's processes.

    `folders` has the trees by arm, `python_of` gives the interpreter of a framework. `apart` has
    the frameworks whose arms need separate processes, `base_python` is the interpreter of the base,
    "" for that of the candidate. `hogs` and `planted` are for tests of the gate itself.
    """

    folders: Mapping[Arm, str]
    logs: Path
    python_of: Callable[[str], str]
    apart: frozenset[str] = frozenset()
    base_python: str = ""
    seed: int = 0
    planted: Mapping[Case, Slowdown] = field(default_factory=dict)
    hogs: Hogs | None = None

    def python(self, framework: str, arm: Arm) -> str:
        """The interpreter of an arm."""
        return (self.base_python if arm == "base" else "") or self.python_of(framework)


@dataclass
class Epoch:
    """Fresh processes with some cases prepared.

    `failures` has, by case, the arms that failed. `gone` are the lost processes, `blame` finds the
    arms of a case that kill their process. `hogs` run during the time of one arm, for a test of the
    gate; waking them takes `aside` seconds.
    """

    workers: dict[Key, WorkerProcess | Apart] = field(default_factory=dict)
    numbers: dict[Case, int] = field(default_factory=dict)
    failures: dict[Case, Mapping[Arm, Failure]] = field(default_factory=dict)
    gone: set[Key] = field(default_factory=set)
    blame: Callable[[Case], Mapping[Arm, Failure]] = lambda _: {}
    hogs: Hogs | None = None
    aside: float = 0.0

    def runs(self, case: Case) -> bool:
        """Return whether a case can be timed: it has not failed, and its process lives."""
        return case not in self.failures and key_of(case) not in self.gone

    def close(self) -> None:
        """End the processes."""
        for worker in self.workers.values():
            worker.kill()


class Epochs:
    """Fresh processes one after another; the next ones are started while these are timed.

    `versions` has those of the frameworks by the label of their processes, `environments` what
    chose the code of either arm, by framework, where each arm has a process of its own.
    """

    def __init__(self, setting: Setting) -> None:
        self.versions: dict[str, Mapping[str, str]] = {}
        self.environments: dict[str, Mapping[Arm, Environment]] = {}
        self._setting = setting
        self._count = itertools.count()
        self._pool = ThreadPoolExecutor(1)
        self._next: Future[Epoch] | None = None
        self._open: list[Epoch] = []
        self._refused: set[Case] = set()
        self._closed = False

    def prefetch(self, cases: Sequence[Case]) -> None:
        """Start the next processes on CPUs that are not timed, if there are any.

        Nothing is started where it would run on the device that is timed.
        """
        threads = max((case.threads for case in cases), default=1)
        alone = any(case.device != "cpu" for case in cases) or len(available_cpus()) <= threads
        if self._next is None and cases and not alone:
            self._next = self._pool.submit(self._start, list(cases))

    @contextmanager
    def take(self, cases: Sequence[Case]) -> Iterator[Epoch]:
        """The next processes, with at least these cases prepared."""
        coming, self._next = self._next, None
        epoch = coming.result() if coming else self._start(list(cases))
        try:
            yield epoch
        finally:
            epoch.close()

    def close(self) -> None:
        """End all processes, including those that are still starting."""
        self._closed = True
        self._end_all()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._end_all()

    def _end_all(self) -> None:
        for epoch in list(self._open):
            epoch.close()

    @staticmethod
    def grouped(cases: Sequence[Case]) -> dict[Key, list[Case]]:
        """The cases by the process that they share."""
        grouped: dict[Key, list[Case]] = {}
        for case in cases:
            grouped.setdefault(key_of(case), []).append(case)
        return grouped

    def _start(self, cases: list[Case]) -> Epoch:
        turn = next(self._count)
        epoch = Epoch(blame=partial(self._alone, turn=turn), hogs=self._setting.hogs)
        self._open.append(epoch)
        epoch.numbers.update({case: number for number, case in enumerate(cases)})
        grouped = self.grouped(cases)
        with ThreadPoolExecutor(max(len(grouped), 1)) as pool:
            try:
                list(pool.map(lambda pair: self._open_worker(epoch, turn, *pair), grouped.items()))
            except BaseException:
                self._closed = True
                epoch.close()
                raise
        return epoch

    def _open_worker(self, epoch: Epoch, turn: int, key: Key, cases: list[Case]) -> None:
        """Prepare cases in a process; after a case that kills it, the rest in a fresh one."""
        waiting = list(cases)
        while waiting and not self._closed:
            try:
                worker = self.worker(key, turn)
            except Failed as failed:
                epoch.failures.update({case: of_both(failed.failure) for case in waiting})
                return
            epoch.workers[key] = worker
            if self._closed:  # during its start
                worker.kill()
            lost = False
            for case in cases:
                if case in epoch.failures:
                    continue
                failures, lost = worker.facts.down, False
                if not failures:
                    failures, lost = self._prepare(epoch, turn, worker, case)
                if failures:
                    epoch.failures[case] = failures
                if lost:
                    worker.kill()
                    break
            waiting = [case for case in cases if case not in epoch.failures] if lost else []

    def worker(self, key: Key, turn: int = 0) -> WorkerProcess | Apart:
        """Start a process with both trees, or one process per tree where they cannot share one.

        The candidate's comes first in every second one. Where a shared process dies at once,
        separate ones show which tree kills it. Raises Failed where the framework or the device is
        missing.
        """
        folders = _turned(self._setting.folders, turn)
        start = partial(self._one, key, folders, turn)
        if key.framework in self._setting.apart:
            pair = Apart(start, folders, bool(self._setting.base_python))
            self._check_base(key, pair)
            for arm, versions in pair.versions.items():
                self.versions[f"{key.label} ({arm})"] = versions
            self.environments[key.framework] = pair.environments
            return pair
        try:
            worker = self._process(key, folders)
        except Lost:
            pair = Apart(start, folders, installations=False)
            if pair.facts.down:
                return pair
            pair.kill()
            raise
        self.versions[key.label] = worker.facts.versions
        return worker

    def _check_base(self, key: Key, pair: Apart) -> None:
        """Raise UsageError where the base's version of a user's function cannot be loaded."""
        framework, down = frameworks()[key.framework], pair.facts.down.get("base")
        if framework.callable and down:
            pair.kill()
            raise UsageError(
                f"the base's {framework.callable} cannot be loaded, so that nothing can be "
                f"compared with it: {down.reason}. Choose a --base that has it; if parts of it are "
                "built, the folder in which they are"
            )

    def _one(self, key: Key, folders: Mapping[Arm, str], turn: int, arm: Arm) -> WorkerProcess:
        """Start a process with the tree of one arm."""
        return self._process(key, {arm: folders[arm]}, turn)

    def _alone(self, case: Case, turn: int) -> dict[Arm, Failure]:
        """The arms that fail in a separate process within the time of a visit."""
        failures: dict[Arm, Failure] = {}
        number = 0  # the only case of its process
        for arm in self._setting.folders:
            try:
                worker = self._one(key_of(case), self._setting.folders, turn, arm)
            except Failed as failed:
                failures[arm] = failed.failure
                continue
            try:
                worker.ask(InArm(arm, self._request(case, number, False)), _ALONE)
                loops = worker.ask(Loops(number, _BATCH), _ALONE)
                worker.ask(TakeTurn(arm, number, loops, _BATCHES), _ALONE)
            except Failed as failed:
                failures[arm] = failed.failure
            finally:
                worker.kill()
        return failures

    def _process(self, key: Key, folders: Mapping[Arm, str], turn: int = 0) -> WorkerProcess:
        """Start a process with the trees in `folders`.

        A single tree brings its own environment, and its memory is laid out at random.
        """
        setting = self._setting
        alone = len(folders) == 1
        return WorkerProcess(
            key,
            setting.python(key.framework, *folders) if alone else setting.python_of(key.framework),
            available_cpus()[: key.threads],
            setting.logs / f"worker-{key.label.replace('/', '-')}.log",
            folders=folders,
            layout=f"{setting.seed} {turn} {' '.join(folders)}" if alone else "",
            impls=Path(*folders.values()) / "impls" if alone else IMPLS,
            caches=self._caches(key, *folders) if alone else None,
        )

    def _caches(self, key: Key, arm: Arm) -> Path | None:
        """The folder for what a version of a user's function compiles, hidden from others."""
        framework = frameworks()[key.framework]
        if not framework.callable:
            return None
        caches = self._setting.logs / f"compiled-{arm}-{framework.module}"
        caches.mkdir(exist_ok=True)
        return caches

    def _prepare(
        self, epoch: Epoch, turn: int, worker: WorkerProcess | Apart, case: Case
    ) -> tuple[dict[Arm, Failure], bool]:
        """Prepare both arms, the candidate first in every second process.

        Returns the arms that failed, and whether that killed the process. A case is checked once,
        and again where it was refused: a second refusal is no accident.
        """
        failures: dict[Arm, Failure] = {}
        number = epoch.numbers[case]
        checked = turn == 0 or case in self._refused
        for arm in _turned(self._setting.folders, turn):
            try:
                worker.ask(InArm(arm, self._request(case, number, checked)), _TIMEOUT)
            except Failed as failed:
                failures[arm] = failed.failure
                if isinstance(failed, Lost):
                    return failures, True
                if failed.failure.status is Status.REFUSED:
                    self._refused.add(case)
        if slowdown := self._setting.planted.get(case):
            worker.ask(Plant(number, slowdown), _TIMEOUT)
        return failures, False

    def _request(self, case: Case, number: int, checked: bool) -> Prepare:
        return Prepare(number, timed_call(case, self._setting.seed), checked)


def _turned(folders: Mapping[Arm, str], turn: int) -> dict[Arm, str]:
    """The folders by arm, the candidate's first in every second process."""
    arms = list(folders.items())
    return dict(reversed(arms) if turn % 2 else arms)


def of_both(failure: Failure) -> dict[Arm, Failure]:
    """The failure of a process, attributed to both arms."""
    return dict.fromkeys(ARMS, failure)


def key_of(case: Case) -> Key:
    """The key of the process that runs a case."""
    return Key(case.framework, case.device, case.threads)
