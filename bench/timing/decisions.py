"""Decisions on cases: a screening of all, then fresh processes for the suspects.

The process is the unit of replication. It gives one value per case: the median of the log ratios of
its blocks. Student's interval of those values holds the ratio, and every look at it is paid for:

- Screening: after a few numbers of processes the interval of a case is looked at, at a level that
  holds for all looks together. Cases that are the same end there. A case that looks slower or
  faster is a suspect, without a verdict yet; so is an undecided one whose interval excludes 1.
- Confirmation: suspects are measured again, in processes that screening never saw. The level is
  divided among the suspects, the looks and both sides, so that the chance of a false verdict of
  slower or faster anywhere in a gate is below `alarm`, however suspects were chosen. A suspect that
  is called leaves its share to the others (Holm, Scandinavian Journal of Statistics 6 (1979), 65).

The bound rests on the values of processes being nearly normal (Student 1908); they are medians of
many blocks. Holm's way of dividing the level needs no independence between cases.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ..catalog.cases import Case
from ..host.environment import Circumstance
from ..host.progress import Reporter
from ..results import door
from ..results.answers import Number
from ..results.estimate import UNKNOWN, Estimate
from ..results.status import Status
from ..worker.protocol import ARMS, Arm, Failure
from .pairs import Effort, Timed, measure
from .processes import Epoch, Epochs, Setting, of_both
from .ratios import common_spread
from .verdicts import DEAD_ZONE, Verdict, verdict

_VISIT = 0.04
"""Seconds per visit of a case, until they are measured."""
_FIRST_LOOK, _SCREENING = 0.3, 0.55
"""The shares of the budget up to the first look and for all of screening; suspects get the rest."""
_CONFIRMING = 8, 4
"""The processes expected for suspects, and the least number expected to come.

