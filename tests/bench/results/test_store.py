"""Run folders: what is written is read back, and nothing broken is read as if it were whole."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.catalog.places import Outputs, Place, Where
from actbench.bench.host.caches import levels
from actbench.bench.host.curve import Copied
from actbench.bench.host.errors import StoreError, UsageError
from actbench.bench.host.floating_point import USUAL
from actbench.bench.host.machine import Gpu, Machine
from actbench.bench.results import store
from actbench.bench.results.facts import RunFacts, WorkerFacts
from actbench.bench.results.rows import (
    Against,
    Cause,
    Ended,
    Kink,
    Other,
    Point,
    Row,
    Sampling,
    Why,
)
from actbench.bench.results.samples import Missing, Paired
from actbench.bench.results.status import Status
from actbench.bench.results.store import RunWriter

from ...conftest import run_facts

CASE = Case("torch", "gelu", "native", "eager", "forward", "cpu", "float32", 1024, 1)


def _facts() -> RunFacts:
    return run_facts(
        places={"cpu": {"l1": Place(Where.MEMORY, Outputs.FRESH_PAGES)}},
        caches=levels([Copied(2**20, 0.01), Copied(2**21, 0.02)], {"L2": 2**20}),
        machine=Machine("Example", gpus=(Gpu("A GPU", "1.0"),)),
        workers={"torch": WorkerFacts("torch", before=USUAL, after=USUAL)},
    )


def test_runs_begun_in_the_same_second_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "RESULTS", tmp_path / "results")
    started = datetime(2026, 1, 31, 12)
    folders = [store.new_folder(started, "smoke") for _ in range(3)]
    first = "2026-01-31T12-00-00-smoke"
    assert [folder.name for folder in folders] == [first, f"{first}-2", f"{first}-3"]
    for folder in folders:
        RunWriter(folder, _facts()).finish([])
    assert all(store.load(folder).facts.state == "killed" for folder in folders), "none runs"


def test_a_place_where_no_folder_can_be_made_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "results").write_text("a file")
    monkeypatch.setattr(store, "RESULTS", tmp_path / "results")
    with pytest.raises(StoreError, match="cannot write"):
        store.new_folder(datetime(2026, 1, 31, 12), "smoke")


def _visit(process: int, elapsed: tuple[int, ...] = (10,)) -> Paired:
    count = len(elapsed)
    return Paired(
        CASE, process, "max", 2, 3, elapsed, elapsed, spoilt=(False,) * count, faults=(0,) * count
    )


def _written(path: Path) -> RunWriter:
    writer = RunWriter(path, _facts())
    for elapsed in ((10, 11), (12, 13)):
        writer.append(_visit(0, elapsed))
    binades = (0.5, math.inf, -1.0)
    text = 'say "inf": Infinity, [Infinity]'
    writer.finish([Row(CASE, "max_ulp", math.inf, reason=text, binades=binades)])
    return writer


def test_a_run_reads_back(tmp_path: Path) -> None:
    writer = _written(tmp_path / "run")
    run = store.load(tmp_path / "run")
    assert run.facts == replace(writer.facts, state="killed")
    (row,) = run.rows.to_dict(orient="records")
    assert row["value"] == math.inf
    assert row["unit"] == "ulp"
    assert row["reason"] == 'say "inf": Infinity, [Infinity]'
    (typed,) = run.records
    assert typed.binades == (0.5, math.inf, -1.0)
    samples = list(store.read_samples(tmp_path / "run"))
    assert samples == [_visit(0, (10, 11)), _visit(0, (12, 13))]


def test_a_class_is_where_the_run_says_or_else_its_name() -> None:
    facts = _facts()
    assert facts.place("cpu", "l1") == Place(Where.MEMORY, Outputs.FRESH_PAGES)
    assert facts.place("cpu", "launch") == Place(Where.CALL)
    assert facts.place("cuda", "l1") == Place(Where.CACHE)
    assert facts.place("cpu", "4096") is None


def test_every_field_of_a_case_is_kept(tmp_path: Path) -> None:
    """The output and the caches tell cases apart as the other fields do."""
    other = replace(CASE, output="reused", cache="cold")
    writer = RunWriter(tmp_path / "run", _facts())
    for case in (CASE, other, CASE):
        writer.append(Missing(case, "max_ulp", Status.ERROR, "no"))
    writer.finish([Row(other, "max_ulp", 1.0)])
    assert [each.case for each in store.read_samples(writer.path)] == [CASE, other, CASE]
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
    _written(tmp_path / "made" / "mine")
    monkeypatch.chdir(tmp_path)
    mine = store.load(tmp_path / "made" / "mine")
    target = store.publish(mine)
    assert store.load(Path("mine")).rows.equals(store.load(tmp_path / "made" / "mine").rows)
    assert list(store.read_samples(target)) == list(store.read_samples(tmp_path / "made" / "mine"))
    with pytest.raises(UsageError, match="already there"):
        store.publish(mine)


def test_whichever_line_is_lost_takes_no_other_along(tmp_path: Path) -> None:
    """Also those that introduce a case, and a last one that a full disk cut."""
    writer = _written(tmp_path / "run")
    path = writer.path / "samples.jsonl"
    whole, lines = store.stored(writer.path), path.read_bytes().splitlines(keepends=True)
    assert (len(lines), len(whole.samples), whole.lost) == (4, 2, [])
    for place, line in enumerate(lines):
        torn = (line[: len(line) // 2], b"\xff\x00 torn\n", line[:5] + b"\n", b'{"kind": "time"}\n')
        for instead in torn[place < len(lines) - 1 :]:  # a cut line takes the next one's place
            path.write_bytes(b"".join([*lines[:place], instead, *lines[place + 1 :]]))
            found = store.stored(writer.path)
            assert [lost.line for lost in found.lost] == [place + 1], instead
            introduces = b'"case", "case"' in line
            assert len(found.samples) == len(whole.samples) - (not introduces)


def test_a_sample_that_could_not_be_derived_from_is_a_lost_line(tmp_path: Path) -> None:
    writer = _written(tmp_path / "run")
    path = writer.path / "samples.jsonl"
    good = path.read_text()
    sample = json.loads(good.splitlines()[-1])
    for changes in (
        {"case": 7}, {"loops": 0}, {"elapsed": [0, 1]}, {"elapsed": [1]}, {"elapsed": []},
        {"elapsed": [True, 1]}, {"elapsed": ["1", 1]}, {"loops": 10**400}, {"unit": "\x1b[2J"},
        {"unit": "\ud800"}, {"process": 1.5}, {"kind": "time"},
    ):  # fmt: skip
        path.write_text(good + json.dumps({**sample, **changes}) + "\n")
        found = store.stored(writer.path)
        assert [lost.line for lost in found.lost] == [5], changes
        assert len(found.samples) == 2


def test_a_file_without_any_sample_is_refused_in_a_sentence(tmp_path: Path) -> None:
    writer = _written(tmp_path / "run")
    (writer.path / "samples.jsonl").write_text('{"kind": "time", "case": 7}\n')
    with pytest.raises(StoreError, match=r"malformed: .*line 1"):
        store.read_samples(writer.path)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(UsageError, match="another folder"):
        RunWriter(tmp_path, _facts())
    assert (tmp_path / "mine").read_text() == "kept"


def test_a_folder_in_which_a_run_was_killed_before_it_began_is_taken(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").touch()
    (tmp_path / "run.tmp").write_text("{")
    _written(tmp_path)
    assert len(store.load(tmp_path).records) > 0
    assert not (tmp_path / "run.tmp").exists()


def test_a_folder_with_samples_is_left_alone_though_it_says_of_no_run(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").write_text("{}\n")
    with pytest.raises(UsageError, match="already there"):
        RunWriter(tmp_path, _facts())
    assert (tmp_path / "samples.jsonl").read_text() == "{}\n"


def test_of_many_that_want_a_new_folder_at_once_one_has_it(tmp_path: Path) -> None:
    """Threads stand for processes: a lock is an open file's."""

    def taken(path: Path) -> RunWriter | None:
        barrier.wait()
        with suppress(UsageError):
            return RunWriter(path, _facts())
        return None

    for number in range(8):
        barrier = Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            writers = list(pool.map(taken, [tmp_path / str(number)] * 4))
        (writer,) = filter(None, writers)
        writer.finish([])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "run.json is malformed"),
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
    with pytest.raises(StoreError, match=r"rows.jsonl is malformed: .*line 2"):
        store.load(tmp_path / "run")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"value": "ten"}, "malformed: value: "),
        ({"value": None}, "malformed: max_ulp of torch gelu has no value"),
        ({"size": "many"}, "malformed: size: "),
        ({"size": None}, "malformed: size: "),
        ({"activation": None}, "malformed: activation: "),
        ({"metric": "speed"}, "malformed: unknown metric 'speed'"),
        ({"status": "fine"}, "malformed: status: "),
        ({"worst": {"input": "<script>"}}, "malformed: worst.input: "),
        ({"cause": {"why": "because"}}, "malformed: cause.why: "),
        ({"sampling": {"processes": 1}}, "malformed: sampling.samples: "),
    ],
    ids=str,
)
def test_a_row_that_no_run_writes_is_refused_in_a_sentence(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    _written(tmp_path / "run")
    record = {**Row(CASE, "max_ulp", 1.0).as_record(), **changes}
    with (tmp_path / "run" / "rows.jsonl").open("a") as file:
        file.write(json.dumps(record) + "\n")
    with pytest.raises(StoreError, match=sentence):
        store.load(tmp_path / "run")


def test_details_are_read_back_as_they_were(tmp_path: Path) -> None:
    """All of them at once, which no row has."""
    row = Row(
        replace(CASE, activation="prelu"),
        "max_ulp",
        math.inf,
        family="max",
        plain=True,
        against=Against(Other.FRAMEWORK, "jax"),
        sampling=Sampling(2, 18, 4, Ended.DIFFER),
        worst=Point("-0x1.8p+1", got=math.nan, exact=-math.inf),
        points=(Point("nan"), Point(output=0, got=-0.0, exact=1.5)),
        kink=Kink(0.0, 0.0, 1.0),
        tested=0,
        histogram={"0.5": 3, "nan": 1},
        binades=(-1.0, 0.0, math.inf),
        line=(64, 4096),
        operations={"add": 2, "exp": 1},
        moved=524288.0,
        cause=Cause(Why.INEXACT, ("exp",), 3.5),
    )
    writer = RunWriter(tmp_path / "run", _facts())
    writer.finish([row])
    run = store.load(writer.path)
    assert run.records == [row]
    (flat, *_) = run.rows.to_dict(orient="records")
    assert (flat["worst.input"], flat["sampling.ended"]) == ("-0x1.8p+1", "processes differ")
    assert json.loads(flat["points"])[1] == {"output": 0, "got": -0.0, "exact": 1.5}
    assert json.loads(flat["operations"]) == {"add": 2, "exp": 1}


def test_a_missing_run_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no run at"):
        store.load(tmp_path / "nowhere")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device /dev/full of Linux")
def test_a_full_disk_is_one_sentence_and_keeps_what_is_there(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path / "run", _facts())
    writer.append(_visit(0))
    writer.flush()
    kept = (tmp_path / "run" / "samples.jsonl").read_text()
    writer._samples.close()
    writer._samples = open("/dev/full", "a")  # noqa: SIM115
    writer.append(_visit(1))
    with pytest.raises(StoreError, match="No space left"):
        writer.flush()
    assert (tmp_path / "run" / "samples.jsonl").read_text() == kept
    for again in (lambda: writer.append(_visit(2)), writer.flush):
        with pytest.raises(StoreError, match="No space left"):
            again()
