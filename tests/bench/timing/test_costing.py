"""With planted times: units are chosen by their cost, cases timed with them, the widest named."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from actbench.bench.catalog.cases import PROFILES, Case, Selection, unsupported
from actbench.bench.catalog.sizes import from_caches
from actbench.bench.results.samples import Paired, Preparation
from actbench.bench.results.status import Status
from actbench.bench.results.store import RunWriter
from actbench.bench.run.request import Request
from actbench.bench.timing.costing import Costing, candidates, setting_of
from actbench.bench.timing.costs import Goal
from actbench.bench.worker.protocol import Failure, Prepared, Turns
from actbench.bench.workers.environment import Key
from actbench.bench.workers.recorder import Recorder
from actbench.bench.workers.supervised import Judge, SupervisedWorker

CLASSES = {"cpu": from_caches({"L1d": 48 * 2**10, "L2": 2 * 2**20, "L3": 32 * 2**20})}
GELU = Case("torch", "gelu", "native", "eager", "forward", "cpu", "float32", 64, 1)
RELU = replace(GELU, activation="relu")
BLOCKS = PROFILES["smoke"].blocks
Times = Callable[[Case, int], int]


class Planted(SupervisedWorker):
    """A worker without a process: `times` gives the ns of a call of a case in a process."""

    def __init__(
        self, times: Times, broken: Iterable[Case] = (), dying: Iterable[Case] = ()
    ) -> None:
        """`broken` cases cannot be prepared, `dying` ones not be timed."""
        super().__init__(Key("torch", "cpu", 1), (), "python", [0], Path("log"), 1.0)
        self._times, self._broken, self._dying = times, set(broken), set(dying)
        self.process, self.asked = 0, list[tuple[Case, Case]]()

    def prepare(self, case: Case, seed: int, checked: bool = True) -> Prepared | None:
        """Fails for what is broken."""
        if case in self._broken:
            self.failures[case] = Failure(Status.ERROR, "planted")
        if case in self.failures:
            return None
        self._prepared.add(case)
        return Prepared(first=0.5, later=0.25, compilations=1, from_cache=0)

    def in_turn(
        self, case: Case, unit: Case, seed: int, batch: float, blocks: int, judge: Judge
    ) -> Turns | None:
        """The planted times."""
        self.asked.append((case, unit))
        if unit in self._dying:
            self.failures[unit] = Failure(Status.ERROR, "killed by SIGSEGV")
        if case in self.failures or unit in self.failures:
            return None
        own, units = (self._times(each, self.process) for each in (case, unit))
        none = (0,) * blocks
        return Turns(1, 1, (own,) * blocks, (units,) * blocks, (False,) * blocks, none)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    """That of an empty run."""
    selection = Selection(frameworks=("torch",))
    request = Request(PROFILES["smoke"], selection, 0, tmp_path, {}, "python", 1.0, "actbench run")
    writer = RunWriter(tmp_path / "run", request.facts(datetime.now(UTC)))
    yield Recorder(writer)
    writer.finish([])


def _costing(recorder: Recorder, cases: Iterable[Case]) -> Costing:
    return Costing(PROFILES["smoke"], 0, recorder, candidates(cases, CLASSES), lambda *_: "")


def _chosen(
    recorder: Recorder,
    forms: Mapping[str, int],
    broken: Iterable[str] = (),
    dying: Iterable[str] = (),
) -> list[Case]:
    """The units of gelu where forms of relu take so many ns."""
    costing = _costing(recorder, [GELU])
    failing = [[replace(RELU, form=form) for form in several] for several in (broken, dying)]
    worker = Planted(lambda case, _: forms[case.form], *failing)
    for _ in range(2):
        _choose(costing, worker)
    assert costing.forms([GELU]) == [], "chosen, and confirmed"
    assert costing.timed_ns == 0, "choosing is no part of measuring"
    return costing.units([GELU])


def _choose(costing: Costing, worker: Planted) -> None:
    """Choose the unit of gelu in one more process, as far as it is open."""
    asked = costing.forms([GELU])
    worker.include(asked)
    for form in asked:
        costing.prepare(worker, form)
    costing.choose(worker, asked)
    worker.process += 1


@pytest.mark.parametrize(("later", "unit"), [(50, "max"), (97, "native"), (130, "native")])
def test_another_form_has_to_be_cheaper_in_two_processes(
    recorder: Recorder, later: int, unit: str
) -> None:
    """The framework's own takes 100 ns; max takes 50 in the first process."""
    costing = _costing(recorder, [GELU])
    worker = Planted(
        lambda case, process: {"native": 100, "max": later if process else 50}.get(case.form, 200)
    )
    _choose(costing, worker)
    assert [case.form for case in costing.units([GELU])] == ["max"]
    _choose(costing, worker)
    assert [case.form for case in costing.units([GELU])] == [unit]
    assert costing.forms([GELU]) == []


