"""Temporary folders: locked while anybody lives who uses them, and removed by whoever outlives."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Listener
from pathlib import Path

import pytest

from actbench.bench.host import temporary

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short TMPDIR of this test's own, in which nobody has looked for what the dead left."""
    with tempfile.TemporaryDirectory(prefix="ab-", dir="/tmp") as name:
        monkeypatch.setattr(tempfile, "tempdir", name)
        monkeypatch.setattr(temporary, "_PLACES", ())
        temporary._remove_left.cache_clear()
        yield Path(name)
    temporary._remove_left.cache_clear()


def _fill(folder: Path) -> Path:
    (folder / "below/deep").mkdir(parents=True)
    (folder / "below/deep/file").write_text("left")
    (folder / "link").symlink_to("/nowhere")
    return folder


def test_a_folder_ends_with_its_use_however_that_ends(place: Path) -> None:
    with temporary.folder() as made:
        assert made.path.parent == place
        assert made.path.stat().st_mode & 0o777 == 0o700
        _fill(made.path)
    assert not os.listdir(place)
    with pytest.raises(KeyboardInterrupt), temporary.folder() as made:
        raise KeyboardInterrupt
    assert not os.listdir(place)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(made.lock)


# Makes a folder, hands its lock on to a child that sleeps, and is killed where it says so.
_DIES = """
import os, signal, subprocess, sys
from actbench.bench.host import temporary

with temporary.folder() as made:
    (made.path / "file").write_text("left")
    heir = subprocess.Popen(["sleep", "600"], pass_fds=[made.lock], stdout=subprocess.DEVNULL)
    print(made.path, heir.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_the_dead_left_is_removed_and_what_their_heirs_use_is_not(place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _DIES], cwd=ROOT, env={**os.environ, "TMPDIR": str(place)},
        stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    left, heir = done.stdout.split()
    with temporary.folder():
        assert (Path(left) / "file").exists(), "its heir lives"
    ended = os.pidfd_open(int(heir))
    os.kill(int(heir), signal.SIGKILL)
    assert select.select([ended], [], [], 600)[0]
    os.close(ended)
    temporary._remove_left.cache_clear()
    with temporary.folder() as made:
        assert os.listdir(place) == [made.path.name]


def test_nothing_but_folders_of_the_dead_is_removed(place: Path) -> None:
    (place / "actbench-12345678").mkdir()
    (place / "actbench-gate-12345678.tmp").mkdir()
    (place / "actbench-afile678.tmp").write_text("a file")
    other = _fill(place / "other")
    (place / "actbench-alink678.tmp").symlink_to(other)
    before = set(os.listdir(place))
    _fill(place / "actbench-12345678.tmp")
    with temporary.folder() as made:
        assert set(os.listdir(place)) == before | {made.path.name}
    assert (other / "below/deep/file").exists()


def test_a_folder_of_another_user_stays(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = _fill(place / "actbench-12345678.tmp")
    own = os.getuid()
    monkeypatch.setattr(temporary.os, "getuid", lambda: own + 1)
    with temporary.folder():
        assert left.exists()


def test_nobody_loses_a_folder_to_others_who_look_for_what_is_left(place: Path) -> None:
    def use(number: int) -> bool:
        temporary._remove_left.__wrapped__()
        with temporary.folder() as made:
            (made.path / "file").write_text("mine")
            temporary._remove_left.__wrapped__()
            return (made.path / "file").read_text() == "mine"

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(200)))
    assert not os.listdir(place)


def test_a_socket_fits_into_a_folder_wherever_tmpdir_is(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(temporary, "_PLACES", ("/tmp",))
    room = temporary._SOCKET - temporary._OWN - temporary._WITHIN
    for length, short in ((room, True), (room + 1, False)):
        deep = Path(str(place / "a").ljust(length, "a"))
        deep.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(deep))
        with temporary.folder() as made:
            assert (made.path.parent == deep) == short
            (made.path / "pymp-12345678").mkdir()
            Listener(str(made.path / "pymp-12345678/listener-12345678")).close()


def test_where_nothing_can_be_made_the_next_place_is_taken_or_said(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(place)
    with pytest.raises(OSError, match="name one in TMPDIR"), temporary.folder():
        pass
    monkeypatch.setattr(temporary, "_PLACES", ("/tmp",))
    with temporary.folder() as made:
        assert made.path.parent == Path("/tmp")
    place.mkdir()


def test_a_system_without_locks_loses_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError("no locks here")

    left = _fill(place / "actbench-12345678.tmp")
    monkeypatch.setattr(temporary.fcntl, "flock", refused)
    with temporary.folder() as made:
        assert made.path.exists()
    assert os.listdir(place) == [left.name]
