"""An answer: sentences from the rows, the chart that shows them, and what measures them again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..draw.figure import Figure


@dataclass(frozen=True)
class Answered:
    """A question and its answer; `anchor` is its place in the address.

    `measured` is false where the rows do not tell: then `command` measures what is missing, else
    what the sentences rest on. `see` leads on: the title of a section by its anchor.
    """

    anchor: str
    question: str
    sentences: tuple[str, ...]
    figures: tuple[Figure, ...] = ()
    command: str = ""
    measured: bool = True
    see: Mapping[str, str] = field(default_factory=dict)


def unmeasured(anchor: str, question: str, command: str, why: str = "") -> Answered:
    """A question that the rows do not answer, and the command that measures it."""
    text = f"Not measured in this run{f': {why}' if why else ''}."
    return Answered(anchor, question, (text,), command=command, measured=False)
