"""Runs end to end, and with workers that crash, hang, run out of memory or are not there."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from actbench.bench.catalog.cases import PROFILES, Case, Plan, Selection
from actbench.bench.commands import conclusion
from actbench.bench.exactness import sweep
from actbench.bench.exactness.problem import Problem
from actbench.bench.host.progress import Reporter
from actbench.bench.results import store
from actbench.bench.results.rows import Cause, Ended, Row, Sampling, Why
from actbench.bench.results.samples import Paired, Probe
from actbench.bench.run import schedule as runner
from actbench.bench.run.derive import rows as derive_rows
from actbench.bench.run.recording import Outcome
from actbench.bench.run.request import Request
from actbench.bench.run.schedule import opening_first, run

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 600.0
"""Seconds after which what has not come on a busy machine is given up."""

# An interpreter whose NumPy worker has one form that fails: a real process, a real failure.
_FAULTY = """#!{python}
import sys
sys.path.insert(0, {root!r})
import os, runpy, signal, time
import actbench.impls.numpy as subject

def fault(*_, **__):
    {body}

subject.gelu_textbook = fault
sys.argv = sys.argv[3:]
runpy.run_module("actbench.bench.worker", run_name="__main__", alter_sys=True)
"""


def _faulty(folder: Path, body: str) -> str:
    path = folder / "python-with-a-fault"
    path.write_text(_FAULTY.format(python=sys.executable, root=str(ROOT), body=body))
    path.chmod(0o755)
    return str(path)


# An interpreter whose worker prepares for real and then answers planted times: `plan` is a list of
# (ns a call, whether somebody else had the CPU), one per block; a call of the unit takes 100 ns.
# A case whose `fault` is true as it is prepared cannot be, one with a `death` as it is timed kills.
# All may use `function`, `size` and `process` (from 0).
_PLANTED = """#!{python}
import sys
sys.path.insert(0, {root!r})
import os, runpy, signal, time
from actbench.bench.worker.operations import Worker
from actbench.bench.worker.protocol import Observed, Turns

with open({count!r}, "a") as file:
    file.write("x")
process = os.path.getsize({count!r}) - 1
cases, prepare = {{}}, Worker.prepare

def prepared(self, request):
    timed = request.timed
    function, size = timed.call.function, timed.shape[0] * timed.shape[1]
    if {fault}:
        raise ValueError("planted")
    cases[request.number] = function, size
    return prepare(self, request)

def in_turn(self, request):
    function, size = cases[request.number]
    unit, _ = cases[request.unit]
    if {death}:
        os.kill(os.getpid(), signal.SIGKILL)
    plan, started = {plan}, time.perf_counter_ns()
    time.sleep(sum(10 * ns + 1000 for ns, _ in plan) / 1e9)
    self.seen = Observed((), started, time.perf_counter_ns())
    return Turns(
        loops=10,
        unit_loops=10,
        elapsed=tuple(round(10 * ns) for ns, _ in plan),
        unit_elapsed=(1000,) * len(plan),
        spoilt=tuple(spoilt for _, spoilt in plan),
        faults=(0,) * len(plan),
    )

