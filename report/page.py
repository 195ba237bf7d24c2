"""The assembled page: one file with everything in it, section by section."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..bench.host.errors import StoreError
from . import modules, sections
from .matrix import screen
from .matrix.sentences import MOST, sentences, unmeasured
from .read.evidence import Evidence, with_device
from .sections import claims, gate
from .tables import flags
from .tables.grid import paths
from .tables.tables import all_tables
from .words import capital, counted

TEMPLATES = Path(__file__).parent / "templates"
_SCRIPTS = ("common.js", "tables.js", "matrix.js", "drawer.js", "claims.js", "page.js")


@dataclass(frozen=True)
class Section:
    """A folded section: its anchor and title, a line that says what is in it, and its content."""

    anchor: str
    title: str
    summary: str
    html: Markup


def render(evidence: Evidence) -> str:
    """The page as HTML text. Equal rows give equal text."""
    script = _script()
    templates = environment(sections.__path__)
    return templates.get_template("page.html.j2").render(
        title=f"What an activation costs, and how right it is: {', '.join(evidence.runs)}",
        paths=paths(evidence),
        screen=screen.screen(evidence),
        sentences=spoken(evidence),
        command=_command(evidence),
        sections=list(_sections(evidence, templates)),
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
                "claims": claims.tables(evidence),
                "matrix": screen.data(evidence, _sheet(templates)),
                "file": _file(evidence),
            }
        ),
    )


def spoken(evidence: Evidence) -> list[str]:
    """The answer: at most three sentences, the last ones on the gate if it was measured."""
    return [*(sentences(evidence) or _unanswered(evidence)), *gate.sentences(evidence)][:MOST]


def _unanswered(evidence: Evidence) -> list[str]:
    return [] if gate.leads(evidence) else [unmeasured(evidence)]


def _command(evidence: Evidence) -> str:
    """The command that measures what the page cannot answer."""
    answered = sentences(evidence) or not _unanswered(evidence)
    return "" if answered else with_device(evidence, "actbench run")


def _sheet(templates: Environment) -> Callable[..., Any]:
    """The macro that shows a view of the matrix."""
    module: Any = templates.get_template("matrix.html.j2").module
    macro: Callable[..., Any] = module.sheet
    return macro


def _script() -> str:
    """The page's script: its parts share a scope of their own."""
    parts = ((TEMPLATES / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    return "\n".join(['"use strict";', "(() => {", *parts, "})();"])


def _sections(evidence: Evidence, templates: Environment) -> Iterator[Section]:
    """Every section that has something to say."""
    for module in modules(sections):
        content = module.content(evidence)
        if content is not None:
            name = module.__name__.rpartition(".")[2]
            html = Markup(templates.get_template(f"{name}.html.j2").render(content))
            yield Section(name, module.TITLE, module.SUMMARY(evidence), html)


def environment(folders: Iterable[str | Path] = ()) -> Environment:
    """The templates: everything is escaped, and an undefined name is an error."""
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
    """JSON, compressed and in base 64: a tenth of its length, and without markup."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def _file(evidence: Evidence) -> str:
    """The first part of the name of every file that the page offers."""
    names = "-".join(Path(name).name for name in evidence.runs)
    return f"actbench-{re.sub(r'[^A-Za-z0-9.-]+', '-', names)[:80]}"


def write(path: Path, content: str | bytes) -> None:
    """Write a page or a figure so that a full disk leaves an older one whole.

    Raises StoreError.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            _replace(path.resolve(), data)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            f"cannot write {path}: {reason}; choose another file with --out"
        ) from error


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
