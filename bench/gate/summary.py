"""What the trials of a selftest say: rates with their exact intervals, as lines and as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from ..catalog.cases import Case
from ..results.rows import Cause, Row, Why, described
from ..results.samples import Trial
from ..results.status import Status

HOGS = ("none", "both arms", "one arm")
"""When a process that never rests runs on every CPU."""
GATE = "the gate"
_CALLED = ("slower", "faster")
SURE = 0.95
ALARM = 0.01
"""Of gates, the share that may call something that did not change."""


@dataclass(frozen=True)
class Rate:
    """So many of so many, with the exact 95 % interval (Clopper and Pearson 1934)."""

    count: int
    of: int
    low: float
    high: float

    @property
    def words(self) -> str:
        """A share with its interval, and the counts."""
        if not self.of:
            return "–"
        return f"{self.count} of {self.of} ({100 * self.low:.1f}–{self.high:.1%})"


def rate(count: int, of: int) -> Rate:
    """The rate of `count` among `of`."""
    from scipy.stats import binomtest

    if not of:
        return Rate(0, 0, 0.0, 1.0)
    found = binomtest(count, of).proportion_ci(SURE)
    return Rate(count, of, float(found.low), float(found.high))


@dataclass(frozen=True)
class Line:
    """A line of the table: the gate or a rule of another tool, under some conditions.

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


def summary(trials: Sequence[Trial]) -> list[Line]:
    """A line for every tool, condition, slowdown and kind of it."""
    lines = []
    tools = (GATE, *dict.fromkeys(name for each in trials for name in each.rival))
    for hogs in HOGS:
        for share, how in sorted({(each.share, each.how) for each in trials}):
            chosen = [
                each for each in trials if (each.hogs, each.share, each.how) == (hogs, share, how)
            ]
            lines += [line for tool in tools if (line := _line(tool, chosen)) is not None]
    return lines


def _line(tool: str, trials: Sequence[Trial]) -> Line | None:
    """Nothing where the tool did not compare."""
    gate = tool == GATE
    mine = list(trials) if gate else [each for each in trials if tool in each.rival]
    if not mine:
        return None
    first = mine[0]
    # Where nothing was planted a faster is as wrong as a slower.
    called = [_called(tool, each) for each in mine]
    gates = {each.gate for each in mine}
    alarmed = {each.gate for each, yes in zip(mine, called, strict=True) if yes}
    return Line(
        tool=tool,
        hogs=first.hogs,
        planted=first.share,
        how=first.how,
        called=rate(sum(called), len(mine)),
        undecided=_share(mine, lambda each: each.verdict == "undecided") if gate else rate(0, 0),
        covered=_share(mine, lambda each: each.covered) if gate else rate(0, 0),
        alarmed=rate(len(alarmed), len(gates)),
        seconds=median(each.timed for each in mine),
    )


def _called(tool: str, trial: Trial) -> bool:
    if tool != GATE:
        return trial.rival[tool]
    return trial.verdict in (_CALLED if not trial.share else _CALLED[:1])


def _share(trials: Sequence[Trial], holds: Callable[[Trial], bool]) -> Rate:
    return rate(sum(map(holds, trials)), len(trials))


def false_alarms(trials: Sequence[Trial]) -> Rate:
    """Gates in which a case without a slowdown was called, of all gates that had one."""
    plain = [each for each in trials if not each.share]
    gates = {each.gate for each in plain}
    return rate(len({each.gate for each in plain if each.verdict in _CALLED}), len(gates))


def found(trials: Iterable[Trial], share: float) -> Rate:
    """Cases with so much planted that the gate called slower."""
    mine = [each for each in trials if each.share == share]
    return rate(sum(each.verdict == "slower" for each in mine), len(mine))


def exit_status(trials: Sequence[Trial]) -> int:
    """1 where false alarms are surely more frequent than promised, or nothing was measured."""
    return int(not trials or false_alarms(trials).low > ALARM)


def rows(trials: Sequence[Trial]) -> list[Row]:
    """Of each case: how often it was called where nothing was planted, and found where so much."""
    by_case: dict[Case, list[Trial]] = {}
    for trial in trials:
        by_case.setdefault(trial.case, []).append(trial)
    made = (row for case, mine in by_case.items() for row in _rows(case, mine))
    return list(described(made))


