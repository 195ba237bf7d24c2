"""Made-up evidence with planted times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Row
from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read

from ..conftest import CLASSES, plain_form

Key = tuple[str, str, str, str]
Time = tuple[float, float | None, float | None]


def case_of(key: Key, **where: Any) -> Case:
    """A framework, a mode, an activation and a class of size as a case of its plain form."""
    framework, mode, name, size = key
    fields = {"form": plain_form(framework, name), "direction": "forward", "device": "cpu"}
    fields |= {"dtype": "float32", "threads": 1, "size": CLASSES[size], **where}
    return Case(framework, name, mode=mode, **fields)


def rows_of(times: Mapping[Key, Time], **where: Any) -> list[Row]:
    """The rows of these times per call in ns, with their ends."""
    return [
        Row(case_of(key, **where), "time_per_call", value, low, high)
        for key, (value, low, high) in times.items()
    ]


def around(framework: str, mode: str, size: str, times: Mapping[str, float]) -> dict[Key, Time]:
    """Times within 1 %."""
    return {
        (framework, mode, name, size): (value, value * 0.99, value * 1.01)
        for name, value in times.items()
    }


@pytest.fixture
def measured(make_run: Callable[..., Path]) -> Callable[..., Evidence]:
    """Evidence of one run of planted rows."""

    def read_rows(rows: Iterable[Row], name: str = "run", **facts: Any) -> Evidence:
        return read([make_run(list(rows), name, **facts)])

    return read_rows
