"""The command line: one sentence a fault, and the exit status that goes with it."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from actbench.bench.results.rows import Row, described
from actbench.bench.results.status import Status
from actbench.commands import cli
from actbench.report.page import write

from .conftest import split_case, timing_rows


def call(*words: object) -> Result:
    return CliRunner().invoke(cli, ["report", *[str(word) for word in words]])


def broken(folder: Path, line: dict[str, object] | str) -> Path:
    """The run with one more line of rows."""
    text = line if isinstance(line, str) else json.dumps(line)
    with (folder / "rows.jsonl").open("a", encoding="utf-8") as file:
        file.write(text + "\n")
    return folder


def one_sentence(result: Result, status: int) -> str:
    assert result.exit_code == status, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_writes_beside_the_run_and_says_so(runs: dict[str, Path]) -> None:
    result = call(runs["single"])
    assert result.exit_code == 0
    sentence, path = result.stdout.splitlines()
    assert sentence.endswith("GELU takes 16.4 µs per call; no ReLU was timed beside it.")
    assert Path(path) == runs["single"] / "report.html"
    assert Path(path).is_file()


def test_several_runs_in_one_page(runs: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "both.html"
    assert call(runs["single"], runs["empty"], "--out", out).exit_code == 0
    text = out.read_text(encoding="utf-8")
    assert "Run single" in text
    assert "Run empty" in text


def test_help_has_examples() -> None:
    result = call("--help")
    assert result.exit_code == 0
    assert "Examples:" in result.stdout


def test_an_unknown_run() -> None:
    assert "no run at nowhere" in one_sentence(call("nowhere"), 4)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        {"framework": "torch"},
        {"framework": "torch", "metric": "time_per_call", "value": "much"},
        '{"value": {"a": 1}}',
    ],
)
def test_a_malformed_row(make_run: Callable[..., Path], line: dict[str, object] | str) -> None:
    message = one_sentence(call(broken(make_run([]), line)), 4)
    assert "measure it again" in message


def test_an_unknown_metric_and_status(make_run: Callable[..., Path]) -> None:
    row = {
        **dict.fromkeys(["framework", "activation", "form", "mode"], "torch"),
        **dict.fromkeys(["direction", "device", "dtype"], "cpu"),
        "size": 1,
        "threads": 1,
        "output": "fresh",
        "cache": "warm",
        "metric": "speed",
        "value": 1.0,
    }
    assert "metric 'speed'" in one_sentence(call(broken(make_run([], "a"), row)), 4)
    row |= {"metric": "time_per_call", "status": "fine"}
    assert "malformed: status: " in one_sentence(call(broken(make_run([], "b"), row)), 4)


@pytest.mark.parametrize(
    ("field", "value"),
    [("size", 0), ("size", -8), ("value", 0.0), ("value", -1.0), ("value", math.inf)],
)
def test_a_time_of_nothing_and_no_time(
    make_run: Callable[..., Path], field: str, value: float
) -> None:
    row = {**Row(split_case("gelu"), "time_per_call", 1.0).as_record(), field: value}
    message = one_sentence(call(broken(make_run([]), row)), 4)
    what = "size" if field == "size" else "time"
    assert f"has the {what} {value} (line 1)" in message


def test_a_case_of_no_size_that_was_not_timed_is_no_fault(make_run: Callable[..., Path]) -> None:
    row = Row(split_case("gelu", size=0), "time_per_call", None, status=Status.ERROR, reason="no")
    assert call(make_run([row])).exit_code == 0


@pytest.mark.parametrize(
    ("facts", "where"),
    [
        ({"workers": {"torch": {"framework": "torch", "versions": None}}}, "torch.versions"),
        ({"workers": {"torch": {"framework": "torch", "after": "x"}}}, "workers.torch.after"),
        ({"workers": {"torch": {"status": "ok"}}}, "workers.torch.framework"),
        ({"selftest": [{"tool": "the gate"}]}, "selftest.0.hogs"),
        ({"machine": {"gpus": 1}}, "machine.gpus"),
        ({"machine": {"load": "high"}}, "machine.load"),
    ],
)
def test_facts_that_are_not_of_their_kind(
    make_run: Callable[..., Path], facts: dict[str, Any], where: str
) -> None:
    folder = make_run([])
    path = folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}), encoding="utf-8")
    message = one_sentence(call(folder), 4)
    assert "run.json is malformed: " in message
    assert where in message


def test_gpus_are_named_with_their_driver(make_run: Callable[..., Path]) -> None:
    gpus = [{"name": "A100", "driver": "550"}]
    folder = make_run([], machine={"cpu": "Example", "cores": 1, "gpus": gpus})
    assert call(folder).exit_code == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<dd>Example, 1 core, A100, 550" in page


def test_names_and_texts_that_no_page_can_hold(make_run: Callable[..., Path]) -> None:
    """It is no character of XML; those that a terminal would obey are refused before."""
    letter = "\ufffe"
    relu, gelu = (split_case(name, f"fra{letter}me") for name in ("relu", "gelu"))
    failed = Row(replace(gelu, size=64), "time_per_call", None, status=Status.ERROR, reason=letter)
    rows = [*timing_rows(relu, 1e5, 0.01, 1e5), *timing_rows(gelu, 3e5, 0.01, 1e5), failed]
    folder = make_run([], machine={"cpu": "Example"})
    for row in described(rows):
        broken(folder, row.as_record())
    facts = (folder / "run.json").read_text(encoding="utf-8")
    (folder / "run.json").write_text(
        facts.replace('"Example"', json.dumps(f"Exam{letter}ple")), encoding="utf-8"
    )
    result = call(folder)
    assert result.exit_code == 0, result.output
    text = (folder / "report.html").read_text(encoding="utf-8")
    for word in ("fra\ufffdme", "Exam\ufffdple"):
        assert word in text
    assert letter not in text
    assert 'data-at="gelu@fra\ufffdme-eager' in text


@pytest.mark.parametrize("name", [b"ru\xffn", b"ru\x01n"])
def test_a_folder_whose_name_no_page_can_hold(make_run: Callable[..., Path], name: bytes) -> None:
    rows = [*timing_rows(split_case("relu"), 1e5, 0.01, 1e5)]
    rows += timing_rows(split_case("gelu"), 3e5, 0.01, 1e5)
    strange, other = make_run(rows, os.fsdecode(name)), make_run(rows, "other")
    alone = call(strange)
    assert alone.exit_code == 0, alone.output
    out = other / "both.html"
    both = call(strange, other, "--out", out)
    assert both.exit_code == 0, both.output
    assert "run ru\ufffdn" in out.read_text(encoding="utf-8")
    assert list(strange.glob("*.html")) == [strange / "report.html"]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write(tmp_path / "page.html", "\ud800")
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_path(runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "none" / "page.html", tmp_path / "file" / "page.html", tmp_path):
        assert "cannot write" in one_sentence(call(runs["single"], "--out", out), 4)
    assert not list(tmp_path.glob(".*"))


def test_a_full_disk(runs: dict[str, Path]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    result = call(runs["single"], "--out", "/dev/full")
    assert "cannot write /dev/full" in one_sentence(result, 4)


def test_debug_shows_the_traceback() -> None:
    assert call("nowhere", "--debug").exception is not None
