"""A run of more than fifty thousand rows: its page is built, opens, and says what the rows say."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.results.rows import Row
from actbench.bench.results.store import load
from actbench.report.commands.page import make
from actbench.report.words import number

from .conftest import normal_rows

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIZES = tuple(2**power for power in range(5, 19))
SECONDS = 60
"""Seconds of CPU: several times the need on a machine that is busy with something else."""


def with_bytes(rows: list[Row]) -> list[Row]:
    """The rows with the bytes that every call moves: four read and four written per element."""
    return [
        replace(row, moved=8 * row.case.size) if row.metric == "time_per_call" else row
        for row in rows
    ]


def test_fifty_thousand_rows_are_a_page_that_can_be_filtered(
    make_run: Callable[..., Path], visit: Callable[..., Any]
) -> None:
    folder = make_run(with_bytes(normal_rows(sizes=SIZES)))
    started = time.process_time()
    _, path = make((folder,), None)
    assert time.process_time() - started < SECONDS
    rows = load(folder).rows
    assert len(rows) > 50_000
    assert path.stat().st_size < 80 * len(rows)

    choice = "#timings&timings.framework=JAX&timings.activation=gelu&timings.form=wide"
    page = visit(path, choice)
    table = page.locator("[data-table=timings]")
    times = rows[(rows.metric == "time_per_call") & (rows.status == "ok")]
    chosen = times[
        (times.framework == "jax") & (times.activation == "gelu") & (times.form == "wide")
    ]
    assert len(chosen) == 2 * 2 * len(SIZES)
    assert table.locator("tbody tr").count() == len(chosen)
    assert f"{len(times):,} in all" in table.locator(".count").inner_text()
    heads = table.locator("thead th").all_inner_texts()
    for metric, label in (("time_per_element", "ns per element"), ("bandwidth", "GB/s")):
        of_metric = rows[rows.metric == metric].merge(chosen[_FIELDS], on=_FIELDS)
        shown = table.locator(f"tbody td:nth-child({heads.index(label) + 1})").all_inner_texts()
        wanted = [
            f"{number(row.value)} {number(row.low)}–{number(row.high)}"
            for row in of_metric.itertuples()
        ]
        assert sorted(shown) == sorted(wanted)

    table.get_by_label("Direction").select_option("backward")
    table.get_by_role("button", name="Time per call").click()
    assert table.locator("tbody tr").count() == len(chosen) // 2
    sizes = table.locator(f"tbody td:nth-child({heads.index('Size') + 1})").all_inner_texts()
    assert {int(size.replace(",", "")) for size in sizes} == set(SIZES)


_FIELDS = ["framework", "activation", "form", "mode", "direction", "size"]
