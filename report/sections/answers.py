"""The answer in words: sentences made from the rows, which never say more than the rows do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...bench.catalog.activations import BASELINE, CATALOG
from ...bench.catalog.cases import Case
from ...bench.catalog.frameworks import frameworks
from ..compare.families import (
    Comparison,
    Setting,
    Summary,
    at_reference_size,
    cost,
    setting_of,
    summaries,
)
from ..read.evidence import Evidence, Timed, with_device
from ..words import capital, counted, elements, listing, ratio, sentence, title


@dataclass(frozen=True)
class Answer:
    """What one framework and mode cost: who, what was found, and the command to repeat it."""

    who: str
    comparison: str
    families: tuple[tuple[str, str], ...]
    command: str


@dataclass(frozen=True)
class Group:
    """Answers under the same conditions, in words; `first` of a run's and device's conditions."""

    heading: str
    answers: tuple[Answer, ...]
    first: bool


def verdict(evidence: Evidence) -> str:
    """The whole page in one sentence: algebraic against `exp`, counted over the settings."""
    return tally(evidence, "fastest") or (
        f"exp against algebraic was not measured in {_these(evidence)}: no setting has an "
        f"activation of both families beside {BASELINE}; "
        f"{with_device(evidence, 'actbench run')} measures them."
    )


def sound_verdict(evidence: Evidence) -> str:
    """The same where only forms near the exact value count; empty if that was not measured."""
    text = tally(evidence, "sound")
    return f"Counting only forms without †: {text[0].lower()}{text[1:]}" if text else ""


def tally(evidence: Evidence, view: str) -> str:
    """In how many settings algebraic is cheaper than `exp`, by run and direction; or nothing."""
    found: dict[str, list[Comparison]] = {}
    for each in summaries(evidence, view):
        if each.comparison:
            run = f" in run {each.setting.run}" if len(evidence.runs) > 1 else ""
            found.setdefault(f"{each.setting.direction}{run}", []).append(each.comparison)
    text = "; ".join(f"{where}, {_tally(mine)}" for where, mine in found.items())
    return sentence(text) if text else ""


def _these(evidence: Evidence) -> str:
    return "this run" if len(evidence.runs) == 1 else "these runs"


def _tally(comparisons: Sequence[Comparison]) -> str:
    names = sorted({each.algebraic.case.activation for each in comparisons})
    verdicts = [each.verdict for each in comparisons]
    words = _TOLD if _several(comparisons) else _TOLD_OF_ONE
    told = [f"{text} in {verdicts.count(key)}" for key, text in words.items() if key in verdicts]
    told[0] += f" of {counted(len(verdicts), 'setting')}"
    who = names[0] if len(names) == 1 else f"the cheapest algebraic one ({listing(names)})"
    return f"against {_rivals(comparisons)}, {who} is {listing(told)}"


def _rivals(comparisons: Iterable[Comparison]) -> str:
    if _several(comparisons):
        return "the measured exp activations"
    return f"{_names(comparisons).pop()}, the only exp activation measured"


def _several(comparisons: Iterable[Comparison]) -> bool:
    return len(_names(comparisons)) > 1


def _names(comparisons: Iterable[Comparison]) -> set[str]:
    """The exp activations that some comparison is against."""
    sides = [(*each.cheaper_than, *each.dearer_than, *each.undecided) for each in comparisons]
    return {rival.case.activation for side in sides for rival in side}


_TOLD = {
    "all": "cheaper than all",
    "some": "cheaper than some but not all",
    "none": "not shown to be cheaper than any",
    "dearest": "dearer than all",
}
_TOLD_OF_ONE = {"all": "cheaper", "none": "not shown to be cheaper", "dearest": "dearer"}


def groups(evidence: Evidence) -> list[Group]:
    """Sentences for every framework and mode at the size nearest to 2^16, grouped by conditions."""
    several = len(evidence.runs) > 1
    found = []
    seen: set[tuple[str, str]] = set()
    for group in at_reference_size(summaries(evidence)):
        setting = group[0].setting
        place = (setting.run, setting.device)
        answered = tuple(_answer(each, evidence) for each in group)
        found.append(Group(_heading(setting, several), answered, place not in seen))
        seen.add(place)
    return found


def in_words(setting: Setting, with_run: bool = False) -> str:
    """The conditions of a setting: `forward, float32, cpu, 1 thread`."""
    words = [
        setting.direction,
        setting.dtype,
        setting.device,
        counted(setting.threads, "thread"),
        *(["output reused"] if setting.output == "reused" else []),
        *(["caches cold"] if setting.cache == "cold" else []),
    ]
    return ", ".join([*words, f"run {setting.run}"] if with_run else words)


def unusual(each: Case | Setting) -> list[str]:
    """What is other than forward, float32, one thread of the CPU, fresh outputs and warm caches."""
    found = {
        each.direction: each.direction != "forward",
        each.dtype: each.dtype != "float32",
        each.device: each.device != "cpu",
        counted(each.threads, "thread"): each.threads != 1,
        "output reused": each.output == "reused",
        "caches cold": each.cache == "cold",
    }
    return [words for words, holds in found.items() if holds]


def _heading(setting: Setting, with_run: bool) -> str:
    text = in_words(setting, with_run)
    return capital(text)


def _answer(summary: Summary, evidence: Evidence) -> Answer:
    setting = summary.setting
    who = f"{title(setting.framework)}, {setting.mode}, {elements(setting.size)}"
    if summary.baseline is None:
        return Answer(who, _no_baseline(setting, evidence), (), setting.command)
    return Answer(
        who,
        compare(summary.comparison),
        tuple((each, _family(summary, each, evidence)) for each in ("exp", "algebraic", "max")),
        setting.command,
    )


def _no_baseline(setting: Setting, evidence: Evidence) -> str:
    reason = reason_missing(evidence, setting, {BASELINE})
    because = f": {reason}" if reason else ""
    return f"No cost over {BASELINE} can be given: {BASELINE} was not measured here{because}."


def _family(summary: Summary, family: str, evidence: Evidence) -> str:
    members = summary.families[family]
    if not members and family == "max":
        return f"{BASELINE} alone was measured, which is the unit"
    if not members:
        names = {record.name for record in CATALOG.values() if record.family == family}
        reason = reason_missing(evidence, summary.setting, names)
        return f"not measured in this run{f' ({reason})' if reason else ''}"
    first, last = members[0], members[-1]
    shown = [first, last] if len(members) > 1 else [first]
    return " to ".join(f"{ratio(cost(each))} {member(each)}" for each in shown)


def member(each: Timed) -> str:
    """An activation with the form it was measured in, marked if that form is far from exact."""
    return f"{each.case.activation} [{each.case.form}]{mark(each)}"


def mark(each: Timed) -> str:
    """A dagger for a form that strays far from the exact value."""
    return "†" if each.flawed else ""


def compare(comparison: Comparison | None) -> str:
    """Algebraic against `exp`, activation by activation."""
    if comparison is None:
        return "Algebraic against exp: not measured in this run."
    total = sum(map(len, (comparison.cheaper_than, comparison.dearer_than, comparison.undecided)))
    parts = [
        f"{words} {_share(which, total)}"
        for words, which in (
            ("is cheaper than", comparison.cheaper_than),
            ("is dearer than", comparison.dearer_than),
            ("cannot be told apart from", comparison.undecided),
        )
        if which
    ]
    return f"{comparison.algebraic.case.activation} {listing(parts)}."


def _share(which: Sequence[Timed], total: int) -> str:
    names = [each.case.activation for each in which]
    if len(which) == total:
        return f"any of the {total} exp activations measured" if total > 1 else names[0]
    if len(which) <= 3:
        return listing(names)
    return f"{len(which)} of the {total} exp activations"


def reason_missing(evidence: Evidence, setting: Setting, names: Iterable[str]) -> str:
    """Why none of the named activations was timed in a setting: the first reason in the rows."""
    wanted = set(names)
    for each in evidence.missing:
        case = each.case
        if (
            each.what == "time"
            and setting_of(each.run, case) == setting
            and case.activation.split("(")[0] in wanted
        ):
            return f"{each.status}: {each.reason or 'no reason was kept'}"
    return ""


def absent(evidence: Evidence) -> list[tuple[str, str]]:
    """Frameworks that no run measured: why, and the command that measures them."""
    found = {each.case.framework for each in evidence.timed}
    found |= {each.case.framework for each in evidence.checked}
    return [_absent(evidence, name) for name in frameworks() if name not in found]


def _absent(evidence: Evidence, framework: str) -> tuple[str, str]:
    """A framework whose worker refused is offered where every framework works: on the CPU."""
    refused = _of_worker(evidence, framework)
    command = f"actbench run --framework {framework}"
    reason = refused or _of_rows(evidence, framework) or _of_end(evidence, framework)
    return (
        f"{title(framework)} was not measured in {_these(evidence)}: {reason.rstrip('.')}.",
        command if refused else with_device(evidence, command),
    )


def _of_worker(evidence: Evidence, framework: str) -> str:
    for run in evidence.runs.values():
        for name, facts in run.facts.workers.items():
            if name.split("/")[0] == framework and facts.get("detail"):
                return str(facts["detail"])
    return ""


def _of_rows(evidence: Evidence, framework: str) -> str:
    """The reason that most of its rows give; of failures, where any case failed."""
    reasons = Counter(
        (each.status, each.reason) for each in evidence.missing if each.case.framework == framework
    )
    if not reasons:
        return ""
    status, reason = min(reasons, key=lambda each: (each[0] == "unsupported", -reasons[each]))
    return f"{status}: {reason or 'no reason was kept'}"


def _of_end(evidence: Evidence, framework: str) -> str:
    """Whether a run that asked for it ended before it came to it."""
    for run in evidence.runs.values():
        asked = run.facts.asked.get("frameworks") or [framework]
        if run.facts.state != "finished" and framework in asked:
            return "nothing of it was measured before the run ended"
    return "not asked for"
