"""A measurement of the gate itself: false alarms on the same code, and slowdowns detected.

A cycle compares the working tree with itself in gates of 24 cases of three frameworks: without a
difference, and with slowdowns of a known size planted into half of the cases; once on the idle
machine, once with a hog on every CPU all the time, and once with hogs that run only in the
candidate's time. Another tool may then compare the same cases under the same conditions, in as many
seconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from ..catalog.cases import PROFILES, Case, Selection
from ..host import temporary
from ..host.cpus import available_cpus
from ..host.errors import UsageError
from ..host.progress import Reporter
from ..results.samples import Trial
from ..results.store import RunWriter, new_folder
from ..run.recording import record
from ..run.request import Request
from ..run.summary import HOGS
from ..timing.decisions import Decision, Design, PairedTiming
from ..timing.processes import Setting
from ..worker.protocol import ARMS, Hogs, Slowdown
from . import trees
from .words import reasons

BUDGET = 30.0
"""Seconds of timing per gate."""
_SHARES = (0.0, 0.03, 0.0, 0.05, 0.0, 0.01, 0.0, 0.03, 0.0, 0.05, 0.0, 0.10)
"""The slowdowns planted into the cases in turn: none in half of them, mostly +3 and +5 %."""
_KINDS = ("work", "wait")
_SMALL, _LARGE = 2**16, 2**20


def _case(framework: str, activation: str, form: str, mode: str, size: int = _SMALL) -> Case:
    return Case(framework, activation, form, mode, "forward", "cpu", "float32", size, 1)


CASES = (
    _case("numpy", "relu", "max", "eager"),
    _case("numpy", "relu", "max", "eager", _LARGE),
    _case("numpy", "gelu", "textbook", "eager"),
    _case("numpy", "silu", "textbook", "eager"),
    _case("numpy", "elu", "textbook", "eager"),
    _case("numpy", "softplus", "textbook", "eager"),
    _case("numpy", "squareplus", "textbook", "eager"),
    _case("numpy", "tanh", "native", "eager"),
    _case("torch", "relu", "native", "eager"),
    _case("torch", "relu", "native", "eager", _LARGE),
    _case("torch", "gelu", "native", "eager"),
    _case("torch", "silu", "native", "eager"),
    _case("torch", "mish", "native", "eager"),
    _case("torch", "squareplus", "textbook", "eager"),
    _case("torch", "gelu", "native", "compiled"),
    _case("torch", "squareplus", "textbook", "compiled"),
    _case("jax", "relu", "native", "compiled"),
    _case("jax", "relu", "native", "compiled", _LARGE),
    _case("jax", "gelu", "native", "compiled"),
    _case("jax", "silu", "native", "compiled"),
    _case("jax", "elu", "native", "compiled"),
    _case("jax", "softplus", "native", "compiled"),
    _case("jax", "mish", "native", "compiled"),
    _case("jax", "squareplus", "textbook", "compiled"),
)
FRAMEWORKS = tuple(dict.fromkeys(case.framework for case in CASES))


During = Callable[[str], AbstractContextManager[object]]
"""The context in which an arm is timed."""
Rival = Callable[
    [Sequence[Case], Mapping[Case, Slowdown], float, During, int], Mapping[str, Collection[Case]]
]
"""Another comparison of some cases, with what is planted into them, in so many seconds and from a
seed. It returns the cases called slower by the name of its rule."""


@dataclass(frozen=True)
class Asked:
    """The request for a selftest.

    Slowdowns are planted in every `planted_every`-th cycle, a `rival` compares in every
    `rival_every`-th; 0 means never.
    """

    cycles: int
    minutes: float
    frameworks: tuple[str, ...]
    hogs: tuple[str, ...]
    budget: float
    planted_every: int
    seed: int
    out: Path | None
    command: str
    design: Design = field(default_factory=Design)
    rival: Rival | None = None
    rival_every: int = 0


@dataclass(frozen=True)
class Done:
    """The trials of a selftest, and the folder that holds them."""

    path: Path
    trials: list[Trial]
    state: str


def selftest(asked: Asked, reporter: Reporter) -> Done:
    """Run the cycles, as far as the minutes allow, and keep every trial.

    Raises UsageError where no case is left, StoreError where the disk refuses. An interrupt ends
    it early; what was measured is kept.
    """
    cases = [case for case in CASES if not asked.frameworks or case.framework in asked.frameworks]
    if not cases:
        raise UsageError(f"no case left: --framework takes {', '.join(FRAMEWORKS)} here")
    started = datetime.now(UTC)
    path = asked.out or new_folder(started, "selftest")
    writer = RunWriter(path, _as_run(asked).facts(started))
    trials: list[Trial] = []

    def measure() -> None:
        for of_gate in _trials(asked, cases, reporter, path):
            trials.extend(of_gate)
            for trial in of_gate:
                writer.append(trial)
            writer.flush()

    outcome = record(writer, measure)
    return Done(path, trials, outcome.facts.state)


def _as_run(asked: Asked) -> Request:
    """The selftest as a request for a run, which the store records."""
    profile = replace(PROFILES["smoke"], name="selftest", epochs=asked.design.screening[0])
    return Request(
        profile=profile,
        selection=Selection(frameworks=asked.frameworks),
        seed=asked.seed,
        out=asked.out,
        pythons={},
        python=sys.executable,
        timeout=0.0,
        command=asked.command,
        budget=asked.budget,
    )


def _trials(
    asked: Asked, cases: Sequence[Case], reporter: Reporter, logs: Path
) -> Iterator[list[Trial]]:
    """The trials gate by gate."""
    deadline = time.monotonic() + asked.minutes * 60
    planted_cycles = sum(_is_due(asked.planted_every, cycle) for cycle in range(asked.cycles))
    steps = (asked.cycles + planted_cycles) * len(asked.hogs)
    with temporary.folder() as folder, reporter.phase("Gates", steps) as done:
        tree = trees.worktree(folder.path / "tree")
        folders = dict.fromkeys(ARMS, str(tree.folder))
        setting = Setting(folders, logs, lambda _: sys.executable, seed=asked.seed)
        gates = 0
        for cycle in range(asked.cycles):
            kinds: list[dict[Case, Slowdown]] = [{}]
            if _is_due(asked.planted_every, cycle):
                kinds.append(_planted(cases, cycle))
            for planted in kinds:
                for hogs in asked.hogs:
                    if time.monotonic() >= deadline:
                        return
                    yield _gate(asked, setting, cases, planted, (gates, cycle, hogs))
                    gates += 1
                    done()


def _is_due(every: int, cycle: int) -> bool:
    return bool(every) and cycle % every == 0


def _planted(cases: Sequence[Case], cycle: int) -> dict[Case, Slowdown]:
    """A slowdown for every second case; the next cycle takes the others."""
    chosen = {}
    for number, case in enumerate(cases):
        turn = number + cycle
        share, kind = _SHARES[turn % len(_SHARES)], _KINDS[turn // len(_SHARES) % len(_KINDS)]
        if share:
            chosen[case] = Slowdown(kind, share)
    return chosen


def _gate(
    asked: Asked,
    setting: Setting,
    cases: Sequence[Case],
    planted: Mapping[Case, Slowdown],
    number: tuple[int, int, str],
) -> list[Trial]:
    """Run one gate, and a rival's comparison of the same cases in as many seconds."""
    _, cycle, hogs = number
    rival = asked.rival if _is_due(asked.rival_every, cycle) else None
    with _hogs(hogs) as pids:
        during_one = Hogs(tuple(pids), "candidate") if hogs == "one arm" else None
        disturbed = replace(setting, planted=planted, hogs=during_one)
        timing = PairedTiming(disturbed, asked.design, asked.budget, Reporter(quiet=True))
        started = time.monotonic()
        decisions = timing.execute(dict.fromkeys(cases, "a test of the gate"))
        wall = time.monotonic() - started
        during = _in_their_arm(pids) if hogs == "one arm" else nullcontext
        called = rival(cases, planted, timing.seconds, during, asked.seed) if rival else {}
    seconds = (round(timing.seconds, 3), round(wall, 3))
    return [
        _trial(decision, planted.get(decision.case), number, seconds, called)
        for decision in decisions
    ]


