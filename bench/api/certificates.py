"""The exactness of a function, in Python."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Any

from ..catalog.cases import PROFILES, Plan, Selection
from ..host import temporary
from ..host.errors import UsageError
from ..host.progress import Reporter
from ..results import words
from ..results.samples import Agreement, Certificate, Missing
from ..results.store import read_samples
from ..run.request import Request
from ..run.schedule import run
from .settings import Subject, Where, cases

_TIMEOUT = 600.0


@dataclass(frozen=True)
class Certified:
    """The errors of a function against a reference, in one direction and format.

    `certificate` has every figure of `actbench agree` (`bench.results.samples.Certificate`).
    """

    what: str
    reference: str
    direction: str
    dtype: str
    certificate: Certificate

    @property
    def max_ulp(self) -> float:
        """The largest error over all finite inputs tried, in ulp of the exact value.

        Infinite where a NaN or an infinity stands in place of a number, or the other way round.
        """
        certificate = self.certificate
        misplaced = certificate.nan_mismatches or certificate.infinity_mismatches
        return float("inf") if misplaced else certificate.max_ulp

    def __str__(self) -> str:
        certificate = self.certificate
        mistakes = {
            "NaN out of place": certificate.nan_mismatches,
            "infinities out of place": certificate.infinity_mismatches,
        }
        counts = "".join(f", {count:,} {what}" for what, count in mistakes.items() if count)
        at = f", {words.at(certificate.worst)}" if certificate.worst else ""
        return (
            f"{self.what} against {self.reference}, {self.direction}, {self.dtype}: at most "
            f"{certificate.max_ulp:.3g} ulp over {certificate.tested:,} inputs{at}{counts}"
        )


def certify(
    function: Subject, reference: str = "", *, dtype: str = "float32", seed: int = 0, **where: Any
) -> Certified:
    """Compare a function with the proved values of its reference.

    All 65,536 inputs of a 16-bit `dtype` are tried, and inputs from every binade of the others, on
    short and long arrays and views. `direction` is `forward`, or `backward` for the gradient that
    the framework gives. `reference` is what `--reference` takes: an activation of `actbench list`,
    `exp2`, `log`, `erfc`, a formula of x, or the address of a function of mpmath or flint. The
    other conditions are those of `cost`; a name of an activation needs its `framework`, and is its
    own reference. There are no conditions of the input: all relevant ones are tried.

    Raises UsageError for unknown names, and for a function that cannot be loaded or evaluated;
    KeyboardInterrupt where it is interrupted.
    """
    place = Where(dtype=dtype, **where)
    if named := ", ".join(place.of_input):
        raise UsageError(f"a certificate has inputs of its own, as `agree` has: leave out {named}")
    if place.direction == "both":
        raise UsageError("a certificate is of one direction: forward or backward")
    if isinstance(function, str) == bool(reference):
        raise UsageError("a function needs a reference, and an activation by name is its own")
    with cases((function,), place, reference) as [case], temporary.folder() as folder:
        plan = Plan((case.activation,), forms=(case.form,), modes=(case.mode,))
        selection = Selection(
            frameworks=(case.framework,), directions=(case.direction,), dtypes=(dtype,)
        )
        request = Request(
            profile=replace(PROFILES["ask"], name="agree", plans=(plan,)),
            selection=selection,
            seed=seed,
            out=folder.path / "run",
            pythons={},
            python=place.interpreter,
            timeout=_TIMEOUT,
            command=" ".join(sys.argv),
            parts=("agreement",),
        )
        outcome = run(request, Reporter(quiet=True))
        if outcome.facts.state == "interrupted":
            raise KeyboardInterrupt
        samples = list(read_samples(outcome.path))
    for sample in samples:
        if isinstance(sample, Agreement):
            name = function if isinstance(function, str) else case.form.partition(":")[2]
            return Certified(name, case.activation, case.direction, dtype, sample.certificate)
    reasons = [sample.reason for sample in samples if isinstance(sample, Missing)]
    raise UsageError(next(iter(reasons), "nothing could be evaluated"))
