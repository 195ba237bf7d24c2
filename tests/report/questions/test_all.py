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
    anchors = [each.anchor for each in answers(evidence["normal"])]
    assert tuple(anchors) == ORDER


@pytest.mark.parametrize("name", ["normal", "failing", "single", "split", "empty", "hostile"])
def test_whatever_was_measured_every_question_has_an_answer(
    evidence: dict[str, Evidence], name: str, hostile_text: str
) -> None:
    ids = []
    for each in answers(evidence[name]):
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


def test_a_run_without_rows_answers_nothing(evidence: dict[str, Evidence]) -> None:
    found = answers(evidence["empty"])
    assert not any(each.measured for each in found)
    assert all(each.command.startswith("actbench ") for each in found)
