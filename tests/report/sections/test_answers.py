"""The words against the rows: every figure is computed again here, from the rows alone."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas
import pytest

from actbench.bench.catalog.activations import CATALOG
from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Against, Ended, Other, Point, Row, Sampling
from actbench.bench.results.status import Status
from actbench.bench.results.store import load
from actbench.report.page import render
from actbench.report.read.rows import read
from actbench.report.sections import answers, conditions, exactness, overview, special, trust
from actbench.report.tables.tables import all_tables
from actbench.report.words import number

MakeRun = Callable[..., Path]
SETTING = ["framework", "mode", "direction", "device", "dtype", "size", "threads"]
SETTING += ["output", "cache"]


def fastest(path: Path) -> pandas.DataFrame:
    """Each element-wise activation's cheapest form, setting by setting, from the rows."""
    rows = load(path).rows
    rows = rows[(rows.metric == "relative_cost") & (rows.status == "ok")].copy()
    rows["family"] = [CATALOG[name].family for name in rows.activation]
    rows = rows[[not CATALOG[name].rowwise for name in rows.activation]]
    return rows.loc[rows.groupby([*SETTING, "activation"]).value.idxmin()]


def cost_rows(activation: str, value: float, low: float, high: float, **where: str) -> list[Row]:
    """One timed case with a given relative cost."""
    fields = {"form": "wide", "mode": "eager", "direction": "forward", **where}
    case = Case("torch", activation, **fields, device="cpu", dtype="float32", size=65536, threads=1)
    time = Row(case, "time_per_call", value * 1000, low * 1000, high * 1000)
    return [time, Row(case, "relative_cost", value, low, high)]


RELU = cost_rows("relu", 1, 1, 1, form="native")


def test_verdict_counts_settings_as_the_rows_do(runs: dict[str, Path]) -> None:
    counts = {"forward": [0, 0, 0], "backward": [0, 0, 0]}  # all, some, none
    for (_, _, direction, *_), group in fastest(runs["normal"]).groupby(SETTING):
        algebraic = group[group.family == "algebraic"].sort_values("value").iloc[0]
        cheaper = (group[group.family == "exp"].low > algebraic.high).tolist()
        counts[direction][0 if all(cheaper) else 1 if any(cheaper) else 2] += 1
    text = answers.verdict(read([runs["normal"]]))
    for part in text.rstrip(".").split(";"):
        direction = "forward" if "forward" in part.lower() else "backward"
        told = {
            "all": re.search(r"cheaper than all in (\d+)", part),
            "some": re.search(r"some but not all in (\d+)", part),
            "none": re.search(r"not shown to be cheaper than any in (\d+)", part),
        }
        assert [int(found[1]) if found else 0 for found in told.values()] == counts[direction]
        assert f"of {sum(counts[direction])} settings" in part


def test_ranges_of_a_setting_are_those_of_the_rows(runs: dict[str, Path]) -> None:
    groups = answers.groups(read([runs["normal"]]))
    [torch] = [each for each in groups[0].answers if each.who.startswith("PyTorch, compiled")]
    rows = fastest(runs["normal"])
    chosen = rows.query(
        "framework == 'torch' and mode == 'compiled' and direction == 'forward' and size == 65536"
    )
    for family, words in torch.families:
        members = chosen[chosen.family == family].sort_values("value")
        for row in (members.iloc[0], members.iloc[-1]):
            interval = f"({number(row.low)}–{number(row.high)})"
            assert f"{number(row.value)}× {interval} {row.activation} [{row.form}]" in words


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (2.0, 2.2, "squareplus is cheaper than gelu."),
        (0.5, 0.6, "squareplus is dearer than gelu."),
        (1.15, 1.4, "squareplus cannot be told apart from gelu."),
        (1.2, 1.4, "squareplus cannot be told apart from gelu."),
    ],
)
def test_only_intervals_that_do_not_touch_are_told_apart(
    make_run: MakeRun, low: float, high: float, expected: str
) -> None:
    rows = [*RELU, *cost_rows("squareplus", 1.1, 1.0, 1.2)]
    rows += cost_rows("gelu", (low + high) / 2, low, high)
    [group] = answers.groups(read([make_run(rows)]))
    assert group.answers[0].comparison == expected


