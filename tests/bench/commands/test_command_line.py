"""The command line as a person or a script meets it."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.activations import CATALOG
from actbench.bench.catalog.again import again
from actbench.bench.catalog.cases import Case
from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.catalog.sizes import size_classes
from actbench.bench.commands import main
from actbench.bench.results.store import SCHEMA

from ...answers import held

ROOT = Path(__file__).resolve().parents[3]


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )


def _main(capsys: pytest.CaptureFixture[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same without a process of its own."""
    status = main(list(arguments))
    said = capsys.readouterr()
    return subprocess.CompletedProcess(arguments, status, said.out, said.err)


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two NumPy activations."""
    out = tmp_path_factory.mktemp("runs") / "small"
    done = _bench(
        "run", "--profile", "smoke", "--framework", "numpy", "--activation", "relu", "--activation",
        "squareplus(b=1)", "--form", "max", "--form", "textbook", "--form", "wide",
        "--size", "1000", "--epochs", "2", "--out", str(out),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Measured" in done.stdout
    assert str(out) in done.stdout
    return out


def _cases_of(run: Path) -> set[tuple[Any, ...]]:
    records = held("answer-export", _bench("export", str(run)).stdout)
    return {
        (record["activation"], record["size"], record["output"], record["cache"])
        for record in records
        if record["metric"] == "time_per_call" and record["status"] == "ok"
    }


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        (
            ("--size", "l1", "--size", "1000"),
            {(size_classes("cpu")["l1"], "fresh", "warm"), (1000, "fresh", "warm")},
        ),
        (("--size", "512", "--output", "reused"), {(512, "reused", "warm")}),
        (("--size", "512", "--cache", "cold"), {(512, "fresh", "cold")}),
    ],
)
def test_size_output_and_cache_are_chosen_by_name(
    arguments: tuple[str, ...], chosen: set[tuple[int, str, str]], tmp_path: Path
) -> None:
    done = _bench(
        "run", "--profile", "smoke", "--framework", "numpy", "--activation", "gelu", "--form",
        "wide", "--only", "timing", *arguments, "--out", str(tmp_path / "run"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = _cases_of(tmp_path / "run")
    assert {case[1:] for case in found} == chosen
    assert {("gelu", *each) for each in chosen} <= found


def test_the_command_of_a_row_measures_that_case_again(tmp_path: Path) -> None:
    case = Case(
        "numpy", "squareplus(b=1)", "wide", "eager", "forward", "cpu", "float64", 512, 1,
        output="reused", cache="cold",
    )  # fmt: skip
    words = shlex.split(again([case]))[1:]
    done = _bench(*words, "--profile", "smoke", "--only", "timing", "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert ("squareplus(b=1)", 512, "reused", "cold") in _cases_of(tmp_path / "run")


def test_list_has_every_activation_and_framework_and_says_what_is_missing() -> None:
    records = held("answer-list", _bench("list", "--json").stdout)
    pairs = {(record["activation"], record["framework"]) for record in records}
    assert pairs == {(name, framework) for name in CATALOG for framework in frameworks()}
    absent = [record for record in records if record["status"] != "ok"]
    # NumPy alone has blocked forms written by hand.
    missing = {record["form"] for record in absent if record["family"] != "primitive"}
    assert missing == {"native", "blocked"}
    assert all(record["detail"] for record in records if record["status"] != "ok")


def test_export_json_and_csv_hold_the_same_rows(
    small_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("export", str(small_run), "--format")
    records = held("answer-export", _main(capsys, *asked, "json").stdout)
    table = list(csv.DictReader(io.StringIO(_main(capsys, *asked, "csv").stdout)))
    assert len(records) == len(table) > 0
    assert {record["status"] for record in records} <= {"ok", "unsupported"}
    for record, line in zip(records, table, strict=True):
        assert record["metric"] == line["metric"]
        if record["value"] is None:
            assert line["value"] == ""
        else:
            assert math.isclose(
                record["value"], float(line["value"]), rel_tol=1e-12, abs_tol=1e-300
            )


def test_a_parameter_is_measured_under_its_label(
    small_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = held("answer-export", _main(capsys, "export", str(small_run)).stdout)
    assert {record["activation"] for record in records} == {"relu", "squareplus(b=1)"}


def test_findings_are_sentences_or_records_and_end_with_a_verdict(
    small_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = _main(capsys, "findings", str(small_run), "--limit", "2")
    assert told.returncode == 0, told.stderr
    *findings, verdict = told.stdout.strip().split("\n\n")
    assert len(findings) == 2
    assert all(each.startswith("NumPy 2") for each in findings)
    assert " findings from " in verdict
    assert "of them are not shown." in verdict
    records = held("answer-findings", _main(capsys, "findings", str(small_run), "--json").stdout)
    assert f"{len(records)} findings" in verdict
    assert {each["framework"] for each in records} == {"numpy"}
    [square] = [each for each in records if "def f(x, b=1" in each["reproduction"]][:1]
    assert square["activation"] == "squareplus(b=1)"


def test_findings_of_a_choice(small_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    none = _main(capsys, "findings", str(small_run), "--activation", "gelu")
    assert none.returncode == 0, none.stderr
    assert none.stdout.startswith("Exactness was not measured")
    assert (
        _main(capsys, "findings", str(small_run), "--activation", "gelu", "--json").stdout == "[]\n"
    )
    wrong = _main(capsys, "findings", str(small_run), "--framework", "torhc")
    assert wrong.returncode == 2
    assert "did you mean torch" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("run", "--activation", "gleu"), 2, "unknown activation 'gleu': did you mean"),
        (("run", "--framework", "torhc"), 2, "unknown framework 'torhc': did you mean torch"),
        (("run", "--form", "wode"), 2, "did you mean wide"),
        (("run", "--dtype", "float23"), 2, "did you mean float32"),
        (("run", "--device", "cudda"), 2, "did you mean cuda"),
        (("run", "--profile", "standart"), 2, "did you mean standard"),
        (("run", "--size", "-3"), 2, "--size must be at least 1"),
        (
            ("run", "--size", "many"),
            2,
            "unknown size 'many': a number of elements, or did you mean",
        ),
        (("run", "--size", "l4"), 2, "unknown size 'l4': a number of elements, or did you mean l"),
        (("run", "--size", "last-level"), 2, "did you mean last_level"),
        (("run", "--output", "resued"), 2, "unknown output 'resued': did you mean reused"),
        (("run", "--cache", "could"), 2, "unknown cache 'could': did you mean cold"),
        (("run", "--python", "troch=/bin/python"), 2, "did you mean torch"),
        (("run", "--out", "bench"), 2, "bench is already there"),
        (("run", "--frobnicate"), 2, "No such option"),
        (("run", "--budget", "inf"), 2, "inf is not a finite number"),
        (("run", "--precision", "nan"), 2, "nan is not a finite number"),
        (("run", "--timeout", "nan"), 2, "nan is not a finite number"),
        (("run", "--timeout", "1e7"), 2, "'--timeout': 10000000.0 is not in the range"),
        (("agree", "--bound", "nan"), 2, "nan is not a finite number"),
        (("gate", "--base", "HEAD", "--budget", "inf"), 2, "inf is not a finite number"),
        (("gate", "--base", "HEAD", "--dead-zone", "nan"), 2, "nan is not a finite number"),
        (("selftest", "--minutes", "nan"), 2, "nan is not a finite number"),
        (("compare", "a", "b", "--dead-zone", "inf"), 2, "inf is not a finite number"),
        (("export", "no-such-run"), 4, "no run at no-such-run"),
        (("export", "no-such-run", "--format", "xml"), 2, "xml"),
        (("findings", "no-such-run"), 4, "no run at no-such-run"),
        (("findings", "no-such-run", "--limit", "0"), 2, "--limit"),
        (("frobnicate",), 2, "No such command"),
    ],
)
def test_bad_input_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    status: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(ROOT)
    done = _main(capsys, *arguments)
    assert done.returncode == status, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_process_ends_with_the_exit_status_and_its_sentence() -> None:
    done = _bench("run", "--activation", "gleu")
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown activation 'gleu': did you mean" in done.stderr


@pytest.mark.parametrize("command", ["list", "doctor"])
def test_words_reach_what_does_not_think_of_utf8(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", command],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode("utf-8")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device /dev/full of Linux")
def test_an_output_that_is_full_is_one_sentence(small_run: Path) -> None:
    for words in (("list",), ("export", str(small_run))):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "bench", *words],
                cwd=ROOT,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == 4, done.stderr
        assert done.stderr == "error: cannot write the output: No space left on device\n"


def test_debug_shows_the_traceback() -> None:
    done = _bench("export", "no-such-run", "--debug")
    assert "Traceback" in done.stderr


def test_a_run_of_another_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"schema": SCHEMA + 1}))
    done = _bench("export", str(tmp_path))
    assert done.returncode == 4
    assert f"schema {SCHEMA + 1}" in done.stderr


def test_a_file_that_cannot_be_written_is_one_sentence(
    small_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = _main(capsys, "export", str(small_run), "--out", "/nowhere/rows.json")
    assert done.returncode == 4
    assert "cannot write /nowhere/rows.json" in done.stderr


def test_json_outcome_is_for_machines(tmp_path: Path) -> None:
    done = _bench(
        "run", "--profile", "smoke", "--framework", "numpy", "--only", "timing", "--epochs", "1",
        "--out", str(tmp_path / "run"), "--json",
    )  # fmt: skip
    outcome = held("answer-run", done.stdout)
    assert outcome["state"] == "finished"
    assert outcome["failed"] == 0
    assert done.stderr == ""


@pytest.mark.parametrize("command", [(), ("list",), ("run",), ("export",), ("findings",)])
def test_help_explains(command: tuple[str, ...]) -> None:
    done = _bench(*command, "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout
    if command in ((), ("run",)):
        assert "Examples:" in done.stdout


def test_special_points_are_shown_as_text_and_as_rows(
    small_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = _main(capsys, "special", str(small_run))
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("NumPy\n  relu, max\n")
    assert "squareplus(b=1), wide" not in shown.stdout, "the plain form alone, unless it is named"
    named = _main(capsys, "special", str(small_run), "--activation", "squareplus(b=1)")
    assert "squareplus(b=1), wide" in named.stdout
    assert "relu" not in named.stdout
    records = held("answer-special", _main(capsys, "special", str(small_run), "--json").stdout)
    kinks = [each for each in records if each["metric"] == "gradient_at_kink"]
    assert kinks
    assert {each["value"] for each in kinks} == {0.0}


def test_special_points_that_are_not_there_are_bad_usage(
    small_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (("--framework", "jax"), ("--activation", "relUU")):
        done = _main(capsys, "special", str(small_run), *arguments)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith("error: ")
