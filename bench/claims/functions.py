"""Functions of every framework evaluated at given inputs, for claims on exactness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from ..catalog.activations import find
from ..catalog.cases import Case, plain_form, unsupported
from ..catalog.dtypes import DTYPES, Dtype
from ..catalog.frameworks import frameworks, names
from ..catalog.inputs import from_bits, stratified, to_bits
from ..exactness.reference import Reference, exact_values
from ..host import temporary
from ..results.claims import Figure
from ..results.status import Status
from ..results.store import Run
from ..workers.supervised import SupervisedWorker, Workers, workers_of
from .ground import Effort

Array = np.ndarray[Any, Any]
FORMATS = ("float32", "bfloat16")
"""The formats that a claim is judged in unless it names others."""
_TIMEOUT = 120.0
_SLOW_TO_COMPILE = ("torch",)
"""The frameworks that take seconds to compile a function: those are judged only in eager mode."""


class Lacking(Exception):
    """A function or a format that a framework does not have."""


class NoResult(Exception):
    """A function that gave no results; the text says why."""


@dataclass(frozen=True)
class Functions:
    """The functions of the frameworks that load, each framework in a process of its own."""

    workers: Workers
    effort: Effort
    _results: dict[Any, Array] = field(default_factory=dict)
    _exact: dict[Any, Reference] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def opened(cls, run: Run | None, effort: Effort) -> Iterator[Self]:
        """The functions of those chosen frameworks that load."""
        first = [_of(name) for name in effort.frameworks or names()]
        with temporary.folder() as logs:
            workers = workers_of(first, effort.python_of, logs.path, _TIMEOUT)
            try:
                workers.in_parallel(lambda worker: worker.start())
                yield cls(workers, effort)
            finally:
                workers.close()

    @property
    def frameworks(self) -> tuple[str, ...]:
        """The frameworks that answer."""
        return tuple(worker.key.framework for worker in self.workers if worker.alive)

    def settings(
        self, formats: Iterable[str] = FORMATS, modes: Iterable[str] = ("eager",)
    ) -> Iterator[Setting]:
        """Every framework in each mode and format; slow compilers and quick runs only eager."""
        for framework in self.frameworks:
            for mode in modes:
                if self._tries(framework, mode):
                    yield from (Setting(self, framework, mode, dtype) for dtype in formats)

    def _tries(self, framework: str, mode: str) -> bool:
        if mode == "eager":
            return True
        swift = framework not in _SLOW_TO_COMPILE and not self.effort.quick
        return swift and mode in frameworks()[framework].modes

    def case(self, framework: str, activation: str, form: str = "", **fields: Any) -> Case | None:
        """A case by its form, the plain one where that is empty; None if the framework lacks it.

        `activation` is a label: `squareplus(b=0)`.
        """
        record, known = find(activation), frameworks()[framework]
        chosen = form or plain_form(record, known)
        case = replace(_of(framework), activation=record.label, form=chosen, **fields)
        return None if unsupported(case) else case

    def at(
        self, case: Case, x: Array, upstream: Array | None = None, output: int = 0
    ) -> Array | None:
        """The results of a case at float64 inputs, rounded to its dtype; None if it failed.

        Functions of rows take them along the last axis. In the direction `backward` they are
        gradients with `upstream`, by default ones; the second output is that of a learned
        parameter. A result with as many elements as `x` has its shape.
        """
        bits = np.atleast_2d(to_bits(x, case.dtype))
        given = None if upstream is None else np.atleast_2d(to_bits(upstream, case.dtype))
        key = (case, output, x.shape, bits.tobytes(), None if given is None else given.tobytes())
        if key not in self._results:
            worker = self._worker(case.framework)
            worker.include([case])
            outputs = worker.evaluate(case, bits, given)
            if outputs is None:
                return None
            self._results[key] = from_bits(np.asarray(outputs[output]), case.dtype)
        results = self._results[key]
        return results.reshape(x.shape) if results.size == x.size else results

    def exact(self, activation: str, x: Array, direction: str = "forward") -> Reference:
        """The exact values of an activation, or its exact derivatives, at float64 inputs."""
        key = activation, direction, x.tobytes()
        if key not in self._exact:
            self._exact[key] = exact_values(find(activation), direction, x)
        return self._exact[key]

    def failure(self, case: Case) -> str:
        """The reason why a case has no results."""
        failure = self._worker(case.framework).failure_of(case)
        return failure.reason if failure else ""

    def lacks(self, case: Case) -> bool:
        """Return whether a case has no results because its framework or format does not have it."""
        failure = self._worker(case.framework).failure_of(case)
        return failure is not None and failure.status is Status.UNSUPPORTED

    def _worker(self, framework: str) -> SupervisedWorker:
        return next(worker for worker in self.workers if worker.key.framework == framework)


@dataclass(frozen=True)
class Setting:
    """A framework in a mode and a format, with its functions there."""

    functions: Functions
    framework: str
    mode: str
    dtype: str

    @property
    def format(self) -> Dtype:
        """The facts of the format."""
        return DTYPES[self.dtype]

    @property
    def inputs(self) -> Array:
        """Numbers of each binade, ±0, subnormals, both ends, ±∞, NaN, and a grid on [−20, 20]."""
        effort = self.functions.effort
        return from_bits(stratified(self.dtype, 0 if effort.quick else 2, effort.seed), self.dtype)

    def rounded(self, x: Array) -> Array:
        """Numbers as the format has them: one operation of float64 is then that of the format."""
        return rounded(x, self.dtype)

    def value(self, activation: str, x: Array, form: str = "") -> Array:
        """The values of a function in a form, by default the plain one.

        Raises Lacking where the framework does not have it, NoResult where it failed.
        """
        return self._at(activation, x, form, direction="forward")

    def first(
        self, activation: str, x: Array, forms: Sequence[str], direction: str = "forward"
    ) -> Array:
        """The values of the first of these forms that the framework has."""
        for form in forms[:-1]:
            with suppress(Lacking):
                return self._at(activation, x, form, direction)
        return self._at(activation, x, forms[-1], direction)

    def softplus(self, x: Array, k: float = 1, direction: str = "forward") -> Array:
        """Softplus of sharpness k, where it does not overflow: native, or by ln(e⁰ + e^{kx})."""
        return self.first(f"softplus(k={k!r})", x, ("native", "logaddexp"), direction)

    def slope(self, activation: str, x: Array, form: str = "", **more: Any) -> Array:
        """The gradients of a function likewise; `upstream` and `output` as in `Functions.at`."""
        return self._at(activation, x, form, direction="backward", **more)

    def _at(self, activation: str, x: Array, form: str, direction: str, **more: Any) -> Array:
        fields = {"mode": self.mode, "dtype": self.dtype, "direction": direction}
        case = self.functions.case(self.framework, activation, form, **fields)
        if case is None:
            raise Lacking
        results = self.functions.at(case, x, **more)
        if results is None:
            raise Lacking if self.functions.lacks(case) else NoResult(self.functions.failure(case))
        return results

    def exact(self, activation: str, x: Array, direction: str = "forward") -> Reference:
        """The exact values of a function at these inputs."""
        return self.functions.exact(activation, x, direction)

    def figure(self, name: str, value: float, holds: bool | None, **more: Any) -> Figure:
        """A figure of this setting, of values unless another direction is named."""
        return replace(Figure(name, float(value), holds=holds), **{**self.said, **more})

    @property
    def said(self) -> dict[str, Any]:
        """The fields of a figure that give its setting."""
        return {
            "framework": self.framework,
            "mode": self.mode,
            "direction": "forward",
            "dtype": self.dtype,
        }


def in_each(
    settings: Iterable[Setting], judge: Callable[[Setting], Iterable[Figure]]
) -> tuple[Figure, ...]:
    """The figures of every setting that has the functions that they need.

    A function that failed there gives a figure without a number, which decides nothing.
    """
    figures: list[Figure] = []
    for setting in settings:
        try:
            figures += judge(setting)
        except Lacking:
            continue
        except NoResult as reason:
            figures.append(setting.figure(f"no result: {reason}", float("nan"), None))
    return tuple(figures)


def _of(framework: str) -> Case:
    """A case that every framework has."""
    return Case(framework, "relu", "max", "eager", "forward", "cpu", "float32", 1, 1)


def rounded(x: Array, dtype: str) -> Array:
    """Inputs as a format has them, as float64."""
    return from_bits(to_bits(x, dtype), dtype)


def same_bits(first: Array, second: Array) -> Array:
    """Return for each result whether both are the same number, including a zero's sign, or both
    NaN."""
    equal: Array = (first == second) & (np.signbit(first) == np.signbit(second))
    return equal | (np.isnan(first) & np.isnan(second))