def test_without_an_interval_nothing_is_told_apart(make_run: MakeRun) -> None:
    rows = [*RELU, *cost_rows("squareplus", 1.1, 1.0, 1.2)]
    bare = [
        Row(row.case, row.metric, row.value, None, None) for row in cost_rows("gelu", 9.0, 9.0, 9.0)
    ]
    [group] = answers.groups(read([make_run([*rows, *bare])]))
    assert group.answers[0].comparison == "squareplus cannot be told apart from gelu."
    assert "9.00× (no interval) gelu" in dict(group.answers[0].families)["exp"]


def test_a_missing_family_is_named_with_its_reason(make_run: MakeRun) -> None:
    case = RELU[0].case
    failed = Case(**{**case.as_dict(), "activation": "squareplus"})
    reason = Row(failed, "time_per_call", None, status=Status.OOM, reason="64 GiB wanted")
    [group] = answers.groups(read([make_run([*RELU, *cost_rows("gelu", 3, 2.9, 3.1), reason])]))
    [answer] = group.answers
    assert answer.comparison == "Algebraic against exp: not measured in this run."
    assert dict(answer.families)["algebraic"] == "not measured in this run (oom: 64 GiB wanted)"
    assert answer.command.startswith("actbench run --framework torch")


def test_without_relu_no_cost_is_claimed(runs: dict[str, Path]) -> None:
    evidence = read([runs["single"]])
    [answer] = answers.groups(evidence)[0].answers
    assert "relu was not measured" in answer.comparison
    assert answer.families == ()
    assert "was not measured" in answers.verdict(evidence)


def test_row_wise_activations_are_in_no_family(make_run: MakeRun) -> None:
    rows = [*RELU, *cost_rows("gelu", 3, 2.9, 3.1), *cost_rows("softmax", 99, 98, 100)]
    [group] = answers.groups(read([make_run(rows)]))
    assert dict(group.answers[0].families)["exp"] == "3.00× (2.90–3.10) gelu [wide]"


def test_primitives_are_in_no_family_and_in_the_table(make_run: MakeRun) -> None:
    """The cheapest of all is no rival; tanh, which is an activation as well, stays one."""
    rows = [*RELU, *cost_rows("squareplus", 1.1, 1.0, 1.2), *cost_rows("tanh", 3, 2.9, 3.1)]
    rows += [*cost_rows("copy", 0.1, 0.1, 0.1, form="native"), *cost_rows("exp", 99, 98, 100)]
    rows += [Row(each.case, "max_ulp", 0.5) for each in rows if each.metric == "time_per_call"]
    evidence = read([make_run(rows)])
    [group] = answers.groups(evidence)
    told = dict(group.answers[0].families)
    assert told["exp"] == "3.00× (2.90–3.10) tanh [wide]"
    assert told["algebraic"] == "1.10× (1.00–1.20) squareplus [wide]"
    assert "copy" not in " ".join(exactness.sentences(evidence))
    made = all_tables(evidence)["timings"]
    [family] = [column for column in made["columns"] if column["key"] == "family"]
    assert "primitive" in family["words"]
    assert "copy" in render(evidence)


def test_a_run_of_primitives_alone_has_a_page(make_run: MakeRun) -> None:
    evidence = read([make_run([*RELU, *cost_rows("copy", 0.5, 0.4, 0.6, form="native")])])
    assert "was not measured" in answers.verdict(evidence)
    assert "copy" in render(evidence)


