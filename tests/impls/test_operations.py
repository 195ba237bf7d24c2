"""The catalogue's counts of operations against what the textbook forms do, traced in NumPy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from actbench.bench.catalog.activations import CATALOG
from actbench.impls import numpy as forms

ROWS, WIDTH = 3, 8
COUNTED = {
    **dict.fromkeys((np.add, np.subtract), "add"),
    **dict.fromkeys((np.multiply, np.negative, np.square), "multiply"),
    **dict.fromkeys((np.maximum, np.minimum, np.where), "maximum"),
    **dict.fromkeys((np.log, np.log1p), "log1p"),
    np.divide: "divide",
    np.absolute: "absolute",
    np.sqrt: "sqrt",
    np.exp: "exp",
    np.expm1: "expm1",
    np.tanh: "tanh",
}
FREE = (np.greater, np.greater_equal, np.less, np.equal, np.concatenate)


class Tracer:
    """Counts operations per element; equal ones on the same operands once."""

    def __init__(self) -> None:
        self.counts: defaultdict[str, float] = defaultdict(float)
        self._seen: dict[tuple[Any, ...], tuple[Any, Any]] = {}

    def run(self, function: Any, call: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
        """The result of a call, traced in its turn; the one before if its operands are the same."""
        key = (function, *(each if np.isscalar(each) else id(each) for each in operands))
        if key not in self._seen:
            result = call(*(_plain(each) for each in operands)).view(Traced)
            result.tracer = self
            self._count(function, operands, result)
            self._seen[key] = (result, operands)  # kept, so that no id is given twice
        return self._seen[key][0]

    def _count(self, function: Any, operands: tuple[Any, ...], result: Any) -> None:
        if function not in FREE:
            size = max(getattr(each, "size", 1) for each in (*operands, result))
            by_number = function is np.divide and np.isscalar(operands[1])
            halves = 2 * size // (ROWS * WIDTH)  # of the input; what is once per row is none
            self.counts["multiply" if by_number else COUNTED[function]] += halves / 2


class Traced(np.ndarray):
    """An array that tells its tracer what is done with it."""

    tracer: Tracer

    def __array_finalize__(self, other: Any) -> None:
        self.tracer = getattr(other, "tracer", None)  # type: ignore[assignment]

    def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
        kept = {key: value for key, value in options.items() if key != "out"}
        call = getattr(ufunc, method)
        return self.tracer.run(ufunc, lambda *each: call(*each, **kept), operands)

    def __array_function__(self, function: Any, types: Any, operands: Any, options: Any) -> Any:
        if function is np.concatenate:
            return self.tracer.run(
                function, lambda *each: function(each, **options), tuple(operands[0])
            )
        return self.tracer.run(function, function, operands)


def _plain(operand: Any) -> Any:
    return operand.view(np.ndarray) if isinstance(operand, Traced) else operand


def _erf(x: Traced) -> Any:
    """erf as one operation: NumPy has none, and its value does not matter here."""
    x.tracer.counts["erf"] += x.size / (ROWS * WIDTH)
    result = np.tanh(_plain(x)).view(Traced)
    result.tracer = x.tracer
    return result


@pytest.mark.parametrize("name", [name for name in CATALOG if name != "copy"])
def test_counts_are_those_of_the_form_written_out(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """copy is left out: it is no arithmetic."""
    monkeypatch.setattr(forms, "erf", _erf)
    record, tracer = CATALOG[name], Tracer()
    own = record.primitive and hasattr(forms, f"{name}_native")
    x = np.linspace(-1, 2, ROWS * WIDTH, dtype=np.float32).reshape(ROWS, WIDTH).view(Traced)
    x.tracer = tracer
    learned = [np.full(WIDTH, 0.25, np.float32) for _ in record.learnable]
    with np.errstate(all="ignore"):
        getattr(forms, f"{name}_native" if own else f"{name}_{record.forms[0]}")(x, *learned)
    assert {key: count for key, count in tracer.counts.items() if count} == record.operations
