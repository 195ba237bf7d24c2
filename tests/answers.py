"""Answers of commands, held against the schemas that are published of them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).resolve().parents[1] / "docs/schemas"


def held(name: str, text: str) -> Any:
    """The answer that a text is; raises ValidationError where its published schema has another.

    A field that the schema does not know is an error here. Infinity is 1e999, NaN a string.
    """
    answer = json.loads(text, parse_constant=_no_constant)
    _closed(name).validate(answer)
    return answer


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


@cache
def _closed(name: str) -> Any:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(_without_more(schema))


def _without_more(schema: Any) -> Any:
    """The same schema in which an object has no field but those that it names."""
    if isinstance(schema, list):
        return list(map(_without_more, schema))
    if not isinstance(schema, dict):
        return schema
    inner = {name: _without_more(part) for name, part in schema.items()}
    closed = {"additionalProperties": False} if "properties" in inner else {}
    return {**closed, **inner}
