"""Rates with exact intervals, the table and the words of a selftest, from hand-written trials."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy import stats

from actbench.bench.catalog.cases import Case
from actbench.bench.results import store
from actbench.bench.results.facts import Rate, Tally
from actbench.bench.results.samples import Trial
from actbench.bench.results.store import RESULTS
from actbench.bench.run import summary
from actbench.bench.run.summary import GATE

_CASE = Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 64, 1)
_PLAIN = Trial(
    case=_CASE,
    gate=0,
    cycle=0,
    hogs="none",
    how="",
    share=0.0,
    verdict="same",
    value=1.0,
    low=0.99,
    high=1.01,
    phase="screening",
    processes=3,
    blocks=96,
    spoilt=2,
    timed=8.0,
    wall=20.0,
)


def _planted(share: float, verdict: str = "slower", **changes: object) -> Trial:
    value = 1 + share
    ends = {"value": value, "low": value - 0.005, "high": value + 0.005}
    trial = replace(_PLAIN, share=share, how="work", verdict=verdict, **ends)
    return replace(trial, **changes)  # type: ignore[arg-type]


@given(st.integers(1, 400), st.data())
def test_an_exact_interval_gives_its_tails_to_the_binomial(of: int, data: st.DataObject) -> None:
    """The outcome seen, or one beyond it, has a chance of 2.5 % at either end."""
    count = data.draw(st.integers(0, of))
    rate = Rate.counted(count, of)
    assert rate.low <= count / of <= rate.high
    if count:
        assert stats.binom.sf(count - 1, of, rate.low) == pytest.approx(0.025, rel=1e-3)
    if count < of:
        assert stats.binom.cdf(count, of, rate.high) == pytest.approx(0.025, rel=1e-3)


def test_published_limits_of_no_event_and_of_every_event() -> None:
    """0 of 100 is at most 3.62 % (1 − 0.025^(1/100)); 100 of 100 at least 96.38 %."""
    assert Rate.counted(0, 100).high == pytest.approx(1 - 0.025 ** (1 / 100))
    assert Rate.counted(100, 100).low == pytest.approx(0.025 ** (1 / 100))
    assert Rate.counted(0, 0).words == "–"


def test_a_gate_alarms_once_however_many_cases_it_calls() -> None:
    other = replace(_CASE, size=128)
    trials = [
        replace(_PLAIN, verdict="slower"),
        replace(_PLAIN, case=other, verdict="faster"),
        replace(_PLAIN, gate=1),
    ]
    assert (summary.false_alarms(trials).count, summary.false_alarms(trials).of) == (1, 2)


def test_a_faster_counts_only_where_nothing_was_planted() -> None:
    trials = [_planted(0.05, "faster"), _planted(0.05, "slower", gate=1)]
    rate = summary.detected(trials, 0.05)
    assert (rate.count, rate.of) == (1, 2)
    assert summary.false_alarms(trials).of == 0


def test_work_and_waits_stand_in_one_row_and_apart_in_the_lines() -> None:
    trials = [_planted(0.03), _planted(0.03, "undecided", how="wait", gate=1), _PLAIN]
    lines = summary.summary(trials)
    assert sorted((line.planted, line.how) for line in lines) == [
        (0.0, ""),
        (0.03, "wait"),
        (0.03, "work"),
    ]
    [_, both] = summary.conditions(lines)
    assert (both.lines[GATE].called.count, both.lines[GATE].called.of) == (1, 2)
    assert both.lines[GATE].undecided.count == 1
    table = summary.table(lines)
    assert len(table) == 4
    assert table[3].startswith("| none | +3% | 1 of 2 (")


def test_a_rival_is_counted_where_it_compared() -> None:
    trials = [replace(_PLAIN, rival={"another tool": True}), replace(_PLAIN, gate=1)]
    [condition] = summary.conditions(summary.summary(trials))
    rival = condition.lines["another tool"]
    assert (rival.called.count, rival.called.of) == (1, 1)
    assert (rival.alarmed.count, rival.alarmed.of) == (1, 1)
    assert (condition.lines[GATE].alarmed.count, condition.lines[GATE].alarmed.of) == (0, 2)
    assert "in 1 of 1 gates" in summary.table(summary.summary(trials))[2]


def test_lines_survive_the_store() -> None:
    for line in summary.summary([_PLAIN, _planted(0.1)]):
        assert TypeAdapter(Tally).validate_json(json.dumps(asdict(line))) == line


def test_an_interval_covers_what_was_planted_or_not() -> None:
    assert _planted(0.03).covered
    assert not replace(_planted(0.03), low=1.0, high=1.02).covered


def test_it_fails_where_alarms_are_surely_too_frequent_or_nothing_was_measured() -> None:
    quiet = [replace(_PLAIN, gate=number) for number in range(100)]
    loud = [replace(trial, verdict="slower") if trial.gate < 5 else trial for trial in quiet]
    assert summary.exit_status(quiet) == 0
    assert summary.exit_status(loud) == 1
    assert summary.exit_status([]) == 1


def test_rows_say_how_often_and_of_how_many() -> None:
    rows = {row.metric: row for row in summary.rows([_PLAIN, _planted(0.03)])}
    assert (rows["gate_false_alarms"].value, rows["gate_found_3"].value) == (0.0, 1.0)
    assert rows["gate_false_alarms"].tested == 1
    assert rows["gate_found_5"].status == "unsupported"


def test_words_report_every_slowdown_and_the_longest_gate() -> None:
    text = summary.words([_PLAIN, _planted(0.05, gate=1, timed=29.0)])
    assert "The same code twice: false alarms in 0 of 1" in text
    assert "+5%: called slower in 1 of 1" in text
    assert "the longest 29 s" in text


@pytest.mark.slow
@pytest.mark.parametrize("name", ["2026-11-21T18-24-56-selftest", "2026-11-21T19-38-46-selftest"])
def test_a_published_campaign_comes_out_the_same(name: str) -> None:
    folder = RESULTS / "published" / name
    lines = [line for line in summary.summary(_trials_of(folder)) if line.tool == GATE]
    stored = store.read_facts(folder).selftest
    assert lines == [line for line in stored if line.tool == GATE]


def _trials_of(folder: Path) -> list[Trial]:
    return [trial for trial in store.read_samples(folder) if isinstance(trial, Trial)]
