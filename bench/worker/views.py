"""Inputs that are views: off alignment, every second element, axes in another order, broadcast.

The elements of the larger array that a view leaves out are others than those it shows, so that code
which takes it for a whole one gives something else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..catalog.dtypes import DTYPES
from ..catalog.given import CHANNELS_LAST, CONTIGUOUS, STRIDED
from .protocol import Laid, Layout

if TYPE_CHECKING:
    from ...impls._adapter import Contract, Tensor
    from .protocol import Bits


SECOND_LAST = (0, 2, 3, 1)
"""The axes of four as they lie in memory where the second is last."""


class Unsupported(Exception):
    """The framework has no such view: its arrays are whole."""


@dataclass(frozen=True)
class View:
    """A tensor, the array whose memory it shows, and what that held."""

    tensor: Tensor
    whole: Tensor
    bits: Bits
    adapter: Contract

    def is_changed(self) -> bool:
        """Return whether anything in that memory is another number now."""
        return not np.array_equal(np.ravel(self.adapter.get(self.whole)), np.ravel(self.bits))


def laid_out(adapter: Contract, laid: Laid, dtype: str) -> View:
    """A tensor with the elements of `laid`. Raises Unsupported where arrays have no views."""
    larger, view = VIEWS[laid.layout]
    bits = np.array(larger(laid.bits), order="C")
    if laid.layout is not Layout.WHOLE and not _has_views(adapter, dtype):
        raise Unsupported("arrays of this framework are whole: it has no views")
    whole = adapter.put(bits, dtype)
    return View(view(whole, laid.bits.shape), whole, bits, adapter)


def _has_views(adapter: Contract, dtype: str) -> bool:
    """Return whether a part of an array shares its memory."""
    fmt = DTYPES[dtype]
    probe = adapter.put(np.zeros(4, fmt.bits), dtype)
    try:
        return bool(adapter.address(probe[1:]) - adapter.address(probe) == fmt.itemsize)
    except Exception:  # whatever a framework raises that gives no address
        return False


def _one_before(bits: Bits) -> Bits:
    return np.concatenate([bits.ravel()[-1:], bits.ravel()])


def _others_between(bits: Bits) -> Bits:
    """Elements with another one after each."""
    return np.stack([bits, np.roll(bits, 1)], axis=-1).reshape(*bits.shape[:-1], -1)


def _repeated_part(bits: Bits) -> Bits:
    """The row, or else the column, that all are like."""
    return bits[:1] if (bits == bits[:1]).all() else bits[..., :1]


def _expanded(whole: Any, shape: tuple[int, ...]) -> Any:
    expand = getattr(whole, "expand", None)
    return expand(shape) if expand else np.broadcast_to(whole, shape)


VIEWS: Mapping[str, tuple[Callable[[Bits], Bits], Callable[[Any, tuple[int, ...]], Any]]] = {
    CONTIGUOUS: (lambda bits: bits, lambda whole, _: whole),
    Layout.UNALIGNED: (_one_before, lambda whole, shape: whole[1:].reshape(shape)),
    STRIDED: (_others_between, lambda whole, _: whole[..., ::2]),
    CHANNELS_LAST: (
        lambda bits: bits.transpose(SECOND_LAST),
        lambda whole, _: whole.swapaxes(1, 3).swapaxes(2, 3),
    ),
    Layout.TRANSPOSED: (lambda bits: bits.T, lambda whole, _: whole.T),
    Layout.BROADCAST: (_repeated_part, _expanded),
}
"""The larger array of some elements, and the view of it that shows them, by layout."""
