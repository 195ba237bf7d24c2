"""Answers of commands for machines: records of typed fields, of which their schemas are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import GetPydanticSchema, WithJsonSchema

from .files import dump
from .rows import DETAILS, Row, plain

Number = Annotated[
    float, WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "null"}]}, mode="validation")
]
"""A number that is null where it is infinite or NaN (`words.finite`)."""


def like(model: type[Any]) -> GetPydanticSchema:
    """The annotation of what is written as the records of a model, or of a dataclass, are."""
    return GetPydanticSchema(lambda _, handler: handler.generate_schema(model))


def written(record: Any, indent: int | None = None) -> str:
    """An answer as JSON: infinity as 1e999, NaN as a string."""
    return dump(as_record(record), indent)


def as_record(value: Any) -> Any:
    """A value as JSON has it: records with all their fields, rows and their details as stored."""
    if isinstance(value, Row):
        return value.as_record()
    if isinstance(value, DETAILS):
        return plain(value)
    if is_dataclass(value):
        return {field.name: as_record(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: as_record(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_record(item) for item in value]
    return str(value) if isinstance(value, Path) else value
