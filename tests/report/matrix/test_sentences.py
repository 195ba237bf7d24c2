"""The answer in words: short, and every number recomputed from the data in the page."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Row, described
from actbench.report.page import render, spoken
from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read
from actbench.report.words import title

from ..conftest import CLASSES, normal_rows, plain_form, timing_rows
from ..sentences import is_short

MakeRun = Callable[..., Path]
PLACES = {
    "in cache": "l2",
    "from memory": "memory",
    "in the last-level cache": "memory",  # where a machine's copy does not see it end
    "from memory, into fresh pages": "memory",
    "one tiny call": "launch",
}
NAMES = {"GELU": "gelu", "Squareplus": "squareplus", "SiLU": "silu", "leaky ReLU": "leaky_relu"}
NUMBER = r"\d[\d,.]*"
CLAUSE = re.compile(
    rf"(?P<name>[\w ]+?)(?: costs?)? (?:(?P<least>{NUMBER})(?:–(?P<most>{NUMBER}))?(?: ReLUs)?"
    r"|(?P<same>what ReLU costs))(?: in (?P<whose>.+))?"
)
COMMON = re.compile(r"(?:[Cc]ompiled|[Ee]ager) ([A-Z]\w+(?:, [A-Z]\w+)*(?: and [A-Z]\w+)?)")
"""Frameworks that stand with the mode: those of every clause."""
FEW = ("relu", "leaky_relu", "gelu", "silu", "squareplus")


def embedded(page: str) -> dict[str, Any]:
    """The cells' drawers, as the page carries them for its script."""
    packed = re.search(r'id="data">([^<]*)<', page)
    assert packed
    data = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    drawers: dict[str, Any] = data["matrix"]["drawers"]
    return drawers


def said(page: str) -> list[str]:
    """The sentences of a page."""
    answer = page.split('<ul class="answer">')[1].split("</ul>")[0]
    return re.findall(r"<li>(.*?)</li>", answer)


def costs(
    drawers: dict[str, Any], name: str, mode: str, direction: str, size: int, run: str
) -> dict[str, list[float]]:
    """The cost and its ends by framework, of plain forms with fresh outputs on one thread."""
    found = {}
    for key, drawer in drawers.items():
        at, of_direction, dtype = key.split("|")
        activation, _, setting = at.partition("@")
        framework, of_mode, *number = setting.split("-")
        same = (activation, of_mode, of_direction) == (name, mode, direction)
        if same and dtype == "float32" and number == ([run] if run else []):
            for elements, _, cost, _, setup, _, plain in drawer.get("times", []):
                if elements == size and setup == "1 thread" and cost and plain:
                    found[framework] = cost
    return found


def decided(cost: list[float]) -> str:
    """The verdict of an interval: `same` within 5 %, `differs`, or empty, as beyond ±15 %."""
    value, low, high = cost
    if high - low > 0.3 * value:
        return ""
    if low >= 0.95 and high <= 1.05:
        return "same"
    return "" if low <= 1 <= high else "differs"


def shows(text: str, value: float) -> bool:
    """True if a text is a value, rounded to the digits that it has."""
    decimals = len(text.partition(".")[2])
    return abs(float(text.replace(",", "")) - value) <= 0.5001 * 10**-decimals + value * 1e-3


def check(sentence: str, drawers: dict[str, Any], classes: dict[str, int], runs: int = 1) -> int:
    """Recompute a sentence; the number of its clauses."""
    lead, _, rest = sentence.rstrip(".").partition(": ")
    place = next(words for words in PLACES if lead.lower().endswith(words))
    words = lead[: -len(place)].strip(", ").lower()
    mode = "compiled" if "compiled" in words else "eager"
    direction = "backward" if "backward" in words else "forward"
    number = {"": "", "a": "", "b": "1"}[words.partition("run ")[2][:1]]
    assert bool("run " in words) == (runs > 1)
    where = (mode, direction, classes[PLACES[place]], number)
    shown = costs(drawers, "relu", *where)
    common = COMMON.search(lead)
    clauses = re.split(r", (?=[A-Za-z ]+ (?:costs )?(?:\d|what))", rest)
    for clause in clauses:
        found = CLAUSE.fullmatch(clause)
        assert found, clause
        names = [NAMES[name] for name in found["name"].split(" and ")]
        alike = [costs(drawers, name, *where).items() for name in names]
        assert len(names) == 1 or found["same"]
        kept = {name: cost for every in alike for name, cost in every if decided(cost)}
        assert kept
        listed = common[1] if common else found["whose"]
        whose = set(re.split(r", | and ", listed)) if listed else set()
        assert whose == ({title(name) for name in kept} if len(kept) < len(shown) else set())
        if found["same"]:
            assert {decided(cost) for cost in kept.values()} == {"same"}
            continue
        assert {decided(cost) for cost in kept.values()} != {"same"}
        values = [cost[0] for cost in kept.values()]
        assert shows(found["least"], min(values))
        assert shows(found["most"] or found["least"], max(values))
    return len(clauses)