# --- candidates -----------------------------------------------------------------------------------


def test_every_supported_form_of_relu_but_blocked_may_be_the_unit() -> None:
    (forms,) = candidates([GELU], CLASSES).values()
    assert forms[0] == RELU, "the framework's own comes first"
    assert {form.form for form in forms} == {"native", "max", "abs", "where"}
    (forms,) = candidates([replace(GELU, framework="numpy")], CLASSES).values()
    assert [form.form for form in forms] == ["max", "abs", "where"]
    assert not any(map(unsupported, forms))


@pytest.mark.parametrize(
    ("sizes", "compared"),
    [
        (("launch", "l1", "l2", "memory"), "l2"),
        (("launch", "memory"), "launch"),
        (("memory", "last_level"), "last_level"),
        (("l1",), "l1"),
    ],
)
def test_forms_are_compared_at_the_largest_size_in_cache(
    sizes: tuple[str, ...], compared: str
) -> None:
    of = CLASSES["cpu"]
    (forms,) = candidates([replace(GELU, size=of[name]) for name in sizes], CLASSES).values()
    assert {form.size for form in forms} == {of[compared]}


def test_cases_share_a_unit_unless_they_run_otherwise() -> None:
    alike = [GELU, replace(GELU, activation="silu", form="textbook"), replace(GELU, size=4096)]
    apart = [
        replace(GELU, **{name: value})  # type: ignore[arg-type]
        for name, value in (
            *(("framework", "jax"), ("mode", "compiled"), ("direction", "backward")),
            *(("dtype", "bfloat16"), ("threads", 2), ("output", "reused"), ("cache", "cold")),
        )
    ]
    assert len(set(map(setting_of, alike))) == 1
    assert len(set(map(setting_of, [GELU, *apart]))) == 1 + len(apart)


# --- the choice -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cheaper", "unit"), [(1000, "native"), (971, "native"), (969, "abs"), (100, "abs")]
)
def test_another_form_is_the_unit_where_it_is_clearly_cheaper(
    recorder: Recorder, cheaper: int, unit: str
) -> None:
    forms = {"native": 1000, "max": 2000, "abs": cheaper, "where": 990}
    assert _chosen(recorder, forms) == [replace(RELU, form=unit)]
    assert not any(isinstance(sample, Paired) for sample in recorder.samples), "no sample of a cost"


def test_the_cheapest_of_several_is_taken(recorder: Recorder) -> None:
    forms = {"native": 1000, "max": 900, "abs": 300, "where": 400}
    assert _chosen(recorder, forms) == [replace(RELU, form="abs")]


@pytest.mark.parametrize("how", ["broken", "dying"])
def test_forms_that_fail_are_passed_over(recorder: Recorder, how: str) -> None:
    """Where the first fails, be it when it is timed, the next one that works takes its place."""
    forms = {"native": 1, "max": 1000, "abs": 1000, "where": 500}
    failing = {how: ("native",)}
    assert _chosen(recorder, forms, **failing) == [replace(RELU, form="where")]
    assert _chosen(recorder, {**forms, "where": 1000}, **failing) == [replace(RELU, form="max")]


def test_where_every_form_fails_there_is_no_unit(recorder: Recorder) -> None:
    assert _chosen(recorder, {}, broken=("native", "max", "abs", "where")) == []


# --- rounds ---------------------------------------------------------------------------------------


