"""Ratios in words and commands: counts by kind, and nothing unsafe on a command line."""

from __future__ import annotations

from collections.abc import Callable

from actbench.bench.catalog.cases import Case
from actbench.report.questions import ratios
from actbench.report.read.evidence import Estimate

MakeCase = Callable[..., Case]


def test_each_kind_is_counted_with_the_ends_of_its_intervals() -> None:
    found = [
        ("A eager", Estimate(2.0, 1.5, 2.5)),
        ("B eager", Estimate(4.0, 3.0, 5.0)),
        ("C eager", Estimate(1.0, 0.9, 1.2)),
        ("D eager", Estimate(0.5)),
    ]
    assert ratios.counts(found, "relu") == (
        "takes longer than relu in 2 of 4 (1.50–5.00×: A eager and B eager); "
        "is not told apart from relu in 1 of 4 (0.900–1.20×: C eager); "
        "stands beside relu without an interval in 1 of 4 (0.500–0.500×: D eager)"
    )
    assert ratios.counts(found[:1], "relu") == "takes longer than relu in 1 of 1 (1.50–2.50×)"


def test_a_command_holds_every_case_and_no_unsafe_name(
    make_case: MakeCase, planned: Callable[[str], list[Case]], hostile_text: str
) -> None:
    safe = [make_case("squareplus(b=0)", form="textbook"), make_case("gelu", "jax", size=64)]
    command = ratios.again([*safe, make_case("gelu", hostile_text), make_case("gelu'; x '")])
    assert set(safe) <= set(planned(command))
    assert "'squareplus(b=0)'" in command
    assert hostile_text not in command
    assert "; x" not in command
    assert ratios.again([make_case("gelu", hostile_text)]) == ""
    assert "--size" not in ratios.again(safe, leave=("size",))