Worker.prepare, Worker.in_turn = prepared, in_turn
Worker.observe = lambda self, _: self.seen
sys.argv = sys.argv[3:]
runpy.run_module("actbench.bench.worker", run_name="__main__", alter_sys=True)
"""


def _planted(folder: Path, plan: str, fault: str = "False", death: str = "False") -> str:
    path, count = folder / "python-with-planted-times", str(folder / "processes")
    known = {"python": sys.executable, "root": str(ROOT), "count": count}
    path.write_text(_PLANTED.format(plan=plan, fault=fault, death=death, **known))
    path.chmod(0o755)
    return str(path)


def _request(out: Path, **changes: object) -> Request:
    selection = Selection(frameworks=("numpy",), activations=("relu", "gelu"), sizes=(1024,))
    request = Request(
        profile=replace(PROFILES["smoke"], plans=(Plan(("relu", "gelu")),), batch=1e-4, seconds=0),
        selection=selection,
        seed=0,
        out=out,
        pythons={},
        python=sys.executable,
        timeout=60.0,
        command="actbench run",
    )
    return replace(request, **changes)  # type: ignore[arg-type]


def _run(request: Request) -> Outcome:
    return run(request, Reporter(quiet=True))


def _rows(outcome: Outcome, form: str, metric: str) -> list[Row]:
    return [row for row in outcome.rows if row.case.form == form and row.metric == metric]


def test_a_run_has_a_row_for_every_case_and_can_be_derived_again(tmp_path: Path) -> None:
    outcome = _run(_request(tmp_path / "run"))
    assert outcome.facts.state == "finished"
    statuses = {
        (row.case.form, row.status) for row in outcome.rows if row.metric == "time_per_call"
    }
    assert statuses == {
        *(("native", "unsupported"), ("max", "ok"), ("abs", "ok"), ("where", "ok")),
        *(("textbook", "ok"), ("wide", "ok"), ("stable", "ok"), ("blocked", "ok")),
    }
    assert {row.status for row in outcome.rows} == {"ok", "unsupported"}
    facts = store.read_facts(outcome.path)
    again = derive_rows(store.read_samples(outcome.path), facts)
    assert again == outcome.rows
    stored = (outcome.path / "rows.jsonl").read_text(encoding="utf-8")
    assert stored == "".join(f"{store.dump(row.as_record())}\n" for row in again)
    assert store.load(outcome.path).records == outcome.rows
    assert all(row.family in ("max", "exp") for row in outcome.rows)
    assert facts.workers["numpy"].status == "ok"
    assert facts.timed_share is not None
    assert 0 < facts.timed_share <= 1


def _visits(outcome: Outcome) -> list[Paired]:
    """The visits, in the order in which they were made."""
    samples = store.read_samples(outcome.path)
    return [sample for sample in samples if isinstance(sample, Paired)]


def test_every_case_is_timed_in_every_process_in_an_order_of_its_own(tmp_path: Path) -> None:
    """With its unit, which is the cheapest of the forms of relu that are no blocks."""
    outcome = _run(_request(tmp_path / "run", parts=("timing",)))
    visits = _visits(outcome)
    orders: dict[int, list[Case]] = {}
    for visit in visits:
        if visit.case not in orders.setdefault(visit.process, []):  # else it was disturbed
            orders[visit.process].append(visit.case)
    first, second = orders.values()
    assert set(first) == set(second)
    assert len(first) == 8
    assert first != second or first != sorted(first, key=repr)
    (unit,) = {visit.unit for visit in visits}
    assert unit in ("max", "abs", "where")
    (row,) = _rows(outcome, unit, "relative_cost")
    assert (row.value, row.low, row.high) == (1, 1, 1)


def _adaptive(
    folder: Path,
    plan: str,
    fault: str = "False",
    death: str = "False",
    forms: tuple[str, ...] = ("textbook",),
    **changes: Any,
) -> Outcome:
    """A run of gelu with planted times, by a profile with some changes."""
    selection = Selection(frameworks=("numpy",), activations=("gelu",), forms=forms, sizes=(64,))
    python = _planted(folder, plan, fault, death)
    request = _request(folder / "run", selection=selection, parts=("timing",), python=python)
    wanted = {"epochs": 2, "most": 6, "seconds": 600.0, **changes}
    return _run(
        replace(request, profile=replace(request.profile, **wanted), budget=wanted["seconds"])
    )


def _of_textbook(outcome: Outcome) -> Row:
    (row,) = _rows(outcome, "textbook", "time_per_call")
    (cost,) = _rows(outcome, "textbook", "relative_cost")
    assert row.sampling == cost.sampling
    return row


def test_what_is_narrow_is_not_timed_again(tmp_path: Path) -> None:
    outcome = _adaptive(tmp_path, "[(500, False)] * 4")
    row = _of_textbook(outcome)
    assert row.sampling == Sampling(2, 8, 0, Ended.NARROW)
    assert row.value == pytest.approx(500)
    (cost,) = _rows(outcome, "textbook", "relative_cost")
    assert cost.value == pytest.approx(5)


def test_what_is_wide_is_timed_in_further_processes_until_it_is_narrow(tmp_path: Path) -> None:
    """The first process is slower by a tenth: it is outweighed, neither too soon nor too late."""
    plan = "[(550 if process == 0 else 500, False)] * 4"
    row = _of_textbook(_adaptive(tmp_path, plan, precision=0.1))
    assert row.sampling is not None
    assert row.sampling.ended is Ended.NARROW
    widths = {count: _half_width([550, *[500] * (count - 1)]) for count in range(2, 7)}
    enough = min(count for count, width in widths.items() if width <= 0.1)
    assert row.sampling.processes == enough
    assert 2 < enough < 6


def _half_width(times: list[float]) -> float:
    """That of Student's interval of the logarithm, as a share of the value."""
    logs = [math.log(time) for time in times]
    return math.sinh(stats.t.ppf(0.975, len(logs) - 1) * stats.sem(logs))


