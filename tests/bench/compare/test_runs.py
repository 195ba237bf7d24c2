"""Two runs compared: changes are called, a change of everything is reported, noise is neither."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actbench.bench.__main__ import main
from actbench.bench.catalog.cases import Case
from actbench.bench.compare import exactness, words
from actbench.bench.compare.runs import Comparison, compare
from actbench.bench.compare.timing import Group
from actbench.bench.host.errors import StoreError, UsageError
from actbench.bench.host.machine import Machine
from actbench.bench.results import store
from actbench.bench.results.facts import RunFacts, WorkerFacts
from actbench.bench.results.metrics import Group as Kind
from actbench.bench.results.metrics import metrics_of
from actbench.bench.results.rows import (
    Against,
    Cause,
    Ended,
    Kink,
    Other,
    Point,
    Row,
    Sampling,
    Tried,
    Why,
    described,
)
from actbench.bench.results.rows import Path as Way
from actbench.bench.results.status import Status
from actbench.bench.results.store import Run, RunWriter
from actbench.bench.run.request import known_frameworks

from ...answers import held
from ...conftest import run_facts

PRIMITIVES = ("copy", "add", "maximum", "exp", "tanh", "sqrt")
ACTIVATIONS = ("relu", "gelu", "squareplus")
STANDARD = sorted((Path(__file__).resolve().parents[3] / "results/published").glob("*-standard"))
TIGHT = 1.001
UNIT = Against(Other.UNIT, "relu", "native")
FIVE = Sampling(processes=5, samples=45, dropped=0, ended=Ended.NARROW)


def _case(activation: str, **changes: Any) -> Case:
    case = Case("torch", activation, "native", "eager", "forward", "cpu", "float32", 4096, 1)
    return replace(case, **changes)


CASES = [
    _case(name, framework=framework, size=size)
    for framework in ("torch", "jax")
    for size in (4096, 65536)
    for name in (*PRIMITIVES, *ACTIVATIONS)
]


def _facts(**changes: Any) -> RunFacts:
    worker = WorkerFacts("torch", versions={"torch": "2.13.0"}, python="3.11.7")
    facts = run_facts(frameworks=known_frameworks(), workers={"torch": worker}, state="finished")
    return replace(facts, **changes)


def _run(rows: Iterable[Row], **changes: Any) -> Run:
    return Run(Path("run"), _facts(**changes), list(described(rows)))


def _time(case: Case, value: float, width: float = TIGHT, **changes: Any) -> Row:
    return replace(
        Row(case, "time_per_call", value, value / width, value * width, sampling=FIVE),
        **changes,
    )


def _both(case: Case, time: float, unit: float = 100.0, width: float = TIGHT) -> list[Row]:
    """The time of a case and its cost over a relu of so many ns."""
    cost = Row(case, "relative_cost", 1.0, 1.0, 1.0, against=UNIT)
    if case.activation != "relu":
        value = time / unit
        cost = replace(cost, value=value, low=value / width, high=value * width)
    return [_time(case, time, width), cost]


def _times(
    factor: Callable[[Case], float] = lambda case: 1.0, width: float = TIGHT, **changes: Any
) -> Run:
    times = {case: (100 + place) * factor(case) for place, case in enumerate(CASES)}
    units = {case: times[replace(case, activation="relu")] for case in CASES}
    rows = [row for case in CASES for row in _both(case, times[case], units[case], width)]
    return _run(rows, **changes)


def _called(comparison: Comparison, verdict: str) -> list[Case]:
    return [timing.case for timing in comparison.times.timings if timing.verdict == verdict]


def _wholes(comparison: Comparison) -> list[Group]:
    return [group for group in comparison.times.groups if group.is_whole]


# --- times ----------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    values=st.lists(st.floats(1, 1e9), min_size=len(CASES), max_size=len(CASES)),
    width=st.floats(1, 3),
)
def test_a_run_compared_with_itself_has_not_changed(values: list[float], width: float) -> None:
    run = _run([_time(case, value, width) for case, value in zip(CASES, values, strict=True)])
    comparison = compare(run, run)
    assert {timing.time.value for timing in comparison.times.timings} == {1.0}
    assert not _called(comparison, "slower")
    assert not _called(comparison, "faster")
    assert comparison.exit_status() == 0


def test_tight_intervals_around_no_change_say_the_same() -> None:
    comparison = compare(_times(), _times())
    assert len(_called(comparison, "same")) == len(CASES)
    assert {group.verdict for group in comparison.times.groups} == {"same"}
    assert comparison.exit_status(strict=True) == 0
    assert words.entries(comparison) == []


@pytest.mark.parametrize("width", [1.01, 1.03])
def test_rows_as_wide_as_a_run_makes_them_are_decided(width: float) -> None:
    """Nothing is undecided at default settings, and a case that takes half as long again is
    called."""
    assert compare(_times(width=width), _times(width=width)).exit_status(strict=True) == 0
    slow = _times(lambda case: 1.5 if case == _case("gelu") else 1.0, width)
    comparison = compare(_times(width=width), slow)
    assert _called(comparison, "slower") == [_case("gelu")]
    assert len(_called(comparison, "same")) == len(CASES) - 1


def test_a_unit_that_became_faster_makes_nothing_slower() -> None:
    """Costs over it are a third higher, at the time of before."""

    def factor(case: Case) -> float:
        return 171 / 230 if case.activation == "relu" and case.framework == "jax" else 1.0

    comparison = compare(_times(), _times(factor))
    units = [case for case in CASES if case.activation == "relu" and case.framework == "jax"]
    assert _called(comparison, "faster") == units
    assert len(_called(comparison, "same")) == len(CASES) - len(units)
    assert comparison.exit_status(strict=True) == 0
    gelu = next(t for t in comparison.times.timings if t.case == _case("gelu", framework="jax"))
    assert gelu.beside
    assert (gelu.time.verdict, gelu.beside.verdict) == ("same", "slower")
    text = words.for_people(comparison, 20)
    assert "A unit of cost moved: JAX relu native, eager, forward, float32, 4,096 elements" in text
    assert text.endswith("Nothing is shown to be slower; 2 faster; exactness was not compared.")


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_everything_at_once_is_the_machine(factor: float) -> None:
    comparison = compare(_times(), _times(lambda case: factor))
    assert len(_called(comparison, "same")) == len(CASES), "as their costs are"
    assert {group.verdict for group in _wholes(comparison)} == {"same"}
    assert [group.time.value for group in _wholes(comparison)] == pytest.approx([factor] * 2)
    assert comparison.exit_status() == 0
    text = words.for_people(comparison, 20)
    assert f"JAX eager: the median case took {words.number(factor)} (" in text


def test_a_framework_that_is_slower_than_the_others_is_called() -> None:
    slow = _times(lambda case: 1.5 if case.framework == "torch" else 1.0)
    comparison = compare(_times(), slow)
    assert [group.verdict for group in _wholes(comparison)] == ["slower", "same"]
    assert comparison.exit_status() == 1
    assert "the median of 18 cases of PyTorch eager" in [
        entry.what for entry in words.entries(comparison) if entry.verdict == "slower"
    ]


def test_a_framework_alone_is_not_distinguished_from_its_machine() -> None:
    rows = [[_time(_case(name), 100 * f) for name in PRIMITIVES] for f in (1.0, 1.5)]
    comparison = compare(*map(_run, rows))
    assert [group.verdict for group in _wholes(comparison)] == ["undecided"]
    assert "no other framework shows whether the machine is the cause" in words.for_people(
        comparison, 20
    )


def test_a_setting_that_is_slower_than_all_of_its_framework_is_called() -> None:
    """Every call of one size: their unit, too, so that no cost moves."""
    sizes = (64, 4096, 65536)
    cases = [_case(name, size=size) for name in (*PRIMITIVES, *ACTIVATIONS) for size in sizes]
    times = [{case: 100.0 * (f if case.size == 64 else 1) for case in cases} for f in (1, 2)]
    base, slow = (
        _run(row for case, time in of.items() for row in _both(case, time, unit=time))
        for of in times
    )
    comparison = compare(base, slow)
    assert len(_called(comparison, "same")) == len(cases)
    [entry] = words.entries(comparison)
    assert entry.verdict == "slower"
    assert entry.what == "the median of 9 cases of PyTorch eager, forward, float32, 64 elements"
    assert comparison.exit_status() == 1


@pytest.mark.parametrize("slow", [_case("gelu"), _case("exp"), _case("copy")], ids=str)
def test_one_slower_case_is_named_and_no_other(slow: Case) -> None:
    comparison = compare(_times(), _times(lambda case: 1.5 if case == slow else 1.0))
    assert _called(comparison, "slower") == [slow]
    assert len(_called(comparison, "same")) == len(CASES) - 1
    assert comparison.exit_status() == 1
    (entry,) = words.entries(comparison)
    assert (entry.verdict, entry.what) == (
        "slower",
        f"PyTorch {slow.activation} native, eager, forward, float32, 4,096 elements",
    )
    assert "over relu native 1.50 (" in entry.why


def test_a_slower_unit_is_called_and_makes_nothing_faster() -> None:
    comparison = compare(_times(), _times(lambda case: 1.5 if case == _case("relu") else 1.0))
    assert _called(comparison, "slower") == [_case("relu")]
    assert not _called(comparison, "faster")


@settings(deadline=None)
@given(
    factors=st.lists(st.floats(0.3, 3), min_size=len(CASES), max_size=len(CASES)),
    widths=st.tuples(st.floats(1, 1.2), st.floats(1, 1.2)),
)
def test_exchanging_the_runs_exchanges_slower_and_faster(
    factors: list[float], widths: tuple[float, float]
) -> None:
    by_case = dict(zip(CASES, factors, strict=True))
    runs = _times(width=widths[0]), _times(by_case.__getitem__, widths[1])
    there, back = compare(*runs), compare(*reversed(runs))
    exchanged = {"slower": "faster", "faster": "slower"}
    for one, other in zip(there.times.timings, back.times.timings, strict=True):
        for side, opposite in ((one.time, other.time), (one.beside, other.beside)):
            assert side
            assert opposite
            assert side.value == pytest.approx(1 / opposite.value)
            assert side.low == pytest.approx(1 / opposite.high)
            assert exchanged.get(side.verdict, side.verdict) == opposite.verdict
        assert exchanged.get(one.verdict, one.verdict) == other.verdict


@pytest.mark.parametrize("epochs", [(1, 5), (5, 1)])
def test_a_run_of_one_process_decides_nothing_and_is_named(epochs: tuple[int, int]) -> None:
    base, candidate = (
        replace(run, records=[_of(row, count) for row in run.records])
        for run, count in zip((_times(), _times(lambda case: 9.0)), epochs, strict=True)
    )
    comparison = compare(base, candidate)
    assert _called(comparison, "undecided") == CASES
    assert (
        f"{len(CASES)} times undecided: no interval: a run with one process per framework does "
        "not show how processes differ."
    ) in list(words.not_compared(comparison))
    assert (comparison.exit_status(), words.conclusion(comparison)) == (
        2,
        "Nothing could be compared.",
    )


def _of(row: Row, processes: int) -> Row:
    return replace(row, sampling=replace(FIVE, processes=processes))


def test_a_run_without_intervals_decides_nothing_and_is_named() -> None:
    lone = _run([_time(case, 100.0, low=None, high=None) for case in CASES])
    comparison = compare(_times(), lone)
    assert _called(comparison, "undecided") == CASES
    [sentence] = words.not_compared(comparison)
    assert sentence.startswith(f"{len(CASES)} times undecided: no interval")
    record = held("answer-compare", words.for_machines(comparison, strict=True))
    assert record["not_compared"] == [sentence]
    assert record["exit_status"] == comparison.exit_status() == 2
    assert {timing["lack"] for timing in record["times"]["timings"]} == {"no interval"}


def test_some_times_without_an_interval_are_not_all_compared() -> None:
    def lone(row: Row) -> Row:
        return _of(row, 1) if row.case.activation == "exp" and row.sampling else row

    base = _times()
    comparison = compare(base, replace(base, records=list(map(lone, base.records))))
    assert comparison.exit_status() == 1
    assert words.conclusion(comparison) == (
        "Not everything could be compared: 4 times with no interval."
    )


def test_costs_that_one_run_alone_has_are_not_all_compared() -> None:
    """A unit that fails takes the costs over it along; times alone decide nothing then."""

    def without(row: Row) -> Row:
        if row.metric != "relative_cost" or row.case.framework != "jax":
            return row
        cause = Cause(Why.NO_UNIT, ("relu",))
        return Row(row.case, row.metric, None, status=Status.UNSUPPORTED, cause=cause)

    base = _times()
    lacking = replace(base, records=list(map(without, base.records)))
    for runs in ((base, lacking), (lacking, base)):
        comparison = compare(*runs)
        assert comparison.exit_status() == 1
        assert "18 times with no unit" in words.conclusion(comparison)
    slow = _times(lambda case: 9.0 if case == _case("gelu", framework="jax") else 1.0)
    assert not _called(compare(lacking, slow), "slower")


def test_costs_over_another_unit_are_compared_by_time_and_named() -> None:
    """A unit that another form made cheaper raises costs, and slows nothing down."""

    def other(row: Row) -> Row:
        if row.metric != "relative_cost" or row.case.framework != "jax":
            return row
        assert row.value
        unit = Against(Other.UNIT, "relu", "max")
        return replace(row, against=unit, value=row.value * 6, low=row.low, high=row.value * 7)

    after = _times(lambda case: 1.5 if case == _case("gelu", framework="jax") else 1.0)
    comparison = compare(_times(), replace(after, records=list(map(other, after.records))))
    assert _called(comparison, "slower") == [_case("gelu", framework="jax")]
    assert len(_called(comparison, "same")) == len(CASES) - 1
    assert list(words.not_compared(comparison)) == [
        "18 costs over another unit, compared by time: "
        "JAX eager, forward: relu native against relu max."
    ]


def test_cases_of_one_run_alone_are_counted_and_failures_named() -> None:
    lost, failed, absent = _case("gelu"), _case("relu"), _case("squareplus")
    rows = [_time(case, 100) for case in CASES]
    after = [row for row in rows if row.case not in (lost, failed, absent)]
    after += [
        _time(_case("mish"), 90),
        Row(failed, "time_per_call", None, status=Status.REFUSED, reason="work went on"),
        Row(absent, "time_per_call", None, status=Status.UNSUPPORTED, reason="there is none"),
    ]
    comparison = compare(_run(rows), _run(after))
    assert [missing.case for missing in comparison.broken] == [failed]
    assert [missing.case for missing in comparison.gone] == [absent]
    assert [missing.case for missing in comparison.missing] == [lost]
    assert comparison.exit_status() == 1
    text = words.for_people(comparison, 20)
    assert "refused: work went on" in text
    assert "2 cases timed only in the base (1 there unsupported: there is none)." in text
    assert "1 case timed only in the candidate." in text
    assert text.endswith("Regression: 1 that fail, 1 gone.")


_LOST = _case("gelu")


@pytest.mark.parametrize(
    ("status", "options", "ends"),
    [
        (None, {}, 1),
        (None, {"common": True}, 0),
        (None, {"accepted": ["gelu[native]"]}, 0),
        (Status.UNSUPPORTED, {}, 1),
        (Status.UNSUPPORTED, {"common": True}, 1),
        (Status.UNSUPPORTED, {"accepted": ["gelu"]}, 0),
        (Status.UNSUPPORTED, {"accepted": ["relu"]}, 1),
        (Status.UNLOADABLE, {}, 1),
        (Status.UNLOADABLE, {"accepted": ["gelu"], "common": True}, 1),
        (Status.TIMEOUT, {}, 1),
    ],
)
def test_what_the_base_has_and_the_candidate_has_not(
    status: Status | None, options: dict[str, Any], ends: int
) -> None:
    base = _times()
    after = [row for row in base.records if row.case != _LOST]
    if status:
        after.append(Row(_LOST, "time_per_call", None, status=status, reason="planted"))
    comparison = compare(base, replace(base, records=after), **options)
    assert comparison.exit_status() == ends
    assert ("planted" in words.for_people(comparison, 20)) == (status is not None)
    record = held("answer-compare", words.for_machines(comparison, strict=False))
    [missing] = record["times"]["only_base"]
    assert missing["status"] == status


def test_what_fails_in_both_runs_counts() -> None:
    fails = Row(_case("mish"), "time_per_call", None, status=Status.ERROR, reason="planted")
    both = replace(_times(), records=[*_times().records, fails])
    for runs in ((both, both), (_times(), both)):
        comparison = compare(*runs)
        assert [missing.case for missing in comparison.failing] == [_case("mish")]
        assert comparison.exit_status() == 1
    assert compare(both, _times()).exit_status() == 0


def test_a_framework_that_does_not_load_any_more_fails_by_name() -> None:
    reason = "torch does not load: planted"
    down = [
        Row(row.case, row.metric, None, status=Status.UNLOADABLE, reason=reason)
        if row.case.framework == "torch"
        else row
        for row in _times().records
    ]
    comparison = compare(_times(), replace(_times(), records=down))
    assert comparison.exit_status() == 1
    assert len(comparison.broken) == len(CASES) / 2
    assert words.conclusion(comparison) == f"Regression: {len(CASES) // 2} that fail."
    assert reason in words.for_people(comparison, 20)


def test_what_became_slower_or_less_exact_can_be_meant() -> None:
    slow = _times(lambda case: 1.5 if case == _case("gelu") else 1.0)
    comparison = compare(_times(), slow, accepted=["gelu[native]"])
    assert comparison.exit_status() == 0
    [entry] = words.entries(comparison)
    assert (entry.verdict, entry.accepted) == ("slower", True)
    worse = (Row(EXACT, "max_ulp", value) for value in (1, 2))
    base, candidate = (_run([row]) for row in worse)
    assert compare(base, candidate).exit_status() == 1
    assert compare(base, candidate, accepted=["gelu"]).exit_status() == 0


# --- exactness ------------------------------------------------------------------------------------


EXACT = _case("gelu", dtype="float16", size=65536)
BAD = "at 0x1.8p+1: got 2.9, exact 2.99"
WORST = Point("0x1.8p+1", got=2.9, exact=2.99)


def _compared(base: Row, candidate: Row, **changes: Any) -> Comparison:
    return compare(_run([base]), _run([candidate], **changes))


@pytest.mark.parametrize(
    ("metric", "before", "after", "sense"),
    [
        ("max_ulp", 1.0, 1.25, "worse"),
        ("max_ulp_flushed", 2.0, math.inf, "worse"),
        ("max_ulp", math.inf, 2.0, "better"),
        ("not_correctly_rounded", 7.0, 8.0, "worse"),
        ("nan_mismatches", 0.0, 1.0, "worse"),
        ("infinity_mismatches", 3.0, 0.0, "better"),
        ("special_departures", 0.0, 1.0, "worse"),
        ("nan_kept", 1.0, 0.0, "worse"),
        ("subnormal_kept", 0.0, 1.0, "better"),
        ("gradient_at_kink", 0.0, 0.5, "changed"),
        ("sign_of_zero", -1.0, 1.0, "changed"),
    ],
)
def test_exactness_is_compared_as_it_is(
    metric: str, before: float, after: float, sense: str
) -> None:
    base, candidate = (Row(EXACT, metric, value, worst=WORST) for value in (before, after))
    comparison = _compared(base, candidate)
    (difference,) = comparison.exactness.differences
    assert (difference.metric, difference.sense) == (metric, sense)
    assert difference.shown.worst == WORST
    assert comparison.exit_status() == (1 if sense == "worse" else 0)
    assert BAD in words.for_people(comparison, 20)
    assert compare(_run([base]), _run([base])).exactness.equal == 1


TAIL, LARGE = Tried(Way.TAIL, calls=7, inputs=469), Tried(Way.LARGE, calls=1, inputs=99)


@pytest.mark.parametrize(
    ("tried", "other", "calls"),
    [
        ((TAIL,), (replace(TAIL, equal=0.5),), ()),
        ((), (TAIL, LARGE), (0, 8)),
        ((TAIL, LARGE), (TAIL,), (8, 7)),
    ],
)
def test_inputs_given_in_different_ways_are_not_compared(
    tried: tuple[Tried, ...], other: tuple[Tried, ...], calls: tuple[int, ...]
) -> None:
    old, new = (Row(EXACT, "max_ulp", 1, paths=paths) for paths in (tried, other))
    comparison = _compared(old, replace(new, value=9))
    reasons = [reason for reason, _ in comparison.exactness.left_out]
    assert [(reason.base, reason.candidate) for reason in reasons] == [calls] * bool(calls)
    assert len(comparison.exactness.differences) == (not calls)
    if calls:
        said = words.for_people(comparison, 20)
        assert f"calls beside the usual array {calls[0]} against {calls[1]}" in said


@pytest.mark.parametrize(
    ("dtype", "size", "changes", "reason"),
    [
        ("float32", 7168, {"seed": 1}, "seed 0 against 1"),
        ("float32", 7168, {"per_binade": 16}, "inputs per binade 8 against 16"),
        ("float32", 7424, {}, "7,168 against 7,424"),
        ("float16", 1312, {"seed": 1}, "seed 0 against 1"),
    ],
)
def test_different_inputs_are_not_compared(
    dtype: str, size: int, changes: dict[str, Any], reason: str
) -> None:
    case = replace(EXACT, dtype=dtype, size=1312 if dtype == "float16" else 7168)
    comparison = _compared(
        Row(case, "max_ulp", 1), Row(replace(case, size=size), "max_ulp", 9), **changes
    )
    [(left_out, count)] = comparison.exactness.left_out
    assert (left_out.dtype, count) == (dtype, 1)
    assert not comparison.exactness.differences
    assert words.conclusion(comparison) == "Nothing could be compared."
    assert (comparison.exit_status(), comparison.exit_status(strict=True)) == (2, 2)
    assert reason in words.for_people(comparison, 20)


@pytest.mark.parametrize(("dtype", "size"), [("bfloat16", 2**16), ("float32", 2**32)])
def test_every_input_is_every_input_whatever_the_seed(dtype: str, size: int) -> None:
    case = replace(EXACT, dtype=dtype, size=size)
    comparison = _compared(Row(case, "max_ulp", 1), Row(case, "max_ulp", 2), seed=1)
    assert [difference.sense for difference in comparison.exactness.differences] == ["worse"]


def test_special_points_are_the_same_whatever_else_was_tried() -> None:
    case = replace(EXACT, dtype="float32", size=7168)
    lost = (Point("nan", got=0.0, exact=math.nan),)
    after = Row(replace(case, size=7424), "nan_kept", 0, points=lost)
    comparison = _compared(Row(case, "nan_kept", 1), after, seed=1)
    [difference] = comparison.exactness.differences
    assert difference.shown.points == lost
    assert "NaN → 0" in words.for_people(comparison, 20)


def test_every_kink_has_a_gradient_of_its_own() -> None:
    case = replace(EXACT, direction="backward")
    rows = [
        [Row(case, "gradient_at_kink", value, kink=Kink(at, 0, 1)) for at, value in kinks.items()]
        for kinks in ({-3: 0.0, 3: 1.0}, {-3: 0.0, 3: 0.5})
    ]  # fmt: skip
    outcome = compare(*map(_run, rows)).exactness
    assert (outcome.equal, len(outcome.differences)) == (1, 1)
    assert (outcome.differences[0].base, outcome.differences[0].candidate) == (1.0, 0.5)


def test_a_check_that_fails_is_a_regression_and_an_older_versions_metric_is_not() -> None:
    base = [Row(EXACT, "max_ulp", 1), Row(EXACT, "nan_kept", 1)]
    failed = compare(
        _run(base), _run([Row(EXACT, "max_ulp", None, status=Status.ERROR, reason="no")])
    )
    assert [(one.status, one.reason) for one in failed.broken] == [("error", "no")]
    older = compare(_run(base), _run(base[:1]))
    assert not older.broken
    assert not older.exactness.only_base
    assert older.exactness.one_sided == ["nan_kept"]
    assert older.exit_status() == 0


def test_figures_are_ordered_by_gravity() -> None:
    metrics = ["max_ulp", "not_correctly_rounded", "nan_mismatches"]
    base, candidate = (
        _run([Row(EXACT, metric, value) for metric in metrics]) for value in (0.0, 1.0)
    )
    outcome = exactness.compare(base, candidate)
    assert [difference.metric for difference in outcome.differences] == [
        "nan_mismatches",
        "max_ulp",
        "not_correctly_rounded",
    ]


# --- runs -----------------------------------------------------------------------------------------


def test_different_machines_are_refused_unless_asked_otherwise() -> None:
    there = Machine("Other", cores=8, caches={"L2": "1M"})
    base, candidate = _times(), _times(lambda case: 0.25, machine=there)
    with pytest.raises(
        UsageError, match=r"cpu Example CPU against Other; cores 2 against 8\).*--across"
    ):
        compare(base, candidate)
    comparison = compare(base, candidate, across_machines=True)
    units = [case for case in CASES if case.activation == "relu"]
    assert len(_called(comparison, "same")) == len(CASES), "as their costs are"
    assert units
    assert not comparison.times.groups
    assert comparison.exit_status(strict=True) == 0
    text = words.for_people(comparison, 20)
    assert "which may differ by the code or by the machine; times are not." in text
    slower = compare(candidate, base, across_machines=True)
    assert slower.exit_status() == 0


def test_what_differs_besides_is_named() -> None:
    worker = WorkerFacts("torch", versions={"torch": "2.14.0"}, python="3.12.1")
    candidate = _times(seed=3, workers={"torch": worker}, state="interrupted")
    notes = compare(_times(), candidate).notes
    assert notes == [
        "The candidate is incomplete: its state is interrupted.",
        "PyTorch: torch 2.13.0 against 2.14.0; Python 3.11.7 against 3.12.1.",
        "Settings: seed 0 against 3.",
    ]


def test_runs_with_nothing_in_common_are_refused() -> None:
    with pytest.raises(UsageError, match="no case in common"):
        compare(_run([_time(_case("gelu"), 1)]), _run([_time(_case("relu"), 1)]))


@pytest.mark.parametrize(
    "changes",
    [{"value": 0.0}, {"value": -3.0}, {"low": 0.0}, {"value": math.inf}],
    ids=str,
)
def test_a_time_that_no_clock_gives_is_one_sentence(changes: dict[str, float]) -> None:
    good = _times()
    bad = _run([replace(_time(_case("mish"), 5.0), **changes)])  # type: ignore[arg-type]
    with pytest.raises(StoreError, match=r"is malformed: .*; measure it again"):
        compare(good, bad)


# --- the command ----------------------------------------------------------------------------------


def _stored(path: Path, run: Run) -> str:
    RunWriter(path, run.facts).finish(run.records)
    return str(path)


def _command(*arguments: str) -> int:
    try:
        return main(["compare", *arguments])
    except SystemExit as end:
        return int(end.code or 0)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("runs")
    stored = {
        "base": _times(),
        "slow": _times(lambda case: 1.5 if case.activation == "gelu" else 1.0),
        "few": _times(width=1.1),
        "other": _times(machine=Machine("Other")),
    }
    return {name: _stored(folder / name, run) for name, run in stored.items()}


@pytest.mark.parametrize(
    ("base", "candidate", "options", "status"),
    [
        ("base", "base", ["--strict"], 0),
        ("base", "slow", [], 1),
        ("slow", "base", [], 0),
        ("base", "slow", ["--dead-zone", "2"], 0),
        ("base", "few", [], 0),
        ("base", "few", ["--strict"], 3),
        ("base", "other", [], 2),
        ("base", "other", ["--across-machines"], 0),
        ("base", "base", ["--json", "--markdown"], 2),
        ("base", "base", ["--dead-zone", "0"], 2),
    ],
)
def test_the_exit_status(
    runs: dict[str, str], base: str, candidate: str, options: Sequence[str], status: int
) -> None:
    assert _command(runs[base], runs[candidate], *options) == status


def test_json_has_everything(runs: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert _command(runs["base"], runs["slow"], "--json", "--limit", "0") == 1
    record = held("answer-compare", capsys.readouterr().out)
    assert len(record["times"]["timings"]) == len(CASES)
    assert record["exit_status"] == 1
    assert record["conclusion"] == "Regression: 4 slower."
    assert record["not_compared"] == []


def test_the_table_is_limited_and_the_rest_counted(
    runs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    _command(runs["base"], runs["slow"], "--limit", "1")
    text = capsys.readouterr().out
    assert text.count("\nslower  PyTorch gelu") + text.count("\nslower  JAX gelu") == 1
    assert "Not shown: 3 slower (--limit)." in text
    assert "the probability that any is wrong is under 1%" in text
    assert text.endswith("Regression: 4 slower.\n")


def test_markdown_is_a_table(runs: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    _command(runs["base"], runs["slow"], "--markdown")
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 4
    assert {line.count("|") for line in table} == {5}


@pytest.mark.parametrize("broken", ["missing", "not JSON"])
def test_an_unreadable_run_is_one_sentence(
    broken: str, runs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "broken"
    if broken == "not JSON":
        _stored(folder, _times())
        (folder / "rows.jsonl").write_text("{]\n")
    assert _command(runs["base"], str(folder)) == 4
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert len(error.splitlines()) == 1


def test_help_shows_examples_and_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert _command("--help") == 0
    text = capsys.readouterr().out
    assert "actbench compare results/before results/after" in text
    assert "Exit status of two runs: 0 nothing slower or less exact" in text


def _commit(run: store.Run) -> str:
    return run.facts.project.commit


@pytest.mark.slow
@pytest.mark.skipif(len(STANDARD) < 2, reason="one published run has no other to be compared with")
def test_published_runs_with_wide_intervals_claim_nothing_of_times() -> None:
    """At the same inputs their exactness is the same to the last digit."""
    base, candidate = map(store.load, STANDARD[-2:])
    comparison = compare(base, candidate)
    timed = [
        {row.case: row.value for row in run.records if row.metric == "time_per_call" and row.ok}
        for run in (base, candidate)
    ]
    shared = timed[0].keys() & timed[1].keys()
    assert {timing.case for timing in comparison.times.timings} == shared
    assert len(comparison.times.only_base) == len(timed[0]) - len(shared)
    assert {"slower", "faster"}.isdisjoint(comparison.times.verdicts)
    for group in _wholes(comparison):
        moved = [
            (timed[1][case] or 0) / (timed[0][case] or 1)
            for case in shared
            if (case.framework, case.mode) == (group.fields["framework"], group.fields["mode"])
        ]
        assert group.time.value == pytest.approx(median(moved), rel=0.01)
    assert not comparison.exactness.differences
    figures = {*metrics_of(Kind.ERROR), *metrics_of(Kind.SPECIAL)}
    for run in (base, candidate):
        known = sum(row.metric in figures and row.ok for row in run.records)
        assert comparison.exactness.equal == known > 0
    assert not comparison.exactness.left_out
    assert comparison.exit_status() == 0
    text = words.for_people(comparison, 20)
    assert ("This project: commit " in text) == (_commit(base) != _commit(candidate))
    assert text.splitlines()[-1].startswith("Nothing is shown to be slower or less exact; ")
