"""Folders that no run has written, through every command that reads one: a sentence, no more."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench import __main__
from actbench.bench.catalog.cases import PROFILES, Plan, Selection
from actbench.bench.host.progress import Reporter
from actbench.bench.run.request import Request
from actbench.bench.run.schedule import run
from tools.hostile.folders import Damage
from tools.hostile.readers import COMMANDS

ROOT = Path(__file__).resolve().parents[3]
_MOST_MEMORY = 2**30
_OTHERS = ("run --into", "run --resume", "chart of sizes")
"""Readers that measure, or find nothing here to draw."""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run of NumPy's relu and squareplus."""
    profile = replace(
        PROFILES["smoke"],
        plans=(Plan(("relu", "squareplus"), forms=("plain",)),),
        epochs=2, most=2, batch=1e-5, blocks=4, per_binade=1,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("good") / "run"
    selection = Selection(("numpy",), sizes=(64,))
    request = Request(profile, selection, 0, path, {}, sys.executable, 60.0, "actbench run")
    return run(request, Reporter(quiet=True)).path


_READERS = {name: words for name, words in COMMANDS.items() if name not in _OTHERS}


def main(words: list[str]) -> int:
    """The exit status of a command in this process."""
    try:
        return __main__.main(words)
    except SystemExit as ended:
        return int(str(ended.code or 0))


def _changed(field: str, value: Any, metric: str = "time_per_call") -> Callable[[Path], None]:
    """A row of a metric with another value somewhere: `value`, or `worst.got`."""

    def change(run: Path) -> None:
        path = run / "rows.jsonl"
        records = list(map(json.loads, path.read_text().splitlines()))
        record = next(row for row in records if row["metric"] == metric and row["value"])
        *above, last = field.split(".")
        for name in above:
            record = record[name]
        record[last] = value
        path.write_text("".join(f"{json.dumps(row)}\n" for row in records))

    return change


def _of_facts(name: str, value: Any) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        facts = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps({**facts, name: value}))

    return change


def _other(name: str, kind: str) -> Callable[[Path], None]:
    """Something else in the place of a file."""
    return Damage(name, instead=kind).do


_STRANGE: dict[str, Callable[[Path], None]] = {
    "a time of 1e-320": _changed("value", 1e-320),
    "a time below 0": _changed("low", -1.0),
    "a cost of 1e300": _changed("high", 1e300, "relative_cost"),
    "an integer of 400 digits": _changed("value", 10**400),
    "a size of 400 digits": _changed("size", 10**400),
    "a size of 2^49": _changed("size", 2**49),
    "a size of 0": _changed("size", 0),
    "a size below 0": _changed("size", -1),
    "true for a number": _changed("value", True),
    "text for a number": _changed("value", "12"),
    "no number": _changed("value", float("nan")),
    "NaN in words": _changed("value", "NaN"),
    "low above high": _changed("low", 1e12),
    "high below value": _changed("high", 1e-12),
    "an unknown status": _changed("status", "splendid"),
    "a failure with a value": _changed("status", "error"),
    "half a pair": _changed("reason", "\ud800"),
    "a terminal's commands": _changed("reason", "\x1b[2J\x1b]0;title\x07"),
    "one byte commands": _changed("activation", "\x9b2J"),
    "another direction": _changed("framework", "num\u202epy"),
    "an input beyond float64": _changed("worst", {"input": "0x1p+99999"}, "max_ulp"),
    "an unknown state": _of_facts("state", "splendid"),
    "endless facts": _of_facts("budget", float("inf")),
    "facts of another type": _of_facts("epochs", True),
    "commands in facts": _of_facts("command", "\x1b[2J"),
    "a pipe for rows": _other("rows.jsonl", "a pipe"),
    "a folder for rows": _other("rows.jsonl", "a folder"),
    "a pipe for facts": _other("run.json", "a pipe"),
    "a folder for facts": _other("run.json", "a folder"),
    "no text": Damage("rows.jsonl", hex="fffe0a").do,
    "a bomb": _other("rows.jsonl", "a bomb"),
    "a line without end": _other("rows.jsonl", "a line without end"),
    "facts without end": _other("run.json", "a line without end"),
}


_BY_ALL = ("a time of 1e-320", "a terminal's commands", "a pipe for rows", "commands in facts")


def _readers_of(strange: str) -> list[str]:
    """All readers, or two of them by turns: they have one door."""
    if strange in _BY_ALL:
        return list(_READERS)
    turn = list(_STRANGE).index(strange)
    return ["export", list(_READERS)[1 + turn % (len(_READERS) - 1)]]


