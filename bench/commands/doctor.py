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
@click.option("--json", "as_json", is_flag=True, help="One record per finding.")
@DEBUG
def doctor(as_json: bool) -> None:
    """Examine this machine.

    What makes figures worse here, and what mends it.
    """
    findings = examine()
    if as_json:
        click.echo(
            json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1)
        )
        return
    for finding in findings:
        click.echo(f"{finding.state:<8} {finding.name}: {finding.observed}")
        if finding.remedy:
            click.echo(f"{'':<8} → {finding.remedy}")
        for line in finding.lines:
            click.echo(f"{'':<8} {line}")
    worse = sum(finding.state == "worse" for finding in findings)
    click.echo(f"{worse} of {len(findings)} things here make figures worse.")
