"""The gate: compare two trees case by case, exactness first, then time."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ..catalog.cases import Case, Selection
from ..catalog.sizes import size_classes
from ..host import machine
from ..host.errors import UsageError
from ..host.progress import Reporter
from ..timing import apart
from ..timing.decisions import UNKNOWN, Design, Ratio, common_spread
from ..timing.pairs import Effort, Epoch, Epochs, Setting, Timed, measure
from ..timing.verdicts import DEAD_ZONE, Verdict
from ..workers.process import Failed
from . import exactness, instructions, own, select, trees

Outcome = Verdict | Literal["broken", "mended", "unmeasured"]
PARTS = ("timing", "exactness")
_TIMEOUT = 300.0
_BUDGET = 30.0
_BUDGET_A_CASE = 0.5
"""Seconds of timing unless told otherwise, in all or for each case, whichever is more."""
_VISIT = 0.04
"""Seconds of one visit of a case, until it is known."""
_FIRST_LOOK, _SCREENING = 0.3, 0.55
"""Of the budget, what may be gone at the first look and after screening; suspects get the rest."""
_CONFIRMING = 8, 4
"""Processes thought to be needed for suspects, and the least that are thought to be still to come.

What is left is shared by those still to come, so that it is never gone before the last.
"""
_MOST_VISITS = 12
_OTHER_VERSIONS = (
    "constraints.txt differs as well: both trees ran with what is installed here; other versions "
    "are compared with --base-python."
)
_CALLED = ("slower", "faster")
_GIVEN_UP = 2
"""Processes in which a case must fail to count as failing."""


@dataclass(frozen=True)
class Request:
    """A gate as it was asked for. `pythons` maps a framework to its interpreter, "" to the rest.

    With `base_python` the base runs under that interpreter instead.
    """

    base: str
    selection: Selection = Selection()
    everything: bool = False
    design: Design = field(default_factory=Design)
    budget: float | None = None
    seed: int = 0
    parts: tuple[str, ...] = PARTS
    pythons: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    base_python: str = ""
    command: str = ""
    own: own.Own | None = None
    instructions: bool = False


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
    """Everything that a gate found. `seconds` is the wall time of each of its parts.

    `options` are those of its command that one case alone would be compared with as well.
    """

    base: trees.Tree
    candidate: trees.Tree
    design: Design
    command: str
    timed: list[Compared] = field(default_factory=list)
    exact: list[exactness.Compared] = field(default_factory=list)
    counted: list[instructions.Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    processes: int = 0
    own: own.Own | None = None
    base_python: str = ""
    chosen: bool = False
    options: tuple[str, ...] = ()


def gate(request: Request, reporter: Reporter, root: Path = trees.ROOT) -> Result:
    """Compare the working tree in `root` with the base.

    Raises UsageError for a base or its interpreter that does not exist, names that are unknown, and
    instructions where they cannot be counted.
    """
    if "cold" in request.selection.caches:
        raise UsageError("the gate compares calls with warm caches: leave out --cache cold")
    if request.instructions and (missing := instructions.available()):
        raise UsageError(f"--instructions: {missing}")
    base_python = apart.interpreter(request.base_python) if request.base_python else ""
    with trees.temporary() as work:
        base, candidate, chosen = _trees(request, work, root)
        compared = frozenset(case.framework for case in chosen.cases)
        single = compared if base_python else compared & chosen.apart
        design = apart.design(request.design, bool(base_python)) if single else request.design
        result = Result(base, candidate, design, request.command, notes=list(chosen.notes))
        result.machine, result.own = machine.facts(), request.own
        result.base_python, result.chosen = base_python, request.selection != Selection()
        result.options = tuple(_options(request))
        if not request.own and not base_python and trees.versions_differ(base, root):
            result.notes.append(_OTHER_VERSIONS)
        setting = Setting(
            {"base": str(base.folder), "candidate": str(candidate.folder)},
            work,
            lambda framework: request.pythons.get(framework, request.python),
            apart=single,
            base_python=base_python,
            seed=request.seed,
            own=request.own.function if request.own else "",
            domain=own.domain(request.own),
        )
        if chosen.cases and "exactness" in request.parts:
            alone = replace(setting, apart=single | (compared & chosen.evaluated_apart))
            with _told(result, "exactness"):
                _compare_exactness(request, alone, chosen.cases, reporter, result)
        if request.instructions:
            with _told(result, "instructions"):
                _count_instructions(setting, chosen.cases, reporter, result)
        if chosen.cases and "timing" in request.parts:
            budget = request.budget or max(_BUDGET, _BUDGET_A_CASE * len(chosen.cases))
            run = Timing(setting, design, budget, reporter)
            with _told(result, "timing"):
                result.timed = run.execute(chosen.cases)
            result.versions |= run.versions
            result.processes, result.seconds["timed"] = run.processes, run.seconds
        result.notes += apart.notes(single, result.versions, bool(base_python))
    return result


def _options(request: Request) -> Iterator[str]:
    if request.design.zone != DEAD_ZONE:
        yield f"--dead-zone {request.design.zone:g}"
    if request.seed:
        yield f"--seed {request.seed}"
    for framework, path in request.pythons.items():
        yield f"--python {shlex.quote(f'{framework}={path}' if framework else path)}"


def _trees(
    request: Request, work: Path, root: Path
) -> tuple[trees.Tree, trees.Tree, select.Chosen]:
    """The trees, and what of them is compared."""
    if request.own:
        base = trees.base(request.base, work / "base", Path.cwd(), part=".")
        candidate = trees.in_place(Path.cwd())
        return base, candidate, own.choose(request.own, request.selection)
    base = trees.base(request.base, work / "base", root)
    candidate = trees.worktree(work / "candidate", root)
    everything = request.everything or request.base == trees.WORKTREE or bool(request.base_python)
    before, after = (each.folder / "impls" for each in (base, candidate))
    chosen = select.choose(before, after, request.selection, everything)
    return base, candidate, chosen


@contextmanager
def _told(result: Result, part: str) -> Iterator[None]:
    """Add the wall time of a part to a result."""
    started = time.monotonic()
    yield
    result.seconds[part] = round(time.monotonic() - started, 2)


# --- exactness ------------------------------------------------------------------------------------


def _compare_exactness(
    request: Request,
    setting: Setting,
    cases: Mapping[Case, str],
    reporter: Reporter,
    result: Result,
) -> None:
    wanted = exactness.swept(cases, request.selection)
    if request.own:
        wanted = own.swept(cases)
    comparison = exactness.Comparison(wanted, request.seed, reporter, own.reference(request.own))
    epochs = Epochs(setting)
    try:
        with reporter.phase("Comparing results", len(wanted)) as done:
            for key, mine in epochs.grouped(wanted).items():
                result.exact += _compare_framework(epochs, setting, key, mine, comparison, done)
    finally:
        epochs.close()
    result.versions |= epochs.versions


def _compare_framework(
    epochs: Epochs,
    setting: Setting,
    key: Any,
    cases: Sequence[Case],
    comparison: exactness.Comparison,
    done: Callable[[], None],
) -> list[exactness.Compared]:
    """Compare cases in one process; a fresh one after a call that it died of."""
    found: list[exactness.Compared] = []
    with _Evaluating(epochs, setting, key) as evaluating:
        arms = [partial(evaluating.ask, arm) for arm in ("base", "candidate")]
        for case in cases:
            found += comparison.of(case, *arms)
            done()
    return found


class _Evaluating:
    """A process that evaluates either arm: one that dies of its own call leaves a fresh one."""

    def __init__(self, epochs: Epochs, setting: Setting, key: Any) -> None:
        self._start, self._setting = partial(epochs.worker, key), setting
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
        spec = self._setting.spec(case, channels)
        return list(worker.ask("evaluate", _TIMEOUT, arm=arm, spec=spec, **values)["outputs"])

    def _running(self) -> Any:
        if self._missing:
            raise self._missing
        if self._worker and not self._worker.alive:
            self._worker.kill()
            self._worker = None
        if not self._worker:
            try:
                self._worker = self._start()
            except Failed as failure:
                self._missing = failure
                raise
        return self._worker


# --- instructions ---------------------------------------------------------------------------------


def _count_instructions(
    setting: Setting, cases: Iterable[Case], reporter: Reporter, result: Result
) -> None:
    """Count both trees' cases at the size of a launch."""
    launch = size_classes("cpu")["launch"]
    wanted = list(dict.fromkeys(replace(case, size=launch) for case in cases))
    frameworks = dict.fromkeys(case.framework for case in wanted)
    with reporter.phase("Counting instructions", 2 * len(frameworks)) as done:
        for framework in frameworks:
            mine = [case for case in wanted if case.framework == framework]
            counts = []
            for arm in ("base", "candidate"):
                tree, python = Path(setting.folders[arm]), setting.python(framework, arm)
                counts.append(instructions.count(framework, mine, tree, python))
                done()
            result.counted += instructions.compare(*counts)


