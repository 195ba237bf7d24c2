"""The comparison with other harnesses: what counts as agreement, and one tiny run."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from multiprocessing import Pipe

import pytest
from click.testing import CliRunner

from actbench.bench.catalog.cases import unsupported
from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.timing.ratios import Estimate
from tools.side_by_side import __main__ as side_by_side
from tools.side_by_side.__main__ import CASES, TOOLS, Comparison, Outcome, compare, main
from tools.side_by_side.child import _depth, _from_depth, _Subject, _turns

Interval = tuple[float, float, float]
ALIKE: tuple[Interval, ...] = ((100, 95, 105), (101, 96, 106), (102, 97, 107))
CHEAP = {"actbench": 30.0, "torch.utils.benchmark": 16.0, "pyperf": 15.0, "pytest-benchmark": 40.0}
_ELSEWHERE = [name for name in ("torch", "pyperf") if importlib.util.find_spec(name) is None]


def _comparison(*intervals: Interval) -> Comparison:
    seen = {tool: Estimate(*ends) for tool, ends in zip(TOOLS, intervals, strict=True)}
    return Comparison(CASES[0], seen)


def _outcome(**changes: float) -> Outcome:
    costs = {**CHEAP, **changes}
    empty = {"NumPy, bare": {tool: Estimate(ns, ns, ns) for tool, ns in costs.items()}}
    return Outcome([_comparison(*ALIKE)], empty, turns=8)


@pytest.mark.parametrize(
    ("intervals", "overlap", "holds"),
    [
        (ALIKE, True, True),
        (((100, 90, 115), (120, 110, 130), (112, 105, 120)), True, True),
        # Each two overlap only if some value lies in all three: here the first and the last do not.
        (((100, 90, 105), (110, 103, 120), (120, 115, 130)), False, False),
        # Narrow intervals apart, but medians within 3 %.
        (((100, 99.9, 100.1), (101, 100.9, 101.1), (102.9, 102.8, 103)), False, True),
        (((100, 99.9, 100.1), (101, 100.9, 101.1), (103.1, 103, 103.2)), False, False),
        # Ends that touch overlap.
        (((100, 90, 110), (120, 110, 130), (110, 110, 110)), True, True),
    ],
)
def test_agreement_is_overlap_or_medians_within_three_percent(
    intervals: tuple[Interval, ...], overlap: bool, holds: bool
) -> None:
    comparison = _comparison(*intervals)
    assert (comparison.overlap, comparison.holds) == (overlap, holds)


def test_the_difference_is_between_the_extremes_and_ratios_are_over_ours() -> None:
    comparison = _comparison((100, 90, 110), (80, 70, 90), (120, 110, 130))
    assert comparison.difference == pytest.approx(0.5)
    assert [comparison.ratio(tool) for tool in TOOLS[1:]] == [0.8, 1.2]


def test_ten_cases_that_every_installation_has_spread_over_all_frameworks() -> None:
    assert len(set(CASES)) == 10
    assert {case.framework for case in CASES} == set(frameworks())
    assert {case.mode for case in CASES} == {"eager", "compiled"}
    assert {case.size for case in CASES} == {64, 2**16, 2**20}
    assert not any(unsupported(case) for case in CASES)


def test_the_words_report_the_outcome() -> None:
    assert _outcome().words() == (
        "In 1 of 1 cases the intervals overlap or the medians differ by under 3%. One empty call "
        "(NumPy, bare) costs actbench 30 ns, torch.utils.benchmark 16 ns, pyperf 15 ns, "
        "pytest-benchmark 40 ns."
    )
    dear = _outcome(actbench=50.0)
    assert not dear.holds
    assert dear.words().endswith("actbench is not below pytest-benchmark in every row.")


def test_a_busy_machine_is_reported() -> None:
    outcome = _outcome()
    outcome.disturbed = 1
    assert outcome.words().endswith("Other processes disturbed 1 of 8 turns.")
    outcome.disturbed = 5
    assert outcome.words().endswith("5 of 8 turns: repeat this on a quieter machine.")


@pytest.mark.parametrize("missing", ["failure", "cases"])
def test_what_was_not_measured_does_not_hold(missing: str) -> None:
    outcome = _outcome()
    assert outcome.holds
    if missing == "failure":
        outcome.failures.append("jax: jax is not installed here")
        assert outcome.words().endswith("Not measured: jax: jax is not installed here.")
    else:
        outcome.comparisons.clear()
    assert not outcome.holds


def test_disturbed_turns_are_dropped_where_enough_others_are_left() -> None:
    quiet, loud = [(1.0, False)] * 3, [(2.0, True)] * 2
    assert side_by_side._kept([*loud, *quiet]) == [1.0] * 3
    assert side_by_side._kept([*loud, *quiet[:2]]) == [2.0, 2.0, 1.0, 1.0]


@pytest.mark.parametrize(("cost", "status"), [(30.0, 0), (50.0, 1)])
def test_the_exit_status_says_whether_it_holds(
    cost: float, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_by_side, "compare", lambda *_: _outcome(actbench=cost))
    assert CliRunner().invoke(main).exit_code == status
    done = CliRunner().invoke(main, ["--json"])
    assert done.exit_code == status
    assert json.loads(done.stdout)["holds"] is (status == 0)


def test_a_child_that_ends_early_is_a_failure() -> None:
    here, there = Pipe()
    there.close()
    assert [answer["kind"] for answer in side_by_side._until_done(here)] == ["lost"]


def test_every_tool_takes_its_turn_at_every_place() -> None:
    subjects = [_Subject(0, "", {}), _Subject("bare", "", {})]
    turns = list(_turns(subjects, 24, 0))
    counts = Counter((subject.key, name) for name, subject in turns)
    assert set(counts.values()) == {24}
    assert len(counts) == 3 + 4
    opening = Counter(name for name, subject in turns if subject.key == 0)
    assert set(opening) == set(TOOLS)
    bare = [name for name, subject in turns if subject.key == "bare"]
    assert Counter(bare[::4]) == dict.fromkeys(set(bare), 6)


def test_a_shallow_tool_is_called_from_deeper() -> None:
    class Worker:
        """The part of one that the probe needs."""

        class adapter:
            wait = staticmethod(lambda result: result)

        def __init__(self) -> None:
            self.ready: dict[int, object] = {}

    def tool(subject: _Subject) -> dict[str, int]:
        return subject.names["step"]()

    worker = Worker()
    plain = _depth(tool, worker)
    assert _depth(lambda subject: _from_depth(5, tool, subject), worker) == plain + 5 + 2


@pytest.mark.slow
@pytest.mark.skipif(bool(_ELSEWHERE), reason=f"not installed here: {', '.join(_ELSEWHERE)}")
def test_a_tiny_run_has_every_cell() -> None:
    outcome = compare(CASES[:1], 2, 1, 0.004)
    assert outcome.failures == []
    assert {"numpy", "torch", "pyperf", "pytest-benchmark"} <= set(outcome.versions)
    head, rule, row, blank, empty_head, _, bare, waited = outcome.table()
    assert head.count("|") == rule.count("|") == row.count("|")
    assert empty_head.count("|") == bare.count("|") == waited.count("|")
    assert row.startswith("| NumPy | eager | relu | max | 64 |")
    assert (blank, outcome.turns) == ("", 2 * (3 + 2 * 4))
    assert outcome.words().startswith("In ")
    json.dumps(outcome.as_dict())
