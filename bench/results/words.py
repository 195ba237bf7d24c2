"""The details of a row in words: the one place where the harness makes sentences of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby

from ..catalog.dtypes import DTYPES
from .rows import (
    Against,
    Cause,
    Ended,
    Other,
    Outcome,
    Path,
    Point,
    Row,
    Sampling,
    Tried,
    Whole,
    Why,
)
from .store import Lost, Run

_REASON = 60
"""The characters of a framework's reason that are shown."""
_FEW = 4
"""The digits that identify a number where none of its results is shown."""
_ENDED: Mapping[Ended, str] = {
    Ended.NARROW: "narrow enough",
    Ended.DIFFER: "processes differ",
    Ended.BUDGET: "the budget ended",
    Ended.ONE_SAMPLE: "one sample gives no interval: the budget ended",
}
_OTHERS: Mapping[Other, str] = {
    Other.TAIL: "scalar tail",
    Other.THREADS: "all threads",
    Other.PROCESS: "another process",
}
PATHS: Mapping[Path, str] = {
    Path.ELSEWHERE: "elsewhere in the same array",
    Path.SHORT: "in short arrays",
    Path.TAIL: "in the last elements",
    Path.LARGE: "in a large array",
    Path.UNALIGNED: "off alignment",
    Path.STRIDED: "in every second element",
    Path.TRANSPOSED: "transposed",
    Path.BROADCAST: "in a broadcast view",
    Path.SCALAR: "in 0-d arrays",
    Path.EMPTY: "in an empty array",
}
"""The place of an input, in words."""
_REFUSED: Mapping[Path, str] = {
    Path.SHORT: "not every length",
    Path.TAIL: "whole vectors only",
    Path.LARGE: "no large arrays",
    Path.UNALIGNED: "aligned arrays only",
    Path.STRIDED: "contiguous only",
    Path.TRANSPOSED: "contiguous only",
    Path.BROADCAST: "no broadcast views",
    Path.SCALAR: "no 0-d arrays",
    Path.EMPTY: "no empty arrays",
}
"""The promise of a function that is broken when a path fails."""


def lost(line: Lost, folder: str) -> str:
    """A sentence on a line of a run's samples that cannot be read."""
    return f"Line {line.line} of {folder}/samples.jsonl is lost: {line.reason}."


def part_of(run: Run) -> list[str]:
    """Sentences on what a run lacks: it is unfinished, or lines of it are lost."""
    said = [lost(line, str(run.path)) for line in run.lost[:_FEW]]
    if more := len(run.lost) - _FEW:
        said += [f"{more:,} more of its lines are lost."] if more > 0 else []
    if run.facts.state == "running":
        return [f"{run.path} is part of a run that is still running.", *said]
    if run.facts.state != "finished":
        way = f": actbench run --resume {run.path} goes on with it" if run.facts.request else ""
        return [f"{run.path} is part of a run, which was {_STATES[run.facts.state]}{way}.", *said]
    return said


_STATES = {"interrupted": "interrupted", "failed": "ended by an error", "killed": "killed"}


def about(row: Row) -> str:
    """The words beside a figure: the reason of a failure, or its details."""
    return "; ".join(filter(None, (row.reason, *_details(row))))


def _details(row: Row) -> Iterable[str]:
    if row.against:
        yield against(row.against, row.points)
    if row.sampling:
        yield sampling(row.sampling)
    if row.worst:
        yield point(row.worst)
    yield from paths(row.paths)
    if row.kink:
        at, lowest, highest = row.kink.at, row.kink.lowest, row.kink.highest
        yield f"at {number(at, row.case.dtype)}, between {lowest:.4g} and {highest:.4g}"
    if row.whole:
        yield whole(row)
    if row.entries:
        yield f"{row.entries.row}: {entries(row)}"
    if row.tested is not None:
        yield f"of {row.tested:,}"
    if row.histogram:
        yield histogram(row.histogram)
    if row.points and not row.against and not row.entries:
        yield points(row)
    if row.line:
        yield f"line through {row.line[0]:,} and {row.line[1]:,} elements"
    if row.operations:
        yield operations(row.operations)
    if row.cause:
        yield cause(row.cause)


def against(other: Against, points: Iterable[Point] = ()) -> str:
    """The other side of a comparison, and the first input where the two differ, if they do."""
    who = name(other)
    parting = [f"first input where they part {place(location)}" for location in points]
    return ": ".join([who, *parting])


def name(other: Against) -> str:
    """`relu native`, `jax`, `compiled`, `all threads`, `scalar tail`."""
    return _OTHERS.get(other.kind) or " ".join(filter(None, (other.name, other.form)))


