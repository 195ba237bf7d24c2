"""The bare loop: its six cases are cases of the harness, and it measures what it says."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from actbench.bench.catalog.cases import unsupported
from tools.bare_loop import SUBJECTS, Subject, bare, cell_of


@pytest.mark.parametrize(
    "subject", SUBJECTS, ids=lambda subject: f"{subject.framework}-{subject.activation}"
)
def test_every_subject_is_a_case_that_can_be_measured(subject: Subject) -> None:
    assert unsupported(subject.case) == ""
    relu = replace(subject.case, activation="relu", form=subject.unit)
    assert unsupported(relu) == ""


def test_the_loop_finds_a_cost_that_is_known() -> None:
    """A case that sleeps four times as long as its unit costs about four units."""
    setup = "case, unit = lambda: time.sleep(0.008), lambda: time.sleep(0.002)"
    logs = bare(replace(SUBJECTS[0], setup=setup), 2)
    assert all(2 < math.exp(log) < 6 for log in logs)
    cell = cell_of(SUBJECTS[0].case, logs, [logs])
    assert cell.low < cell.value < cell.high
