"""The judging of claims one after another, each on the ground that it asks for."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from ..catalog.activations import nearest
from ..host.errors import UsageError
from ..host.progress import Reporter
from ..results.claims import Judged, Topic, Verdict
from ..results.store import Run
from .claim import Claim, claims
from .costs import Costs
from .ground import Effort, Ground, Unavailable


def chosen(asked: Sequence[str]) -> list[Claim]:
    """The claims with these names, or all of them without names.

    A name is that of a claim, or of a topic: `the form to copy`, or `form` for short. Raises
    UsageError, with the nearest, for another name.
    """
    known = claims()
    topics = {word: topic for topic in Topic for word in (topic.value, topic.name.casefold())}
    for name in asked:
        if name not in known and name not in topics:
            raise UsageError(f"unknown claim {name!r}: {nearest(name, [*known, *topics])}")
    return [
        claim
        for claim in known.values()
        if not asked or claim.name in asked or claim.topic in map(topics.get, asked)
    ]


def needs_run(wanted: Iterable[Claim]) -> bool:
    """Return whether some claim is judged by a run."""
    return any(claim.ground is Costs for claim in wanted)


def judge(
    wanted: Sequence[Claim], run: Run | None, effort: Effort, reporter: Reporter
) -> list[Judged]:
    """Judge claims, those on cost by a run.

    A claim without evidence is undecided, with the reason.
    """
    judged = []
    with grounds(run, effort) as known, reporter.phase("claims", len(wanted)) as advance:
        for claim in wanted:
            judged.append(replace(_judged(claim, known), seed=effort.seed, quick=effort.quick))
            advance()
    return judged


def _judged(claim: Claim, grounds: Grounds) -> Judged:
    began = time.monotonic()
    said = {name: getattr(claim, name) for name in ("name", "topic", "sentence", "source")}
    said["method"] = claim.method
    try:
        outcome = claim.judge(grounds.of(claim.ground))
    except Unavailable as unavailable:
        return Judged(**said, verdict=Verdict.UNDECIDED, reason=str(unavailable))
    return Judged(
        **said,
        verdict=outcome.verdict,
        figures=outcome.figures,
        why=outcome.why,
        seconds=round(time.monotonic() - began, 2),
    )


class Grounds:
    """The kinds of evidence, each made when it is first asked for."""

    def __init__(self, run: Run | None, effort: Effort, stack: ExitStack) -> None:
        self._run, self._effort, self._stack = run, effort, stack
        self._made: dict[type[Ground], Any] = {}

    def of(self, kind: type[Ground]) -> Any:
        """The evidence of a kind. Raises Unavailable if it cannot be obtained."""
        if kind not in self._made:
            self._made[kind] = self._stack.enter_context(kind.opened(self._run, self._effort))
        return self._made[kind]


@contextmanager
def grounds(run: Run | None, effort: Effort) -> Iterator[Grounds]:
    """The evidence of every kind, within this context."""
    with ExitStack() as stack:
        yield Grounds(run, effort, stack)
