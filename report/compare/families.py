"""Families in a setting: each activation in one form, the cheapest first, over relu."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ..read.evidence import FAMILIES, Estimate, Evidence, Timed
from .groups import in_families
from .ratios import NamedRatio
from .settings import Setting, setting_of
from .values import ratio

NAMED: Mapping[str, tuple[str, ...]] = {
    "exp": ("gelu", "silu", "elu"),
    "algebraic": ("squareplus",),
    "max": ("leaky_relu",),
}
"""The activations of each family that people name, the most common first."""
REFERENCE_SIZE = 2**16


@dataclass(frozen=True)
class Choice:
    """A way of choosing an activation's form: the fastest that it allows."""

    name: str
    meaning: str
    allows: Callable[[Timed], bool]


CHOICES = (
    Choice("fastest", "the fastest measured form of each activation", lambda case: True),
    Choice(
        "sound",
        "the fastest form whose value stays within 1,000 ulp of the exact one, and whose gradient "
        "is finite where it should be, on the inputs tested (no †)",
        lambda case: case.flawed is False,
    ),
    Choice(
        "native",
        "the framework's own function only",
        lambda case: case.case.form == "native",
    ),
    Choice(
        "written",
        "the fastest form written out in the framework's operations, none of its own functions: "
        "the same kind of form on both sides",
        lambda case: case.case.form != "native",
    ),
)


@dataclass(frozen=True)
class Summary:
    """One setting: the relu that costs are over, and every family's activations in one form."""

    setting: Setting
    unit: Timed | None
    families: Mapping[str, tuple[Timed, ...]]

    def against_exp(self) -> tuple[str, list[NamedRatio]]:
        """The cheapest algebraic activation, and its times over those of every exp one."""
        cheapest = next(iter(self.families["algebraic"]), None)
        if cheapest is None:
            return "", []
        over = ((member(exp), ratio(cheapest, exp)) for exp in self.families["exp"])
        return member(cheapest), [(name, estimate) for name, estimate in over if estimate]


@lru_cache(maxsize=8)
def summaries(evidence: Evidence, choice: Choice) -> tuple[Summary, ...]:
    """Every setting in which something was timed, run by run, the foremost conditions first."""
    by_setting: dict[Setting, list[Timed]] = {}
    for timed in evidence.timed:
        by_setting.setdefault(setting_of(timed.run, timed.case), []).append(timed)
    runs = list(evidence.runs)

    def order(setting: Setting) -> tuple[object, ...]:
        rank = (setting.order, setting.size, not setting.usual, setting.output, setting.cache)
        return runs.index(setting.run), setting.prominence, *rank

    return tuple(
        _summary(setting, by_setting[setting], choice) for setting in sorted(by_setting, key=order)
    )


def _summary(setting: Setting, timed: list[Timed], choice: Choice) -> Summary:
    unit = next((case for case in timed if case.is_unit), None)
    return Summary(setting, unit, {name: chosen(timed, name, choice) for name in FAMILIES})


def chosen(timed: Iterable[Timed], family: str, choice: Choice) -> tuple[Timed, ...]:
    """One form of each activation of a family but the unit, the cheapest first."""
    allowed = [
        case
        for case in timed
        if case.family == family and in_families(case) and case.cost and choice.allows(case)
    ]
    best: dict[str, Timed] = {}
    for case in sorted(allowed, key=lambda case: (cost(case).value, case.case.activation)):
        best.setdefault(case.case.activation, case)
    return tuple(case for case in best.values() if not case.is_unit)


def cost(timed: Timed) -> Estimate:
    """The relative cost of a case that is known to have one."""
    assert timed.cost is not None
    return timed.cost


def standing(timed: Iterable[Timed], family: str) -> list[str]:
    """The activations that represent a family: those people name, as measured, else the first."""
    measured = list(dict.fromkeys(t.case.activation for t in timed if t.family == family))
    return [name for name in NAMED[family] if name in measured] or measured[:1]


def member(timed: Timed) -> str:
    """An activation with the form it was measured in, † if that form is far from exact."""
    return f"{timed.case.activation} [{timed.case.form}]{'†' * bool(timed.flawed)}"
