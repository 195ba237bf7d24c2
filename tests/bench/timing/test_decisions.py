"""When a case is decided: how often intervals hold the ratio, and how often a gate cries wolf.

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
from scipy.special import digamma, polygamma

from actbench.bench.catalog.cases import Case
from actbench.bench.gate import gate as gate_module
from actbench.bench.gate.gate import Compared, Timing
from actbench.bench.host.progress import Reporter
from actbench.bench.timing.decisions import UNKNOWN, Design, Spread, common_spread, of_blocks
from actbench.bench.timing.pairs import Epoch, Setting, Timed
from actbench.bench.timing.verdicts import edge

_LOGS = st.lists(st.floats(-1, 1), min_size=2, max_size=12)


# --- the interval of a ratio ----------------------------------------------------------------------


@given(logs=_LOGS, error=st.floats(0.01, 0.5))
def test_without_others_the_interval_is_students(logs: list[float], error: float) -> None:
    found = Spread().interval(logs, error)
    least = 1e-4 / math.sqrt(len(logs))  # no clock tells more
    mean, size = float(np.mean(logs)), max(float(stats.sem(logs)), least)
    half = float(stats.t.isf(error / 2, len(logs) - 1)) * size
    assert math.log(found.low) == pytest.approx(mean - half, rel=1e-9, abs=1e-9)
    assert math.log(found.high) == pytest.approx(mean + half, rel=1e-9, abs=1e-9)
    assert (math.log(found.value), found.processes) == (pytest.approx(mean, abs=1e-12), len(logs))


@given(logs=_LOGS, worth=st.floats(0, 100), variance=st.floats(0, 1))
def test_swapped_arms_have_the_inverse_interval(
    logs: list[float], worth: float, variance: float
) -> None:
    spread = Spread(variance, worth)
    one, other = spread.interval(logs, 0.01), spread.interval([-each for each in logs], 0.01)
    assert other.value == pytest.approx(1 / one.value)
    assert math.log(other.high) == pytest.approx(-math.log(one.low), abs=1e-9)


@given(logs=_LOGS, errors=st.tuples(st.floats(1e-6, 0.5), st.floats(1e-6, 0.5)))
def test_a_smaller_error_is_a_wider_interval(logs: list[float], errors: tuple[float, ...]) -> None:
    narrow, wide = (Spread().interval(logs, each) for each in sorted(errors, reverse=True))
    assert wide.low <= narrow.low <= narrow.high <= wide.high


def test_too_few_values_have_no_interval() -> None:
    assert Spread().interval([], 0.01).processes == 0
    alone = Spread().interval([0.1], 0.01)
    assert (alone.low, alone.high, alone.verdict(0.03)) == (0.0, math.inf, "undecided")
    assert UNKNOWN.verdict(0.03) == "undecided"


def test_an_interval_without_end_is_a_number_or_infinite() -> None:
    found = Spread().interval([-1000.0, 500.0], 0.01)
    assert (found.low, found.high) == (0.0, math.inf)


_DRAWS: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "normal": lambda dice, count: dice.normal(size=count),
    "heavy tails": lambda dice, count: dice.standard_t(3, size=count),
    "skewed": lambda dice, count: dice.lognormal(sigma=0.5, size=count) - math.exp(0.125),
}


@pytest.mark.parametrize(
    ("draw", "held"), [("normal", 0.95), ("heavy tails", 0.95), ("skewed", 0.91)]
)
def test_how_often_an_interval_holds_the_ratio(draw: str, held: float) -> None:
    """Of 6 values: for normal ones as told; heavy tails hold it more often, skewed ones less."""
    dice, count = np.random.default_rng(1), 3000
    found = [Spread().interval(_DRAWS[draw](dice, 6) / 50, 0.05) for _ in range(count)]
    share = sum(each.low <= 1 <= each.high for each in found) / count
    slack = 3.3 * math.sqrt(0.05 * 0.95 / count)
    assert share >= held - slack
    if draw == "normal":
        assert share <= held + slack


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_a_common_spread_keeps_what_its_intervals_promise(spread: float) -> None:
    """Also where variances differ between cases, by a factor of e at one standard deviation."""
    dice, held, count = np.random.default_rng(2), 0, 0
    for _ in range(60):
        sizes = np.exp(spread * dice.normal(size=40)) / 50
        cases = [dice.normal(size=4) * size for size in sizes]
        common = common_spread(cases)
        found = [common.interval(each, 0.05) for each in cases]
        held += sum(each.low <= 1 <= each.high for each in found)
        count += len(found)
    assert held / count == pytest.approx(0.95, abs=4 * math.sqrt(0.05 * 0.95 / count))


# --- the spread that cases have in common ---------------------------------------------------------


@pytest.mark.parametrize(("worth", "variance"), [(4.0, 1e-4), (10.0, 0.25), (30.0, 1e-6)])
def test_the_parameters_of_the_variances_are_given_back(worth: float, variance: float) -> None:
    """s² of a case is drawn as limma supposes: d₀s₀²/χ²(d₀), and its values around that."""
    dice = np.random.default_rng(3)
    truth = worth * variance / dice.chisquare(worth, size=4000)
    found = common_spread(dice.normal(size=8) * math.sqrt(each) for each in truth)
    assert found.variance == pytest.approx(variance, rel=0.1)
    assert found.worth == pytest.approx(worth, rel=0.3)


def test_variances_that_are_alike_are_worth_all_together() -> None:
    cases = [np.array([-1.0, 0.0, 1.0]) * 0.01 + i for i in range(10)]
    found = common_spread(cases)
    assert found.worth == 20
    dice = np.random.default_rng(4)
    drawn = common_spread(dice.normal(size=6) * 0.01 for _ in range(2000))
    assert drawn.worth > 40
    assert drawn.variance == pytest.approx(1e-4, rel=0.1)


def test_the_moments_are_those_of_limma() -> None:
    """By numbers from the formulas of Smyth (2004), 6.2, written out for one degree of freedom.

    ψ(½) = −γ − 2 ln 2 and ψ′(½) = π²/2.
    """
    variances = np.exp(np.array([-9.0, -3.0, 0.0, 4.0, 9.0]))
    found = common_spread([[0.0, math.sqrt(2 * each)] for each in variances])
    digamma_half = -np.euler_gamma - 2 * math.log(2)
    centred = np.log(variances) - digamma_half + math.log(0.5)
    excess = np.var(centred, ddof=1) - math.pi**2 / 2
    assert polygamma(1, found.worth / 2) == pytest.approx(excess)
    shift = digamma(found.worth / 2) - math.log(found.worth / 2)
    assert math.log(found.variance) == pytest.approx(centred.mean() + shift)


@given(st.lists(_LOGS, max_size=12), st.floats(-5, 5))
def test_a_spread_is_a_number_and_does_not_ask_where_cases_lie(
    cases: list[list[float]], shift: float
) -> None:
    found = common_spread(cases)
    assert found.worth >= 0
    assert math.isfinite(found.variance)
    mirrored = common_spread([[-each for each in logs] for logs in cases])
    assert mirrored == found
    most = sum(len(logs) - 1 for logs in cases)
    assert found.worth <= most


@pytest.mark.parametrize("cases", [[], [[1.0]] * 9, [[1.0, 1.0]] * 9, [[0.0, 1.0]] * 3])
def test_too_few_cases_say_nothing_of_each_other(cases: list[list[float]]) -> None:
    assert common_spread(cases) == Spread(0.0, 0.0)


@given(st.lists(st.tuples(st.floats(1, 1e9), st.floats(1, 1e9)), min_size=1, max_size=30))
def test_a_process_has_the_median_of_its_blocks(blocks: list[tuple[float, float]]) -> None:
    base, candidate = zip(*blocks, strict=True)
    found = of_blocks(base, candidate)
    assert of_blocks(candidate, base) == pytest.approx(-found, abs=1e-12)
    ratios = sorted(math.log(b / a) for a, b in blocks)
    below, above = ratios[(len(ratios) - 1) // 2], ratios[len(ratios) // 2]
    assert found == pytest.approx((below + above) / 2)


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
    """In place of processes: each gives every case the log ratio that `draw` gives it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, draw: Callable[[Case], float]) -> None:
        self.measured: list[list[Case]] = []
        self.versions: dict[str, dict[str, str]] = {}
        self._draw = draw
        monkeypatch.setattr(gate_module, "Epochs", lambda setting: self)
        monkeypatch.setattr(gate_module, "measure", self._measure)

    @contextmanager
    def take(self, cases: Sequence[Case]) -> Iterator[Epoch]:
        yield Epoch()

    def prefetch(self, cases: Sequence[Case]) -> None: ...

    def close(self) -> None: ...

    def _measure(self, epoch: Epoch, cases: Sequence[Case], *_: Any) -> dict[Case, Timed]:
        self.measured.append(list(cases))
        return {case: Timed(self._draw(case), 100, 0, 1000.0) for case in cases}

    def gate(self, count: int, design: Design = Design()) -> list[Compared]:  # noqa: B008
        cases = {replace(_SHOWN, size=number): "changed" for number in range(count)}
        setting = Setting({}, Path(), str)
        return Timing(setting, design, 1e9, Reporter(quiet=True)).execute(cases)


