"""All sections together: whatever was measured, each says in one line what is in it."""

from __future__ import annotations

import pytest

from actbench.report import modules, sections
from actbench.report.read.evidence import Evidence
from actbench.report.sections import parts, rows, special

from ..sentences import is_short

FOLDED = [module for module in modules(sections) if hasattr(module, "SUMMARY")]


@pytest.mark.parametrize("name", ["normal", "failing", "single", "split", "empty", "hostile"])
def test_every_section_has_a_line_of_what_is_in_it(
    evidence: dict[str, Evidence], name: str
) -> None:
    for module in FOLDED:
        if module.content(evidence[name]) is not None:
            line = module.SUMMARY(evidence[name])
            assert len(line.split()) <= 25 or name == "hostile", line


def test_sections_without_rows_are_not_there(evidence: dict[str, Evidence]) -> None:
    shown = [m.__name__.rpartition(".")[2] for m in FOLDED if m.content(evidence["empty"])]
    assert shown == ["trust", "environment", "words"]


def test_a_line_that_misses_its_size_is_counted(evidence: dict[str, Evidence]) -> None:
    [sentence] = parts.fits(evidence["split"])
    assert sentence.startswith("Of 14 lines through two sizes, 1 missed a third one by more than a")
    assert is_short(sentence)


def test_every_row_is_in_a_table(evidence: dict[str, Evidence]) -> None:
    content = rows.content(evidence["failing"])
    assert content
    assert [name for name, _ in content["tables"]] == [
        "Times",
        "Errors",
        "Differences",
        "Not measured",
    ]
    line = rows.SUMMARY(evidence["failing"])
    assert line.startswith(f"{len(evidence['failing'].timed)} times, searchable; ")


def test_special_points_are_a_table_per_framework(published: Evidence) -> None:
    content = special.content(published)
    assert content
    names = {table.heading.partition(", functions of rows")[0] for table in content["pivots"]}
    assert names == {"NumPy", "JAX", "TensorFlow", "PyTorch"}
    summary = special.SUMMARY(published)
    assert all(name in summary for name in names)
