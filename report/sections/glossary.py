"""The words of the page, and its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...bench.results.metrics import METRICS
from ..read.evidence import Evidence

ORDER = 170
TITLE = "Words"
LINK = "Words"

WORDS: Mapping[str, str] = {
    "family": "max (comparison and addition), exp (needs a transcendental function), algebraic "
    "(+ − × ÷ √ only); primitive is a single operation, which explains what the others cost and "
    "is in no comparison of families",
    "form": "how an activation is written: native is the framework's own function, textbook the "
    "formula as the literature prints it, wide one that holds for every input, computed in the "
    "next wider format and rounded once, blocked one in blocks that stay in the cache; max, abs, "
    "where and logaddexp are named after the operation they rest on",
    "mode": "eager, operation by operation, or compiled as a whole, where the framework can",
    "direction": "forward is the function, backward the gradient alone, both the two in one call",
    "setting": "what cases must share to be compared: framework, mode, direction, device, dtype, "
    "size, threads, output and cache",
    "output": "fresh: each call returns memory of its own; reused: it writes where the last one "
    "wrote. Sentences and charts speak of fresh outputs only",
    "cache": "warm: a call finds its input where the last one left it; cold: nothing of it is in "
    "any cache. Sentences and charts speak of warm ones only",
    "size class": "a number of elements chosen from the caches of the machine: launch (the call "
    "itself decides), l1, l2 (arithmetic decides), last_level (the shared cache), memory (DRAM); "
    "between tests the line from l1 to l2",
    "plain form": "the form that people take first: native, or the first one written out where "
    "the framework has none",
    "refused": "timed, but the time would mislead, for a check failed: the reason is given",
    "ulp": "unit in the last place: the distance between neighbouring numbers of the dtype at the "
    "exact value",
    "interval": "95 % confidence interval; two times count as different only if that of their "
    "ratio does not hold 1, which errs on the side of not distinguishing them",
}


def content(evidence: Evidence) -> Mapping[str, Any]:
    """Words and metrics with their meaning."""
    return {"words": WORDS, "metrics": METRICS.values()}
