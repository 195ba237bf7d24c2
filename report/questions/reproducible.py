"""Whether frameworks give the same bits in bfloat16: how many functions, and float32 beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ...bench.catalog.cases import Case
from ..draw import bars
from ..draw.drawing import COLOURS, Panel
from ..draw.figure import Figure
from ..draw.heatmap import share
from ..read.evidence import Between, Evidence, with_device
from ..words import counted, listing, title
from . import ratios
from .answered import Answered, unmeasured

QUESTION = "Is bfloat16 reproducible across frameworks?"
_DTYPES = ("bfloat16", "float32")
_NATIVE, _WRITTEN = "native functions", "formulas written out"
_BRIEF = {_NATIVE: "native", _WRITTEN: "written out"}
_COMMAND = "actbench run --only agreement --dtype bfloat16 --dtype float32"

Pairs = dict[tuple[str, str], list[Between]]
"""What was compared, by the titles of both frameworks."""


def answer(evidence: Evidence) -> Answered:
    """How many functions have equal bits in two frameworks, forward, by pair."""
    found = _found(evidence)
    narrow = [each for each in found if each.case.dtype == _DTYPES[0]]
    if not narrow:
        return unmeasured("bfloat16", QUESTION, with_device(evidence, _COMMAND))
    mode = narrow[0].case.mode
    several = f", run {narrow[0].run}" * (len(evidence.runs) > 1)
    by_dtype = {dtype: [each for each in found if each.case.dtype == dtype] for dtype in _DTYPES}
    figure = Figure(
        "Functions whose bits are the same in two frameworks",
        f"Share of the functions that both have, forward, {mode}, {narrow[0].case.device}"
        f"{several}; one counts if every result is the same.",
        tuple(_panel(dtype, _pairs(each)) for dtype, each in by_dtype.items() if each),
    )
    return Answered(
        "bfloat16",
        QUESTION,
        ratios.of_run(
            narrow[0].run,
            evidence,
            (_verdict(narrow, by_dtype[_DTYPES[1]]), *_least(narrow), _tested(found)),
        ),
        (figure,),
        ratios.again(_both(found), "--only agreement", ("activation", "size"))
        or with_device(evidence, _COMMAND),
        see={"between": "Where frameworks part, and where one parts from itself"},
    )


def _found(evidence: Evidence) -> list[Between]:
    """Forward comparisons of two frameworks: those of the first run and device, in one mode."""
    wanted = [
        each
        for each in evidence.between
        if each.of_frameworks
        and each.case.dtype in _DTYPES
        and each.case.direction == "forward"
        and each.equal_bits is not None
        and each.family not in ("primitive", "unknown")
    ]
    narrow = [each for each in wanted if each.case.dtype == _DTYPES[0]]
    mine = [each for each in narrow if _where(each) == _where(narrow[0])]
    eager = [each for each in mine if each.case.mode == "eager"] or mine
    keys = {_key(each) for each in eager if each.case.mode == eager[0].case.mode}
    return [each for each in wanted if _key(each) in keys]


def _both(found: Iterable[Between]) -> Iterator[Case]:
    """The cases of both frameworks of a comparison."""
    for each in found:
        yield each.case
        yield replace(each.case, framework=each.against.name)


def _where(each: Between) -> tuple[str, str]:
    return each.run, each.case.device


def _key(each: Between) -> tuple[str, ...]:
    """Run, device, mode and the pair of frameworks."""
    return (*_where(each), each.case.mode, each.case.framework, each.against.name)


def _pairs(found: Iterable[Between]) -> Pairs:
    pairs: Pairs = {}
    for each in found:
        pairs.setdefault((title(each.case.framework), title(each.against.name)), []).append(each)
    return pairs


def _kinds(found: Iterable[Between]) -> dict[str, list[Between]]:
    mine = list(found)
    native = [each for each in mine if each.case.form == "native"]
    written = [each for each in mine if each.case.form != "native"]
    return {kind: each for kind, each in ((_NATIVE, native), (_WRITTEN, written)) if each}


def _equal(found: Iterable[Between]) -> int:
    return sum(each.equal_bits == 1 for each in found)


def _verdict(narrow: Sequence[Between], wide: Sequence[Between]) -> str:
    """All, none or some, and float32 for the same pairs of frameworks."""
    equal = _equal(narrow)
    start = "Yes" if equal == len(narrow) else "Only in part" if equal else "No"
    beside = f"; in float32 {_told(wide)}" * bool(wide)
    return (
        f"{start}: counted over the pairs of frameworks, {_told(narrow)} give the same bits in "
        f"both{beside}."
    )


def _told(found: Iterable[Between]) -> str:
    """`6 of 46 native functions and 73 of 163 formulas written out`."""
    kinds = _kinds(found).items()
    return listing([f"{_equal(each):,} of {len(each):,} {kind}" for kind, each in kinds])


def _least(narrow: Iterable[Between]) -> list[str]:
    """Of each kind, where the fewest results are equal."""
    told = []
    for kind, mine in _kinds(narrow).items():
        least = min(mine, key=lambda each: each.equal_bits or 0.0)
        case = least.case
        if least.equal_bits != 1:
            told.append(
                f"of the {kind} {case.activation} [{case.form}] between {title(case.framework)} "
                f"and {title(least.against.name)}, {share(least.equal_bits)}"
            )
    return [f"The smallest shares of equal results are: {'; '.join(told)}."] * bool(told)


def _tested(found: Sequence[Between]) -> str:
    """On how many inputs at most, by dtype."""
    most = {
        dtype: max(each.case.size for each in found if each.case.dtype == dtype)
        for dtype in _DTYPES
        if any(each.case.dtype == dtype for each in found)
    }
    told = [f"up to {counted(size, 'input')} in {dtype}" for dtype, size in most.items()]
    return f"Tested on {listing(told)}."


def _panel(dtype: str, pairs: Pairs) -> Panel:
    groups = []
    for (one, other), mine in pairs.items():
        made = tuple(
            bars.Bar(
                f"{_equal(each)} of {len(each)} {_BRIEF[kind]}",
                {"same": _equal(each) / len(each)},
            )
            for kind, each in _kinds(mine).items()
        )
        groups.append(bars.Group(one, f"and {other}", made))
    return bars.panel(
        f"q-bits-{dtype}", dtype, groups, "functions with equal bits", {"same": COLOURS["max"]}
    )
