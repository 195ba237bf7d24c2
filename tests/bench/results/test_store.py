"""Run folders: what is written is read back, and nothing broken is read as if it were whole."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.host.errors import StoreError, UsageError
from actbench.bench.results import store
from actbench.bench.results.metrics import Row
from actbench.bench.results.store import RunFacts, RunWriter

CASE = Case("torch", "gelu", "native", "eager", "forward", "cpu", "float32", 1024, 1)


def _facts() -> RunFacts:
    return RunFacts(
        schema=store.SCHEMA,
        command="actbench run",
        profile="smoke",
        seed=0,
        started="now",
        rounds=1,
        epochs=1,
        batch=0.1,
        batches=2,
        precision=0.02,
        budget=5,
        per_binade=2,
        size_classes={"cpu": {"launch": 64, "l1": 4096}},
        asked={},
        inputs="normal",
        machine={},
    )


def _written(path: Path) -> RunWriter:
    writer = RunWriter(path, _facts())
    for elapsed in ([10, 11], [12, 13]):
        columns = {"elapsed": elapsed, "busy": elapsed, "switches": [0, 0], "faults": [0, 0]}
        writer.append("time", CASE, process=0, loops=2, pulse=9, **columns)
    writer.finish([Row(CASE, "max_ulp", math.inf, detail='say "inf": Infinity, twice')])
    return writer


def test_a_run_reads_back(tmp_path: Path) -> None:
    _written(tmp_path / "run")
    run = store.load(tmp_path / "run")
    assert run.facts == _facts()
    (row,) = run.rows.to_dict(orient="records")
    assert row["value"] == math.inf
    assert row["unit"] == "ulp"
    assert row["detail"] == 'say "inf": Infinity, twice'
    samples = list(store.read_samples(tmp_path / "run"))
    assert [case for case, _ in samples] == [CASE, CASE]
    assert [sample["elapsed"] for _, sample in samples] == [[10, 11], [12, 13]]


def test_every_field_of_a_case_is_kept(tmp_path: Path) -> None:
    """Where the output goes and how the caches are tell cases apart as the others do."""
    other = replace(CASE, output="reused", cache="cold")
    writer = RunWriter(tmp_path / "run", _facts())
    for case in (CASE, other, CASE):
        writer.append("failure", case)
    writer.finish([Row(other, "max_ulp", 1.0)])
    assert [case for case, _ in store.read_samples(writer.path)] == [CASE, other, CASE]
    (row,) = store.load(writer.path).rows.to_dict(orient="records")
    assert {name: row[name] for name in other.as_dict()} == other.as_dict()


def test_rows_are_json_that_any_parser_reads(tmp_path: Path) -> None:
    _written(tmp_path / "run")
    for line in (tmp_path / "run" / "rows.jsonl").read_text().splitlines():
        assert math.isinf(json.loads(line, parse_constant=lambda name: pytest.fail(name))["value"])


def test_compressed_samples_read_the_same(tmp_path: Path) -> None:
    _written(tmp_path / "run")
    plain = tmp_path / "run" / "samples.jsonl"
    before = list(store.read_samples(tmp_path / "run"))
    (tmp_path / "run" / "samples.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert list(store.read_samples(tmp_path / "run")) == before


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("rows.jsonl", store.load),
        ("samples.jsonl", lambda folder: list(store.read_samples(folder))),
    ],
)
def test_what_is_not_compressed_well_is_refused_in_a_sentence(
    tmp_path: Path, name: str, read: Callable[[Path], Any]
) -> None:
    _written(tmp_path / "run")
    plain = tmp_path / "run" / name
    header = gzip.compress(plain.read_bytes())[:10]
    plain.with_name(f"{name}.gz").write_bytes(header + b"\xff" * 20)
    plain.unlink()
    with pytest.raises(StoreError, match="cannot read"):
        read(tmp_path / "run")


def test_a_published_run_reads_the_same_and_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _written(tmp_path / "mine")
    monkeypatch.setattr(store, "RESULTS", tmp_path / "results")
    target = store.publish(tmp_path / "mine")
    assert store.load(Path("mine")).rows.equals(store.load(tmp_path / "mine").rows)
    assert list(store.read_samples(target)) == list(store.read_samples(tmp_path / "mine"))
    with pytest.raises(UsageError, match="already there"):
        store.publish(tmp_path / "mine")


def test_a_half_written_last_line_loses_only_itself(tmp_path: Path) -> None:
    _written(tmp_path / "run")
    path = tmp_path / "run" / "samples.jsonl"
    path.write_text(path.read_text() + '{"kind": "time", "case": 0, "elap')
    assert len(list(store.read_samples(tmp_path / "run"))) == 2


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(UsageError, match="another folder"):
        RunWriter(tmp_path, _facts())
    assert (tmp_path / "mine").read_text() == "kept"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "cannot read"),
        ("[]", "schema None"),
        ('{"schema": 99}', f"schema 99, this version reads {store.SCHEMA}"),
        ('{"schema": 1}', "schema 1, .*read it with the version that wrote it"),
        (json.dumps({"schema": store.SCHEMA}), "malformed: command"),
        (json.dumps({"schema": store.SCHEMA, "command": 3}), "malformed"),
    ],
)
def test_broken_facts_are_refused_in_a_sentence(
    tmp_path: Path, content: str, sentence: str
) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(StoreError, match=sentence):
        store.load(tmp_path)


@pytest.mark.parametrize("line", ["nonsense\n", "[1]\n", '{"value": \n'])
def test_broken_rows_are_refused_in_a_sentence(tmp_path: Path, line: str) -> None:
    _written(tmp_path / "run")
    with (tmp_path / "run" / "rows.jsonl").open("a") as file:
        file.write(line)
    with pytest.raises(StoreError, match="cannot read"):
        store.load(tmp_path / "run")


def test_a_sample_of_an_unknown_case_is_refused(tmp_path: Path) -> None:
    _written(tmp_path / "run")
    path = tmp_path / "run" / "samples.jsonl"
    path.write_text('{"kind": "time", "case": 7}\n' + path.read_text())
    with pytest.raises(StoreError, match="malformed"):
        list(store.read_samples(tmp_path / "run"))


def test_a_missing_run_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no run at"):
        store.load(tmp_path / "nowhere")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device /dev/full of Linux")
def test_a_full_disk_is_one_sentence_and_keeps_what_is_there(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path / "run", _facts())
    writer.append("time", CASE, process=0)
    writer.flush()
    kept = (tmp_path / "run" / "samples.jsonl").read_text()
    writer._samples.close()
    writer._samples = open("/dev/full", "a")  # noqa: SIM115
    writer.append("time", CASE, process=1)
    with pytest.raises(StoreError, match="No space left"):
        writer.flush()
    assert (tmp_path / "run" / "samples.jsonl").read_text() == kept
    for again in (lambda: writer.append("time", CASE, process=2), writer.flush):
        with pytest.raises(StoreError, match="No space left"):
            again()
