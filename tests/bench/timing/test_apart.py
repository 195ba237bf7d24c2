"""Two versions in separate processes: turns alternate, and either arm answers for itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from actbench.bench.results.status import Status
from actbench.bench.timing.apart import Apart
from actbench.bench.worker.protocol import (
    ARMS,
    Arm,
    ArmsFailed,
    Blocks,
    Call,
    Compare,
    Evaluate,
    Failure,
    InArm,
    Loops,
    Pin,
    Request,
    Started,
    TakeTurn,
    Turn,
)
from actbench.bench.workers.process import Failed, Lost

_COMPARE = Compare(0, 0.001, 16)
_EVALUATE = Evaluate(Call("relu_max"), np.zeros((1, 1), np.uint32))
_PLANTED = Failure(Status.ERROR, "planted")


class _Process:
    """Answers as a worker, and writes down what it was asked."""

    def __init__(self, arm: Arm, asked: list[tuple[Arm, type]], **facts: Any) -> None:
        self._arm, self._asked = arm, asked
        self.facts = replace(Started({"numpy": "2.0"}, "3.11", 1), **facts)
        self.alive = True

    def ask(self, request: Request[Any], timeout: float) -> Any:
        self._asked.append((self._arm, type(request)))
        if isinstance(request, Loops):
            return 10 if self._arm == "base" else 7
        if isinstance(request, TakeTurn):
            batches = range(request.batches)
            spoilt = tuple(self._arm == "candidate" and batch == 1 for batch in batches)
            return Turn((request.loops,) * request.batches, spoilt)
        return self._arm

    def kill(self) -> None:
        self.alive = False


def _pair(**facts: Any) -> tuple[Apart, dict[Arm, Any], list[tuple[Arm, type]]]:
    asked: list[tuple[Arm, type]] = []
    processes = {arm: _Process(arm, asked, **facts.get(arm, {})) for arm in ARMS}
    started: Callable[[Arm], Any] = processes.__getitem__
    return Apart(started, ARMS), processes, asked


def test_the_arms_take_turns_and_their_neighbouring_batches_are_blocks() -> None:
    pair, _, asked = _pair()
    blocks = pair.ask(_COMPARE, 1.0)
    assert isinstance(blocks, Blocks)
    turns = [arm for arm, request in asked if request is TakeTurn]
    assert turns == ["base", "candidate", "candidate", "base"] * 2
    assert blocks.loops == 7, "both arms do as many calls, those of the slower one"
    assert blocks.base == blocks.candidate == (7,) * 16
    assert blocks.spoilt == (False, True, False, False) * 4, "a block is spoilt by either arm"


def test_what_names_an_arm_goes_to_its_process_and_the_rest_to_both() -> None:
    pair, _, asked = _pair()
    assert pair.ask(InArm("candidate", _EVALUATE), 1.0) == "candidate"
    pair.ask(Pin((0,)), 1.0)
    assert asked == [("candidate", InArm), ("base", Pin), ("candidate", Pin)]


def test_a_tree_that_does_not_load_is_reported_for_its_arm() -> None:
    why = Failure(Status.ERROR, "NameError")
    pair, _, _ = _pair(candidate={"down": {"candidate": why}, "versions": {}})
    assert pair.facts.down == {"candidate": why}
    assert pair.versions["base"] == {"numpy": "2.0", "python": "3.11"}


def test_an_arm_whose_process_dies_at_once_is_down_and_the_other_one_answers() -> None:
    asked: list[tuple[Arm, type]] = []
    killed = Failure(Status.ERROR, "the worker was killed by SIGSEGV")

    def start(arm: Arm) -> Any:
        if arm == "candidate":
            raise Lost(killed)
        return _Process(arm, asked)

    pair = Apart(start, ARMS)
    assert pair.facts.down == {"candidate": killed}
    assert pair.ask(InArm("base", _EVALUATE), 1.0) == "base"
    pair.ask(Pin((0,)), 1.0)
    assert asked == [("base", InArm), ("base", Pin)]


def test_in_one_installation_what_a_tree_lacks_is_its_own_fault() -> None:
    def start(arm: Arm) -> Any:
        if arm == "candidate":
            raise Failed(Failure(Status.UNSUPPORTED, "no_such_module is not installed"))
        return _Process(arm, [])

    pair = Apart(start, ARMS, installations=False)
    assert set(pair.facts.down) == {"candidate"}


def test_where_neither_starts_nobody_is_blamed() -> None:
    def start(_: Arm) -> Any:
        raise Lost(_PLANTED)

    with pytest.raises(Lost, match="planted"):
        Apart(start, ARMS)


@pytest.mark.parametrize("lost", [False, True])
def test_a_failure_while_timed_is_reported_for_its_arm(
    monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    pair, processes, _ = _pair()
    answers = processes["candidate"].ask

    def ask(request: Request[Any], timeout: float) -> Any:
        if isinstance(request, TakeTurn):
            raise (Lost if lost else Failed)(_PLANTED)
        return answers(request, timeout)

    monkeypatch.setattr(processes["candidate"], "ask", ask)
    assert pair.ask(_COMPARE, 1.0) == ArmsFailed({"candidate": _PLANTED}, lost)


def test_both_processes_end_together() -> None:
    pair, processes, _ = _pair()
    assert pair.alive
    processes["base"].kill()
    assert not pair.alive
    pair.kill()
    assert not processes["candidate"].alive


def test_an_arm_that_does_not_start_is_named_and_leaves_no_process() -> None:
    started = _Process("candidate", [])

    def start(arm: Arm) -> Any:
        if arm == "base":
            raise Failed(Failure(Status.UNSUPPORTED, "numpy is not installed"))
        return started

    with pytest.raises(Failed, match=r"^the base: numpy is not installed$"):
        Apart(start, ARMS[::-1])
    assert not started.alive
