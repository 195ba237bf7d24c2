"""All questions together: their order, and runs that are empty, hostile or of one case."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from actbench.report.questions.asked import answers
from actbench.report.read.rows import read

ORDER = (
    *("first-call", "slow-gelu", "squareplus", "memory-bound", "fused", "compiling", "fastest"),
    *("parts-of-a-call", "backward", "default-gelu", "bfloat16", "overflow", "correctness"),
)


def test_questions_come_in_their_order_each_with_a_place(runs: dict[str, Path]) -> None:
    anchors = [each.anchor for each in answers(read([runs["normal"]]))]
    assert tuple(anchors) == ORDER


@pytest.mark.parametrize("name", ["normal", "failing", "single", "split", "empty", "hostile"])
def test_whatever_was_measured_every_question_has_an_answer(
    runs: dict[str, Path], name: str, hostile_text: str
) -> None:
    ids = []
    for each in answers(read([runs[name]])):
        assert each.sentences
        assert all(re.fullmatch(r"[A-Z0-9\u201c].*[.?]", text) for text in each.sentences)
        assert hostile_text not in each.command
        assert not each.command or "--" in each.command
        assert each.measured or each.command
        for panel in (panel for figure in each.figures for panel in figure.panels):
            assert len(panel.svg) < 60_000
            assert "<script" not in panel.svg
            ids += re.findall(r' id="([^"]+)"', panel.svg)
    assert len(ids) == len(set(ids))


def test_a_run_without_rows_answers_nothing(runs: dict[str, Path]) -> None:
    found = answers(read([runs["empty"]]))
    assert not any(each.measured for each in found)
    assert all(each.command.startswith("actbench ") for each in found)