def short(sentences: Iterable[str]) -> bool:
    """True for at most three sentences of at most 25 words and two numbers; a range is one."""
    every = list(sentences)
    numbers = [re.findall(rf"(?<![\w.]){NUMBER}(?:–{NUMBER})?(?!\w)", text) for text in every]
    return (
        1 <= len(every) <= 3
        and all(len(text.split()) <= 25 for text in every)
        and all(len(found) <= 2 for found in numbers)
    )


def few(
    rows: Iterable[Row],
    names: tuple[str, ...] = FEW,
    wanted: Callable[[Case], bool] = lambda _: True,
) -> list[Row]:
    """The rows of some activations and cases."""
    return [row for row in rows if row.case.activation in names and wanted(row.case)]


ROWS = few(normal_rows(sizes=(64, 65536, 2**23)))


@pytest.mark.parametrize(
    "rows",
    [
        ROWS,
        few(ROWS, wanted=lambda case: case.framework == "torch"),
        few(ROWS, ("relu", "gelu", "squareplus")),
        few(ROWS, ("relu", "leaky_relu", "gelu")),
        few(ROWS, ("relu", "leaky_relu")),
        few(ROWS, wanted=lambda case: case.direction == "backward"),
        few(ROWS, wanted=lambda case: case.size in (65536, 5000)),
        few(ROWS, wanted=lambda case: case.size in (64, 5000)),
        few(ROWS, wanted=lambda case: case.mode == "eager"),
    ],
    ids=[
        "all",
        "torch",
        "three",
        "no-algebra",
        "max-alone",
        "backward",
        "cache",
        "launch",
        "eager",
    ],
)
def test_any_run_has_short_sentences_that_its_page_bears_out(
    make_run: MakeRun, rows: list[Row]
) -> None:
    page = render(read([make_run(rows)]))
    sentences = said(page)
    assert short(sentences)
    assert sum(check(sentence, embedded(page), CLASSES) for sentence in sentences) >= 2


def test_sentences_of_a_gpu_name_it(make_run: MakeRun) -> None:
    rows = [replace(row, case=replace(row.case, device="cuda")) for row in ROWS]
    page = render(read([make_run(rows)]))
    sentences = said(page)
    assert short(sentences)
    assert all(sentence.startswith("On cuda, ") for sentence in sentences)
    assert sum(check(sentence, embedded(page), CLASSES) for sentence in sentences) >= 2


def test_two_runs_are_named_and_take_turns(make_run: MakeRun) -> None:
    other = few(normal_rows(seed=3, sizes=(64, 65536)))
    page = render(read([make_run(ROWS, "one"), make_run(other, "two")]))
    sentences = said(page)
    assert short(sentences)
    assert [sentence.split(",")[0] for sentence in sentences] == ["Run A", "Run B", "Run A"]
    assert sum(check(sentence, embedded(page), CLASSES, 2) for sentence in sentences) >= 3


def test_sentences_of_the_published_run(published: Evidence) -> None:
    page = render(published)
    [run] = published.runs.values()
    assert short(said(page))
    assert spoken(published) == said(page)
    classes = run.facts.size_classes["cpu"]
    assert sum(check(sentence, embedded(page), classes) for sentence in said(page)) >= 3


def planted(name: str, low: float, high: float, **where: Any) -> list[Row]:
    """A case with the ends of its cost; relu has 1."""
    fields = {"framework": "torch", "mode": "eager", "size": 65536, "direction": "forward", **where}
    form = plain_form(fields["framework"], name)
    case = Case(activation=name, form=form, device="cpu", dtype="float32", threads=1, **fields)
    value = (low * high) ** 0.5
    time = Row(case, "time_per_call", value * 1000, low * 1000, high * 1000)
    return [time, Row(case, "relative_cost", value, low, high)]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (1.96, 2.04, "Squareplus costs 2.0 ReLUs."),
        (0.5, 0.6, "Squareplus costs 0.55 ReLUs."),
        (0.96, 1.04, "Squareplus costs what ReLU costs."),
        (1.02, 1.06, "Squareplus costs 1.04 ReLUs."),
        (22, 24, "Squareplus costs 23 ReLUs."),
    ],
)
def test_a_decided_cost_is_said(make_run: MakeRun, low: float, high: float, words: str) -> None:
    rows = [*planted("relu", 1, 1), *planted("squareplus", low, high)]
    assert spoken(read([make_run(rows)])) == [f"PyTorch eager, in cache: {words}"]


