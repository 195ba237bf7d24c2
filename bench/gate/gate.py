"""The gate: compare two trees case by case, exactness first, then time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..catalog.again import interpreters
from ..catalog.asked import Name
from ..catalog.cases import Case, Selection
from ..catalog.frameworks import Framework, declared, frameworks
from ..catalog.sizes import size_classes
from ..host import machine, temporary
from ..host.environment import Circumstance, Environment, changes
from ..host.errors import UsageError
from ..host.progress import Reporter
from ..results.status import Status
from ..timing.apart import Apart
from ..timing.decisions import Decision, Design, PairedTiming
from ..timing.processes import Epochs, Setting
from ..timing.verdicts import DEAD_ZONE, Verdict
from ..words import circumstance
from ..worker.protocol import ARMS, Arm, Evaluate, Failure, InArm
from ..workers.environment import Key
from ..workers.process import Failed, WorkerProcess
from ..workers.requests import call_of
from . import accepting, environments, exactness, instructions, own, select, trees

if TYPE_CHECKING:
    from ..worker.protocol import Bits, Outputs

PARTS = ("timing", "exactness")
_TIMEOUT = 300.0
_BUDGET = 30.0
_BUDGET_PER_CASE, _BUDGET_PER_FUNCTION = 0.5, 10.0
"""The default seconds of timing: in all, per case and per user's function; the largest counts."""
_OTHER_VERSIONS = (
    "constraints.txt differs as well: both trees ran with what is installed here; "
    "--base-python compares other versions."
)


