"""The feed of published runs: JSON Feed 1.1, https://www.jsonfeed.org/version/1.1/."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from .runs import Listed, moment

VERSION = "https://jsonfeed.org/version/1.1"


def feed(listed: Iterable[Listed], base_url: str = "") -> dict[str, Any]:
    """The feed as a record ready for JSON, the newest run first.

    Addresses must be absolute: they need `base_url`, which ends in a slash.
    """
    newest = sorted(listed, key=lambda run: run.order, reverse=True)
    content: dict[str, Any] = {
        "version": VERSION,
        "title": "actbench: published runs",
        "description": "What an activation function costs, and how right it is: one item per run.",
        "language": "en",
        "items": [_item(run, base_url) for run in newest],
    }
    if base_url:
        content |= {"home_page_url": base_url, "feed_url": f"{base_url}feed.json"}
    return content


def _item(run: Listed, base_url: str) -> dict[str, Any]:
    """A run as an item, identified by its name: moving an address makes no new item."""
    versions = "; ".join(f"{name}: {words}" for name, words in run.versions)
    in_trends = f"Not in the trends: {run.excluded}." if run.excluded else "In the trends."
    lines = [
        run.verdict,
        f"{run.kind}, {run.facts.state}. {in_trends}",
        f"Machine: {run.machine.words}.",
        *([f"Versions: {versions}."] if versions else []),
    ]
    item: dict[str, Any] = {
        "id": run.name,
        "title": f"{run.name}: {run.kind}, {run.facts.state}",
        "summary": run.verdict,
        "content_text": "\n\n".join(lines),
        "tags": [run.kind, run.facts.state],
    }
    done = moment(run.facts.finished) or run.started
    item |= {"date_published": done.isoformat()} if done else {}
    return item | ({"url": f"{base_url}runs/{quote(run.page)}"} if base_url else {})
