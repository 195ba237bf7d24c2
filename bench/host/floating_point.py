"""The floating-point environments of workers in words, where they are unusual."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

USUAL: Mapping[str, bool | str] = {
    "flushes_results": False,
    "subnormals_are_zero": False,
    "rounding": "to nearest",
}
"""The environment that IEEE 754 and every system start a process with."""

_WORDS = {
    ("flushes_results", True): "subnormal results become zero",
    ("flushes_results", False): "subnormal results are kept",
    ("subnormals_are_zero", True): "subnormal operands count as zero",
    ("subnormals_are_zero", False): "subnormal operands count as they are",
}


def sentences(workers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Write a sentence per worker whose environment was unusual, or changed under its framework.

    `workers` are those of RunFacts. A worker that said nothing is passed over.
    """
    return [text for label, facts in workers.items() for text in _unusual(label, facts)]


def _unusual(label: str, facts: Mapping[str, Any]) -> Iterator[str]:
    environment = facts.get("floating_point") or {}
    before, after = environment.get("before", {}), environment.get("after", {})
    if strange := _differences(USUAL, before):
        yield f"The worker {label} started in an unusual floating-point environment: {strange}."
    if changed := _differences(before, after):
        yield (
            f"Importing {label.partition('/')[0]} changed the floating-point environment of its "
            f"worker {label}: {changed}."
        )


def _differences(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> str:
    """Write in words how the actual differs from the expected; empty where one is not known."""
    return ", ".join(
        _WORDS.get((name, actual[name]), f"{name} {actual[name]}")
        for name in expected
        if name in actual and actual[name] != expected[name]
    )
