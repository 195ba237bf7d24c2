"""The targets of make, as make itself would run them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def _would_run(*words: str) -> list[str]:
    """The commands of actbench that a target would run."""
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [
        re.split(r" \|\| |; | && ", line.partition("actbench ")[2])[0].strip()
        for line in done.stdout.splitlines()
        if "/actbench " in line
    ]


def test_a_run_is_measured_then_its_claims_judged_then_its_page_made() -> None:
    assert [line.split()[0] for line in _would_run("bench", "OUT=x")] == [
        "run",
        "claims",
        "report",
    ]
    [_, claims, _] = _would_run("bench", "OUT=x")
    assert claims == "claims --quick --run x"


@pytest.mark.parametrize(
    ("status", "commands"), [(0, "run claims report"), (1, "run claims report"), (4, "run")]
)
def test_a_run_with_a_refused_case_has_its_page_and_fails_at_the_end(
    tmp_path: Path, status: int, commands: str
) -> None:
    program = tmp_path / "actbench"
    program.write_text(f"#!/bin/sh\necho $1 >> {tmp_path}/said\n[ $1 != run ] || exit {status}\n")
    program.chmod(0o755)
    done = subprocess.run(["make", "bench", "SETUP=", f"ACTBENCH={program}"], cwd=ROOT)
    assert (tmp_path / "said").read_text().split() == commands.split()
    assert (done.returncode != 0) == (status != 0)


def test_a_smoke_run_judges_a_few_claims() -> None:
    [_, claims, _] = _would_run("smoke", "OUT=x")
    assert claims == "claims derivatives --quick --run x"


def test_claims_are_judged_by_a_run_or_by_one_that_they_measure() -> None:
    assert [line.strip() for line in _would_run("claims")] == ["claims"]
    assert _would_run("claims", "RUN=x") == ["claims --run x"]


def test_the_list_of_targets_has_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True)
    assert "make claims " in done.stdout
