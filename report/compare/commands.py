"""Commands that repeat the measurement behind a sentence, a chart or a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...bench.catalog import again as commands
from ...bench.catalog.cases import USUAL, Case
from ..read.evidence import Evidence, repeatable

_OWN_INPUTS = ("size", "threads", *USUAL)
"""The fields that do not apply to exactness: it is checked on inputs of its own."""


def again(
    evidence: Evidence,
    cases: Iterable[Case],
    verb: str = "run",
    leave: Sequence[str] = (),
    **options: object,
) -> str:
    """The command that measures these cases again, except those with unsafe names.

    It omits the fields in `leave`. Empty if no case remains.
    """
    safe = [case for case in cases if repeatable(case)]
    if not safe:
        return ""
    named = {**options, "python": evidence.pythons}
    return commands.again(safe, verb, functions=evidence.functions, leave=leave, **named)


def checked_again(evidence: Evidence, cases: Iterable[Case]) -> str:
    """The command that checks the results of these cases again."""
    return again(evidence, cases, leave=_OWN_INPUTS, only="agreement")


def swept_again(evidence: Evidence, case: Case) -> str:
    """The command that goes through all inputs of a case again."""
    return again(evidence, [case], "agree", _OWN_INPUTS, exhaustive=True)
