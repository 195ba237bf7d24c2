"""A survey: one line per function and framework, the worst first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..catalog.cases import Case
from ..catalog.inputs import from_bits, to_bits
from ..results.answers import written
from ..results.door import Real
from ..results.rows import Path, Point, Tried
from ..results.samples import Agreement, Certificate
from ..words import Table, know, number, title
from . import conclusion
from .certificates import Answer

TOLERANCES: Mapping[str, tuple[float, float]] = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
}
"""The rtol and atol of PyTorch's own tests by dtype: the defaults of torch.testing.assert_close."""
_HEAD = (
    *("framework", "function", "direction", "dtype", "max ulp", "at", "99 %", "median"),
    *("NaN", "∞", "sign", "tail", "noticed"),
)
_READING = """\
max ulp: over all finite inputs tried. 99 % and median: of 1,601 points on [−20, 20].
NaN, ∞, sign: inputs at which the result is wrong in that.
tail: how far the last elements of an array are from the same inputs in its body, in ulp.
noticed: whether the defaults of torch.testing.assert_close see the largest error."""


@dataclass(frozen=True, kw_only=True)
class Line(Case):
    """A case with its largest error and where it is, its errors near 0, and its mismatches.

    `tail` is what became of the last elements of an array, None where they were not tried.
    `noticed` says whether PyTorch's own tolerances see the error, None of other frameworks.
    """

    tested: int
    max_ulp: Real
    worst: Point | None
    ulp_99_near: Real | None
    median_ulp_near: Real | None
    nan_mismatches: int
    infinity_mismatches: int
    sign_mismatches: int
    tail: Tried | None
    noticed: bool | None


@dataclass(frozen=True)
class Surveyed(conclusion.Conclusion):
    """The functions of a run, the worst first, and how the run ended."""

    survey: list[Line]


@dataclass(frozen=True)
class Survey(Answer):
    """The certificates of a run in one line each."""

    @property
    def _sorted(self) -> list[Agreement]:
        return sorted(self.agreements, key=lambda sample: -sample.certificate.max_ulp)

    def for_machines(self) -> str:
        """The lines as records, with the folder of the run."""
        lines = [self._record(sample) for sample in self._sorted]
        return written(Surveyed(**vars(conclusion.of(self.outcome)), survey=lines))

    def for_people(self) -> str:
        """The lines as a table, how to read it, and where to find the rest."""
        know(self.outcome.facts.titles)
        rows = [self._line(sample) for sample in self._sorted]
        lines = [*Table(_HEAD, rows).text(), "", _READING] if rows else []
        return "\n".join([*lines, *self._verdict(), conclusion.for_people(self.outcome)])

    def _record(self, sample: Agreement) -> Line:
        certificate = sample.certificate
        return Line(
            **sample.case.as_dict(),
            tested=certificate.tested,
            max_ulp=certificate.max_ulp,
            worst=certificate.worst,
            ulp_99_near=certificate.ulp_99_near,
            median_ulp_near=certificate.median_ulp_near,
            nan_mismatches=certificate.nan_mismatches,
            infinity_mismatches=certificate.infinity_mismatches,
            sign_mismatches=certificate.sign_mismatches,
            tail=_tail(certificate),
            noticed=self._noticed(sample),
        )

    def _line(self, sample: Agreement) -> list[str]:
        case, certificate, tail = sample.case, sample.certificate, _tail(sample.certificate)
        function = case.activation if case.form == "native" else f"{case.activation} {case.form}"
        noticed = {True: "yes", False: "no", None: "–"}[self._noticed(sample)]
        return [
            *(title(case.framework), function, case.direction, case.dtype),
            *(number(certificate.max_ulp), _at(certificate.worst)),
            *(number(certificate.ulp_99_near), number(certificate.median_ulp_near)),
            *map(str, (certificate.nan_mismatches, certificate.infinity_mismatches)),
            *(str(certificate.sign_mismatches), number(tail.apart) if tail else "–", noticed),
        ]

    def _noticed(self, sample: Agreement) -> bool | None:
        """Return whether PyTorch's own tolerances notice an error; None for other frameworks."""
        case = sample.case
        known = self.outcome.facts.frameworks.get(case.framework)
        arrays = known.arrays if known and known.arrays else case.framework
        return noticed(sample.certificate, case.dtype) if arrays == "torch" else None


def _tail(certificate: Certificate) -> Tried | None:
    """The outcome for the last elements, if they were tried."""
    return next((tried for tried in certificate.paths if tried.path is Path.TAIL), None)


def _at(worst: Point | None) -> str:
    if worst is None:
        return "–"
    return f"{worst.x:.6g}" if worst.input else f"output {worst.output}"


def noticed(certificate: Certificate, dtype: str) -> bool:
    """Return whether `assert_close` distinguishes the worst result from the exact one, rounded."""
    worst = certificate.worst
    if worst is None or worst.got is None or worst.exact is None:
        return False
    exact = float(from_bits(to_bits(np.array([worst.exact]), dtype), dtype)[0])
    if not (math.isfinite(worst.got) and math.isfinite(exact)):
        return worst.got != exact
    relative, absolute = TOLERANCES[dtype]
    return abs(worst.got - exact) > absolute + relative * abs(exact)
