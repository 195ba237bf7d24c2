"""Costs of a run: times, ratios to units and what follows, from pairs in several processes.

A process gives one value per case: the median of its calmest visit's blocks, of the log ratio and
of the time. Everything else is Student's interval over processes, with the variance moderated over
the cases of a kind (`ratios`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..catalog.activations import BASELINE
from ..catalog.cases import Case
from ..results.estimate import Estimate
from ..results.rows import Ended, Sampling
from ..results.samples import Paired
from .ratios import Ratio, Spread, common_spread, of_blocks

ERROR = 0.05
"""The probability that an interval misses its quantity."""
_ENOUGH = 4
"""The number of a process's unspoilt blocks from which on its spoilt ones are dropped."""
_USEFUL = 0.1
"""The half-width of a time at which a case is narrow enough, if its cost is."""
Kind = tuple[str, str, str, int]


@dataclass
class Process:
    """The blocks of a case in one process: ns per call of it and of its unit, and page faults.

    `unit` is the form of relu that it was timed with, "" for none; `loops` are the calls per block.
    """

    unit: str = ""
    times: list[float] = field(default_factory=list)
    unit_times: list[float] = field(default_factory=list)
    spoilt: list[bool] = field(default_factory=list)
    faults: list[float] = field(default_factory=list)
    loops: int = 0

    def add(self, sample: Paired) -> None:
        """Take the blocks of a visit, unless the unit was faster in an earlier one."""
        times = unit_times(sample)
        if self.unit_times and pace(self.unit_times) <= pace(times):
            return
        self.unit_times, self.loops = times, sample.loops
        self.times = [elapsed / sample.loops for elapsed in sample.elapsed]
        self.spoilt = list(sample.spoilt)
        self.faults = [count / sample.loops for count in sample.faults]

    @property
    def kept(self) -> list[int]:
        """The indices of the blocks that count: all, where too few are unspoilt."""
        clean = [place for place, spoilt in enumerate(self.spoilt) if not spoilt]
        return clean if len(clean) >= _ENOUGH else list(range(len(self.spoilt)))

    @property
    def blocks(self) -> list[float]:
        """The ns of a call in each block that counts."""
        return [self.times[place] for place in self.kept]

    @property
    def calls(self) -> int:
        """The number of calls in the blocks that count."""
        return self.loops * len(self.kept)

    @property
    def time(self) -> float:
        """The median time of a call, in ns."""
        return float(np.median(self.blocks))

    @property
    def log(self) -> float:
        """The median log ratio to the unit."""
        kept = self.kept
        return of_blocks([self.unit_times[at] for at in kept], [self.times[at] for at in kept])

    @property
    def ratio(self) -> float:
        """The median ratio to the unit."""
        return math.exp(self.log)


@dataclass
class Measured:
    """A case over its unit, a form of relu, in several processes."""

    case: Case
    processes: dict[int, Process] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """The form of relu that the last process had as a unit; "" without any."""
        units = [process.unit for process in self.processes.values() if process.unit]
        return units[-1] if units else ""

    @property
    def is_unit(self) -> bool:
        """Return whether the case is the unit itself, whose cost is 1 by definition."""
        return self.unit_case == self.case

    @property
    def unit_case(self) -> Case:
        """The case that the cost is over."""
        return unit_case(self.case, self.unit)

    @property
    def logs(self) -> list[float]:
        """One log ratio per process with the last unit; other processes only give a time."""
        unit = self.unit
        return [process.log for process in self.processes.values() if process.unit == unit]

    @property
    def times(self) -> dict[int, float]:
        """The ns per call of each case."""
        return {number: process.time for number, process in self.processes.items()}

    @property
    def faults(self) -> float:
        """The median number of page faults of a call."""
        counts = [count for process in self.processes.values() for count in process.faults]
        return float(np.median(counts))

    def sampling(self, ended: Ended) -> Sampling:
        """The number of blocks that count, how many were dropped, and why sampling ended."""
        kept = sum(len(process.kept) for process in self.processes.values())
        blocks = sum(len(process.spoilt) for process in self.processes.values())
        return Sampling(len(self.processes), kept, blocks - kept, ended)


