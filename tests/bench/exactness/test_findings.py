"""What becomes a finding, how findings are gathered and ordered, and that reproductions show it."""

from __future__ import annotations

import ast
import builtins
import math
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from actbench.bench.catalog.activations import CATALOG
from actbench.bench.catalog.cases import Case, Selection
from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.exactness import reproduction
from actbench.bench.exactness.findings import BOUNDS, Finding, findings, kind_of, verdict
from actbench.bench.host import machine
from actbench.bench.host.errors import UsageError
from actbench.bench.results.rows import Entries, Point, Row, SpecialRow, Tried
from actbench.bench.results.rows import Path as Path_
from actbench.bench.results.store import Run, load

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = sorted((ROOT / "results" / "published").glob("*-standard"))[-1]
GELU = Case("torch", "gelu", "native", "eager", "forward", "cpu", "float32", 5000, 1)
DEEP = Point("-0x1.6200000000000p+2", got=-1.5e-07, exact=-1e-07)
SUBNORMAL = Point("0x1.8000000000000p-130", got=0.0, exact=1.1e-39)


def rows_of(
    case: Case,
    ulp: float,
    flushed: float | None = None,
    place: Point | None = DEEP,
    nans: str = "",
) -> list[Row]:
    """The rows of one case that was checked."""
    points = tuple(map(Point, nans.split(", "))) if nans else ()
    return [
        Row(case, "max_ulp", ulp, worst=place),
        Row(case, "max_ulp_flushed", ulp if flushed is None else flushed),
        Row(case, "nan_mismatches", float(bool(nans)), points=points),
    ]


def run_of(*groups: list[Row]) -> Run:
    """A run of these rows, with the facts of the published one."""
    return replace(published(), records=[row for rows in groups for row in rows])


@cache
def published() -> Run:
    return load(PUBLISHED)


def found(*groups: list[Row]) -> list[Finding]:
    return findings(run_of(*groups))


def row_of(case: Case, which: SpecialRow, given: tuple[float, ...], got: float = 1.0) -> Row:
    """A special row of one case whose results depart from 0."""
    entries = Entries(which, given, (got,) * len(given), (0.0,) * len(given))
    points = (Point(output=0, got=got, exact=0.0),)
    return Row(case, "special_row", float(len(given)), entries=entries, points=points)


def test_rows_of_infinities_and_nan_are_findings_of_all_functions_alike() -> None:
    softmax, other = (replace(GELU, activation=name) for name in ("softmax", "log_softmax"))
    backward = replace(softmax, direction="backward")
    highest, nans = (math.inf, 1.0), (math.nan, 1.0)
    listed = found(
        [*rows_of(softmax, 1.0), row_of(softmax, SpecialRow.HIGHEST, highest, math.nan)],
        [*rows_of(other, 1.0), row_of(other, SpecialRow.HIGHEST, highest, 0.5)],
        [*rows_of(backward, 1.0), row_of(backward, SpecialRow.NAN, nans)],
    )
    [finding] = listed  # a copy has slope 1 at NaN too
    assert finding.members == ("softmax native forward", "log_softmax native forward")
    assert finding.entries is not None
    assert finding.entries.row is SpecialRow.HIGHEST
    assert "far from the exact ones on a row, one +∞ (" in finding.sentence
    assert finding.sentence.endswith("exact 0), forward, float32, eager: softmax and log_softmax.")
    assert finding.as_dict()["entries"]["row"] == "one +∞"
    assert "--only agreement" in finding.reproduction


def test_a_finite_row_is_no_news_beside_a_wrong_value() -> None:
    case = replace(GELU, activation="softmax")
    equal = row_of(case, SpecialRow.EQUAL, (1e38, 1e38))
    assert [f.nature for f in found([*rows_of(case, 1.0), equal])] == ["special"]
    assert [f.nature for f in found([*rows_of(case, 9.0), equal])] == ["value"]
    infinite = row_of(case, SpecialRow.LOWEST, (-math.inf,) * 2)
    assert {f.nature for f in found([*rows_of(case, 9.0), infinite])} == {"value", "special"}