def _alarms(drawn: _Drawn, gates: int, cases: int) -> int:
    """In how many gates a case is called slower or faster."""
    called = ("slower", "faster")
    found = (drawn.gate(cases) for _ in range(gates))
    return sum(any(each.verdict in called for each in gate) for gate in found)


@pytest.mark.parametrize("noise", [0.004, 0.02])
@pytest.mark.parametrize("place", ["the edge", "nothing"])
def test_false_alarms_of_whole_gates_are_as_rare_as_promised(
    monkeypatch: pytest.MonkeyPatch, noise: float, place: str
) -> None:
    """12 cases whose true ratio is the largest that must not be called, in 200 gates."""
    dice, gates = np.random.default_rng(5), 200
    at = math.log(edge(0.03)) if place == "the edge" else 0.0
    drawn = _Drawn(monkeypatch, lambda case: float(dice.normal(at, noise)))
    found = _alarms(drawn, gates, 12)
    assert found <= stats.binom.ppf(0.999, gates, Design().alarm)


def test_what_heavy_tails_and_unequal_cases_do_to_the_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of Student's t with 3 degrees of freedom, and of cases with spreads from 0.2 to 5 %.

    Neither raises the rate above what is promised: an outlier widens an interval more than it
    moves it.
    """
    dice, gates = np.random.default_rng(6), 150
    sizes = np.geomspace(0.002, 0.05, 12)

    def draw(case: Case) -> float:
        return math.log(edge(0.03)) + float(dice.standard_t(3) * sizes[case.size])

    assert _alarms(_Drawn(monkeypatch, draw), gates, 12) <= stats.binom.ppf(0.999, gates, 0.01)


def test_a_large_change_is_found_in_both_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = np.random.default_rng(7)
    shift = {0: math.log(1.1), 1: -math.log(1.1)}

    def draw(case: Case) -> float:
        return shift.get(case.size, 0.0) + float(dice.normal(0, 0.004))

    verdicts = [each.verdict for each in _Drawn(monkeypatch, draw).gate(12)]
    assert verdicts == ["slower", "faster", *["same"] * 10]


def test_screening_alone_calls_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slower by half in every process of screening, and never again."""
    design, dice = Design(), np.random.default_rng(8)
    drawn = _Drawn(monkeypatch, lambda case: 0.0)

    def draw(case: Case) -> float:
        first = len(drawn.measured) <= design.screening[0]
        return (0.4 if first else 0.0) + float(dice.normal(0, 0.001))

    drawn._draw = draw
    [found] = drawn.gate(1)
    assert (found.verdict, found.phase) == ("same", "confirmation")
    assert len(found.logs) == design.confirmation[0]
    assert found.ratio.value == pytest.approx(1, abs=0.01)


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
    [found] = drawn.gate(1)
    assert found.verdict == "undecided"
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
    [found] = drawn.gate(1)
    assert len(drawn.measured) == noisy + design.confirmation[0]
    assert (found.verdict, found.phase) == ("slower", "confirmation")


def test_a_suspect_that_is_called_leaves_its_share_to_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of 20 suspects is called by what the other 19 leave, and would not be without."""
    design = Design()
    drawn = _Drawn(monkeypatch, lambda case: 0.0)
    drawn._draw = _wavering(lambda case: 0.3 if case.size else 0.031, lambda: 0.012)
    found = drawn.gate(20)
    assert [each.verdict for each in found] == ["slower"] * 20
    spread = common_spread(each.logs for each in found)
    divided = spread.interval(found[0].logs, design.confirmation_level(20))
    assert divided.verdict(design.zone) == "undecided"
