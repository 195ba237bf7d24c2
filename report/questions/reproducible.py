"""Functions with the same bits in two frameworks, in bfloat16 and float32."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ...bench.catalog.cases import Case
from ..compare.commands import again
from ..read.evidence import Between, Evidence
from ..words import counted, listing, share, title
from .answer import Answer, of_run, unmeasured

ORDER = 110
_ANCHOR = "bfloat16"
_QUESTION = "Is bfloat16 reproducible across frameworks?"
_NARROW, _WIDE = "bfloat16", "float32"
_KINDS = {True: "native functions", False: "formulas written out"}
_MEASURE = "--only agreement --dtype bfloat16 --dtype float32"


def answer(evidence: Evidence) -> Answer:
    """The number of functions with equal bits in two frameworks, forward, by pair."""
    compared = _compared(evidence)
    narrow = [between for between in compared if between.case.dtype == _NARROW]
    wide = [between for between in compared if between.case.dtype == _WIDE]
    if not narrow:
        return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE)
    return Answer(
        _ANCHOR,
        _QUESTION,
        of_run(
            evidence,
            narrow[0].run,
            *(_verdict(narrow, wide), *_least(narrow), _tested(compared)),
        ),
        command=again(_both(compared), "--only agreement", ("activation", "size")),
        see={"between": "Where frameworks part, and where one parts from itself"},
    )


def _compared(evidence: Evidence) -> list[Between]:
    """Forward comparisons of two frameworks: those of the first run and device, in one mode."""
    wanted = [
        between
        for between in evidence.between
        if between.of_frameworks
        and between.case.dtype in (_NARROW, _WIDE)
        and between.case.direction == "forward"
        and between.equal_bits is not None
        and between.family not in ("primitive", "unknown")
    ]
    narrow = [between for between in wanted if between.case.dtype == _NARROW]
    first = [between for between in narrow if _where(between) == _where(narrow[0])]
    eager = [between for between in first if between.case.mode == "eager"] or first
    keys = {_key(between) for between in eager if between.case.mode == eager[0].case.mode}
    return [between for between in wanted if _key(between) in keys]


def _both(compared: Iterable[Between]) -> Iterator[Case]:
    """The cases of both frameworks of a comparison."""
    for between in compared:
        yield between.case
        yield replace(between.case, framework=between.against.name)


def _where(between: Between) -> tuple[str, str]:
    return between.run, between.case.device


def _key(between: Between) -> tuple[str, ...]:
    """Run, device, mode and the pair of frameworks."""
    return (*_where(between), between.case.mode, between.case.framework, between.against.name)


def _kinds(compared: Sequence[Between]) -> dict[str, list[Between]]:
    kinds = {
        words: [between for between in compared if (between.case.form == "native") is native]
        for native, words in _KINDS.items()
    }
    return {words: alike for words, alike in kinds.items() if alike}


def _equal(compared: Iterable[Between]) -> int:
    return sum(between.equal_bits == 1 for between in compared)


def _verdict(narrow: Sequence[Between], wide: Sequence[Between]) -> str:
    """Yes, no or in part, and float32 for the same pairs of frameworks."""
    equal = _equal(narrow)
    start = "Yes" if equal == len(narrow) else "Only in part" if equal else "No"
    beside = f"; in float32 {_counts(wide)}" * bool(wide)
    return (
        f"{start}: counted over the pairs of frameworks, {_counts(narrow)} give the same bits in "
        f"both{beside}."
    )


def _counts(compared: Sequence[Between]) -> str:
    """`6 of 46 native functions and 73 of 163 formulas written out`."""
    return listing(
        [f"{_equal(alike):,} of {len(alike):,} {kind}" for kind, alike in _kinds(compared).items()]
    )


def _least(narrow: Sequence[Between]) -> list[str]:
    """The case of each kind with the fewest equal results."""
    clauses = []
    for kind, alike in _kinds(narrow).items():
        least = min(alike, key=lambda between: between.equal_bits or 0.0)
        case = least.case
        if least.equal_bits != 1:
            clauses.append(
                f"of the {kind} {case.activation} [{case.form}] between {title(case.framework)} "
                f"and {title(least.against.name)}, {share(least.equal_bits)}"
            )
    return [f"The smallest shares of equal results are: {'; '.join(clauses)}."] * bool(clauses)


def _tested(compared: Sequence[Between]) -> str:
    """The most inputs tested, by dtype."""
    most: dict[str, int] = {}
    for between in compared:
        dtype = between.case.dtype
        most[dtype] = max(most.get(dtype, 0), between.case.size)
    amounts = [f"up to {counted(size, 'input')} in {dtype}" for dtype, size in most.items()]
    return f"Tested on {listing(amounts)}."
