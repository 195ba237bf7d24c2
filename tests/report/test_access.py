"""The page for everybody: what axe-core finds, the keyboard alone, print, and two machines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actbench.report.page import render
from actbench.report.read.evidence import Evidence

pytestmark = pytest.mark.browser
Visit = Callable[..., Any]
NARROW, WIDE = (360, "dark"), (1280, "light")


def violations(page: Any) -> list[str]:
    """Violations that axe-core finds on a page with everything opened: rule, element, remedy."""
    axe = pytest.importorskip(
        "axe_playwright_python.base", reason="axe-playwright-python is not installed"
    )
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.evaluate(axe.AXE_SCRIPT)
    audit = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert audit["passes"]
    return [
        f"{rule['id']}: {node['target']}: {node['failureSummary']}"
        for rule in audit["violations"]
        for node in rule["nodes"]
    ]


def fits(page: Any) -> bool:
    width = page.viewport_size["width"]
    return bool(page.evaluate("document.documentElement.scrollWidth") <= width)


@pytest.mark.parametrize(
    ("name", "look"),
    [
        ("failing", WIDE),
        ("single", NARROW),
        ("split", NARROW),
        ("split", WIDE),
        ("empty", NARROW),
        ("hostile", NARROW),
        ("two", WIDE),
    ],
)
def test_axe_finds_nothing(
    visit: Visit, pages: dict[str, Path], name: str, look: tuple[int, str]
) -> None:
    width, scheme = look
    page = visit(pages[name], viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert violations(page) == []
    for pixels in (width, 360, 1280):
        page.set_viewport_size({"width": pixels, "height": 800})
        assert fits(page), pixels


@pytest.mark.slow
def test_axe_finds_nothing_on_a_published_run(
    visit: Visit, published: Evidence, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    path.write_text(render(published), encoding="utf-8")
    page = visit(path, viewport={"width": 360, "height": 800}, color_scheme="dark")
    assert violations(page) == []
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert fits(page), width
    page.set_viewport_size({"width": 1040, "height": 720})
    page.emulate_media(media="print")
    assert fits(page)


def test_axe_would_find_something(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["single"])
    page.evaluate(
        "document.querySelector('[data-table=timings] input').parentElement.replaceWith('?')"
    )
    page.evaluate("document.body.append(document.createElement('button'))")
    assert any(violation.startswith("button-name") for violation in violations(page))


def test_notes_are_reached_and_chosen_by_keyboard(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["failing"], "#timings&timings.sort=-call")
    link = page.locator("[data-table=timings] td.flags a").first
    flagged = page.locator("[data-table=timings] tbody tr:has(td.flags a)").first
    row = flagged.inner_text()
    number = link.inner_text()
    link.focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    note = page.locator(f"#timings-note-{number}")
    assert page.evaluate("document.activeElement.id") == f"timings-note-{number}"
    page.wait_for_url(lambda url: url.endswith(f"#timings-note-{number}&timings.sort=-call"))
    page.go_back()
    assert flagged.inner_text() == row
    note.locator("button").focus()
    page.keyboard.press("Enter")
    chosen = page.locator("[data-table=timings] td.flags").all_inner_texts()
    assert chosen
    assert all(number in numbers for numbers in chosen)
    rows = note.inner_text().split(" row")[0].split()[-1]
    assert f"of {rows} chosen rows" in page.locator("[data-table=timings] .count").inner_text()
    again = visit(pages["failing"], page.evaluate("location.hash"))
    assert f"of {rows} chosen rows" in again.locator("[data-table=timings] .count").inner_text()
    picked = (
        again.locator("[data-table=timings]").get_by_role("combobox", name="Note").input_value()
    )
    assert picked == note.locator("button").get_attribute("data-flag")


def test_rows_without_a_note_of_their_own(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["failing"])
    page.locator("[data-table=timings]").get_by_role("combobox", name="Note").select_option("none")
    assert set(page.locator("[data-table=timings] td.flags").all_inner_texts()) == {""}


def test_sort_and_copy_by_keyboard(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["failing"])
    page.get_by_role("region", name="Time of every case").get_by_role(
        "button", name="Time per call"
    ).focus()
    page.keyboard.press("Enter")
    assert (
        page.locator("[data-table=timings] th[aria-sort=ascending]").inner_text() == "Time per call"
    )
    page.locator("[data-table=timings] tbody button").first.focus()
    page.keyboard.press("Enter")
    page.locator("[data-table=timings] .status code").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("actbench run ")
    assert page.locator("[data-table=timings] tbody button").first.inner_text() == "Copied"


def test_a_refused_clipboard_shows_the_command_selected(
    visit: Visit, pages: dict[str, Path]
) -> None:
    page = visit(pages["failing"])
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(Error('no')); }")
    page.locator("[data-table=timings] tbody button").first.click()
    page.locator("[data-table=timings] .status code").wait_for()
    selected = page.evaluate("getSelection().toString()")
    assert selected.startswith("actbench run --framework torch")
    assert (
        page.locator("[data-table=timings] .status").inner_text()
        == f"Copy it from here: {selected}"
    )


def test_print_has_the_matrix_and_what_is_open_to_a_hundred_rows(
    visit: Visit, pages: dict[str, Path]
) -> None:
    page = visit(pages["failing"], "#timings", viewport={"width": 1040, "height": 720}, folded=True)
    page.locator("[data-table=timings] .more").click()
    page.emulate_media(media="print")
    assert page.locator(".cells").is_visible()
    open_sections = page.locator("details.section").evaluate_all(
        "all => all.map((fold) => [fold.open, fold.offsetParent !== null])"
    )
    assert [is_open for is_open, _ in open_sections].count(True) == 1
    assert all(is_open == is_shown for is_open, is_shown in open_sections)
    rows = page.locator("[data-table=timings] tbody tr")
    assert rows.count() > 100
    assert sum(row.is_visible() for row in rows.all()) == 100
    total = page.locator("[data-table=timings] .count").text_content().split(" of ")[1].split()[0]
    notice = f"Only the first 100 of {total} chosen rows are printed; the page has all."
    assert page.locator("[data-table=timings] .printed").inner_text() == notice
    cut = """() => [...document.querySelectorAll(".scroll, .view, pre")].filter((each) =>
        each.scrollWidth > each.clientWidth + 1 || each.scrollHeight > each.clientHeight + 1
    ).map((each) => each.ariaLabel)"""
    assert page.evaluate(cut) == []
    assert not page.locator(".switches, .filters, .files, .more").first.is_visible()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_rows_of_two_machines_name_run_and_machine(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["two"])
    for table in ("timings", "missing", "parts"):
        place = page.locator(f"[data-table={table}]")
        heads = place.locator("thead th").all_inner_texts()
        assert {"Run", "Machine"} <= set(heads)
        notice = place.locator("xpath=preceding-sibling::p[1]").inner_text()
        assert "split (Example CPU, 2 cores)" in notice
        assert "failing (Another CPU, 1 core)" in notice
    page.locator("[data-table=timings]").get_by_role("combobox", name="Machine").select_option(
        "Another CPU, 1 core"
    )
    index = page.locator("[data-table=timings] thead th").all_inner_texts().index("Run") + 1
    runs = page.locator(f"[data-table=timings] tbody td:nth-child({index})").all_inner_texts()
    assert set(runs) == {"failing"}
    alone = visit(pages["split"])
    assert "Machine" not in alone.locator("[data-table=timings] thead th").all_inner_texts()
