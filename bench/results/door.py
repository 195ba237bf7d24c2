"""Validation of stored runs: JSON records are accepted as their types declare them, or refused."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import MISSING, fields
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, create_model

Real = Annotated[
    float,
    BeforeValidator(
        lambda value: math.nan if value == "NaN" else value,
        json_schema_input_type=float | Literal["NaN"],
    ),
]
"""Any number, NaN as well, which is the string "NaN" in a file."""
Finite = Annotated[float, Field(allow_inf_nan=False)]

MOST_ELEMENTS = 2**48


def model(
    name: str,
    *kinds: type[Any],
    without: Collection[str] = ("case",),
    whole: bool = False,
    **more: Any,
) -> type[BaseModel]:
    """A model of one flat record with the fields of several dataclasses, except their cases.

    `more` has the types and defaults of other fields, and of those that are others here. A `whole`
    record has each field, whatever its default.
    """
    annotated: dict[str, Any] = {}
    for kind in kinds:
        hints = get_type_hints(kind, include_extras=True)
        for field in fields(kind):
            if field.name not in without:
                default = Field() if whole or field.default is MISSING else field.default
                if field.default_factory is not MISSING and not whole:
                    default = Field(default_factory=field.default_factory)
                annotated[field.name] = (hints[field.name], default)
    return create_model(name, __doc__=kinds[-1].__doc__, **{**annotated, **more})


def first_of(error: ValueError) -> str:
    """The first error of a record, with the name of its field, or the error's own message."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


def size_of(case: Any) -> str:
    """A phrase on an impossible size of a case; empty if it is possible."""
    if not 0 <= case.size <= MOST_ELEMENTS:
        return f"the size {case.size:,}"
    return "" if 1 <= case.threads <= MOST_ELEMENTS else f"{case.threads:,} threads"
