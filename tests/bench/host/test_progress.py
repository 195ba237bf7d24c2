"""Progress without a terminal: a line when a phase begins, and the minutes of the whole job."""

from __future__ import annotations

import pytest

from actbench.bench.host.progress import Reporter, in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "under a minute"),
        (59.9, "under a minute"),
        (60, "about 1 minute"),
        (95, "about 2 minutes"),
        (600, "about 10 minutes"),
    ],
)
def test_what_is_left_is_said_in_minutes(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_a_phase_is_one_line_when_it_begins(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter()
    with reporter.phase("Measuring (1 of 4)", 12, left=150.0) as done:
        assert capsys.readouterr().err == "Measuring (1 of 4): 12, about 2 minutes left\n"
        done()
    with reporter.phase("Reports", 3):
        pass
    assert capsys.readouterr().err == "Reports: 3\n"


def test_a_quiet_reporter_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Reporter(quiet=True).phase("Measuring", 1, left=1.0) as done:
        done()
    assert capsys.readouterr().err == ""


def test_a_long_sentence_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Reporter().say("a word and " * 100)
    assert capsys.readouterr().err.count("\n") == 1
