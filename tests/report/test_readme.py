"""The README says what the page of the run that it names says."""

from __future__ import annotations

import re
from pathlib import Path

from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read
from actbench.report.sections import answer

from .conftest import PUBLISHED

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_verdict_of_the_readme_is_that_of_its_run(published: Evidence) -> None:
    named = re.search(r"\]\(results/published/([\w-]+-standard)\)", README)
    assert named
    evidence = published if named[1] in published.runs else read([PUBLISHED / named[1]])
    text = " ".join(README.split())
    clauses = [
        *answer.headlines(evidence),
        *answer.verdicts(evidence),
        *(sentence for _, sentences in answer.by_framework(evidence) for sentence in sentences),
    ]
    assert len(clauses) > 10
    assert [sentence for sentence in clauses if sentence not in text] == []


def test_the_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")