def test_what_the_page_opens_with_is_timed_further_before_the_rest() -> None:
    """Forward, float32 and in cache; those that are alike keep the order of their widths."""
    opening = [Case("numpy", name, "max", "eager", "forward", "cpu", "float32", 4096, 1)
               for name in ("relu", "gelu")]  # fmt: skip
    first = opening[0]
    backward, half = replace(first, direction="backward"), replace(first, dtype="bfloat16")
    elsewhere = replace(first, size=64)
    wide = [elsewhere, half, *opening, backward]
    assert opening_first(wide, {"cpu": {"l2": 4096}}) == [*opening, half, backward, elsewhere]


def test_only_what_is_wide_is_timed_again(tmp_path: Path) -> None:
    plan = "[(500 + 300 * (process % 2) * (function == 'gelu_textbook'), False)] * 4"
    outcome = _adaptive(tmp_path, plan, forms=("textbook", "wide"), most=4)
    row = _of_textbook(outcome)
    assert row.sampling == Sampling(4, 16, 0, Ended.DIFFER)
    (narrow,) = _rows(outcome, "wide", "time_per_call")
    assert narrow.sampling == Sampling(2, 8, 0, Ended.NARROW)


@pytest.mark.parametrize("seconds", [0.0, 3.0])
def test_what_stays_wide_is_timed_until_the_budget_ends(tmp_path: Path, seconds: float) -> None:
    plan = "[(500 + 300 * (process % 2), False)] * 4"
    row = _of_textbook(_adaptive(tmp_path, plan, seconds=seconds, most=10_000))
    assert row.sampling is not None
    assert row.sampling.ended is Ended.BUDGET
    assert row.sampling.processes >= 2
    if not seconds:
        assert row.sampling.processes == 2


def test_one_process_says_nothing_of_an_error(tmp_path: Path) -> None:
    row = _of_textbook(_adaptive(tmp_path, "[(500, False)] * 4", epochs=1, most=1))
    assert row.sampling == Sampling(1, 4, 0, Ended.ONE_SAMPLE)
    assert (row.low, row.high) == (None, None)


def test_a_block_that_was_preempted_is_dropped_and_counted(tmp_path: Path) -> None:
    outcome = _adaptive(tmp_path, "[(500, False), (9000, True)] * 2 + [(500, False)] * 2")
    row = _of_textbook(outcome)
    assert row.value == pytest.approx(500)
    assert row.sampling == Sampling(2, 8, 4, Ended.NARROW)
    assert outcome.facts.spoilt_samples == 4 * 2, "of gelu and of relu beside it"


def test_a_unit_that_fails_later_leaves_times(tmp_path: Path) -> None:
    outcome = _adaptive(
        tmp_path, "[(500, False)] * 4", fault="process and function.startswith('relu')", most=2
    )
    row = _of_textbook(outcome)
    assert row.sampling is not None
    assert row.sampling.processes == 2
    assert row.low is not None
    (cost,) = _rows(outcome, "textbook", "relative_cost")
    assert (cost.value, cost.low) == (pytest.approx(5), None), "of the first process alone"


def test_without_any_relu_there_are_times_and_no_costs(tmp_path: Path) -> None:
    outcome = _adaptive(tmp_path, "[(500, False)] * 4", fault="function.startswith('relu')")
    (cost,) = _rows(outcome, "textbook", "relative_cost")
    assert (cost.status, cost.cause) == ("unsupported", Cause(Why.NO_UNIT, ("relu",)))
    (time,) = _rows(outcome, "textbook", "time_per_call")
    assert time.value == pytest.approx(500)


def test_a_form_of_relu_that_cannot_be_the_unit_leaves_it_to_the_next(tmp_path: Path) -> None:
    outcome = _adaptive(tmp_path, "[(500, False)] * 4", fault="function == 'relu_max'")
    assert {visit.unit for visit in _visits(outcome)} == {"abs"}


def test_a_case_that_kills_its_process_costs_only_itself(tmp_path: Path) -> None:
    """The others are timed in the process that replaces it."""
    forms = ("textbook", "wide")
    death = "function == 'gelu_textbook'"
    outcome = _adaptive(tmp_path, "[(500, False)] * 4", death=death, forms=forms)
    (killed,) = _rows(outcome, "textbook", "time_per_call")
    assert (killed.status, killed.value) == ("error", None)
    assert "killed by SIGKILL" in killed.reason
    (other,) = _rows(outcome, "wide", "relative_cost")
    assert other.value == pytest.approx(5)
    assert other.sampling == Sampling(2, 8, 0, Ended.NARROW)
    assert outcome.facts.state == "finished"


