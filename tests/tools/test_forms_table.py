"""The table of fastest forms, on one tiny selection."""

from __future__ import annotations

from click.testing import CliRunner

from actbench.bench.catalog.cases import Case
from actbench.bench.timing.ratios import Estimate
from tools.forms_table import Duel, _pairs, _row, main


def _case(form: str, activation: str = "tanh") -> Case:
    return Case("numpy", activation, form, "eager", "forward", "cpu", "float32", 1024, 1)


def test_a_row_is_printed_for_every_activation() -> None:
    arguments = "--framework numpy --activation relu --activation tanh --size 4096 --rounds 2"
    done = CliRunner().invoke(main, [*arguments.split(), "--batch", "0.0002"])
    assert done.exit_code == 0, done.output
    head, rule, relu, tanh = done.output.splitlines()
    assert head.count("|") == rule.count("|") == relu.count("|") == tanh.count("|")
    assert relu.startswith("| NumPy | eager | relu |")
    assert " native |" in tanh


def test_a_mistyped_name_is_refused_with_a_hint() -> None:
    done = CliRunner().invoke(main, ["--activation", "rleu"])
    assert done.exit_code == 2
    assert "relu" in done.output


def test_the_form_to_beat_is_native_or_the_first_written_out() -> None:
    cases = [_case("native"), _case("textbook"), _case("max", "relu"), _case("blocked", "relu")]
    plain = dict(_pairs(cases, "plain"))
    assert plain == {cases[0]: [cases[1]], cases[2]: [cases[3]]}
    assert next(_pairs(cases, "textbook")) == (cases[1], [cases[0]])
    lone = _case("native", "exp")
    assert dict(_pairs([lone], "textbook")) == {lone: []}


def test_where_no_form_is_surely_faster_the_first_stands_against_itself() -> None:
    slower = Duel(_case("textbook"), _case("native"), 3.0, 2.0, Estimate(1.5, 1.4, 1.6))
    assert _row(_case("native"), [slower]).endswith("| native | 2 | native | 2 | 1 | – |")
    undecided = Duel(_case("textbook"), _case("native"), 1.9, 2.0, Estimate(0.95, 0.9, 1.1))
    assert _row(_case("native"), [slower, undecided]).endswith("| 2 | 1 | – |")
    assert _row(_case("max"), [], alone=3.0).endswith("| max | 3 | max | 3 | 1 | – |")
    faster = Duel(_case("textbook"), _case("native"), 1.0, 2.0, Estimate(0.5, 0.4, 0.6))
    assert _row(_case("native"), [slower, faster]).endswith("| 2 | 0.50 | 0.40–0.60 |")
