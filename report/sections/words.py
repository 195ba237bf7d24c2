"""The words of the page, and its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...bench.results.metrics import METRICS
from ..read.evidence import Evidence

ORDER = 90
TITLE = "Words"
_WORDS: Mapping[str, str] = {
    "family": "max (comparison and addition), exp (needs a transcendental function), algebraic "
    "(+ − × ÷ √ only); primitive is a single operation, which explains what others cost",
    "form": "how an activation is written: native is the framework's own function, textbook the "
    "formula as printed, wide one that holds for every input, computed in the next wider format; "
    "max, abs, where and logaddexp are named after the operation they rest on",
    "plain form": "what people take first: native, or the first one written out without that",
    "mode": "eager, operation by operation, or compiled as a whole",
    "direction": "forward is the function, backward the gradient alone, both the two in one call",
    "unit": "the ReLU that costs are over: the cheapest way to write it in that setting",
    "setting": "what cases must share to be compared: framework, mode, direction, device, dtype, "
    "size, threads, output, cache and input",
    "output": "fresh: each call returns memory of its own; reused: it writes where the last did",
    "cache": "warm: a call finds its input where the last one left it; cold: in no cache",
    "input": "standard normal numbers unless others are named: subnormal ones, saturated ones "
    "(whose eˣ is infinite or 0), a range or a file; with its shape, rows and layout in memory",
    "place": "one tiny call (the call itself decides), in cache (arithmetic decides), from memory",
    "refused": "timed, but the time would mislead, because a check failed",
    "ulp": "unit in the last place: the distance of neighbouring numbers at the exact value",
    "interval": "95 % confidence interval, with the process as the unit of replication",
}


def SUMMARY(evidence: Evidence) -> str:
    """The number of words and metrics."""
    return f"{len(_WORDS)} words and {len(METRICS)} metrics, with their meaning."


def content(evidence: Evidence) -> Mapping[str, Any]:
    """Words and metrics with their meaning."""
    return {"words": _WORDS, "metrics": METRICS.values()}
