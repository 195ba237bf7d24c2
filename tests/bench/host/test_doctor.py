"""The doctor: every finding is plain, and what is wrong comes with what mends it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ...answers import held

ROOT = Path(__file__).resolve().parents[3]


def _examined(**environment: str) -> dict[str, dict[str, str]]:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "doctor", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return {each["name"]: each for each in held("answer-doctor", done.stdout)}


def test_every_finding_says_what_was_found_and_what_mends_it() -> None:
    findings = _examined()
    assert len(findings) >= 12
    for each in findings.values():
        assert each["state"] in ("fine", "worse", "unknown")
        assert each["observed"]
        assert bool(each["remedy"]) == (each["state"] == "worse"), each


def test_a_missing_compiler_and_a_thread_limit_are_seen() -> None:
    findings = _examined(CXX="/nowhere/c++", OMP_NUM_THREADS="1")
    assert findings["compiler"]["state"] == "worse"
    assert "apt-get install" in findings["compiler"]["remedy"]
    assert "OMP_NUM_THREADS=1" in findings["thread limits"]["observed"]


def test_people_get_a_line_a_finding_and_a_sum() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "doctor"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "noise, copy loop: copying" in done.stdout
    assert "things here make figures worse" in done.stdout.splitlines()[-1]


def test_the_curve_that_shows_the_caches_is_drawn() -> None:
    found = _examined()["caches"]
    sizes = [line.split("  ")[0].strip() for line in map(str.strip, found["lines"])]
    assert sizes[:3] == ["16 KiB", "32 KiB", "64 KiB"]
    assert all("ns per byte" in line for line in found["lines"])


def test_variables_that_choose_code_and_features_in_use_are_seen() -> None:
    flag = "--xla_cpu_multi_thread_eigen=false"  # one that frameworks know, or they do not load
    findings = _examined(XLA_FLAGS=flag, NPY_DISABLE_CPU_FEATURES="")
    chosen = findings["code chosen by variables"]
    assert chosen["state"] == "worse"
    assert f"XLA_FLAGS={flag}" in chosen["observed"]
    assert "NumPy uses " in chosen["observed"]
    assert "unset" in chosen["remedy"]
