"""Ten cases as this harness, torch.utils.benchmark and pyperf time them, side by side in one run.

    python -m tools.side_by_side
    python -m tools.side_by_side --framework numpy --rounds 5 --json

Two harnesses agree on a case where their intervals overlap or their medians differ by less than
3 %. Exit status 0: all three agree on every case, and an empty call costs actbench less than
pytest-benchmark; 1: they do not, or something could not be measured.

The tools take turns in a framework's process, on one CPU, in the environment of a worker, on the
same statement and arrays (`tools.side_by_side.child`). A turn's value is the median of the tool's
report; an interval is the hierarchical bootstrap interval over a few such processes and their
turns, computed alike for all tools.
The empty callable is timed bare in NumPy's process, which has nothing to wait for, and with a wait
in every process; actbench always waits.
Turns that another process disturbed are dropped where at least three others are left.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import click

from actbench.bench.catalog.cases import Case
from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.host.cpus import measuring_cpus
from actbench.bench.host.progress import Reporter
from actbench.bench.results.samples import Visit
from actbench.bench.timing.bootstrap import estimate, replicates
from actbench.bench.timing.ratios import Estimate
from actbench.bench.workers.environment import Key, environment_of
from actbench.bench.workers.process import PACKAGE
from actbench.bench.workers.requests import timed_call

_SEED = 0
_TIMEOUT = 300.0
_ENOUGH = 0.03
"""Medians that differ by less agree, however narrow their intervals."""
OURS, PYTEST = "actbench", "pytest-benchmark"
TOOLS = (OURS, "torch.utils.benchmark", "pyperf")
_EMPTY_TOOLS = (*TOOLS, PYTEST)
_QUIET = 3
"""The least number of undisturbed turns at which a tool's disturbed ones are dropped."""


def _case(framework: str, activation: str, form: str, mode: str, size: int) -> Case:
    return Case(framework, activation, form, mode, "forward", "cpu", "float32", size, 1)


CASES = (
    _case("numpy", "relu", "max", "eager", 64),
    _case("numpy", "gelu", "textbook", "eager", 2**16),
    _case("torch", "relu", "native", "eager", 64),
    _case("torch", "gelu", "native", "compiled", 2**16),
    _case("torch", "squareplus", "textbook", "eager", 2**20),
    _case("jax", "relu", "native", "eager", 64),
    _case("jax", "silu", "native", "compiled", 2**16),
    _case("tensorflow", "elu", "native", "eager", 2**16),
    _case("tensorflow", "relu", "native", "compiled", 64),
    _case("tensorflow", "softplus", "native", "compiled", 2**20),
)
_HEAD = (
    f"| framework | mode | activation | form | elements | {', ns | '.join(TOOLS)}, ns "
    f"| {' | '.join(f'{tool} ÷ {OURS}' for tool in TOOLS[1:])} | overlap | differ by | holds |",
    "|---|---|---|---|---|" + "---|" * (2 * len(TOOLS) + 2),
)
_EMPTY_HEAD = (
    f"| an empty call | {', ns | '.join(_EMPTY_TOOLS)}, ns |",
    "|---|" + "---|" * len(_EMPTY_TOOLS),
)


_Turns = dict[tuple[int | str, str], dict[int, list[tuple[float, bool]]]]
"""Turns by process, by case (or kind of empty call) and tool: ns per call, and a flag for disturbed
ones."""


@dataclass(frozen=True)
class Comparison:
    """One case as the tools measure it: ns per call by tool."""

    case: Case
    seen: dict[str, Estimate]

    @property
    def overlap(self) -> bool:
        """True where some value lies in all the intervals."""
        ends = [(estimate.low, estimate.high) for estimate in self.seen.values()]
        lows, highs = zip(*ends, strict=True)
        return bool(max(lows) <= min(highs))

    @property
    def difference(self) -> float:
        """The greatest median over the least, less 1."""
        values = [estimate.value for estimate in self.seen.values()]
        return max(values) / min(values) - 1

    @property
    def holds(self) -> bool:
        """True where the tools agree."""
        return self.overlap or self.difference < _ENOUGH

    def ratio(self, tool: str) -> float:
        """A tool's median over actbench's."""
        return self.seen[tool].value / self.seen[OURS].value


