"""The first screen in a browser: switches, filter, keyboard, drawers, a phone, and its height."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actbench.report.page import render
from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read

from .test_access import violations

pytestmark = pytest.mark.browser
Visit = Callable[..., Any]
HEIGHT = 3 * 900
"""Three screens of a wide window."""
BYTES = 1_500_000


def caption(page: Any) -> str:
    return str(page.locator(".cells caption").inner_text())


def shown(page: Any, selector: str) -> list[str]:
    """The texts of what can be seen."""
    return [node.inner_text() for node in page.locator(selector).all() if node.is_visible()]


def heads(page: Any) -> list[str]:
    return [" ".join(text.split()[:2]) for text in shown(page, ".cells thead th")]


def names(page: Any) -> list[str]:
    return shown(page, ".cells th[scope=row] b")


def test_switches_change_the_view_and_the_address_keeps_it(
    visit: Visit, pages: dict[str, Path]
) -> None:
    page = visit(pages["split"])
    assert caption(page) == "Cost over ReLU, in cache, forward, float32, 1 thread"
    in_cache = page.locator("[data-at='gelu@jax-compiled']").inner_text()
    page.get_by_role("radio", name="from memory").first.check()
    assert caption(page).startswith("Cost over ReLU, from memory")
    assert page.evaluate("location.hash") == "#matrix&matrix.place=memory"
    assert page.locator("[data-at='gelu@jax-compiled']").inner_text() != in_cache
    page.get_by_role("radio", name="time per call").check()
    assert "ms" in page.locator("[data-at='gelu@jax-compiled']").inner_text()
    address = page.evaluate("location.hash")
    page.go_back()
    page.wait_for_url("**#matrix&matrix.place=memory")
    assert caption(page).startswith("Cost over ReLU, from memory")
    page.go_back()
    page.wait_for_url("**/report.html")
    assert caption(page).startswith("Cost over ReLU, in cache")
    again = visit(pages["split"], address)
    assert caption(again).startswith("Time per call, from memory")
    assert again.get_by_role("radio", name="time per call").is_checked()


def test_a_choice_without_figures_takes_the_others_along(
    visit: Visit, pages: dict[str, Path]
) -> None:
    page = visit(pages["split"])
    reused = page.get_by_role("radio", name="output reused")
    assert "away" in page.locator("label", has=reused).get_attribute("class")
    reused.check()
    assert caption(page).endswith(
        "from memory, into fresh pages, forward, float32, 1 thread, output reused"
    )
    assert "the rest was not measured" in page.locator("#matrix .status").inner_text()


@pytest.mark.parametrize("words", ["GELU PyTorch", "torch gelu", "pytorch gelu eager"])
def test_a_search_leads_to_a_row_and_a_setting(
    visit: Visit, pages: dict[str, Path], words: str
) -> None:
    page = visit(pages["failing"])
    page.get_by_role("searchbox", name="Find").fill(words)
    assert heads(page) == ["PyTorch eager"]
    assert names(page) == ["gelu", "gelu_tanh", "gelu_sigmoid"]
    again = visit(pages["failing"], page.evaluate("location.hash"))
    assert names(again) == names(page)
    page.get_by_role("searchbox", name="Find").fill("nothing like it")
    assert "No activation or setting" in page.locator("#matrix .status").inner_text()


def test_a_search_turns_switches_and_leaves_other_settings_out(
    visit: Visit, pages: dict[str, Path]
) -> None:
    page = visit(pages["normal"])
    page.get_by_role("searchbox", name="Find").fill("tensorflow backward softplus squareplus")
    assert caption(page).startswith("Cost over ReLU, in cache, backward")
    assert heads(page) == ["TensorFlow compiled", "TensorFlow eager"]
    assert set(names(page)) == {"softplus", "softplus_approximation", "squareplus"}


def test_the_grid_and_its_drawers_work_by_keyboard(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["normal"])
    focused = "document.activeElement.dataset.at"
    page.locator(".cells [tabindex='0']").focus()
    assert page.evaluate(focused) == "relu@jax-compiled"
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft", "End", "ArrowUp", "Home"):
        page.keyboard.press(key)
    assert page.evaluate(focused) == "leaky_relu@jax-compiled"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="leaky_relu, JAX compiled")
    assert dialog.is_visible()
    assert page.evaluate("location.hash") == "#matrix&matrix.cell=leaky_relu%40jax-compiled"
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert page.evaluate(focused) == "leaky_relu@jax-compiled"
    page.wait_for_url("**/report.html")
    page.keyboard.press("Tab")
    assert page.evaluate("!document.activeElement.closest('.cells')")


def test_a_drawer_shows_what_is_behind_a_cell(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["split"], "#matrix&matrix.cell=mish@torch-eager", folded=True)
    dialog = page.get_by_role("dialog")
    text = dialog.inner_text()
    for words in ("mish, PyTorch eager", "Time", "Parts of the cost", "Arithmetic", "Launch"):
        assert words in text
    assert "return functional.mish(x)" in text
    assert "actbench run --framework torch --activation mish" in text
    drawn = dialog.locator("svg")
    assert "a copy" in drawn.first.inner_html()
    assert drawn.first.get_attribute("aria-label")
    assert len(dialog.locator("tbody tr").all()) >= 6
    assert violations(page) == []
    page.get_by_role("button", name="Close").click()
    assert not dialog.is_visible()
    assert page.evaluate("location.hash") == "#matrix"


def test_errors_and_their_binades_are_drawn(
    visit: Visit, published: Evidence, tmp_path: Path
) -> None:
    """The exactness of TensorFlow's bfloat16 softplus, in a search and a click."""
    path = tmp_path / "page.html"
    path.write_text(render(published), encoding="utf-8")
    assert path.stat().st_size < BYTES
    page = visit(path, viewport={"width": 1400, "height": 900}, folded=True)
    assert page.evaluate("document.documentElement.scrollHeight") <= HEIGHT
    page.get_by_role("radio", name="largest error in ulp").check()
    page.get_by_role("searchbox", name="Find").fill("tensorflow bfloat16 softplus")
    assert caption(page) == "Largest error in ulp over [−20, 20], forward, bfloat16"
    page.locator("[data-at='softplus@tensorflow-eager']").click()
    dialog = page.get_by_role("dialog", name="softplus, TensorFlow eager")
    assert "All 65,536 inputs, each against the proved value" in dialog.inner_text()
    assert dialog.locator("svg rect").count() > 50
    assert violations(page) == []


