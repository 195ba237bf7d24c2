"""The command `list`."""

from __future__ import annotations

import json
from typing import Any

import click

from ..catalog.activations import CATALOG
from ..catalog.cases import forms_of
from ..catalog.frameworks import frameworks
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
        click.echo(json.dumps(records, ensure_ascii=False, indent=1))
        return
    for name, record in CATALOG.items():
        kind = dict.fromkeys([record.family, *["primitive"] * record.primitive])
        click.echo(f"{name}  [{', '.join(kind)}]  {record.formula}")
        for framework in frameworks().values():
            forms = [form for form in forms_of(record) if framework.offers(name, form)]
            click.echo(f"    {framework.title:<11} {', '.join(forms)}")


def _listing() -> list[dict[str, Any]]:
    return [
        {
            "activation": name,
            "family": record.family,
            "primitive": record.primitive,
            "operations": dict(record.operations),
            "domain": record.domain,
            "formula": record.formula,
            "parameters": dict(record.parameters),
            "rowwise": record.rowwise,
            "source": record.source,
            "framework": framework.name,
            "form": form,
            "modes": list(framework.modes),
            "status": "ok" if framework.offers(name, form) else "unsupported",
            "detail": ""
            if framework.offers(name, form)
            else f"{framework.title} has no {form} {name}",
        }
        for name, record in CATALOG.items()
        for framework in frameworks().values()
        for form in forms_of(record)
    ]