def paths(all_tried: Iterable[Tried]) -> list[str]:
    """Phrases on the paths whose results are the usual ones, differ, or are refused.

    A layout that the framework does not have is left out.
    """
    known = [tried for tried in all_tried if not tried.lacking]
    alike = [tried for tried in known if tried.inputs and tried.equal == 1]
    said = []
    if alike:
        inputs = sum(tried.inputs for tried in alike)
        ways = ", ".join(PATHS[tried.path] for tried in alike)
        said.append(f"the same bits {ways} ({inputs:,} inputs)")
    said += [parted(tried) for tried in known if tried.worst]
    if refused := dict.fromkeys(_REFUSED[tried.path] for tried in known if tried.failed):
        said.append(", ".join(refused))
    said += [f"writes to its input {PATHS[tried.path]}" for tried in known if tried.wrote]
    return said


def parted(tried: Tried) -> str:
    """`other bits in short arrays, up to 3 ulp: 1.0 at nan, where it is usually nan (length 7)`."""
    if tried.worst is None:
        return ""
    point, length = tried.worst, f"of {tried.length:,}" if tried.length else ""
    return (
        f"other bits {PATHS[tried.path]}, up to {tried.apart:.3g} ulp: at {point.input} it is "
        f"{point.got!r} in an array {length}, and usually {point.other!r}"
    )


def sampling(sampled: Sampling) -> str:
    """The number of samples, how many were dropped, and why there are no more."""
    return "; ".join((samples(sampled), ended(sampled.ended)))


def samples(sampled: Sampling) -> str:
    """`18 samples in 2 processes, 4 dropped`."""
    processes = f"{sampled.processes} process{'es' if sampled.processes > 1 else ''}"
    dropped = f", {sampled.dropped} dropped: preempted"
    return f"{sampled.samples} samples in {processes}{dropped if sampled.dropped else ''}"


def ended(end: Ended) -> str:
    """The reason why sampling ended."""
    return _ENDED[end]


def place(location: Point) -> str:
    """An input as a hex float, or the entry of an output."""
    return location.input if location.output is None else f"output {location.output}"


def point(location: Point) -> str:
    """`at 0x1p+0: got 1.5, exact 1.25`."""
    values = [f"{what} {value!r}" for what, value in result(location).items()]
    where = f"at {place(location)}{_where(location)}"
    return ": ".join(filter(None, (where, ", ".join(values))))


def _where(location: Point) -> str:
    return f" {PATHS[location.path]}" if location.path else ""


def at(location: Point) -> str:
    """`at 0x1p+0 (got 1.5, exact 1.25)`, and where the input stood if in no usual array."""
    values = ", ".join(f"{what} {value!r}" for what, value in result(location).items())
    return f"at {place(location)} ({values}){_where(location)}"


def result(location: Point) -> dict[str, float]:
    """The result and the exact value, as far as they are kept."""
    both = {"got": location.got, "exact": location.exact}
    return {what: value for what, value in both.items() if value is not None}


def histogram(counts: Mapping[str, int]) -> str:
    """`≤0.5 ulp: 65,000, ≤1 ulp: 536`."""
    words = {"inf": "beyond", "nan": "NaN or a number instead"}
    return ", ".join(
        f"{words.get(step) or f'≤{float(step):g} ulp'}: {count:,}" for step, count in counts.items()
    )


def operations(counts: Mapping[str, float]) -> str:
    """`1 add + 2 multiply`."""
    return " + ".join(f"{count:g} {operation}" for operation, count in counts.items())


def points(row: Row) -> str:
    """The inputs that show a figure, with their results as far as they were kept."""
    if row.points and all(location.got is None for location in row.points):
        return f"first at {', '.join(map(place, row.points))}"
    return "; ".join(special(location, row) for location in row.points)


def special(location: Point, row: Row) -> str:
    """`−∞ → NaN, limit 0`: a special point, and the exact value where it departs from that."""
    dtype = row.case.dtype
    x, got = location.x, math.nan if location.got is None else location.got
    # Digits say nothing of what comes of NaN.
    digits = _FEW if math.isnan(x) else 0
    mapping = f"{number(x, dtype)} → {number(got, dtype, digits)}"
    if row.metric != "special_departures" or location.exact is None:
        return mapping
    if math.isnan(location.exact):
        return f"{mapping}, no value"
    return f"{mapping}, {'limit' if math.isinf(x) else 'exact'} {number(location.exact, dtype)}"


def whole(row: Row) -> str:
    """`int32, int64: computes in float32; bool: refuses, TypeError: …`"""
    groups: dict[tuple[Outcome, str], list[Whole]] = {}
    for answer in row.whole:
        result = answer.result if answer.outcome is Outcome.FLOATING else ""
        groups.setdefault((answer.outcome, result), []).append(answer)
    return "; ".join(
        f"{', '.join(answer.dtype for answer in alike)}: {_on_whole(alike[0])}"
        for alike in groups.values()
    )


