"""Sentences of the published run, recomputed from the rows that its page carries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from actbench.report import modules, questions
from actbench.report.compare.values import brief
from actbench.report.questions.question import answer
from actbench.report.read.evidence import Evidence
from actbench.report.tables.tables import all_tables
from actbench.report.words import spelled, title

from ..conftest import plain_form
from ..sentences import is_short

NAMES = ("relu", "gelu", "gelu_tanh", "silu", "softplus", "squareplus", "elu")
SPELLED = {spelled(name): name for name in NAMES}
FRAMEWORKS = {title(name): name for name in ("numpy", "torch", "jax", "tensorflow")}
CLASSES = {
    "one tiny call": "launch",
    "in cache": "l2",
    "from memory": "memory",
    "in the last-level cache": "memory",
}
TOP: Mapping[str, Mapping[str, str]] = {
    "backward": {"direction": "backward"},
    "bfloat16": {"dtype": "bfloat16"},
    "wide": {"form": "wide"},
}
"""The fields that a question changes in the case above, if not the plain value in float32."""
OVER: Mapping[str, Mapping[str, str]] = {
    "compiling": {"mode": "eager"},
    "backward": {"direction": "forward"},
    "bfloat16": {"dtype": "float32"},
    "memory": {"activation": "copy"},
    "squareplus": {"activation": "squareplus"},
    "tanh": {"activation": "gelu"},
    "wide": {"form": ""},
}
"""The fields of the case below in their place."""
Rows = list[dict[str, Any]]
_RANGE = r"([\d.,]+)(?:–([\d.,]+))?(?: ns| µs|×)"
MODULES = {module.__name__.rpartition(".")[2]: module for module in modules(questions)}


def records(table: Mapping[str, Any]) -> Rows:
    """The rows of a table as its script reads them."""
    columns = table["columns"]
    return [
        {
            column["key"]: column["words"][cell] if "words" in column else cell
            for column, cell in zip(columns, row, strict=True)
        }
        for row in table["rows"]
    ]


def found(rows: Rows, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The only row with these fields, in the plain form where none is asked for."""
    usual = {"direction": "forward", "dtype": "float32", "output": "fresh", "input": ""}
    wanted = {**usual, **fields}
    if not wanted.get("form"):
        wanted["form"] = plain_form(FRAMEWORKS[wanted["framework"]], wanted["activation"])
    [row] = [row for row in rows if all(row.get(key, of) == of for key, of in wanted.items())]
    return row


def figure(question: str, tables: Mapping[str, Rows], fields: Mapping[str, Any]) -> float:
    """The figure of a question from the rows of the page."""
    if question == "exp":
        row = found(tables["parts"], {k: of for k, of in fields.items() if k != "size"})
        return row["slope"][0] if row.get("slope") else row["arithmetic"][0] + row["floor"][0]
    rows = tables["timings"]
    top = found(rows, {**fields, **TOP.get(question, {})})
    if question == "call":
        return float(top["call"][0]) / 1000
    bottom = found(rows, {**fields, **TOP.get(question, {}), **OVER[question]})
    same = all(top[key] == bottom[key] for key in ("mode", "direction", "dtype"))
    paired = same and top.get("cost") and bottom.get("cost")
    metric = "cost" if paired else "call"
    return float(top[metric][0]) / float(bottom[metric][0])


def assert_turns(text: str, rows: Rows, size: int) -> None:
    """A sentence of two activations that change places has their ratio on both inputs."""
    pattern = r"(\w+) (\w+), in cache, (inputs \w+): (.+) takes (.+)× (.+)’s time, usually (.+)×\."
    said = re.fullmatch(pattern, text)
    assert said
    who, mode, kind, one, there, other, usually = said.groups()
    for where, shown in ((kind, there), ("", usually)):
        where_fields = {"framework": who, "mode": mode, "size": size, "input": where}
        top, bottom = (
            found(rows, {**where_fields, "activation": SPELLED[name]}) for name in (one, other)
        )
        assert brief(float(top["cost"][0]) / float(bottom["cost"][0])) == shown


_WITHOUT_FIGURES = (
    "Nothing is decided: the chart shows the intervals.",
    "Not measured in this run.",
)


@pytest.mark.parametrize("question", list(MODULES))
def test_the_ranges_are_those_of_the_rows(published: Evidence, question: str) -> None:
    tables = {name: records(table) for name, table in all_tables(published).items()}
    [run] = published.runs.values()
    sentences = answer(MODULES[question].QUESTION, published).sentences
    assert all(map(is_short, sentences))
    for text in sentences:
        if text in _WITHOUT_FIGURES or "change places" in text:
            continue
        if question == "inputs":
            assert_turns(text, tables["timings"], run.facts.size_classes["cpu"]["l2"])
            continue
        lead, rest = text.split(": ")
        mode, place, *_ = lead.lower().split(", ")
        frameworks = re.split(r", | and ", rest[rest.rindex("(") + 1 : rest.rindex(")")])
        size = run.facts.size_classes["cpu"][CLASSES[place]]
        clauses = re.findall(
            rf"({'|'.join(sorted(SPELLED, key=len, reverse=True))})(?: takes)? {_RANGE}", rest
        )
        assert clauses
        assert len(clauses) == len(re.findall(_RANGE, rest))
        for name, low, high in clauses:
            fields = {"activation": SPELLED[name], "mode": mode, "size": size}
            figures = [
                figure(question, tables, {**fields, "framework": framework})
                for framework in frameworks
            ]
            assert {low, high or low} == {brief(min(figures)), brief(max(figures))}, text