def _timed(
    recorder: Recorder,
    cases: list[Case],
    times: Times,
    processes: int,
    broken: tuple[Case, ...] = (),
) -> tuple[Costing, Planted]:
    """Cases timed with native relu in some processes, in the later ones of which some fail."""
    costing, worker = _costing(recorder, cases), Planted(times)
    costing.choose(worker, [RELU])
    worker.include([*cases, *costing.units(cases)])
    for number in range(processes):
        worker.process = number
        if number:
            worker.failures.update(dict.fromkeys(broken, Failure(Status.ERROR, "planted")))
        costing.round([(worker, case) for case in cases], number, lambda: None)
    return costing, worker


def test_what_was_disturbed_is_visited_again_until_it_is_calm_or_late(recorder: Recorder) -> None:
    """Relu takes 100 ns, and 180 in every second call of the harness for it, whatever the case."""
    cases = [replace(GELU, form=form) for form in ("native", "wide", "textbook", "tanh")]
    costing, visits = _costing(recorder, cases), itertools.count()

    def times(case: Case, _: int) -> int:
        slow = case.activation == "relu" and next(visits) % 2
        return 180 if slow else 100

    worker = Planted(lambda case, _: 100)
    costing.choose(worker, [RELU])
    worker.include([*cases, *costing.units(cases)])
    worker._times = times
    tasks = [(worker, case) for case in cases]
    again = costing.round(tasks, 0, lambda: None)
    assert len(again) == 2
    assert costing.round(again, 0, lambda: None, until=0.0) == [], "it is late"
    last = costing.round(again, 0, lambda: None)
    assert len(last) == 1
    assert set(last) < set(again) < set(tasks)


def test_every_case_is_timed_in_turn_with_its_unit_at_its_own_size(recorder: Recorder) -> None:
    cases = [
        replace(GELU, size=size, form=form) for size in (64, 4096) for form in ("native", "wide")
    ]
    costing, worker = _timed(
        recorder, cases, lambda case, _: 300 if case.activation == "gelu" else 100, 2
    )
    assert sorted(worker.asked, key=repr) == sorted(
        [(case, replace(RELU, size=case.size)) for case in cases] * 2, key=repr
    )
    first, second = worker.asked[:4], worker.asked[4:]
    assert {case for case, _ in first} == {case for case, _ in second} == set(cases)
    pairs = [sample for sample in recorder.samples if isinstance(sample, Paired)]
    assert {(pair.unit, pair.elapsed, pair.unit_elapsed) for pair in pairs} == {
        ("native", (300,) * BLOCKS, (100,) * BLOCKS)
    }
    assert [pair.process for pair in pairs] == [0] * 4 + [1] * 4
    assert costing.timed_ns == 8 * BLOCKS * 400


def test_a_case_whose_unit_fails_later_is_timed_by_itself(recorder: Recorder) -> None:
    _, worker = _timed(recorder, [GELU], lambda *_: 300, 2, broken=(RELU,))
    assert worker.asked == [(GELU, RELU), (GELU, GELU)]
    assert [sample.unit for sample in recorder.samples if isinstance(sample, Paired)] == [
        "native",
        "",
    ]


def test_a_case_that_fails_leaves_no_sample(recorder: Recorder) -> None:
    _timed(recorder, [GELU, replace(GELU, form="wide")], lambda *_: 300, 2, broken=(GELU,))
    pairs = [sample.case for sample in recorder.samples if isinstance(sample, Paired)]
    assert (pairs.count(GELU), pairs.count(replace(GELU, form="wide"))) == (1, 2)


def test_what_is_prepared_is_recorded(recorder: Recorder) -> None:
    costing, worker = _costing(recorder, [GELU]), Planted(lambda *_: 1)
    costing.prepare(worker, GELU)
    assert recorder.samples == [Preparation(GELU, 0, 0.5, 0.25, 1, 0)]


def test_the_wide_cases_are_named_the_widest_first(recorder: Recorder) -> None:
    spread = {"native": 0, "textbook": 40, "wide": 400}
    cases = [replace(GELU, form=form) for form in spread]

    def times(case: Case, process: int) -> int:
        return 1000 + (spread[case.form] if case.activation == "gelu" and process else 0)

    costing, _ = _timed(recorder, cases, times, 2)
    wide = costing.wide(Goal(0.03, 4))
    assert [case.form for case in wide] == ["wide", "textbook"]
    assert all(distance > 1 for distance in wide.values())
    assert costing.wide(Goal(10.0, 4)) == {}
