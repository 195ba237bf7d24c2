"""The page in a browser: opened from disk, quiet, and usable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.activations import CATALOG
from actbench.bench.catalog.again import again
from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import described

from .conftest import CLASSES, timing_rows

pytestmark = pytest.mark.browser
Visit = Callable[..., Any]


def column(page: Any, table: str, label: str) -> list[str]:
    """The texts of one column as shown."""
    heads = page.locator(f"[data-table={table}] thead th").all_inner_texts()
    index = heads.index(label) + 1
    return page.locator(f"[data-table={table}] tbody td:nth-child({index})").all_inner_texts()


@pytest.mark.parametrize("name", ["failing", "single", "split", "empty", "hostile"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_opens_quietly_and_fits_a_phone(
    visit: Visit, pages: dict[str, Path], name: str, scheme: str
) -> None:
    page = visit(pages[name], viewport={"width": 360, "height": 740}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.title().startswith("What an activation costs")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    shade = sum(int(part) for part in paper[4:-1].split(",")) / 3
    assert shade < 60 if scheme == "dark" else shade > 200


def test_rows_are_drawn_and_more_on_demand(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["normal"])
    assert page.locator("[data-table=timings] tbody tr").count() == 100
    page.locator("[data-table=timings] .more").click()
    assert page.locator("[data-table=timings] tbody tr").count() == 600


def test_sorting_orders_by_value_not_by_text(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["normal"])
    head = page.get_by_role("region", name="Time of every case").get_by_role(
        "button", name="Cost over relu"
    )
    head.click()
    costs = [float(text.split("×")[0]) for text in column(page, "timings", "Cost over relu")]
    assert costs == sorted(costs)
    assert len(set(costs)) > 10
    head.focus()
    page.keyboard.press("Enter")
    costs = [float(text.split("×")[0]) for text in column(page, "timings", "Cost over relu")]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > 10
    assert (
        page.locator("[data-table=timings] th[aria-sort=descending]").inner_text()
        == "Cost over relu"
    )


def test_infinity_is_the_largest_error(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["failing"], "#accuracy&accuracy.sort=-ulp")
    assert column(page, "accuracy", "Max error, ulp")[0] == "∞"
    assert column(page, "accuracy", "Activation")[0] == "squareplus"


def test_filters_choose_and_the_address_keeps_them(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["normal"])
    page.locator("[data-table=timings]").get_by_label("Framework").select_option("JAX")
    page.locator("[data-table=timings]").get_by_label("Family").select_option("algebraic")
    page.locator("[data-table=timings]").get_by_label("Search").fill("wide compiled")
    page.locator("[data-table=timings]").get_by_role("button", name="Time per call").click()
    first = column(page, "timings", "Time per call")
    assert set(column(page, "timings", "Framework")) == {"JAX"}
    algebraic = {name for name, activation in CATALOG.items() if activation.family == "algebraic"}
    assert set(column(page, "timings", "Activation")) == algebraic
    assert set(column(page, "timings", "Mode")) == {"compiled"}
    address = page.evaluate("location.hash")
    again = visit(pages["normal"], address)
    assert column(again, "timings", "Time per call") == first
    assert again.locator("[data-table=timings]").get_by_label("Framework").input_value() == "JAX"
    again.locator("[data-table=timings]").get_by_role("button", name="Reset").click()
    assert again.locator("[data-table=timings] tbody tr").count() == 100
    assert again.evaluate("location.hash") == "#timings"


def test_links_in_the_page_leave_the_choice_alone(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["failing"], "#timings&timings.activation=relu")
    page.evaluate("location.hash = 'trust'")
    page.wait_for_url("**#trust&timings.activation=relu")
    assert set(column(page, "timings", "Activation")) == {"relu"}


def test_the_command_of_a_row_is_copied(visit: Visit, pages: dict[str, Path]) -> None:
    choice = "#timings&timings.activation=gelu&timings.direction=backward&timings.form=wide"
    page = visit(pages["failing"], choice + "&timings.size=65536")
    page.locator("[data-table=timings] tbody button").first.click()
    page.locator("[data-table=timings] .status:not(:empty)").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    case = Case("torch", "gelu", "wide", "eager", "backward", "cpu", "float32", 65536, 1)
    assert copied == again([case])
    assert again([case]) in page.locator("[data-table=timings] .status").inner_text()


def test_parts_sort_and_mark_a_line_that_does_not_fit(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["split"])
    heads = page.locator("#parts [data-table] thead th").all_inner_texts()
    assert "" not in heads
    assert "options" not in "".join(heads).lower()
    table = page.locator("#parts [data-table]")
    table.get_by_role("button", name="Arithmetic, ns per element").click()
    table.get_by_role("button", name="Arithmetic, ns per element").click()
    assert column(page, "parts", "Activation")[0] == "mish"
    poor = page.locator("#parts td.poor")
    assert poor.count() == 1
    assert poor.inner_text().startswith("−31.0%")
    assert page.evaluate("getComputedStyle(document.querySelector('.poor'), '::before').content")
    fits = column(page, "parts", "Line against size left out")
    assert "2.0% 1.0%–3.0%" in fits
    # 250 ns ± 500: a negative end is neither lost nor scaled apart from the rest.
    assert set(column(page, "parts", "Handoff, per call")) == {"250 ns -250 to 750"}


def test_the_command_of_a_split_is_copied(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["split"], "#parts&parts.activation=mish")
    page.locator("[data-table=parts] tbody button").first.click()
    page.locator("[data-table=parts] .status:not(:empty)").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == (
        "actbench run --framework torch --activation mish --form native --mode eager "
        "--direction forward --dtype float32 --size 64 --size 1024 --size 8192 --size 65536 "
        "--size 1048576 --size 8388608"
    )


def test_the_command_of_a_failed_check_is_copied(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["failing"], "#missing&missing.what=exactness")
    page.locator("[data-table=missing] tbody button").first.click()
    page.locator("[data-table=missing] .status:not(:empty)").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == (
        "actbench run --framework torch --activation gelu --form native --mode compiled "
        "--direction forward --dtype float32 --only agreement"
    )


def test_what_is_behind_needs_no_javascript(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["split"], java_script_enabled=False, viewport={"width": 1280, "height": 900})
    assert page.locator("header .warning").is_visible()
    assert page.locator("#parts svg").count() == 2
    assert page.locator("#questions svg").count() >= 3


def test_frameworks_are_searched_as_people_name_them(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["split"])
    counts = []
    for words in ("GELU PyTorch", "torch gelu"):
        page.locator("[data-table=timings]").get_by_label("Search").fill(words)
        counts.append(page.locator("[data-table=timings] .count").inner_text())
    assert counts[0] == counts[1]
    assert set(column(page, "timings", "Framework")) == {"PyTorch"}
    assert set(column(page, "timings", "Activation")) == {"gelu"}


def test_cases_are_filtered_by_output(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["split"])
    page.locator("[data-table=timings]").get_by_label("Output").select_option("reused")
    assert set(column(page, "timings", "Output")) == {"reused"}
    assert page.locator("[data-table=timings] tbody tr").count() == 1


def test_hostile_text_is_shown_and_not_run(
    visit: Visit, pages: dict[str, Path], hostile_text: str
) -> None:
    page = visit(pages["hostile"])
    assert page.title() != "owned"
    assert hostile_text in column(page, "missing", "Reason")
    assert page.locator("img").count() == 0
    assert "no command: a name is not plain" in column(page, "timings", "Measure again")


def test_without_javascript_the_answer_stands(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["failing"], java_script_enabled=False)
    assert "Squareplus costs" in page.locator(".answer li").first.inner_text()
    assert page.locator(".cells [data-at]").count() > 20
    assert not page.locator(".switches").is_visible()
    assert "not finished" in page.locator("header .warning").inner_text()
    assert "rows.jsonl" in page.locator("[data-table=timings] noscript").inner_text()


def test_every_control_has_a_name_and_focus_shows(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["failing"])
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("select, input, button")].filter(
            (each) => !each.closest("label") && !each.textContent.trim()).length"""
    )
    assert nameless == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_prints_as_tables_in_ink_on_paper(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["failing"], color_scheme="dark", viewport={"width": 1040, "height": 720})
    page.emulate_media(media="print")
    style = "getComputedStyle(document.querySelector('[data-table=timings] td')).display"
    assert page.evaluate(style) == "table-cell"
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    assert not page.locator(".switches").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1040


