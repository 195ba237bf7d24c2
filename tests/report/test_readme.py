"""The README says what the page of the run that it names says."""

from __future__ import annotations

import re
from pathlib import Path

from actbench.report.page import spoken
from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read

from .conftest import PUBLISHED

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_verdict_of_the_readme_is_that_of_its_run(published: Evidence) -> None:
    named = re.search(r"\]\(results/published/([\w-]+-standard)\)", README)
    assert named
    evidence = published if named[1] in published.runs else read([PUBLISHED / named[1]])
    text = " ".join(README.split())
    sentences = spoken(evidence)
    assert len(sentences) == 3
    assert [sentence for sentence in sentences if sentence not in text] == []


def test_the_picture_is_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")
