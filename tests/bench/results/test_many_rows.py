"""Runs of very many rows: written one by one, or refused in a sentence before memory is full."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import pytest

from actbench import __main__
from actbench.bench.host.errors import StoreError
from actbench.bench.results import export, store
from actbench.bench.results.rows import Row
from tools.many_rows import write

MIB = 2**20
ROWS = 2_500


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("many") / "run", ROWS)


@pytest.mark.parametrize("form", ["json", "csv"])
def test_each_row_is_written_before_the_next_is_taken(run: Path, form: str) -> None:
    stream = io.StringIO()
    written: list[int] = []

    def rows() -> Iterator[Row]:
        for row in islice(store.each_row(run), 20):
            yield row
            written.append(len(stream.getvalue()))

    export.write(rows(), form, stream)
    assert len(written) == 20
    assert all(after > before + 100 for before, after in pairwise(written))


def test_rows_are_read_one_by_one(run: Path, tmp_path: Path) -> None:
    lines = (run / "rows.jsonl").read_text().splitlines()[:2]
    (tmp_path / "rows.jsonl").write_text("\n".join([*lines, "nonsense"]))
    rows = store.each_row(tmp_path)
    assert [next(rows).metric, next(rows).metric] == [json.loads(line)["metric"] for line in lines]
    with pytest.raises(StoreError, match="line 3"):
        next(rows)


def test_csv_has_the_columns_of_every_row(run: Path) -> None:
    stream = io.StringIO(newline="")
    records = list(islice(store.each_row(run), 300))
    export.write(records, "csv", stream)
    stream.seek(0)
    lines = list(csv.DictReader(stream))
    expected = [row.as_columns() for row in export.with_derived(records)]
    assert len(lines) == len(expected) > 300
    for line, columns in zip(lines, expected, strict=True):
        assert line == {k: "" if v is None else str(v) for k, v in columns.items()}


def test_json_without_rows_is_an_empty_list() -> None:
    stream = io.StringIO()
    export.write([], "json", stream)
    assert json.loads(stream.getvalue()) == []


def test_more_rows_than_memory_holds_are_a_sentence_and_are_exported(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(store.limits, "available_memory", lambda: 4 * MIB)
    sentence = f"{run} has 2,500 rows, which take 0.00477 GiB of memory, and 0.00391 GiB are free"
    with pytest.raises(StoreError, match=sentence):
        store.load(run)
    assert __main__.main(["report", str(run), "--out", str(tmp_path / "page.html")]) == 4
    assert "--format csv writes them one by one" in capsys.readouterr().err
    assert __main__.main(["export", str(run), "--out", str(tmp_path / "rows.json")]) == 0
    assert len(json.loads((tmp_path / "rows.json").read_text())) > ROWS
    monkeypatch.setattr(store.limits, "available_memory", lambda: 5 * MIB)
    loaded = store.load(run)
    assert len(loaded.records) == ROWS
    monkeypatch.setattr(store, "_MANY", ROWS - 1)
    with pytest.raises(StoreError, match=r"which take 0\.0143 GiB"):
        _ = loaded.rows