@pytest.mark.parametrize("strange", _STRANGE)
def test_what_no_run_writes_is_one_sentence_from_every_reader(
    good: Path, tmp_path: Path, strange: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = tmp_path / "runs" / "run"
    shutil.copytree(good, folder)
    _STRANGE[strange](folder)
    monkeypatch.chdir(tmp_path)
    for reader in _readers_of(strange):
        status = main(_READERS[reader](folder, folder, tmp_path))
        said = capsys.readouterr()
        assert status == 4, (reader, said)
        errors = [line for line in said.err.splitlines() if not line.startswith("Reports:")]
        assert len(errors) == 1, (reader, said.err)
        assert errors[0].startswith("error: "), reader
        assert len(errors[0]) < 1000, reader
        assert _is_shown_safely(said.out + said.err), reader
        assert reader == "site" or said.out == "", reader


def _is_shown_safely(text: str) -> bool:
    kinds = {unicodedata.category(letter) for letter in text if letter not in "\n\t"}
    return kinds.isdisjoint({"Cc", "Cf", "Cs"})


def test_the_run_itself_is_read_by_all_of_them(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = tmp_path / "runs" / "run"
    shutil.copytree(good, folder)
    monkeypatch.chdir(tmp_path)
    for reader, words in _READERS.items():
        status = main(words(folder, folder, tmp_path))
        said = capsys.readouterr()
        assert status == 0, (reader, said)
        assert "part of a run" not in said.err


def test_a_run_without_rows_is_read_by_all_of_them_and_said_to_be_a_part(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = tmp_path / "runs" / "run"
    shutil.copytree(good, folder)
    (folder / "rows.jsonl").unlink()
    _of_facts("state", "running")(folder)
    lines = (folder / "samples.jsonl").read_text().splitlines(keepends=True)
    # What was disturbed is timed again: without its other lines, the last one is all of a visit.
    begins = lines[-1][: lines[-1].index('"unit"')]
    lines = [line for line in lines[:-1] if not line.startswith(begins)] + [lines[-1][:50]]
    (folder / "samples.jsonl").write_text("".join(lines))
    monkeypatch.chdir(tmp_path)
    for reader, words in _READERS.items():
        status = main(words(folder, folder, tmp_path))
        said = capsys.readouterr()
        # What it lacks cannot be compared; whether so few cells agree is chance.
        wanted = {"compare": (1,), "selftest": (0, 1)}.get(reader, (0,))
        assert status in wanted, (reader, said)
        if reader == "selftest":
            _of_facts("state", "running")(folder)
        if reader != "site":  # which says it of each run on its page
            assert "is part of a run, which was killed: actbench run --resume" in said.err, reader
            assert f"Line {len(lines)} of " in said.err, reader
    page = (tmp_path / "page.html").read_text()
    assert "is killed, not finished" in page
    assert "lacks 1 line" in page


# A process begins with the memory of the one that starts it, which this small one is.
_MEASURED = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
print(used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.parametrize(
    ("kind", "name"), [("a bomb", "rows.jsonl"), ("a line without end", "samples.jsonl")]
)
def test_what_expands_or_never_ends_takes_little_memory(
    good: Path, tmp_path: Path, kind: str, name: str
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(good, folder)
    Damage(name, instead=kind).do(folder)
    for other in {"rows.jsonl", "samples.jsonl"} - {name}:
        (folder / other).unlink()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, sys.executable, "-m", "bench", "export", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert int(done.stdout) * 1024 < _MOST_MEMORY


def test_paths_that_are_no_text_are_shown_where_the_locale_is_c(good: Path, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/r\xffn\x1b[2J"
    shutil.copytree(os.fsencode(good), folder)
    variables = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    page = folder + b"/report.html"
    for words, status in (
        ([b"export", folder, b"--out", folder + b"/rows.json"], 0),
        ([b"report", folder], 0),
        ([b"export", folder + b"x"], 4),
        ([b"run", b"--resume", folder], 2),
    ):
        done = subprocess.run(
            [os.fsencode(sys.executable), b"-m", b"actbench", *words], cwd=ROOT, env=variables,
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == status, (words, done.stderr)
        assert b"Traceback" not in done.stderr
        if status:
            assert _is_shown_safely(done.stderr.decode()), done.stderr
    assert Path(os.fsdecode(page)).is_file()


def test_a_name_that_is_too_long_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "x" * 5000]) == 4
    assert capsys.readouterr().err.count("\n") == 1
