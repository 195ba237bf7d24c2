"""A section and a question are a file each: one that is there is on the page."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from actbench.report import modules, questions, sections
from actbench.report.page import render
from actbench.report.read.evidence import Evidence

SECTION = """
ORDER = 1
TITLE = "Greetings"


def SUMMARY(evidence):
    return "Who is there."


def content(evidence):
    return {"who": list(evidence.runs)}
"""
TEMPLATE = "<p>Hello {{ who | join }}, from a section.</p>"
QUESTION = """
from actbench.report.compare.values import figures
from actbench.report.questions.question import Question

ORDER = 1
QUESTION = Question(
    title="Is it there?",
    names=("gelu",),
    values=lambda evidence: figures(evidence.timed, "time_per_call"),
    first="{name} takes {range}",
    chart="A chart more",
    measure="--size l2",
    unit=" ns",
)
"""


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One file of each kind, in a folder that its package looks into."""
    texts: dict[ModuleType, str] = {sections: SECTION, questions: QUESTION}
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
    folded = page.split('<details id="added"')[1].split("</details>")[0]
    assert "<h2>Greetings</h2> <span>Who is there.</span>" in folded
    assert "<p>Hello single, from a section.</p>" in folded
    added = page.split("<h3>Is it there?</h3>")[1].split("</article>")[0]
    assert "Eager, in cache: GELU takes 16,000 ns (PyTorch)." in added
    assert "<b>A chart more.</b>" in added


def test_without_it_nothing_is_added(evidence: dict[str, Evidence]) -> None:
    assert "added" not in {module.__name__.rpartition(".")[2] for module in modules(sections)}


@pytest.mark.parametrize("package", [sections, questions], ids=lambda p: p.__name__)
def test_each_has_a_place_of_its_own(package: ModuleType) -> None:
    orders = [module.ORDER for module in modules(package)]
    assert len(orders) == len(set(orders)) > 2