def test_a_form_far_from_exact_is_marked_and_not_sound(make_run: MakeRun) -> None:
    rows = [*RELU, *cost_rows("gelu", 3, 2.9, 3.1)]
    rows += cost_rows("squareplus", 1.1, 1.0, 1.2, form="textbook")
    rows += cost_rows("squareplus", 4.0, 3.9, 4.1)
    checked = [(rows[2].case, 1000.0), (rows[4].case, 1001.0), (rows[6].case, 0.6)]
    rows += [Row(case, "max_ulp", ulp) for case, ulp in checked]
    evidence = read([make_run(rows)])
    assert (
        "squareplus [textbook]†"
        in dict(answers.groups(evidence)[0].answers[0].families)["algebraic"]
    )
    assert "squareplus is cheaper in 1 of 1 setting" in answers.verdict(evidence)
    assert "squareplus is dearer in 1 of 1 setting" in answers.sound_verdict(evidence)


def test_views_choose_their_forms(runs: dict[str, Path]) -> None:
    for name, _, lines in overview.views(read([runs["normal"]])):
        told = [member for line in lines for cell in line.cells for member in cell.members]
        assert told
        assert all(("[native]" in each) is True for each in told) or name != "native"
        assert not any("[native]" in each for each in told) or name != "written"
        assert not any("†" in each for each in told) or name != "sound"


def test_relu_itself_is_the_unit_and_no_finding(make_run: MakeRun) -> None:
    rows = [*RELU, *cost_rows("gelu", 3, 2.9, 3.1)]
    families = dict(answers.groups(read([make_run(rows, "alone")]))[0].answers[0].families)
    assert families["max"] == "relu alone was measured, which is the unit"
    rows += cost_rows("relu", 0.8, 0.7, 0.9, form="abs")
    families = dict(answers.groups(read([make_run(rows, "abs")]))[0].answers[0].families)
    assert families["max"] == "0.800× (0.700–0.900) relu [abs]"


def test_forms_that_were_not_timed_are_named(make_run: MakeRun) -> None:
    found = trust.warnings(read([make_run([*RELU, *cost_rows("squareplus", 1.1, 1.0, 1.2)])]))
    [line] = [each for each in found if "did not time every form" in each]
    assert "squareplus textbook" in line
    assert "squareplus wide" not in line


def test_a_changed_floating_point_environment_is_told_before_the_first_number(
    make_run: MakeRun,
) -> None:
    before = {"flushes_results": False, "subnormals_are_zero": False, "rounding": "to nearest"}
    after = {**before, "flushes_results": True}
    workers = {"torch": {"status": "ok", "floating_point": {"before": before, "after": after}}}
    evidence = read([make_run([*RELU], "fast", workers=workers)])
    [line] = [each for each in trust.warnings(evidence) if "floating-point" in each]
    assert line.startswith("Run fast. Importing torch changed")
    assert line.endswith("subnormal results become zero.")
    assert line in render(evidence)
    calm = read([make_run([*RELU], "calm")])
    assert not any("floating-point" in each for each in trust.warnings(calm))


def test_special_points_have_a_table_a_framework_with_words_for_departures(
    make_run: MakeRun,
) -> None:
    case = Case("torch", "silu", "native", "eager", "forward", "cpu", "float32", 4096, 1)
    textbook, jax = replace(case, form="textbook"), replace(case, framework="jax")
    odd = (Point("-inf", got=math.nan, exact=0.0),)
    rows = [
        Row(case, "special_departures", 1.0, points=odd),
        Row(textbook, "special_departures", 2.0),
        Row(jax, "sign_of_zero", 1.0),
    ]
    evidence = read([make_run([*RELU, *rows])])
    torch_, jax_ = special.pivots(evidence)
    assert (jax_.heading, torch_.heading) == ("JAX", "PyTorch")
    assert [(name, form) for name, form, _ in torch_.rows] == [("silu", "native")]
    cells = dict(zip(torch_.columns, torch_.rows[0][2], strict=True))
    assert cells["Departures"].text == "1: −∞ → NaN, limit 0"
    assert cells["The sign of −0"].text == "–"
    assert dict(zip(jax_.columns, jax_.rows[0][2], strict=True))["The sign of −0"].text == "lost"
    assert "−∞ → NaN, limit 0" in render(evidence)


