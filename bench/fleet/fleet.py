"""A fleet at work: which host measures next, what arrives, and what becomes of a lost host.

A machine measures one thing at a time. What a lost host should have measured goes to another one of
its kind, which measures it from the start: a run belongs to one machine. What a host has sent of an
unfinished run is kept as a run that was killed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..host.errors import ActbenchError
from ..results import parcel, store
from ..results.files import plain_name
from ..run.reading import load
from ..words import writable
from . import on_host
from .hosts import Host

_PAUSE = 0.2
"""The seconds between two looks at the cluster."""
_ARRIVAL = 300.0
"""Seconds in which what a host has measured must arrive."""
_PATIENCE = 60.0
"""The seconds that hosts have to end work that nobody waits for any more."""


class State(StrEnum):
    """The state of a host's part of the work."""

    WAITING = "waiting"
    MEASURING = "measuring"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Job:
    """The run that a host is to measure, possibly in place of a lost one.

    `lost` has the hosts that were lost to it.
    """

    host: Host
    lost: tuple[Host, ...] = ()

    @property
    def name(self) -> str:
        """The name of its folder, without the profile."""
        return f"{self.host.name}-for-{self.lost[0].name}" if self.lost else self.host.name


@dataclass(frozen=True)
class Standing:
    """The state of a job: since when, by the clock of `time.monotonic`, and what it came to.

    `said` is the last thing it said, or the reason why it failed. `status` is the exit status of
    its run, `cases` counts what that measured. `heir` is the host that measures in place of a lost
    one, `unkept` the reason why nothing is kept of what it had sent until then.
    """

    job: Job
    state: State = State.WAITING
    began: float = 0.0
    seconds: float = 0.0
    said: str = ""
    path: Path | None = None
    status: int | None = None
    cases: int = 0
    heir: str = ""
    unkept: str = ""

    @property
    def met(self) -> bool:
        """Return whether it was measured without a fault, or is now another host's."""
        return bool(self.heir) or (self.state is State.DONE and self.status == 0)


Say = Callable[[Standing], None]


