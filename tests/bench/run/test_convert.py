"""Runs of schema 2 become runs of today: every figure stays, and what differs is said."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from actbench.__main__ import cli
from actbench.bench.host.errors import StoreError
from actbench.bench.results import store, words
from actbench.bench.results.rows import Ended, Other, Row, with_derived
from actbench.bench.run import convert, derive

DATA = Path(__file__).parent / "data"
PUBLISHED = Path(__file__).resolve().parents[3] / "results" / "published"
STANDARD, EXHAUSTIVE = "2026-11-21T17-05-53-standard", "2026-11-21T11-50-28-exhaustive"
Figure = tuple[float | None, float | None, float | None, str]


def _number(text: str) -> float | None:
    return float(text) if text else None


def _old_figures(name: str) -> Iterator[tuple[tuple[object, ...], Figure]]:
    """A tenth of what the code of schema 2 derived from the samples of a published run."""
    with gzip.open(DATA / f"{name}.csv.gz", "rt", newline="") as file:
        for record in csv.DictReader(file):
            record |= {"size": int(record["size"]), "threads": int(record["threads"])}  # type: ignore[dict-item]
            key = (convert.case_of(record), record["metric"])
            ends = (_number(record[name]) for name in ("value", "low", "high"))
            yield key, (*ends, record["status"])  # type: ignore[misc]


@pytest.mark.parametrize("name", [STANDARD, EXHAUSTIVE])
def test_a_published_run_has_the_figures_that_the_old_code_derived(name: str) -> None:
    found: dict[tuple[object, ...], list[Figure]] = {}
    for row in with_derived(store.load(PUBLISHED / name).records):
        figures = (row.value, row.low, row.high, str(row.status))
        found.setdefault((row.case, row.metric), []).append(figures)
    old = list(_old_figures(name))
    assert len(old) > 15
    for (case, metric), figures in old:
        now = convert.NOW.get(metric, metric)
        if metric != "worst_input" or figures[0] is not None:
            assert figures in found[case, now], (case, metric)


@pytest.mark.slow
@pytest.mark.parametrize("name", [STANDARD, "2026-11-21T11-26-13-standard", EXHAUSTIVE])
def test_the_samples_of_a_published_run_give_its_rows_again(name: str) -> None:
    """Row by row and detail by detail; intervals are drawn from the numbers of the old names."""
    run = store.load(PUBLISHED / name)
    samples = store.read_samples(PUBLISHED / name)
    facts = run.facts
    again = derive.rows(samples, facts.size_classes, facts.precision, convert.seed_of)
    assert len(again) == len(run.records)
    for mine, stored in zip(again, run.records, strict=True):
        assert mine.as_record() == stored.as_record()


# --- a run of schema 2 in whole -------------------------------------------------------------------


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A smoke run as the code of schema 2 wrote it."""
    return Path(shutil.copytree(DATA / "smoke", tmp_path / "smoke"))


def _convert(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["convert", *arguments])


def _of(run: store.Run, metric: str) -> list[Row]:
    return [row for row in run.records if row.metric == metric]


def test_a_run_of_schema_2_says_what_reads_it(old: Path) -> None:
    with pytest.raises(StoreError, match=f"actbench convert {old} makes it one"):
        store.load(old)


def test_an_old_run_is_converted_in_place_and_every_figure_stays(old: Path) -> None:
    figures = [row for row in store.read_lines(old / "rows.jsonl")]
    kept = [row for row in figures if row["metric"] != "worst_input" or row["value"] is not None]
    said = _convert(str(old))
    assert said.exit_code == 0, said.output
    assert f"{len(kept):,} figures are the same, 0 differ. Converted: " in said.output
    merged = [row for row in kept if row["metric"] in convert.NOW]
    assert len(list(with_derived(store.load(old).records))) == len(kept) - len(merged)
    assert (old / "rows.jsonl.gz").exists()
    assert [path.name for path in old.parent.iterdir()] == ["smoke"]
    again = _convert(str(old))
    assert (again.exit_code, "has schema 3, not 2" in again.output) == (4, True)


def test_sentences_became_details(old: Path, tmp_path: Path) -> None:
    assert _convert(str(old), "--out", str(tmp_path / "new")).exit_code == 0
    run = store.load(tmp_path / "new")
    texts = {
        (convert.case_of(record), record["metric"]): record["detail"]
        for record in store.read_lines(DATA / "smoke" / "rows.jsonl")
    }

    def text(row: Row) -> str:
        return str(texts[row.case, row.metric])

    for metric in ("nan_mismatches", "special_departures", "not_correctly_rounded"):
        rows = _of(run, metric)
        assert rows
        assert [words.about(row) for row in rows] == [text(row) for row in rows]
    for row in _of(run, "time_per_call"):
        if row.sampling:
            assert words.samples(row.sampling) in text(row)
            assert (row.sampling.ended is Ended.NARROW) == ("narrow enough" in text(row))
    others = {row.against.kind for row in _of(run, "equal_bits") if row.against}
    assert others >= {Other.FRAMEWORK, Other.MODE, Other.TAIL, Other.PROCESS}
    assert {row.family for row in run.records} <= {"max", "exp", "algebraic", "primitive"}


def test_a_figure_that_comes_out_another_is_named_and_nothing_is_written(old: Path) -> None:
    lines = list(store.read_lines(old / "rows.jsonl"))
    times = [line for line in lines if line["metric"] == "time_per_call" and line["value"]]
    times[0]["value"] *= 2
    text = "".join(store.dump(line) + "\n" for line in lines)
    (old / "rows.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    said = _convert(str(old))
    assert said.exit_code == 1
    assert "1 differ: nothing was written." in said.output
    assert f"{times[0]['activation']} {times[0]['form']}" in said.output
    assert json.loads((old / "run.json").read_text())["schema"] == 2


def test_samples_of_a_version_before_are_one_sentence(old: Path) -> None:
    lines = list(store.read_lines(old / "samples.jsonl"))
    for line in lines:
        line.pop("max_ulp_normal", None)
        line.pop("tested", None)
        line.pop("worst_away", None)
    text = "".join(store.dump(line) + "\n" for line in lines)
    (old / "samples.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    said = _convert(str(old))
    assert said.exit_code == 4
    assert "was written by a version before: KeyError" in said.output