def test_other_conditions_have_a_sentence_each(make_run: MakeRun) -> None:
    case = Case("torch", "mish", "native", "eager", "forward", "cpu", "float32", 66560, 1)
    gelu = replace(case, activation="gelu")
    rows = []
    for each, other, most, equal in (
        (case, Against(Other.TAIL), 5.0, 0.9),
        (gelu, Against(Other.TAIL), 0.0, 1.0),
        (gelu, Against(Other.VARIANT, "onednn=0"), 0.0, 1.0),
        (gelu, Against(Other.MODE, "compiled"), float("inf"), 0.99),
        (gelu, Against(Other.FRAMEWORK, "jax"), 9.0, 0.1),
    ):
        rows += [Row(each, "max_ulp_between", most, against=other)]
        rows += [Row(each, "equal_bits", equal, against=other)]
    evidence = read([make_run([*RELU, *rows])])
    assert conditions.sentences(evidence) == [
        "PyTorch, in arrays too short for a vector instead of long ones: other bits in 1 of 2 "
        "cases, farthest apart in mish native forward float32: 5.00 ulp.",
        "PyTorch, with onednn=0: the same bits in 1 case.",
        "PyTorch, compiled instead of eager: other bits in 1 of 1 case, farthest apart in gelu "
        "native forward float32: a NaN beside a number.",
    ]
    assert "with onednn=0: the same bits" in render(evidence)


def test_runs_are_never_compared_with_each_other(make_run: MakeRun) -> None:
    one = make_run([*RELU, *cost_rows("squareplus", 1.1, 1.0, 1.2)], "one")
    two = make_run([*RELU, *cost_rows("gelu", 9, 8.9, 9.1)], "two")
    evidence = read([one, two])
    assert "was not measured in these runs" in answers.verdict(evidence)
    assert [group.heading[-7:] for group in answers.groups(evidence)] == ["run one", "run two"]


def test_trust_counts_cases_failures_and_widths(runs: dict[str, Path]) -> None:
    rows = load(runs["failing"]).rows
    timed = rows[(rows.metric == "time_per_call") & (rows.status == "ok")]
    widths = (timed.high - timed.low) / timed.value
    failed = rows[rows.status.isin(["error", "timeout", "oom"])]
    unsupported = rows[(rows.metric == "time_per_call") & (rows.status == "unsupported")]
    evidence = read([runs["failing"]])
    [(name, told)] = trust.state(evidence)
    line = dict(told)
    assert name == runs["failing"].name
    assert f"{len(timed)} cases timed" in line["Measured"]
    kinds = f"{len(failed)} failed (1 error, 1 oom and 1 timeout), {len(unsupported)} unsup"
    assert kinds in line["Measured"]
    assert f"median width {widths.median():.1%}" in line["Intervals"]
    assert "3 samples preempted" in line["Machine"]
    assert "Another CPU, 1 core; " in line["Machine"]
    assert "71% of the measuring phase" in line["Time"]
    assert f"{len(timed)} timed cases passed" in line["Checks"]
    assert "none refused" in line["Checks"]
    assert any("is interrupted, not finished" in each for each in trust.unfinished(evidence))


def test_a_framework_that_is_not_there_says_why(runs: dict[str, Path]) -> None:
    told = dict(answers.absent(read([runs["failing"]])))
    [tensorflow] = [sentence for sentence in told if sentence.startswith("TensorFlow")]
    assert "tensorflow is not installed here" in tensorflow
    assert told[tensorflow] == "actbench run --framework tensorflow"


def failed(framework: str, reason: str, status: Status = Status.UNSUPPORTED, **changes: Any) -> Row:
    case = replace(RELU[0].case, framework=framework, **changes)
    return Row(case, "time_per_call", None, status=status, reason=reason)


