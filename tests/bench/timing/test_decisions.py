"""Decisions on cases: the rate of a gate's false alarms, and the changes it detects.

Everything is drawn from seeded generators, so that a test gives the same counts every time; bounds
are those that a fair draw keeps with a chance of more than 99.9 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from actbench.bench.catalog.cases import Case
from actbench.bench.host.environment import Environment
from actbench.bench.host.progress import Reporter
from actbench.bench.results.status import Status
from actbench.bench.timing import decisions
from actbench.bench.timing.decisions import Decision, Design, PairedTiming
from actbench.bench.timing.pairs import Timed
from actbench.bench.timing.processes import Epoch, Setting
from actbench.bench.timing.ratios import common_spread
from actbench.bench.timing.verdicts import edge, verdict
from actbench.bench.worker.protocol import Arm, Failure

# --- levels ---------------------------------------------------------------------------------------


@given(st.integers(0, 500))
def test_all_looks_at_all_suspects_share_one_error(suspects: int) -> None:
    design = Design()
    level = design.confirmation_level(suspects)
    assert level * len(design.confirmation) * max(suspects, 1) == pytest.approx(design.alarm)
    assert design.confirmation_level(suspects + 1) <= level
    assert design.screening_level * len(design.screening) == pytest.approx(design.miss)


# --- whole gates with drawn values ----------------------------------------------------------------

_SHOWN = Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 0, 1)


class _Drawn:
    """A stand-in for processes, which gives every case the log ratio that `draw` returns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, draw: Callable[[Case], float]) -> None:
        self.measured: list[list[Case]] = []
        self.versions: dict[str, dict[str, str]] = {}
        self.environments: dict[str, dict[str, Environment]] = {}
        self._draw = draw
        monkeypatch.setattr(decisions, "Epochs", lambda setting: self)
        monkeypatch.setattr(decisions, "measure", self._measure)

    @contextmanager
    def take(self, cases: Sequence[Case]) -> Iterator[Epoch]:
        yield Epoch()

    def prefetch(self, cases: Sequence[Case]) -> None: ...

    def close(self) -> None: ...

    def _measure(self, epoch: Epoch, cases: Sequence[Case], *_: Any) -> dict[Case, Timed]:
        self.measured.append(list(cases))
        return {case: Timed(self._draw(case), 100, 0, 1000.0) for case in cases}

    def gate(
        self,
        count: int,
        design: Design = Design(),  # noqa: B008
        budget: float = 1e9,
    ) -> list[Decision]:
        cases = {replace(_SHOWN, size=number): "changed" for number in range(count)}
        setting = Setting({}, Path(), str)
        return PairedTiming(setting, design, budget, Reporter(quiet=True)).execute(cases)


def _alarms(drawn: _Drawn, gates: int, cases: int) -> int:
    """The number of gates in which a case is called slower or faster."""
    called = ("slower", "faster")
    decided = (drawn.gate(cases) for _ in range(gates))
    return sum(any(decision.verdict in called for decision in gate) for gate in decided)


@pytest.mark.parametrize("noise", [0.004, 0.02])
@pytest.mark.parametrize("place", ["the edge", "nothing"])
def test_false_alarms_of_whole_gates_are_as_rare_as_promised(
    monkeypatch: pytest.MonkeyPatch, noise: float, place: str
) -> None:
    """12 cases whose true ratio is the largest that must not be called, in 200 gates."""
    dice, gates = np.random.default_rng(5), 200
    at = math.log(edge(0.03)) if place == "the edge" else 0.0
    drawn = _Drawn(monkeypatch, lambda case: float(dice.normal(at, noise)))
    alarms = _alarms(drawn, gates, 12)
    assert alarms <= stats.binom.ppf(0.999, gates, Design().alarm)


def test_what_heavy_tails_and_unequal_cases_do_to_the_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Noise of Student's t with 3 degrees of freedom, and cases with spreads from 0.2 to 5 %.

    Neither raises the rate above what is promised: an outlier widens an interval more than it
    moves it.
    """
    dice, gates = np.random.default_rng(6), 150
    sizes = np.geomspace(0.002, 0.05, 12)

    def draw(case: Case) -> float:
        return math.log(edge(0.03)) + float(dice.standard_t(3) * sizes[case.size])

    assert _alarms(_Drawn(monkeypatch, draw), gates, 12) <= stats.binom.ppf(0.999, gates, 0.01)


def test_a_large_change_is_detected_in_both_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = np.random.default_rng(7)
    shift = {0: math.log(1.1), 1: -math.log(1.1)}

    def draw(case: Case) -> float:
        return shift.get(case.size, 0.0) + float(dice.normal(0, 0.004))

    verdicts = [decision.verdict for decision in _Drawn(monkeypatch, draw).gate(12)]
    assert verdicts == ["slower", "faster", *["same"] * 10]


def test_screening_alone_calls_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slower by half in every process of screening, and never again."""
    design, dice = Design(), np.random.default_rng(8)
    drawn = _Drawn(monkeypatch, lambda case: 0.0)

    def draw(case: Case) -> float:
        first = len(drawn.measured) <= design.screening[0]
        return (0.4 if first else 0.0) + float(dice.normal(0, 0.001))

    drawn._draw = draw
    [decision] = drawn.gate(1)
    assert (decision.verdict, decision.phase) == ("same", "confirmation")
    assert len(decision.logs) == design.confirmation[0]
    assert decision.ratio.value == pytest.approx(1, abs=0.01)


