"""Calls that rotate through buffers, so that none of them is in a cache when its turn comes.

A call reads the next input, and its result is kept until its turn comes again: the oldest is
released when a new one is there. The allocator then returns the block that was released last, which
has long left the caches and whose pages are mapped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .steps import Step

Action = Callable[[], Any]
"""A call of no arguments that does the work of one case, once."""


@dataclass
class Ring:
    """The results kept of calls of one shape and format, and whose turn it is."""

    kept: list[Any]
    turn: int = 0


class Round:
    """An action that goes round; `made` gives the step on the buffers of a turn, `wait` its result.

    Cases that share inputs share the `ring`, so that none finds what another has just used. One
    that `saves` values for each turn, for a pass backwards, has them while it is timed only.
    """

    def __init__(
        self,
        made: Callable[[int], Step],
        ring: Ring,
        saves: bool,
        wait: Callable[[Any], None] = lambda _: None,
    ) -> None:
        self._made, self._ring, self._saves, self._wait = made, ring, saves, wait
        self._actions: list[Action] = []
        self.steps: list[Step] = []

    @property
    def last(self) -> Step:
        """The step that was called last, be it of another case of this ring."""
        return self.steps[self._ring.turn]

    def __call__(self) -> Any:
        """Call the step whose turn it is, and keep what comes out."""
        if not self._actions:
            self.fill()
        ring = self._ring
        turn = ring.turn = (ring.turn + 1) % len(self._actions)
        result = ring.kept[turn] = self._actions[turn]()
        return result

    def fill(self) -> None:
        """Make the steps and go round once: what is timed afterwards maps no memory anew."""
        if not self._actions:
            self.steps = [self._made(turn) for turn in range(len(self._ring.kept))]
            self._actions = [step.action for step in self.steps]
            for _ in self._ring.kept:
                self._wait(self())

    def release(self) -> None:
        """Release what was saved."""
        if self._saves:
            self._actions, self.steps = [], []


@contextmanager
def filled(*actions: Action) -> Iterator[None]:
    """Have everything at hand that the steps which go round need, as long as they are timed."""
    rounds = [action for action in actions if isinstance(action, Round)]
    try:
        for step in rounds:
            step.fill()
        yield
    finally:
        for step in rounds:
            step.release()
