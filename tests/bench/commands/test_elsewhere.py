"""The commands in a repository of somebody's own, whose folders are called as ours are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("bench", "impls", "report", "results", "tools", "tests")
_MODULE = """
from bench import factor

def f(x):
    return x * x.dtype.type(factor)
"""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with packages of these names, and a function that needs one of them."""
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("factor = 1\n")
        (tmp_path / name / "numpy.py").write_text("raise ImportError('not what was meant')\n")
    (tmp_path / "mine.py").write_text(_MODULE)
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "a version")):
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def _actbench(*words: str, status: int = 0) -> dict[str, Any]:
    """The answer of a command whose exit status is given."""
    command = [sys.executable, "-m", "actbench", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (status, "")
    return dict(json.loads(done.stdout))


OWN = ("--callable", "mine:f", "--reference", "copy")


def test_a_function_is_certified(elsewhere: Path) -> None:
    answer = _actbench("agree", *OWN, "--exhaustive", "--dtype", "float16")
    [found] = answer["certificates"]
    assert (found["framework"], found["activation"], found["form"]) == (
        "mine:f-numpy",
        "copy",
        "mine:f",
    )
    assert (found["tested"], found["not_correctly_rounded"]) == (2**16, 0)
    assert Path(answer["path"]).parent == Path("results")


@pytest.mark.slow
def test_a_function_is_certified_in_a_cluster_of_processes(elsewhere: Path) -> None:
    answer = _actbench("agree", *OWN, "--range", "1", "64", "--workers", "1")
    [found] = answer["certificates"]
    assert (found["tested"], found["not_correctly_rounded"]) == (6 * 2**23 + 1, 0)


@pytest.mark.slow
def test_two_versions_of_a_function_are_compared(elsewhere: Path) -> None:
    (elsewhere / "bench" / "__init__.py").write_text("factor = 1.25\n")
    gate = ("gate", "--base", "HEAD", *OWN)
    exactness = _actbench(*gate, "--only", "exactness", status=1)["exactness"]
    found = {(each["framework"], each["form"], each["kind"]) for each in exactness}
    assert found == {("mine:f-numpy", "mine:f", "worse")}
    options = ("--only", "timing", "--size", "4096", "--dead-zone", "1")
    assert [case["framework"] for case in _actbench(*gate, *options)["timing"]] == ["mine:f-numpy"]
    assert {path.name for path in (elsewhere / "results").iterdir()} == {"__init__.py", "numpy.py"}
