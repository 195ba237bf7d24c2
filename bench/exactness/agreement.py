"""The agreement of a run: what each of its workers sweeps, and what is recorded."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from ..catalog.activations import UNKNOWN, find_reference
from ..catalog.cases import Case, Profile, Selection, directions_of
from ..catalog.frameworks import frameworks
from ..host.errors import ActbenchError
from ..host.progress import Reporter
from ..results.samples import Agreement as Sweep
from ..results.samples import (
    Certificate,
    Comparison,
    OfWhole,
    Paired,
    Sample,
    SpecialRows,
    Specials,
)
from ..results.status import Status
from ..worker.protocol import Failure
from ..workers.process import Failed
from ..workers.recorder import Recorder
from ..workers.supervised import SupervisedWorker, Workers
from . import comparisons, known, paths, special, sweep, whole
from .problem import Problem, Problems, known_keys

Array = np.ndarray[Any, Any]
Task = Callable[[], None]


def _beside(case: Case) -> type[Sample]:
    """The kind of sample that a sweep of a case records besides its certificate."""
    return SpecialRows if find_reference(case.activation).rowwise else Specials


class _Before:
    """The part of its agreement that a run had before it was continued."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        samples = list(samples)
        self._taken = {(type(sample), sample.case) for sample in samples}
        self._swept = [
            sample.case
            for sample in samples
            if isinstance(sample, Sweep) and (_beside(sample.case), sample.case) in self._taken
        ]
        self._timed = any(isinstance(sample, Paired) for sample in samples)
        self._against = {
            (replace(sample.case, size=0), sample.against)
            for sample in samples
            if isinstance(sample, Comparison)
        }

    def compared(self, wanted: Iterable[Case]) -> set[Case]:
        """The cases, without their sizes, that were swept and completely compared."""
        directed = [replace(half, size=0) for case in wanted for half in directions_of(case)]
        swept = {replace(case, size=0) for case in self._swept}
        lacking = {
            side
            for case, against, other in comparisons.pairs(directed)
            if (case, against) not in self._against
            for side in (case, other)
        }
        return swept - lacking

    def has(self, kind: type[Sample], case: Case) -> bool:
        """Return whether every direction of a case has a sample of a kind."""
        return {(kind, directed) for directed in directions_of(case)} <= self._taken

    @property
    def to_be_compared(self) -> list[Case]:
        """The cases whose comparisons under other conditions are incomplete: they come before
        timing."""
        return [] if self._timed else self._swept