def _on_whole(answer: Whole) -> str:
    if answer.outcome is Outcome.FLOATING:
        return f"computes in {answer.result}"
    details = [f"{answer.reason[:_REASON]}{'…' * (len(answer.reason) > _REASON)}"]
    if example := answer.example:
        where = f"{example.x:g}" if example.input else place(example)
        details += [f"{where} → {example.got:g}", f"exactly {example.exact:.4g}"]
    return ", ".join(filter(None, [answer.outcome, *details]))


def entries(row: Row) -> str:
    """`1, 15 × 0`, the result of a special row, and the first entry that is not exact."""
    came = row.entries.got if row.entries else ()
    departing = [f"{place(location)} exactly {_few(location, row)}" for location in row.points[:1]]
    return "; ".join([listed(came, row.case.dtype), *departing])


def _few(location: Point, row: Row) -> str:
    return number(math.nan if location.exact is None else location.exact, row.case.dtype, _FEW)


def listed(values: Iterable[float], dtype: str) -> str:
    """Numbers in their order; repeated neighbours are named once with their count."""
    texts = [number(value, dtype, _FEW) for value in values]
    runs = [(text, len(list(alike))) for text, alike in groupby(texts)]
    shown = [f"{count} × {text}" if count > 1 else text for text, count in runs[:_FEW]]
    return runs[0][0] if len(runs) == 1 else ", ".join([*shown, *["…"][: len(runs) > _FEW]])


def number(value: float, dtype: str, digits: int = 0) -> str:
    """A number in words where it is an end of the format's range, else in digits."""
    if math.isnan(value):
        return "NaN"
    fmt = DTYPES[dtype]
    words = {
        0.0: "0",
        fmt.smallest: "smallest subnormal",
        fmt.normal - fmt.smallest: "largest subnormal",
        fmt.normal: "smallest normal",
        fmt.largest: "largest",
        math.inf: "∞",
    }
    text = words.get(abs(value)) or f"{abs(value):.{digits or fmt.digits}g}"
    return f"−{text}" if math.copysign(1.0, value) < 0 else text


def cause(reason: Cause) -> str:
    """A cause with what the check found; `heading` is its name alone."""
    return _CAUSES[reason.why](reason)


def heading(reason: Cause) -> str:
    """The kind of a cause in a few words."""
    return "no check names the cause" if reason.why is Why.UNNAMED else reason.why.value


def _figure(reason: Cause) -> float:
    return math.nan if reason.figure is None else reason.figure


def _blamed(reason: Cause, fault: str) -> str:
    guilty = [f"{who}, {_figure(reason):.3g} ulp by itself" for who in reason.names]
    return f"to blame: {guilty[0] if guilty else 'no primitive measured beside it'} ({fault})"


def _add(reason: Cause) -> str:
    return " ".join(f"--activation {label}" for label in reason.names)


_CAUSES: Mapping[Why, Callable[[Cause], str]] = {
    Why.CHEAPER: lambda reason: (
        f"{heading(reason)}: a kernel of its own, or parts that the compiler shares"
    ),
    Why.BRANCH: lambda reason: (
        f"{heading(reason)}: sorted inputs take {1 / _figure(reason):.0%} of the time, so it "
        "mispredicts"
    ),
    Why.FRESH_PAGES: lambda reason: (
        f"{heading(reason)}: a call touches {_figure(reason):.1f} outputs' worth of pages for the "
        "first time"
    ),
    Why.UNFUSED: lambda reason: (
        f"{heading(reason)}: {_figure(reason):.0f} of them, each reading and writing, predict this "
        "time"
    ),
    Why.SCALAR: lambda reason: (
        f"{heading(reason)}: float64 takes {_figure(reason):.2f} times the time of float32, "
        "not twice"
    ),
    Why.UNNAMED: heading,
    Why.FLUSHED: lambda reason: _blamed(reason, "subnormals flushed"),
    Why.INEXACT: lambda reason: _blamed(reason, "not a matter of subnormals"),
    Why.COMPILED: lambda _: "in the first process",
    Why.FROM_CACHE: lambda _: "in the first process, from the compile cache of an earlier one",
    Why.REUSED: lambda _: "output reused",
    Why.KEPT: lambda _: "no page faults: the allocator kept its memory",
    Why.PAGE_FAULTS: lambda reason: (
        f"output cannot be reused, and {_figure(reason):,.0f} page faults per call are in its time"
    ),
    Why.NO_UNIT: lambda reason: f"not measured beside it; add {_add(reason)}",
    Why.NO_SIZES: lambda reason: (
        "needs sizes in the second-level cache of which one is four times another: --size launch "
        f"--size l1 --size l2 (up to {_figure(reason):,.0f} elements)"
    ),
    Why.NO_COPY: lambda reason: f"no copy was measured beside it: add {_add(reason)}",
    Why.NO_PRIMITIVES: lambda reason: f"not measured beside it: add {_add(reason)}",
    Why.NO_TRIALS: lambda _: "no such trial in this run",
}