The rest of the budget is divided among those to come, so that it lasts until the end.
"""
_MOST_VISITS = 12
_CALLED = (Verdict.SLOWER, Verdict.FASTER)
_FAR = math.log(1.5)
"""The log ratio that makes a suspect whatever its interval, where no time is left."""
_MORE = 2
"""The processes that may be started per process that a look needs, if some give no value."""
_NO_VALUE = of_both(Failure(Status.ERROR, "no process gave a value"))
_GIVEN_UP = 2
"""The number of processes in which a case must fail to count as failing."""

Phase = Literal["screening", "confirmation"]
_TITLES: Mapping[Phase, str] = {"screening": "Screening", "confirmation": "Confirming suspects"}


@dataclass(frozen=True)
class Design:
    """The rules of a gate: the dead zone, error rates, and the numbers of processes at its looks.

    `alarm` is the chance of any false verdict of slower or faster in a whole gate, `miss` the
    chance that a case's screening interval does not hold its ratio.
    """

    zone: float = DEAD_ZONE
    alarm: float = 0.01
    miss: float = 0.01
    screening: tuple[int, ...] = (3, 5, 8)
    confirmation: tuple[int, ...] = (4, 6, 9, 12)

    @property
    def screening_level(self) -> float:
        """The error, both sides together, of one look at a case in screening."""
        return self.miss / len(self.screening)

    def confirmation_level(self, suspects: int) -> float:
        """The error, both sides together, of one look at one of so many uncalled suspects."""
        return self.alarm / len(self.confirmation) / max(suspects, 1)


@dataclass
class Decision:
    """The verdict on one case, its ratio, and the evidence.

    `why` says why the case is compared, `logs` has one log ratio per process of the last `phase`,
    `nanoseconds` is the time of one call of the base, `spoilt` counts dropped blocks. `failures`
    are those of the arms that do not run. `accepted` says that the verdict is meant, `besides` has
    what chose other code in the candidate's process.
    """

    case: Case
    why: str
    verdict: Verdict = Verdict.UNDECIDED
    ratio: Estimate = UNKNOWN
    logs: list[Number] = field(default_factory=list)
    phase: Phase = "screening"
    nanoseconds: float = 0.0
    blocks: int = 0
    spoilt: int = 0
    failures: Mapping[Arm, Failure] = field(default_factory=dict)
    accepted: bool = False
    besides: Sequence[Circumstance] = ()

    @property
    def processes(self) -> int:
        """The number of processes behind the ratio."""
        return len(self.logs)

    @property
    def called(self) -> bool:
        """Return whether the verdict is slower or faster."""
        return self.verdict in _CALLED

    @property
    def leans(self) -> bool:
        """Return whether the interval excludes 1."""
        return self.ratio.low > 1 or self.ratio.high < 1

    @property
    def is_far(self) -> bool:
        """Return whether the ratio itself is far from 1, whatever its interval."""
        return bool(self.logs) and abs(math.log(self.ratio.value)) > _FAR

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, the case's own first."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "case"}
        ratio = asdict(Ratio(**vars(self.ratio), processes=self.processes))
        failures = {arm: asdict(failure) for arm, failure in self.failures.items()}
        besides = list(map(asdict, self.besides))
        return {
            **self.case.as_dict(),
            **fields,
            "ratio": ratio,
            "failures": failures,
            "besides": besides,
        }

    def add(self, timed: Timed) -> None:
        """Add the measurement of one process."""
        self.logs.append(timed.log)
        self.nanoseconds = timed.nanoseconds
        self.blocks += timed.blocks
        self.spoilt += timed.spoilt

    def start_again(self) -> None:
        """Drop the measurements of screening."""
        self.logs, self.phase, self.ratio = [], "confirmation", UNKNOWN
        self.blocks = self.spoilt = 0

    def fail(self, processes: Sequence[Mapping[Arm, Failure]]) -> None:
        """Record the arms that failed in some processes.

        A process that could not be prepared for one arm has not tried the other, which goes first
        in the next process.
        """
        self.failures = {arm: failure for process in processes for arm, failure in process.items()}
        self.verdict = blamed(self.failures)


@dataclass(frozen=True)
class Ratio:
    """The candidate's time over the base's, with its interval, and how many processes gave it."""

    value: Number
    low: Number
    high: Number
    processes: int


RECORD = door.model("Decision", Case, Decision, whole=True, ratio=(Ratio, ...))
"""The model of a decision with its case, as `gate --json` has it."""


def blamed(failures: Mapping[Arm, Failure]) -> Verdict:
    """The verdict on a case one or both of whose arms failed."""
    absent = {arm for arm, failure in failures.items() if failure.status is Status.UNSUPPORTED}
    if len(failures) == len(ARMS):
        return Verdict.UNSUPPORTED if len(absent) == len(ARMS) else Verdict.UNMEASURED
    if "candidate" in failures:
        return Verdict.BROKEN
    return Verdict.NEW if absent else Verdict.MENDED


class PairedTiming:
    """A measurement of both arms of some cases: screening, then confirmation of suspects."""

    def __init__(self, setting: Setting, design: Design, budget: float, reporter: Reporter) -> None:
        """Plan for `budget` seconds of timing, besides start-up."""
        self._setting, self._design, self._budget = setting, design, budget
        self._reporter = reporter
        self._epochs = Epochs(setting)
        self._failed: dict[Case, list[Mapping[Arm, Failure]]] = {}
        self.versions = self._epochs.versions
        self.environments = self._epochs.environments
        self._visit = _VISIT
        self.processes = 0
        self.seconds = 0.0

    def execute(self, cases: Mapping[Case, str]) -> list[Decision]:
        """Decide every case, as far as the budget goes. `cases` maps them to their reasons."""
        decisions = {case: Decision(case, why) for case, why in cases.items()}
        try:
            self._confirm(self._screen(list(decisions.values())))
        finally:
            self._epochs.close()
        for case, decision in decisions.items():
            if self._given_up(case) or not decision.logs:
                decision.fail(self._failed.get(case, [_NO_VALUE]))
        return list(decisions.values())

    def _screen(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Decide the cases that are the same; return the suspects."""
        design = self._design
        suspects: list[Decision] = []
        waiting = list(decisions)
        for look in design.screening:
            if not waiting or (look > design.screening[0] and self.seconds > self._budget):
                break
            self._measure(waiting, look, "screening")
            spread = common_spread(decision.logs for decision in decisions)
            for decision in waiting:
                decision.ratio = spread.ratio(decision.logs).interval(design.screening_level)
                outcome = self._verdict(decision)
                if outcome in _CALLED:
                    suspects.append(decision)
                else:
                    decision.verdict = outcome
            waiting = [
                decision
                for decision in waiting
                if self._is_open(decision) and decision not in suspects
            ]
        return suspects + [decision for decision in waiting if decision.leans or decision.is_far]

    def _verdict(self, decision: Decision) -> Verdict:
        return verdict(decision.ratio.low, decision.ratio.high, self._design.zone)

    def _is_open(self, decision: Decision) -> bool:
        return decision.verdict is Verdict.UNDECIDED and not self._given_up(decision.case)

    def _given_up(self, case: Case) -> bool:
        return len(self._failed.get(case, ())) >= _GIVEN_UP

    def _confirm(self, suspects: Sequence[Decision]) -> None:
        """Measure suspects again, from scratch, in fresh processes."""
        for suspect in suspects:
            suspect.start_again()
        for look in self._design.confirmation:
            waiting = list(filter(self._is_open, suspects))
            if not waiting:
                return
            self._measure(waiting, look, "confirmation")
            self._decide(suspects, waiting)

    def _decide(self, suspects: Sequence[Decision], waiting: Sequence[Decision]) -> None:
        """Look at suspects; one that is called leaves its share of the error to the others."""
        spread = common_spread(suspect.logs for suspect in suspects)
        while waiting:
            uncalled = sum(not suspect.called for suspect in suspects)
            error = self._design.confirmation_level(uncalled)
            for suspect in waiting:
                suspect.ratio = spread.ratio(suspect.logs).interval(error)
                suspect.verdict = self._verdict(suspect)
            still = [suspect for suspect in waiting if not suspect.called]
            if len(still) == len(waiting):
                return
            waiting = still

    def _measure(self, waiting: Sequence[Decision], until: int, phase: Phase) -> None:
        """Time cases in fresh processes, until all have values from `until` of them.

        Those of which some processes gave none get more, up to a limit.
        """
        by_case = {decision.case: decision for decision in waiting}
        count = until - max(decision.processes for decision in waiting)
        title = f"{_TITLES[phase]}, {len(waiting)} case{'s' if len(waiting) > 1 else ''}"
        with self._reporter.phase(title, count * len(waiting)) as done:
            for turn in range(_MORE * count):
                cases = [
                    case
                    for case, decision in by_case.items()
                    if decision.processes < until and not self._given_up(case)
                ]
                if not cases:
                    return
                with self._epochs.take(cases) as epoch:
                    if turn + 1 < count:
                        self._epochs.prefetch(cases)
                    effort = self._effort(len(cases), phase, until - count + turn)
                    timed = self._timed(epoch, cases, effort, done)
                for case, failures in epoch.failures.items():
                    self._failed.setdefault(case, []).append(failures)
                for case, values in timed.items():
                    by_case[case].add(values)

    def _timed(
        self, epoch: Epoch, cases: Sequence[Case], effort: Effort, done: Callable[[], None]
    ) -> dict[Case, Timed]:
        """Time cases in the processes of an epoch, and record how long that took."""
        order = f"{self._setting.seed} {self.processes}"
        started = time.monotonic()
        timed = measure(epoch, cases, effort, order, done)
        took = time.monotonic() - started - epoch.aside
        blocks = sum(values.blocks + values.spoilt for values in timed.values())
        self._visit = took * effort.blocks / blocks if blocks else self._visit
        self.seconds += took
        self.processes += 1
        return timed

    def _effort(self, cases: int, phase: Phase, done: int) -> Effort:
        """Visits per process, so that the rest of the budget is enough for all processes.

        `done` processes of the phase have been measured.
        """
        share, coming = 1.0, max(_CONFIRMING[0] - done, _CONFIRMING[1])
        if phase == "screening":
            first, last = self._design.screening[0], self._design.screening[-1]
            share = _FIRST_LOOK if done < first else _SCREENING
            coming = (first if done < first else last) - done
        seconds = (share * self._budget - self.seconds) / max(coming, 1)
        visits = seconds / (max(cases, 1) * self._visit)
        return Effort(max(1, min(_MOST_VISITS, int(visits))))
