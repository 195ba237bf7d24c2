"""The rival of the gate: its words are read correctly, and a failing run is reported."""

from __future__ import annotations

import importlib.util
from contextlib import nullcontext

import pytest
from click.testing import CliRunner

from actbench.bench.catalog.cases import Case
from actbench.bench.host.errors import ActbenchError
from actbench.bench.worker.protocol import Slowdown
from tools.rival import __main__ as command
from tools.rival import comparison
from tools.rival.comparison import THRESHOLDS, compare, name

RELU = Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 65536, 1)
GELU = Case("numpy", "gelu", "textbook", "eager", "forward", "cpu", "float32", 65536, 1)
WORDS = f"""
============================== 2 passed in 2.07s ===============================
--------------------------------------------------------------------------------
Performance has regressed:
\ttest_call[{name(RELU)}] (0001_base) - Field 'min' has failed PercentageRegressionCheck: \
99.212030175 > 5.000000000
\ttest_call[{name(RELU)}] (0001_base) - Field 'median' has failed \
PercentageRegressionCheck: 18.482133745 > 5.000000000
\ttest_call[{name(GELU)}] (0001_base) - Field 'mean' has failed \
PercentageRegressionCheck: inf > 10.000000000
--------------------------------------------------------------------------------
Traceback (most recent call last):
pytest_benchmark.session.PerformanceRegression: Performance has regressed.
"""


def test_every_threshold_has_the_cases_that_the_words_name() -> None:
    regressed = comparison._regressed(WORDS, [RELU, GELU])
    assert tuple(regressed) == THRESHOLDS
    assert {threshold: cases for threshold, cases in regressed.items() if cases} == {
        "min:5%": {RELU},
        "median:5%": {RELU},
        "mean:10%": {GELU},
    }


def test_no_words_are_no_regression() -> None:
    regressed = comparison._regressed("=== 2 passed in 2.07s ===\n", [RELU, GELU])
    assert set(regressed.values()) == {frozenset()}


def test_words_that_are_not_understood_are_no_silence() -> None:
    changed = WORDS.replace("PercentageRegressionCheck", "RelativeRegressionCheck")
    with pytest.raises(ActbenchError, match="unknown here"):
        comparison._regressed(changed, [RELU, GELU])


@pytest.mark.parametrize(
    ("arm", "status", "output", "untimed"),
    [("base", 0, "", 0), ("candidate", 0, "", 0), ("candidate", 1, WORDS, 0)],
)
def test_a_run_may_end_well_or_with_a_regression(
    arm: str, status: int, output: str, untimed: int
) -> None:
    comparison._check(arm, status, output, untimed)


@pytest.mark.parametrize(
    ("arm", "status", "output", "untimed"),
    [
        ("base", 1, "E   ImportError: no such framework\n=== 1 failed ===\n", 0),
        ("base", 1, WORDS, 0),
        ("candidate", 1, "E   ImportError: no such framework\n", 0),
        ("candidate", 1, WORDS, 1),
        ("candidate", 0, "", 1),
        ("candidate", -9, WORDS, 0),
        ("candidate", 4, "ERROR: usage\n", 0),
    ],
)
def test_any_other_end_is_an_error(arm: str, status: int, output: str, untimed: int) -> None:
    with pytest.raises(ActbenchError, match=f"of the {arm} ended with exit status {status}"):
        comparison._check(arm, status, output, untimed)


def test_the_error_says_why_a_test_failed() -> None:
    output = "E   ImportError: no such framework\nrival.py:3: ImportError\n=== 1 failed ===\n"
    with pytest.raises(ActbenchError, match=r": ImportError: no such framework$"):
        comparison._check("base", 1, output, 1)


def test_nobodys_own_options_reach_the_rival(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--benchmark-skip")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    monkeypatch.setenv("PY_COLORS", "1")
    variables = comparison._environment([RELU])
    assert {name for name in variables if name.startswith("PYTEST_")} == {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
    }
    assert (variables["PY_COLORS"], variables["OMP_NUM_THREADS"]) == ("0", "1")


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("pytest_benchmark") is None, reason="pytest-benchmark is not installed"
)
def test_it_finds_a_planted_slowdown_and_runs_both_arms_inside_of_what_is_given() -> None:
    arms: list[str] = []

    def during(arm: str) -> nullcontext[None]:
        arms.append(arm)
        return nullcontext()

    outcome = compare([RELU, GELU], {RELU: Slowdown("wait", 19.0)}, 0.4, during)
    assert tuple(outcome.regressed) == THRESHOLDS
    assert all(RELU in regressed for regressed in outcome.regressed.values())  # it takes 20 times
    assert arms == ["base", "candidate"]
    assert 0 < outcome.timed < outcome.wall


def test_rules_go_by_the_name_of_their_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = comparison.Outcome({"min:5%": frozenset({RELU})}, 1.0, 2.0)
    monkeypatch.setattr(command, "compare", lambda *_: outcome)
    assert command.called() == {"pytest-benchmark min:5%": {RELU}}


def test_what_cannot_compare_is_said_and_calls_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ActbenchError("planted")

    monkeypatch.setattr(command, "compare", fail)
    assert command.called() == {}
    assert "pytest-benchmark did not compare: planted" in capsys.readouterr().err


def test_it_has_the_options_of_the_selftest_and_one_more() -> None:
    done = CliRunner().invoke(command.main, ["--help"])
    assert done.exit_code == 0
    assert {"--cycles", "--hogs", "--planted-every", "--rival-every"} <= set(done.output.split())
    refused = CliRunner().invoke(command.main, ["--framework", "tensorflow"])
    assert refused.exit_code == 2
    assert "no case left" in refused.output