@pytest.mark.parametrize(
    ("changes", "within", "beyond"),
    [
        ({}, 4.0, 4.1),
        ({"dtype": "float64"}, 4.0, 4.1),
        ({"dtype": "bfloat16"}, 1.0, 1.1),
        ({"form": "textbook"}, 16.0, 16.1),
        ({"form": "textbook", "dtype": "float16"}, 4.0, 4.1),
        ({"form": "wide"}, 4.0, 4.1),
    ],
)
def test_a_bound_is_the_last_that_is_no_finding(
    changes: dict[str, Any], within: float, beyond: float
) -> None:
    case = replace(GELU, **changes)
    assert found(rows_of(case, within)) == []
    [each] = found(rows_of(case, beyond))
    assert each.bound == within
    assert each.ulp == beyond


def test_whose_a_form_is() -> None:
    assert kind_of(GELU) == "op"
    assert kind_of(replace(GELU, form="textbook", direction="backward")) == "formula"
    assert kind_of(replace(GELU, form="wide")) == "own"
    assert kind_of(replace(GELU, framework="numpy", form="textbook")) == "formula"
    numpy = replace(GELU, framework="numpy", direction="backward")
    assert kind_of(numpy, published().facts.differentiates("numpy")) == "own"
    assert all(bound.reason for bound in BOUNDS.values())
    assert max(sum(record.operations.values()) for record in CATALOG.values()) <= 10


def test_one_finding_for_all_dtypes_and_modes_shown_in_float32_and_eager() -> None:
    compiled, half = replace(GELU, mode="compiled"), replace(GELU, dtype="bfloat16")
    [each] = found(rows_of(half, 90.0), rows_of(compiled, 50.0), rows_of(GELU, 50.0))
    assert each.case == GELU
    assert each.conditions == (
        ("float32", "eager"),
        ("float32", "compiled"),
        ("bfloat16", "eager"),
    )
    assert "float32, eager and compiled; bfloat16, eager" in each.sentence
    assert each.members == ("gelu native forward",)


def test_the_mode_that_is_more_wrong_is_shown() -> None:
    worse = replace(GELU, mode="compiled")
    place = Point("0x1.0000000000000p+2", got=0.0, exact=4.0)
    [each] = found(rows_of(GELU, 50.0), rows_of(worse, 1e7, place=place))
    assert each.case == worse
    assert "wrong by 100 %" in each.sentence


def test_directions_forms_and_frameworks_are_findings_of_their_own() -> None:
    cases = [
        GELU,
        replace(GELU, direction="backward"),
        replace(GELU, form="textbook"),
        replace(GELU, framework="jax"),
    ]
    assert len(found(*(rows_of(case, 99.0) for case in cases))) == 4


def test_a_sentence_says_where_and_by_how_much() -> None:
    [each] = found(rows_of(GELU, 4e6))
    assert each.sentence == (
        "PyTorch 2.13.0: native gelu, forward, float32, eager, is wrong by 50 % at −5.53125 "
        "(got -1.5e-07, exact -1e-07; 4e+06 ulp)."
    )
    assert each.as_dict()["relative_error"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (Point("0x1p+3", got=math.nan, exact=8.0), "is NaN at 8"),
        (Point("0x1p+3", got=math.inf, exact=8.0), "is infinite at 8"),
        (Point("0x1p+3", got=0.5, exact=0.0), "is wrong by 0.5 at 8"),
        (Point("0x1p+3", got=800.0, exact=8.0), "is wrong by 99 times the exact value at 8"),
        (Point("0x1p+3", got=8.0000076, exact=8.0), "is off by 50 ulp at 8"),
        (Point(output=44, got=math.inf, exact=125.0), "is infinite at output 44"),
    ],
)
def test_what_is_wrong_in_words(place: Point, words: str) -> None:
    [each] = found(rows_of(GELU, 50.0, place=place))
    assert words in each.sentence