class Agreement:
    """A check of each form of a selection, once, on the same inputs as every other."""

    def __init__(
        self,
        profile: Profile,
        selection: Selection,
        seed: int,
        workers: Workers,
        asked: Collection[Case],
        recorder: Recorder,
        before: Iterable[Sample] = (),
    ) -> None:
        """Choose what each worker sweeps for the cases that were asked for.

        What the run had `before` is not swept again, unless its comparisons are missing.
        """
        self._selection, self._seed, self._profile = selection, seed, profile
        self._workers, self._recorder = workers, recorder
        self._problems = Problems(profile.per_binade, seed)
        self._results: dict[Case, Array] = {}
        every = self._every = {worker: self._cases(worker, asked) for worker in workers}
        self._before = _Before(before)
        compared = self._before.compared(chain(*every.values()))
        self._swept = {
            worker: {
                case: shape for case, shape in own.items() if not {*directions_of(case)} <= compared
            }
            for worker, own in every.items()
        }

    def _cases(self, worker: SupervisedWorker, asked: Collection[Case]) -> dict[Case, sweep.Shape]:
        """The cases to sweep, with the shape of a call: those asked for, or in more formats.

        Functions without a reference are not judged.
        """
        cases = [case for case in worker.alive if case.activation != UNKNOWN.name and case in asked]
        if not self._profile.agreement_dtypes:
            return sweep.timed_cases(cases)
        chosen = sweep.agreement_cases(cases, self._profile.agreement_dtypes, self._selection)
        return {case: sweep.shape_of(case) for case in chosen}

    def prepare(self, reporter: Reporter) -> None:
        """Compute the exact values at all 16-bit inputs that are missing."""
        known.prepare(known_keys(chain(*self._swept.values())), reporter)

    def tasks(self, worker: SupervisedWorker) -> Iterator[Task]:
        """List what a worker is to do, a task per case."""
        for case, shape in self._swept[worker].items():
            yield partial(self._alone, case, "max_ulp", partial(self._sweep, worker, case, shape))
        wide = self._profile.agreement_dtypes
        others = special.other_cases(self._every[worker], self._selection) if wide else []
        for case in others:
            if not self._before.has(Specials, case):
                evaluate = partial(self._evaluate_special, worker, case)
                yield partial(self._alone, case, "special_departures", evaluate)
        for case in whole.cases(self._every[worker]):
            if not self._before.has(OfWhole, case):
                give = partial(self._try_whole, worker, case)
                yield partial(self._alone, case, "whole_numbers", give)

    def compare(self) -> None:
        """Record the differences between frameworks and modes in what was swept."""
        for sample in comparisons.of_frameworks_and_modes(self._results, self._bits_of):
            self._recorder.append(sample)

    def conditions(self) -> Callable[[SupervisedWorker], None] | None:
        """A function that compares the plain forms of a worker under other conditions; None without
        any."""
        if not self._profile.conditions:
            return None
        done = [*self._results, *self._before.to_be_compared]
        chosen = {
            worker: comparisons.cases(done, worker.key, self._selection) for worker in self._workers
        }
        others = {worker: comparisons.beside(worker) for worker in self._workers if chosen[worker]}
        self._workers.add(chain(*(group.values() for group in others.values())))

        def compare(worker: SupervisedWorker) -> None:
            if cases := chosen[worker]:
                append = self._recorder.append
                comparisons.of_conditions(worker, others[worker], cases, self._seed, append)

        return compare if others else None

    def _bits_of(self, case: Case) -> Array:
        return self._problems.of(case).bits

    def _alone(self, case: Case, metric: str, task: Task) -> None:
        """Do a task whose failure must not cost the others: it is recorded for its case."""
        try:
            task()
        except ActbenchError:
            raise
        except Failed as failed:
            self._fail(case, metric, failed.failure)
        except Exception as error:
            self._fail(case, metric, Failure(Status.ERROR, f"{type(error).__name__}: {error}"))

    def _fail(self, case: Case, metric: str, failure: Failure) -> None:
        for directed in directions_of(case):
            self._recorder.fail(directed, metric, failure)

    def _sweep(self, worker: SupervisedWorker, case: Case, shape: sweep.Shape) -> None:
        """Check a case; where both directions together fail, check each by itself."""
        if worker.closed:
            return
        judged = self._judged(worker, case, shape)
        if judged is None and case.direction == "both":
            for directed in directions_of(case):
                self._sweep(worker, directed, shape)
        rowwise = find_reference(case.activation).rowwise
        if judged and rowwise:
            self._evaluate_rows(worker, case)
        for sample, result in judged or ():
            if not rowwise:
                bits = self._bits_of(replace(sample.case, size=0))
                self._recorder.append(special.taken(sample.case, bits, result))
            self._recorder.append(sample)  # last, as a sign that nothing of it is lacking
            self._results[sample.case] = result

    def _judged(
        self, worker: SupervisedWorker, case: Case, shape: sweep.Shape
    ) -> list[sweep.Judged] | None:
        """The sample and the result of each direction; None, and the failure recorded, if it
        failed."""
        problems = [self._problems.of(directed) for directed in directions_of(case)]
        sized = replace(case, size=int(problems[0].bits.size))
        if case.direction == "both":
            self._recorder.pass_over(sized)  # should it fail, each direction has its own row
        elsewhere = self._elsewhere(worker, sized, problems, shape)
        judged = sweep.measure(sized, problems, worker.evaluate, shape, elsewhere)
        if judged is None and case.direction != "both":
            self._record_failure(worker, sized, "max_ulp")
        return judged

    def _elsewhere(
        self,
        worker: SupervisedWorker,
        case: Case,
        problems: Sequence[Problem],
        shape: sweep.Shape,
    ) -> list[Certificate]:
        """The certificate of each direction on other paths; empty where none is tried."""
        extent = paths.extent_of(case, self._profile, self._selection)
        if extent is None:
            return []
        given = paths.shape_in(frameworks()[case.framework], shape)
        return paths.tried(case, problems, worker.attempts, given, extent) or []

    def _evaluate_special(self, worker: SupervisedWorker, case: Case) -> None:
        """Evaluate a case at its special points in a format that is not swept."""
        if worker.closed:
            return
        samples = special.measure(case, worker.evaluate)
        if samples is None:
            self._record_failure(worker, case, "special_departures")
        for sample in samples or ():
            self._recorder.append(sample)

    def _evaluate_rows(self, worker: SupervisedWorker, case: Case) -> None:
        """Evaluate a row-wise case at special rows, in the shape of the sweep.

        Rows of one number would have to be compiled: they are tried eagerly, where all forms are.
        """
        shape = self._bits_of(directions_of(case)[0]).shape
        sized, shapes = replace(case, size=math.prod(shape)), [shape]
        if (
            self._profile.agreement_dtypes
            and case.mode == "eager"
            and not find_reference(case.activation).indivisible(1)
        ):
            shapes.append((len(shape), 1))
        evaluate = partial(sweep.of_rows, evaluate=worker.evaluate)
        for table in shapes:
            samples = special.measure_rows(sized, table, evaluate)
            if samples is None:
                self._record_failure(worker, sized, "special_row")
            for sample in samples or ():
                self._recorder.append(sample)

    def _try_whole(self, worker: SupervisedWorker, case: Case) -> None:
        if not worker.closed:
            self._recorder.append(whole.taken(case, worker.whole(case, whole.arrays(case))))

    def _record_failure(self, worker: SupervisedWorker, case: Case, metric: str) -> None:
        self._recorder.pass_over(case)
        if failure := worker.failure_of(case):
            self._recorder.fail(case, metric, failure)
