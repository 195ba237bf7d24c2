"""All questions together: their order, and runs that are empty, hostile or of one case."""

from __future__ import annotations

import re

import pytest

from actbench.report import modules, questions
from actbench.report.questions.answer import Answer
from actbench.report.read.evidence import Evidence

ORDER = (
    *("first-call", "slow-gelu", "squareplus", "memory-bound", "fused", "compiling", "fastest"),
    *("parts-of-a-call", "backward", "default-gelu", "bfloat16", "overflow", "correctness"),
)


def answers(evidence: Evidence) -> list[Answer]:
    return [module.answer(evidence) for module in modules(questions)]


def test_questions_come_in_their_order_each_with_a_place(evidence: dict[str, Evidence]) -> None:
    anchors = [answered.anchor for answered in answers(evidence["normal"])]
    assert tuple(anchors) == ORDER


@pytest.mark.parametrize("name", ["normal", "failing", "single", "split", "empty", "hostile"])
def test_whatever_was_measured_every_question_has_an_answer(
    evidence: dict[str, Evidence], name: str, hostile_text: str
) -> None:
    ids = []
    for answered in answers(evidence[name]):
        assert answered.sentences
        assert all(re.fullmatch(r"[A-Z0-9\u201c].*[.?]", text) for text in answered.sentences)
        assert hostile_text not in answered.command
        assert not answered.command or "--" in answered.command
        assert answered.measured or answered.command
        for panel in (panel for figure in answered.figures for panel in figure.panels):
            assert len(panel.svg) < 60_000
            assert "<script" not in panel.svg
            ids += re.findall(r' id="([^"]+)"', panel.svg)
    assert len(ids) == len(set(ids))


def test_a_run_without_rows_answers_nothing(evidence: dict[str, Evidence]) -> None:
    all_answers = answers(evidence["empty"])
    assert not any(answered.measured for answered in all_answers)
    assert all(answered.command.startswith("actbench ") for answered in all_answers)
