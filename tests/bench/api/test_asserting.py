"""Intervals of a ratio that are a failure, and those that are undecided."""

from __future__ import annotations

import pytest

from actbench.bench.api import asserting
from actbench.bench.api.costs import Cost
from actbench.bench.catalog.cases import Case

_CASE = Case("numpy", "", "", "eager", "forward", "cpu", "float32", 64, 1)


@pytest.mark.parametrize(
    ("low", "high", "by", "strict", "failure"),
    [
        (0.9, 1.04, 0.05, True, ""),
        (1.06, 1.2, 0.05, False, "it may take 1.05 times as long"),
        (1.0, 1.2, 0.05, False, ""),
        (1.0, 1.2, 0.05, True, "undecided whether it takes more than 1.05 times as long"),
        (1.0, 1.2, 0.25, True, ""),
        (0.0, float("inf"), 0.05, False, ""),
        (0.0, float("inf"), 0.05, True, "undecided"),
    ],
)
def test_only_what_is_slower_fails_unless_it_is_strict(
    monkeypatch: pytest.MonkeyPatch, low: float, high: float, by: float, strict: bool, failure: str
) -> None:
    where = {**_CASE.as_dict()}
    planted = Cost("f", "g", (low + min(high, 2)) / 2, low, high, 110.0, 100.0, 3, where)
    monkeypatch.setattr(asserting, "cost", lambda *_, **__: planted)
    if not failure:
        asserting.assert_not_slower("f", "g", by, strict=strict, precision=0.5)
        return
    with pytest.raises(AssertionError, match=failure):
        asserting.assert_not_slower("f", "g", by, strict=strict)
