"""GELU on the CPU: its arithmetic beside the rest of a call, its parts, its tanh variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...bench.catalog.activations import CATALOG
from ...bench.timing.cost_model import TOLERANCE
from ..compare.commands import again
from ..compare.groups import Group, answering, in_cache
from ..compare.pairs import Pair, pairs
from ..compare.parts import share, total
from ..compare.ratios import times
from ..compare.settings import setting_of
from ..read.evidence import PLAIN, Estimate, Evidence, Split
from ..words import counted, listing, sentence
from .answer import Answer, by_place, figure, plain, unmeasured

ORDER = 20
_ANCHOR = "slow-gelu"
_NAME, _VARIANT, _COSTLY = "gelu", "gelu_tanh", "erf"
_OPERATIONS = CATALOG[_NAME].operations
_MEASURE = " ".join(
    [
        *(f"--activation {name}" for name in (_NAME, _VARIANT, *_OPERATIONS)),
        "--direction forward --only timing --size launch --size l1 --size l2 --size memory",
    ]
)
Shares = Mapping[str, Estimate]
"""Shares of a whole by framework and mode."""


def answer(evidence: Evidence) -> Answer:
    """gelu's arithmetic beside the rest, what its formula counts, and its tanh variant."""
    groups = answering(evidence, filter(_wanted, evidence.splits))
    if not groups:
        question, why = _question("cpu" in evidence.devices), "gelu's arithmetic is not in the rows"
        return unmeasured(evidence, _ANCHOR, question, _MEASURE, why)
    slow, variant = _over(evidence, _NAME, "relu"), _over(evidence, _VARIANT, _NAME)
    parts = [text for group in groups for text in _sentences(evidence, group)]
    return Answer(
        _ANCHOR,
        _question(all(group.conditions.device == "cpu" for group in groups)),
        (*by_place(slow, "relu"), *parts, *by_place(variant, _NAME)),
        (figure("gelu", "GELU over ReLU", "", slow, "relu"),),
        _command(groups),
        see={"parts": "Where the time goes"},
    )


def _question(cpu: bool) -> str:
    return f"Why is GELU slow on {'CPU' if cpu else 'this device'}?"


def _wanted(split: Split) -> bool:
    case = split.case
    forward = (case.activation, case.direction) == (_NAME, "forward")
    return forward and split.plain and split.part("arithmetic") is not None


def _over(evidence: Evidence, top: str, bottom: str) -> list[Group[Pair]]:
    over = pairs(evidence, lambda timed: plain(timed, top), activation=bottom, form=PLAIN)
    return answering(evidence, over, in_cache)


def _command(groups: Sequence[Group[Split]]) -> str:
    """The command for gelu, its variant and its primitives, at every size of the fit."""
    cases = [
        replace(split.case, activation=name, size=size)
        for group in groups
        for split in group.records
        for size in split.sizes
        for name in (_NAME, _VARIANT, *_OPERATIONS)
    ]
    return again(cases, leave=("form",))


def _sentences(evidence: Evidence, group: Group[Split]) -> list[str]:
    splits = group.records
    by_lead = {
        "its arithmetic above a copy, in cache, is": _arithmetic(evidence, splits),
        "streaming, memory and allocation are": _streaming(evidence, splits),
    }
    texts = [f"{lead} {_halves(shares, 'a call')}" for lead, shares in by_lead.items() if shares]
    return [sentence(group.prefix, text) for text in [*texts, *_formula(evidence, splits)]]


def _who(split: Split) -> str:
    return setting_of(split.run, split.case).who


def _arithmetic(evidence: Evidence, splits: Sequence[Split]) -> Shares:
    """The share of arithmetic in an element of a call in cache."""
    return {
        _who(split): part
        for split in splits
        if (whole := _element(evidence, split, "arithmetic"))
        and (own := split.part("arithmetic"))
        and (part := own.over(whole))
    }


def _streaming(evidence: Evidence, splits: Sequence[Split]) -> Shares:
    """The share of memory and allocation in an element where data streams."""
    return {
        _who(split): part
        for split in splits
        if (whole := _element(evidence, split, "memory"))
        and (own := total(split.part("memory"), split.part("allocation")))
        and (part := own.over(whole))
    }


def _element(evidence: Evidence, split: Split, metric: str) -> Estimate | None:
    """Nanoseconds per element at the size where a part was taken."""
    part = split.parts.get(metric)
    timed = part and evidence.case(split.run, replace(split.case, size=part.size))
    return timed.estimates.get("time_per_element") if timed else None


def _formula(evidence: Evidence, splits: Sequence[Split]) -> list[str]:
    """The share of the costly primitive in what all of the formula's primitives cost alone."""
    shares: dict[str, Estimate] = {}
    for split in splits:
        terms = _terms(evidence, split)
        others = [term for name, term in terms.items() if name != _COSTLY]
        costly = share(terms[_COSTLY], others) if terms else None
        shares |= {_who(split): costly} if costly else {}
    counts = " + ".join(f"{count} {name}" for name, count in _OPERATIONS.items())
    lead = f"its formula counts {counted(sum(_OPERATIONS.values()), 'operation')}, {counts}"
    off = f"more than {TOLERANCE:.0%} off what they and a copy predict"
    odd = [
        f"{_who(split)} {times(surprise)}"
        for split in splits
        if (surprise := split.part("surprise"))
    ]
    beside = f"shown to be {off}: {', '.join(odd)}" if odd else f"nowhere is it shown to be {off}"
    halves = _halves(shares, "what these cost alone")
    return [f"{lead}: {_COSTLY} is {halves}; {beside}"] * bool(shares)


def _terms(evidence: Evidence, split: Split) -> dict[str, Estimate]:
    """The cost of each primitive times its number, at least 0; empty where one is missing."""
    terms = {}
    for name, count in _OPERATIONS.items():
        own = evidence.split(split.run, replace(split.case, activation=name, form=PLAIN))
        cost = own.part("arithmetic") if own else None
        if cost is None:
            return {}
        low, high = (None if end is None else max(end, 0.0) for end in (cost.low, cost.high))
        terms[name] = Estimate(max(cost.value, 0.0), low, high).times(count)
    return terms


def _halves(shares: Shares, whole: str) -> str:
    """The number of settings where a part is more than half of the whole, and where less."""
    clauses: list[str] = []
    for text in (
        f"more than half of {whole}",
        f"less than half of {whole}",
        "not shown to be either",
    ):
        alike = {who: part for who, part in shares.items() if text.startswith(_half(part))}
        if alike:
            names = listing(list(alike) if len(alike) < len(shares) else [])
            reach = ": ".join(filter(None, (_percent(list(alike.values())), names)))
            of = f" of {counted(len(shares), 'setting')}" * (not clauses)
            clauses.append(f"{text} in {len(alike)}{of} ({reach})")
    return "; ".join(clauses)


def _half(part: Estimate) -> str:
    if part.low is not None and part.low > 0.5:
        return "more"
    return "less" if part.high is not None and part.high < 0.5 else "not"


def _percent(shares: Sequence[Estimate]) -> str:
    """The shares' intervals from end to end, which cannot lie outside 0 to 100 %."""
    lows = [part.value if part.low is None else part.low for part in shares]
    highs = [part.value if part.high is None else part.high for part in shares]
    return f"{100 * max(min(lows), 0.0):.0f}–{min(max(highs), 1.0):.0%}"