def test_the_share_that_is_wrong_orders_and_not_the_ulp() -> None:
    places = {
        "relu": Point("0x1p+3", got=8.0000076, exact=8.0),
        "elu": Point("0x1p+3", got=0.0, exact=1e-30),
        "selu": Point("0x1p+3", got=0.0, exact=8.0),
        "mish": Point("0x1p+3", got=math.inf, exact=8.0),
        "tanh": Point("0x1p+3", got=math.nan, exact=8.0),
    }
    groups = [
        rows_of(replace(GELU, activation=name), 1e9 - index, place=place)
        for index, (name, place) in enumerate(places.items())
    ]
    formula = rows_of(
        replace(GELU, form="textbook"), math.inf, place=Point("0x1p+3", got=math.nan, exact=1.0)
    )
    order = [each.case.activation for each in found(formula, *groups)]
    assert order == ["tanh", "mish", "selu", "elu", "relu", "gelu"]


def test_flushed_subnormals_are_one_finding_a_mode() -> None:
    cases = [
        replace(GELU, activation=name, mode=mode)
        for name in ("relu", "exp", "sqrt")
        for mode in ("eager", "compiled")
    ]
    own = replace(GELU, form="wide")
    flushed = [rows_of(case, 8e6, 0.5, SUBNORMAL) for case in (*cases, own)]
    truly = rows_of(GELU, 8e6, 9.0, SUBNORMAL)
    value, eager, compiled = found(truly, *flushed)
    assert value.nature == "value"
    assert (value.ulp, value.ulp_flushed, value.bound) == (8e6, 9.0, 4.0)
    assert "off by 9 ulp even where subnormals may stand for zero" in value.sentence
    assert [each.nature for each in (eager, compiled)] == ["flushed"] * 2
    assert "3 of the native functions and 1 of this project's forms" in eager.sentence
    assert len(compiled.members) == 3


def test_a_place_that_is_no_subnormal_is_preferred() -> None:
    clear = replace(GELU, mode="compiled")
    [each] = found(rows_of(GELU, 8e6, 9.0, SUBNORMAL), rows_of(clear, 9.0))
    assert each.case == clear


def test_a_subnormal_input_that_is_wrong_as_zero_too_is_shown() -> None:
    [each] = found(
        rows_of(GELU, 5e45, place=Point("0x1.0000000000000p-149", got=math.inf, exact=0.69))
    )
    assert "is infinite at 1.4013e-45" in each.sentence


def test_nans_at_infinity_are_gathered_and_nans_at_nan_are_wrong_forward_only() -> None:
    silu, exp = replace(GELU, activation="silu"), replace(GELU, activation="exp")
    [each] = found(
        rows_of(GELU, 0.5, nans="-inf"),
        rows_of(silu, 0.5, nans="-inf"),
        rows_of(exp, 0.5, nans="-0x1.0000000000000p-149"),
        rows_of(replace(GELU, direction="backward"), 0.5, nans="nan"),
    )
    assert each.nature == "special"
    assert "at −∞" in each.sentence
    assert "gelu and silu" in each.sentence
    assert 'float.fromhex("-inf")' in each.reproduction


def test_frameworks_and_activations_can_be_chosen() -> None:
    jax, relu = replace(GELU, framework="jax"), replace(GELU, activation="relu")
    run = run_of(*(rows_of(case, 99.0) for case in (GELU, jax, relu)))
    [each] = findings(run, Selection(frameworks=("jax",)))
    assert each.case == jax
    [each] = findings(run, Selection(frameworks=("torch",), activations=("relu",)))
    assert each.case == relu
    with pytest.raises(UsageError, match="did you mean torch"):
        findings(run, Selection(frameworks=("troch",)))


