"""All questions together: their order, and runs that are empty, hostile or of one case."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from report.questions.asked import answers
from report.reading import read

FIRST = ("first-call", "slow-gelu", "squareplus", "memory-bound", "fused", "compiling", "fastest")


def test_questions_come_in_their_order_each_with_a_place(runs: dict[str, Path]) -> None:
    anchors = [each.anchor for each in answers(read([runs["normal"]]))]
    assert tuple(anchors[: len(FIRST)]) == FIRST
    assert len(set(anchors)) == len(anchors)


@pytest.mark.parametrize("name", ["normal", "failing", "single", "split", "empty", "hostile"])
def test_whatever_was_measured_every_question_has_an_answer(
    runs: dict[str, Path], name: str, hostile_text: str
) -> None:
    for each in answers(read([runs[name]]))[: len(FIRST)]:
        assert each.sentences
        assert all(re.fullmatch(r"[A-Z\u201c].*[.?]", text) for text in each.sentences)
        assert hostile_text not in each.command
        assert "--" in each.command
        for panel in (panel for figure in each.figures for panel in figure.panels):
            assert len(panel.svg) < 20_000
            assert "<script" not in panel.svg


def test_a_run_without_rows_answers_nothing(runs: dict[str, Path]) -> None:
    found = answers(read([runs["empty"]]))
    assert not any(each.measured for each in found)
    assert all(each.command.startswith("python -m bench ") for each in found[: len(FIRST)])
