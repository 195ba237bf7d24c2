"""Claims on the page, in a browser: chosen by verdict, kept in the address, by keyboard alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.results.claims import Topic

from ..claims import EVERY

pytestmark = pytest.mark.browser
Visit = Callable[..., Any]
COUNTS = Counter(claim.verdict.value for claim in EVERY.judged)


def _shown(page: Any) -> list[str]:
    """The verdicts of the cards that can be seen."""
    cards = page.locator("#claims .claim")
    return [card.get_attribute("data-verdict") for card in cards.all() if card.is_visible()]


def test_claims_of_a_verdict_are_chosen_by_keyboard(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["split"])
    assert _shown(page) == []
    button = page.get_by_role("button", name=f"Holds: {COUNTS['holds']}")
    button.focus()
    page.keyboard.press("Enter")
    assert _shown(page) == ["holds"] * COUNTS["holds"]
    assert button.get_attribute("aria-pressed") == "true"
    assert "claims.verdict=holds" in page.evaluate("location.hash")
    page.get_by_role("button", name=f"Fails: {COUNTS['fails']}").click()
    assert _shown(page) == ["fails"] * COUNTS["fails"]
    page.go_back()
    assert _shown(page) == ["holds"] * COUNTS["holds"]
    page.get_by_role("button", name="All", exact=True).click()
    assert sorted(_shown(page)) == sorted(
        claim.verdict.value for claim in EVERY.judged if claim.topic is not Topic.NETWORK
    )
    assert "verdict" not in page.evaluate("location.hash")


def test_the_figures_of_a_claim_are_a_table_once_it_is_opened(
    visit: Visit, pages: dict[str, Path]
) -> None:
    claim = EVERY.judged[1]
    page = visit(pages["split"], f"#claim-{claim.name}", folded=True)
    card = page.locator(f"#claim-{claim.name}")
    assert card.locator("table").count() == 0
    card.get_by_text(f"How it was tested, and {len(claim.figures)} figures").click()
    rows = card.get_by_role("region", name=f"Figures of {claim.name}").locator("tbody tr")
    rows.first.wait_for()
    assert rows.count() == len(claim.figures)
    assert rows.first.locator("td").all_inner_texts() == [
        "tanh over ReLU\nNumPy, eager", "0.800× (0.727–0.880)", "1.50×", "does not",
    ]  # fmt: skip
    assert f"actbench claims {claim.name}" in card.inner_text()


def test_an_address_opens_a_verdict_or_a_claim(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["split"], "#claims&claims.verdict=undecided", folded=True)
    assert _shown(page) == ["undecided"] * COUNTS["undecided"]
    page = visit(pages["split"], "#claim-it-fails", folded=True)
    assert page.locator("#claim-it-fails").is_visible()
    page = visit(pages["split"], "#claims&claims.verdict=nice")
    assert (
        page.get_by_role("button", name="All", exact=True).get_attribute("aria-pressed") == "true"
    )


def test_without_a_script_every_claim_can_be_opened(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["split"], folded=True, java_script_enabled=False)
    page.locator("#claims > summary").click()
    for topic in page.locator("#claims .topic > summary").all():
        topic.click()
    assert len(_shown(page)) == len(EVERY.judged)
    assert not page.locator(".verdicts").is_visible()


def test_what_is_open_is_printed(visit: Visit, pages: dict[str, Path]) -> None:
    page = visit(pages["split"], "#claims&claims.verdict=fails", folded=True)
    page.emulate_media(media="print")
    assert _shown(page) == ["fails"] * COUNTS["fails"]
    assert not page.locator(".verdicts").is_visible()
