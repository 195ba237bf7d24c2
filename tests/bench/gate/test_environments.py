"""Versions in processes of their own: what is said of them, and whole gates between them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.cases import Selection
from actbench.bench.catalog.frameworks import IMPLS
from actbench.bench.gate import environments, words
from actbench.bench.gate.gate import Request, Result, check, gate
from actbench.bench.gate.trees import WORKTREE
from actbench.bench.host.errors import UsageError
from actbench.bench.host.progress import Reporter
from actbench.bench.timing.decisions import Design
from actbench.bench.workers.environment import Key, environment_of

ROOT = Path(__file__).resolve().parents[3]
ARMS = ("base", "candidate")
WIDE = Design(zone=15)
"""A dead zone so wide that no noise reaches its edge, four times as slow."""
FEW = Selection(
    frameworks=("numpy",),
    activations=("relu",),
    forms=("max",),
    dtypes=("float32",),
    sizes=("4096",),
)


def test_more_processes_at_the_same_error_rates() -> None:
    shared = Design(zone=0.03)
    design = environments.design(shared, installations=False)
    assert (design.zone, design.alarm, design.miss) == (shared.zone, shared.alarm, shared.miss)
    assert design.screening > shared.screening
    assert design.confirmation > shared.confirmation


@pytest.mark.parametrize(("asked", "zone"), [(0.03, 0.2), (0.5, 0.5)])
def test_what_two_installations_differ_by_is_never_called(asked: float, zone: float) -> None:
    assert environments.design(Design(zone=asked), installations=True).zone == zone


@pytest.mark.parametrize(
    ("base", "candidate", "text"),
    [
        ({"torch": "2.12.1"}, {"torch": "2.13.0"}, "PyTorch 2.13.0 against 2.12.1."),
        ({"torch": "2.13.0"}, {"torch": "2.13.0"}, "PyTorch 2.13.0 in both."),
        (
            {"torch": "2.12.1", "numpy": "2.1.3", "python": "3.11.7"},
            {"torch": "2.13.0", "numpy": "2.4.6", "python": "3.11.7"},
            "PyTorch 2.13.0 against 2.12.1, numpy 2.4.6 against 2.1.3.",
        ),
    ],
)
def test_the_versions_of_both_arms_are_reported(
    base: dict[str, str], candidate: dict[str, str], text: str
) -> None:
    versions = {"torch/cpu/2 (base)": base, "torch/cpu/2 (candidate)": candidate}
    assert environments.notes(["torch"], versions, True)[0] == text
    assert "in separate processes" in environments.notes(["torch"], {}, False)[0]
    assert environments.notes([], versions, True) == []


def test_an_interpreter_is_located_where_its_environment_lies(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    assert environments.interpreter(str(link)) == str(link)
    with pytest.raises(UsageError, match="no program"):
        environments.interpreter(str(tmp_path / "none"))


def test_variables_are_read_from_the_tree_that_they_are_of(tmp_path: Path) -> None:
    impls = _tree(tmp_path, "PROBE", "1") / "impls"
    key = Key("numpy", "cpu", 1)
    assert environment_of(key, impls)["PROBE"] == "1"
    assert "PROBE" not in environment_of(key)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [((), "name --base or --base-python"), (("--base-python", "/no/python"), "/no/python")],
)
def test_without_a_base_or_its_interpreter_the_command_ends_with_2(
    arguments: tuple[str, ...], text: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "gate", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_an_environment_without_the_framework_cannot_be_compared(tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    python = tmp_path / "bare" / "bin" / "python"
    result = _gate(base=WORKTREE, base_python=str(python), parts=("timing",))
    with pytest.raises(UsageError, match=r"the base: numpy is not installed for .*bare"):
        check(result)


@pytest.mark.slow
def test_a_framework_that_the_base_alone_has_is_broken(tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    bare = str(tmp_path / "bare" / "bin" / "python")
    result = _gate(base=WORKTREE, base_python=sys.executable, pythons={"numpy": bare})
    assert {decision.verdict for decision in result.timed} == {"broken"}
    assert {compared.kind for compared in result.exact} == {"broken"}
    assert {status for status in _statuses(result)} == {"unsupported"}
    assert words.exit_status(result) == 1


def _statuses(result: Result) -> list[str]:
    return [failure.status for one in result.timed for failure in one.failures.values()]


@pytest.mark.slow
def test_the_same_environment_twice_is_never_slower_or_faster() -> None:
    result = _gate(base=WORKTREE, base_python=sys.executable)
    assert result.timed
    assert {decision.verdict for decision in result.timed} <= {"same", "undecided"}
    assert {compared.kind for compared in result.exact} == {"identical"}
    assert result.versions["numpy (base)"] == result.versions["numpy (candidate)"]
    assert result.notes[0].endswith("in both.")


@pytest.mark.slow
def test_every_tree_runs_with_the_variables_of_its_own(tmp_path: Path) -> None:
    trees = {arm: _tree(tmp_path / arm, "PROBE", arm) for arm in ARMS}
    result = _gate(base=str(trees["base"]), root=trees["candidate"])
    assert result.timed
    assert {decision.verdict for decision in result.timed} <= {"same", "undecided"}
    assert {compared.kind for compared in result.exact} == {"identical"}
    assert set(result.versions) == {"numpy (base)", "numpy (candidate)"}


def _gate(root: Path = ROOT, **asked: Any) -> Result:
    request = Request(selection=FEW, design=WIDE, budget=1, python=sys.executable, **asked)
    return gate(request, Reporter(quiet=True), root)


def _tree(folder: Path, name: str, value: str) -> Path:
    """A tree whose NumPy wants a variable, and does not load without it."""
    shutil.copytree(IMPLS, folder / "impls", ignore=shutil.ignore_patterns("__pycache__"))
    source = folder / "impls" / "numpy.py"
    text = source.read_text(encoding="utf-8")
    plain = "ENVIRONMENT: dict[str, str] = {}\n"
    assert plain in text
    wants = f'ENVIRONMENT = {{"{name}": "{value}"}}\nimport os\nassert os.environ["{name}"] == '
    source.write_text(text.replace(plain, f'{wants}"{value}"\n'), encoding="utf-8")
    return folder
