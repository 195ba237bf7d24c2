"""What a reader is told of a worker's floating-point environment."""

from __future__ import annotations

from dataclasses import dataclass, replace

from actbench.bench.host.floating_point import USUAL, FloatingPoint, sentences


@dataclass(frozen=True)
class _Worker:
    before: FloatingPoint | None = None
    after: FloatingPoint | None = None
    framework: str = "torch"


def test_nothing_is_said_where_nothing_is_unusual() -> None:
    assert sentences({"torch": _Worker(USUAL, USUAL)}) == []
    assert sentences({"torch": _Worker()}) == [], "one that is missing says nothing"


def test_a_change_names_the_framework_and_what_is_different_now() -> None:
    after = replace(USUAL, flushes_results=True, rounding="upward")
    (told,) = sentences({"torch/cpu/2": _Worker(USUAL, after)})
    assert told == (
        "Importing torch changed the floating-point environment of its worker torch/cpu/2: "
        "subnormal results become zero, rounding upward."
    )


def test_an_unusual_start_and_its_end_are_both_told() -> None:
    before = replace(USUAL, subnormals_are_zero=True)
    started, changed = sentences({"jax": _Worker(before, USUAL)})
    assert "started in an unusual" in started
    assert "subnormal operands count as zero" in started
    assert changed.endswith("subnormal operands count as they are.")
