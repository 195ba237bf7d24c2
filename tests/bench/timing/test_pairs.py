"""The value that one process gives of a case, from visits that others disturb."""

from __future__ import annotations

import math
from typing import Any

import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.timing.pairs import Effort, measure
from actbench.bench.timing.processes import Epoch, key_of
from actbench.bench.worker.protocol import Blocks, Compare

_CASE = Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 64, 1)


class _Worker:
    """A stand-in for a process that answers each visit with the same blocks."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self.visits = 0

    def ask(self, request: Any, timeout: float) -> Any:
        if not isinstance(request, Compare):
            return None
        self.visits += 1
        return self._blocks


def _blocks(ratio: float, spoilt: int, of: int = 32) -> Blocks:
    """Blocks of which the first ones are spoilt; those that are not have a ratio of 1."""
    times = tuple(round(1000 * (ratio if number < spoilt else 1)) for number in range(of))
    return Blocks(1, (1000,) * of, times, tuple(number < spoilt for number in range(of)))


@pytest.mark.parametrize(
    ("spoilt", "ratio", "counted"), [(0, 1, 4), (8, 1, 4), (31, 30, 6), (32, 30, 6)]
)
def test_a_process_gives_a_value_however_many_blocks_were_spoilt(
    spoilt: int, ratio: float, counted: int
) -> None:
    """From the unspoilt ones where these are enough; then the spoilt ones do not count."""
    worker = _Worker(_blocks(30, spoilt))
    epoch = Epoch({key_of(_CASE): worker}, {_CASE: 0})  # type: ignore[dict-item]
    timed = measure(epoch, [_CASE], Effort(), "0", lambda: None)[_CASE]
    assert timed.log == pytest.approx(math.log(ratio), abs=1e-9)
    assert worker.visits <= counted
    assert timed.spoilt == (spoilt * worker.visits if ratio == 1 else 0)