def test_what_changes_places_on_other_inputs_is_on_the_page(
    visit: Visit, make_run: Callable[..., Path]
) -> None:
    """And the table says of which input a time is, and how long the rows of a function are."""
    from actbench.report.commands.page import make

    rows = []
    usual = {"relu": 5.0, "elu": 10.0, "gelu": 20.0, "softmax": 30.0}
    for kind, times in {"normal": usual, "subnormal": usual | {"elu": 60.0}}.items():
        for name, ns in times.items():
            form = "max" if name == "relu" else "native"
            where = ("eager", "forward", "cpu", "float32", CLASSES["l2"], 1)
            case = Case("torch", name, form, *where, input=kind)
            rows += [replace(row, plain=True) for row in timing_rows(case, ns * 1e3, 0.01, 5e3)]
    _, written = make((make_run(list(described(rows))),), None)
    page = visit(written, "#questions", viewport={"width": 1400, "height": 900})
    said = "PyTorch eager, in cache, inputs subnormal: ELU takes 3.0× GELU’s time, usually 0.50×."
    page.get_by_text(said).wait_for()
    assert set(column(page, "timings", "Input")) == {"", "inputs subnormal"}
    lengths = dict(
        zip(
            column(page, "timings", "Activation"),
            column(page, "timings", "Row length"),
            strict=True,
        )
    )
    assert lengths["softmax"] == "256"
    assert lengths["gelu"] in ("", "–")