def unit_times(sample: Paired) -> list[float]:
    """The ns per call of the unit, by block."""
    return [elapsed / sample.unit_loops for elapsed in sample.unit_elapsed]


def pace(times: Sequence[float]) -> float:
    """The lower quartile of times: the speed of a visit some of whose batches were slow."""
    return float(np.quantile(times, 0.25))


def unit_case(case: Case, form: str) -> Case:
    """A form of relu in the setting of a case."""
    return case.of(BASELINE, form)


def gathered(samples: Iterable[Paired]) -> dict[Case, Measured]:
    """The pairs by case, in the order in which cases first appear."""
    measured: dict[Case, Measured] = {}
    for sample in samples:
        add(measured, sample)
    return measured


def add(measured: dict[Case, Measured], sample: Paired) -> None:
    """Add a pair to those of its case."""
    of_case = measured.setdefault(sample.case, Measured(sample.case))
    of_case.processes.setdefault(sample.process, Process(sample.unit)).add(sample)


def kind_of(case: Case) -> Kind:
    """The kind of a case: processes differ about equally for cases of a kind."""
    return case.framework, case.device, case.mode, case.size


def relative_costs(measured: Mapping[Case, Measured]) -> dict[Case, Estimate]:
    """The cost of each case that has a unit; a unit's own is exactly 1."""
    having = {case: timed for case, timed in measured.items() if timed.unit}
    costs = _moderated({case: timed.logs for case, timed in having.items() if not timed.is_unit})
    return {case: costs.get(case, Estimate(1.0, 1.0, 1.0)) for case in having}


def times(measured: Mapping[Case, Measured]) -> dict[Case, Estimate]:
    """The ns per call, by process."""
    logs = {case: list(map(math.log, timed.times.values())) for case, timed in measured.items()}
    return _moderated(logs)


def _moderated(logs: Mapping[Case, Sequence[float]]) -> dict[Case, Estimate]:
    spreads = _spreads(logs)
    return {
        case: spreads[kind_of(case)].ratio(values).interval(ERROR) for case, values in logs.items()
    }


def _spreads(values: Mapping[Case, Sequence[float]]) -> dict[Kind, Spread]:
    kinds: dict[Kind, list[Sequence[float]]] = {}
    for case, of_case in values.items():
        kinds.setdefault(kind_of(case), []).append(of_case)
    return {kind: common_spread(cases) for kind, cases in kinds.items()}


def differences(
    values: Mapping[Case, Sequence[float]], scales: Mapping[Case, float]
) -> dict[Case, Estimate]:
    """Estimates of quantities that may be 0 or negative, from one value per process.

    Their variances are moderated as shares of `scales`, the sizes of the quantities measured for
    them.
    """
    shares = {case: [value / scales[case] for value in of_case] for case, of_case in values.items()}
    spreads = _spreads(shares)
    return {
        case: _linear(spreads[kind_of(case)].ratio(share), scales[case])
        for case, share in shares.items()
    }


def _linear(ratio: Ratio, scale: float) -> Estimate:
    ends = ratio.ends(ERROR)
    return Estimate(ratio.log * scale, ends[0] * scale, ends[1] * scale)


@dataclass(frozen=True)
class Goal:
    """The end of sampling: a cost to ±`precision`, or `most` processes."""

    precision: float
    most: int

    def distance(self, cost: Estimate | None, time: Estimate) -> float:
        """The factor by which a case is too wide; at most 1 where no further process is needed.

        Its cost must be precise, and its time useful.
        """
        share = cost.half_width / self.precision if cost else 0.0
        return max(share, time.half_width / max(_USEFUL, self.precision))

    def ended(self, measured: Measured, cost: Estimate | None, time: Estimate) -> Ended:
        """The reason why sampling ended."""
        if len(measured.processes) < 2:
            return Ended.ONE_SAMPLE
        if self.distance(cost, time) <= 1:
            return Ended.NARROW
        return Ended.DIFFER if len(measured.processes) >= self.most else Ended.BUDGET
