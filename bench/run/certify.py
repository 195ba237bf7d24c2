"""The command `agree` for whole ranges: a case of a framework, or a function of the user's own."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ..catalog import inputs
from ..catalog.activations import Activation, find, find_reference
from ..catalog.cases import PROFILES, Case, Plan, Selection, directions_of, expand, unsupported
from ..catalog.dtypes import DTYPES
from ..catalog.frameworks import IMPLS
from ..exactness import hardest, stretches, sweep
from ..exactness.certificate import Certificate
from ..exactness.judge import judge
from ..exactness.known import exactness_code
from ..exactness.problem import problem_at
from ..host.errors import ActbenchError, UsageError
from ..host.progress import Reporter
from ..results.store import RESULTS, RunWriter, check_free
from ..worker.own_function import PREFIX
from ..workers.process import Failed, WorkerProcess
from .derive import rows as derive_rows
from .schedule import Outcome, Request, facts_of

SAMPLED = 2**17
"""Inputs drawn from a range of float64, which nobody can go through."""


@dataclass(frozen=True)
class Range:
    """Inputs from `low` to `high`, both included; where they are None, all there are, NaN too."""

    low: float | None = None
    high: float | None = None

    def places(self, dtype: str) -> tuple[int, int]:
        """The first place and how many there are. Raises UsageError for an empty range."""
        if self.low is None or self.high is None:
            whole = inputs.places(dtype)
            return whole.start, len(whole)
        first = inputs.place_of(self.low, dtype)
        count = inputs.place_of(self.high, dtype) - first + 1
        if self.low > self.high or count < 1:  # −0 comes before 0, which is equal
            raise UsageError(f"--range {self.low} {self.high} is empty: the lower end comes first")
        return first, count


def read_range(ends: tuple[str, str] | None) -> Range:
    """A range from two decimal or hex floats. Raises UsageError for what is no number."""
    return Range(*map(_number, ends)) if ends else Range()


def _number(text: str) -> float:
    try:
        value = float.fromhex(text) if "0x" in text.lower() else float(text)
    except (ValueError, OverflowError):
        value = math.nan
    if math.isnan(value):
        raise UsageError(f"--range takes decimal or hex floats, such as -0x1.8p+3, not {text!r}")
    return value


@dataclass(frozen=True)
class Effort:
    """Where stretches are done: `scheduler` is the address of a cluster, or empty for this machine.

    `workers` is the number of local processes.
    """

    scheduler: str
    workers: int
    reporter: Reporter


# --- a function of the user's own -----------------------------------------------------------------


def own_function(
    name: str, label: str, direction: str, dtype: str, asked: Range, effort: Effort
) -> dict[str, Any]:
    """The certificate of `package.module:function` against an activation or primitive, as a record.

    Every input of the range in formats of at most 32 bits; in float64 a sample of it, and inputs
    that are hard to round. Raises UsageError for a function or a reference that cannot be had,
    ActbenchError where the function fails.
    """
    activation = find_reference(label)
    if activation.rowwise or activation.learnable:
        raise UsageError(f"{activation.label} is not a function of one number: choose another")
    spec = {"dtype": dtype}
    subject = stretches.Subject(PREFIX + name, spec, activation.label, (direction,))
    started = time.monotonic()
    with _loaded(subject) as worker:
        if DTYPES[dtype].itemsize == 8:
            certificate = _sampled(worker, activation, direction, asked)
        else:
            source = worker.facts["source"].encode() + exactness_code()
            (certificate,), _ = _everywhere(subject, asked, source, effort)
    return {
        "callable": name,
        "reference": activation.label,
        "direction": direction,
        "dtype": dtype,
        "range": [_hex(asked.low), _hex(asked.high)],
        **sweep.sample_of(certificate),
        "seconds": round(time.monotonic() - started, 1),
    }


def _hex(end: float | None) -> str | None:
    return None if end is None else end.hex()


@contextmanager
def _loaded(subject: stretches.Subject) -> Iterator[WorkerProcess]:
    """A worker that has loaded the function, as a first look at whether it can be."""
    try:
        worker = stretches.start(subject)
    except Failed as failure:
        raise UsageError(failure.detail) from None
    try:
        yield worker
    finally:
        worker.kill()


def _sampled(
    worker: WorkerProcess, activation: Activation, direction: str, asked: Range
) -> Certificate:
    """The certificate over a sample of float64: its ends, random places and hard inputs."""
    first, count = asked.places("float64")
    random = np.random.default_rng(0)
    drawn = [first + int(share * (count - 1)) for share in random.random(SAMPLED)]
    chosen = np.array(sorted({first, first + count - 1, *drawn}), dtype=object)
    bits = np.concatenate([inputs.bits_at(int(place), 1, "float64") for place in chosen])
    x = inputs.from_bits(bits, "float64")
    hard = hardest.hardest(activation, direction, "float64", 0)
    value = inputs.from_bits(hard, "float64")
    within = (value >= np.nanmin(x)) & (value <= np.nanmax(x))
    bits = np.union1d(bits, hard[within])
    problem = problem_at(activation, direction, "float64", bits)
    try:
        outputs = worker.ask("evaluate", 600.0, spec={"dtype": "float64"}, bits=bits)["outputs"]
    except Failed as failure:
        raise ActbenchError(failure.detail) from None
    return judge(problem, outputs[0])


# --- cases of frameworks --------------------------------------------------------------------------


def cases_of(selection: Selection) -> list[Case]:
    """The cases to go through: the plain form in eager mode, unless others are chosen.

    Raises UsageError for a selection without a framework and an activation, or of none that can be
    swept: the row-wise activations have no single input.
    """
    if not (selection.frameworks and selection.activations):
        raise UsageError(
            "all inputs take minutes for each function: choose with --framework and --activation"
        )
    plan = Plan((), forms=("plain",), modes=("eager",), sizes=(1,))
    profile = replace(PROFILES["standard"], plans=(plan,))
    dtypes = selection.dtypes or ("float32",)
    chosen = sweep.agreement_cases(expand(profile, selection), dtypes, selection)
    cases = [case for case in chosen if not unsupported(case)]
    for case in cases:
        if find(case.activation).rowwise or DTYPES[case.dtype].itemsize == 8:
            what = "rows" if find(case.activation).rowwise else "2^64 inputs"
            raise UsageError(
                f"{case.activation} in {case.dtype} cannot be tried on all inputs: it has {what}"
            )
    if not cases:
        raise UsageError(f"nothing to sweep: {unsupported(chosen[0])}")
    return cases


def whole_range(request: Request, asked: Range, effort: Effort) -> Outcome:
    """Certify the cases of a request over a range of inputs and write a run folder.

    What an interrupted sweep has done is not done again. Raises ActbenchError where a function
    fails.
    """
    cases, started = cases_of(request.selection), datetime.now(UTC)
    path = request.out or RESULTS / f"{started:%Y-%m-%dT%H-%M-%S}-exhaustive"
    check_free(path)
    facts = facts_of(request, started)
    samples: list[tuple[Case, dict[str, Any]]] = []
    for case in cases:
        begun = time.monotonic()
        certificates, versions = _case(case, request, asked, effort)
        facts.workers[case.framework] = {"status": "ok", "versions": dict(versions)}
        name = f"{case.framework} {case.activation} {case.form} {case.mode} {case.dtype}"
        facts.seconds[name] = round(time.monotonic() - begun, 1)
        _, count = asked.places(case.dtype)
        for each, certificate in zip(directions_of(case), certificates, strict=True):
            sample = {"kind": "agreement", **sweep.sample_of(certificate)}
            samples.append((replace(each, size=count), sample))
    facts.finished, facts.state = datetime.now(UTC).isoformat(timespec="seconds"), "finished"
    rows = derive_rows(samples, facts.size_classes, facts.precision)
    writer = RunWriter(path, facts)
    for case, sample in samples:
        writer.append(case=case, **sample)
    writer.finish(rows)
    return Outcome(path, facts, rows)


Certified = tuple[list[Certificate], Mapping[str, str]]
"""The certificate of each direction, and the versions that it holds for."""


def _case(case: Case, request: Request, asked: Range, effort: Effort) -> Certified:
    python = request.pythons.get(case.framework, request.python)
    subject = stretches.subject_of(case, python)
    module = (IMPLS / f"{case.framework}.py").read_bytes()
    return _everywhere(subject, asked, module + exactness_code(), effort)


def _everywhere(
    subject: stretches.Subject, asked: Range, source: bytes, effort: Effort
) -> Certified:
    """The certificates of a subject over a range; long ones in a cluster, and resumable."""
    first, count = asked.places(subject.dtype)
    pieces = stretches.cut(first, count, stretches.STRETCH)
    title = f"{subject.worker.removeprefix(PREFIX)} against {subject.label}, {count:,} inputs"
    if len(pieces) <= 2 and not effort.scheduler:
        return stretches.sweep(subject, pieces, None, stretches.here, lambda: None)
    journal = stretches.Journal(subject, source)
    known = len({(each.first, each.count) for each in journal.read()} & set(pieces))
    if known:
        effort.reporter.say(f"{known} of {len(pieces)} parts were done before: going on")
    with (
        stretches.cluster(effort.scheduler, effort.workers) as compute,
        effort.reporter.phase(title, len(pieces)) as done,
    ):
        estimated = _estimating(done, len(pieces) - known, known, effort.reporter.say)
        certified = stretches.sweep(subject, pieces, journal, compute, estimated)
    journal.remove()
    return certified


def _estimating(
    done: Callable[[], None], pieces: int, known: int, say: Callable[[str], None]
) -> Callable[[], None]:
    """Count a part, and once tell how long the rest will take."""
    started, counted = time.monotonic(), 0

    def one() -> None:
        nonlocal counted
        done()
        counted += 1
        new, seconds = counted - known, time.monotonic() - started
        if new == max(pieces // 16, 1) and pieces > new:
            left = seconds / new * (pieces - new)
            say(f"{new} of {pieces} parts took {seconds:.0f} s; {left:.0f} s left")

    return one


# --- words ----------------------------------------------------------------------------------------


def in_words(name: str, record: Mapping[str, Any]) -> str:
    """A certificate for people."""
    counts = ", ".join(
        f"{record[f'{kind}_mismatches']:,} {words}"
        for kind, words in (("nan", "NaN"), ("infinity", "infinite"), ("sign", "sign"))
        if record[f"{kind}_mismatches"]
    )
    worst = (
        f"at most {record['max_ulp']:.7g} ulp, at {record['worst_input']} (got {record['got']}, "
        f"exact {record['exact']})"
    )
    lines = [
        f"{name}: {worst if record['worst_input'] else 'no finite input'}, over "
        f"{record['tested']:,} inputs; "
        f"{record['not_correctly_rounded']:,} are not correctly rounded.",
        f"  Mismatches: {counts or 'none'}. With subnormals contracted "
        f"{record['max_ulp_flushed']:.7g} ulp, over normal results {record['max_ulp_normal']:.7g}.",
    ]
    if record["max_ulp_away"] < record["max_ulp"]:
        lines.append(
            f"  The worst input lies beside a zero of the function itself; away from those it is "
            f"{record['max_ulp_away']:.7g} ulp, at {record['worst_away'][0]}."
        )
    return "\n".join(lines)
