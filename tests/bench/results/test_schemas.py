"""Schemas of what is written: those of the models, and true of published runs by another hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from actbench.bench.commands.schema import file_name, schema, text
from actbench.bench.commands.schemas import SCHEMAS
from actbench.bench.results import claims, store
from actbench.bench.results.claims import Claims, Figure, Judged, Topic, Verdict
from actbench.bench.results.files import lines
from actbench.bench.results.rows import Reader

ROOT = Path(__file__).resolve().parents[3]
RUNS = sorted((ROOT / "results/published").iterdir())
EVERY = 25
"""One record in so many is looked at, and the first ones of each kind."""


@cache
def _validator(name: str) -> Any:
    """The published schema."""
    published = json.loads((ROOT / "docs/schemas" / file_name(name)).read_text())
    Draft202012Validator.check_schema(published)
    return Draft202012Validator(published)


def _few(run: Path, name: str, kind: str) -> Iterator[dict[str, Any]]:
    """One line in some of a file of a run, and the first of each kind."""
    seen: set[tuple[str, frozenset[str]]] = set()
    for number, line in enumerate(lines(run / f"{name}.gz")):
        record = json.loads(line)
        like = (record[kind], frozenset(record))
        if number % EVERY == 0 or like not in seen:
            yield record
        seen.add(like)


def test_published_schemas_are_those_of_the_models() -> None:
    published = {path.name: path.read_text() for path in (ROOT / "docs/schemas").iterdir()}
    assert published == {file_name(name): text(name) for name in SCHEMAS}, (
        "actbench schema --out docs/schemas writes them anew"
    )


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_published_runs_are_as_the_schemas_say(run: Path) -> None:
    _validator("run").validate(json.loads((run / "run.json").read_text()))
    for record in _few(run, "rows.jsonl", "metric"):
        _validator("row").validate(record)
    for record in _few(run, "samples.jsonl", "kind"):
        _validator("sample").validate(record)


def test_claims_are_as_their_schema_says(tmp_path: Path) -> None:
    figure = Figure("the ratio", 1.5, 1.25, float("inf"), holds=None, at=float("nan"))
    judged = Judged("a-claim", Topic.COST, "It is so.", "1", "timed", Verdict.UNDECIDED, (figure,))
    path = claims.write(tmp_path, Claims("actbench claims", "2026-01-31", (judged,)))
    _validator("claims").validate(json.loads(path.read_text()))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("row", {"size": "many"}),
        ("row", {"status": "fine"}),
        ("row", {"value": "12"}),
        ("row", {"worst": {"input": "<script>"}}),
        ("row", {"cause": {"why": "because"}}),
        ("sample", {"kind": "time"}),
        ("sample", {"case": None}),
        ("run", {"state": "splendid"}),
        ("run", {"epochs": "two"}),
        ("run", {"workers": []}),
    ],
)
def test_what_no_run_writes_is_refused(name: str, changes: dict[str, Any]) -> None:
    records = {
        "row": lambda: next(_few(RUNS[-1], "rows.jsonl", "metric")),
        "sample": lambda: next(_few(RUNS[-1], "samples.jsonl", "kind")),
        "run": lambda: json.loads((RUNS[-1] / "run.json").read_text()),
    }
    record = records[name]()
    assert _validator(name).is_valid(record)
    assert not _validator(name).is_valid({**record, **changes})


_VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**50) | st.floats() | st.sampled_from(
        ["", "NaN", "ok", "0x1p+0", "nan", "numpy", "unit"]
    ),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["input", "got", "kind", "name", "why"]), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


@given(st.data())
def test_what_is_read_is_as_the_schema_says(data: st.DataObject) -> None:
    """Whatever stands in the fields of a row: what the door lets in, the schema allows."""
    record = dict(next(_few(RUNS[-1], "rows.jsonl", "metric")))
    names = sorted(SCHEMAS["row"].record["properties"])
    for name in data.draw(st.lists(st.sampled_from(names), max_size=3)):
        record[name] = data.draw(_VALUES)
    written = store.dump(record)
    try:
        Reader().row(written)
    except ValueError:
        return
    _validator("row").validate(json.loads(written))


def test_the_command_lists_prints_and_writes_them(tmp_path: Path) -> None:
    run = CliRunner().invoke
    listed = run(schema, []).output
    assert [line.split()[0] for line in listed.splitlines()] == [*SCHEMAS]
    assert run(schema, ["row"]).output == text("row")
    assert run(schema, ["--out", str(tmp_path / "new")]).exit_code == 0
    written = {path.name: path.read_text() for path in (tmp_path / "new").iterdir()}
    assert written == {file_name(name): text(name) for name in SCHEMAS}
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="cannot write"):
        run(schema, ["--out", str(tmp_path / "file")], catch_exceptions=False)
