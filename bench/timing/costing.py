"""The measurement of costs: units are chosen, cases timed in turn with them, wide ones again."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..catalog.activations import BASELINE, find
from ..catalog.cases import Case, Profile, forms_of, unsupported
from ..catalog.sizes import Classes
from ..host.progress import Advance
from ..results.samples import Paired, Preparation, Probe
from ..workers.recorder import Recorder
from ..workers.supervised import Judge, SupervisedWorker
from .costs import Goal, Measured, Process, add, relative_costs, times, unit_case
from .disturbance import Paces

_CHEAPER = 0.97
"""The cost below which another form of relu becomes the unit in place of the first one."""
_CHOOSING = 2
"""The visits per form of relu by which the unit is chosen."""
Task = tuple[SupervisedWorker, Case]


def setting_of(case: Case) -> Case:
    """The setting of cases that share a unit: a case without its activation, form and size."""
    return replace(case.of(BASELINE, ""), size=0)


def candidates(cases: Iterable[Case], classes: Mapping[str, Classes]) -> dict[Case, list[Case]]:
    """The forms of relu that may be the unit of some cases, by setting.

    They are compared at the largest size in cache that is asked for, or else at the smallest size.
    A kernel that works in blocks (`blocked`) is no candidate: nobody writes relu that way.
    """
    sizes: dict[Case, set[int]] = {}
    for case in cases:
        sizes.setdefault(setting_of(case), set()).add(case.size)
    forms: dict[Case, list[Case]] = {}
    for setting, of_setting in sizes.items():
        cached = [size for size in of_setting if size <= classes[setting.device]["l2"]]
        size = max(cached, default=min(of_setting))
        ways = [form for form in forms_of(find(BASELINE)) if form != "blocked"]
        relus = [replace(setting, form=form, size=size) for form in ways]
        forms[setting] = [relu for relu in relus if not unsupported(relu)]
    return forms


class Costing:
    """Times cases over their units, in one process after another."""

    def __init__(
        self,
        profile: Profile,
        seed: int,
        recorder: Recorder,
        forms: Mapping[Case, Sequence[Case]],
        judge: Judge,
    ) -> None:
        """`forms` are those of relu among which each setting's unit is chosen."""
        self._profile, self._seed, self._recorder, self._forms = profile, seed, recorder, forms
        self._judge = judge
        self._units: dict[Case, str] = {}
        self._unconfirmed: set[Case] = set()
        self._paces = Paces()
        self._measured: dict[Case, Measured] = {}
        self.timed_ns = 0

    def take(self, pairs: Iterable[Paired]) -> None:
        """Take over earlier times, and the units that were chosen then."""
        for pair in pairs:
            add(self._measured, pair)
            if pair.unit:
                self._units[setting_of(pair.case)] = pair.unit

    @property
    def visited(self) -> Counter[Case]:
        """The number of processes that timed each case."""
        return Counter({case: len(timed.processes) for case, timed in self._measured.items()})

    def forms(self, cases: Iterable[Case]) -> list[Case]:
        """The forms of relu among which the units of some cases are still to be chosen."""
        settings = dict.fromkeys(map(setting_of, cases))
        open_ = [
            setting
            for setting in settings
            if setting not in self._units or setting in self._unconfirmed
        ]
        return [form for setting in open_ for form in self._forms.get(setting, ())]

    def units(self, cases: Iterable[Case]) -> list[Case]:
        """The units of some cases, as far as they have been chosen."""
        chosen = (self._unit(case) for case in cases)
        return list(dict.fromkeys(unit for unit in chosen if unit))

    def _unit(self, case: Case) -> Case | None:
        form = self._units.get(setting_of(case), "")
        return unit_case(case, form) if form else None

    def prepare(self, worker: SupervisedWorker, case: Case, checked: bool = True) -> None:
        """Build and warm up a case, and record the time of its first call."""
        answer = worker.prepare(case, self._seed, checked)
        if answer is not None:
            self._recorder.append(Preparation(case, worker.process, **vars(answer)))

    def choose(self, worker: SupervisedWorker, forms: Iterable[Case]) -> None:
        """Choose the unit of each setting: the first form of relu, or a cheaper one.

        The first is the framework's own, if it has one that works. Another form must be cheaper in
        the next process too, because a process may be slow with one form by chance: otherwise the
        first stays the unit.
        """
        by_setting: dict[Case, list[Case]] = {}
        for form in forms:
            by_setting.setdefault(setting_of(form), []).append(form)
        for setting, several in by_setting.items():
            before, cheapest = self._units.get(setting), self._cheapest(worker, several)
            first = next((form.form for form in several if form not in worker.failures), "")
            self._units[setting] = cheapest if before in (None, cheapest) else first
            self._unconfirmed -= {setting}
            self._unconfirmed |= {setting} if before is None and cheapest != first else set()

    def _cheapest(self, worker: SupervisedWorker, forms: Sequence[Case]) -> str:
        """The cheapest form of those that work, "" where none does."""
        alive = [form for form in forms if form not in worker.failures]
        if not alive:
            return ""
        first, *others = alive
        costs = {other.form: self._over(worker, other, first) for other in others}
        if first in worker.failures:
            return self._cheapest(worker, others)
        cheapest = min(costs, key=lambda form: costs[form], default=first.form)
        return cheapest if costs.get(cheapest, 1.0) < _CHEAPER else first.form

    def _over(self, worker: SupervisedWorker, form: Case, first: Case) -> float:
        """The cost of a form of relu over the first one; infinite where one of them fails."""
        process = Process()
        for _ in range(_CHOOSING):
            sample = self._pair(worker, form, first)
            if sample is None:
                return float("inf")
            process.add(sample)
        return process.ratio

    def round(
        self, tasks: Sequence[Task], number: int, done: Advance, until: float = math.inf
    ) -> list[Task]:
        """Visit every case once, shuffled so that drift affects all alike; stop at a time `until`.

        Return the cases whose visit was disturbed.
        """
        shuffled = sorted(tasks, key=lambda task: task[0].numbers[task[1]])
        random.Random(f"{self._seed} {number}").shuffle(shuffled)
        visits: list[tuple[Task, Paired]] = []
        for worker, case in shuffled:
            if time.monotonic() > until:
                break
            sample = self._pair(worker, case, self._unit_in(worker, case))
            if sample is not None:
                self._recorder.append(sample)
                add(self._measured, sample)
                self.timed_ns += sum(sample.elapsed) + sum(sample.unit_elapsed)
                self._paces.see(sample)
                visits.append(((worker, case), sample))
            done()
        self._recorder.flush()
        return [task for task, sample in visits if self._paces.disturbed(sample)]

    def _unit_in(self, worker: SupervisedWorker, case: Case) -> Case:
        """The unit of a case; the case itself where there is no unit, or no longer any."""
        unit = self._unit(case)
        return unit if unit and unit not in worker.failures else case

    def _pair(self, worker: SupervisedWorker, case: Case, unit: Case) -> Paired | None:
        profile = self._profile
        judge = self._judge
        turns = worker.in_turn(case, unit, self._seed, profile.batch, profile.blocks, judge)
        if turns is None:
            return None
        form = unit.form if unit.activation == BASELINE else ""
        return Paired(case, worker.process, form, **vars(turns))

    def probe(self, worker: SupervisedWorker, case: Case) -> None:
        """Record what the time of a case depends on, where a probe applies."""
        answer = worker.probe(case, self._seed, self._profile.batch)
        if answer is not None:
            self._recorder.append(Probe(case, **vars(answer)))

    def wide(self, goal: Goal) -> dict[Case, float]:
        """The cases wider than the goal, with the factor by which they are, the widest first."""
        measured = self._measured
        costs, calls = relative_costs(measured), times(measured)
        distances = {case: goal.distance(costs.get(case), calls[case]) for case in measured}
        wide = Counter({case: distance for case, distance in distances.items() if distance > 1})
        return dict(wide.most_common())