def _trial(
    decision: Decision,
    plant: Slowdown | None,
    number: tuple[int, int, str],
    seconds: tuple[float, float],
    called: Mapping[str, Collection[Case]],
) -> Trial:
    gate, cycle, hogs = number
    return Trial(
        case=decision.case,
        gate=gate,
        cycle=cycle,
        hogs=hogs,
        how=plant.kind if plant else "",
        share=plant.share if plant else 0.0,
        verdict=decision.verdict,
        value=decision.ratio.value,
        low=decision.ratio.low,
        high=decision.ratio.high,
        phase=decision.phase,
        processes=decision.processes,
        blocks=decision.blocks,
        spoilt=decision.spoilt,
        timed=seconds[0],
        wall=seconds[1],
        rival={rule: decision.case in cases for rule, cases in called.items()},
        reason=reasons(decision.failures),
    )


@contextmanager
def _hogs(kind: str) -> Iterator[list[int]]:
    """Run one busy process per CPU; stopped at first if they run only in one arm's time."""
    count = 0 if kind == HOGS[0] else len(available_cpus())
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        if kind == "one arm":
            _signal([hog.pid for hog in hogs], signal.SIGSTOP)
        yield [hog.pid for hog in hogs]
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def _in_their_arm(pids: Iterable[int]) -> During:
    @contextmanager
    def during(arm: str) -> Iterator[None]:
        if arm == "candidate":
            _signal(pids, signal.SIGCONT)
        yield
        _signal(pids, signal.SIGSTOP)

    return during


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        os.kill(pid, number)