def test_a_framework_whose_cases_have_no_value_says_why(make_run: MakeRun) -> None:
    """The reason of most rows; where some failed, theirs, however many do not exist."""
    rows = [
        *RELU,
        failed("numpy", "NumPy has no native relu"),
        failed("numpy", "NumPy has no compiled mode", form="max"),
        failed("numpy", "NumPy has no compiled mode", form="where"),
        failed("jax", "JAX has no native maxout"),
        failed("jax", "JAX has no native maxout", size=64),
        failed("jax", "RuntimeError: no room.", "error", form="max"),
        failed("tensorflow", "", "refused"),
    ]
    assert [sentence for sentence, _ in answers.absent(read([make_run(rows)]))] == [
        "NumPy was not measured in this run: unsupported: NumPy has no compiled mode.",
        "JAX was not measured in this run: error: RuntimeError: no room.",
        "TensorFlow was not measured in this run: refused: no reason was kept.",
    ]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"state": "interrupted"}, "nothing of it was measured before the run ended"),
        (
            {"state": "running", "asked": {"frameworks": ["torch", "numpy"]}},
            "nothing of it was measured before the run ended",
        ),
        ({"state": "interrupted", "asked": {"frameworks": ["torch"]}}, "not asked for"),
        ({}, "not asked for"),
    ],
)
def test_what_a_run_did_not_come_to_was_asked_for(
    make_run: MakeRun, facts: dict[str, Any], reason: str
) -> None:
    told = dict(answers.absent(read([make_run(RELU, **facts)])))
    assert f"NumPy was not measured in this run: {reason}." in told


def test_a_worker_that_refuses_a_device_is_offered_the_cpu(make_run: MakeRun) -> None:
    rows = [replace(row, case=replace(row.case, device="cuda")) for row in RELU]
    workers = {"numpy/cuda/1": {"status": "unsupported", "detail": "NumPy has no cuda device"}}
    told = dict(answers.absent(read([make_run(rows, workers=workers)])))
    assert told["NumPy was not measured in this run: NumPy has no cuda device."] == (
        "actbench run --framework numpy"
    )
    assert told["JAX was not measured in this run: not asked for."] == (
        "actbench run --framework jax --device cuda"
    )


NOTHING = "Nothing: every case that was asked for has a value."


def test_nothing_is_missing_only_where_a_whole_run_has_rows(make_run: MakeRun) -> None:
    assert trust.none_missing(read([make_run(RELU, "whole")])) == NOTHING
    stopped = make_run(RELU, "stopped", state="interrupted")
    for path in (stopped, make_run([], "empty")):
        evidence = read([path])
        assert "does not mean that all have a value" in trust.none_missing(evidence)
        assert NOTHING not in render(evidence)


def test_a_run_that_ended_in_its_first_process_is_of_one(make_run: MakeRun) -> None:
    one, two = (Sampling(processes, 9, 0, Ended.NARROW) for processes in (1, 2))
    gelu = replace(RELU[0], case=replace(RELU[0].case, activation="gelu"), sampling=two)
    relu = replace(RELU[0], sampling=one)
    evidence = read([make_run([relu, gelu], "cut", state="interrupted")])
    [line] = [each for each in trust.warnings(evidence) if "process" in each]
    assert line.startswith("Run cut timed 1 of 2 cases in one process: the intervals of these do")
    whole = read([make_run([gelu], "whole")])
    assert not any("process" in each for each in trust.warnings(whole))
    planned = read([make_run([gelu], "planned", epochs=1)])
    assert any("timed 1 of 1 case in one process" in each for each in trust.warnings(planned))


def test_the_worst_native_function_is_named(make_run: MakeRun) -> None:
    case = RELU[0].case
    rows = [Row(case, "max_ulp", 0.5, worst=Point("0x1p0", got=1.0))]
    gelu = Case(**{**case.as_dict(), "activation": "gelu"})
    rows.append(Row(gelu, "max_ulp", math.inf, worst=Point("-0x1.800p+3", got=math.nan)))
    [sentence] = exactness.sentences(read([make_run(rows)]))
    assert "1 of 2 native functions stay within 4 ulp" in sentence
    assert "the largest error is that of gelu (∞ ulp at -12, -0x1.8p+3)" in sentence