@dataclass(frozen=True)
class Request:
    """The request for a gate.

    `pythons` maps frameworks to interpreters; `python` is for the rest. With `base_python` the base
    runs under that interpreter instead. `accepted` names what is intended to be slower, to give
    other results, or to be gone.
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
    own: Sequence[Framework] = ()
    instructions: bool = False
    accepted: tuple[str, ...] = ()


@dataclass
class Result:
    """Everything that a gate measured.

    `seconds` has the wall time per part. `options` are those of its command that repeating a single
    case needs as well. `new` and `gone` are the parts that only one version has, `lacking` what was
    asked for or changed, and is compared in no case; `unneeded` are accepted names that nothing
    needed.
    """

    base: trees.Tree
    candidate: trees.Tree
    design: Design
    command: str
    timed: list[Decision] = field(default_factory=list)
    exact: list[exactness.Compared] = field(default_factory=list)
    counted: list[instructions.Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, Mapping[str, str]] = field(default_factory=dict)
    environments: dict[str, Mapping[Arm, Environment]] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    processes: int = 0
    own: Sequence[Framework] = ()
    base_python: str = ""
    chosen: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    new: Sequence[select.Part] = ()
    gone: Sequence[select.Part] = ()
    lacking: Sequence[Name] = ()
    unneeded: Sequence[str] = ()

    def besides(self, framework: str) -> list[Circumstance]:
        """The circumstances of a framework that chose other code in the candidate."""
        known = self.environments.get(framework, {})
        return changes(framework, *(known[arm] for arm in ARMS)) if len(known) == len(ARMS) else []


def gate(request: Request, reporter: Reporter, root: Path = trees.ROOT) -> Result:
    """Compare the working tree in `root` with the base.

    Raises UsageError for a base or an interpreter that does not exist, for unknown names, and for
    instructions that cannot be counted here.
    """
    with declared(*request.own):
        return _gate(request, reporter, root)


def _gate(request: Request, reporter: Reporter, root: Path) -> Result:
    if "cold" in request.selection.caches:
        raise UsageError("the gate compares calls with warm caches: leave out --cache cold")
    if request.instructions and (missing := instructions.available()):
        raise UsageError(f"--instructions: {missing}")
    base_python = environments.interpreter(request.base_python) if request.base_python else ""
    with temporary.folder() as work:
        base, candidate, chosen = _trees(request, work.path, root)
        compared = frozenset(case.framework for case in (*chosen.cases, *chosen.alone))
        single = compared if base_python else compared & chosen.apart
        design = (
            environments.design(request.design, bool(base_python)) if single else request.design
        )
        result = Result(base, candidate, design, request.command, notes=list(chosen.notes))
        result.machine, result.own = asdict(machine.facts()), request.own
        result.base_python, result.chosen = base_python, request.selection != Selection()
        result.options = _options(request)
        if not request.own and not base_python and trees.versions_differ(base, root):
            result.notes.append(_OTHER_VERSIONS)
        setting = Setting(
            {"base": str(base.folder), "candidate": str(candidate.folder)},
            work.path,
            lambda name: request.pythons.get(frameworks()[name].module, request.python),
            apart=single,
            base_python=base_python,
            seed=request.seed,
        )
        result.new = chosen.new
        if (chosen.cases or chosen.alone) and "exactness" in request.parts:
            alone = replace(setting, apart=single | (compared & chosen.evaluated_apart))
            with _clocked(result, "exactness"):
                _compare_exactness(request, alone, chosen, reporter, result)
        if request.instructions:
            with _clocked(result, "instructions"):
                _count_instructions(setting, chosen.cases, reporter, result)
        if chosen.cases and "timing" in request.parts:
            with _clocked(result, "timing"):
                _time(request, setting, chosen, reporter, result)
        _spare(request, chosen, result)
        result.notes += environments.notes(single, result.versions, bool(base_python))
        for name in sorted(single):
            result.notes += map(circumstance, result.besides(name))
        for decision in result.timed:
            decision.besides = result.besides(decision.case.framework)
        _accept(request, chosen, result)
    return result


def _spare(request: Request, chosen: select.Chosen, result: Result) -> None:
    """Excuse cases that nobody chose and neither version runs: they count as unsupported."""
    dtypes = {case.dtype for case in (*chosen.cases, *chosen.alone)}

    def is_extra(case: Case) -> bool:
        return own.is_extra(case, request.selection) if request.own else case.dtype not in dtypes

    result.exact = [
        replace(compared, kind=exactness.Kind.UNSUPPORTED)
        if compared.kind is exactness.Kind.UNMEASURED and is_extra(compared.case)
        else compared
        for compared in result.exact
    ]
    for decision in result.timed:
        if decision.verdict is Verdict.UNMEASURED and is_extra(decision.case):
            decision.verdict = Verdict.UNSUPPORTED


def _accept(request: Request, chosen: select.Chosen, result: Result) -> None:
    """Mark intended changes, and find names that match no compared case."""
    accept = accepting.Accepting(request.accepted)
    accept.decisions(result.timed)
    result.exact, result.counted = accept.results(result.exact), accept.counts(result.counted)
    result.gone = accept.parts(chosen.gone)
    result.unneeded = tuple(accept.unneeded)
    asked = asdict(request.selection.checked())
    if request.own:  # whose framework goes by another name
        asked["frameworks"] = ()
    result.lacking = accepting.lacking(asked, chosen.changed, result.timed, result.exact)


def _options(request: Request) -> dict[str, object]:
    return {
        "dead_zone": request.design.zone if request.design.zone != DEAD_ZONE else None,
        "seed": request.seed or None,
        "python": interpreters(request.pythons),
    }


def _trees(
    request: Request, work: Path, root: Path
) -> tuple[trees.Tree, trees.Tree, select.Chosen]:
    """Both trees, and the cases to compare."""
    if request.own:
        base = trees.base(request.base, work / "base", Path.cwd(), part=".")
        candidate = trees.in_place(Path.cwd())
        chosen = own.choose(request.own, request.selection)
        return base, candidate, replace(chosen, changed=frozenset(chosen.cases))
    of_plugins = trees.is_of_plugins(request.base, root)
    base = trees.base(trees.WORKTREE if of_plugins else request.base, work / "base", root)
    if of_plugins:
        base = replace(base, label=request.base)
    trees.keep_plugins(request.base, base.folder)
    candidate = trees.worktree(work / "candidate", root)
    everything = request.everything or request.base == trees.WORKTREE or bool(request.base_python)
    before, after = (tree.folder / "impls" for tree in (base, candidate))
    chosen = select.choose(before, after, request.selection, everything)
    return base, candidate, chosen


@contextmanager
def _clocked(result: Result, part: str) -> Iterator[None]:
    """Add the wall time of a part to a result."""
    started = time.monotonic()
    yield
    result.seconds[part] = round(time.monotonic() - started, 2)


# --- exactness ------------------------------------------------------------------------------------


def _compare_exactness(
    request: Request,
    setting: Setting,
    chosen: select.Chosen,
    reporter: Reporter,
    result: Result,
) -> None:
    cases = [*chosen.cases, *chosen.alone]
    wanted = own.swept(cases) if request.own else exactness.swept(cases, request.selection)
    comparison = exactness.Comparison(wanted, request.seed, reporter)
    epochs = Epochs(setting)
    try:
        with reporter.phase("Comparing results", len(wanted)) as done:
            for key, sharing in epochs.grouped(wanted).items():
                compared = _compare_framework(epochs, key, sharing, chosen, comparison, done)
                result.exact += compared
    finally:
        epochs.close()
    result.versions |= epochs.versions
    result.environments |= epochs.environments


def _compare_framework(
    epochs: Epochs,
    key: Key,
    cases: Sequence[Case],
    chosen: select.Chosen,
    comparison: exactness.Comparison,
    done: Callable[[], None],
) -> list[exactness.Compared]:
    """Compare cases in one process; a fresh one follows a call that killed it."""
    compared: list[exactness.Compared] = []
    new = {(part.framework, part.function) for part in chosen.new}
    with _Evaluating(epochs, key) as evaluating:
        base, candidate = (partial(evaluating.ask, arm) for arm in ARMS)
        for case in cases:
            is_new = bool(new) and (case.framework, select.function_of(case)) in new
            compared += comparison.of(case, _without if is_new else base, candidate)
            done()
    return compared


def _without(case: Case, *_: object, **__: object) -> Outputs:
    """The answer of a version that lacks the form of a case."""
    reason = f"impls/{case.framework}.py has no {select.function_of(case)}"
    raise Failed(Failure(Status.UNSUPPORTED, reason))


class _Evaluating:
    """A process that evaluates either arm, replaced after a call that kills it."""

    def __init__(self, epochs: Epochs, key: Key) -> None:
        self._start = partial(epochs.worker, key)
        self._worker: WorkerProcess | Apart | None = None
        self._missing: Failed | None = None

    def __enter__(self) -> _Evaluating:
        return self

    def __exit__(self, *_: object) -> None:
        if self._worker:
            self._worker.kill()

    def ask(
        self,
        arm: Arm,
        case: Case,
        bits: Bits,
        upstream: Bits | None = None,
        apart: bool = False,
    ) -> Outputs:
        """The outputs of an arm. Raises Failed where it, or its process, fails."""
        worker = self._running()
        if down := worker.facts.down.get(arm):
            raise Failed(down)
        request = Evaluate(call_of(case, bits.shape[-1]), bits, upstream, apart)
        return worker.ask(InArm(arm, request), _TIMEOUT)

    def _running(self) -> WorkerProcess | Apart:
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


# --- time -----------------------------------------------------------------------------------------


def _time(
    request: Request, setting: Setting, chosen: select.Chosen, reporter: Reporter, result: Result
) -> None:
    """Time all cases together, or the functions of a user's one after another.

    Otherwise the processes of all of them would exist at once. They share the budget and the error.
    """
    groups: dict[str, dict[Case, str]] = {}
    for case, why in chosen.cases.items():
        groups.setdefault(case.framework if request.own else "", {})[case] = why
    by_cases = max(_BUDGET, _BUDGET_PER_CASE * len(chosen.cases))
    budget = request.budget or max(by_cases, _BUDGET_PER_FUNCTION * len(groups))
    shared = replace(result.design, alarm=result.design.alarm / len(groups))
    seconds = 0.0
    for cases in groups.values():
        run = PairedTiming(setting, shared, budget / len(groups), reporter)
        result.timed += run.execute(cases)
        result.versions |= run.versions
        result.environments |= run.environments
        result.processes = max(result.processes, run.processes)
        seconds += run.seconds
    result.seconds["timed"] = seconds


# --- instructions ---------------------------------------------------------------------------------


def _count_instructions(
    setting: Setting, cases: Iterable[Case], reporter: Reporter, result: Result
) -> None:
    """Count the instructions of both trees' cases at the launch size."""
    launch = size_classes("cpu")["launch"]
    wanted = list(dict.fromkeys(replace(case, size=launch) for case in cases))
    frameworks = dict.fromkeys(case.framework for case in wanted)
    with reporter.phase("Counting instructions", 2 * len(frameworks)) as done:
        for framework in frameworks:
            own_cases = [case for case in wanted if case.framework == framework]
            counts = []
            for arm in ARMS:
                tree, python = Path(setting.folders[arm]), setting.python(framework, arm)
                counts.append(instructions.count(framework, own_cases, tree, python))
                done()
            result.counted += instructions.compare(*counts)


def check(result: Result) -> None:
    """Raise UsageError where nothing at all could be compared."""
    outcomes: list[tuple[str, Mapping[Arm, Failure]]] = [
        *((decision.verdict, decision.failures) for decision in result.timed),
        *((compared.kind, compared.failures) for compared in result.exact),
    ]
    if outcomes and all(kind in ("unmeasured", "unsupported") for kind, _ in outcomes):
        reasons = [failure.reason for _, both in outcomes for failure in both.values()]
        raise UsageError(f"nothing could be compared: {reasons[0]}")
