"""The answer of a run in a terminal: cells by hand, and the published run."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.commands import main
from actbench.bench.commands import run as command
from actbench.bench.commands.cells import Cell, cells
from actbench.bench.commands.table import _short, answer, sentence, table
from actbench.bench.host.progress import Reporter
from actbench.bench.results.facts import RunFacts
from actbench.bench.results.rows import Against, Other, Row, described
from actbench.bench.results.status import Status
from actbench.bench.results.store import load, read_facts
from actbench.bench.run.recording import Outcome
from actbench.bench.run.request import Request, known_frameworks
from actbench.bench.words import bar, plus_minus

from ...answers import held

PUBLISHED = max((Path(__file__).resolve().parents[3] / "results/published").glob("*-standard"))
GELU = Case("torch", "gelu", "native", "compiled", "forward", "cpu", "float32", 65536, 1)
RELU = Against(Other.UNIT, "relu", "max")
CLASSES = {"launch": 64, "l1": 4096, "l2": 65536, "memory": 2**23}


def _facts(*activations: str, **asked: list[str | int]) -> RunFacts:
    return replace(
        read_facts(PUBLISHED),
        asked={"activations": [*activations], **asked},
        size_classes={"cpu": CLASSES},
        frameworks=known_frameworks(),
    )


def _timed(case: Case, cost: float, half: float = 0.02, call: float = 48_200.0) -> list[Row]:
    return [
        Row(case, "relative_cost", cost, cost * (1 - half), cost * (1 + half), against=RELU),
        Row(case, "time_per_call", call, call * 0.99, call * 1.01),
    ]


def _near(case: Case, trouble: float = 0.0) -> list[Row]:
    figures = {
        "max_ulp": 1.5e7, "max_ulp_near": 1.9, "median_ulp_near": 0.25,
        "max_absolute_near": 1.19e-7, "median_absolute_near": 3e-9, "trouble_outside": trouble,
    }  # fmt: skip
    return [Row(replace(case, size=7168), metric, value) for metric, value in figures.items()]


def _cells(rows: list[Row], facts: RunFacts) -> list[Cell]:
    return cells(described(rows), facts)


@pytest.fixture(autouse=True)
def _known_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def _square(**changes: Any) -> Case:
    return replace(GELU, activation="squareplus", form="textbook", **changes)


def test_the_table_has_what_was_asked_for_with_its_figures() -> None:
    facts = _facts("squareplus", "gelu")
    relu = replace(GELU, activation="relu", form="max")
    rows = [*_timed(relu, 1.0), *_timed(GELU, 2.44), *_timed(_square(), 1.34), *_near(GELU)]
    lines = table(_cells(rows, facts), facts)
    assert lines[0] == "PyTorch, compiled, forward"
    assert lines[2] == "in cache, float32, 65,536 elements"
    assert [line.split()[0] for line in lines[3:]] == ["squareplus", "gelu"], "as asked for"
    assert re.sub(r" {2,}", "|", lines[4].strip()) == (
        "gelu|2.44 ±0.05|██████████|48.2 µs|1.9 · 0.25|1.2e-7 · 3e-9"
    )


def test_both_directions_print_like_forward_with_the_larger_error() -> None:
    facts = _facts("gelu")
    both, backward = (replace(GELU, direction=name) for name in ("both", "backward"))
    worse = [replace(row, value=2 * (row.value or 0)) for row in _near(backward)]
    rows = [*_timed(GELU, 2.0), *_timed(both, 3.0), *_timed(backward, 4.0), *_near(GELU), *worse]
    lines = table(_cells(rows, facts), facts)
    assert [line.split()[0] for line in lines[3:]] == ["forward", "backward", "both"]
    assert "1.9 · 0.25" in lines[3]
    assert "3.8 · 0.5" in lines[4]
    assert "3.8 · 0.5" in lines[5]


def test_trouble_and_a_maximum_without_a_near_one_are_marked_and_explained() -> None:
    facts = _facts("gelu", "squareplus")
    rows = [*_timed(GELU, 2.0), *_near(GELU, trouble=7), *_timed(_square(), 1.3)]
    rows.append(Row(_square(size=7168), "max_ulp", 12.0))
    text = answer(_cells(rows, facts), facts)
    assert any("1.9 · 0.25 !" in line for line in text)
    assert any("12*" in line for line in text)
    assert "*: the largest error over all inputs tried." in text
    assert any(line.startswith("!: outside [−20, 20]") for line in text)


def test_what_was_not_measured_says_why() -> None:
    facts = _facts("gelu", "squareplus")
    lost = Row(_square(), "time_per_call", None, status=Status.REFUSED, reason="work went on")
    text = answer(_cells([*_timed(GELU, 2.0), lost], facts), facts)
    assert any(re.search(r"squareplus +refused", line) for line in text)
    assert "PyTorch compiled squareplus forward: refused: work went on." in text


def test_forms_that_nobody_named_and_no_framework_has_are_left_out() -> None:
    absent = replace(GELU, framework="numpy", form="native", mode="eager")
    row = Row(absent, "time_per_call", None, status=Status.UNSUPPORTED, reason="none")
    assert _cells([row], _facts("gelu")) == []
    assert len(_cells([row], _facts("gelu", forms=["native"]))) == 1


def test_what_is_constant_stands_above_and_what_differs_beside() -> None:
    facts = _facts("gelu")
    cases = [replace(GELU, framework=name) for name in ("torch", "jax")]
    cases += [replace(case, mode="eager") for case in cases]
    lines = table(_cells([row for case in cases for row in _timed(case, 2.0)], facts), facts)
    assert lines[0] == "forward, gelu"
    assert [line.split()[0] for line in lines[3:]] == ["JAX", "compiled", "PyTorch", "compiled"]


@pytest.mark.parametrize("width", [100, 72, 60, 44])
def test_it_fits_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    facts = _facts("gelu", "squareplus")
    rows = [
        row
        for mode in ("eager", "compiled")
        for case in (replace(GELU, mode=mode), _square(mode=mode))
        for row in (*_timed(case, 12.3), *_near(case))
    ]
    lines = table(_cells(rows, facts), facts)
    assert max(map(len, lines)) <= width
    assert all("12.3 ±0.2" in line for line in lines[3:]), "the cost is never dropped"


def test_the_published_run_is_narrowed_until_it_fits_a_screen() -> None:
    run = load(PUBLISHED)
    few = replace(run.facts, asked={"activations": ["gelu", "squareplus"]})
    asked = cells(run.records, few)
    lines = answer(asked, few)
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100
    text = " ".join(lines)
    chosen = "the plain forms, float32, in cache, usual inputs"
    assert re.search(rf"Shown are \d+ cases of \d+: {chosen}\. ", text)
    assert answer(cells(run.records, run.facts), run.facts) == [], "hundreds of cases: no table"


# --- the sentence ---------------------------------------------------------------------------------


def test_the_sentence_is_about_compiled_code_in_cache() -> None:
    facts = _facts("gelu", "squareplus")
    rows = [*_timed(replace(GELU, mode="eager"), 9.0), *_timed(replace(GELU, size=64), 8.0)]
    rows += [*_timed(GELU, 2.44), *_timed(_square(), 1.34)]
    assert sentence(_cells(rows, facts), facts) == (
        "Compiled, forward, in cache, float32, 65,536 elements: gelu costs 2.44 relus and "
        "squareplus 1.34 (PyTorch)."
    )


def test_of_several_frameworks_it_has_the_range() -> None:
    facts = _facts("gelu")
    rows = [*_timed(GELU, 2.44), *_timed(replace(GELU, framework="jax"), 5.3)]
    assert "gelu costs 2.44–5.30 relus (JAX, PyTorch)." in sentence(_cells(rows, facts), facts)


def test_it_leaves_out_what_is_not_decided() -> None:
    facts = _facts("gelu", "squareplus")
    rows = [*_timed(GELU, 2.44), *_timed(_square(), 1.34, half=0.5)]
    assert "squareplus" not in sentence(_cells(rows, facts), facts)
    none = sentence(_cells(_timed(GELU, 2.0, half=0.9), facts), facts)
    assert none == "No cost here is known to within ±20 %: see the table."


# --- its parts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [
        (2.44, 0.02, "2.44 ±0.05"),
        (13.8, 0.04, "13.8 ±0.6"),
        (168.0, 0.02, "168 ±3"),
        (1.0, 0.0, "1.00 ±0.00"),
        (2.44, 0.0001, "2.44 ±2.44e-4"),
        (2.44, float("inf"), "2.44 ±?"),
    ],
)
def test_a_half_width_has_the_decimals_of_its_value(value: float, half: float, text: str) -> None:
    assert plus_minus(value, half) == text


def test_a_bar_is_as_long_as_its_share() -> None:
    assert [bar(share) for share in (1.0, 0.5, 0.25, 0.0)] == ["█" * 10, "█" * 5, "██▌", "▏"]
    assert bar(0.5, letters=4) == "██"


@pytest.mark.parametrize(
    ("error", "text"),
    [(16_740_000.0, "1.7e7"), (191.4, "190"), (0.632, "0.63"), (4.77e-7, "4.8e-7"), (0.0, "0")],
)
def test_an_error_has_two_digits(error: float, text: str) -> None:
    assert _short(error) == text


def test_the_usual_unit_stands_alone_and_others_say_whose_they_are() -> None:
    facts = _facts("gelu")
    other = [
        replace(row, against=replace(RELU, form="abs"))
        for row in _timed(replace(GELU, direction="backward"), 2.0)
    ]
    rows = [*_timed(GELU, 2.0), *_timed(replace(GELU, mode="eager"), 2.0), *other]
    assert "1 is relu max; for PyTorch compiled backward relu abs." in answer(
        _cells(rows, facts), facts
    )


# --- for machines ---------------------------------------------------------------------------------


def test_json_has_the_same_rows() -> None:
    facts = _facts("gelu")
    rows = [*_timed(GELU, 2.44), *_near(GELU)]
    outcome = Outcome(Path("run"), facts, list(described(rows)))
    [record] = held("answer-run", command.for_machines(outcome))["rows"]
    assert record["relative_cost"] == {"value": 2.44, "low": 2.44 * 0.98, "high": 2.44 * 1.02}
    assert record["unit"] == {"activation": "relu", "form": "max"}
    assert (record["max_ulp_near"], record["trouble_outside"]) == (1.9, 0.0)
    assert (record["size_class"], record["place"]) == ("l2", "in cache")
    assert (record["status"], record["slope"]) == ("ok", None)
    text = command.for_people(outcome)
    assert "2.44 ±0.05" in text
    assert "Rows: run/rows.jsonl." in text


# --- what is measured for it ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "profile"),
    [
        ((), "standard"),
        (("--framework", "PyTorch"), "standard"),
        (("--activation", "gelu"), "ask"),
        (("--activation", "gelu", "--profile", "smoke"), "smoke"),
    ],
)
def test_naming_an_activation_asks_for_little(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], profile: str
) -> None:
    def execute(request: Request, _: Reporter) -> Outcome:
        asked.append(request)
        return Outcome(Path("run"), _facts("gelu"), list(described(_timed(GELU, 2.0))))

    asked: list[Request] = []
    monkeypatch.setattr(command, "execute", execute)
    with pytest.raises(SystemExit):
        main(["run", *arguments])
    [request] = asked
    assert request.profile.name == profile
    assert request.selection.frameworks == (("torch",) if "PyTorch" in arguments else ())