def test_names_that_are_not_known_have_no_reproduction() -> None:
    strange = replace(GELU, activation="gelu'; touch owned; '")
    [each] = found(rows_of(strange, 99.0))
    assert each.reproduction == ""


def test_verdicts() -> None:
    assert "not measured" in verdict([], 0)
    assert "none is above its bound" in verdict([], 7)
    several = found(rows_of(GELU, 99.0), rows_of(replace(GELU, form="textbook"), 99.0))
    told = verdict(several, 7, shown=1)
    assert told.startswith("2 findings from 7 results: 1 in the native functions and 1 in")
    assert told.endswith("1 of them are not shown.")


# --- reproductions --------------------------------------------------------------------------------


def script(case: Case) -> str:
    return reproduction.script(case, "-0x1.8000000000000p+2")


def test_every_script_of_the_catalogue_is_three_lines_and_stands_alone() -> None:
    made = 0
    for name, framework, form, direction in _forms():
        case = Case(framework, name, form, "eager", direction, "cpu", "float64", 1024, 1)
        try:
            text = script(case)
        except reproduction.NotAlone:
            continue
        made += 1
        assert text.count("\n") == 2
        assert "impls" not in text
        assert "bench" not in text
        assert not _unbound(text), text
    assert made > 300


def _unbound(text: str) -> set[str]:
    """The names that a script uses and nobody gives it."""
    nodes = list(ast.walk(ast.parse(text)))
    names = [each for each in nodes if isinstance(each, ast.Name)]
    bound = {each.id for each in names if isinstance(each.ctx, ast.Store)} | {"f"}
    bound |= {each.arg for each in nodes if isinstance(each, ast.arg)}
    for each in nodes:
        if isinstance(each, ast.Import | ast.ImportFrom):
            bound |= {alias.asname or alias.name for alias in each.names}
    return {each.id for each in names} - bound - set(dir(builtins))


def _forms() -> list[tuple[str, str, str, str]]:
    return [
        (name, framework.name, form, direction)
        for name, record in CATALOG.items()
        for framework in frameworks().values()
        for form in ("native", *record.forms)
        if framework.offers(name, form)
        for direction in ("forward", "backward")
    ]


def test_every_framework_has_a_script() -> None:
    assert all(framework.script for framework in frameworks().values())


def test_a_form_that_rests_on_a_neighbour_does_not_stand_alone() -> None:
    case = replace(GELU, framework="numpy", form="textbook")
    with pytest.raises(reproduction.NotAlone, match="rests on erf"):
        script(case)


def test_constants_are_written_out_and_parameters_given() -> None:
    assert "1.0507009873554805 * " in script(replace(GELU, activation="selu", form="textbook"))
    assert "math.sqrt(0.5)" in script(replace(GELU, form="textbook"))
    square = replace(GELU, activation="squareplus(b=0.25)", form="textbook")
    assert "def f(x, b=0.25): return" in script(square)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"form": "wide"}, "decorator _wide"),
        ({"activation": "prelu"}, "learned parameter"),
        ({"device": "cuda"}, "on cuda is not written down"),
        ({"framework": "mxnet"}, "mxnet"),
        ({"activation": "relu", "form": "textbook"}, "not among the forms"),
    ],
)
def test_what_three_lines_cannot_hold_says_why(changes: dict[str, str], reason: str) -> None:
    with pytest.raises(reproduction.NotAlone, match=reason):
        script(replace(GELU, **changes))


def test_what_three_lines_cannot_hold_falls_back_on_the_command() -> None:
    [each] = found(rows_of(replace(GELU, form="wide"), 99.0))
    assert each.reproduction.startswith("actbench run --framework torch")
    assert each.reproduction.endswith("--only agreement")
    assert each.lines[0].startswith("# With this project, because")


def test_a_row_has_no_input_to_write_down() -> None:
    with pytest.raises(reproduction.NotAlone, match="whole row"):
        reproduction.script(replace(GELU, activation="softmax"), "output 12")