class Fleet:
    """The hosts of a cluster while they measure the same run, with the options of `run`.

    Runs are stored in a folder as they arrive; `say` hears of every change of a state.
    """

    def __init__(
        self, client: Any, hosts: Sequence[Host], options: Sequence[str], folder: Path, say: Say
    ) -> None:
        self._client, self._hosts, self._options = client, hosts, tuple(options)
        self._folder, self._say = folder, say
        self._standings = {job: Standing(job) for job in map(Job, hosts)}
        self._futures: dict[Any, Job] = {}
        self._said: dict[str, str] = {}
        self._parts: dict[str, dict[str, bytes]] = {}

    @property
    def standings(self) -> list[Standing]:
        """The states of all jobs, in the order in which they were given."""
        return list(map(self._now, self._standings.values()))

    def _now(self, standing: Standing) -> Standing:
        if standing.state is not State.MEASURING:
            return standing
        said = self._said.get(standing.job.host.worker, "")
        return replace(standing, seconds=time.monotonic() - standing.began, said=said)

    def measure(self) -> None:
        """Measure on every host, until all have ended or an interrupt ends them."""
        self._client.subscribe_topic(on_host.TOPIC, self._hear)
        try:
            while self._of(State.WAITING, State.MEASURING):
                self._look(self._there())
                self._start()
                time.sleep(_PAUSE)
        except KeyboardInterrupt:
            for job in self._of(State.WAITING, State.MEASURING):
                self._end(job, State.INTERRUPTED)
        finally:
            self._cancel()
        for future, job in self._futures.items():
            if kept := self._partly(job, future):
                self._set(job, State.INTERRUPTED, **kept)

    def _of(self, *states: State) -> list[Job]:
        return [job for job, standing in self._standings.items() if standing.state in states]

    def _set(self, job: Job, state: State, **changes: Any) -> None:
        self._standings[job] = replace(self._standings[job], state=state, **changes)
        self._say(self._standings[job])

    def _end(self, job: Job, state: State, **changes: Any) -> None:
        self._set(job, state, seconds=self._now(self._standings[job]).seconds, **changes)

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        """Take a host's report on its progress and samples, in a thread of the client's."""
        _, message = event
        self._said[message["worker"]] = writable(str(message["said"]))
        if files := message["files"]:
            task = message["task"]
            self._parts[task] = parcel.joined(self._parts.get(task, {}), files)

    def _start(self) -> None:
        """Start measuring on hosts whose machine has nothing else to measure."""
        for job in self._of(State.WAITING):
            busy = {running.host.machine for running in self._futures.values()}
            if job.host.machine not in busy:
                future = self._client.submit(
                    on_host.measure, self._options, workers=[job.host.worker], pure=False
                )
                self._futures[future] = job
                self._said.pop(job.host.worker, None)
                self._set(job, State.MEASURING, began=time.monotonic())

    def _there(self) -> set[str]:
        """The workers of the cluster; none where its scheduler is gone."""
        with suppress(*_errors_of_a_lost_scheduler()):
            return set(self._client.nthreads())
        return set()

    def _look(self, there: Set[str]) -> None:
        """Take what has arrived, and notice lost hosts."""
        for job in self._of(State.WAITING):
            if job.host.worker not in there:
                self._lose(job, there)
        for future, job in list(self._futures.items()):
            status = future.status  # which another thread changes
            if status in ("finished", "error"):
                self._arrived(job, future)
            elif job.host.worker not in there or status != "pending":
                self._lose(job, there, **self._partly(job, future))
            else:
                continue
            del self._futures[future]
            self._parts.pop(future.key, None)
            future.release()

    def _arrived(self, job: Job, future: Any) -> None:
        try:
            measured = future.result(timeout=_ARRIVAL)
            if not measured.files:
                raise ActbenchError(measured.said.rpartition("\n")[2] or "it made no run")
            path, cases = self._stored(job, measured.files)
        except ActbenchError as error:
            self._end(job, State.FAILED, said=str(error), **self._partly(job, future))
        except Exception as error:  # whatever a task on another host raises
            said = f"{type(error).__name__}: {error}"
            self._end(job, State.FAILED, said=said, **self._partly(job, future))
        else:
            self._end(
                job, State.DONE, path=path, cases=cases, status=measured.status, said=measured.said
            )

    def _partly(self, job: Job, future: Any) -> dict[str, Any]:
        """The stored part of a job that was not finished: its folder and its cases, or an error."""
        files = self._parts.get(future.key)
        if not files:
            return {}
        try:
            path, cases = self._stored(job, files)
        except (ActbenchError, OSError) as error:
            return {"unkept": str(error)}
        return {"path": path, "cases": cases}

    def _stored(self, job: Job, files: Mapping[str, bytes]) -> tuple[Path, int]:
        """The folder of a run that arrived, and how many cases it measured.

        Raises StoreError for what no run writes.
        """
        with tempfile.TemporaryDirectory(prefix=".arriving-", dir=self._folder) as arriving:
            laid = parcel.laid(files, Path(arriving) / job.name)
            run = load(laid)
            state = "killed" if run.facts.state == "running" else run.facts.state
            store.write_facts(laid, replace(run.facts, host=job.host.name, state=state))
            path = self._folder / plain_name(f"{job.name}-{run.facts.profile}")
            laid.rename(path)
        return path, len({row.case for row in run.records if row.ok})

    def _lose(self, job: Job, there: Set[str], **kept: Any) -> None:
        """Give the work of a lost host to another one of its kind, if there is one."""
        lost = (*job.lost, job.host)
        heirs = [
            host
            for host in self._hosts
            if host.worker in there and host.kind == job.host.kind and host not in lost
        ]
        if not heirs:
            nobody = "no other host of its kind is there" if there else "so is the whole cluster"
            said = f"it is gone, {nobody}: its cases are missing"
            self._end(job, State.LOST, said=said, **kept)
            return
        heir = min(heirs, key=self._share)
        said = f"it is gone: {heir.name}, of the same kind, measures in its place"
        self._end(job, State.LOST, heir=heir.name, said=said, **kept)
        given = Job(heir, lost)
        self._standings[given] = Standing(given)

    def _share(self, host: Host) -> int:
        """The number of jobs that a host has or had."""
        return sum(job.host == host for job in self._standings)

    def _cancel(self) -> None:
        """End what still runs, and wait until nothing of it is left on any host."""
        with suppress(*_errors_of_a_lost_scheduler()):
            running = [job.host.worker for job in self._futures.values()]
            self._client.cancel(list(self._futures), force=True)
            ends = time.monotonic() + _PATIENCE
            while running and time.monotonic() < ends:
                left = self._client.run(on_host.measuring, workers=running, on_error="ignore")
                running = [worker for worker, count in left.items() if count]
                time.sleep(_PAUSE)


def _errors_of_a_lost_scheduler() -> tuple[type[Exception], ...]:
    from distributed.client import ClosedClientError

    return OSError, ClosedClientError
