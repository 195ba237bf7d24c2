"""Two versions in a process each: turns alternate, each brings its own environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.cases import Selection
from actbench.bench.catalog.frameworks import IMPLS
from actbench.bench.gate.gate import Request, Result, check, gate
from actbench.bench.gate.trees import WORKTREE
from actbench.bench.host.errors import UsageError
from actbench.bench.host.progress import Reporter
from actbench.bench.timing import apart
from actbench.bench.timing.apart import Apart
from actbench.bench.timing.decisions import Design
from actbench.bench.workers.process import Failed, Key, Lost, environment_of

ROOT = Path(__file__).resolve().parents[3]
ARMS = ("base", "candidate")
WIDE = Design(zone=15)
"""So wide a dead zone that no noise reaches its edge, four times as slow."""
FEW = Selection(
    frameworks=("numpy",),
    activations=("relu",),
    forms=("max",),
    dtypes=("float32",),
    sizes=("4096",),
)


class _Process:
    """Answers as a worker, and writes down what it was asked."""

    def __init__(self, arm: str, asked: list[tuple[Any, ...]], **facts: Any) -> None:
        self._arm, self._asked = arm, asked
        self.facts = {"versions": {"numpy": "2.0"}, "python": "3.11", "down": {}, **facts}
        self.alive = True

    def ask(self, operation: str, timeout: float, **values: Any) -> dict[str, Any]:
        self._asked.append((self._arm, operation))
        if operation == "loops":
            return {"loops": 10 if self._arm == "base" else 7}
        if operation == "turn":
            batches = values["batches"]
            spoilt = [self._arm == "candidate" and batch == 1 for batch in range(batches)]
            return {"elapsed": [values["loops"]] * batches, "spoilt": spoilt}
        return {"of": self._arm}

    def kill(self) -> None:
        self.alive = False


def _pair(**facts: Any) -> tuple[Apart, dict[str, Any], list[tuple[Any, ...]]]:
    asked: list[tuple[Any, ...]] = []
    processes = {arm: _Process(arm, asked, **facts.get(arm, {})) for arm in ARMS}
    started: Callable[[str], Any] = processes.__getitem__
    return Apart(started, ARMS), processes, asked


def test_the_arms_take_turns_and_their_neighbouring_batches_are_blocks() -> None:
    pair, _, asked = _pair()
    found = pair.ask("compare", 1.0, number=0, batch=0.001, blocks=16, hogs=None)
    turns = [arm for arm, operation in asked if operation == "turn"]
    assert turns == ["base", "candidate", "candidate", "base"] * 2
    assert found["loops"] == 7, "both arms do as many calls, those of the slower one"
    assert found["base"] == found["candidate"] == [7] * 16
    assert found["spoilt"] == [False, True, False, False] * 4, "a block is spoilt by either arm"


def test_what_names_an_arm_goes_to_its_process_and_the_rest_to_both() -> None:
    pair, _, asked = _pair()
    assert pair.ask("prepare", 1.0, arm="candidate", number=0) == {"of": "candidate"}
    pair.ask("pin", 1.0, cpus=[0])
    assert asked == [("candidate", "prepare"), ("base", "pin"), ("candidate", "pin")]


def test_a_tree_that_does_not_load_is_told_of_its_arm() -> None:
    why = {"status": "error", "detail": "NameError"}
    pair, _, _ = _pair(candidate={"down": {"candidate": why}, "versions": {}})
    assert pair.facts["down"] == {"candidate": why}
    assert pair.versions["base"] == {"numpy": "2.0", "python": "3.11"}


def test_an_arm_whose_process_dies_at_once_is_down_and_the_other_one_answers() -> None:
    asked: list[tuple[Any, ...]] = []

    def start(arm: str) -> Any:
        if arm == "candidate":
            raise Lost("error", "the worker was killed by SIGSEGV")
        return _Process(arm, asked)

    pair = Apart(start, ARMS)
    assert pair.facts["down"] == {
        "candidate": {"status": "error", "detail": "the worker was killed by SIGSEGV"}
    }
    assert pair.ask("evaluate", 1.0, arm="base") == {"of": "base"}
    pair.ask("pin", 1.0, cpus=[0])
    assert asked == [("base", "evaluate"), ("base", "pin")]


def test_in_one_installation_what_a_tree_lacks_is_its_own_fault() -> None:
    def start(arm: str) -> Any:
        if arm == "candidate":
            raise Failed("unsupported", "no_such_module is not installed")
        return _Process(arm, [])

    pair = Apart(start, ARMS, installations=False)
    assert set(pair.facts["down"]) == {"candidate"}


def test_where_neither_starts_nobody_is_blamed() -> None:
    def start(_: str) -> Any:
        raise Lost("error", "killed")

    with pytest.raises(Lost, match="killed"):
        Apart(start, ARMS)


@pytest.mark.parametrize("lost", [False, True])
def test_a_failure_while_timed_is_told_of_its_arm(
    monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    pair, processes, _ = _pair()
    answers = processes["candidate"].ask

    def ask(operation: str, timeout: float, **values: Any) -> dict[str, Any]:
        if operation == "turn":
            raise (Lost if lost else Failed)("error", "planted")
        return dict(answers(operation, timeout, **values))

    monkeypatch.setattr(processes["candidate"], "ask", ask)
    found = pair.ask("compare", 1.0, number=0, batch=0.001, blocks=16, hogs=None)
    failures = {"candidate": {"status": "error", "detail": "planted"}}
    assert found == {"failures": failures, "lost": lost}


def test_both_processes_end_together() -> None:
    pair, processes, _ = _pair()
    assert pair.alive
    processes["base"].kill()
    assert not pair.alive
    pair.kill()
    assert not processes["candidate"].alive


def test_an_arm_that_does_not_start_is_named_and_leaves_no_process() -> None:
    started = _Process("candidate", [])

    def start(arm: str) -> Any:
        if arm == "base":
            raise Failed("unsupported", "numpy is not installed")
        return started

    with pytest.raises(Failed, match=r"^the base: numpy is not installed$"):
        Apart(start, ARMS[::-1])
    assert not started.alive


def test_more_processes_at_the_same_error_rates() -> None:
    shared = Design(zone=0.03)
    design = apart.design(shared, installations=False)
    assert (design.zone, design.alarm, design.miss) == (shared.zone, shared.alarm, shared.miss)
    assert design.screening > shared.screening
    assert design.confirmation > shared.confirmation


@pytest.mark.parametrize(("asked", "zone"), [(0.03, 0.2), (0.5, 0.5)])
def test_what_two_installations_differ_by_is_never_called(asked: float, zone: float) -> None:
    assert apart.design(Design(zone=asked), installations=True).zone == zone


@pytest.mark.parametrize(
    ("base", "candidate", "told"),
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
def test_the_versions_of_both_arms_are_told(
    base: dict[str, str], candidate: dict[str, str], told: str
) -> None:
    versions = {"torch/cpu/2 (base)": base, "torch/cpu/2 (candidate)": candidate}
    assert apart.notes(["torch"], versions, True)[0] == told
    assert "processes of its own" in apart.notes(["torch"], {}, False)[0]
    assert apart.notes([], versions, True) == []


def test_an_interpreter_is_found_where_its_environment_lies(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    assert apart.interpreter(str(link)) == str(link)
    with pytest.raises(UsageError, match="no program"):
        apart.interpreter(str(tmp_path / "none"))


def test_variables_are_read_from_the_tree_that_they_are_of(tmp_path: Path) -> None:
    impls = _tree(tmp_path, "PROBE", "1") / "impls"
    key = Key("numpy", "cpu", 1)
    assert environment_of(key, impls)["PROBE"] == "1"
    assert "PROBE" not in environment_of(key)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [((), "name --base or --base-python"), (("--base-python", "/no/python"), "/no/python")],
)
def test_without_a_base_or_its_interpreter_the_command_ends_with_2(
    arguments: tuple[str, ...], told: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "gate", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_an_environment_without_the_framework_cannot_be_compared(tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    python = tmp_path / "bare" / "bin" / "python"
    result = _gate(base=WORKTREE, base_python=str(python), parts=("timing",))
    with pytest.raises(UsageError, match=r"the base: numpy is not installed for .*bare"):
        check(result)


@pytest.mark.slow
def test_the_same_environment_twice_is_never_slower_or_faster() -> None:
    result = _gate(base=WORKTREE, base_python=sys.executable)
    assert result.timed
    assert {each.verdict for each in result.timed} <= {"same", "undecided"}
    assert {each.kind for each in result.exact} == {"identical"}
    assert result.versions["numpy (base)"] == result.versions["numpy (candidate)"]
    assert result.notes[0].endswith("in both.")


@pytest.mark.slow
def test_each_tree_runs_with_the_variables_of_its_own(tmp_path: Path) -> None:
    trees = {arm: _tree(tmp_path / arm, "PROBE", arm) for arm in ARMS}
    result = _gate(base=str(trees["base"]), root=trees["candidate"])
    assert result.timed
    assert {each.verdict for each in result.timed} <= {"same", "undecided"}
    assert {each.kind for each in result.exact} == {"identical"}
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
