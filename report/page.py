"""The page, put together: one file with everything in it, section by section."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..bench.host.errors import StoreError
from . import modules, sections
from .read.evidence import Evidence
from .tables import flags
from .tables.grid import paths
from .tables.tables import all_tables
from .words import capital, counted

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Section:
    """A section as it stands on the page; `link` is its name in the contents."""

    anchor: str
    title: str
    link: str
    html: Markup


def render(evidence: Evidence) -> str:
    """The page as HTML text. The same rows give the same text."""
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    return (
        environment(sections.__path__)
        .get_template("page.html.j2")
        .render(
            title=f"What an activation costs, and how right it is: {', '.join(evidence.runs)}",
            runs=list(evidence.runs),
            paths=paths(evidence),
            sections=list(_sections(evidence)),
            style=style(),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            data=packed(
                {
                    "tables": all_tables(evidence),
                    "notes": {
                        table: [note.key for note in notes]
                        for table, notes in flags.notes(evidence).items()
                    },
                    "file": _file(evidence),
                }
            ),
        )
    )


def _sections(evidence: Evidence) -> Iterator[Section]:
    """Every section that has something to say; one that leads comes first."""
    templates = environment(sections.__path__)
    in_order = modules(sections)
    for module in sorted(in_order, key=lambda module: not _leads(module, evidence)):
        content = module.content(evidence)
        if content is not None:
            name = module.__name__.rpartition(".")[2]
            html = Markup(templates.get_template(f"{name}.html.j2").render(content))
            yield Section(name, module.TITLE, getattr(module, "LINK", module.TITLE), html)


def _leads(module: Any, evidence: Evidence) -> bool:
    return hasattr(module, "leads") and bool(module.leads(evidence))


def environment(folders: Iterable[str | Path] = ()) -> Environment:
    """The templates: everything is escaped, and a name that is not there is an error."""
    templates = Environment(
        loader=FileSystemLoader([TEMPLATES, *folders]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["counted"] = counted
    templates.filters["capital"] = capital
    return templates


def style() -> Markup:
    """The style of every page."""
    return Markup((TEMPLATES / "page.css").read_text(encoding="utf-8"))


def packed(content: Any) -> str:
    """JSON, compressed and in base 64: a tenth of its length, and no markup in it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def _file(evidence: Evidence) -> str:
    """The first part of the name of every file that the page makes."""
    names = "-".join(Path(name).name for name in evidence.runs)
    return f"actbench-{re.sub(r'[^A-Za-z0-9.-]+', '-', names)[:80]}"


def write(path: Path, text: str) -> None:
    """Write a page so that a full disk leaves an older one whole. Raises StoreError."""
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
        else:
            _replace(path.resolve(), text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            f"cannot write {path}: {reason}; choose another file with --out"
        ) from error


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
