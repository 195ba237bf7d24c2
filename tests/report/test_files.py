"""Rows as files: CSV and JSON made inside the page, with every row, its units and its run."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.results.store import load

pytestmark = pytest.mark.browser
Visit = Callable[..., Any]


def saved(page: Any, table: str, form: str, every: bool = False) -> tuple[str, str]:
    """Click the button of a file; its name and its text."""
    chosen = "[data-all]" if every else ":not([data-all])"
    with page.expect_download() as download:
        page.locator(f"[data-table={table}] [data-file={form}]{chosen}").click()
    name = download.value.suggested_filename
    return name, Path(download.value.path()).read_bytes().decode("utf-8")


def records(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_all_rows_as_csv_hold_what_the_run_holds(
    visit: Visit, pages: dict[str, Path], runs: dict[str, Path]
) -> None:
    name, text = saved(visit(pages["split"]), "timings", "csv", every=True)
    assert name == "actbench-split-timings.csv"
    exported = records(text)
    rows = load(runs["split"]).rows
    times = rows[(rows.metric == "time_per_call") & (rows.status == "ok")]
    assert len(exported) == len(times)
    for end, column in (("value", "value"), ("low", "low"), ("high", "high")):
        shown = [float(row[f"time_per_call {end} [ns]"]) for row in exported]
        assert shown == pytest.approx(times[column].tolist(), rel=1e-5)
    assert [row["activation"] for row in exported] == times.activation.tolist()
    assert [int(row["size"]) for row in exported] == times["size"].tolist()
    assert {row["run"] for row in exported} == {"split"}
    assert {row["machine"] for row in exported} == {"Example CPU, 2 cores"}
    failed = [row["activation"] for row in exported if row["flags"] == "failed unchecked"]
    assert set(failed) == {"gelu"}
    assert {row["flags"] for row in exported if row["activation"] != "gelu"} == {"unchecked"}
    assert exported[0]["command"].startswith("actbench run --framework torch --activation ")


def test_chosen_rows_keep_choice_and_order(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["split"], "#timings&timings.sort=-call&timings.framework=JAX")
    name, text = saved(page, "timings", "csv")
    assert name == "actbench-split-timings-chosen.csv"
    exported = records(text)
    calls = [float(row["time_per_call value [ns]"]) for row in exported]
    assert calls == sorted(calls, reverse=True)
    assert len(set(calls)) > 10
    assert {row["framework"] for row in exported} == {"JAX"}
    _, same = saved(page, "timings", "json")
    assert [row["time_per_call value [ns]"] for row in json.loads(same)] == calls


def test_csv_is_that_of_rfc_4180_and_no_formula(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["hostile"])
    _, text = saved(page, "missing", "csv", every=True)
    assert text.endswith("\r\n")
    reasons = [row["reason"] for row in records(text)]
    assert '\'=1+1,"quoted"\nnext line' in reasons
    for line in records(text):
        assert not any(re.match(r"[=+@\t\r]|-(?!\d)", cell) for cell in line.values())
    _, exact = saved(page, "missing", "json", every=True)
    assert '=1+1,"quoted"\nnext line' in [row["reason"] for row in json.loads(exact)]


def test_infinities_and_hex_floats_survive(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["failing"])
    _, text = saved(page, "accuracy", "csv", every=True)
    exported = records(text)
    assert math.inf in {float(row["max_ulp [ulp]"]) for row in exported}
    worst = [float.fromhex(row["worst_input"]) for row in exported]
    assert min(worst) < 0 < max(worst)
    _, same = saved(page, "accuracy", "json", every=True)
    errors = [row["max_ulp [ulp]"] for row in json.loads(same)]
    assert errors == [float(row["max_ulp [ulp]"]) for row in exported]


@pytest.mark.parametrize("table", ["parts", "between"])
def test_every_table_has_files(visit: Visit, pages: dict[str, Path], table: str) -> None:
    page = visit(pages["failing" if table == "between" else "split"])
    total = re.search(r"([\d,]+) in all", page.locator(f"[data-table={table}] .count").inner_text())
    assert total
    _, text = saved(page, table, "csv", every=True)
    _, same = saved(page, table, "json", every=True)
    assert len(records(text)) == len(json.loads(same)) == int(total[1].replace(",", ""))
    assert list(records(text)[0]) == list(json.loads(same)[0])