def test_one_exp_activation_is_named_and_not_spoken_of_as_several(make_run: MakeRun) -> None:
    rows = [*RELU, *cost_rows("squareplus", 1.1, 1.0, 1.2), *cost_rows("gelu", 3, 2.9, 3.1)]
    evidence = read([make_run(rows, "one")])
    told = answers.verdict(evidence)
    assert "against gelu, the only exp activation measured, squareplus is cheaper in 1" in told
    assert "exp activations" not in render(evidence).split('id="answer"')[1].split("</section>")[0]
    evidence = read([make_run([*rows, *cost_rows("silu", 2, 1.9, 2.1)], "two")])
    assert "cheaper than all in 1 of 1 setting" in answers.verdict(evidence)


@pytest.mark.parametrize("other", [{"output": "reused"}, {"cache": "cold"}])
def test_only_cases_with_the_same_output_and_cache_are_compared(
    make_run: MakeRun, other: dict[str, str]
) -> None:
    """Planted: reused and cold cases that are far cheaper, which no sentence may take up."""
    rows = [*RELU, *cost_rows("squareplus", 5, 4.9, 5.1), *cost_rows("gelu", 3, 2.9, 3.1)]
    rows += cost_rows("squareplus", 0.01, 0.01, 0.01, **other)
    rows += [*cost_rows("relu", 1, 1, 1, form="native", **other)]
    rows += cost_rows("gelu", 3, 2.9, 3.1, **other)
    evidence = read([make_run(rows)])
    assert "squareplus is dearer in 1 of 1 setting" in answers.verdict(evidence)
    [group] = answers.groups(evidence)
    assert "0.0100" not in str(group)
    lines = overview.views(evidence)[0][2]
    [apart] = [line for line in lines if next(iter(other.values())) in line.conditions]
    assert "0.0100" in str(apart.cells)
    assert apart.verdict == "squareplus: cheaper than 1"
    made = all_tables(evidence)["timings"]
    filtered = {column["key"] for column in made["columns"] if column["filtered"]}
    assert {"output", "cache"} <= filtered


def test_why_sampling_ended_is_a_column_of_its_own(make_run: MakeRun) -> None:
    ends = {
        "relu": Sampling(1, 9, 0, Ended.NARROW),
        "elu": Sampling(2, 8, 1, Ended.DIFFER),
        "silu": Sampling(1, 3, 0, Ended.BUDGET),
        "gelu": None,
    }
    rows = [
        Row(replace(RELU[0].case, activation=name), "time_per_call", 1.0, 0.9, 1.1, sampling=each)
        for name, each in ends.items()
    ]
    made = all_tables(read([make_run(rows)]))["timings"]
    at = {column["key"]: (place, column) for place, column in enumerate(made["columns"])}
    place, column = at["ended"]
    told = [column["words"][row[place]] for row in made["rows"]]
    assert told == [
        "narrow enough",
        "processes differ",
        "the budget ended",
        "",
    ]
    assert at["samples"][1]["words"][-1] == "9 samples in 1 process"


def test_settings_of_two_runs_are_counted_apart(make_run: MakeRun) -> None:
    one = [*RELU, *cost_rows("squareplus", 1, 1, 1.1), *cost_rows("gelu", 3, 2.9, 3.1)]
    two = [*RELU, *cost_rows("squareplus", 5, 4, 6), *cost_rows("gelu", 3, 2.9, 3.1)]
    told = answers.verdict(read([make_run(one, "one"), make_run(two, "two")]))
    first, second = told.split("; ")
    assert first.startswith("Forward in run one, ")
    assert "squareplus is cheaper in 1 of 1 setting" in first
    assert second.startswith("forward in run two, ")
    assert "squareplus is dearer in 1 of 1 setting" in second