def _rows(case: Case, trials: Sequence[Trial]) -> Iterator[Row]:
    plain = [each for each in trials if not each.share]
    yield _row(case, "gate_false_alarms", _share(plain, lambda each: each.verdict in _CALLED))
    yield _row(case, "gate_coverage", _share(plain, lambda each: each.covered))
    for metric, share in (("gate_found_3", 0.03), ("gate_found_5", 0.05)):
        yield _row(case, metric, found(trials, share))


def _row(case: Case, metric: str, found: Rate) -> Row:
    if not found.of:
        cause = Cause(Why.NO_TRIALS)
        return Row(case, metric, None, status=Status.UNSUPPORTED, cause=cause)
    value = found.count / found.of
    row = Row(case, metric, value, min(found.low, value), max(found.high, value))
    return replace(row, tested=found.of)


@dataclass(frozen=True)
class Condition:
    """A row of the table: what was planted under which hogs, and each tool's line."""

    hogs: str
    planted: float
    lines: dict[str, Line]

    @property
    def what(self) -> str:
        """What was planted, in words."""
        return f"+{self.planted:.0%}" if self.planted else "nothing"


def conditions(lines: Iterable[Line]) -> list[Condition]:
    """The lines by condition, work and waits together."""
    found: dict[tuple[str, float], dict[str, list[Line]]] = {}
    for line in lines:
        tools = found.setdefault((line.hogs, line.planted), {})
        tools.setdefault(line.tool, []).append(line)
    return [
        Condition(*key, {tool: _joined(each) for tool, each in tools.items()})
        for key, tools in found.items()
    ]


def line_of(record: Mapping[str, Any]) -> Line:
    """The line of a record, as a stored run keeps it."""
    rates = {name: Rate(**each) for name, each in record.items() if isinstance(each, Mapping)}
    return Line(**{**record, **rates})


def _joined(lines: Sequence[Line]) -> Line:
    """Both kinds of a slowdown as one; in gates the one with more of them stands for both."""
    return replace(
        lines[0],
        how="",
        called=_sum(each.called for each in lines),
        undecided=_sum(each.undecided for each in lines),
        covered=_sum(each.covered for each in lines),
    )


def calls(line: Line) -> str:
    """How often cases were called; where nothing was planted, in how many gates as well."""
    gates = f", in {line.alarmed.count} of {line.alarmed.of} gates"
    return line.called.words + ("" if line.planted else gates)


def _sum(rates: Iterable[Rate]) -> Rate:
    found = list(rates)
    return rate(sum(each.count for each in found), sum(each.of for each in found))


def table(lines: Iterable[Line]) -> list[str]:
    """The lines as a table in Markdown: cases called slower (or faster, where nothing was planted).

    Shares with their exact 95 % intervals.
    """
    found = conditions(lines)
    rivals = list(dict.fromkeys(tool for each in found for tool in each.lines if tool != GATE))
    head = [
        *("hogs", "planted", "the gate calls", "undecided", "interval holds it", "s a gate"),
        *rivals,
    ]
    rows = [
        [
            each.hogs,
            each.what,
            calls(each.lines[GATE]),
            each.lines[GATE].undecided.words,
            each.lines[GATE].covered.words,
            f"{each.lines[GATE].seconds:.0f}",
            *(calls(each.lines[tool]) if tool in each.lines else "–" for tool in rivals),
        ]
        for each in found
    ]
    written = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return [written[0], "|" + "---|" * len(head), *written[1:]]


def words(trials: Sequence[Trial]) -> str:
    """The outcome in a few sentences."""
    if not trials:
        return "Nothing was measured."
    gates = len({each.gate for each in trials})
    plain = [each for each in trials if not each.share]
    same = {each.gate for each in trials} - {each.gate for each in trials if each.share}
    alarms = rate(
        len({each.gate for each in plain if each.gate in same and each.verdict in _CALLED}),
        len(same),
    )
    parts = [
        f"{gates} gates, {median(each.timed for each in trials):.0f} s of timing each "
        f"(the longest {max(each.timed for each in trials):.0f} s).",
        f"The same code twice: a call in {alarms.words} gates.",
        f"Cases without a slowdown in any gate: called in {false_alarms(trials).words} gates; "
        f"their interval holds 1 in {_share(plain, lambda each: each.covered).words}.",
    ]
    for share in sorted({each.share for each in trials if each.share}):
        parts.append(f"+{share:.0%}: called slower in {found(trials, share).words} cases.")
    return "\n".join(parts)
