"""The decisions of a fleet, on a cluster that is none: who measures what, and what is taken."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.fleet import on_host
from actbench.bench.fleet.fleet import Fleet, Standing, State
from actbench.bench.fleet.hosts import Host, Kind, discovered
from actbench.bench.fleet.on_host import Measured
from actbench.bench.results import parcel
from actbench.bench.results.samples import Missing
from actbench.bench.results.status import Status
from actbench.bench.results.store import RunWriter
from actbench.bench.run.reading import load
from actbench.bench.run.request import known_frameworks
from tests.conftest import run_facts

Hear = Callable[[tuple[float, dict[str, Any]]], None]
CASE = Case("torch", "gelu", "native", "eager", "forward", "cpu", "float32", 1024, 1)
KIND = Kind("Example CPU", (), (("numpy", "2.4"),))
OTHER = Kind("Example CPU", (), (("numpy", "2.5"),))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actbench.bench.fleet.fleet._PAUSE", 0.0)


def _host(name: str, machine: str = "", kind: Kind = KIND) -> Host:
    return Host(name, f"tcp://{name}:1", machine or name, kind)


def _files(folder: Path, **changes: Any) -> dict[str, bytes]:
    """A run without rows, as it arrives."""
    facts = run_facts(state="finished", **changes)
    RunWriter(folder / "made", facts).finish([])
    return parcel.packed(folder / "made")


class Future:
    """A task that is done once it was looked at so many times, or never."""

    def __init__(self, worker: str, answer: Measured | Exception | None, looks: int = 2) -> None:
        self.worker, self._answer, self._looks = worker, answer, looks
        self.key = f"measure-{worker}-{id(self)}"

    @property
    def status(self) -> str:
        self._looks -= 1
        done = self._answer is not None and self._looks <= 0
        return "finished" if done else "pending"

    def result(self, timeout: float) -> Measured:
        if isinstance(self._answer, Exception):
            raise self._answer
        assert self._answer is not None
        return self._answer

    def release(self) -> None:
        pass


class Cluster:
    """A client of a cluster whose workers answer as they are told; one without an answer dies.

    Before, they send parts of what they measure.
    """

    def __init__(
        self,
        answers: Mapping[str, Callable[[], Measured | Exception | None]],
        parts: Sequence[Mapping[str, bytes]] = (),
    ) -> None:
        self._answers, self._parts = answers, parts
        self.workers = {f"tcp://{name}:1" for name in answers}
        self.running: list[list[str]] = []
        self._futures: list[Future] = []

    def subscribe_topic(self, topic: str, handler: Hear) -> None:
        self._hear = handler

    def submit(self, function: object, options: object, workers: list[str], pure: bool) -> Future:
        [worker] = workers
        assert worker in self.workers
        answer = self._answers[worker.removeprefix("tcp://").removesuffix(":1")]()
        if answer is None:
            self.workers.discard(worker)
        future = Future(worker, answer)
        self._futures.append(future)
        for files in ({}, *self._parts):
            message = {"worker": worker, "task": future.key, "said": "so far", "files": files}
            self._hear((0.0, message))
        self.running.append([worker, *(f.worker for f in self._futures[:-1] if f._looks > 0)])
        return self._futures[-1]

    def nthreads(self) -> dict[str, int]:
        return dict.fromkeys(self.workers, 1)

    def cancel(self, futures: list[Future], force: bool) -> None:
        assert not futures


def _measured(cluster: Cluster, hosts: list[Host], folder: Path) -> list[Standing]:
    told: list[Standing] = []
    fleet = Fleet(cluster, hosts, (), folder, told.append)
    fleet.measure()
    assert all(standing.state is not State.WAITING for standing in fleet.standings)
    assert len(told) >= len(fleet.standings)
    return fleet.standings


def test_hosts_that_are_one_machine_measure_in_turn(tmp_path: Path) -> None:
    files = _files(tmp_path)
    names = ("a", "b", "c")
    cluster = Cluster({name: lambda: Measured(0, "", files) for name in names})
    hosts = [_host("a", "one"), _host("b", "one"), _host("c")]
    standings = _measured(cluster, hosts, tmp_path)
    assert {standing.state for standing in standings} == {State.DONE}
    assert not any({"tcp://a:1", "tcp://b:1"} <= set(running) for running in cluster.running)
    assert ["tcp://c:1", "tcp://a:1"] in cluster.running, "other machines do not wait"


def test_a_lost_host_is_stood_in_for_by_those_of_its_kind_alone(tmp_path: Path) -> None:
    """By each once; and where the last of them is lost, the cases are missing."""
    files = _files(tmp_path)
    kept = lambda: Measured(0, "", files)  # noqa: E731
    cluster = Cluster({"a": lambda: None, "b": lambda: None, "c": kept, "other": kept})
    hosts = [_host("a"), _host("b"), _host("c"), _host("other", kind=OTHER)]
    standings = _measured(cluster, hosts, tmp_path)
    done = [standing.job.name for standing in standings if standing.state is State.DONE]
    assert sorted(done) == ["c", "c-for-a", "c-for-b", "other"]
    assert all(standing.met for standing in standings)
    alone = Cluster({"a": lambda: None, "other": kept})
    (tmp_path / "again").mkdir()
    lost, _ = _measured(alone, [hosts[0], hosts[3]], tmp_path / "again")
    assert (lost.state, lost.heir, lost.met) == (State.LOST, "", False)


def _parts(folder: Path) -> list[dict[str, bytes]]:
    """What a host sends of a run while it measures: of two cases, one after the other."""
    writer = RunWriter(folder / "begun", run_facts(frameworks=known_frameworks()))
    parts, sent = [], 0
    for activation in ("relu", "gelu"):
        writer.append(
            Missing(replace(CASE, activation=activation), "max_ulp", Status.ERROR, "it failed")
        )
        part, sent = parcel.grown(writer.path, sent)
        parts.append(part)
    assert parcel.grown(writer.path, sent) == ({}, sent), "there is no more"
    writer.finish(None)
    return parts


@pytest.mark.parametrize("alone", [True, False])
def test_what_a_lost_host_had_measured_is_kept_as_a_run_that_was_killed(
    tmp_path: Path, alone: bool
) -> None:
    """Apart from what another host measures in its place: a run is of one machine."""
    folder, parts, files = tmp_path / "runs", _parts(tmp_path), _files(tmp_path)
    folder.mkdir()
    answers = {"a": lambda: None, "b": lambda: Measured(0, "", files)}
    cluster = Cluster(dict(list(answers.items())[: 1 if alone else 2]), parts)
    hosts = [_host(name) for name in ("a" if alone else "ab")]
    standings = {s.job.name: s for s in _measured(cluster, hosts, folder)}
    lost = standings["a"]
    assert (lost.state, lost.path) == (State.LOST, folder / "a-standard")
    run = load(folder / "a-standard")
    assert (run.facts.state, run.facts.host) == ("killed", "a")
    assert [row.case.activation for row in run.records] == ["relu", "gelu"]
    assert {path.name for path in folder.iterdir()} == {
        f"{name}-standard" for name in (["a"] if alone else ["a", "b", "b-for-a"])
    }
    assert lost.met is not alone


class Interrupted(Cluster):
    """A client that is interrupted once hosts measure."""

    def nthreads(self) -> dict[str, int]:
        if self.running:
            raise KeyboardInterrupt
        return super().nthreads()

    def cancel(self, futures: list[Future], force: bool) -> None:
        pass

    def run(self, *_: object, **__: object) -> dict[str, int]:
        return {}


def test_what_hosts_had_measured_is_kept_at_an_interrupt(tmp_path: Path) -> None:
    cluster = Interrupted({"a": lambda: Measured(0, "", {})}, _parts(tmp_path))
    [standing] = _measured(cluster, [_host("a")], tmp_path)
    assert standing.state is State.INTERRUPTED
    assert standing.path == tmp_path / "a-standard"
    assert len(load(standing.path).records) == 2


def test_of_a_lost_host_that_has_sent_nothing_of_use_nothing_is_kept(tmp_path: Path) -> None:
    strange = {"run.json": b"{}", "samples.jsonl.gz": b"no gzip"}
    cluster = Cluster({"a": lambda: None}, [strange])
    (tmp_path / "runs").mkdir()
    [lost] = _measured(cluster, [_host("a")], tmp_path / "runs")
    assert (lost.state, lost.path) == (State.LOST, None)
    assert "schema" in lost.unkept
    assert not list((tmp_path / "runs").iterdir())


def test_what_arrives_is_taken_as_any_run_from_elsewhere(tmp_path: Path) -> None:
    files = _files(tmp_path, profile="../../smoke")
    facts = json.loads(files["run.json"])
    given: dict[str, Measured | Exception] = {
        "good": Measured(1, "", files),
        "strange": Measured(0, "", {**files, "../evil": b"x"}),
        "malformed": Measured(0, "", {**files, "rows.jsonl.gz": b"no gzip"}),
        "schema": Measured(0, "", {"run.json": json.dumps({**facts, "schema": 1}).encode()}),
        "nothing": Measured(2, "Usage:\nerror: unknown device", {}),
        "raised": RuntimeError("whatever"),
    }
    cluster = Cluster({name: (lambda answer=answer: answer) for name, answer in given.items()})  # type: ignore[misc]
    folder = tmp_path / "runs"
    folder.mkdir()
    standings = {s.job.name: s for s in _measured(cluster, list(map(_host, given)), folder)}
    assert standings["good"].state is State.DONE
    assert not standings["good"].met, "its run failed"
    [stored] = folder.iterdir()
    assert stored == standings["good"].path
    assert stored.parent == folder
    assert json.loads((stored / "run.json").read_text())["host"] == "good"
    reasons = {name: standing.said for name, standing in standings.items() if name != "good"}
    assert "'../evil', which no run has" in reasons["strange"]
    assert "rows.jsonl" in reasons["malformed"]
    assert "has schema 1" in reasons["schema"]
    assert reasons["nothing"] == "error: unknown device"
    assert reasons["raised"] == "RuntimeError: whatever"


class Describing:
    """A client of a cluster of which only the descriptions are asked for."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self._said = said

    def run(self, function: object, on_error: str) -> dict[str, Any]:
        assert function is on_host.describe
        return dict(self._said)

    def scheduler_info(self) -> dict[str, Any]:
        return {"workers": {worker: {"host": worker[6:-2]} for worker in self._said}}