SHOWN = [
    ("gelu", "native", "forward"),
    ("tanh", "native", "backward"),
    ("tanh", "textbook", "forward"),
    ("squareplus", "textbook", "forward"),
    ("relu", "abs", "forward"),
]


@pytest.mark.slow
def test_reproductions_of_the_published_run_print_what_it_holds(framework: str, mode: str) -> None:
    """On the CPU model that measured it, to the bit; on another, a number."""
    run = published()
    here = machine.facts().cpu == run.facts.machine.cpu
    chosen = [
        each
        for each in findings(
            replace(run, records=[row for row in run.records if row.case.mode == mode]),
            Selection(frameworks=(framework,)),
        )
        if each.nature == "value"
        if (each.case.activation, each.case.form, each.case.direction) in SHOWN
    ]
    assert len(chosen) >= 3
    assert not any(each.note for each in chosen)
    printed = _printed([each.reproduction for each in chosen])
    for each, got in zip(chosen, printed, strict=True):
        (point,) = each.points
        assert got == repr(point.got) if here else isinstance(float(got), float), each.sentence


def _printed(texts: list[str]) -> list[str]:
    """What scripts print, each with names of its own, where this project cannot be imported."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"for each in {texts!r}: exec(each, {{}})"],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


# --- other paths ----------------------------------------------------------------------------------


def _tried(path: Path_, apart: float, flushed: float | None = None, wrote: int = 0) -> Tried:
    worst = Point("nan", got=1.0, exact=math.nan, other=math.nan) if apart else None
    flushed = apart if flushed is None else flushed
    return Tried(path, 3, 201, 0.9, apart, flushed, worst, 67, wrote)


def _with_paths(case: Case, *paths: Tried) -> list[Row]:
    largest, *others = rows_of(case, 0.5)
    return [replace(largest, paths=paths), *others]


def test_results_that_depend_on_the_place_by_more_than_the_bound_are_a_finding() -> None:
    tail, short = _tried(Path_.TAIL, math.inf), _tried(Path_.SHORT, 4.5)
    within = _tried(Path_.STRIDED, 4.0)
    [each] = found(_with_paths(GELU, tail, short, within))
    assert (each.nature, each.paths, each.bound) == ("path", (tail, short), 4.0)
    assert each.points == (tail.worst,)
    assert each.sentence == (
        "PyTorch 2.13.0: native gelu, forward, float32, eager, depends on how its input is given: "
        "at NaN it is 1.0 and in the usual array nan; it departs in the last elements and in short "
        "arrays."
    )
    assert each.reproduction.startswith("actbench agree --framework torch --activation gelu")
    assert each.as_dict()["paths"][0]["path"] == "scalar tail"
    assert found(_with_paths(GELU, within)) == []


def test_what_is_only_a_flushed_subnormal_departs_from_nothing() -> None:
    assert found(_with_paths(GELU, _tried(Path_.LARGE, 8e6, flushed=0.0))) == []


def test_to_write_to_an_input_is_a_finding() -> None:
    [each] = found(_with_paths(GELU, _tried(Path_.TRANSPOSED, 0.0, wrote=2)))
    assert each.sentence.endswith("float32, eager, writes to its input transposed.")


def test_one_finding_for_a_function_in_all_dtypes_and_modes() -> None:
    half = replace(GELU, dtype="bfloat16")
    tail = _tried(Path_.TAIL, math.inf)
    [each] = found(_with_paths(GELU, tail), _with_paths(half, tail))
    assert each.case == GELU
    assert len(each.cases) == 2


def test_a_worst_input_of_another_path_is_shown_with_this_project() -> None:
    """Three lines fill a whole array with it, and would show another result."""
    place = replace(DEEP, path=Path_.SHORT)
    [each] = found(rows_of(GELU, 50.0, place=place))
    assert each.nature == "value"
    assert "at −5.53125 in short arrays" in each.sentence
    assert each.reproduction.startswith("actbench agree")
