"""The pytest-benchmark door: that tool times the harness's cases and writes its own files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_QUICK = ("--benchmark-min-rounds=3", "--benchmark-max-time=0.05", "--benchmark-warmup=off")


def _pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "tools/", *_QUICK, *arguments]
    # Within a worker of xdist that tool measures nothing.
    outside = {name: value for name, value in os.environ.items() if "PYTEST_XDIST" not in name}
    return subprocess.run(
        command, cwd=ROOT, env=outside, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_cases_are_timed_and_stored(framework: str, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = _pytest("-k", f"{framework}-relu-max", f"--benchmark-json={out}")
    assert done.returncode == 0, done.stdout
    benchmarks = json.loads(out.read_text())["benchmarks"]
    modes = {benchmark["extra_info"]["mode"] for benchmark in benchmarks}
    assert modes == ({"eager"} if framework == "numpy" else {"eager", "compiled"})
    for benchmark in benchmarks:
        assert benchmark["extra_info"]["framework"] == framework
        # 65,536 elements take more than a microsecond and less than a second, whatever the machine.
        assert 1e-6 < benchmark["stats"]["median"] < 1


@pytest.mark.slow
def test_two_frameworks_in_one_process_are_refused_with_the_way_out() -> None:
    done = _pytest("-k", "numpy-relu-max-eager or jax-relu-max-eager", "-rs")
    assert "1 passed, 1 skipped" in done.stdout, done.stdout
    assert "choose with -k" in done.stdout


@pytest.mark.slow
def test_runs_are_kept_compared_and_drawn(framework: str, tmp_path: Path) -> None:
    """That tool's own store, comparison and histogram work on the cases here."""
    store = f"--benchmark-storage=file://{tmp_path}"
    chosen = ("-k", f"{framework}-relu-max-eager", store)
    kept = _pytest(*chosen, "--benchmark-save=before")
    assert kept.returncode == 0, kept.stdout
    picture = tmp_path / "histogram"
    done = _pytest(*chosen, "--benchmark-compare", f"--benchmark-histogram={picture}")
    assert done.returncode == 0, done.stdout
    assert f"{framework}-relu-max-eager" in done.stdout
    assert "(0001_before)" in done.stdout
    assert [path.suffix for path in tmp_path.glob("histogram*")] == [".svg"]
