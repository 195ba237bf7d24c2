"""Workers that are killed, and parents: nothing of their temporary files stays."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from actbench.bench.host import temporary
from actbench.bench.host.cpus import available_cpus
from actbench.bench.workers.environment import Key
from actbench.bench.workers.process import Failed, WorkerProcess

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 600.0


@pytest.fixture
def place() -> Iterator[Path]:
    """A short TMPDIR."""
    with tempfile.TemporaryDirectory(prefix="ab-", dir="/tmp") as name:
        yield Path(name)


# A parent with a worker, which says who they are and waits to be killed.
_PARENT = """
import sys
from pathlib import Path
from actbench.bench.host.cpus import available_cpus
from actbench.bench.workers.environment import Key
from actbench.bench.workers.process import WorkerProcess

worker = WorkerProcess(Key("numpy", "cpu", 1), sys.executable, available_cpus(), Path(sys.argv[1]))
print(worker._process.pid, worker.facts.pid, flush=True)
if sys.argv[2:]:
    worker.kill()
else:
    sys.stdin.read()
"""


def _started(place: Path, *more: str) -> tuple[subprocess.Popen[str], list[int]]:
    """A parent, and the process ids of its worker's keeper and of its worker."""
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, os.devnull, *more], cwd=ROOT, text=True,
        env={**os.environ, "TMPDIR": str(place)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert parent.stdout
    return parent, list(map(int, parent.stdout.readline().split()))


def _folder_of(pid: int) -> Path:
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    [name] = [value[7:] for value in variables if value.startswith(b"TMPDIR=")]
    return Path(os.fsdecode(name))


def _kill(pids: Sequence[int], ended: Sequence[int]) -> None:
    """Kill some processes and wait until others have ended, whosever children they are."""
    awaited = list(map(os.pidfd_open, ended))
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for descriptor in awaited:
        assert select.select([descriptor], [], [], PATIENCE)[0]
        os.close(descriptor)


@pytest.mark.parametrize("who", ["the worker", "the parent", "the parent and the worker"])
def test_whoever_is_killed_nothing_of_a_worker_stays(place: Path, who: str) -> None:
    parent, (keeper, worker) = _started(place)
    with parent:
        folder = _folder_of(worker)
        assert folder.parent == place
        (folder / "torchinductor_me/triton").mkdir(parents=True)
        (folder / "torchinductor_me/triton/kernel.so").write_text("half of it")
        killed = [*[parent.pid] * ("parent" in who), *[worker] * ("worker" in who)]
        _kill(killed, [keeper])
        assert not os.listdir(place)
        parent.kill()


def test_what_stays_where_all_are_killed_is_gone_after_the_next_start(place: Path) -> None:
    parent, (keeper, worker) = _started(place)
    living, (_, other) = _started(place)
    with parent, living:
        (_folder_of(worker) / "file").write_text("left")
        _kill([parent.pid, keeper, worker], [parent.pid, keeper, worker])
        assert len(os.listdir(place)) == 2
        ended, _ = _started(place, "and ends")
        with ended:
            assert ended.wait(PATIENCE) == 0
        assert os.listdir(place) == [_folder_of(other).name], "that of the living stays"
        living.communicate()


def test_a_worker_that_is_ended_leaves_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setattr(WorkerProcess, "patience", 60.0)
    worker = WorkerProcess(
        Key("numpy", "cpu", 1), sys.executable, available_cpus(), tmp_path / "log"
    )
    assert len(os.listdir(place)) == 1
    worker.kill()
    worker.kill()
    assert not os.listdir(place)


def test_a_place_that_has_no_temporary_folder_is_said_in_a_sentence(
    place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(temporary, "_places", lambda: [str(place / "nowhere")])
    with pytest.raises(Failed, match=r"cannot start .*: no temporary folder can be made: name"):
        WorkerProcess(Key("numpy", "cpu", 1), sys.executable, available_cpus(), tmp_path / "log")
