"""A fleet of real processes of Dask: hosts are addresses of this machine."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.fleet.on_host import TOPIC
from actbench.bench.results.rows import Row
from actbench.bench.run.reading import load

from ...answers import held

ROOT = Path(__file__).resolve().parents[3]
TINY = (
    *("--profile", "smoke", "--framework", "numpy", "--only", "timing", "--epochs", "1"),
    *("--direction", "forward", "--size", "64"),
)
TWO = (*TINY, "--activation", "relu", "--activation", "squareplus")
LONG = (*TWO, "--epochs", "500")
"""A run of many processes, each of which adds to what it has."""
HELD = (*TINY, "--callable", "held:relu", "--reference", "relu")
"""A run whose first process waits until it is ended."""
_MODULE = """
import time
from pathlib import Path
import numpy as np

try:
    Path(__file__).with_name("begun").touch(exist_ok=False)
except FileExistsError:
    pass
else:
    time.sleep(3600)

def relu(x):
    return np.maximum(x, 0)
"""
Dask = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of all processes, in the current one."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    (tmp_path / "held.py").write_text(_MODULE)
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), ".")))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def host(dask: Dask, scheduler: str) -> Callable[..., subprocess.Popen[bytes]]:
    """A function that starts the worker of a host, with some variables."""

    def start(number: int, **variables: str) -> subprocess.Popen[bytes]:
        address = f"127.0.0.{number}"
        words = ("worker", scheduler, "--host", address, "--nthreads", "1", "--no-nanny")
        return dask(*words, **variables)

    return start


def _fleet(scheduler: str, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "actbench", "fleet", "--scheduler", scheduler, "--json"]
    return subprocess.Popen(
        [*command, "--out", "runs", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _ended(process: subprocess.Popen[str], status: int) -> dict[str, dict[str, Any]]:
    """What a fleet prints of each host, by the end of its name, after `status`."""
    out, err = process.communicate(timeout=600)
    assert process.returncode == status, (out, err)
    assert status != 130 or not _left(), "it returns once nothing is left"
    _wait(lambda: not _left())
    return {_key(record): record for record in held("answer-fleet", out)["hosts"]}


def _key(record: dict[str, Any]) -> str:
    whose = record.get("in_place_of")
    return record["host"][-1] + (f" for {whose[-1]}" if whose else "")


def _state(hosts: dict[str, dict[str, Any]]) -> str:
    """The state of the only host."""
    [record] = hosts.values()
    return str(record["state"])


def _left() -> list[str]:
    """The folders and processes of runs that a fleet has left here."""
    here = Path.cwd().resolve()
    left = [path.name for path in (here / "temporary").glob("actbench-*")]
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.readlink(process / "cwd").startswith(str(here)):  # removed or not
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                left += [command] if "start.py" in command else []
    return left


def _wait(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.05)


def _workers(scheduler: str, count: int) -> None:
    """Wait until a cluster has so many workers."""
    from distributed import Client

    with Client(scheduler) as client:
        client.wait_for_workers(count, timeout=600)


@contextmanager
def _times_sent(scheduler: str) -> Iterator[list[str]]:
    """A list that grows where a host has sent times home."""
    from distributed import Client

    times: list[str] = []

    def hear(event: tuple[float, dict[str, Any]]) -> None:
        samples = event[1]["files"].get("samples.jsonl.gz")
        text = gzip.decompress(samples).decode() if samples else ""
        times.extend(line for line in text.splitlines() if '"kind": "pair"' in line)

    with Client(scheduler) as client:
        client.subscribe_topic(TOPIC, hear)
        yield times


def _timed(rows: Iterator[Row]) -> set[str]:
    return {row.case.activation for row in rows if row.metric == "time_per_call" and row.ok}


@pytest.mark.slow
def test_every_host_is_measured_in_turn_and_its_run_comes_home(
    scheduler: str, host: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """One that has other code is refused. What Dask sets for its workers is not set for runs."""
    other = tmp_path / "other"
    for room in ("actbench", "bench", "impls", "report"):
        shutil.copytree(ROOT / room, other / room, symlinks=True)
    with (other / "bench/words.py").open("a") as file:
        file.write("# changed\n")
    for number in (1, 2):
        host(number, MALLOC_TRIM_THRESHOLD_="65536")
    host(3, PYTHONPATH=str(other))
    _workers(scheduler, 3)
    hosts = _ended(_fleet(scheduler, *TWO), 1)
    assert [hosts[key]["state"] for key in "123"] == ["done", "done", "refused"]
    assert "has other code than this one" in hosts["3"]["reason"]
    runs = [load(Path(hosts[key]["path"])) for key in "12"]
    assert [run.path.name for run in runs] == [f"{hosts[key]['host']}-smoke" for key in "12"]
    for key, run in zip("12", runs, strict=True):
        assert run.facts.host == hosts[key]["host"]
        assert run.facts.command == "actbench run " + " ".join(TWO)
        assert _timed(iter(run.records)) == {"relu", "squareplus"}
        environment = run.facts.workers["numpy"].environment
        assert environment is not None
        assert "MALLOC_TRIM_THRESHOLD_" not in environment.variables
    earlier, later = sorted(runs, key=lambda run: run.facts.started)
    assert str(earlier.facts.finished) <= later.facts.started
    assert {path.name for path in Path("runs").iterdir()} == {run.path.name for run in runs}


@pytest.mark.slow
def test_what_a_host_that_is_killed_should_have_measured_goes_to_another_of_its_kind(
    scheduler: str, host: Callable[..., subprocess.Popen[bytes]]
) -> None:
    killed, _ = host(1), host(2)
    _workers(scheduler, 2)
    process = _fleet(scheduler, *HELD)
    _wait(lambda: Path("begun").exists() or process.poll() is not None)
    killed.send_signal(signal.SIGKILL)
    hosts = _ended(process, 0)
    assert {key: record["state"] for key, record in hosts.items()} == {
        "1": "lost", "2": "done", "2 for 1": "done",
    }  # fmt: skip
    given = hosts["2 for 1"]
    assert Path(given["path"]).name == f"{given['host']}-for-{given['in_place_of']}-smoke"
    assert load(Path(given["path"])).facts.host == given["host"]


@pytest.mark.slow
def test_what_a_host_that_is_killed_had_measured_is_kept(
    scheduler: str, host: Callable[..., subprocess.Popen[bytes]]
) -> None:
    killed = host(1)
    _workers(scheduler, 1)
    with _times_sent(scheduler) as times:
        process = _fleet(scheduler, *LONG)
        _wait(lambda: times or process.poll() is not None)
    killed.send_signal(signal.SIGKILL)
    [record] = _ended(process, 1).values()
    assert record["state"] == "lost"
    run = load(Path(record["path"]))
    assert (run.facts.state, run.facts.host) == ("killed", record["host"])
    assert _timed(iter(run.records)) == {"relu", "squareplus"}
    assert record["cases"] == len({row.case for row in run.records if row.ok})


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_fleet_that_is_ended_leaves_nothing_on_any_host(
    scheduler: str, host: Callable[..., subprocess.Popen[bytes]], end: signal.Signals
) -> None:
    host(1)
    _workers(scheduler, 1)
    process = _fleet(scheduler, *HELD)
    _wait(lambda: Path("begun").exists() or process.poll() is not None)
    assert _left()
    process.send_signal(end)
    if end is signal.SIGINT:
        assert _state(_ended(process, 130)) == "interrupted"
        return
    process.communicate()
    _wait(lambda: not _left())
    assert _state(_ended(_fleet(scheduler, *HELD), 0)) == "done", "the host measures for the next"


@pytest.mark.slow
def test_the_last_host_of_its_kind_that_is_killed_is_missing(
    scheduler: str, host: Callable[..., subprocess.Popen[bytes]]
) -> None:
    killed = host(1)
    _workers(scheduler, 1)
    process = _fleet(scheduler, *HELD)
    _wait(lambda: Path("begun").exists() or process.poll() is not None)
    killed.send_signal(signal.SIGKILL)
    assert _state(_ended(process, 1)) == "lost"
