"""The folders that are kept: the user's, another one in its place, or none, which is said."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from actbench.bench.host import cache, doctor, temporary

OWN = f"cache-{os.getuid()}"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that sets the user's folder, that for temporary files, and the usual ones."""

    def put(home: str, spare: str, *usual: str) -> None:
        for name in (home, spare, *usual):
            (tmp_path / name).mkdir(exist_ok=True)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / home))
        monkeypatch.setattr(temporary.tempfile, "gettempdir", lambda: str(tmp_path / spare))
        monkeypatch.setattr(temporary, "_PLACES", tuple(str(tmp_path / name) for name in usual))
        monkeypatch.setattr(cache, "_forgotten", lambda: tmp_path)

    return put


@pytest.mark.parametrize(
    ("home", "temporary", "expected"),
    [
        ("home", "tmp", "home"),
        ("my home", "tmp", f"tmp/{OWN}"),
        ("my\thome", "tmp", f"tmp/{OWN}"),
        ("my home", "my tmp", f"usual/{OWN}"),
    ],
)
def test_a_folder_without_blanks_is_kept(
    home: str, temporary: str, expected: str, places: Callable[..., None], tmp_path: Path
) -> None:
    places(home, temporary, "usual")
    assert cache.folder("exact") == tmp_path / expected / "actbench/exact"
    assert cache.folder("exact") == cache.folder("exact"), "the same from one call to the next"
    assert cache.kept() == tmp_path / expected / "actbench"
    assert doctor._kept().state == "fine"


def test_where_nothing_can_be_kept_the_doctor_says_so(
    places: Callable[..., None], tmp_path: Path
) -> None:
    places("my home", "my tmp")
    assert cache.folder("exact") == tmp_path / "exact"
    assert cache.folder("exact").is_dir()
    found = doctor._kept()
    assert (found.state, found.observed[:7]) == ("worse", "nothing")
    assert "XDG_CACHE_HOME" in found.remedy


def test_a_temporary_folder_of_somebody_else_is_not_taken(
    places: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that was compiled into it would be run. Here this process is somebody else."""
    places("my home", "tmp")
    assert cache.folder("exact") == tmp_path / f"tmp/{OWN}/actbench/exact"
    other = os.getuid() + 1
    monkeypatch.setattr(cache.os, "getuid", lambda: other)
    (tmp_path / f"tmp/cache-{other}").mkdir()
    assert cache.folder("exact") == tmp_path / "exact"


def test_what_was_used_longest_ago_goes_where_too_much_is_kept(
    places: Callable[..., None], tmp_path: Path
) -> None:
    places("home", "tmp")
    now = time.time()
    for name, days in (("oldest", 9), ("old", 5), ("new", 2), ("today", 0)):
        path = cache.folder(name) / "compiled"
        path.write_bytes(bytes(1000))
        os.utime(path, (now - days * 86_400, now - 10 * 86_400))

    def left() -> list[str]:
        return sorted(path.parent.name for path in tmp_path.rglob("compiled"))

    cache.trim(4000)
    assert left() == ["new", "old", "oldest", "today"]
    cache.trim(2500)
    assert left() == ["new", "today"]
    cache.trim(0)
    assert left() == ["today"], "a run of now may need it"
