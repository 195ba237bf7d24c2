"""The settings of a call from Python: its cases, and where they run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..catalog import given
from ..catalog.activations import UNKNOWN, find, find_reference
from ..catalog.cases import (
    OF_INPUT,
    USUAL,
    Case,
    Plan,
    Selection,
    along,
    chosen,
    input_conditions,
    plain_form,
    unsupported,
)
from ..catalog.frameworks import Framework, declared, frameworks, own
from ..compare.activations import Named
from ..host.errors import UsageError
from ..workers.acquaintance import fitted, whose
from .functions import Function, importable

Subject = Function | str
"""A function, or the name of an activation of `actbench list`, such as `gelu` or
`squareplus[wide]`."""


@dataclass(frozen=True)
class Where:
    """The conditions of a call.

    `framework` is inferred from a function where it is empty; `size` is a number of elements or a
    class (`launch`, `l1`, `l2`, `last_level`, `memory`), l2 by default; `python` is the interpreter
    of the processes, by default this one; `dims` are the dimensions of the arrays that a function
    is given, found by trying where they are 0.

    `input`, `shape`, `row`, `axis` and `layout` apply to timings, as on the command line: the
    values (`catalog.given`) or the path of a file of numbers; lengths, `(1, 3, 1024)` or
    `1x3x1024`; the elements of a row; the axis of rows; how the elements lie in memory.
    """

    framework: str = ""
    mode: str = "eager"
    direction: str = "forward"
    dtype: str = "float32"
    size: int | str = ""
    device: str = "cpu"
    threads: int = 1
    python: str = ""
    dims: int = 0
    input: str | Path = given.NORMAL
    shape: str | Sequence[int] = ""
    row: int = 0
    axis: int = given.LAST
    layout: str = given.CONTIGUOUS

    @property
    def interpreter(self) -> str:
        """The interpreter of the processes."""
        return self.python or sys.executable

    @property
    def of_input(self) -> dict[str, Any]:
        """The fields of the input that have unusual values."""
        said = {name: getattr(self, name) for name in OF_INPUT}
        if not isinstance(self.shape, str):
            said["shape"] = given.written(tuple(self.shape))
        return {name: value for name, value in said.items() if value != USUAL[name]}

    def selection(self) -> Selection:
        """The conditions as a selection. Raises UsageError for names that do not exist."""
        of_input = self.of_input
        return Selection(
            frameworks=(self.framework,) if self.framework else (),
            modes=(self.mode,),
            directions=(self.direction,),
            devices=(self.device,),
            dtypes=(self.dtype,),
            sizes=(self.size,) if self.size else (),
            threads=(self.threads,),
            inputs=(str(of_input["input"]),) if "input" in of_input else (),
            shapes=(of_input["shape"],) if "shape" in of_input else (),
            rows=(of_input["row"],) if "row" in of_input else (),
            axes=(of_input["axis"],) if "axis" in of_input else (),
            layouts=(of_input["layout"],) if "layout" in of_input else (),
        ).checked()

    def case(self, framework: Framework, activation: str, form: str) -> Case:
        """A case under these conditions. Raises UsageError for one that does not exist."""
        [conditions] = input_conditions(chosen(Plan(()), self.selection()))
        case = along(Case(framework.name, activation, form, self.mode, **conditions))
        if reason := unsupported(case):
            raise UsageError(reason)
        return case


@contextmanager
def cases(
    subjects: tuple[Subject, ...], where: Where, reference: str = ""
) -> Iterator[tuple[Case, ...]]:
    """The cases of one or two subjects in one framework, within this context.

    `reference` is that of a function. Raises UsageError for unknown names, and for functions that
    cannot be loaded.
    """
    where.selection()
    functions = [subject for subject in subjects if not isinstance(subject, str)]
    if not functions:
        if not where.framework:
            raise UsageError("say which framework: framework='torch', 'jax', 'tensorflow', 'numpy'")
        framework = frameworks()[where.framework]
        yield tuple(_named(str(subject), framework, where) for subject in subjects)
        return
    label = find_reference(reference).label if reference else UNKNOWN.label
    with importable(functions) as module:
        first, *others = module.addresses
        if first in others:
            raise UsageError("both functions are the same: compare two")
        record = own(
            first,
            label,
            where.framework,
            dims=where.dims,
            beside=next(iter(others), ""),
            folders=module.folders,
        )
        if not where.framework:
            record = whose(record, {"": where.interpreter})
        record = fitted(record, where.interpreter, where.device, where.dtype)
        with declared(record):
            addresses = iter(module.addresses)
            yield tuple(
                _named(subject, record, where)
                if isinstance(subject, str)
                else where.case(record, label, next(addresses))
                for subject in subjects
            )


def _named(text: str, framework: Framework, where: Where) -> Case:
    named = Named.read(text)
    record = find(named.label)
    plain = plain_form(record, frameworks()[framework.module])
    return where.case(framework, named.label, named.form or plain)