def test_only_suspects_are_measured_again_and_only_until_they_are_decided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dice = np.random.default_rng(9)
    drawn = _Drawn(monkeypatch, lambda case: 0.2 * (case.size == 3) + dice.normal(0, 0.001))
    drawn.gate(6)
    first, again = Design().screening[0], Design().confirmation[0]
    assert [len(cases) for cases in drawn.measured] == [6] * first + [1] * again


def test_what_cannot_be_decided_ends_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    dice, design = np.random.default_rng(10), Design()
    drawn = _Drawn(monkeypatch, lambda case: float(dice.normal(0, 1)))
    [decision] = drawn.gate(1)
    assert decision.verdict == "undecided"
    assert len(drawn.measured) == design.screening[-1]


def _wavering(middles: Callable[[Case], float], swing: Callable[[], float]) -> Any:
    """Values that lie by turns above and below the middle of their case."""
    turns: dict[Case, int] = {}

    def draw(case: Case) -> float:
        turns[case] = turns.get(case, 0) + 1
        return middles(case) + swing() * (-1) ** turns[case]

    return draw


def test_what_leans_after_screening_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too noisy in screening to look slower, quieter afterwards."""
    design = Design()
    drawn = _Drawn(monkeypatch, lambda case: 0.0)
    noisy = design.screening[-1]
    drawn._draw = _wavering(
        lambda case: 0.026, lambda: 0.012 if len(drawn.measured) <= noisy else 0.002
    )
    [decision] = drawn.gate(1)
    assert len(drawn.measured) == noisy + design.confirmation[0]
    assert (decision.verdict, decision.phase) == ("slower", "confirmation")


def test_a_suspect_that_is_called_leaves_its_share_to_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of 20 suspects is called by what the other 19 leave, and would not be without."""
    design = Design()
    drawn = _Drawn(monkeypatch, lambda case: 0.0)
    drawn._draw = _wavering(lambda case: 0.3 if case.size else 0.031, lambda: 0.012)
    gate = drawn.gate(20)
    assert [decision.verdict for decision in gate] == ["slower"] * 20
    spread = common_spread(decision.logs for decision in gate)
    divided = spread.ratio(gate[0].logs).interval(design.confirmation_level(20))
    assert verdict(divided.low, divided.high, design.zone) == "undecided"


# --- whatever else runs ---------------------------------------------------------------------------


class _Failing(_Drawn):
    """The same, where some processes give some cases no value, and one may fail."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        draw: Callable[[Case], float],
        gives: Callable[[Case, int], bool],
    ) -> None:
        super().__init__(monkeypatch, draw)
        self._gives = gives

    def _measure(self, epoch: Epoch, cases: Sequence[Case], *more: Any) -> dict[Case, Timed]:
        turn = len(self.measured)
        values = super()._measure(epoch, cases, *more)
        return {case: timed for case, timed in values.items() if self._gives(case, turn)}


def test_every_case_is_timed_in_the_fewest_processes_without_any_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also one that every other process gives no value of."""
    drawn = _Failing(monkeypatch, lambda case: 0.0, lambda case, turn: bool(case.size or turn % 2))
    decided = drawn.gate(3, budget=0.0)
    assert min(decision.processes for decision in decided) >= Design().screening[0]


@pytest.mark.parametrize("noise", [0.01, 0.6])
def test_a_large_slowdown_is_called_without_any_budget(
    monkeypatch: pytest.MonkeyPatch, noise: float
) -> None:
    """Thirty times as long, in processes that differ by 1 % or by factors of two."""
    for seed in range(20):
        dice = np.random.default_rng(seed)

        def draw(case: Case, dice: np.random.Generator = dice) -> float:
            return (math.log(30) if case.size == 0 else 0.0) + float(dice.normal(0, noise))

        slow, *others = _Drawn(monkeypatch, draw).gate(2, budget=0.0)
        assert slow.verdict == "slower"
        assert {decision.verdict for decision in others} <= {"same", "undecided"}


def test_a_case_of_which_no_process_gives_a_value_is_unmeasured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = _Failing(monkeypatch, lambda case: 0.0, lambda case, turn: bool(case.size))
    silent, other = drawn.gate(2)
    assert (silent.verdict, other.verdict) == ("unmeasured", "same")
    assert {failure.reason for failure in silent.failures.values()} == {"no process gave a value"}


_ABSENT = Failure(Status.UNSUPPORTED, "there is none")
_PLANTED = Failure(Status.UNLOADABLE, "planted")


@pytest.mark.parametrize(
    ("failures", "verdict"),
    [
        ({"candidate": _PLANTED}, "broken"),
        ({"candidate": _ABSENT}, "broken"),
        ({"base": _PLANTED}, "mended"),
        ({"base": _ABSENT}, "new"),
        ({"base": _ABSENT, "candidate": _ABSENT}, "unsupported"),
        ({"base": _PLANTED, "candidate": _ABSENT}, "unmeasured"),
        ({"base": _PLANTED, "candidate": _PLANTED}, "unmeasured"),
    ],
)
def test_the_arm_that_fails_alone_is_to_blame(failures: dict[Arm, Failure], verdict: str) -> None:
    assert decisions.blamed(failures) == verdict
