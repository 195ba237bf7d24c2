"""Numbers and names as people read them."""

from __future__ import annotations

from ..bench.host.machine import Machine
from ..bench.words import capital as capital
from ..bench.words import counted as counted
from ..bench.words import duration as duration
from ..bench.words import know as know
from ..bench.words import listing as listing
from ..bench.words import number as number
from ..bench.words import place_words as place_words
from ..bench.words import short_hex as short_hex
from ..bench.words import title as title
from ..bench.words import writable as writable


def elements(size: int) -> str:
    """A size in words: `65,536 elements (2^16)`."""
    power = size.bit_length() - 1
    exact = f" (2^{power})" if size == 2**power and power > 6 else ""
    return f"{counted(size, 'element')}{exact}"


def machine(facts: Machine) -> str:
    """A machine in a few words: `AMD EPYC, 2 cores`."""
    parts = [facts.cpu or "unknown processor"]
    parts += [] if facts.cores is None else [counted(facts.cores, "core")]
    return ", ".join([*parts, *(f"{gpu.name}, {gpu.driver}" for gpu in facts.gpus)])


_SPELLED = {name: name.upper() for name in ("elu", "gelu", "celu", "selu")}
_SPELLED |= {"relu": "ReLU", "silu": "SiLU", "leaky_relu": "leaky ReLU", "squareplus": "Squareplus"}
_SPELLED |= {"mish": "Mish", "gelu_tanh": "tanh GELU"}


def spelled(activation: str) -> str:
    """An activation as the literature spells it, where that differs: `GELU`."""
    return _SPELLED.get(activation, activation)
