"""The decomposition: planted parts are recovered, and a missing one names what to measure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog.cases import Case
from actbench.bench.catalog.sizes import from_caches
from actbench.bench.results import words
from actbench.bench.results.metrics import METRICS
from actbench.bench.results.rows import Cause, Row, Why
from actbench.bench.timing.costs import Measured, Process
from actbench.bench.timing.parts import floor_of, floors, rows
from actbench.bench.timing.ratios import student

CLASSES = from_caches({"L1d": 48 * 2**10, "L2": 2 * 2**20, "L3": 32 * 2**20})
LAUNCH, L1, BETWEEN, L2, LAST_LEVEL, MEMORY = CLASSES.values()
IN_CACHE = (LAUNCH, L1, BETWEEN, L2)
GELU = Case("torch", "gelu", "native", "eager", "forward", "cpu", "float32", 0, 1)
COPY = floor_of(GELU)
PAGES = MEMORY * 4 / 4096
Timings = dict[Case, Measured]


@dataclass(frozen=True)
class Parts:
    """The cost of a call: ns per call, then ns per element."""

    launch: float = 300.0
    handoff: float = 0.0
    floor: float = 0.1
    arithmetic: float = 0.5
    memory: float = 0.0
    allocation: float = 0.0

    def time(self, size: int) -> float:
        """Nanoseconds of a call; handing over and streaming are for larger sizes only."""
        cached = self.launch + (self.handoff if size >= L1 else 0.0)
        streaming = self.memory + self.allocation if size == MEMORY else 0.0
        return cached + size * (self.floor + self.arithmetic + streaming)


def _timing(case: Case, *times: float, faults: float = 0.0) -> Measured:
    """A case in as many processes as there are times."""
    processes = {
        number: Process("native", [time], [1.0], [False], [faults])
        for number, time in enumerate(times)
    }
    return Measured(case, processes)


def _sized(group: Case, parts: Parts | Sequence[Parts], sizes: Iterable[int]) -> Timings:
    """A case at some sizes, in one process for each of the parts, else in three that are alike."""
    each = [parts] * 3 if isinstance(parts, Parts) else parts
    cases = [replace(group, size=size) for size in sizes]
    return {case: _timing(case, *(one.time(case.size) for one in each)) for case in cases}


def _copies(floor: float = 0.1, sizes: Iterable[int] = IN_CACHE) -> Timings:
    return _sized(COPY, Parts(launch=200.0, floor=floor, arithmetic=0.0), sizes)


def _reused(parts: Parts) -> Timings:
    return _sized(replace(GELU, output="reused"), replace(parts, allocation=0.0), (MEMORY,))


def _at(size: int, *times: float, faults: float = 0.0, group: Case = GELU) -> Timings:
    case = replace(group, size=size)
    return {case: _timing(case, *times * (3 if len(times) == 1 else 1), faults=faults)}


def _by_metric(timings: Timings) -> dict[str, Row]:
    """The rows of gelu by metric, at most one per metric."""
    own = [row for row in rows(timings, {"cpu": CLASSES}) if row.case.activation == "gelu"]
    assert len({row.metric for row in own}) == len(own)
    assert all(row.metric in METRICS for row in own)
    return {row.metric: row for row in own}


nanoseconds = st.floats(1, 1e5)
per_element = st.floats(0.01, 10)


@given(nanoseconds, nanoseconds, per_element, per_element, per_element, per_element)
def test_planted_parts_are_recovered(
    launch: float, handoff: float, floor: float, arithmetic: float, memory: float, allocation: float
) -> None:
    parts = Parts(launch, handoff, floor, arithmetic, memory, allocation)
    timings = _sized(GELU, parts, (*IN_CACHE, MEMORY))
    by_metric = _by_metric({**timings, **_copies(floor), **_reused(parts)})
    planted = {
        "launch": launch,
        "handoff": handoff,
        "copy_floor": floor,
        "arithmetic": arithmetic,
        "slope": floor + arithmetic,
        "memory": memory,
        "allocation": allocation,
        "fit_error": 0.0,
    }
    assert by_metric.keys() == planted.keys()
    scales = _scales(parts)
    for metric, value in planted.items():
        row = by_metric[metric]
        assert row.value == pytest.approx(value, rel=1e-6, abs=1e-6), metric
        assert row.low is not None
        assert row.high is not None
        # three processes that are alike: no clock resolves more than 1e-4 of what was measured
        half = student(2, 0.05) * 1e-4 / math.sqrt(3) * scales[metric]
        assert (row.high - row.low) / 2 == pytest.approx(half, rel=1e-6, abs=1e-6), metric


def _scales(parts: Parts) -> dict[str, float]:
    """What was measured for each metric, in its unit."""
    cached, kept = parts.time(L2) / L2, replace(parts, allocation=0.0)
    return {
        "launch": parts.time(LAUNCH),
        "handoff": parts.time(L1),
        "slope": cached,
        "arithmetic": cached,
        "copy_floor": 200.0 / L2 + parts.floor,
        "memory": kept.time(MEMORY) / MEMORY,
        "allocation": parts.time(MEMORY) / MEMORY,
        "fit_error": 1.0,
    }


several = st.lists(st.builds(Parts, nanoseconds, nanoseconds, arithmetic=per_element), min_size=2)


@given(several)
def test_every_process_has_parts_of_its_own(planted: list[Parts]) -> None:
    """The interval is Student's over what each process by itself has, not over times."""
    by_metric = _by_metric(_sized(GELU, planted, IN_CACHE))
    values = {
        "launch": [parts.launch for parts in planted],
        "handoff": [parts.handoff for parts in planted],
        "slope": [parts.floor + parts.arithmetic for parts in planted],
    }
    for metric, own in values.items():
        row = by_metric[metric]
        assert row.low is not None
        assert row.high is not None
        assert row.value == pytest.approx(np.mean(own), rel=1e-6, abs=1e-6)
        half = student(len(own) - 1, 0.05) * np.std(own, ddof=1) / math.sqrt(len(own))
        assert (row.high - row.low) / 2 >= half * (1 - 1e-6) - 1e-6
        size = {"launch": LAUNCH, "handoff": L1, "slope": L2}[metric]
        scale = float(np.max([parts.time(size) for parts in planted]))
        least = student(len(own) - 1, 0.05) * 1e-4 / math.sqrt(len(own)) * scale
        least /= size if metric == "slope" else 1
        assert (row.high - row.low) / 2 <= max(half, least) * (1 + 1e-6) + 1e-6


