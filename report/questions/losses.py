"""Forms that overflow or keep no right digit: their number, and the first few by name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from ...bench.catalog.dtypes import DTYPES
from ...bench.results.rows import Point
from ..compare.commands import again
from ..read.evidence import Checked, Evidence
from ..words import listing, number, sentence, title
from .answer import Answer, of_run, unmeasured

ORDER = 120
_ANCHOR = "overflow"
_QUESTION = "Where does it overflow or lose every digit?"
FORMS: Mapping[str, str] = {
    "native": "native functions",
    "textbook": "formulas as printed",
    "wide": "wide forms",
}
_NAMED = 3
"""The most cases of a form that are named."""
_MEASURE = (
    "--only agreement --form native --form textbook --form wide --direction forward --dtype float32"
)


def answer(evidence: Evidence) -> Answer:
    """The number of forms that lose every digit, and the inputs at which they do."""
    checks = _compared(evidence)
    if not checks:
        return unmeasured(evidence, _ANCHOR, _QUESTION, _MEASURE)
    dtypes = dict.fromkeys(checked.case.dtype for checked in checks)
    first = "float32" if "float32" in dtypes else checks[0].case.dtype
    shown = [checked for checked in checks if checked.case.dtype == first]
    others = [
        f"in {dtype} {_counts([checked for checked in checks if checked.case.dtype == dtype])}"
        for dtype in dtypes
        if dtype != first
    ]
    beside = [sentence("; ".join(others))] * bool(others)
    return Answer(
        _ANCHOR,
        _QUESTION,
        of_run(
            evidence,
            shown[0].run,
            *(_verdict(first, shown), *_worst(shown), *_mistaken(shown), *beside),
        ),
        command=again(
            (checked.case for checked in shown), "--only agreement", ("activation", "size")
        ),
        see={"findings": "Findings"},
    )


def _compared(evidence: Evidence) -> list[Checked]:
    """Values, not gradients, of the first run and device, eager where that was checked."""
    wanted = [
        checked
        for checked in evidence.checked
        if checked.case.form in FORMS
        and checked.case.direction == "forward"
        and checked.case.dtype in DTYPES
        and checked.family not in ("primitive", "unknown")
    ]
    first = [checked for checked in wanted if _where(checked) == _where(wanted[0])]
    eager = [checked for checked in first if checked.case.mode == "eager"] or first
    return [checked for checked in eager if checked.case.mode == eager[0].case.mode]


def _where(checked: Checked) -> tuple[str, str]:
    return checked.run, checked.case.device


def lost(checked: Checked) -> bool:
    """True if no digit is right somewhere: an error of half the numbers of a binade or more.

    A subnormal number may stand as zero.
    """
    return checked.error >= 2.0 ** (DTYPES[checked.case.dtype].precision - 1)


def _by_form(checks: Iterable[Checked]) -> dict[str, list[Checked]]:
    forms: dict[str, list[Checked]] = {form: [] for form in FORMS}
    for checked in checks:
        forms[checked.case.form].append(checked)
    return {form: alike for form, alike in forms.items() if alike}


def _counts(checks: Iterable[Checked]) -> str:
    return listing(
        [
            f"{sum(map(lost, alike)):,} of {len(alike):,} {FORMS[form]}"
            for form, alike in _by_form(checks).items()
        ]
    )


def _verdict(dtype: str, shown: Sequence[Checked]) -> str:
    start = f"In {dtype}" if any(map(lost, shown)) else f"Nowhere on the inputs tested: in {dtype}"
    return (
        f"{start}, forward, {_counts(shown)} have no right digit at some finite input: an error of "
        "at least half of all the numbers of a binade, 2^23 ulp in float32."
    )


def _worst(shown: Iterable[Checked]) -> list[str]:
    """The worst few of each form, each activation once."""
    clauses = []
    for form, alike in _by_form(filter(lost, shown)).items():
        worst: dict[str, Checked] = {}
        for checked in sorted(alike, key=lambda checked: -checked.error):
            worst.setdefault(checked.case.activation, checked)
        clauses.append(
            f"of the {FORMS[form]}: {'; '.join(map(_named, [*worst.values()][:_NAMED]))}"
        )
    return [f"The worst {text}." for text in clauses]


def _named(checked: Checked) -> str:
    """`exp in NumPy at 88.7, where ∞ came for 3.40e38`."""
    start = f"{checked.case.activation} in {title(checked.case.framework)}"
    worst = checked.worst or Point()
    at = f" at {number(worst.x)}" if worst.input else ""
    known = worst.got is not None and worst.exact is not None
    got = f", where {_figure(worst.got)} came for {_figure(worst.exact)}" if known else ""
    return f"{start}{at}{got}"


def _figure(value: float | None) -> str:
    return "NaN" if value is not None and math.isnan(value) else number(value)


def _mistaken(shown: Iterable[Checked]) -> list[str]:
    """NaN for a number or the reverse, at infinite inputs too."""
    counts = [
        f"{amount} of {len(alike)} {FORMS[form]}"
        for form, alike in _by_form(shown).items()
        if (amount := sum(1 for checked in alike if checked.nan_mismatches))
    ]
    text = f"NaN and a number are mistaken for each other, at ±∞ too, in {listing(counts)}."
    return [text] * bool(counts)
