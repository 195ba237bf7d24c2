"""The page as a file: whole, safe, small, and the same for the same rows."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.results.store import load
from actbench.report.page import render
from actbench.report.read.rows import read

VOID = {"meta", "link", "br", "input", "img", "path", "use"}


class Outline(HTMLParser):
    """Every tag with its attributes, and the text of the data element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""
        self._in_data = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_data = tag == "script" and dict(attrs).get("id") == "data"

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.data += data

    @property
    def unpacked(self) -> Any:
        """The data element's content."""
        return json.loads(gzip.decompress(base64.b64decode(self.data)))


def outline(path: Path) -> Outline:
    return Outline(path.read_text(encoding="utf-8"))


NAMES = ["normal", "failing", "single", "split", "empty", "hostile", "two"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_points_outside(pages: dict[str, Path], name: str) -> None:
    text = pages[name].read_text(encoding="utf-8")
    for tag, attributes in Outline(text).tags:
        for key in ("src", "href", "action", "data", "poster", "srcset", "xlink:href"):
            value = attributes.get(key) or ""
            assert value.startswith(("#", "data:")) or not value, (tag, key, value)
    assert "@import" not in text
    assert "url(http" not in text
    assert "://" not in text


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_unique_and_links_have_targets(pages: dict[str, Path], name: str) -> None:
    tags = outline(pages[name]).tags
    ids = [attributes["id"] for _, attributes in tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    links = [attributes.get("href") or "" for _, attributes in tags]
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)


@pytest.mark.parametrize("name", NAMES)
def test_headings_are_in_order_and_charts_have_a_text(pages: dict[str, Path], name: str) -> None:
    tags = outline(pages[name]).tags
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    images = [attributes for _, attributes in tags if attributes.get("role") == "img"]
    assert len(images) == sum(tag == "svg" for tag, _ in tags)
    assert all(attributes.get("aria-label") for attributes in images)


def test_a_split_page_has_every_kind_of_chart(pages: dict[str, Path]) -> None:
    text = pages["split"].read_text().split("<script")[0]
    behind = {name: text.split(f'id="{name}"')[1] for name in ("questions", "parts")}
    assert behind["questions"].split('id="parts"')[0].count("<svg") >= 3
    assert behind["parts"].split('id="exactness"')[0].count("<svg") == 2
    assert pages["normal"].read_text().count('<td class="h') > 100


def test_hostile_text_stays_text(pages: dict[str, Path], hostile_text: str) -> None:
    seen = outline(pages["hostile"])
    assert sum(tag == "script" for tag, _ in seen.tags) == 2
    assert not any(tag == "img" for tag, _ in seen.tags)
    assert not any(key.startswith("on") for _, attributes in seen.tags for key in attributes)
    tables = seen.unpacked["tables"]
    assert any(hostile_text in column.get("words", []) for column in tables["timings"]["columns"])


def test_the_data_hold_every_row(pages: dict[str, Path], runs: dict[str, Path]) -> None:
    tables = outline(pages["failing"]).unpacked["tables"]
    rows = load(runs["failing"]).rows
    ok = rows[rows.status == "ok"]
    assert len(tables["timings"]["rows"]) == sum(ok.metric == "time_per_call")
    assert len(tables["accuracy"]["rows"]) == sum(ok.metric == "max_ulp")
    lost = rows[rows.metric.isin(["time_per_call", "max_ulp"]) & (rows.status != "ok")]
    missing = tables["missing"]
    assert len(missing["rows"]) == len(lost)
    [reasons] = [column["words"] for column in missing["columns"] if column["key"] == "reason"]
    assert reasons == sorted(set(lost.reason))


def test_the_same_rows_give_the_same_page(runs: dict[str, Path], pages: dict[str, Path]) -> None:
    assert render(read([runs["split"]])) == pages["split"].read_text(encoding="utf-8")


def test_a_large_run_stays_small(runs: dict[str, Path], pages: dict[str, Path]) -> None:
    """At most 250 bytes per row, charts included: 2.1 MB for 8,400 rows."""
    assert pages["normal"].stat().st_size < 250 * len(load(runs["normal"]).rows)


def test_no_framework_is_imported() -> None:
    heavy = {*frameworks()} - {"numpy"}
    check = (
        "import sys, actbench.report.commands.page, actbench.report.page;"
        f"found = {heavy} & set(sys.modules); assert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
