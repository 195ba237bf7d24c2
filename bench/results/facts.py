"""Facts of a run besides its samples: `run.json`.

A page reads a run by what is in it: how frameworks were called, which modes they had and how the
machine was built stand here, and nothing is looked up in today's sources.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..catalog.places import Place, named
from ..host.caches import Caches
from ..host.environment import Environment
from ..host.floating_point import FloatingPoint
from ..host.machine import Machine, Project
from ..host.process import Process
from .door import Finite, Real
from .status import Status


@dataclass(frozen=True)
class WorkerFacts:
    """A worker of a framework: how it came to be, its versions, and the interpreter.

    `reason` says why it is missing, if it is. The floating-point environment is that of its main
    thread, `before` anything was imported and `after` the framework was; `environment` has the
    variables and CPU features that chose its code.
    """

    framework: str
    status: Status = Status.OK
    reason: str = ""
    interpreter: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    pid: int | None = None
    loop_overhead: float | None = None
    before: FloatingPoint | None = None
    after: FloatingPoint | None = None
    environment: Environment | None = None


@dataclass(frozen=True)
class FrameworkFacts:
    """A framework as it was known: its own spelling of its name, its modes, and whether gradients
    are its own work.

    Or a function of the user's: `callable` is its address and form, `arrays` the framework whose
    arrays it was given, of `dims` dimensions if that is not 0, and `activation` what it should be;
    `gradient` and `reference_gradient` are where the derivatives of both are, if they were named.
    """

    title: str
    modes: tuple[str, ...] = ()
    differentiates: bool = True
    callable: str = ""
    arrays: str = ""
    dims: int = 0
    activation: str = ""
    gradient: str = ""
    reference_gradient: str = ""


SURE = 0.95
"""The confidence of a rate's interval."""


@dataclass(frozen=True)
class Rate:
    """A share of so many in so many, with the exact 95 % interval (Clopper and Pearson 1934)."""

    count: int
    of: int
    low: float
    high: float

    @classmethod
    def counted(cls, count: int, of: int) -> Rate:
        """The rate of `count` among `of`."""
        from scipy.stats import binomtest

        if not of:
            return cls(0, 0, 0.0, 1.0)
        interval = binomtest(count, of).proportion_ci(SURE)
        return cls(count, of, float(interval.low), float(interval.high))

    @property
    def share(self) -> float:
        """The count over the number, NaN of none."""
        return self.count / self.of if self.of else math.nan

    @property
    def words(self) -> str:
        """A share with its interval, and the counts."""
        if not self.of:
            return "–"
        return f"{self.count} of {self.of} ({100 * self.low:.1f}–{self.high:.1%})"


@dataclass(frozen=True)
class Tally:
    """Cases that the gate, or a rule of another tool, called under some conditions.

    `planted` is the slowdown, `called` how often a case was called slower, `covered` how often its
    interval held what was planted, `alarmed` in how many gates such a case was called; `seconds`
    is the timing of the median gate.
    """

    tool: str
    hogs: str
    planted: float
    how: str
    called: Rate
    undecided: Rate
    covered: Rate
    alarmed: Rate
    seconds: float


@dataclass(frozen=True)
class Coverage:
    """Costs over relu that independent runs have, of a framework and mode; "" stands for all.

    `half_width` is the median of the intervals' half widths as shares; `narrow` and `wider` count
    those within ±3 % and ±5 %; `agree` counts pairs of costs that differ by no more than both
    intervals together allow.
    """

    framework: str
    mode: str
    cells: int
    half_width: Real
    narrow: Rate
    wider: Rate
    agree: Rate


@dataclass
class RunFacts:
    """Facts of a run besides its samples.

    `workers` has one entry per worker, by `framework` (`framework/device/threads` where that is not
    the only one). `seconds` is the wall time of each phase; `timed_share` the part of the measuring
    phase that lies inside timed regions; `seconds_a_case` that phase over the cases that it timed;
    `compile_seconds` the compile times of all processes together; `loop_overhead_ns` the harness's
    own cost per call. `size_classes` gives the elements of each class by device, `places` where its
    data truly lies, `caches` the curve and the levels that say so; `gpu_states` the clocks and
    throttle bits of each GPU before and after each process that used one. Each case is timed in
    `epochs` processes at least and `most` at most, by visits of `blocks` blocks whose batches take
    `batch` seconds; `precision` is the half width of a cost at which it is not timed again,
    `budget` the seconds after which none is. `added` are the commands of what was measured into
    the run later, `resumed` the times at which it went on after it had ended early; `request` is
    what was asked for last, to go on with, `pythons` the interpreters that were named then. `state`
    is `running` while `process` writes the run, then `finished`, or `interrupted`, `failed` or
    `killed` where it holds a part. `disturbed` is the share of visits whose unit took far longer
    than at its best, be they the calmest of a few.
    `coverage` has what independent runs make of its intervals, `selftest` a gate's measure of
    itself. `host` is the name of the machine in the fleet that measured it; else empty.
    """

    schema: int
    command: str
    profile: str
    seed: int
    started: str
    epochs: int
    batch: Finite
    precision: Finite
    budget: Finite
    per_binade: int
    size_classes: dict[str, dict[str, int]]
    asked: dict[str, list[str | int]]
    inputs: str
    machine: Machine
    host: str = ""
    places: dict[str, dict[str, Place]] = field(default_factory=dict)
    caches: Caches | None = None
    added: list[str] = field(default_factory=list)
    most: int = 0
    blocks: int = 0
    project: Project = field(default_factory=Project)
    frameworks: dict[str, FrameworkFacts] = field(default_factory=dict)
    workers: dict[str, WorkerFacts] = field(default_factory=dict)
    seconds: dict[str, Finite] = field(default_factory=dict)
    finished: str | None = None
    state: Literal["running", "finished", "interrupted", "failed", "killed"] = "running"
    process: Process | None = None
    request: dict[str, Any] = field(default_factory=dict)
    pythons: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    timed_share: Finite | None = None
    seconds_a_case: Finite | None = None
    compile_seconds: Finite = 0.0
    loop_overhead_ns: dict[str, Finite] = field(default_factory=dict)
    spoilt_samples: int = 0
    disturbed: Rate | None = None
    gpu_states: list[dict[str, str]] = field(default_factory=list)
    selftest: list[Tally] = field(default_factory=list)
    coverage: list[Coverage] = field(default_factory=list)

    def place(self, device: str, size_class: str) -> Place | None:
        """The place of a size class, as the run says or else its name; None for another name."""
        return self.places.get(device, {}).get(size_class) or named(size_class)

    def title(self, framework: str) -> str:
        """A framework's own spelling of its name, as far as the run has it."""
        known = self.frameworks.get(framework)
        return known.title if known else framework

    @property
    def titles(self) -> dict[str, str]:
        """The titles of all frameworks that were known, by name."""
        return {name: known.title for name, known in self.frameworks.items()}

    def own_form(self, framework: str) -> str:
        """The form that is a function of the user's; empty of a framework."""
        known = self.frameworks.get(framework)
        return known.callable if known else ""

    @property
    def callables(self) -> list[FrameworkFacts]:
        """The functions of the user's own."""
        return [known for known in self.frameworks.values() if known.callable]

    def differentiates(self, framework: str) -> bool:
        """Return whether a framework computes gradients itself; an unknown one is trusted."""
        known = self.frameworks.get(framework)
        return known is None or known.differentiates

    def workers_of(self, framework: str) -> list[WorkerFacts]:
        """The workers of a framework, on whatever device."""
        return [worker for worker in self.workers.values() if worker.framework == framework]