def test_only_processes_with_all_the_times_of_a_part_count() -> None:
    """A later process timed the largest size alone: it has no slope."""
    timings = _sized(GELU, Parts(), (LAUNCH, L1))
    further = _at(L2, *[Parts().time(L2)] * 3, 9e9)
    by_metric = _by_metric({**timings, **further})
    assert by_metric["slope"].value == pytest.approx(0.6)
    assert by_metric["launch"].value == pytest.approx(300)


def test_one_process_leaves_the_error_of_a_part_open() -> None:
    row = _by_metric(_sized(GELU, [Parts()], IN_CACHE))["slope"]
    assert row.value == pytest.approx(0.6)
    assert (row.low, row.high) == (-math.inf, math.inf)


def test_every_part_stands_at_the_size_it_is_about() -> None:
    parts = Parts(handoff=50.0, memory=0.3)
    by_metric = _by_metric(
        {**_sized(GELU, parts, (*IN_CACHE, MEMORY)), **_copies(), **_reused(parts)}
    )
    assert {metric: row.case.size for metric, row in by_metric.items()} == {
        "launch": LAUNCH,
        "handoff": L1,
        "fit_error": BETWEEN,
        "slope": L2,
        "arithmetic": L2,
        "copy_floor": L2,
        "memory": MEMORY,
        "allocation": MEMORY,
    }


@given(st.floats(-0.5, 1.0))
def test_fit_error_is_the_error_that_was_planted(error: float) -> None:
    """The line predicts (1 + error) times what is measured at the size left out."""
    timings = _sized(GELU, Parts(), IN_CACHE)
    measured = Parts().time(BETWEEN) / (1 + error)
    by_metric = _by_metric({**timings, **_at(BETWEEN, measured)})
    assert by_metric["fit_error"].value == pytest.approx(error, abs=1e-9)


def test_a_size_beyond_the_second_level_does_not_bend_the_line() -> None:
    slow = _at(LAST_LEVEL, 1e9)
    by_metric = _by_metric({**_sized(GELU, Parts(), IN_CACHE), **slow, **_copies()})
    assert by_metric["arithmetic"].value == pytest.approx(0.5)
    assert by_metric["fit_error"].case.size == BETWEEN


def test_without_a_size_left_out_nothing_is_said_of_the_fit() -> None:
    by_metric = _by_metric(_sized(GELU, Parts(), (LAUNCH, L1, L2)))
    assert "fit_error" not in by_metric
    assert by_metric["launch"].value == pytest.approx(300)


def test_two_sizes_give_no_handoff() -> None:
    """The smallest size is then an end of the line: its start is the launch."""
    by_metric = _by_metric(
        {**_sized(GELU, Parts(handoff=50.0), (L1, L2)), **_copies(sizes=(L1, L2))}
    )
    assert "handoff" not in by_metric
    assert by_metric["launch"].value == pytest.approx(350)


