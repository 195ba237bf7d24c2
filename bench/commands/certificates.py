"""The certificates of a run: in words, for machines, and as an exit status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from ..results import words
from ..results.answers import like, written
from ..results.samples import CERTIFIED, Agreement, Certificate
from ..results.store import read_samples
from ..run.recording import Outcome
from ..words import counted, know, number, title
from . import conclusion

_USABLE = 16
"""The ulp within which a result is as good as a formula of a few operations can be."""
_FEW = 12
"""The number of certificates up to which each is described; more are counted."""


@dataclass(frozen=True)
class Certificates(conclusion.Conclusion):
    """The certificates of a run, each with its case, and how the run ended."""

    certificates: list[Annotated[dict[str, Any], like(CERTIFIED)]]


@dataclass(frozen=True)
class Answer:
    """The certificates of a run, and the bound that they should keep, in ulp."""

    outcome: Outcome
    bound: float | None

    @cached_property
    def agreements(self) -> list[Agreement]:
        """The certificates in the order of their cases."""
        samples = read_samples(self.outcome.path)
        return [sample for sample in samples if isinstance(sample, Agreement)]

    @property
    def exit_status(self) -> int:
        """The exit status of a run; 1 where an error is above the bound or a function failed."""
        failed = self.outcome.facts.state == "failed" or bool(self._above())
        return conclusion.exit_status(self.outcome) or int(failed)

    def _above(self) -> list[Agreement]:
        bound = float("inf") if self.bound is None else self.bound
        return [agreement for agreement in self.agreements if agreement.certificate.max_ulp > bound]

    def _verdict(self) -> list[str]:
        """The number of errors above the bound, if there is one."""
        if self.bound is None:
            return []
        above = f"{len(self._above())} of {len(self.agreements)} above the bound of"
        return [f"{above} {self.bound:g} ulp."]

    def for_machines(self) -> str:
        """The certificates in a list, with the folder of the run."""
        records = [{**s.case.as_dict(), **s.certificate.as_dict()} for s in self.agreements]
        return written(Certificates(**vars(conclusion.of(self.outcome)), certificates=records))

    def for_people(self) -> str:
        """Few certificates in words, many as counts; the verdict, and where to find the rest."""
        know(self.outcome.facts.titles)
        worst = sorted(self.agreements, key=lambda sample: -sample.certificate.max_ulp)
        lines = list(map(_in_words, worst)) if len(worst) <= _FEW else _counted(worst)
        lines += [*self._verdict(), conclusion.for_people(self.outcome)]
        lines.append(f"What is wrong beyond a stated bound: {_FINDINGS} {self.outcome.path}")
        lines.append(f"Special points, special rows, whole numbers: {_SPECIAL} {self.outcome.path}")
        return "\n".join(lines)


_FINDINGS, _SPECIAL = "actbench findings", "actbench special"


def _in_words(sample: Agreement) -> str:
    case, certificate = sample.case, sample.certificate
    mismatches = {
        "NaN": certificate.nan_mismatches,
        "infinite": certificate.infinity_mismatches,
        "sign": certificate.sign_mismatches,
    }
    counts = ", ".join(f"{count:,} {kind}" for kind, count in mismatches.items() if count)
    worst = "no finite input"
    if certificate.worst:
        worst = f"at most {certificate.max_ulp:.7g} ulp, {words.at(certificate.worst)}"
    name = f"{title(case.framework)} {case.activation} {case.form}"
    lines = [
        f"{name}, {case.mode}, {case.direction}, {case.dtype}: {_near(certificate)}",
        f"  Over {counted(certificate.tested, 'input')}: {worst}; "
        f"{certificate.not_correctly_rounded:,} are not correctly rounded.",
        f"  Mismatches: {counts or 'none'}. With subnormals contracted "
        f"{certificate.max_ulp_flushed:.7g} ulp, over normal results "
        f"{certificate.max_ulp_normal:.7g}.",
    ]
    if certificate.worst_away and certificate.max_ulp_away < certificate.max_ulp:
        lines.append(
            f"  The worst input lies beside a zero of the function itself; away from those it is "
            f"{certificate.max_ulp_away:.7g} ulp, at {words.place(certificate.worst_away)}."
        )
    lines += [f"  Elsewhere: {said}." for said in words.paths(certificate.paths)]
    return "\n".join(lines)


def _near(certificate: Certificate) -> str:
    """The errors that a designer meets: the largest and the median near 0."""
    largest = _both(certificate.max_ulp_near, certificate.max_absolute_near)
    median = _both(certificate.median_ulp_near, certificate.median_absolute_near)
    errors = f"at most {largest}" if largest else "nothing was tried"
    errors += f", in the median {median}" if median else ""
    trouble = counted(certificate.trouble_outside or 0, "input")
    return f"in [−20, 20] {errors}; in trouble outside: {trouble}."


def _both(ulp: float | None, absolute: float | None) -> str:
    """`0.812 ulp (1.20e-7)`; empty for unknown errors."""
    return "" if ulp is None else f"{number(ulp)} ulp ({number(absolute)})"


def _counted(samples: Sequence[Agreement]) -> list[str]:
    """A line per framework and format: the number of right results, and the worst of native and
    wide."""
    groups: dict[tuple[str, str], list[Agreement]] = {}
    for sample in samples:
        groups.setdefault((sample.case.framework, sample.case.dtype), []).append(sample)
    return [_group(*key, groups[key]) for key in sorted(groups)]


def _group(framework: str, dtype: str, samples: Sequence[Agreement]) -> str:
    certificates = [sample.certificate for sample in samples]
    right = sum(certificate.not_correctly_rounded == 0 for certificate in certificates)
    near = sum(certificate.max_ulp <= 1 for certificate in certificates)
    misplaced = sum(
        certificate.nan_mismatches + certificate.infinity_mismatches > 0
        for certificate in certificates
    )
    worst = [_worst(samples, form) for form in ("native", "wide")]
    usable = sum(not c.trouble_outside and (c.max_ulp_near or 0) <= _USABLE for c in certificates)
    return (
        f"{title(framework)}, {dtype}: of {len(samples)} values and gradients "
        f"{usable} are within {_USABLE} ulp in [−20, 20] and without trouble outside; {right} "
        f"are correctly rounded at every input tried, {near} within 1 ulp; {misplaced} have NaN or "
        f"infinity out of place.{''.join(worst)}"
    )


def _worst(samples: Sequence[Agreement], form: str) -> str:
    """The worst of a form, with subnormals contracted, away from zeros of the function."""
    of_form = [sample for sample in samples if sample.case.form == form]
    if not of_form:
        return ""
    top = max(of_form, key=lambda sample: sample.certificate.max_ulp_flushed)
    which = f"{top.case.activation}, {top.case.mode}, {top.case.direction}"
    error = top.certificate.max_ulp_flushed
    return f" Worst {form}: {which}, {error:.4g} ulp, subnormals contracted."
