"""The command `list`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import click

from ..catalog.activations import CATALOG
from ..catalog.cases import forms_of
from ..catalog.frameworks import frameworks
from ..results.answers import written
from .options import DEBUG, PLUGINS

_EXAMPLES = """
\b
Examples:
  actbench list
  actbench list --json
  actbench list --plugin mine/softcap.py
"""


@click.command("list", epilog=_EXAMPLES)
@click.option(
    "--json", "as_json", is_flag=True, help="One record per framework, activation and form."
)
@PLUGINS
@DEBUG
def list_(as_json: bool) -> None:
    """List activations and the forms that each framework has. Imports no framework."""
    records = _listing()
    if as_json:
        click.echo(written(records, indent=1))
        return
    for name, record in CATALOG.items():
        kind = dict.fromkeys([record.family, *["primitive"] * record.primitive])
        click.echo(f"{name}  [{', '.join(kind)}]  {record.formula}")
        for framework in frameworks().values():
            forms = [form for form in forms_of(record) if framework.offers(name, form)]
            click.echo(f"    {framework.title:<11} {', '.join(forms)}")


@dataclass(frozen=True)
class Listed:
    """An activation in a form, and whether a framework has it; `detail` says where it does not."""

    activation: str
    family: str
    primitive: bool
    operations: Mapping[str, float]
    domain: Literal["all", "positive"]
    formula: str
    parameters: Mapping[str, float | int | bool]
    rowwise: bool
    source: str
    framework: str
    form: str
    modes: Sequence[str]
    status: Literal["ok", "unsupported"]
    detail: str


def _listing() -> list[Listed]:
    return [
        Listed(
            activation=name,
            family=record.family,
            primitive=record.primitive,
            operations=record.operations,
            domain=record.domain,
            formula=record.formula,
            parameters=record.parameters,
            rowwise=record.rowwise,
            source=record.source,
            framework=framework.name,
            form=form,
            modes=framework.modes,
            status="ok" if framework.offers(name, form) else "unsupported",
            detail=""
            if framework.offers(name, form)
            else f"{framework.title} has no {form} {name}",
        )
        for name, record in CATALOG.items()
        for framework in frameworks().values()
        for form in forms_of(record)
    ]
