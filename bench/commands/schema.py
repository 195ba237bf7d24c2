"""The command `schema`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..host.errors import StoreError, UsageError
from .options import DEBUG
from .schemas import SCHEMAS

_EXAMPLES = """
\b
Examples:
  actbench schema
  actbench schema row > row.schema.json
  actbench schema --out docs/schemas

\b
Exit status: 0 written, 2 bad usage, 4 a folder that cannot be written.
"""


@click.command(epilog=_EXAMPLES)
@click.argument("name", required=False, type=click.Choice(tuple(SCHEMAS)), metavar="[NAME]")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write all of them to.")
@DEBUG
def schema(name: str | None, out: Path | None) -> None:
    """Print the JSON Schema of a stored file or an answer.

    Without a NAME: the names, and what each is of.
    """
    if name and out:
        raise UsageError("--out writes all schemas: leave the NAME out")
    if name:
        click.echo(text(name), nl=False)
    elif out:
        _write(out)
    else:
        for known, record in SCHEMAS.items():
            click.echo(f"{known:<26} {record.of}")


def text(name: str) -> str:
    """The schema of a name as its file has it."""
    return json.dumps(SCHEMAS[name].record, indent=1, ensure_ascii=False) + "\n"


def file_name(name: str) -> str:
    """The file name of its schema."""
    return f"{name}.schema.json"


def _write(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in SCHEMAS:
            (folder / file_name(name)).write_text(text(name), encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"cannot write {folder}: {error.strerror}; choose another --out"
        ) from error
    click.echo(f"Wrote {len(SCHEMAS)} schemas to {folder}.")