@dataclass
class Outcome:
    """The result of a run. `empty` is by the title of its row; `failures` are reasons."""

    comparisons: list[Comparison] = field(default_factory=list)
    empty: dict[str, dict[str, Estimate]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    turns: int = 0
    disturbed: int = 0

    @property
    def cheaper(self) -> bool:
        """True where an empty call costs actbench less than pytest-benchmark, in every row."""
        return all(row[OURS].value < row[PYTEST].value for row in self.empty.values())

    @property
    def holds(self) -> bool:
        """True where everything was measured, agrees, and is cheap enough."""
        agreed = all(comparison.holds for comparison in self.comparisons)
        return bool(self.comparisons) and agreed and self.cheaper and not self.failures

    def words(self) -> str:
        """The outcome in a few sentences."""
        agreed = sum(comparison.holds for comparison in self.comparisons)
        text = (
            f"In {agreed} of {len(self.comparisons)} cases the intervals overlap or the medians "
            f"differ by under {_ENOUGH:.0%}."
        )
        if self.empty:
            words, row = next(iter(self.empty.items()))
            costs = ", ".join(f"{tool} {row[tool].value:.0f} ns" for tool in _EMPTY_TOOLS)
            text += f" One empty call ({words}) costs {costs}."
        if not self.cheaper:
            text += f" {OURS} is not below {PYTEST} in every row."
        if self.disturbed:
            text += f" Other processes disturbed {self.disturbed} of {self.turns} turns"
            text += (
                ": repeat this on a quieter machine." if 4 * self.disturbed > self.turns else "."
            )
        return " ".join([text, *(f"Not measured: {failure}." for failure in self.failures)])

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "holds": self.holds,
            "words": self.words(),
            "versions": self.versions,
            "cases": [
                {
                    **comparison.case.as_dict(),
                    "ns": {tool: vars(estimate) for tool, estimate in comparison.seen.items()},
                    "overlap": comparison.overlap,
                    "difference": comparison.difference,
                    "holds": comparison.holds,
                }
                for comparison in self.comparisons
            ],
            "empty_ns": {
                name: {tool: vars(estimate) for tool, estimate in row.items()}
                for name, row in self.empty.items()
            },
            "failures": self.failures,
            "turns": self.turns,
            "disturbed": self.disturbed,
        }

    def table(self) -> Iterator[str]:
        """The lines of the tables."""
        yield from _HEAD
        yield from map(_row, self.comparisons)
        yield ""
        yield from _EMPTY_HEAD
        for words, row in self.empty.items():
            yield f"| {words} | {' | '.join(_cell(row[tool]) for tool in _EMPTY_TOOLS)} |"


def compare(
    cases: Sequence[Case],
    processes: int,
    rounds: int,
    seconds: float,
    reporter: Reporter | None = None,
) -> Outcome:
    """Time every case, and an empty call in every framework's process, with every tool.

    Several processes are used because the place of a result in memory moves a process's figures,
    and every tool leaves other objects in memory.
    """
    outcome, reporter = Outcome(), reporter or Reporter(quiet=True)
    for framework, group in groupby(cases, lambda case: case.framework):
        own = list(group)
        kinds = _empty_kinds(framework)
        steps = processes * rounds * (len(own) * len(TOOLS) + len(kinds) * len(_EMPTY_TOOLS))
        with reporter.phase(frameworks()[framework].title, steps) as advance:
            turns: _Turns = {}
            for process, answer in (
                (process, answer)
                for process in range(processes)
                for answer in _answers(framework, own, rounds, seconds)
            ):
                if answer["kind"] == "turn":
                    key = answer["subject"], answer["tool"]
                    values = turns.setdefault(key, {}).setdefault(process, [])
                    values.append((_value(answer, own[0]), answer["disturbed"]))
                    advance()
                elif answer["kind"] == "versions":
                    outcome.versions |= answer["versions"]
                else:
                    failure = f"{framework}: {answer['detail']}"
                    outcome.failures += [failure] * (failure not in outcome.failures)
        _add(outcome, framework, own, turns)
    return outcome


def _add(outcome: Outcome, framework: str, cases: list[Case], turns: _Turns) -> None:
    every = [
        disturbed
        for processes in turns.values()
        for values in processes.values()
        for _, disturbed in values
    ]
    outcome.turns += len(every)
    outcome.disturbed += sum(every)
    estimates = {
        key: estimate(replicates({process: _kept(values) for process, values in processes.items()}))
        for key, processes in turns.items()
    }
    for number, case in enumerate(cases):
        if all((number, tool) in estimates for tool in TOOLS):
            seen = {tool: estimates[number, tool] for tool in TOOLS}
            outcome.comparisons.append(Comparison(case, seen))
    for kind in _empty_kinds(framework):
        if all((kind, tool) in estimates for tool in _EMPTY_TOOLS):
            title = f"{frameworks()[framework].title}, {kind}"
            outcome.empty[title] = {tool: estimates[kind, tool] for tool in _EMPTY_TOOLS}


