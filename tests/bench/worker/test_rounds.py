"""Rounds: buffers in turn, results kept until their turn, saved values let go."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from actbench.bench.worker.rounds import Ring, Round, filled


class Result:
    """A result that counts how many of its kind are alive."""

    alive = 0

    def __init__(self, turn: int) -> None:
        self.turn = turn
        Result.alive += 1

    def __del__(self) -> None:
        Result.alive -= 1


def _round(ring: Ring, saves: bool = False) -> Round:
    def made(turn: int) -> Any:
        return SimpleNamespace(action=lambda: Result(turn))

    return Round(made, ring, saves)


def test_turns_come_one_after_another_and_results_stay_until_theirs() -> None:
    ring = Ring([None] * 3)
    step = _round(ring)
    with filled(step):
        turns = [step().turn for _ in range(7)]
        assert len(set(turns[:3])) == 3
        assert turns[:4] == turns[3:]
        assert Result.alive == 3
        assert {result.turn for result in ring.kept} == {0, 1, 2}


def test_steps_that_share_a_ring_never_take_the_buffers_that_another_just_used() -> None:
    ring = Ring([None] * 4)
    one, other = _round(ring), _round(ring)
    with filled(one, other):
        turns = [step().turn for _ in range(4) for step in (one, other)]
    assert turns[:4] == turns[4:]
    assert len(set(turns[:4])) == 4


def test_what_was_saved_is_let_go_after_timing_and_made_again() -> None:
    made: list[int] = []

    def saving(turn: int) -> Any:
        made.append(turn)
        return SimpleNamespace(action=lambda: turn)

    step, plain = Round(saving, Ring([None] * 2), True), Round(saving, Ring([None] * 2), False)
    for _ in range(2):
        with filled(step, plain, lambda: None):
            assert step() in (0, 1)
    assert made == [0, 1, 0, 1, 0, 1], "twice for the one that saves, once for the other"
