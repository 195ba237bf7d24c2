"""Unusual inputs where the time is taken: honest calls are believed, and no lie is."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from actbench.bench.catalog.cases import Case
from actbench.bench.exactness.observed import refusal
from actbench.bench.worker.operations import Worker
from actbench.bench.worker.protocol import Call, Observe, Prepare, TimedCall, TimeInTurn
from actbench.bench.worker.truth import Refused
from actbench.impls import numpy as numpy_forms

_SHAPE = (2, 8, 16, 32)
_VALUES = ("normal", "uniform:-40,-30", "subnormal", "saturated")


def _ending(
    function: Callable[..., Any],
    activation: str,
    shape: tuple[int, ...] = _SHAPE,
    axis: int | None = None,
    **changes: Any,
) -> str:
    """Prepare a planted function, time it and judge it; the reason why not."""
    worker = Worker(SimpleNamespace(Adapter=numpy_forms.Adapter, planted=function), "cpu", 1)
    call = Call(
        "planted", output_share=1, rowwise=axis is not None, axis=-1 if axis is None else axis
    )
    try:
        worker.prepare(Prepare(0, TimedCall(call, shape, **changes)))
        worker.in_turn(TimeInTurn(0, 0, 1e-4, 4))
        looks = worker.observe(Observe(0)).looks
    except Refused as refused:
        return str(refused)
    case = Case("numpy", activation, "native", "eager", "forward", "cpu", "float32", 1, 1)
    return next(filter(None, (refusal(case, look) for look in looks)), "")


def _softplus(x: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.log(1 + np.exp(x))


@pytest.mark.parametrize("layout", ["contiguous", "strided", "channels_last"])
@pytest.mark.parametrize("values", _VALUES)
def test_an_honest_call_is_believed_on_any_input(values: str, layout: str) -> None:
    """Also one that gives the same for every such number, and one that overflows as printed."""
    for buffers in (1, 3):
        for function, name in ((np.exp, "exp"), (_softplus, "softplus"), (np.tanh, "tanh")):
            with np.errstate(all="ignore"):
                reason = _ending(function, name, values=values, layout=layout, buffers=buffers)
            assert reason == "", (name, values, layout, buffers)


@pytest.mark.parametrize("layout", ["strided", "channels_last"])
@pytest.mark.parametrize("values", _VALUES)
def test_a_lie_is_found_on_any_input(values: str, layout: str) -> None:
    kept: dict[int, Any] = {}

    def kept_by_address(x: Any) -> Any:
        return kept.setdefault(x.ctypes.data, np.tanh(x)).copy()

    def written(x: Any) -> Any:
        x[...] = np.tanh(x)
        return x.copy()

    def half_done(x: Any) -> Any:
        done = np.zeros_like(x)
        done[:, :4] = np.tanh(x[:, :4])
        return done

    for lie, word in (
        (lambda x: np.full_like(x, np.nan), "same values"),
        (lambda x: np.tanh(np.zeros_like(x)), "same values"),
        (kept_by_address, "same values"),
        (written, "writes to its input"),
        (half_done, "is wrong where it is timed"),
    ):
        reason = _ending(lie, "tanh", values=values, layout=layout)
        assert word in reason, (lie, reason)


@pytest.mark.parametrize("values", _VALUES)
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_rows_are_judged_along_their_axis(axis: int, values: str) -> None:
    def softmax(x: Any, along: int = axis) -> Any:
        powers = np.exp(x - x.max(axis=along, keepdims=True))
        return powers / powers.sum(axis=along, keepdims=True)

    for shape in ((6, 5, 257), (34, 40, 4)):
        assert _ending(softmax, "softmax", shape, axis, values=values) == ""
        wrong = _ending(lambda x: softmax(x, (axis + 2) % 3), "softmax", shape, axis, values=values)
        assert "is wrong where it is timed" in wrong


@pytest.mark.parametrize("values", ["subnormal", "saturated"])
def test_what_changes_are_usual_numbers_so_that_a_result_of_nothing_shows(values: str) -> None:
    """Zeros for subnormal numbers, and NaN for saturated ones, are as good as right: not for those
    that are changed from batch to batch."""
    nothing = 0.0 if values == "subnormal" else np.nan

    def kept(x: Any) -> Any:
        usual = 1e-30 < np.abs(x).min() < 20  # not while it is checked on usual numbers
        return np.sin(x) if usual else np.full_like(x, nothing)

    reason = _ending(kept, "tanh", values=values)
    assert "is wrong where it is timed" in reason
