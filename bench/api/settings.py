"""The settings of a call from Python: which cases it is about, and where they run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..catalog.activations import UNKNOWN, find, find_reference
from ..catalog.cases import Case, Selection, plain_form, unsupported
from ..catalog.frameworks import Framework, declared, frameworks, own
from ..catalog.sizes import size_classes
from ..compare.activations import Named
from ..host.errors import UsageError
from ..workers.acquaintance import fitted, whose
from .functions import Function, importable

Subject = Function | str
"""A function, or the name of an activation of `actbench list`, as `gelu` or `squareplus[wide]`."""


@dataclass(frozen=True)
class Where:
    """The conditions of a call.

    `framework` is found out where it is empty, if there is a function; `size` is a number of
    elements or a class (`launch`, `l1`, `l2`, `last_level`, `memory`); `python` is the interpreter
    of the processes, this one's where it is empty; `dims` are the dimensions of the arrays that a
    function is given, found by trying where they are 0.
    """

    framework: str = ""
    mode: str = "eager"
    direction: str = "forward"
    dtype: str = "float32"
    size: int | str = "l2"
    device: str = "cpu"
    threads: int = 1
    python: str = ""
    dims: int = 0

    @property
    def interpreter(self) -> str:
        """The interpreter of the processes."""
        return self.python or sys.executable

    def checked(self) -> Where:
        """The same. Raises UsageError for names that do not exist."""
        Selection(
            frameworks=(self.framework,) if self.framework else (),
            modes=(self.mode,),
            directions=(self.direction,),
            devices=(self.device,),
            dtypes=(self.dtype,),
            sizes=(self.size,),
            threads=(self.threads,),
        ).checked()
        return self

    def case(self, framework: Framework, activation: str, form: str) -> Case:
        """A case under these conditions. Raises UsageError for one that there is not."""
        size = size_classes(self.device)[self.size] if isinstance(self.size, str) else self.size
        case = Case(
            framework.name,
            activation,
            form,
            self.mode,
            self.direction,
            self.device,
            self.dtype,
            size,
            self.threads,
        )
        if reason := unsupported(case):
            raise UsageError(reason)
        return case


@contextmanager
def cases(
    subjects: tuple[Subject, ...], where: Where, reference: str = ""
) -> Iterator[tuple[Case, ...]]:
    """The cases of one or two subjects in one framework, while the context lasts.

    A function should be the `reference`. Raises UsageError for unknown names, and for functions
    that cannot be loaded.
    """
    functions = [subject for subject in subjects if not isinstance(subject, str)]
    if not functions:
        if not where.framework:
            raise UsageError("say which framework: framework='torch', 'jax', 'tensorflow', 'numpy'")
        framework = frameworks()[where.framework]
        yield tuple(_named(str(subject), framework, where) for subject in subjects)
        return
    label = find_reference(reference).label if reference else UNKNOWN.label
    with importable(functions) as given:
        first, *others = given.addresses
        if first in others:
            raise UsageError("both functions are the same: compare two")
        record = own(
            first,
            label,
            where.framework,
            dims=where.dims,
            beside=next(iter(others), ""),
            folders=given.folders,
        )
        if not where.framework:
            record = whose(record, {"": where.interpreter})
        record = fitted(record, where.interpreter, where.device, where.dtype)
        with declared(record):
            addresses = iter(given.addresses)
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
