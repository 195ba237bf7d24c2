"""The cost of the backward pass: planted times, recovered as ratios."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Row
from actbench.report.questions.backward import answer
from actbench.report.read.rows import read

MakeRun = Callable[..., Path]
MakeCase = Callable[..., Case]
Times = dict[tuple[str, str], tuple[float, float, float]]

PLANTED: Times = {
    ("relu", "forward"): (100.0, 90.0, 110.0),
    ("relu", "backward"): (105.0, 95.0, 115.0),
    ("gelu", "forward"): (100.0, 98.0, 102.0),
    ("gelu", "backward"): (300.0, 290.0, 310.0),
    ("squareplus", "forward"): (100.0, 99.9, 100.1),
    ("squareplus", "backward"): (100.0, 99.9, 100.1),
}


def rows(make_case: MakeCase, times: Times, framework: str = "torch") -> list[Row]:
    forms = {"squareplus": "textbook"}
    return [
        Row(
            make_case(name, framework, direction=direction, form=forms.get(name, "native")),
            "time_per_call",
            *time,
        )
        for (name, direction), time in times.items()
    ]


def test_the_gradient_is_set_beside_the_value(
    make_run: MakeRun, make_case: MakeCase, planned: Callable[[str], list[Case]]
) -> None:
    """relu touches, gelu takes longer, squareplus the same; ends are those of both intervals."""
    planted = rows(make_case, PLANTED)
    answered = answer(read([make_run(planted)]))
    low, high = 290 / 102, 310 / 98
    assert answered.sentences == (
        "In cache, 65,536 elements (2^16), the gradient alone: relu's is not distinguished from "
        f"its value in 1 of 1 setting ({95 / 110:.3f}–{115 / 90:.2f}×). gelu's takes longer than "
        f"its value in 1 of 1 setting ({low:.2f}–{high:.2f}×). squareplus's takes the same time as "
        "its value, within 5%, in 1 of 1 setting (0.998–1.00×).",
        "Both in one call were not timed: --direction both does it.",
    )
    assert {row.case for row in planted} <= set(planned(answered.command))
    assert [len(figure.panels) for figure in answered.figures] == [1]
    assert "3.00× gelu" in answered.figures[0].panels[0].svg


def test_both_in_one_call_are_stated_where_they_were_timed(
    make_run: MakeRun, make_case: MakeCase
) -> None:
    times: Times = {("gelu", "forward"): (100, 99, 101), ("gelu", "both"): (400, 396, 404)}
    answered = answer(read([make_run(rows(make_case, times))]))
    assert answered.sentences == (
        "In cache, 65,536 elements (2^16), value and gradient in one call: gelu's takes longer "
        f"than its value in 1 of 1 setting ({396 / 101:.2f}–{404 / 99:.2f}×).",
    )
    assert "gelu 4.00×" in answered.figures[0].panels[0].label


def test_no_gradient_no_answer(
    make_run: MakeRun, make_case: MakeCase, planned: Callable[[str], list[Case]]
) -> None:
    forward = {key: time for key, time in PLANTED.items() if key[1] == "forward"}
    answered = answer(read([make_run(rows(make_case, forward))]))
    assert not answered.measured
    assert not answered.figures
    assert {case.direction for case in planned(answered.command)} == {"forward", "backward"}


def test_a_gradient_is_never_set_beside_the_value_of_another_run(
    make_run: MakeRun, make_case: MakeCase
) -> None:
    """The first run has no gradient, so the second is the one that answers."""
    times: Times = {("gelu", "forward"): (10.0, 9.9, 10.1)}
    first = make_run(rows(make_case, times), name="a")
    second = make_run(rows(make_case, PLANTED), name="b")
    answered = answer(read([first, second]))
    assert answered.sentences[0].startswith("Run b: in cache")
    assert "2.84–3.16×" in answered.sentences[0]


def test_names_cannot_break_out(make_run: MakeRun, make_case: MakeCase, hostile_text: str) -> None:
    times: Times = {("gelu", "forward"): (10, 9, 11), ("gelu", "backward"): (50, 49, 51)}
    answered = answer(read([make_run(rows(make_case, times, hostile_text))]))
    assert answered.measured
    assert answered.command == ""
    assert "<script" not in answered.figures[0].panels[0].svg
