"""The cost of a function over another one, in Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..catalog.cases import Case
from ..catalog.frameworks import frameworks
from ..exactness.observed import refusal
from ..host import temporary
from ..host.errors import UsageError
from ..timing.in_turn import Effort, Pair, Setting, estimates, measure
from ..words import conditions, duration, plus_minus, title
from .settings import Subject, Where, cases


@dataclass(frozen=True)
class Cost:
    """The time of a call of one thing over that of another, with its 95 % interval.

    `value` is the ratio, `low` and `high` are its ends, `ns` and `than_ns` the nanoseconds of a
    call of either. Both were timed in turn on the same input in `processes` fresh processes.
    `conditions` are those of the case, by name: framework, mode, direction, device, dtype, size
    (elements), threads, output, cache, input, shape, row, axis, layout.
    """

    what: str
    than: str
    value: float
    low: float
    high: float
    ns: float
    than_ns: float
    processes: int
    conditions: dict[str, Any]

    @property
    def half_width(self) -> float:
        """Half the interval over the value."""
        return (self.high - self.low) / 2 / self.value

    def __str__(self) -> str:
        case = self.conditions
        where = f"{title(case['framework'])} {conditions(case)}"
        return (
            f"{self.what} takes {plus_minus(self.value, self.half_width)} times as long as "
            f"{self.than}, {duration(self.ns)} against {duration(self.than_ns)}: {where} "
            f"({self.processes} processes)"
        )


def cost(
    function: Subject,
    than: Subject = "relu",
    *,
    precision: float = 0.03,
    budget: float = 20.0,
    seed: int = 0,
    **where: Any,
) -> Cost:
    """Measure the time of a function over that of another one.

    Both are timed in turn on the same input, standard normal numbers unless chosen, in fresh
    processes, three at least and twelve at most, until the ratio is known to within ±`precision` or
    `budget` seconds have passed.
    `function` and `than` are functions of one array, or names of activations, `gelu` or
    `squareplus[wide]`; at least one is a function, or `framework` says whose they are. `where` are
    the conditions: `framework`, `mode`, `direction`, `dtype`, `size`, `device`, `threads`,
    `python`, `dims`, and of the input `input`, `shape`, `row`, `axis`, `layout` (see
    `settings.Where`).

    Raises UsageError for unknown names and for what cannot be loaded or timed, with the reason.
    """
    place = Where(**where)
    effort = Effort(precision=precision, budget=budget)
    with cases((function, than), place) as (case, other), temporary.folder() as logs:
        if case == other:
            raise UsageError(f"{_name(function, case)} is compared with itself: name another")
        pair = Pair(case, other)
        setting = Setting(logs.path, lambda _: place.interpreter, refusal, seed)
        measure([pair], effort, setting, lambda: None)
        if not pair.logs:
            failure = pair.failure
            raise UsageError(failure.reason if failure else "nothing could be timed")
        [ratio] = estimates([pair])
        ns, than_ns = pair.times
        shown = {**case.as_dict(), "framework": frameworks()[case.framework].module}
        return Cost(
            _name(function, case),
            _name(than, other),
            ratio.value,
            ratio.low,
            ratio.high,
            ns,
            than_ns,
            len(pair.logs),
            {name: shown[name] for name in shown if name not in ("activation", "form")},
        )


def _name(subject: Subject, case: Case) -> str:
    return subject if isinstance(subject, str) else case.form.partition(":")[2]
