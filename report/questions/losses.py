"""Where a form overflows or keeps no right digit: how many do, and the first few by name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from ...bench.catalog.dtypes import DTYPES
from ...bench.results.rows import Point
from ..draw import bars
from ..draw.drawing import COLOURS, Panel
from ..draw.figure import Figure
from ..read.evidence import Checked, Evidence, with_device
from ..words import listing, number, sentence, title
from . import ratios
from .answered import Answered, unmeasured

QUESTION = "Where does it overflow or lose every digit?"
FORMS: Mapping[str, str] = {
    "native": "native functions",
    "textbook": "formulas as printed",
    "wide": "wide forms",
}
_NAMED = 3
"""How many of a form are named at most."""
_COMMAND = (
    "actbench run --only agreement --form native --form textbook --form wide "
    "--direction forward --dtype float32"
)


def answer(evidence: Evidence) -> Answered:
    """How many forms have a result without one right digit, and at which inputs."""
    found = _found(evidence)
    if not found:
        return unmeasured("overflow", QUESTION, with_device(evidence, _COMMAND))
    first = next((each for each in found if each.case.dtype == "float32"), found[0]).case.dtype
    shown = [each for each in found if each.case.dtype == first]
    several = f", run {found[0].run}" * (len(evidence.runs) > 1)
    figure = Figure(
        "Forms without one right digit at some finite input",
        f"Share of the functions checked, forward, {first}, {found[0].case.mode}, "
        f"{found[0].case.device}{several}. The error is at least half of all the numbers of a "
        "binade, in ulp: 2^23 in float32.",
        (_panel(shown),),
    )
    others = dict.fromkeys(each.case.dtype for each in found if each.case.dtype != first)
    beside = [
        f"in {dtype} {_counts([each for each in found if each.case.dtype == dtype])}"
        for dtype in others
    ]
    return Answered(
        "overflow",
        QUESTION,
        ratios.of_run(
            found[0].run,
            evidence,
            (_verdict(first, shown), *_worst(shown), *_mistaken(shown), *_beside(beside)),
        ),
        (figure,),
        ratios.again((each.case for each in shown), "--only agreement", ("activation", "size"))
        or with_device(evidence, _COMMAND),
        see={"findings": "Findings"},
    )


def _found(evidence: Evidence) -> list[Checked]:
    """Values, not gradients, of the first run and device, eager where that was checked."""
    wanted = [
        each
        for each in evidence.checked
        if each.case.form in FORMS
        and each.case.direction == "forward"
        and each.case.dtype in DTYPES
        and each.family not in ("primitive", "unknown")
    ]
    mine = [each for each in wanted if _where(each) == _where(wanted[0])]
    eager = [each for each in mine if each.case.mode == "eager"] or mine
    return [each for each in eager if each.case.mode == eager[0].case.mode]


def _where(each: Checked) -> tuple[str, str]:
    return each.run, each.case.device


def lost(each: Checked) -> bool:
    """Whether no digit is right somewhere: an error of half the numbers of a binade or more.

    A subnormal number may stand as zero.
    """
    return each.error >= 2.0 ** (DTYPES[each.case.dtype].precision - 1)


def _by_form(found: Iterable[Checked]) -> dict[str, list[Checked]]:
    mine = list(found)
    forms = {form: [each for each in mine if each.case.form == form] for form in FORMS}
    return {form: each for form, each in forms.items() if each}


def _counts(found: Iterable[Checked]) -> str:
    return listing(
        [
            f"{sum(map(lost, each)):,} of {len(each):,} {FORMS[form]}"
            for form, each in _by_form(found).items()
        ]
    )


def _verdict(dtype: str, shown: Sequence[Checked]) -> str:
    start = f"In {dtype}" if any(map(lost, shown)) else f"Nowhere on the inputs tested: in {dtype}"
    return f"{start}, forward, {_counts(shown)} have no right digit at some finite input."


def _worst(shown: Iterable[Checked]) -> list[str]:
    """The worst few of each form, each activation once."""
    told = []
    for form, mine in _by_form(filter(lost, shown)).items():
        worst: dict[str, Checked] = {}
        for each in sorted(mine, key=lambda each: -each.error):
            worst.setdefault(each.case.activation, each)
        told.append(f"of the {FORMS[form]}: {'; '.join(map(_named, [*worst.values()][:_NAMED]))}")
    return [f"The worst {text}." for text in told]


def _beside(told: Sequence[str]) -> list[str]:
    return [sentence("; ".join(told))] if told else []


def _named(each: Checked) -> str:
    """`exp in NumPy at 88.7, where ∞ came for 3.40e38`."""
    start = f"{each.case.activation} in {title(each.case.framework)}"
    worst = each.worst or Point()
    at = f" at {number(worst.x)}" if worst.input else ""
    if worst.got is None or worst.exact is None:
        return f"{start}{at}"
    return f"{start}{at}, where {_figure(worst.got)} came for {_figure(worst.exact)}"


def _figure(value: float) -> str:
    return "NaN" if math.isnan(value) else number(value)


def _mistaken(shown: Iterable[Checked]) -> list[str]:
    """NaN for a number or the reverse, at infinite inputs too."""
    told = [
        f"{amount} of {len(each)} {FORMS[form]}"
        for form, each in _by_form(shown).items()
        if (amount := sum(1 for one in each if one.nan_mismatches))
    ]
    if not told:
        return []
    return [f"NaN and a number are mistaken for each other, at ±∞ too, in {listing(told)}."]


def _panel(shown: Sequence[Checked]) -> Panel:
    by_framework: dict[str, list[Checked]] = {}
    for each in sorted(shown, key=lambda each: title(each.case.framework).lower()):
        by_framework.setdefault(each.case.framework, []).append(each)
    groups = []
    for framework, mine in by_framework.items():
        made = tuple(_bar(form, each) for form, each in _by_form(mine).items())
        groups.append(bars.Group(title(framework), mine[0].case.mode, made))
    return bars.panel(
        "q-lost", "No right digit", groups, "functions of that form", {"lost": COLOURS["exp"]}
    )


def _bar(form: str, mine: Sequence[Checked]) -> bars.Bar:
    amount = sum(map(lost, mine))
    return bars.Bar(f"{amount} of {len(mine)} {form}", {"lost": amount / len(mine)})
