"""Faults: a campaign finds what is there to be found, and a fault of each kind leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.faults import left
from tools.faults.kinds import KINDS

ROOT = Path(__file__).resolve().parents[2]


def test_a_process_that_lives_on_is_found_by_its_mark_and_ended(tmp_path: Path) -> None:
    mark = f"planted {tmp_path}"
    with subprocess.Popen(["sleep", "3600"], env={**os.environ, left.MARK: mark}) as process:
        assert [found.words for found in left.marked(mark)] == [("sleep", "3600")]
        assert not list(left.marked(f"{mark} of another trial"))
        assert [found.pid for found in left.processes(mark, patience=0.1)] == [process.pid]
    assert left.processes(mark, patience=0.0) == []


def test_files_beside_those_of_a_run_are_found(tmp_path: Path) -> None:
    run, cache = tmp_path / "run", tmp_path / "cache"
    for folder in (run, cache, tmp_path / "tmp"):
        folder.mkdir()
    for name in ("run.json", "rows.jsonl", "samples.jsonl"):
        (run / name).touch()
    (run / "worker-numpy.log").write_text("it said something")
    (cache / "known").touch()
    assert left.files(tmp_path, run, cache) == []
    for path in (run / "run.tmp", run / "worker-torch.log", tmp_path / "tmp" / "scratch"):
        path.touch()
    assert left.files(tmp_path, run, cache) == [
        "run/run.tmp",
        "run/worker-torch.log",
        "tmp/scratch",
    ]


@pytest.mark.slow  # each fault is two commands
def test_a_fault_of_each_kind_loses_and_leaves_nothing() -> None:
    count = len(KINDS)
    done = subprocess.run(
        [sys.executable, "-m", "tools.faults", "--count", str(count), "--json"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    records = json.loads(done.stdout)
    assert [record["kind"] for record in records] == list(KINDS)
    assert [record["troubles"] for record in records] == [[]] * count, done.stdout
    assert all(record["injected"] == record["documented"] == 1 for record in records)
    assert done.returncode == 0
