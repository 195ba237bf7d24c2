"""The gate: compare two trees case by case, exactness first, then time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from .. import machine
from ..cases import Case, Selection
from ..errors import UsageError
from ..progress import Reporter
from ..specs import spec_of
from ..worker_process import Failed
from . import exactness, select, trees
from .decisions import UNKNOWN, Design, Ratio, common_spread
from .timing import Effort, Epochs, Setting, Timed, measure
from .verdicts import Verdict

Outcome = Verdict | Literal["broken", "mended", "unmeasured"]
PARTS = ("timing", "exactness")
_TIMEOUT = 300.0
_BUDGET = 30.0
_BUDGET_A_CASE = 0.5
"""Seconds of timing unless told otherwise, in all or for each case, whichever is more."""
_VISIT = 0.036
"""Seconds of one visit of a case, roughly."""
_EPOCHS = 10
"""Processes of a framework that the budget is thought to be spread over."""
_MOST_VISITS = 12
_GIVEN_UP = 2
"""Processes in which a case must fail to count as failing."""


@dataclass(frozen=True)
class Request:
    """A gate as it was asked for. `pythons` maps a framework to its interpreter, "" to the rest."""

    base: str
    selection: Selection = Selection()
    everything: bool = False
    design: Design = field(default_factory=Design)
    budget: float | None = None
    seed: int = 0
    parts: tuple[str, ...] = PARTS
    pythons: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    command: str = ""


@dataclass
class Compared:
    """The timing of one case: the verdict, the ratio, and what they rest on.

    `logs` has the log ratio of each process of the last phase, `phase` is `screening` or
    `confirmation`, `nanoseconds` a call of the base, `spoilt` how many blocks were dropped.
    """

    case: Case
    why: str
    verdict: Outcome = "undecided"
    ratio: Ratio = UNKNOWN
    logs: list[float] = field(default_factory=list)
    phase: str = "screening"
    nanoseconds: float = 0.0
    blocks: int = 0
    spoilt: int = 0
    detail: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, the case's own first."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "case"}
        return {**self.case.as_dict(), **fields, "ratio": asdict(self.ratio)}


@dataclass
class Result:
    """Everything that a gate found. `seconds` is the wall time of each of its parts."""

    base: trees.Tree
    candidate: trees.Tree
    design: Design
    command: str
    timed: list[Compared] = field(default_factory=list)
    exact: list[exactness.Compared] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    processes: int = 0


def gate(request: Request, reporter: Reporter, root: Path = trees.ROOT) -> Result:
    """Compare the working tree in `root` with the base.

    Raises UsageError for a base that does not exist and names that are unknown.
    """
    with tempfile.TemporaryDirectory(prefix="actbench-gate-") as folder:
        work = Path(folder)
        base = trees.base(request.base, work / "base", root)
        candidate = trees.worktree(work / "candidate", root)
        chosen = select.choose(
            base.folder / "impls",
            candidate.folder / "impls",
            request.selection,
            request.everything or request.base == trees.WORKTREE,
        )
        result = Result(base, candidate, request.design, request.command, notes=list(chosen.notes))
        result.machine = machine.facts()
        setting = Setting(
            {"base": str(base.folder), "candidate": str(candidate.folder)},
            work,
            lambda framework: request.pythons.get(framework, request.python),
            seed=request.seed,
        )
        if chosen.cases and "exactness" in request.parts:
            with _told(result, "exactness"):
                _compare_exactness(request, setting, chosen.cases, reporter, result)
        if chosen.cases and "timing" in request.parts:
            budget = request.budget or max(_BUDGET, _BUDGET_A_CASE * len(chosen.cases))
            run = Timing(setting, request.design, budget, reporter)
            with _told(result, "timing"):
                result.timed = run.execute(chosen.cases)
            result.versions |= run.versions
            result.processes, result.seconds["timed"] = run.processes, run.seconds
    return result


class _told:
    """Add the wall time of a part to a result."""

    def __init__(self, result: Result, part: str) -> None:
        self._result, self._part = result, part

    def __enter__(self) -> None:
        self._started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._result.seconds[self._part] = round(time.monotonic() - self._started, 2)


# --- exactness ------------------------------------------------------------------------------------


def _compare_exactness(
    request: Request,
    setting: Setting,
    cases: Mapping[Case, str],
    reporter: Reporter,
    result: Result,
) -> None:
    wanted = exactness.swept(cases, request.selection)
    comparison = exactness.Comparison(wanted, request.seed, reporter)
    epochs = Epochs(setting)
    try:
        with reporter.phase("Comparing results", len(wanted)) as done:
            for key, mine in epochs.grouped(wanted).items():
                result.exact += _compare_framework(epochs, key, mine, comparison, done)
    finally:
        epochs.close()


def _compare_framework(
    epochs: Epochs,
    key: Any,
    cases: Sequence[Case],
    comparison: exactness.Comparison,
    done: Callable[[], None],
) -> list[exactness.Compared]:
    """Compare cases in one process; a fresh one after a call that it died of."""
    found: list[exactness.Compared] = []
    with _Evaluating(epochs, key) as evaluating:
        arms = [partial(evaluating.ask, arm) for arm in ("base", "candidate")]
        for case in cases:
            found += comparison.of(case, *arms)
            done()
    return found


class _Evaluating:
    """A process that evaluates either arm: one that dies of its own call leaves a fresh one."""

    def __init__(self, epochs: Epochs, key: Any) -> None:
        self._start = partial(epochs.worker, key)
        self._worker: Any = None
        self._missing: Failed | None = None

    def __enter__(self) -> _Evaluating:
        return self

    def __exit__(self, *_: object) -> None:
        if self._worker:
            self._worker.kill()

    def ask(self, arm: str, case: Case, channels: int, **values: Any) -> list[Any]:
        """The outputs of an arm. Raises Failed where it, or its process, fails."""
        worker = self._running()
        if down := worker.facts["down"].get(arm):
            raise Failed(down["status"], down["detail"])
        spec = spec_of(case, channels)
        return list(worker.ask("evaluate", _TIMEOUT, arm=arm, spec=spec, **values)["outputs"])

    def _running(self) -> Any:
        if self._missing:
            raise self._missing
        if not self._worker or not self._worker.alive:
            try:
                self._worker = self._start()
            except Failed as failure:
                self._missing = failure
                raise
        return self._worker


# --- time -----------------------------------------------------------------------------------------


class Timing:
    """One timing of some cases: screening, then the confirmation of suspects."""

    def __init__(self, setting: Setting, design: Design, budget: float, reporter: Reporter) -> None:
        self._setting, self._design, self._budget = setting, design, budget
        self._reporter = reporter
        self._epochs = Epochs(setting)
        self._failed: dict[Case, list[Mapping[str, Failed]]] = {}
        self.versions: dict[str, dict[str, str]] = {}
        self.processes = 0
        self.seconds = 0.0

    def execute(self, cases: Mapping[Case, str]) -> list[Compared]:
        """Decide every case, as far as the budget goes: seconds of timing, start-up apart."""
        found = {case: Compared(case, why) for case, why in cases.items()}
        try:
            suspects = self._screen(found)
            if suspects:
                self._confirm(suspects)
        finally:
            self._epochs.close()
        for case, failures in self._failed.items():
            if len(failures) >= _GIVEN_UP:
                _tell_failure(found[case], failures)
        return list(found.values())

    def _screen(self, found: Mapping[Case, Compared]) -> list[Compared]:
        """Decide what is the same; return what looks slower or faster."""
        design = self._design
        suspects: list[Compared] = []
        for look in design.screening:
            waiting = [each for each in found.values() if self._waits(each, suspects)]
            if not waiting or (look > design.screening[0] and self.seconds > self._budget):
                break
            self._measure(waiting, look, "Screening")
            spread = common_spread(each.logs for each in found.values())
            for each in waiting:
                each.ratio = spread.interval(each.logs, design.screening_level)
                verdict = each.ratio.verdict(design.zone)
                if verdict in ("slower", "faster"):
                    suspects.append(each)
                else:
                    each.verdict = verdict
        return suspects

    def _waits(self, each: Compared, suspects: Sequence[Compared]) -> bool:
        given_up = len(self._failed.get(each.case, ())) >= _GIVEN_UP
        return each.verdict == "undecided" and each not in suspects and not given_up

    def _confirm(self, suspects: list[Compared]) -> None:
        """Measure suspects again, from nothing, in fresh processes."""
        design = self._design
        for each in suspects:
            each.logs, each.phase = [], "confirmation"
            each.blocks = each.spoilt = 0
        error = design.confirmation_level(len(suspects))
        for look in design.confirmation:
            waiting = [each for each in suspects if self._waits(each, ())]
            if not waiting:
                return
            self._measure(waiting, look, "Confirming suspects")
            spread = common_spread(each.logs for each in suspects)
            for each in waiting:
                each.ratio = spread.interval(each.logs, error)
                each.verdict = each.ratio.verdict(design.zone)

    def _measure(self, waiting: Sequence[Compared], until: int, title: str) -> None:
        """Time cases in fresh processes until most have values of so many."""
        cases = [each.case for each in waiting]
        setting = replace(self._setting, effort=self._effort(len(cases)))
        count = until - max(len(each.logs) for each in waiting)
        by_case = {each.case: each for each in waiting}
        title = f"{title}, {len(cases)} case{'s' if len(cases) > 1 else ''}"
        steps = count * len(cases) * setting.effort.visits
        with self._reporter.phase(title, steps) as done:
            for turn in range(count):
                with self._epochs.take(cases) as epoch:
                    if turn + 1 < count:
                        self._epochs.prefetch(cases)
                    started = time.monotonic()
                    timed = measure(epoch, cases, setting, self.processes, done)
                    self.seconds += time.monotonic() - started
                self.processes += 1
                for case, failures in epoch.failures.items():
                    self._failed.setdefault(case, []).append(failures)
                for label, facts in epoch.facts.items():
                    self.versions[label] = facts.get("versions", {})
                for case, values in timed.items():
                    _add(by_case[case], values)

    def _effort(self, cases: int) -> Effort:
        visits = self._budget / (_EPOCHS * max(cases, 1) * _VISIT)
        return replace(self._setting.effort, visits=max(1, min(_MOST_VISITS, int(visits))))


def _add(each: Compared, values: Timed) -> None:
    each.logs.append(values.log)
    each.nanoseconds = values.nanoseconds
    each.blocks += values.blocks
    each.spoilt += values.spoilt


def _tell_failure(each: Compared, processes: Sequence[Mapping[str, Failed]]) -> None:
    """A case that fails again and again: whose fault it is.

    A process that died of one arm has not tried the other, which goes first in the next.
    """
    failures = {arm: why for process in processes for arm, why in process.items()}
    arms = set(failures)
    each.verdict = (
        "broken" if arms == {"candidate"} else "mended" if arms == {"base"} else "unmeasured"
    )
    each.detail = "; ".join(
        why.detail if arm == "both" else f"the {arm}: {why.detail}" for arm, why in failures.items()
    )


def check(result: Result) -> None:
    """Raise UsageError where nothing at all could be compared."""
    timed = [(each.verdict, each.detail) for each in result.timed]
    found = timed + [(each.kind, each.detail) for each in result.exact]
    if found and all(kind == "unmeasured" for kind, _ in found):
        details = [detail for _, detail in found if detail]
        raise UsageError(f"nothing could be compared: {details[0] if details else 'no values'}")
