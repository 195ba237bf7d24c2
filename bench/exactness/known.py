"""Exact values at all inputs of a small format: computed once, then read from a cache.

A file of the cache is named after everything that its content depends on: the code of the exact
function, its parameters, the code of this reference, the direction and the format.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from functools import cache as once
from multiprocessing import get_context
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

from ..catalog import activations as catalog
from ..catalog import dtypes, formula_text, inputs
from ..catalog import formulas as exact
from ..catalog.activations import Activation, find_reference
from ..catalog.dtypes import DTYPES
from ..catalog.own_reference import ReferenceFailed
from ..host import cache, machine
from ..host.progress import Reporter
from ..words import counted
from . import reference, ulp

Array = np.ndarray[Any, Any]
Key = tuple[str, str, str]
"""The label, the direction and the dtype."""

_SURE = 2.0**-30
"""The distance from half an ulp at which float64 values, right to 2⁻⁵³, decide how a number rounds.
"""


@dataclass(frozen=True)
class Known:
    """The exact values at all inputs in the order of their bit patterns, and the same rounded.

    `rounded` holds the bit patterns of the correctly rounded results, proved by Arb.
    """

    exact: reference.Reference
    rounded: Array


def all_inputs(dtype: str) -> Array:
    """Every bit pattern of a small format."""
    fmt = DTYPES[dtype]
    return np.arange(2 ** (8 * fmt.itemsize), dtype=fmt.bits)


def known(label: str, direction: str, dtype: str) -> Known:
    """The exact values of an elementwise activation, from the cache where possible."""
    activation = find_reference(label)
    path = path_of(activation, direction, dtype)
    stored = read(path)
    if stored is None:
        values, rounded = _compute(activation, direction, dtype)
        stored = {"values": values, "rounded": rounded}
        write(path, **stored)
    x = inputs.from_bits(all_inputs(dtype), dtype)
    answers = reference.Reference.of(stored["values"])
    return Known(reference.with_kinks(answers, activation, direction, x), stored["rounded"])


def prepare(keys: Iterable[Key], reporter: Reporter) -> None:
    """Compute what the cache lacks, on all CPUs.

    A key stands for one call of `known`. What a process leaves out that dies, for example of too
    little memory, is computed when it is needed.
    """
    missing = [
        key for key in dict.fromkeys(keys) if not path_of(find_reference(key[0]), *key[1:]).exists()
    ]
    if not missing:
        return
    title = f"Computing exact values of {counted(len(missing), 'function')} at every input"
    if len(missing) == 1:  # here: new processes would run a user's script anew
        with reporter.phase(title, 1) as done:
            _store(missing[0])
            done()
        return
    with (
        suppress(BrokenProcessPool, ReferenceFailed),
        reporter.phase(title, len(missing)) as done,
        ProcessPoolExecutor(machine.cores(), get_context("spawn")) as pool,
    ):
        for _ in pool.map(_store, missing):
            done()


def _store(key: Key) -> None:
    known(*key)


def _compute(activation: Activation, direction: str, dtype: str) -> tuple[Array, Array]:
    """The exact values as float64 in the same binade, and the correctly rounded bits."""
    x = inputs.from_bits(all_inputs(dtype), dtype)
    function = reference.function_of(activation, direction)
    answers = reference.exact_at(function, x)
    values = answers.in_binade
    rounded = inputs.to_bits(values, dtype)
    error = ulp.measure(rounded, answers, dtype).plain
    for i in np.flatnonzero(error > 0.5 - _SURE):
        nearest = reference.rounded(activation, direction, float(x[i]), dtype)
        rounded[i] = inputs.to_bits(np.copysign([nearest], values[i]), dtype)[0]
    return values, rounded


def read(path: Path) -> Mapping[str, Array] | None:
    """The arrays of a file; None where it is missing or holds others."""
    content = cache.sealed(path)
    if content is None:
        return None
    with np.load(io.BytesIO(content)) as stored:
        return dict(stored)


def write(path: Path, **arrays: Any) -> None:
    """Write arrays to a file."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    cache.seal(path, stream.getvalue())


def path_of(activation: Activation, direction: str, dtype: str, *more: bytes) -> Path:
    """The file of what depends on a function, a format and `more`."""
    function = activation.exact if direction == "forward" else activation.derivative
    text = repr((sorted(activation.parameters.items()), direction, dtype))
    digest = hashlib.sha256(text.encode())
    for part in (*_code(function), _modules(), *more):
        digest.update(part)
    word = re.sub(r"\W+", "_", activation.name)[:40]
    name = f"{word}-{direction}-{dtype}-{digest.hexdigest()[:24]}.npz"
    return cache.folder("exact") / name


@once
def _modules() -> bytes:
    """The source of all modules that compute exact values."""
    modules = (exact, formula_text, reference, ulp, dtypes, inputs)
    files = (__file__, *(str(module.__file__) for module in modules))
    return b"".join(Path(file).read_bytes() for file in files)


def code_of(label: str) -> bytes:
    """The code of an activation itself, which its exact values depend on."""
    activation = find_reference(label)
    return b"".join((*_code(activation.exact), *_code(activation.derivative)))


@once
def exactness_code() -> bytes:
    """The source of everything that a certificate depends on, except the function under test."""
    own = sorted(Path(__file__).parent.glob("*.py"))
    return _modules() + b"".join(path.read_bytes() for path in (Path(str(catalog.__file__)), *own))


def _code(function: Callable[..., Any]) -> Iterator[bytes]:
    """The code of a function: its instructions, names and constants, without its position."""
    written = getattr(function, "__code__", None)
    if written is None:
        yield str(getattr(function, "__qualname__", type(function))).encode()
        return
    pending: list[CodeType] = [written]
    while pending:
        code = pending.pop()
        plain = [constant for constant in code.co_consts if not isinstance(constant, CodeType)]
        yield repr((code.co_code, code.co_names, code.co_varnames, plain)).encode()
        pending += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    for value in (*defaults, *(cell.cell_contents for cell in function.__closure__ or ())):
        yield from _held(value)


def _held(value: Any) -> Iterator[bytes]:
    """The contents of a function: the code of functions, and everything else as its text."""
    if callable(value):
        yield from _code(value)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield repr(name).encode()
            yield from _held(item)
    else:
        yield repr(value).encode()
