"""The command `doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from ..host.doctor import examine
from .options import DEBUG

_EXAMPLES = """
\b
Examples:
  actbench doctor
  actbench doctor --json
"""


@click.command(epilog=_EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="One record a finding.")
@DEBUG
def doctor(as_json: bool) -> None:
    """Say what about this machine makes figures worse, and what mends it."""
    findings = examine()
    if as_json:
        click.echo(json.dumps([asdict(each) for each in findings], ensure_ascii=False, indent=1))
        return
    for each in findings:
        click.echo(f"{each.state:<8} {each.name}: {each.found}")
        if each.remedy:
            click.echo(f"{'':<8} → {each.remedy}")
    worse = sum(each.state == "worse" for each in findings)
    click.echo(f"{worse} of {len(findings)} things here make figures worse.")