@pytest.mark.parametrize(("low", "high"), [(0.9, 1.2), (1.0, 1.2), (0.5, 1.0)])
def test_what_is_not_decided_is_in_no_sentence(make_run: MakeRun, low: float, high: float) -> None:
    rows = [*planted("relu", 1, 1), *planted("squareplus", low, high), *planted("gelu", 2, 2.1)]
    assert spoken(read([make_run(rows)])) == ["PyTorch eager, in cache: GELU costs 2.0 ReLUs."]
    alone = spoken(read([make_run(rows[:4], "alone")]))
    assert alone == ["No cost is distinguished from that of ReLU: the intervals are too wide."]


def test_a_range_is_over_frameworks_and_names_them_where_some_are_undecided(
    make_run: MakeRun,
) -> None:
    rows = [row for name in ("torch", "jax") for row in planted("relu", 1, 1, framework=name)]
    rows += planted("gelu", 2, 2.2) + planted("gelu", 3, 3.2, framework="jax")
    rows += planted("squareplus", 0.8, 1.3) + planted("squareplus", 1.4, 1.6, framework="jax")
    sentence = "Eager, in cache: Squareplus costs 1.5 ReLUs in JAX, GELU 2.1–3.1."
    assert spoken(read([make_run(rows)])) == [sentence]


def test_frameworks_that_every_clause_names_stand_with_the_mode(make_run: MakeRun) -> None:
    rows = [row for name in ("torch", "jax") for row in planted("relu", 1, 1, framework=name)]
    rows += planted("gelu", 2, 2.2) + planted("gelu", 3, 3.2, framework="jax")
    rows += planted("squareplus", 1.2, 1.3) + planted("squareplus", 1.4, 1.6, framework="jax")
    sentence = "Eager JAX and PyTorch, in cache: Squareplus costs 1.2–1.5 ReLUs, GELU 2.1–3.1."
    assert spoken(read([make_run(rows)])) == [sentence.replace(" JAX and PyTorch", "")]
    rows += planted("relu", 1, 1, framework="tensorflow")
    rows += planted("gelu", 0.5, 2, framework="tensorflow")
    assert spoken(read([make_run(rows, "with another")])) == [sentence]


def test_two_that_cost_what_relu_costs_share_a_clause(make_run: MakeRun) -> None:
    rows = planted("relu", 1, 1) + planted("gelu", 0.97, 1.03) + planted("squareplus", 0.98, 1.01)
    words = "PyTorch eager, in cache: Squareplus and GELU cost what ReLU costs."
    assert spoken(read([make_run(rows)])) == [words]


def test_without_times_the_page_says_so_and_how_to_measure(make_run: MakeRun) -> None:
    exact = [Row(planted("gelu", 1, 2)[0].case, "max_ulp", ulp) for ulp in (2e6,)]
    page = render(read([make_run(exact)]))
    words = "Nothing was timed; 1 of 1 form checked strays by more than a thousand ulp."
    assert said(page) == [words]
    assert "Measure it: <code>actbench run</code>" in page
    nothing = render(read([make_run([], "nothing")]))
    assert said(nothing) == ["Nothing was timed."]
    assert '<table class="cells">' not in nothing


def test_without_relu_times_stand_alone(make_run: MakeRun) -> None:
    bare = [planted("gelu", 2, 2)[0]]
    [sentence] = spoken(read([make_run(bare)]))
    words = "PyTorch eager, in cache: GELU takes 2.00 µs per call; no ReLU was timed beside it."
    assert sentence == words


def test_what_is_unusual_of_an_input_is_said(make_run: MakeRun) -> None:
    """After the usual one, and with fewer numbers where it has one itself."""
    rows: list[Row] = []
    for where in ({}, {"input": "subnormal"}, {"row": 257}):
        for name, ns in (("relu", 5.0), ("gelu", 20.0), ("squareplus", 10.0)):
            form = plain_form("torch", name)
            fields = ("eager", "forward", "cpu", "float32", CLASSES["l2"], 1)
            case = replace(Case("torch", name, form, *fields), **where)  # type: ignore[arg-type]
            rows += timing_rows(case, ns, 0.01, 5.0)
    sentences = spoken(read([make_run(list(described(rows)))]))
    assert all(map(is_short, sentences))
    assert sentences[0].startswith("PyTorch eager, in cache: Squareplus costs 2.0 ReLUs, GELU 4.0")
    assert {text.partition(":")[0] for text in sentences} == {
        "PyTorch eager, in cache",
        "PyTorch eager, in cache, inputs subnormal",
        "PyTorch eager, in cache, rows of 257",
    }
