"""Agreement of bits across frameworks: planted shares, counted by pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Against, Other, Row
from actbench.report.questions.reproducible import answer
from actbench.report.read.rows import read

MakeRun = Callable[..., Path]
MakeCase = Callable[..., Case]


def compared(case: Case, other: str, share: float) -> list[Row]:
    against = Against(Other.MODE if other == "compiled" else Other.FRAMEWORK, other)
    return [
        Row(case, "max_ulp_between", 0.0 if share == 1 else 3.0, against=against),
        Row(case, "equal_bits", share, against=against),
    ]


def planted(make_case: MakeCase) -> list[Row]:
    relu, gelu = (make_case(name, dtype="bfloat16") for name in ("relu", "gelu"))
    written = make_case("squareplus", dtype="bfloat16", form="textbook")
    wide = replace(gelu, dtype="float32", size=7000)
    return [
        *compared(relu, "jax", 1.0),
        *compared(gelu, "jax", 0.25),
        *compared(written, "jax", 1.0),
        *compared(wide, "jax", 0.5),
        # Neither another condition, a gradient, a single operation nor another pair counts here.
        *compared(gelu, "compiled", 0.1),
        *compared(replace(gelu, direction="backward"), "jax", 0.1),
        *compared(make_case("exp", dtype="bfloat16"), "jax", 0.1),
        *compared(replace(wide, framework="numpy", form="textbook"), "jax", 0.1),
    ]


def test_equal_bits_are_counted_by_pair(
    make_run: MakeRun, make_case: MakeCase, planned: Callable[[str], list[Case]]
) -> None:
    answered = answer(read([make_run(planted(make_case))]))
    assert answered.sentences == (
        "Only in part: counted over the pairs of frameworks, 1 of 2 native functions and 1 of 1 "
        "formulas written out give the same bits in both; in float32 0 of 1 native functions.",
        "The smallest shares of equal results are: of the native functions gelu [native] between "
        "PyTorch and JAX, 25 %.",
        "Tested on up to 65,536 inputs in bfloat16 and up to 7,000 inputs in float32.",
    )
    cases = planned(answered.command)
    assert {case.framework for case in cases} == {"torch", "jax"}
    assert {case.dtype for case in cases} == {"bfloat16", "float32"}


def test_all_and_none(make_run: MakeRun, make_case: MakeCase) -> None:
    case = make_case("relu", dtype="bfloat16")
    equal = answer(read([make_run(compared(case, "jax", 1.0), name="equal")]))
    parted = answer(read([make_run(compared(case, "jax", 0.999), name="parted")]))
    assert equal.sentences[0].startswith("Yes: ")
    assert len(equal.sentences) == 2
    assert parted.sentences[0].startswith("No: ")


def test_what_differs_is_never_rounded_to_the_same(make_run: MakeRun, make_case: MakeCase) -> None:
    case = make_case("relu", dtype="bfloat16")
    answered = answer(read([make_run(compared(case, "jax", 0.99998))]))
    assert answered.sentences[1].endswith("relu [native] between PyTorch and JAX, >99.9 %.")


def test_one_framework_alone_has_no_answer(
    make_run: MakeRun, make_case: MakeCase, planned: Callable[[str], list[Case]]
) -> None:
    rows = compared(make_case("gelu", dtype="bfloat16"), "compiled", 1.0)
    answered = answer(read([make_run(rows)]))
    assert not answered.measured
    assert len({case.framework for case in planned(answered.command)}) > 1


def test_names_cannot_break_out(make_run: MakeRun, make_case: MakeCase, hostile_text: str) -> None:
    case = make_case("gelu", hostile_text, dtype="bfloat16")
    answered = answer(read([make_run(compared(case, "jax", 0.5))]))
    assert answered.measured
    assert hostile_text not in answered.command
