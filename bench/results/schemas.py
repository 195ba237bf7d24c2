"""JSON Schemas of what is written, from the models by which it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from ..host.doctor import Finding
from . import claims, rows, samples, store

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class Schema:
    """A kind of file that has a schema, in words, and its model."""

    of: str
    model: TypeAdapter[Any]

    @property
    def record(self) -> dict[str, Any]:
        """The schema as JSON; a number beyond those of float64 stands for infinity."""
        return {"$schema": _DIALECT, "$comment": self.of, **self.model.json_schema()}


SCHEMAS: Mapping[str, Schema] = {
    "run": Schema("run.json of a run", store.RUN_FACTS),
    "row": Schema("a line of rows.jsonl, or a record of export", TypeAdapter(rows.RECORD)),
    "sample": Schema("a line of samples.jsonl", samples.LINES),
    "claims": Schema("claims.json of a run", claims.MODEL),
    "certificate": Schema("a certificate of agree --json", TypeAdapter(samples.CERTIFIED)),
    "doctor": Schema("doctor --json", TypeAdapter(list[Finding])),
}
"""The schemas by name."""
