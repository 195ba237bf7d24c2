"""Comparisons of results bit by bit, with another framework or with the same case elsewhere.

The same case is compared compiled with eager, on all threads with the worker's own, in a variant of
its framework's environment, and in another process. Other arrays are tried in `paths`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from ..catalog import inputs
from ..catalog.activations import find_reference
from ..catalog.cases import Case, Selection, plain_form
from ..catalog.dtypes import COUNTABLE, DTYPES, prominence
from ..catalog.frameworks import frameworks
from ..host import machine
from ..results.rows import Against, Other
from ..results.samples import Comparison, Missing
from ..results.status import Status
from ..worker.protocol import Failure
from ..workers.environment import Key
from ..workers.supervised import SupervisedWorker
from . import ulp
from .judge import place

Array = np.ndarray[Any, Any]
Answer = Comparison | Missing
Results = Mapping[Case, Array]
"""The results of each swept case, as bit patterns."""
BitsOf = Callable[[Case], Array]
"""A function that returns the inputs of a swept case, as bit patterns."""

FORMATS = tuple(sorted(COUNTABLE, key=prominence))
_ELSEWHERE = ("float32", "bfloat16", "float64")
"""The formats that other workers are given, where available: loading kernels dominates their time.
"""
SHAPE = (260, 256)
"""The shape of the inputs: large enough to be split between threads, and no timed size."""
_PER_BINADE = 2


def of_frameworks_and_modes(results: Results, bits_of: BitsOf) -> Iterator[Comparison]:
    """Compare all pairs of frameworks that ran the same case, and compiled with eager."""
    for case, against, other in pairs(results):
        yield _compared(case, against, results[case], results[other], bits_of(case))


def pairs(swept: Iterable[Case]) -> Iterator[tuple[Case, Against, Case]]:
    """The pairs of compared cases: two frameworks, the plainer one first, or eager and compiled."""
    groups: dict[Case, list[Case]] = {}
    known = dict.fromkeys(swept)
    for case in known:
        groups.setdefault(replace(case, framework="", device=""), []).append(case)
    order = list(frameworks())
    for group in groups.values():
        plainest = sorted(group, key=lambda case: order.index(case.framework))
        for case, other in combinations(plainest, 2):
            if case.framework != other.framework:
                yield case, Against(Other.FRAMEWORK, other.framework), other
    for case in known:
        compiled = replace(case, mode="compiled")
        if case.mode == "eager" and compiled in known:
            yield case, Against(Other.MODE, "compiled"), compiled


def cases(done: Iterable[Case], key: Key, asked: Selection) -> list[Case]:
    """The cases of a worker to be compared, in the formats asked for, else in three.

    These are the swept cases that are eager, elementwise, and in the plain form.
    """
    plain = [case for case in done if _key(case) == key and _is_plain(case)]
    variations = (
        replace(case, dtype=dtype, size=math.prod(SHAPE))
        for case in plain
        for dtype in asked.dtypes or FORMATS
    )
    return list(dict.fromkeys(variations))


def _key(case: Case) -> Key:
    return Key(case.framework, case.device, case.threads)


def _is_plain(case: Case) -> bool:
    activation = find_reference(case.activation)
    form = plain_form(activation, frameworks()[case.framework])
    return case.mode == "eager" and not activation.rowwise and case.form == form


def beside(worker: SupervisedWorker) -> dict[Against, SupervisedWorker]:
    """The workers to compare a worker with, by what differs."""
    others = {Against(Other.PROCESS): worker.beside()}
    if worker.key.device == "cpu":
        threads = machine.most_threads()
        if worker.key.threads != threads:
            others[Against(Other.THREADS)] = worker.beside(threads=threads)
        for variant in frameworks()[worker.key.framework].variants:
            others[Against(Other.VARIANT, variant)] = worker.beside(variant=variant)
    return others


@dataclass(frozen=True)
class _Tried:
    """A case, its inputs as bit patterns in SHAPE, and its results in that order."""

    case: Case
    bits: Array
    result: Array


def of_conditions(
    worker: SupervisedWorker,
    others: Mapping[Against, SupervisedWorker],
    chosen: Iterable[Case],
    seed: int,
    append: Callable[[Answer], None],
) -> None:
    """Evaluate cases in a worker and in others, started and ended for this, and compare."""
    inputs_of = {dtype: _inputs(dtype, seed) for dtype in DTYPES}
    tried = []
    for case in chosen:
        bits = inputs_of[case.dtype]
        outputs = worker.evaluate(case, bits)
        if outputs is None:
            append(_failed(case, None, worker.failure_of(case)))
        else:
            tried.append(_Tried(case, bits, np.asarray(outputs[0]).ravel()))
    tried = [trial for trial in tried if trial.case.dtype in _ELSEWHERE] or tried
    if not tried:
        return
    with ThreadPoolExecutor(len(others)) as pool:
        for future in [pool.submit(_elsewhere, *pair, tried) for pair in others.items()]:
            for sample in future.result():
                append(sample)


def _inputs(dtype: str, seed: int) -> Array:
    return np.resize(inputs.stratified(dtype, _PER_BINADE, seed), SHAPE)


def _elsewhere(other: Against, worker: SupervisedWorker, tried: Iterable[_Tried]) -> list[Answer]:
    """Evaluate the same inputs in another worker."""
    worker.start()
    try:
        return [_evaluated(other, worker, trial) for trial in tried]
    finally:
        worker.stop()


def _evaluated(other: Against, worker: SupervisedWorker, tried: _Tried) -> Answer:
    case = replace(tried.case, threads=worker.key.threads)
    outputs = worker.evaluate(case, tried.bits)
    if outputs is None:
        return _failed(tried.case, other, worker.failure_of(case))
    return _compared(tried.case, other, tried.result, np.asarray(outputs[0]), tried.bits)


def _compared(
    case: Case, against: Against, results: Array, others: Array, bits: Array
) -> Comparison:
    """The sample of two results at the same inputs; all are bit patterns."""
    apart = ulp.distance(results.ravel(), others.ravel(), case.dtype)
    x, rowwise = inputs.from_bits(bits, case.dtype), find_reference(case.activation).rowwise
    first = None if apart.first is None else place(x, apart.first, rowwise)
    return Comparison(case, against, apart.most, apart.equal, first)


def _failed(case: Case, other: Against | None, failure: Failure | None) -> Missing:
    failure = failure or Failure(Status.ERROR, "the run was ended")
    return Missing(case, "equal_bits", failure.status, failure.reason, other)