def test_a_cell_without_a_figure_says_why_when_it_is_reached(
    visit: Visit, pages: dict[str, Path]
) -> None:
    page = visit(pages["two"])
    cell = page.locator("[data-at='elu@jax-compiled']")
    assert cell.get_attribute("title") == "not part of this run"
    cell.focus()
    assert "not part of this run" in page.locator("#matrix .status").inner_text()
    page.keyboard.press("Enter")
    assert "Not measured: not part of this run." in page.get_by_role("dialog").inner_text()


@pytest.mark.parametrize("name", ["normal", "two"])
def test_a_phone_shows_one_setting_at_a_time(
    visit: Visit, pages: dict[str, Path], name: str
) -> None:
    page = visit(pages[name], viewport={"width": 360, "height": 740}, folded=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert heads(page) == ["JAX compiled"]
    page.get_by_label("Setting").select_option(label="PyTorch eager" + " A" * (name == "two"))
    assert set(heads(page)) == {"PyTorch eager"}
    assert len(heads(page)) == (2 if name == "two" else 1)
    cell = page.locator(".cells [data-at^='gelu@torch']").last
    cell.click()
    assert page.get_by_role("dialog").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("name", ["normal", "two", "split", "empty"])
def test_the_closed_page_is_three_screens_high(
    visit: Visit, pages: dict[str, Path], name: str
) -> None:
    page = visit(pages[name], viewport={"width": 1400, "height": 900}, folded=True)
    assert page.evaluate("document.documentElement.scrollHeight") <= HEIGHT
    assert page.locator("details.section[open]").count() == 0
    summaries = page.locator("details.section > summary span").all_inner_texts()
    assert all(summaries)


def test_many_columns_scroll_beside_the_names(
    visit: Visit, runs: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    path.write_text(render(read([runs["normal"], runs["split"]])), encoding="utf-8")
    page = visit(path, viewport={"width": 1000, "height": 900}, folded=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1000
    assert len(heads(page)) == 9
    page.locator(".cells [data-at='gelu@torch-eager']").focus()
    name = page.locator(".cells th[scope=row]", has_text="gelu").first.bounding_box()
    assert name
    assert name["x"] >= 0


def test_a_link_opens_what_it_leads_to(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["split"], "#timings", folded=True)
    assert page.locator("[data-table=timings]").is_visible()
    assert page.locator("details.section[open]").count() == 1


def test_print_has_every_setting_on_paper(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["normal"], viewport={"width": 360, "height": 740}, folded=True)
    page.set_viewport_size({"width": 1040, "height": 720})
    page.emulate_media(media="print")
    assert len(heads(page)) == 7
    assert not page.locator(".switches").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1040