def test_a_unit_that_kills_its_process_does_not_cost_the_cases_beside_it(tmp_path: Path) -> None:
    """They keep the times that they had, and those of the second process come without a unit."""
    death = "process > 0 and 'relu_max' in (function, unit)"
    outcome = _adaptive(tmp_path, "[(500, False)] * 4", death=death, forms=("textbook", "wide"))
    for form in ("textbook", "wide"):
        (row,) = _rows(outcome, form, "time_per_call")
        assert (row.status, row.value) == ("ok", pytest.approx(500))


def test_a_surprise_without_a_name_is_probed_and_nothing_else_is(tmp_path: Path) -> None:
    """Planted: gelu costs ten times its primitives, which explains itself by no count of passes."""
    costs = "{'gelu_textbook': 5.0, 'copy_native': 0.1}.get(function, 0.2)"
    selection = Selection(
        frameworks=("numpy",),
        activations=("gelu", "add", "multiply", "erf"),
        forms=("native", "textbook"),
        sizes=("launch", "l1", "l2"),
    )
    plan = f"[(100 + size * {costs}, False)] * 4"
    python = _planted(tmp_path, plan)
    outcome = _run(
        _request(tmp_path / "run", selection=selection, parts=("timing",), python=python)
    )
    probed = {
        (sample.case.activation, sample.case.form, sample.case.size): sample
        for sample in store.read_samples(outcome.path)
        if isinstance(sample, Probe)
    }
    (where, sample), *others = probed.items()
    assert where == ("gelu", "textbook", outcome.facts.size_classes["cpu"]["l2"])
    assert others == []
    assert sample.shuffled > 0
    assert sample.wide > 0
    (surprise,) = [row for row in outcome.rows if row.metric == "surprise"]
    # slopes: gelu 5; copy 0.1, and its five primitives 0.1 each above that
    assert surprise.value == pytest.approx(5.0 / 0.6)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "error", "killed by SIGSEGV"),
        ("os._exit(3)", "error", "exit status 3"),
        ("time.sleep(3600)", "timeout", "no answer in 3 s"),
        ("raise MemoryError('cannot allocate 10 TiB')", "oom", "10 TiB"),
        ("raise ValueError('one\\ntwo')", "error", "ValueError: one"),
        ("print('noise', flush=True); raise ValueError('after noise')", "error", "after noise"),
    ],
)
def test_a_failing_case_costs_only_itself(
    tmp_path: Path, body: str, status: str, reason: str
) -> None:
    request = _request(
        tmp_path / "run",
        pythons={"numpy": _faulty(tmp_path, body)},
        timeout=3.0 if status == "timeout" else 60.0,
    )
    one = replace(request.selection, dtypes=("float32",))
    outcome = _run(replace(request, selection=one))
    (failed,) = _rows(outcome, "textbook", "time_per_call")
    assert (failed.status, failed.value) == (status, None)
    assert reason in failed.reason
    for form in ("max", "abs", "where", "wide"):
        (row,) = _rows(outcome, form, "time_per_call")
        assert row.status == "ok", row
    assert outcome.facts.state == "finished"


