"""The decomposition: planted parts are recovered, and a missing one names what to measure."""

from __future__ import annotations

from collections.abc import Iterable
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
from actbench.bench.timing.parts import Timing, floor_of, rows

CLASSES = from_caches({"L1d": 48 * 2**10, "L2": 2 * 2**20, "L3": 32 * 2**20})
LAUNCH, L1, BETWEEN, L2, LAST_LEVEL, MEMORY = CLASSES.values()
IN_CACHE = (LAUNCH, L1, BETWEEN, L2)
GELU = Case("torch", "gelu", "native", "eager", "forward", "cpu", "float32", 0, 1)
COPY = floor_of(GELU)
PAGES = MEMORY * 4 / 4096


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


def _timing(nanoseconds: float, faults: float = 0.0) -> Timing:
    return Timing(np.full(1001, nanoseconds), faults)


def _sized(group: Case, parts: Parts, sizes: Iterable[int]) -> dict[Case, Timing]:
    return {replace(group, size=size): _timing(parts.time(size)) for size in sizes}


def _copies(floor: float = 0.1, sizes: Iterable[int] = IN_CACHE) -> dict[Case, Timing]:
    return _sized(COPY, Parts(launch=200.0, floor=floor, arithmetic=0.0), sizes)


def _reused(parts: Parts) -> dict[Case, Timing]:
    kept = replace(parts, allocation=0.0)
    return {replace(GELU, size=MEMORY, output="reused"): _timing(kept.time(MEMORY))}


def _by_metric(timings: dict[Case, Timing]) -> dict[str, Row]:
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
        "memory": memory,
        "allocation": allocation,
        "fit_error": 0.0,
    }
    for metric, value in planted.items():
        row = by_metric[metric]
        assert row.value == pytest.approx(value, rel=1e-6, abs=1e-6), metric
        assert (row.low, row.high) == (row.value, row.value), "nothing varies, nothing is unsure"


def test_every_part_stands_at_the_size_it_is_about() -> None:
    parts = Parts(handoff=50.0, memory=0.3)
    by_metric = _by_metric(
        {**_sized(GELU, parts, (*IN_CACHE, MEMORY)), **_copies(), **_reused(parts)}
    )
    assert {metric: row.case.size for metric, row in by_metric.items()} == {
        "launch": LAUNCH,
        "handoff": L1,
        "fit_error": BETWEEN,
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
    by_metric = _by_metric({**timings, replace(GELU, size=BETWEEN): _timing(measured)})
    assert by_metric["fit_error"].value == pytest.approx(error, abs=1e-9)


def test_a_size_beyond_the_second_level_does_not_bend_the_line() -> None:
    slow = {replace(GELU, size=LAST_LEVEL): _timing(1e9)}
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
    streaming = {replace(GELU, size=MEMORY): _timing(parts.time(MEMORY), faults)}
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
        streaming = {replace(half, size=MEMORY): _timing(Parts().time(MEMORY), faults)}
        assert _by_metric({**cached, **streaming})["memory"].status == status


def test_a_reused_output_is_preferred_to_counting_faults() -> None:
    parts = Parts(memory=0.3, allocation=2.0)
    fresh = {replace(GELU, size=MEMORY): _timing(parts.time(MEMORY), faults=PAGES)}
    by_metric = _by_metric(
        {**_sized(GELU, parts, IN_CACHE), **_copies(), **fresh, **_reused(parts)}
    )
    assert by_metric["memory"].value == pytest.approx(0.3)
    assert by_metric["allocation"].value == pytest.approx(2.0)


def test_intervals_of_parts_hold_what_was_planted() -> None:
    """Noise of 1 % per size: every part's interval is wide enough for it, and no wider."""
    random = np.random.default_rng(0)
    exact = {**_sized(GELU, Parts(), (LAUNCH, L1, L2)), **_copies(sizes=(LAUNCH, L1, L2))}
    noisy = {
        case: Timing(timing.replicates * np.exp(0.01 * random.standard_normal(1001)), 0.0)
        for case, timing in exact.items()
    }
    row = _by_metric(noisy)["arithmetic"]
    assert row.low is not None
    assert row.high is not None
    assert row.low < 0.5 < row.high
    # the slopes of gelu (0.6) and of the copy (0.1), both known to ±2 %
    assert row.high - row.low == pytest.approx(2 * 1.96 * 0.01 * np.hypot(0.6, 0.1), rel=0.15)
