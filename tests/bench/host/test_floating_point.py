"""What a reader is told of a worker's floating-point environment."""

from __future__ import annotations

from actbench.bench.host.floating_point import sentences

USUAL = {"flushes_results": False, "subnormals_are_zero": False, "rounding": "to nearest"}


def test_nothing_is_said_where_nothing_is_unusual() -> None:
    assert sentences({"torch": {"floating_point": {"before": USUAL, "after": USUAL}}}) == []
    assert sentences({"torch": {"status": "unsupported"}}) == [], "an older run tells nothing"


def test_a_change_names_the_framework_and_what_is_different_now() -> None:
    after = {**USUAL, "flushes_results": True, "rounding": "upward"}
    (told,) = sentences({"torch/cpu/2": {"floating_point": {"before": USUAL, "after": after}}})
    assert told == (
        "Importing torch changed the floating-point environment of its worker torch/cpu/2: "
        "subnormal results become zero, rounding upward."
    )


def test_an_unusual_start_and_its_end_are_both_told() -> None:
    before = {**USUAL, "subnormals_are_zero": True}
    started, changed = sentences({"jax": {"floating_point": {"before": before, "after": USUAL}}})
    assert "started in an unusual" in started
    assert "subnormal operands count as zero" in started
    assert changed.endswith("subnormal operands count as they are.")
