"""Hostile run folders: every reader answers in a sentence, and whoever does not is found out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from actbench.bench.host.errors import StoreError
from tools.hostile import readers
from tools.hostile.__main__ import feared
from tools.hostile.folders import (
    CLAIMS,
    FACTS,
    FILES,
    MONSTERS,
    ROWS,
    SAMPLES,
    Hostile,
    hostile,
    small,
)
from tools.hostile.readers import READERS, bounded

CORPUS = Path(__file__).with_name("hostile.jsonl").read_text().splitlines()
"""Folders that a reader once feared."""
FOLDERS = range(30)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run with records of every kind."""
    folder = tmp_path_factory.mktemp("hostile") / "good"
    small(folder)
    return folder


@pytest.mark.parametrize("line", CORPUS)
def test_what_a_reader_once_feared_is_a_sentence(line: str, good: Path, tmp_path: Path) -> None:
    with bounded():
        assert not list(
            feared(Hostile.of_line(line), good, (json.loads(line)["reader"],), tmp_path)
        )


def test_no_reader_fears_any_folder(good: Path, tmp_path: Path) -> None:
    """Three readers by turns; `python -m tools.hostile` has all of them read six times as many."""
    with bounded():
        for seed in FOLDERS:
            turns = tuple(READERS[(3 * seed + turn) % len(READERS)] for turn in range(3))
            folder = hostile(seed, good)
            assert not list(feared(folder, good, turns, tmp_path)), folder.as_line()


def test_folders_are_of_all_kinds_and_kept_as_text(good: Path) -> None:
    folders = [hostile(seed, good) for seed in range(2000)]
    assert [Hostile.of_line(folder.as_line()) for folder in folders] == folders
    damages = [damage for folder in folders for damage in folder.damages]
    assert {damage.file for damage in damages} == {CLAIMS, FACTS, ROWS, SAMPLES}
    assert {damage.instead for damage in damages} == {"", *FILES}
    assert {damage.text for damage in damages} >= {"", "NaN", '"\\ud800"', *MONSTERS}
    named = {damage.of for damage in damages}
    assert named >= {"pair", "agreement", "special", "failure", "max_ulp", "relative_cost"}


def test_a_damage_is_done(good: Path, tmp_path: Path) -> None:
    """Most folders are no longer read, and hardly any is as it was."""
    before = {path.name: path.read_bytes() for path in good.iterdir()}
    same = 0
    for seed in range(60):
        hostile(seed, good).make(good, tmp_path / str(seed))
        files = [path for path in (tmp_path / str(seed)).iterdir() if path.is_file()]
        small = [path for path in files if path.stat().st_size < 2**27]
        same += {path.name: path.read_bytes() for path in small} == before
    assert same <= 2


def _raises(run: Path) -> object:
    raise KeyError("l2")


def _hangs(run: Path) -> object:
    while True:
        time.sleep(0.01)


def _obeys(run: Path) -> object:
    print("\x1b[2J")
    return None


def _hoards(run: Path) -> object:
    return bytearray(2**32)


def _talks(run: Path) -> object:
    raise StoreError("x" * 5000)


@pytest.mark.parametrize(
    ("reader", "fault"),
    [
        (_raises, "KeyError: 'l2'"),
        (_hangs, "Hung: "),
        (_obeys, "it shows U+001B"),
        (_hoards, "MemoryError: "),
        (_talks, "a sentence of 5,007 characters"),
    ],
)
def test_a_reader_that_is_afraid_is_found_out(
    reader: Callable[[Path], object], fault: str, good: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(readers, "CALLS", {"planted": reader})
    monkeypatch.setattr(readers, "PATIENCE", 1 if reader is _hangs else readers.PATIENCE)
    with bounded():
        (seen,) = feared(Hostile(()), good, ("planted",), tmp_path)
    assert seen.fault.startswith(fault)