def test_an_interpreter_that_cannot_be_used_is_a_failure_of_every_case(tmp_path: Path) -> None:
    bare = tmp_path / "python-without-numpy"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -c "import sys; sys.exit(7)"\n')
    bare.chmod(0o755)
    for python, status, reason in (
        (str(tmp_path / "nowhere"), "error", "cannot start"),
        (str(bare), "unloadable", "exit status 7"),
    ):
        outcome = _run(_request(tmp_path / f"run-{Path(python).name}", python=python))
        assert conclusion.exit_status(outcome) == 1
        assert {row.status for row in outcome.rows} == {"unsupported", status}
        reasons = {row.reason for row in outcome.rows if row.case.form == "max"}
        assert all(reason in each for each in reasons), reasons


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return _[0]", "returns an array it was given"),
        ("return _[0].astype('float64')", "returns float64 for float32"),
        ("return subject.np.ones_like(_[0])", "returns the same values for other inputs"),
        ("return -_[0][:, :1]", "returns an array of shape (4, 1) for one of shape (4, 256)"),
    ],
)
def test_a_call_that_does_not_do_its_work_is_refused(
    tmp_path: Path, body: str, reason: str
) -> None:
    python = _faulty(tmp_path, body)
    request = _request(tmp_path / "run", pythons={"numpy": python}, parts=("timing",))
    outcome = _run(request)
    (refused,) = _rows(outcome, "textbook", "time_per_call")
    assert (refused.status, refused.value) == ("refused", None)
    assert reason in refused.reason
    assert _rows(outcome, "wide", "time_per_call")[0].status == "ok"
    assert conclusion.exit_status(outcome) == 1
    said = conclusion.for_people(outcome)
    assert "1 refused, because the times would mislead, the first NumPy gelu textbook" in said
    assert reason in said
    assert "failed" not in said, "what is refused is not counted twice"
    counts = conclusion.of(outcome)
    assert (counts.refused, counts.failed) == (1, 0)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return _[0].astype('float64')", "returns float64 for float32"),
        ("return -_[0][:, :1]", "it must return one like its input"),
    ],
)
def test_results_that_are_of_other_work_are_not_judged(
    tmp_path: Path, body: str, reason: str
) -> None:
    outcome = _run(_request(tmp_path / "run", pythons={"numpy": _faulty(tmp_path, body)}))
    failed = {
        (row.case.dtype, row.case.direction): row for row in _rows(outcome, "textbook", "max_ulp")
    }
    assert failed["float32", "forward"].status == "refused"
    assert reason in failed["float32", "forward"].reason
    assert {row.status for row in _rows(outcome, "wide", "max_ulp")} == {"ok"}
    assert outcome.facts.state == "finished"


def test_what_goes_wrong_in_judging_a_case_costs_only_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = sweep.judge

    def surprised(problem: Problem, *results: Any) -> Any:
        return 1 / 0 if problem.activation.name == "gelu" else judge(problem, *results)

    monkeypatch.setattr(sweep, "judge", surprised)
    outcome = _run(_request(tmp_path / "run", parts=("agreement",)))
    found = [row for row in outcome.rows if row.metric == "max_ulp" and row.case.form != "native"]
    assert {(row.case.activation, row.status) for row in found} == {
        ("gelu", "error"),
        ("relu", "ok"),
    }
    broken = {row.reason for row in found if row.status == "error"}
    assert broken == {"ZeroDivisionError: division by zero"}
    assert outcome.facts.state == "finished"


def test_more_groups_than_the_rows_tried_can_have_are_timed_and_not_judged(
    tmp_path: Path,
) -> None:
    selection = Selection(
        frameworks=("numpy",), activations=("maxout(k=32)", "maxout(k=4)"), forms=("textbook",)
    )
    outcome = _run(_request(tmp_path / "run", selection=replace(selection, sizes=(1024,))))
    statuses = {
        (row.case.activation, row.metric): (row.status, row.reason)
        for row in outcome.rows
        if row.metric in ("time_per_call", "max_ulp")
    }
    assert statuses["maxout(k=32)", "time_per_call"][0] == "ok"
    assert statuses["maxout(k=4)", "max_ulp"][0] == "ok"
    reason = "rows of 16 features do not split into 32 groups"
    assert statuses["maxout(k=32)", "max_ulp"] == ("unsupported", reason)
    assert outcome.facts.state == "finished"


def test_a_run_in_which_nothing_was_refused_or_failed_ends_well(tmp_path: Path) -> None:
    outcome = _run(_request(tmp_path / "run", parts=("timing",)))
    assert conclusion.exit_status(outcome) == 0
    said = conclusion.for_people(outcome)
    assert said.startswith("Measured ")
    assert "refused" not in said
    assert "failed" not in said
    assert str(outcome.path) in said


def test_a_case_in_error_is_named_and_fails_the_run(tmp_path: Path) -> None:
    python = _faulty(tmp_path, "raise ValueError('planted')")
    request = _request(tmp_path / "run", pythons={"numpy": python}, parts=("timing",))
    outcome = _run(request)
    assert conclusion.exit_status(outcome) == 1
    said = conclusion.for_people(outcome)
    assert "1 failed, the first NumPy gelu textbook eager forward: error, ValueError" in said


def test_an_error_that_nobody_foresaw_keeps_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprised(_: Any) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(runner._Schedule, "_explain", surprised)
    with pytest.raises(RuntimeError, match="planted"):
        _run(_request(tmp_path / "run", parts=("timing",)))
    kept = store.load(tmp_path / "run")
    assert kept.facts.state == "failed"
    assert kept.facts.finished is not None
    assert (kept.rows.metric == "time_per_call").any()


