"""The report of a gate: faults first, the same in words, in JSON and as an exit status."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog.asked import Name
from actbench.bench.catalog.cases import Case
from actbench.bench.gate import words
from actbench.bench.gate.exactness import Change, Example, Kind
from actbench.bench.gate.exactness import Compared as Exact
from actbench.bench.gate.gate import Result
from actbench.bench.gate.trees import Tree
from actbench.bench.host.environment import FEATURES, Circumstance
from actbench.bench.results.estimate import UNKNOWN, Estimate
from actbench.bench.results.rows import Point, Row
from actbench.bench.results.status import Status
from actbench.bench.timing.decisions import Decision, Design
from actbench.bench.timing.verdicts import Verdict
from actbench.bench.worker.protocol import Failure

from ...answers import held

_CASE = Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 4096, 1)
_VERDICTS = tuple(map(str, Verdict))
_FAILURE = Failure(Status.ERROR, "why it failed")
_RATIOS = {"slower": 1.2, "faster": 0.8, "same": 1.0, "undecided": 1.01}


def _timed(verdict: Any, **changes: Any) -> Decision:
    value = _RATIOS.get(verdict)
    ratio = Estimate(value, value / 1.01, value * 1.01) if value else UNKNOWN
    fields = {
        "verdict": verdict,
        "ratio": ratio,
        "failures": {} if value else {"candidate": _FAILURE},
        "logs": [0.0] * 4 if value else [],
        **changes,
    }
    return Decision(_CASE, "changed", **{**fields, "verdict": Verdict(fields["verdict"])})


def _exact(kind: Any, **changes: Any) -> Exact:
    failed = kind in ("broken", "mended", "new", "wrong", "unmeasured", "unsupported")
    fields: dict[str, Any] = {"tested": 10}
    if failed:
        fields = {"failures": {"candidate": _FAILURE}}
    if kind == "worse":
        rows = (Row(_CASE, "max_ulp", value) for value in (1.0, 2.0))
        shown = Example(Point((1.0).hex()), 1.0, 2.0, 1.0)
        fields |= {"worse": (Change("max_ulp", *rows),), "shown": shown}
    return Exact(_CASE, Kind(kind), **{**fields, **changes})


def _result(timed: Sequence[str] = (), exact: Sequence[str] = (), **changes: Any) -> Result:
    base, candidate = Tree(Path(), "v1", "a" * 40), Tree(Path(), "the working tree", "b" * 40, True)
    fields = {"timed": [*map(_timed, timed)], "exact": [*map(_exact, exact)], **changes}
    return Result(
        **{"base": base, "candidate": candidate, "design": Design(), "command": "", **fields}
    )


_SOME = st.lists(st.sampled_from(_VERDICTS), max_size=40)
_KINDS = st.lists(st.sampled_from(list(map(str, Kind))), max_size=6)


@given(_SOME, _KINDS)
def test_the_exit_status_is_what_was_measured(timed: list[str], exact: list[str]) -> None:
    result = _result(timed, exact)
    worse = {"slower", "broken"} & set(timed) or {"worse", "wrong", "broken"} & set(exact)
    alone = {"mended", "new"} & set(timed) and not exact
    silent = alone or "unmeasured" in {*timed, *exact}
    open_ = "undecided" in timed
    assert words.exit_status(result) == (1 if worse or silent else 0)
    status = 1 if worse or silent else 3 if open_ else 0
    assert words.exit_status(result, strict=True) == status
    title = words.markdown(result).splitlines()[0]
    otherwise = "not everything could be compared" if silent else "nothing slower or less exact"
    assert title.endswith(f"gate: {'slower or less exact' if worse else otherwise}")


@pytest.mark.parametrize("kind", [Kind.DIFFERENT, Kind.NEW, Kind.MENDED])
def test_what_no_reference_judges_fails_unless_it_is_accepted(kind: Kind) -> None:
    shown = Example(Point((1.0).hex()), 1.0, math.nan)
    unknown = _exact(kind, judged=False, shown=shown, failures={})
    result = replace(_result(), exact=[unknown])
    assert words.exit_status(result) == 1
    assert "at 0x1.0000000000000p+0 (1.0): 1.0 → nan" in words.for_people(result)
    accepted = replace(result, exact=[replace(unknown, accepted=True)])
    assert words.exit_status(accepted) == 0
    assert f"{kind}, accepted: " in words.for_people(accepted)
    assert words.exit_status(replace(result, exact=[replace(unknown, judged=True)])) == 0


def test_what_was_asked_for_and_compared_by_nothing_fails() -> None:
    result = _result(["same"], lacking=[Name("dtype", "bfloat16"), Name("framework", "jax")])
    assert words.exit_status(result) == 1
    assert "not compared at all: dtype bfloat16, framework JAX" in words.sentence(result)
    record = held("answer-gate", words.for_machines(result))
    assert record["lacking"][0] == {"what": "dtype", "text": "bfloat16"}


@given(_SOME, _KINDS)
def test_every_way_of_saying_it_counts_alike(timed: list[str], exact: list[str]) -> None:
    result = _result(timed, exact)
    text = words.sentence(result)
    for kind in set(timed):
        assert f"{timed.count(kind)} {kind}" in text
    assert words.for_people(result).splitlines()[-1] == text
    record = held("answer-gate", words.for_machines(result))
    assert record["verdict"] == text
    assert [row["verdict"] for row in record["timing"]] == timed
    assert [row["kind"] for row in record["exactness"]] == exact
    rows = [line for line in words.for_people(result).splitlines() if "  relu  " in line]
    shown = len(timed) - (timed.count("same") if len(timed) > 24 else 0)
    assert len(rows) == (shown or min(len(timed), 24))


def test_the_worst_is_named_first() -> None:
    far = _timed("slower", ratio=Estimate(3.0, 2.9, 3.1))
    result = _result()
    result.timed = [_timed("same"), _timed("slower"), far]
    assert "worst: NumPy relu max, eager, forward, float32, 4,096 elements, 3 times (2.9–3.1)" in (
        words.sentence(result)
    )
    result.timed.append(_timed("broken"))
    assert "why it failed)" in words.sentence(result)
    first = words.for_people(result).splitlines()
    assert [line.split()[0] for line in first[1:5]] == ["broken", "slower", "slower", "same"]
    assert " 3  " in first[2]


def test_what_chose_other_code_stands_beside_what_is_slower() -> None:
    flags = Circumstance("numpy", "XLA_FLAGS", None, "--xla_cpu_use_fusion=false")
    features = Circumstance("numpy", FEATURES, "SSE AVX2", "SSE")
    result = _result()
    result.timed = [_timed("slower", besides=[flags, features])]
    beside = f"besides: XLA_FLAGS none → --xla_cpu_use_fusion=false, {FEATURES}: without AVX2"
    [line] = [line for line in words.for_people(result).splitlines() if line.startswith("slower")]
    assert line.endswith(beside)
    assert f"(1.19–1.21); {beside})" in words.sentence(result)
    [record] = held("answer-gate", words.for_machines(result))["timing"]
    assert record["besides"][0] == {**asdict(flags)}
    assert "besides" not in words.for_people(_result(["slower"]))


@given(st.text(max_size=12), st.text(min_size=1, max_size=12))
def test_text_from_elsewhere_marks_nothing_up(label: str, detail: str) -> None:
    result = _result(base=Tree(Path(), label), notes=[detail])
    failures = {"candidate": Failure(Status.ERROR, detail)}
    result.timed = [_timed("broken", failures=failures)]
    result.exact = [_exact("broken", failures=failures)]
    plain = words.markdown(_result(base=Tree(Path(), "x"), timed=["broken"], exact=["broken"]))
    lines = words.markdown(result).split("\n")
    marks = ("\\\\", *(f"\\{mark}" for mark in "`*_<>|[]"))

    def bare(text: str) -> str:
        for mark in marks:
            text = text.replace(mark, "")
        return text

    table = [line for line in lines if line.startswith("| ")]
    assert {bare(line).count("|") for line in table} == {14}
    assert [line[:2] for line in lines if line[:2] in ("##", "| ", "|-")] == [
        line[:2] for line in plain.split("\n") if line[:2] in ("##", "| ", "|-")
    ]
    text = bare(next(line for line in lines if line.startswith("Against")))
    assert not set("`*<[") & set(text)


@given(st.text(min_size=1, max_size=12).filter(lambda text: "\0" not in text))
def test_the_command_to_repeat_names_the_base_whatever_it_is(label: str) -> None:
    text = shlex.split(words.repeat(_result(base=Tree(Path(), label)), _CASE))
    assert text[text.index("--base") + 1] == label
    assert text[text.index("--activation") + 1] == "relu"


def test_the_working_tree_against_itself_is_repeated_so() -> None:
    tree = Tree(Path(), "the working tree")
    assert "--base WORKTREE --all" in words.repeat(_result(base=tree, candidate=tree), _CASE)


def test_the_command_to_repeat_has_the_conditions_of_its_case() -> None:
    case = replace(_CASE, device="cuda", threads=2, output="reused")
    text = words.repeat(_result(options={"dead_zone": 0.01, "seed": 3}), case)
    for option in ("--device cuda", "--threads 2", "--output reused"):
        assert option in text
    assert "--dead-zone 0.01 --seed 3 --budget" in text
    plain = words.repeat(_result(), _CASE)
    assert plain.endswith("--dtype float32 --size 4096 --base v1 --all --budget 120")
    assert not any(option in plain for option in ("--device", "--threads", "--output", "--cache"))


def test_a_path_with_a_space_is_quoted_in_the_command_to_repeat() -> None:
    text = shlex.split(words.repeat(_result(base_python="/my envs/bin/python"), _CASE))
    assert text[text.index("--base-python") + 1] == "/my envs/bin/python"


def test_results_of_which_nobody_knows_the_right_ones_are_shown() -> None:
    shown = Example(Point((1.0).hex()), 2.0, 3.0)
    unknown = _exact("different", differing=3, judged=False, shown=shown)
    text = words.for_people(replace(_result(), exact=[unknown]))
    assert "3 of 10 results differ; no --reference says what is right; at 0x1" in text
    assert "(1.0): 2.0 → 3.0" in text


def test_infinities_and_nan_are_null() -> None:
    record = held("answer-gate", words.for_machines(_result(["broken"])))
    assert record["timing"][0]["ratio"] == {"value": None, "low": 0.0, "high": None, "processes": 0}
    assert math.isinf(UNKNOWN.high)


def test_less_exact_results_are_reported_with_an_input() -> None:
    text = words.for_people(_result(exact=["worse", "identical"]))
    assert "worse: NumPy relu max" in text
    assert "largest error, ulp: 1 → 2" in text
    assert "at 0x1.0000000000000p+0 (1.0): 1.0 → 2.0, exact 1.0" in text
    assert "of 2 results compared exactly 1 are the same, 1 worse (first: " in text


def test_nothing_compared_is_said_so() -> None:
    assert words.sentence(_result()) == (
        "Against v1 (aaaaaaaaaaaa): no function that a case could notice differs; nothing was "
        "measured."
    )