# --- time -----------------------------------------------------------------------------------------


class Timing:
    """One timing of some cases: screening, then the confirmation of suspects."""

    def __init__(self, setting: Setting, design: Design, budget: float, reporter: Reporter) -> None:
        self._setting, self._design, self._budget = setting, design, budget
        self._reporter = reporter
        self._epochs = Epochs(setting)
        self._failed: dict[Case, list[Mapping[str, Failed]]] = {}
        self.versions = self._epochs.versions
        self._visit = _VISIT
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
        for case in filter(self._given_up, self._failed):
            _tell_failure(found[case], self._failed[case])
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
                if verdict in _CALLED:
                    suspects.append(each)
                else:
                    each.verdict = verdict
        return suspects + [
            each for each in found.values() if self._waits(each, suspects) and each.ratio.leans
        ]

    def _waits(self, each: Compared, suspects: Sequence[Compared]) -> bool:
        given_up = self._given_up(each.case)
        return each.verdict == "undecided" and each not in suspects and not given_up

    def _given_up(self, case: Case) -> bool:
        return len(self._failed.get(case, ())) >= _GIVEN_UP

    def _confirm(self, suspects: list[Compared]) -> None:
        """Measure suspects again, from nothing, in fresh processes."""
        design = self._design
        for each in suspects:
            each.logs, each.phase = [], "confirmation"
            each.blocks = each.spoilt = 0
        for look in design.confirmation:
            waiting = [each for each in suspects if self._waits(each, ())]
            if not waiting:
                return
            self._measure(waiting, look, "Confirming suspects")
            self._decide(suspects, waiting)

    def _decide(self, suspects: Sequence[Compared], waiting: Sequence[Compared]) -> None:
        """Look at suspects; each that is called leaves its share of the error to the others."""
        design, spread = self._design, common_spread(each.logs for each in suspects)
        while waiting:
            uncalled = sum(each.verdict not in _CALLED for each in suspects)
            error = design.confirmation_level(uncalled)
            for each in waiting:
                each.ratio = spread.interval(each.logs, error)
                each.verdict = each.ratio.verdict(design.zone)
            still = [each for each in waiting if each.verdict not in _CALLED]
            if len(still) == len(waiting):
                return
            waiting = still

    def _measure(self, waiting: Sequence[Compared], until: int, title: str) -> None:
        """Time cases in fresh processes until most have values of so many."""
        cases = [each.case for each in waiting]
        count = until - max(len(each.logs) for each in waiting)
        by_case = {each.case: each for each in waiting}
        named = f"{title}, {len(cases)} case{'s' if len(cases) > 1 else ''}"
        steps = count * len(cases)
        with self._reporter.phase(named, steps) as done:
            for turn in range(count):
                cases = [case for case in cases if not self._given_up(case)]
                if not cases:
                    return
                with self._epochs.take(cases) as epoch:
                    if turn + 1 < count:
                        self._epochs.prefetch(cases)
                    effort = self._effort(len(cases), title, until - count + turn)
                    timed = self._timed(epoch, cases, effort, done)
                for case, failures in epoch.failures.items():
                    self._failed.setdefault(case, []).append(failures)
                for case, values in timed.items():
                    _add(by_case[case], values)

    def _timed(
        self, epoch: Epoch, cases: Sequence[Case], effort: Effort, done: Callable[[], None]
    ) -> dict[Case, Timed]:
        """Time cases in the processes of an epoch, and keep how long it took."""
        setting = replace(self._setting, effort=effort)
        started = time.monotonic()
        timed = measure(epoch, cases, setting, self.processes, done)
        took = time.monotonic() - started - epoch.aside
        blocks = sum(each.blocks + each.spoilt for each in timed.values())
        self._visit = took * effort.blocks / blocks if blocks else self._visit
        self.seconds += took
        self.processes += 1
        return timed

    def _effort(self, cases: int, phase: str, done: int) -> Effort:
        """Visits a process, so that what is left of the budget is enough for the processes.

        `done` processes of the phase have been measured.
        """
        share, coming = 1.0, max(_CONFIRMING[0] - done, _CONFIRMING[1])
        if phase == "Screening":
            first, last = self._design.screening[0], self._design.screening[-1]
            share = _FIRST_LOOK if done < first else _SCREENING
            coming = (first if done < first else last) - done
        seconds = (share * self._budget - self.seconds) / coming
        visits = seconds / (max(cases, 1) * self._visit)
        return replace(self._setting.effort, visits=max(1, min(_MOST_VISITS, int(visits))))


def _add(each: Compared, values: Timed) -> None:
    each.logs.append(values.log)
    each.nanoseconds = values.nanoseconds
    each.blocks += values.blocks
    each.spoilt += values.spoilt


def _tell_failure(each: Compared, processes: Sequence[Mapping[str, Failed]]) -> None:
    """A case that fails again and again: whose fault it is.

    A process that could not be prepared for one arm has not tried the other, which goes first in
    the next.
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
