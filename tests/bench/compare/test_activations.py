"""Two activations compared: which cases, what is said, and the command."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.__main__ import main
from actbench.bench.catalog.cases import Case, Selection
from actbench.bench.catalog.sizes import size_classes
from actbench.bench.compare import activations
from actbench.bench.compare.activations import Answer, Named, compare
from actbench.bench.host.errors import UsageError
from actbench.bench.host.progress import Reporter
from actbench.bench.results.status import Status
from actbench.bench.timing.in_turn import Effort, Pair, Setting
from actbench.bench.worker.protocol import Failure

from ...answers import held

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = max((ROOT / "results/published").glob("*-standard")).name
TORCH = Selection(frameworks=("torch",), modes=("compiled",))


def _answer(
    monkeypatch: pytest.MonkeyPatch,
    logs: dict[str, list[float]],
    selection: Selection = TORCH,
    named: tuple[str, str] = ("gelu", "squareplus"),
) -> Answer:
    """An answer whose processes gave these log ratios by mode; a mode without any is refused."""

    def measured(pairs: list[Pair], *_: Any) -> None:
        for pair in pairs:
            pair.logs = logs.get(pair.case.mode, [])
            pair.nanoseconds = [(48_200.0, 27_400.0)] * len(pair.logs)
            if not pair.logs:
                pair.failure = Failure(Status.REFUSED, "work went on")

    monkeypatch.setattr(activations, "measure", measured)
    setting = Setting(Path(), lambda framework: "python", lambda *_: "")
    return compare(named, selection, Effort(), setting, Reporter(quiet=True))


# --- which cases ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "form", "named"),
    [
        ("gelu", "", Named("gelu")),
        (" squareplus( b = 0.25 ) ", "", Named("squareplus(b=0.25)")),
        ("gelu[textbook]", "", Named("gelu", "textbook")),
        ("gelu[textbook]", "native", Named("gelu", "textbook")),
        ("gelu", "native", Named("gelu", "native")),
    ],
)
def test_a_name_is_an_activation_with_or_without_a_form(text: str, form: str, named: Named) -> None:
    assert Named.read(text, form) == named


def test_the_cases_are_plain_and_in_cache_unless_others_are_named() -> None:
    [plain] = Named("gelu").cases(TORCH).values()
    size = size_classes("cpu")["l2"]
    assert plain == Case(
        "torch", "gelu", "native", "compiled", "forward", "cpu", "float32", size, 1
    )
    [written] = Named("gelu", "textbook").cases(TORCH).values()
    assert written.form == "textbook"
    every = Named("gelu").cases(Selection())
    assert {case.framework for case in every} == {"numpy", "torch", "jax", "tensorflow"}


@pytest.mark.parametrize(
    ("named", "forms", "why"),
    [
        (("gelu", "gelu"), (), "are the same"),
        (("gelu", "gelu[native]"), (), "are the same"),
        (("gelu", "gleu"), (), "did you mean glu, gelu"),
        (("gelu[", "gelu"), (), "write it as"),
        (("gelu[abs]", "relu"), (), "none of gelu has the form abs"),
        (("gelu", "relu"), ("native", "textbook"), "one --form is for both"),
    ],
)
def test_what_makes_no_pair_says_why(
    monkeypatch: pytest.MonkeyPatch, named: tuple[str, str], forms: tuple[str, ...], why: str
) -> None:
    selection = Selection(frameworks=("torch",), modes=("eager",), forms=forms)
    with pytest.raises(UsageError, match=why):
        _answer(monkeypatch, {}, selection, named)


# --- what is said ---------------------------------------------------------------------------------


def test_one_setting_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = _answer(monkeypatch, {"compiled": [math.log(1.75) + x for x in (-0.01, 0, 0.01)]})
    size = size_classes("cpu")["l2"]
    assert answer.for_people() == (
        "gelu takes 1.75 ±0.04 times as long as squareplus: PyTorch compiled, forward, float32, "
        f"{size:,} elements, in cache (3 processes)."
    )
    assert answer.exit_status == 0


def test_several_settings_are_a_table_and_those_that_failed_say_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = Selection(frameworks=("torch", "numpy"), modes=("eager", "compiled"))
    logs = {"eager": [math.log(0.5), math.log(0.51)] * 4, "compiled": []}
    answer = _answer(monkeypatch, logs, both)
    text = answer.for_people()
    rows = [line for line in text.splitlines() if "±" in line]
    assert len(rows) == 2, "NumPy and PyTorch"
    assert all(row.split()[-2:] == ["8", "less"] for row in rows)
    assert "48.2 µs" in rows[0]
    assert "unsupported: NumPy has no compiled mode." in text
    assert "PyTorch compiled" in text
    assert "refused: work went on." in text
    assert text.endswith("gelu against squareplus in 2 settings: 2 less.")
    assert answer.exit_status == 1, "one was refused"


def test_nothing_timed_is_not_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = _answer(monkeypatch, {})
    assert answer.for_people().endswith("gelu and squareplus could not be compared.")
    assert answer.exit_status == 1
    [row] = held("answer-compare-activations", answer.for_machines())["rows"]
    assert (row["ratio"], row["status"], row["reason"]) == (None, "refused", "work went on")


def test_json_has_a_record_per_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = _answer(monkeypatch, {"compiled": [0.5, 0.5001, 0.4999]})
    record = held("answer-compare-activations", answer.for_machines())
    assert (record["first"], record["second"]) == ("gelu", "squareplus")
    [row] = record["rows"]
    assert row["low"] < row["ratio"] < row["high"]
    assert row["ratio"] == pytest.approx(math.exp(0.5))
    assert (row["framework"], row["mode"], row["processes"]) == ("torch", "compiled", 3)
    assert row["ns"] == [48_200.0, 27_400.0]
    assert row["forms"] == ["native", "textbook"]
    lone = held(
        "answer-compare-activations", _answer(monkeypatch, {"compiled": [0.5]}).for_machines()
    )["rows"][0]
    assert (lone["low"], lone["high"]) == (None, None)


# --- the command ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("gleu", "relu"), 2, "'gleu' is neither a run nor an activation: did you mean glu, gelu"),
        (("gelu", "no/such/run"), 4, "no run at no/such/run"),
        (("gelu", PUBLISHED), 2, "gelu is an activation and"),
        (("gelu", "relu", "--limit", "3"), 2, "--limit is for two runs"),
        (("gelu", "relu", "--dead-zone", "0.1"), 2, "--dead-zone is for two runs"),
        ((PUBLISHED, PUBLISHED, "--mode", "eager"), 2, "--mode is for two activations"),
        ((PUBLISHED, PUBLISHED, "--seed", "1"), 2, "--seed is for two activations"),
        (("gelu", "relu", "--framework", "PyTroch"), 2, "did you mean torch"),
        (("gelu",), 2, "Missing argument"),
    ],
)
def test_bad_usage_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    status: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["compare", *arguments]) == status
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.out == ""


@pytest.mark.slow
def test_numpy_answers_in_a_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """GELU written out takes erf, Squareplus a square root: ten times apart, whatever the noise."""
    with pytest.raises(SystemExit) as end:
        main(["compare", "gelu", "squareplus", "--framework", "NumPy", "--budget", "0", "--json"])
    record: dict[str, Any] = held("answer-compare-activations", capsys.readouterr().out)
    assert end.value.code == record["exit_status"] == 0
    [row] = record["rows"]
    assert row["ratio"] > 2
    assert row["processes"] == 3
