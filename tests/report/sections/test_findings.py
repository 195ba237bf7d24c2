"""The page's section of findings: what it shows, how many, and what it says when there are none."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path

from actbench.bench.catalog.activations import CATALOG
from actbench.bench.catalog.cases import Case
from actbench.bench.exactness.findings import checked, findings
from actbench.bench.results.rows import Point, Row
from actbench.report.page import render
from actbench.report.read.rows import read
from actbench.report.sections.findings import content

MakeRun = Callable[..., Path]
GELU = Case("torch", "gelu", "native", "eager", "forward", "cpu", "float32", 5000, 1)
PLACE = Point("-0x1.6200000000000p+2", got=-1.5e-07, exact=-1e-07)


def rows_of(case: Case, ulp: float = 4e6) -> list[Row]:
    return [Row(case, "max_ulp", ulp, worst=PLACE)]


def shown(page: str) -> str:
    """The text of the section as it stands in the page."""
    section = re.search(r'<section id="findings".*?</section>', page, re.DOTALL)
    assert section
    return section[0]


def test_a_finding_opens_to_what_shows_it(make_run: MakeRun) -> None:
    path = make_run(rows_of(GELU))
    text = shown(render(read([path])))
    assert "native gelu, forward, float32, eager, is wrong by 50 %" in text
    [code] = re.findall(r"<pre[^>]*>(.*?)</pre>", text, re.DOTALL)
    assert unescape(code).splitlines()[1] == "def f(x): return functional.gelu(x)"
    assert f"actbench findings {path}" in unescape(text)
    assert "1 finding from 1 result:" in text


def test_none_and_not_measured_have_a_sentence(make_run: MakeRun) -> None:
    sound = shown(render(read([make_run(rows_of(GELU, 0.5), "sound")])))
    assert "none is above its bound" in sound
    empty = shown(render(read([make_run([], "empty")])))
    assert "Exactness was not measured in this run" in empty
    for text in (sound, empty):
        assert "<li>" not in text
        assert "bench findings" not in text


def test_at_most_forty_and_the_others_are_counted(make_run: MakeRun) -> None:
    cases = [
        replace(GELU, activation=name, form=form, framework=framework)
        for name in CATALOG
        for form in ("native", "textbook", "wide")
        for framework in ("torch", "jax")
    ]
    evidence = read([make_run([row for case in cases for row in rows_of(case)])])
    groups = content(evidence)["groups"]
    assert sum(len(group.shown) for group in groups) <= 40
    total = sum(len(group.shown) + group.rest for group in groups)
    [run] = evidence.runs.values()
    assert total == len(findings(run))
    assert checked(run) == len(cases)
    assert f"And {groups[0].rest} more of this kind." in shown(render(evidence))


def test_several_runs_share_the_room_and_name_themselves(make_run: MakeRun) -> None:
    paths = [make_run(rows_of(GELU), name) for name in ("one", "two")]
    shown_on_page = content(read(paths))
    [group] = shown_on_page["groups"]
    assert [name for name, _ in group.shown] == ["one", "two"]
    assert [verdict.split(":")[0] for verdict in shown_on_page["verdicts"]] == [
        "Run one",
        "Run two",
    ]
    assert len(shown_on_page["commands"]) == 2


def test_strange_names_stay_text(make_run: MakeRun) -> None:
    strange = "<script>alert(1)</script>"
    text = shown(render(read([make_run(rows_of(replace(GELU, activation=strange)))])))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "<pre" not in text
