"""The parts of a call: planted, and recovered as shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Row
from actbench.report.questions.calls import answer
from actbench.report.read.rows import read

MakeRun = Callable[..., Path]
MakeCase = Callable[..., Case]
LAUNCH, CACHE, MEMORY = 64, 65536, 2**23
PARTS: Mapping[str, tuple[int, float]] = {
    "launch": (LAUNCH, 1000.0),
    "handoff": (4096, 100.0),
    "copy_floor": (CACHE, 0.01),
    "arithmetic": (CACHE, 0.05),
    "memory": (MEMORY, 0.1),
    "allocation": (MEMORY, 0.3),
}
TIMES = {
    LAUNCH: 1000 + 0.06 * LAUNCH,
    CACHE: 1100 + 0.06 * CACHE,
    MEMORY: 1100 + 0.46 * MEMORY,
}


def rows(case: Case, without: str = "", arithmetic: float = 0.1, fit: float = 0.01) -> list[Row]:
    """Times ±1 %, parts ±5 % but arithmetic, as shares of their values."""
    planted_rows = [
        Row(replace(case, size=size), "time_per_call", time, time * 0.99, time * 1.01)
        for size, time in TIMES.items()
    ]
    for metric, (size, value) in PARTS.items():
        width = arithmetic if metric == "arithmetic" else 0.05
        ends = (value * (1 - width), value * (1 + width))
        if metric != without:
            planted_rows.append(Row(replace(case, size=size), metric, value, *ends))
    return [*planted_rows, Row(replace(case, size=16384), "fit_error", fit, fit, fit)]


def share(value: float, width: float, size: int) -> str:
    """A part over the time at a size, in percent, as wide as both intervals allow."""
    low, high = value * (1 - width) / TIMES[size] / 1.01, value * (1 + width) / TIMES[size] / 0.99
    return f"{100 * low:.1f}–{f'{100 * high:.1f}' if high < 1 else '100'} %"


def test_which_part_takes_more_than_half(
    make_run: MakeRun, make_case: MakeCase, planned: Callable[[str], list[Case]]
) -> None:
    answered = answer(read([make_run(rows(make_case("gelu")))]))
    goes = "more than half of a call goes to: gelu,"
    assert answered.sentences == (
        f"At launch, 64 elements, {goes} launch in 1 of 1 ({share(1000, 0.05, LAUNCH)}).",
        f"In cache, 65,536 elements (2^16), {goes} arithmetic in 1 of 1 "
        f"({share(0.05 * CACHE, 0.1, CACHE)}).",
        f"Streaming from DRAM, 8,388,608 elements (2^23), {goes} allocation in 1 of 1 "
        f"({share(0.3 * MEMORY, 0.05, MEMORY)}).",
    )
    cases = planned(answered.command)
    assert {LAUNCH, CACHE, MEMORY} <= {case.size for case in cases}
    assert {case.output for case in cases} == {"fresh", "reused"}


def test_a_share_whose_interval_holds_a_half_is_not_for_certain(
    make_run: MakeRun, make_case: MakeCase
) -> None:
    answered = answer(read([make_run(rows(make_case("gelu"), arithmetic=0.3))]))
    assert "gelu, no part for certain in 1 of 1." in answered.sentences[1]


def with_shares(case: Case, shares: Mapping[str, tuple[float, float]]) -> list[Row]:
    """The rows of a case whose parts are these shares, from low to high, of the call in cache."""
    planted_rows = [
        row for row in rows(case) if row.metric not in PARTS or PARTS[row.metric][0] == MEMORY
    ]
    for metric, ends in shares.items():
        size = PARTS[metric][0]
        times = CACHE if size == CACHE else 1
        low, high = (end * TIMES[CACHE] / times for end in ends)
        planted_rows.append(Row(replace(case, size=size), metric, (low + high) / 2, low, high))
    return planted_rows


@pytest.mark.parametrize(
    ("shares", "stated"),
    [
        # Both exceed half of the call, and only the first half of what the two take together.
        ({"copy_floor": (0.85, 0.95), "launch": (0.65, 0.75)}, "copy in 1 of 1 (84.2–96.0 %)"),
        ({"copy_floor": (0.75, 0.85), "launch": (0.75, 0.85)}, "no part for certain in 1 of 1"),
    ],
)
def test_a_call_counts_once_where_a_part_is_below_0(
    make_run: MakeRun, make_case: MakeCase, shares: dict[str, tuple[float, float]], stated: str
) -> None:
    planted = with_shares(make_case("gelu"), {**shares, "arithmetic": (-0.7, -0.5)})
    answered = answer(read([make_run(planted)]))
    text = next(text for text in answered.sentences if text.startswith("In cache"))
    assert text.endswith(f"to: gelu, {stated}.")


def test_a_little_below_0_takes_nothing_from_the_rest(
    make_run: MakeRun, make_case: MakeCase
) -> None:
    shares = {"launch": (0.04, 0.06), "copy_floor": (0.17, 0.19), "handoff": (-0.05, -0.01)}
    planted = with_shares(make_case("gelu"), {**shares, "arithmetic": (0.75, 0.85)})
    answered = answer(read([make_run(planted)]))
    text = next(text for text in answered.sentences if text.startswith("In cache"))
    assert "gelu, arithmetic in 1 of 1 (" in text


def test_frameworks_are_counted_and_poor_lines_stated(
    make_run: MakeRun, make_case: MakeCase
) -> None:
    """Shares of a poor fit are never for certain."""
    planted = [*rows(make_case("relu")), *rows(make_case("relu", "jax"), fit=-0.2)]
    answered = answer(read([make_run(planted)]))
    assert "relu, launch in 1 of 2 (" in answered.sentences[0]
    assert "relu, arithmetic in 1 of 2 (" in answered.sentences[1]
    assert all(text.endswith("no part for certain in 1 of 2.") for text in answered.sentences[:3])
    assert answered.sentences[3] == (
        "1 line of 2 missed a size left out by more than 10%, marked ✗ among the parts: their "
        "shares are not for certain."
    )


@pytest.mark.parametrize(
    ("without", "stated"), [("allocation", 2), ("memory", 2), ("arithmetic", 0), ("handoff", 3)]
)
def test_a_place_is_stated_only_with_all_its_parts(
    make_run: MakeRun, make_case: MakeCase, without: str, stated: int
) -> None:
    """Handoff is none where the smallest size is in the first-level cache."""
    answered = answer(read([make_run(rows(make_case("gelu"), without))]))
    assert answered.measured is bool(stated)
    if stated:
        assert len(answered.sentences) == stated


def test_no_parts_no_answer(
    make_run: MakeRun, make_case: MakeCase, planned: Callable[[str], list[Case]]
) -> None:
    answered = answer(read([make_run([Row(make_case("gelu"), "time_per_call", 1.0, 0.9, 1.1)])]))
    assert not answered.measured
    assert {case.output for case in planned(answered.command)} == {"fresh", "reused"}


def test_names_cannot_break_out(make_run: MakeRun, make_case: MakeCase, hostile_text: str) -> None:
    answered = answer(read([make_run(rows(make_case("gelu", hostile_text)))]))
    assert answered.measured
    assert answered.command == ""
    assert not any(hostile_text in text for text in answered.sentences)