def _empty_kinds(framework: str) -> tuple[str, ...]:
    """The ways in which the empty callable is timed in a framework's process."""
    return ("bare", "waited for") if framework == "numpy" else ("waited for",)


def _kept(turns: list[tuple[float, bool]]) -> list[float]:
    """The undisturbed turns, or all where those are too few."""
    quiet = [value for value, disturbed in turns if not disturbed]
    return quiet if len(quiet) >= _QUIET else [value for value, _ in turns]


def _value(answer: dict[str, Any], case: Case) -> float:
    """The median of a turn; for actbench without preempted batches, as in its own rows."""
    sample = answer.get("sample")
    if sample is None:
        return float(median(answer["times"]))
    columns = (tuple(sample[name]) for name in ("elapsed", "busy", "switches", "faults"))
    visit = Visit(case, 0, sample["loops"], 0, *columns)
    pairs = list(zip(visit.times, visit.preempted, strict=True))
    return median([time for time, bad in pairs if not bad] or [time for time, _ in pairs])


def _answers(
    framework: str, cases: list[Case], rounds: int, seconds: float
) -> Iterator[dict[str, Any]]:
    """The answers of a framework's child, up to its regular or early end."""
    here, there = Pipe()
    cpus = ",".join(map(str, measuring_cpus(1)))
    child = [framework, str(there.fileno()), cpus]
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.side_by_side.child", *child],
        pass_fds=[there.fileno()],
        env={
            # pytest-benchmark measures nothing where another pytest has left word of itself.
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            **environment_of(Key(framework, "cpu", 1)),
            "PYTEST_ADDOPTS": "",
            "PYTHONPATH": str(PACKAGE.parent),
        },
        cwd=PACKAGE.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    there.close()
    try:
        here.send(
            {
                "cases": [timed_call(case, _SEED) for case in cases],
                "bare": "bare" in _empty_kinds(framework),
                "rounds": rounds,
                "seconds": seconds,
                "seed": _SEED,
            }
        )
        yield from _until_done(here)
    finally:
        process.kill()
        process.wait()


def _until_done(pipe: Connection) -> Iterator[dict[str, Any]]:
    while True:
        try:
            if not pipe.poll(_TIMEOUT):
                yield {"kind": "lost", "detail": f"no answer in {_TIMEOUT:g} s"}
                return
            answer: dict[str, Any] = pipe.recv()
        except (EOFError, OSError):
            yield {"kind": "lost", "detail": "its process ended early"}
            return
        if answer["kind"] == "done":
            return
        yield answer
        if answer["kind"] == "missing":
            return


def _row(comparison: Comparison) -> str:
    case = comparison.case
    cells = (
        frameworks()[case.framework].title,
        *(case.mode, case.activation, case.form, f"{case.size:,}"),
        *(_cell(comparison.seen[tool]) for tool in TOOLS),
        *(f"{comparison.ratio(tool):.3g}" for tool in TOOLS[1:]),
        "yes" if comparison.overlap else "no",
        f"{comparison.difference:.1%}",
        "yes" if comparison.holds else "NO",
    )
    return f"| {' | '.join(cells)} |"


def _cell(estimate: Estimate) -> str:
    digits = 0 if estimate.value >= 100 else 1
    value, low, high = (
        f"{end:,.{digits}f}" for end in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} ({low}–{high})"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--framework",
    "chosen",
    multiple=True,
    type=click.Choice(list(dict.fromkeys(case.framework for case in CASES))),
    help="All by default.",
)
@click.option(
    "--processes", type=click.IntRange(1), default=3, show_default=True, help="Per framework."
)
@click.option(
    "--rounds",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Rounds of turns per process.",
)
@click.option("--seconds", default=0.03, show_default=True, help="Seconds per turn of a tool.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def main(
    chosen: tuple[str, ...], processes: int, rounds: int, seconds: float, as_json: bool
) -> None:
    """Print ten cases as actbench, torch.utils.benchmark and pyperf time them, in Markdown.

    Exit status 1 where they disagree, where an empty call costs actbench more than
    pytest-benchmark, or where something could not be measured.
    """
    cases = [case for case in CASES if not chosen or case.framework in chosen]
    outcome = compare(cases, processes, rounds, seconds, Reporter())
    if as_json:
        click.echo(json.dumps(outcome.as_dict(), indent=1))
    else:
        click.echo("\n".join([*outcome.table(), "", outcome.words()]))
    sys.exit(0 if outcome.holds else 1)


if __name__ == "__main__":
    main()
