"""The parts of a cost: lines to doubt, and the intervals of sums and shares."""

from __future__ import annotations

from collections.abc import Sequence

from ...bench.results.metrics import POOR_FIT
from ..read.evidence import Estimate, Split


def poor_fit(split: Split) -> bool:
    """True where the fitted line misses the omitted size by more than a tenth."""
    miss = split.part("fit_error")
    return miss is not None and abs(miss.value) > POOR_FIT


def total(*parts: Estimate | None) -> Estimate | None:
    """The sum of parts and of their ends; a part without an interval is exact.

    None if a part is missing.
    """
    known = [part for part in parts if part]
    if len(known) < len(parts):
        return None
    low = sum(part.value if part.low is None else part.low for part in known)
    high = sum(part.value if part.high is None else part.high for part in known)
    return Estimate(sum(part.value for part in known), low, high)


def share(part: Estimate, others: Sequence[Estimate]) -> Estimate | None:
    """A part's share of the sum of all, as wide as the intervals of all allow."""
    rest, whole = total(*others), total(part, *others)
    if rest is None or whole is None or whole.value <= 0:
        return None
    low, high = (part.value if end is None else end for end in (part.low, part.high))
    least, most = (rest.value if end is None else end for end in (rest.low, rest.high))
    if low + most <= 0 or high + least <= 0:
        return None
    return Estimate(part.value / whole.value, low / (low + most), high / (high + least))