def test_relu_is_measured_beside_what_is_asked_for(tmp_path: Path) -> None:
    selection = Selection(
        frameworks=("numpy",), activations=("gelu",), forms=("wide",), sizes=(512,)
    )
    outcome = _run(_request(tmp_path / "run", selection=selection))
    (relative,) = _rows(outcome, "wide", "relative_cost")
    assert relative.status == "ok"
    assert relative.value is not None
    assert relative.value > 1
    timed = {visit.case.activation for visit in _visits(outcome)}
    assert timed == {"gelu", "relu"}, "one size draws no line, and needs no copy"
    swept = {row.case.activation for row in outcome.rows if row.metric == "max_ulp"}
    assert swept == {"gelu"}


def test_a_copy_is_measured_beside_what_has_several_sizes(tmp_path: Path) -> None:
    selection = Selection(
        frameworks=("numpy",),
        activations=("gelu",),
        forms=("wide",),
        sizes=("launch", "l1", "l2"),
    )
    outcome = _run(_request(tmp_path / "run", selection=selection, parts=("timing",)))
    sizes = {visit.case.size for visit in _visits(outcome) if visit.case.activation == "copy"}
    assert sizes == {outcome.facts.size_classes["cpu"][name] for name in selection.sizes}
    (arithmetic,) = _rows(outcome, "wide", "arithmetic")
    assert arithmetic.status == "ok"
    assert arithmetic.value is not None
    assert arithmetic.value > 0


@pytest.mark.slow
def test_compile_time_says_when_it_came_from_a_cache(
    compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run compiles, the second loads what the first has stored."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    selection = Selection(
        frameworks=(compiler,),
        activations=("gelu",),
        forms=("textbook",),
        modes=("compiled",),
        sizes=(1024,),
    )
    causes = []
    for name in ("first", "second"):
        request = _request(tmp_path / name, selection=selection, parts=("timing",), timeout=300.0)
        (row,) = _rows(_run(request), "textbook", "compile_time")
        assert row.value is not None
        assert row.value > 0
        causes.append(row.cause)
    assert causes == [Cause(Why.COMPILED), Cause(Why.FROM_CACHE)]


def test_a_device_that_is_not_there_is_unsupported(tmp_path: Path) -> None:
    request = _request(tmp_path / "run")
    outcome = _run(replace(request, selection=replace(request.selection, devices=("cuda",))))
    assert {row.status for row in outcome.rows} == {"unsupported"}
    assert any("NumPy has no cuda device" in row.reason for row in outcome.rows)


def _interrupted(command: list[str], ready: Callable[[], bool], number: int) -> tuple[int, str]:
    """The exit status and the words of a command that is interrupted when something is there."""
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            deadline = time.monotonic() + PATIENCE
            while not ready():
                assert process.poll() is None, "it ended by itself"
                assert time.monotonic() < deadline, "it never began"
                time.sleep(0.05)
            process.send_signal(number)
            said, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    return process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_an_interrupt_keeps_what_was_measured(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-m", "bench", "run", "--framework", "numpy", "--only", "timing"]
    command += ["--activation", "relu", "--size", "1024", "--epochs", "100000"]
    samples = tmp_path / "run" / "samples.jsonl"
    status, said = _interrupted(
        [*command, "--out", str(tmp_path / "run")],
        lambda: samples.exists() and '"pair"' in samples.read_text(),
        number,
    )
    assert status == 130
    assert "\nInterrupted; kept" in said, "below the table of what was measured"
    assert "actbench report" in said
    run_ = store.load(tmp_path / "run")
    assert run_.facts.state == "interrupted"
    assert (run_.rows.metric == "time_per_call").any()


def test_an_interrupt_does_not_wait_for_a_worker_that_hangs(tmp_path: Path) -> None:
    python = _faulty(tmp_path, f"open({str(tmp_path / 'there')!r}, 'w'); time.sleep(3600)")
    command = [sys.executable, "-m", "bench", "run", "--framework", "numpy", "--python", python]
    command += ["--activation", "gelu", "--form", "textbook", "--size", "1024", "--only", "timing"]
    status, said = _interrupted(
        [*command, "--out", str(tmp_path / "run")], (tmp_path / "there").exists, signal.SIGINT
    )
    assert status == 130
    assert said.startswith("Interrupted; kept")


def test_no_worker_outlives_its_run(tmp_path: Path) -> None:
    outcome = _run(_request(tmp_path / "run", parts=("timing",)))
    pid = outcome.facts.workers["numpy"].pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
