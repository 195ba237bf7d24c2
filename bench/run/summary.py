"""The rates of a selftest's trials, with exact intervals, as lines and as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from ..catalog.cases import Case
from ..results.facts import Rate, Tally
from ..results.rows import Cause, Row, Why, described
from ..results.samples import Trial
from ..results.status import Status
from ..words import Table

HOGS = ("none", "both arms", "one arm")
"""The arms during whose time a busy process runs on every CPU."""
GATE = "the gate"
ALARM = 0.01
"""The accepted share of gates that call something that did not change."""


def summary(trials: Sequence[Trial]) -> list[Tally]:
    """One line per tool, condition, slowdown and kind of slowdown."""
    tools = (GATE, *dict.fromkeys(tool for trial in trials for tool in trial.rival))
    groups: dict[tuple[int, float, str], list[Trial]] = {}
    for trial in trials:
        groups.setdefault((HOGS.index(trial.hogs), trial.share, trial.how), []).append(trial)
    lines = (_line(tool, groups[key]) for key in sorted(groups) for tool in tools)
    return [line for line in lines if line]


def _line(tool: str, trials: Sequence[Trial]) -> Tally | None:
    """The line of a tool; None where it did not compare."""
    gate = tool == GATE
    trials = [trial for trial in trials if gate or tool in trial.rival]
    if not trials:
        return None
    first = trials[0]
    called = [trial for trial in trials if _is_called(tool, trial)]
    undecided = _share(trials, lambda trial: trial.verdict == "undecided")
    return Tally(
        tool=tool,
        hogs=first.hogs,
        planted=first.share,
        how=first.how,
        called=Rate.counted(len(called), len(trials)),
        undecided=undecided if gate else Rate.counted(0, 0),
        covered=_share(trials, lambda trial: trial.covered) if gate else Rate.counted(0, 0),
        alarmed=_gates(called, trials),
        seconds=median(trial.timed for trial in trials),
    )


def _is_called(tool: str, trial: Trial) -> bool:
    """Return whether a trial was called slower or, where nothing was planted, faster."""
    if tool != GATE:
        return trial.rival[tool]
    return trial.verdict == "slower" or (_is_alarm(trial) and not trial.share)


def _is_alarm(trial: Trial) -> bool:
    return trial.verdict in ("slower", "faster")


def _share(trials: Sequence[Trial], holds: Callable[[Trial], bool]) -> Rate:
    return Rate.counted(sum(map(holds, trials)), len(trials))


def _gates(some: Iterable[Trial], trials: Iterable[Trial]) -> Rate:
    """The gates that contain some of the trials, among all gates of the trials."""
    return Rate.counted(len({trial.gate for trial in some}), len({trial.gate for trial in trials}))


def _plain(trials: Iterable[Trial]) -> list[Trial]:
    """The trials in which nothing was planted."""
    return [trial for trial in trials if not trial.share]


def false_alarms(trials: Sequence[Trial]) -> Rate:
    """The share of gates in which a case without a slowdown was called."""
    return _gates(filter(_is_alarm, _plain(trials)), _plain(trials))


def detected(trials: Iterable[Trial], share: float) -> Rate:
    """The share of cases with a planted slowdown of `share` that the gate called slower."""
    planted = [trial for trial in trials if trial.share == share]
    return _share(planted, lambda trial: trial.verdict == "slower")


def exit_status(trials: Sequence[Trial]) -> int:
    """Return 1 where false alarms are certainly too frequent, or nothing was measured; else 0."""
    return int(not trials or false_alarms(trials).low > ALARM)


def rows(trials: Sequence[Trial]) -> list[Row]:
    """Rows per case: the rates of false alarms, of coverage, and of detected slowdowns."""
    by_case: dict[Case, list[Trial]] = {}
    for trial in trials:
        by_case.setdefault(trial.case, []).append(trial)
    measured = (row for case, group in by_case.items() for row in _rows(case, group))
    return list(described(measured))


def _rows(case: Case, trials: Sequence[Trial]) -> Iterator[Row]:
    plain = _plain(trials)
    yield _row(case, "gate_false_alarms", _share(plain, _is_alarm))
    yield _row(case, "gate_coverage", _share(plain, lambda trial: trial.covered))
    for metric, share in (("gate_found_3", 0.03), ("gate_found_5", 0.05)):
        yield _row(case, metric, detected(trials, share))


def _row(case: Case, metric: str, measured: Rate) -> Row:
    if not measured.of:
        cause = Cause(Why.NO_TRIALS)
        return Row(case, metric, None, status=Status.UNSUPPORTED, cause=cause)
    value = measured.count / measured.of
    row = Row(case, metric, value, min(measured.low, value), max(measured.high, value))
    return replace(row, tested=measured.of)


@dataclass(frozen=True)
class Condition:
    """A row of the table: the planted slowdown, the hogs, and the lines by tool."""

    hogs: str
    planted: float
    lines: dict[str, Tally]

    @property
    def what(self) -> str:
        """The planted slowdown in words."""
        return f"+{self.planted:.0%}" if self.planted else "nothing"


def conditions(lines: Iterable[Tally]) -> list[Condition]:
    """The lines by condition, both kinds of slowdown together."""
    groups: dict[tuple[str, float], dict[str, list[Tally]]] = {}
    for line in lines:
        tools = groups.setdefault((line.hogs, line.planted), {})
        tools.setdefault(line.tool, []).append(line)
    return [
        Condition(*key, {tool: _joined(both) for tool, both in tools.items()})
        for key, tools in groups.items()
    ]


def _joined(lines: Sequence[Tally]) -> Tally:
    """Both kinds of a slowdown in one line, with the gates and seconds of the first."""
    return replace(
        lines[0],
        how="",
        called=_sum(line.called for line in lines),
        undecided=_sum(line.undecided for line in lines),
        covered=_sum(line.covered for line in lines),
    )


def calls(line: Tally) -> str:
    """The rate of called cases; where nothing was planted, with the number of gates."""
    gates = f", in {line.alarmed.count} of {line.alarmed.of} gates"
    return line.called.words + ("" if line.planted else gates)


def _sum(rates: Iterable[Rate]) -> Rate:
    counts = [(part.count, part.of) for part in rates]
    return Rate.counted(*map(sum, zip(*counts, strict=True)))


def table(lines: Iterable[Tally]) -> list[str]:
    """The lines as a table in Markdown: cases called slower (or faster, where nothing was planted).

    Shares with their exact 95 % intervals.
    """
    rows = conditions(lines)
    rivals = list(dict.fromkeys(tool for row in rows for tool in row.lines if tool != GATE))
    head = ("hogs", "planted", "the gate calls", "undecided", "interval holds it", "s per gate")
    return Table((*head, *rivals), [_cells(row, rivals) for row in rows]).markdown()


def _cells(row: Condition, rivals: Sequence[str]) -> list[str]:
    gate = row.lines[GATE]
    return [
        *(row.hogs, row.what, calls(gate), gate.undecided.words, gate.covered.words),
        f"{gate.seconds:.0f}",
        *(calls(row.lines[tool]) if tool in row.lines else "–" for tool in rivals),
    ]


def words(trials: Sequence[Trial]) -> str:
    """The outcome in a few sentences."""
    if not trials:
        return "Nothing was measured."
    planted = {trial.gate for trial in trials if trial.share}
    same = [trial for trial in trials if trial.gate not in planted]
    covered = _share(_plain(trials), lambda trial: trial.covered)
    seconds = [trial.timed for trial in trials]
    parts = [
        f"{len({trial.gate for trial in trials})} gates, {median(seconds):.0f} s of timing in the "
        f"median (the longest {max(seconds):.0f} s).",
        f"The same code twice: false alarms in {false_alarms(same).words} gates.",
        f"Cases without a slowdown, in all gates: false alarms in {false_alarms(trials).words} "
        f"gates; their interval holds 1 in {covered.words} cases.",
    ]
    for share in sorted({trial.share for trial in trials if trial.share}):
        parts.append(f"+{share:.0%}: called slower in {detected(trials, share).words} cases.")
    return "\n".join(parts)
