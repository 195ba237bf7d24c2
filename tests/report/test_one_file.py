"""A section, a question and a chart are a file each: one that is there is on the page."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from actbench.report import modules, questions, sections
from actbench.report.draw import charts
from actbench.report.page import render
from actbench.report.read.evidence import Evidence

SECTION = """
ORDER = 1
TITLE = "Greetings"
LINK = "Hello"


def content(evidence):
    return {"who": list(evidence.runs)}
"""
TEMPLATE = "<p>Hello {{ who | join }}, from a section.</p>"
QUESTION = """
from actbench.report.questions.answer import Answer

ORDER = 1


def answer(evidence):
    return Answer("added", "Is it there?", ("It is there.",))
"""
CHART = """
from actbench.report.draw.figure import Figure

ORDER = 1


def figures(evidence):
    yield Figure("A chart more", "It shows nothing.")
"""


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One file of each kind, in a folder that its package looks into."""
    texts: dict[ModuleType, str] = {sections: SECTION, questions: QUESTION, charts: CHART}
    for package, text in texts.items():
        folder = tmp_path / package.__name__
        folder.mkdir()
        (folder / "added.py").write_text(text, encoding="utf-8")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    (tmp_path / sections.__name__ / "added.html.j2").write_text(TEMPLATE, encoding="utf-8")
    yield
    for package in texts:
        sys.modules.pop(f"{package.__name__}.added", None)
        vars(package).pop("added", None)


@pytest.mark.usefixtures("added")
def test_what_is_added_stands_on_the_page(evidence: dict[str, Evidence]) -> None:
    page = render(evidence["single"])
    assert page.index('<section id="added"') < page.index('<section id="answer"')
    assert "<p>Hello single, from a section.</p>" in page
    assert '<li><a href="#added">Hello</a></li>' in page
    assert re.search(r'<article id="added".*?It is there\.', page, re.DOTALL)
    charts_ = page.split('<section id="charts"')[1].split("</section>")[0]
    assert "<b>A chart more.</b> It shows nothing." in charts_


def test_without_it_nothing_is_added(evidence: dict[str, Evidence]) -> None:
    assert "added" not in {module.__name__.rpartition(".")[2] for module in modules(sections)}


@pytest.mark.parametrize("package", [sections, questions, charts], ids=lambda p: p.__name__)
def test_each_has_a_place_of_its_own(package: ModuleType) -> None:
    orders = [module.ORDER for module in modules(package)]
    assert len(orders) == len(set(orders)) > 2
