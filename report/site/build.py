"""The building of a site from published runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from ...bench.host.errors import StoreError, UsageError
from ...bench.host.progress import Reporter
from ...bench.results import elsewhere
from ...bench.results.addresses import brought, is_address, named
from ...bench.results.answers import written
from ..page import render, write
from ..read.rows import read
from ..words import writable
from . import pages, trends
from .feed import feed
from .runs import Listed, Unread, listed

OURS = frozenset({"index.html", "trends.html", "feed.json", "runs"})
"""The entries of a site. A folder with any other entry is not written to."""


@dataclass(frozen=True)
class Built:
    """A site that was written: its index, its summary, its runs, and the changes over them."""

    path: Path
    sentence: str
    listed: tuple[Listed, ...]
    unread: tuple[Unread, ...]
    changes: tuple[str, ...]


def build(published: str, out: Path, base_url: str = "") -> Built:
    """Write the site of the runs in a folder of this machine, or of an address.

    Raises UsageError for a folder or an address that cannot be a site's, StoreError if nothing
    can be read or written.
    """
    address = _address(base_url)
    names = _names(published)
    _make_room(out)
    done, unread = _reports(names, out / "runs")
    _prune(out / "runs", {run.page for run in done})
    of_machines = trends.trends(done)
    text = json.dumps(feed(done, address), ensure_ascii=False, indent=1, allow_nan=False)
    write(out / "trends.html", pages.trend_page(done, of_machines))
    write(out / "feed.json", text + "\n")
    write(out / "index.html", pages.index(done, unread, of_machines))
    changes = [text for trend in of_machines for text in trends.sentences(trend) if trend.changed]
    sentence = pages.summary(done, unread, of_machines)
    return Built(out / "index.html", sentence, tuple(done), tuple(unread), tuple(changes))


@dataclass(frozen=True)
class Answer:
    """A site that was written: its index, its runs, those in the trends, and the changes there.

    `unread` says why other folders cannot be read.
    """

    path: Path
    runs: list[str]
    in_trends: list[str]
    unread: dict[str, str]
    changes: tuple[str, ...]


def for_machines(built: Built) -> str:
    """One JSON object: path, runs, unread folders, changes."""
    return written(
        Answer(
            path=built.path,
            runs=[run.name for run in built.listed],
            in_trends=[run.name for run in built.listed if not run.excluded],
            unread={folder.name: folder.reason for folder in built.unread},
            changes=built.changes,
        )
    )


def _address(base_url: str) -> str:
    """A base address that ends in a slash; empty stays empty."""
    if not base_url:
        return ""
    try:
        parts = urlsplit(base_url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise UsageError(
            f"--base-url {base_url!r} is not the address of a site: https://example.org/folder/"
        )
    return base_url if base_url.endswith("/") else f"{base_url}/"


def _names(published: str) -> list[str]:
    """The paths or addresses of all published runs. Raises StoreError where nothing can be read."""
    if is_address(published):
        return elsewhere.runs(published, depth=2)
    try:
        entries = sorted(Path(published).iterdir())
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            f"cannot read {published}: {reason}; actbench publish RUN makes it"
        ) from None
    return [str(path) for path in entries if path.is_dir() and not path.name.startswith(".")]


def _make_room(out: Path) -> None:
    try:
        strange = {entry.name for entry in out.iterdir()} - OURS if out.exists() else set()
        if strange:
            raise UsageError(
                f"{out} holds {min(strange)}, which no site has: choose another folder with --out"
            )
        (out / "runs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            f"cannot write {out}: {reason}; choose another folder with --out"
        ) from None


def _reports(names: list[str], out: Path) -> tuple[list[Listed], list[Unread]]:
    """Write the report of every run, keeping only the rows that the trends need."""
    done: list[Listed] = []
    unread: list[Unread] = []
    with Reporter().phase("Reports", len(names)) as advance:
        for name in names:
            try:
                with brought(name) as folder:
                    evidence = read((folder,))
                    text, run = render(evidence), listed(folder.name, evidence)
            except Exception as error:  # whatever is wrong with one run, the others have a page
                short = PurePosixPath(name.partition("::")[0]).name
                unread.append(Unread(writable(short), writable(_reason(name, error))))
            else:
                write(out / run.page, text)
                done.append(run)
            advance()
    return done, unread


def _reason(name: str, error: Exception) -> str:
    """The reason why a run has no report."""
    if isinstance(error, StoreError):
        return named(str(error))
    return f"no page can be made of {name}: {error!r}; actbench report {name} shows where"


def _prune(folder: Path, pages: set[str]) -> None:
    """Remove reports of runs that are no longer published."""
    try:
        for path in folder.glob("*.html"):
            if path.name not in pages:
                path.unlink()
    except OSError as error:
        raise StoreError(f"cannot remove {path}: {error.strerror or error}") from None
