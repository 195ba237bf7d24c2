"""Functions of every framework at given inputs, as claims of exactness ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np

from ..catalog.activations import find
from ..catalog.cases import Case, plain_form, unsupported
from ..catalog.dtypes import DTYPES
from ..catalog.frameworks import frameworks, names
from ..catalog.inputs import from_bits, to_bits
from ..results.claims import Figure
from ..results.store import Run
from ..workers.supervised import SupervisedWorker, Workers, workers_of
from .ground import Effort

Array = np.ndarray[Any, Any]
_TIMEOUT = 120.0


@dataclass(frozen=True)
class Functions:
    """The functions of the frameworks that load, each in a process of its own."""

    workers: Workers

    @classmethod
    @contextmanager
    def opened(cls, run: Run | None, effort: Effort) -> Iterator[Self]:
        """The functions of the frameworks that were chosen, of those that load."""
        first = [_of(name) for name in effort.frameworks or names()]
        with TemporaryDirectory(prefix="actbench-claims-") as logs:
            workers = workers_of(first, effort.python_of, Path(logs), _TIMEOUT)
            try:
                workers.in_parallel(lambda worker: worker.start())
                yield cls(workers)
            finally:
                workers.close()

    @property
    def frameworks(self) -> tuple[str, ...]:
        """The frameworks that answer."""
        return tuple(worker.key.framework for worker in self.workers if worker.alive)

    def case(self, framework: str, activation: str, form: str = "", **fields: Any) -> Case | None:
        """A case by its form, the plain one where that is empty; None if the framework lacks it.

        `activation` is a label: `squareplus(b=0)`.
        """
        record, known = find(activation), frameworks()[framework]
        chosen = form or plain_form(record, known)
        case = replace(_of(framework), activation=record.label, form=chosen, **fields)
        return None if unsupported(case) else case

    def at(self, case: Case, x: Array, upstream: Array | None = None) -> Array | None:
        """The results of a case at float64 inputs, rounded to its dtype; None if it failed.

        Functions of rows take them along the last axis. In the direction `backward` they are
        gradients with `upstream`, ones unless given.
        """
        worker = self._worker(case.framework)
        bits = np.atleast_2d(to_bits(x, case.dtype))
        given = None if upstream is None else np.atleast_2d(to_bits(upstream, case.dtype))
        worker.include([case])
        outputs = worker.evaluate(case, bits, given)
        return None if outputs is None else from_bits(np.asarray(outputs[0]), case.dtype)

    def failure(self, case: Case) -> str:
        """The reason why a case has no results."""
        failure = self._worker(case.framework).failure_of(case)
        return failure.reason if failure else ""

    def _worker(self, framework: str) -> SupervisedWorker:
        return next(worker for worker in self.workers if worker.key.framework == framework)


def _of(framework: str) -> Case:
    """A case that every framework has."""
    return Case(framework, "relu", "max", "eager", "forward", "cpu", "float32", 1, 1)


def rounded(x: Array, dtype: str) -> Array:
    """Inputs as a format has them, as float64."""
    return from_bits(to_bits(x, dtype), dtype)


def same_bits(first: Array, second: Array) -> Array:
    """Say of each result whether both are the same number, zeros with their sign, or both NaN."""
    equal: Array = (first == second) & (np.signbit(first) == np.signbit(second))
    return equal | (np.isnan(first) & np.isnan(second))


def figure(name: str, value: float, case: Case, holds: bool | None, **more: Any) -> Figure:
    """The figure of a claim about a case."""
    setting = {key: getattr(case, key) for key in ("framework", "mode", "direction", "dtype")}
    return replace(Figure(name, float(value), holds=holds), **setting, **more)


def everything(dtype: str, per_binade: int = 4) -> Array:
    """Inputs of a format as float64: zeros, subnormals, both ends, ±∞, NaN and each binade."""
    fmt = DTYPES[dtype]
    powers = 2.0 ** np.arange(fmt.emin, fmt.emax + 1)
    sizes = np.concatenate(
        [
            [0.0, fmt.smallest, fmt.normal - fmt.smallest, fmt.largest, np.inf],
            *(powers * (1 + step / per_binade) for step in range(per_binade)),
        ]
    )
    return rounded(np.concatenate([sizes, -sizes, [np.nan]]), dtype)