def test_without_a_copy_the_arithmetic_says_what_to_add() -> None:
    by_metric = _by_metric(_sized(GELU, Parts(), IN_CACHE))
    row = by_metric["arithmetic"]
    assert (row.status, row.value) == ("unsupported", None)
    assert row.cause == Cause(Why.NO_COPY, ("copy",))
    assert "--activation copy" in words.about(row)
    assert "copy_floor" not in by_metric
    assert by_metric["launch"].status == "ok"


def test_a_copy_of_another_mode_is_no_floor() -> None:
    compiled = {replace(case, mode="compiled"): timing for case, timing in _copies().items()}
    by_metric = _by_metric({**_sized(GELU, Parts(), IN_CACHE), **compiled})
    assert by_metric["arithmetic"].status == "unsupported"


def test_the_floor_of_a_gradient_is_the_forward_copy() -> None:
    backward = replace(GELU, direction="backward")
    by_metric = _by_metric({**_sized(backward, Parts(), IN_CACHE), **_copies()})
    assert by_metric["arithmetic"].value == pytest.approx(0.5)


def test_a_copy_has_no_arithmetic_above_itself() -> None:
    by_metric = {row.metric: row for row in rows(_copies(), {"cpu": CLASSES})}
    assert by_metric["arithmetic"].value == 0
    assert by_metric["copy_floor"].value == pytest.approx(0.1)


def test_one_size_is_not_split() -> None:
    assert _by_metric({**_sized(GELU, Parts(), (L2,)), **_copies()}) == {}


@pytest.mark.parametrize("sizes", [(L2, L2 // 2), (LAST_LEVEL, MEMORY), (L2, MEMORY)])
def test_sizes_that_make_no_line_say_which_would(sizes: tuple[int, ...]) -> None:
    by_metric = _by_metric({**_sized(GELU, Parts(), sizes), **_copies()})
    assert set(by_metric) == {"launch"}
    assert by_metric["launch"].status == "unsupported"
    assert "--size launch --size l1 --size l2" in words.about(by_metric["launch"])


@pytest.mark.parametrize("change", [{"output": "reused"}, {"cache": "cold"}])
def test_only_warm_calls_with_an_output_of_their_own_are_split(change: dict[str, str]) -> None:
    assert _by_metric(_sized(replace(GELU, **change), Parts(), IN_CACHE)) == {}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("faults", "status"), [(0.0, "ok"), (0.02 * PAGES, "ok"), (0.5 * PAGES, "unsupported")]
)
def test_page_faults_show_the_allocator_where_no_output_can_be_reused(
    faults: float, status: str
) -> None:
    parts = Parts(memory=0.3)
    streaming = _at(MEMORY, parts.time(MEMORY), faults=faults)
    by_metric = _by_metric({**_sized(GELU, parts, IN_CACHE), **_copies(), **streaming})
    assert by_metric["memory"].status == by_metric["allocation"].status == status
    if status == "ok":
        assert by_metric["memory"].value == pytest.approx(0.3)
        assert by_metric["allocation"].value == 0.0
    else:
        assert by_metric["memory"].value is None
        assert by_metric["allocation"].cause == Cause(Why.PAGE_FAULTS, figure=faults)
        assert f"{faults:,.0f} page faults" in words.about(by_metric["allocation"])


def test_half_the_bytes_are_half_the_pages() -> None:
    half = replace(GELU, dtype="bfloat16")
    cached = _sized(half, Parts(), IN_CACHE)
    for faults, status in ((0.009 * PAGES, "ok"), (0.011 * PAGES, "unsupported")):
        streaming = _at(MEMORY, Parts().time(MEMORY), faults=faults, group=half)
        assert _by_metric({**cached, **streaming})["memory"].status == status


def test_a_reused_output_is_preferred_to_counting_faults() -> None:
    parts = Parts(memory=0.3, allocation=2.0)
    fresh = _at(MEMORY, parts.time(MEMORY), faults=PAGES)
    by_metric = _by_metric(
        {**_sized(GELU, parts, IN_CACHE), **_copies(), **fresh, **_reused(parts)}
    )
    assert by_metric["memory"].value == pytest.approx(0.3)
    assert by_metric["allocation"].value == pytest.approx(2.0)


def test_floors_are_copies_where_a_line_is_drawn() -> None:
    small, large = (replace(GELU, size=size, direction="backward") for size in (64, 4096))
    copies = [replace(COPY, size=size) for size in (64, 4096)]
    assert floors([small]) == [], "one size draws no line"
    assert floors([large, small]) == copies
    assert floors([replace(case, output="reused") for case in (small, large)]) == []
    assert floors([replace(case, cache="cold") for case in (small, large)]) == []
