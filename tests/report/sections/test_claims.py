"""Claims of the literature on the page: what each card says, recomputed from claims.json."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from actbench.bench.host.errors import StoreError
from actbench.bench.results.claims import Claims, Figure, write
from actbench.report import sections
from actbench.report.page import environment
from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read
from actbench.report.sections import claims as section
from actbench.report.words import number, title

from ...claims import COST, COUNT, EVERY, any_claims, judged
from ..conftest import PUBLISHED

MakeRun = Callable[..., Path]
NO_ROWS = Evidence({}, [], [], [], [], [])
TEMPLATE = environment(sections.__path__).get_template("claims.html.j2")


def _cards(evidence: Evidence) -> Iterator[section.Card]:
    content = section.content(evidence)
    assert content
    for _, _, cards in content["topics"]:
        yield from cards


def _of(claims: Claims) -> Evidence:
    return replace(NO_ROWS, claims={"run": claims})


def _records(folder: Path) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads((folder / "claims.json").read_text())["judged"]
    return records


def _with_claims() -> list[Path]:
    """The published runs that have claims."""
    return [path.parent for path in PUBLISHED.glob("*/claims.json")]


@pytest.fixture(params=["planted", *[path.name for path in _with_claims()]])
def run(request: pytest.FixtureRequest, make_run: MakeRun) -> Path:
    """A run with claims: one of every kind, or a published one."""
    if request.param != "planted":
        return PUBLISHED / request.param
    folder = make_run([])
    write(folder, EVERY)
    return folder


def test_the_line_counts_the_verdicts_of_the_file(run: Path) -> None:
    evidence, records = read([run]), _records(run)
    counts = Counter(record["verdict"] for record in records)
    line = section.SUMMARY(evidence)
    assert line.startswith(f"Of {len(records)} claims of the literature ")
    said = [int(text) for text in re.findall(r"\d+", line)[1:]]
    assert said == [
        counts[verdict]
        for verdict in ("holds", "holds within limits", "fails", "undecided")
        if counts[verdict]
    ]
    content = section.content(evidence)
    assert content
    assert {verdict: count for verdict, _, count in content["verdicts"]} == counts


def test_every_claim_has_a_card_with_its_figures(run: Path) -> None:
    evidence = read([run])
    by_name = {card.claim.name: card for card in _cards(evidence)}
    tables = section.tables(evidence)
    for record in _records(run):
        assert by_name.pop(record["name"]).verdict.lower() == record["verdict"]
        _, *rows = tables.get(record["name"], [[]])
        assert Counter(row[0] for row in rows) == Counter(f["name"] for f in record["figures"])
        shown = Counter(row[-1] for row in rows)
        holds = [figure["holds"] for figure in record["figures"] if figure["decides"]]
        assert (shown["holds"], shown["does not"]) == (holds.count(True), holds.count(False))
        assert shown["informs"] == len(record["figures"]) - len(holds)
    assert not by_name


def test_a_line_per_framework_says_how_far_its_figures_reach(run: Path) -> None:
    by_name = {card.claim.name: card for card in _cards(read([run]))}
    for record in _records(run):
        lines = by_name[record["name"]].lines
        frameworks = list(dict.fromkeys(figure["framework"] for figure in record["figures"]))
        assert [line.who for line in lines] == [name and title(name) for name in frameworks]
        for framework, line in zip(frameworks, lines, strict=True):
            alike = [figure for figure in record["figures"] if figure["framework"] == framework]
            holds = [figure["holds"] for figure in alike if figure["decides"]]
            text = re.sub("both|neither", "2", line.evidence)
            counts = [holds.count(True), holds.count(False), holds.count(None)]
            assert [*map(int, re.findall(r"\d+", text))] == [count for count in counts if count]
            for clause in line.figures.split("; "):
                _check_reach(clause, alike)


def _check_reach(clause: str, figures: list[dict[str, Any]]) -> None:
    """A clause has the smallest and the largest figure of its name."""
    values = [figure["value"] for figure in figures if clause.startswith(f"{figure['name']}: ")]
    ratios = any(figure["unit"] == "ratio" for figure in figures)
    if ratios and "NaN" not in values and values:
        assert f": {number(min(values))}" in clause
        assert number(max(values)) in clause
    else:
        assert values or clause.startswith("and ")


def test_the_counter_example_is_a_figure_that_does_not_hold(run: Path) -> None:
    for card in _cards(read([run])):
        if card.against:
            against = card.claim.counter_example
            assert against
            assert against.holds is False
            assert card.against.startswith(f"{against.name}: ")
        elif len(card.claim.figures) > 1:
            assert all(figure.holds is not False for figure in card.claim.deciding)


def test_what_fails_is_first_in_a_topic(run: Path) -> None:
    content = section.content(read([run]))
    assert content
    for _, _, cards in content["topics"]:
        order = [list(section.words.CUES).index(card.claim.verdict) for card in cards]
        assert order == sorted(order)


def test_without_claims_there_is_no_section(evidence: dict[str, Evidence]) -> None:
    assert section.content(evidence["normal"]) is None


def test_malformed_claims_are_refused(make_run: MakeRun) -> None:
    folder = make_run([])
    (folder / "claims.json").write_text('{"judged": 3}')
    with pytest.raises(StoreError, match=r"claims\.json is malformed"):
        read([folder])


def test_the_last_run_is_shown_and_an_earlier_verdict_named(make_run: MakeRun) -> None:
    before, after = (make_run([], name=name) for name in ("before", "after"))
    mended = judged("it-fails", replace(COUNT, holds=True), topic=EVERY.judged[2].topic)
    write(before, EVERY)
    write(after, replace(EVERY, judged=(EVERY.judged[0], mended)))
    evidence = read([before, after])
    cards = {card.claim.name: card for card in _cards(evidence)}
    assert [*cards] == ["it-holds", "it-fails"]
    assert cards["it-fails"].elsewhere == ["Run A: fails."]
    assert cards["it-holds"].elsewhere == []
    content = section.content(evidence)
    assert content
    assert content["of_run"] == "Verdicts of run B, after."


def _drawn(*figures: Figure) -> bool:
    [card] = _cards(_of(replace(EVERY, judged=(judged("it", *figures),))))
    return card.picture is not None


def test_a_picture_is_of_several_ratios_in_several_settings() -> None:
    settings = [replace(COST, mode=mode) for mode in ("eager", "compiled", "other")]
    assert _drawn(*settings)
    assert not _drawn(*settings[:2])
    assert not _drawn(*[COST] * 3)
    assert not _drawn(*settings, replace(COUNT, holds=True))
    assert not _drawn(*settings, replace(COST, low=-1.0, value=0.0))
    assert not _drawn(*settings * 10)
    assert not _drawn(*settings, replace(COST, unit="ms"))


def test_a_picture_says_its_figures_and_the_number_of_the_source() -> None:
    figures = [replace(COST, mode=mode) for mode in ("eager", "compiled", "other")]
    [card] = _cards(_of(replace(EVERY, judged=(judged("it", *figures),))))
    assert card.picture
    assert "PyTorch compiled:  1.20× (1.10–1.30)" in card.picture.label
    assert card.picture.svg.count("stroke-dasharray") == 1
    assert ">as said<" in card.picture.svg


def test_figures_of_one_setting_are_distinguished_in_the_picture() -> None:
    both = [replace(COST, direction=direction) for direction in ("forward", "backward")]
    figures = [replace(figure, mode=mode, said=None) for mode in ("eager", "") for figure in both]
    [card] = _cards(_of(replace(EVERY, judged=(judged("it", *figures),))))
    assert card.picture
    assert "PyTorch eager: forward 1.20× (1.10–1.30), backward 1.20×" in card.picture.label
    assert ">equal<" in card.picture.svg


def test_a_command_in_a_reason_is_shown_as_one() -> None:
    reason = "it lacks cases: `actbench run` adds them"
    content = section.content(_of(replace(EVERY, judged=(judged("it", reason=reason),))))
    assert content
    assert "it lacks cases: <code>actbench run</code> adds them." in TEMPLATE.render(content)


@settings(max_examples=15)
@given(any_claims())
def test_whatever_the_types_allow_can_be_shown(claims: Claims) -> None:
    content = section.content(_of(claims))
    assert content
    text = TEMPLATE.render(content)
    assert text.count('<article class="claim"') == len(claims.judged)
    assert all(f'id="claim-{claim.name}"' in text for claim in claims.judged)
    assert text.count("<details") == text.count("</details>")
