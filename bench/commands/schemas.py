"""The JSON Schemas that are published: of the files of a run, and of what commands answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import TypeAdapter

from ...report.commands import history
from ...report.site import build
from ..compare import activations
from ..compare import words as compared
from ..exactness import findings
from ..gate import words as gate
from ..host.doctor import Finding
from ..results import export, rows, schemas
from ..results.answers import like
from ..results.schemas import Schema
from . import certificates, claims, doctor, fleet, list, run, selftest, survey


def _each(model: type[Any]) -> TypeAdapter[Any]:
    """A list of records of a model."""
    return TypeAdapter(tuple[Annotated[dict[str, Any], like(model)], ...])


ANSWERS: Mapping[str, Schema] = {
    "answer-agree": Schema("agree --json", TypeAdapter(certificates.Certificates)),
    "answer-agree-survey": Schema("agree --survey --json", TypeAdapter(survey.Surveyed)),
    "answer-claims": Schema("claims --json", TypeAdapter(claims.Answer)),
    "answer-claims-list": Schema("claims --list --json", TypeAdapter(claims.Listing)),
    "answer-compare": Schema("compare RUN RUN --json", TypeAdapter(compared.Answer)),
    "answer-compare-activations": Schema(
        "compare ACTIVATION ACTIVATION --json", TypeAdapter(activations.Compared)
    ),
    "answer-doctor": Schema("doctor --json", TypeAdapter(tuple[doctor.Loaded | Finding, ...])),
    "answer-export": Schema("export --format json", _each(rows.RECORD)),
    "answer-export-table": Schema("export --format json --table METRIC", _each(export.TABLE_LINE)),
    "answer-export-claims": Schema("export --format json --table claims", _each(export.CLAIM_LINE)),
    "answer-findings": Schema("findings --json", _each(findings.RECORD)),
    "answer-fleet": Schema("fleet --json", TypeAdapter(fleet.Answer)),
    "answer-gate": Schema("gate --json", TypeAdapter(gate.Answer)),
    "answer-history": Schema("history --json", TypeAdapter(history.Answer)),
    "answer-list": Schema("list --json", TypeAdapter(tuple[list.Listed, ...])),
    "answer-run": Schema("run --json", TypeAdapter(run.Answer)),
    "answer-selftest": Schema("selftest --json", TypeAdapter(selftest.OfGate)),
    "answer-selftest-costs": Schema("selftest --costs --json", TypeAdapter(selftest.OfCosts)),
    "answer-site": Schema("site --json", TypeAdapter(build.Answer)),
    "answer-special": Schema("special --json", _each(rows.RECORD)),
}
"""The schemas of answers, by name: that of the command comes first."""
SCHEMAS: Mapping[str, Schema] = {**schemas.SCHEMAS, **ANSWERS}
"""All schemas by name."""
