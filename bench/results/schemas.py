"""JSON Schemas of the files of a run, from the models by which they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from . import claims, rows, samples, store

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class Schema:
    """A kind of file, or of answer, that has a schema: in words, and its model."""

    of: str
    model: TypeAdapter[Any]

    @property
    def record(self) -> dict[str, Any]:
        """The schema as JSON; a number beyond those of float64 stands for infinity."""
        return {"$schema": _DIALECT, "$comment": self.of, **self.model.json_schema()}


SCHEMAS: Mapping[str, Schema] = {
    "run": Schema("run.json of a run", store.RUN_FACTS),
    "row": Schema("a line of rows.jsonl", TypeAdapter(rows.RECORD)),
    "sample": Schema("a line of samples.jsonl", samples.LINES),
    "claims": Schema("claims.json of a run", claims.MODEL),
}
"""The schemas of the files of a run, by name."""
