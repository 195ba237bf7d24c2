"""Comparisons in words: names of cases, counts of kinds, tables."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog.cases import Case
from actbench.bench.catalog.places import Outputs, Place, Where
from actbench.bench.words import (
    Table,
    changed,
    conditions,
    counted,
    escaped,
    finite,
    named,
    place_words,
    tally,
    title,
)

_CASE = Case("torch", "gelu", "native", "eager", "forward", "cpu", "float32", 4096, 1)
_CELLS = st.lists(st.lists(st.text(max_size=6), min_size=3, max_size=3), min_size=1, max_size=5)


def test_a_case_is_named_with_what_is_unusual_of_it() -> None:
    assert named(_CASE) == "PyTorch gelu native, eager, forward, float32, 4,096 elements"
    unusual = replace(_CASE, device="cuda", threads=2, output="reused", cache="cold")
    assert named(unusual, "inputs") == (
        "PyTorch gelu native, eager, forward, float32, 4,096 inputs, cuda, 2 threads, "
        "output reused, cache cold"
    )
    assert named(replace(_CASE, size=0)).endswith("forward, float32")


def test_a_place_is_named_by_what_it_is() -> None:
    words = [place_words(Place(where)) for where in Where]
    assert words == ["one tiny call", "in cache", "in the last-level cache", "from memory"]
    fresh = Place(Where.MEMORY, Outputs.FRESH_PAGES)
    assert place_words(fresh) == "from memory, into fresh pages"


def test_some_fields_of_a_case_are_its_conditions() -> None:
    assert conditions({"direction": "forward", "size": 64, "threads": 1}) == "forward, 64 elements"
    assert conditions({}) == ""


def test_a_framework_that_is_not_here_goes_by_its_name() -> None:
    assert (title("jax"), title("caffe")) == ("JAX", "caffe")


def test_kinds_are_counted_in_an_order() -> None:
    kinds = ["same"] * 1000 + ["slower"]
    assert tally(kinds, ("slower", "faster", "same")) == "1 slower, 1,000 same"
    assert tally([], ("slower",)) == ""
    assert [counted(number, "case") for number in (0, 1, 1234)] == [
        "0 cases",
        "1 case",
        "1,234 cases",
    ]


@given(rows=_CELLS)
def test_a_table_in_markdown_has_its_cells_whatever_they_say(rows: list[list[str]]) -> None:
    lines = Table(("one", "two", "three"), rows).markdown()
    assert lines[:2] == ["| one | two | three |", "| --- | --- | --- |"]
    assert len(lines) == len(rows) + 2
    for line in lines:
        assert line.replace("\\\\", "").replace("\\|", "").count("|") == 4
        assert len(line.splitlines()) == 1


def test_a_table_on_a_terminal_is_aligned_and_may_have_no_head() -> None:
    table = Table(("a", "b"), [("long", "x"), ("s", "")])
    assert table.text() == ["a     b", "long  x", "s"]
    assert table.text(head=False) == ["long  x", "s"]
    assert Table(("a",), []).markdown() == []


@given(st.text())
def test_escaped_text_says_the_same_on_one_line(text: str) -> None:
    line = escaped(text)
    assert len(line.splitlines()) <= 1
    bare = line.replace("\\\\", "\0").replace("\\", "").replace("\0", "\\")
    assert bare == " ".join(text.replace("\0", "\\").split()) or "\0" in text


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_number_for_is_null(number: float) -> None:
    record = {"a": [1.5, number], "b": {"c": (number,)}, "d": "text"}
    stored = json.loads(json.dumps(finite(record)), parse_constant=pytest.fail)
    assert stored == {"a": [1.5, None], "b": {"c": [None]}, "d": "text"}


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (0.5, 0.81249, "0.5 → 0.812"),
        (0.500123, 0.500124, "0.500123 → 0.500124"),
        (0.0, 12345.0, "0 → 12,345"),
        (1.5, math.inf, "1.5 → inf"),
        (0.1, 0.1, "0.1 → 0.1"),
    ],
)
def test_a_change_has_the_digits_that_show_it(old: float, new: float, text: str) -> None:
    assert changed(old, new) == text
