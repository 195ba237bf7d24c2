"""Two versions in a process each: turns alternate, and each arm answers for itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actbench.bench.timing.apart import Apart
from actbench.bench.workers.process import Failed, Lost

ARMS = ("base", "candidate")


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