def test_hosts_are_known_by_name_and_address_and_others_are_refused() -> None:
    said = json.loads(json.dumps(on_host.describe()))
    name = said["host"]
    workers = {
        "tcp://10.0.0.1:1": said,
        "tcp://10.0.0.1:2": said,
        "tcp://10.0.0.2:1": said,
        "tcp://10.0.0.3:1": {**said, "host": "../n3"},
        "tcp://10.0.0.4:1": {**said, "host": "n4", "version": "0.1"},
        "tcp://10.0.0.5:1": {**said, "host": "n5", "source": "other"},
        "tcp://10.0.0.6:1": {**said, "host": "n6", "cpu": None},
        "tcp://10.0.0.7:1": ModuleNotFoundError("No module named 'actbench'"),
    }
    hosts, refused = discovered(Describing(workers))
    assert [host.worker for host in hosts if name in host.name] == [
        "tcp://10.0.0.1:1", "tcp://10.0.0.2:1",
    ]  # fmt: skip
    assert {f"{name}-10.0.0.1", f"{name}-10.0.0.2"} < {host.name for host in hosts}
    [strange] = [host.name for host in hosts if name not in host.name]
    assert "/" not in strange
    assert len({host.kind for host in hosts}) == 1
    reasons = {host.name: host.reason for host in refused}
    assert reasons.keys() == {"n4", "n5", "n6", "10.0.0.7"}
    assert reasons["n4"].startswith("it has actbench 0.1, and this is ")
    assert "other code" in reasons["n5"]
    assert "No module named 'actbench'" in reasons["10.0.0.7"]
