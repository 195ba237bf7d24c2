"""Commands that write to a run at an address: brought here, gone on with, and brought back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

import actbench
from actbench import __main__
from actbench.bench.commands import claims
from actbench.bench.results.addresses import brought
from actbench.bench.results.claims import read
from actbench.bench.results.store import RunWriter
from actbench.bench.run.reading import load

from ...claims import EVERY
from ...conftest import run_facts

AT = "memory://runs/mine"
_TINY = (
    *("run", "--profile", "smoke", "--framework", "numpy", "--only", "timing", "--epochs", "1"),
    *("--direction", "forward", "--size", "64"),
)


def main(*words: str) -> int:
    """The exit status of a command in this process."""
    try:
        return __main__.main(list(words))
    except SystemExit as ended:
        return int(ended.code or 0)


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryFileSystem]:
    """An empty file system elsewhere."""
    monkeypatch.chdir(tmp_path)
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()


def _timed() -> set[str]:
    """The activations that the run at the address has times of."""
    rows = actbench.load(AT)
    return set(rows[(rows.metric == "time_per_call") & (rows.status == "ok")].activation)


def _measured(memory: MemoryFileSystem, **changes: Any) -> None:
    """A run of relu at the address, with other facts."""
    assert main(*_TINY, "--activation", "relu", "--out", "mine") == 0
    for name in ("run.json", "samples.jsonl"):
        memory.pipe(f"/runs/mine/{name}", Path("mine", name).read_bytes())
    facts = json.loads(Path("mine/run.json").read_text())
    memory.pipe("/runs/mine/run.json", json.dumps({**facts, **changes}).encode())


def test_a_run_at_an_address_is_added_to_and_gone_on_with(
    memory: MemoryFileSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is printed names it by its address, and no copy is left."""
    _measured(memory)
    assert main("selftest", "--costs", "--of", "mine", "--of", AT, "--json") == 1, "no cell"
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["runs"] == ["mine", AT]
    assert json.loads(memory.cat_file("/runs/mine/run.json"))["coverage"]
    assert main(*_TINY, "--activation", "squareplus", "--into", AT) == 0
    assert _timed() >= {"relu", "squareplus"}
    assert f"Rows: {AT}/rows.jsonl. Page: actbench report {AT}" in capsys.readouterr().out
    assert main("run", "--resume", AT) == 2
    assert f"error: {AT} is finished" in capsys.readouterr().err
    facts = json.loads(memory.cat_file("/runs/mine/run.json"))
    memory.pipe("/runs/mine/run.json", json.dumps({**facts, "state": "interrupted"}).encode())
    assert main("run", "--resume", AT, "--json") == 0
    assert json.loads(capsys.readouterr().out)["path"] == AT
    assert json.loads(memory.cat_file("/runs/mine/run.json"))["state"] == "finished"
    assert not list(Path("results").iterdir())


def test_what_was_added_is_kept_where_it_cannot_be_brought_back(
    memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _measured(memory)
    pipe_file = MemoryFileSystem.pipe_file

    def full(self: MemoryFileSystem, path: str, *rest: Any, **options: Any) -> None:
        if path.endswith("samples.jsonl"):
            raise ConnectionError("the line is down")
        pipe_file(self, path, *rest, **options)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", full)
    assert main(*_TINY, "--activation", "squareplus", "--into", AT) == 4
    said = capsys.readouterr()
    [kept] = Path("results").glob("*/*")
    last = said.err.splitlines()[-1]
    assert last.startswith(f"error: cannot write {AT}: the line is down; all that was measured is ")
    assert f"kept in {kept.resolve()}: copy its files there" in last
    assert f"Rows: {AT}" not in said.out, "it is not there"
    assert {row.case.activation for row in load(kept).records} >= {"relu", "squareplus"}


def test_verdicts_are_kept_in_a_run_at_an_address(
    memory: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    RunWriter(Path("mine"), run_facts(state="finished")).finish([])
    assert main("publish", "mine", "--published", "memory://runs") == 0
    assert f"Published at {AT}." in capsys.readouterr().out
    monkeypatch.setattr(claims, "judge", lambda *_: list(EVERY.judged))
    assert main("claims", "--run", AT) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"Verdicts: {AT}/claims.json. Page: actbench report {AT}"
    with brought(AT) as folder:
        kept = read(folder)
    assert kept
    assert kept.judged == EVERY.judged
    assert main("publish", AT) == 0
    assert read(Path("results/published/mine")) == kept
    assert main("publish", AT, "--published", "memory://runs") == 2
    assert f"error: {AT} is already there" in capsys.readouterr().err


def test_a_claim_that_a_run_at_an_address_cannot_decide_names_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The sentence is kept in the run, where the name of a copy would mean nothing."""
    RunWriter(Path("mine"), run_facts(state="finished")).finish([])
    assert main("publish", "mine", "--published", "memory://runs") == 0
    assert main("claims", "leaky-and-parametric-relu-cost-little-more", "--run", AT) == 1
    assert f"{AT} lacks the cases" in capsys.readouterr().out
    with brought(AT) as folder:
        kept = read(folder)
    assert kept
    assert f"--into {AT}`" in kept.judged[0].reason


def test_a_site_is_made_of_runs_at_an_address(
    memory: MemoryFileSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("mine", "other"):
        RunWriter(Path(name), run_facts(state="finished")).finish([])
        assert main("publish", name, "--published", "memory://runs") == 0
    memory.pipe("/runs/bad/run.json", b"{")
    assert main("site", "--published", "memory://runs") == 4
    assert {path.name for path in Path("site/runs").iterdir()} == {"mine.html", "other.html"}
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: memory://runs/bad/run.json is malformed")


@pytest.mark.parametrize("command", ["run", "agree", "claims"])
def test_a_run_begins_on_this_machine(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command, "--out", AT) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {AT} is no folder of this machine: measure into one, then ")
    assert not list(Path().iterdir())
