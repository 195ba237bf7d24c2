"""Words that comparisons share: cases by name, counts, tables, and values that JSON can hold."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .catalog.activations import REFERENCES
from .catalog.cases import OF_INPUT, USUAL, Case
from .catalog.frameworks import frameworks
from .catalog.places import Outputs, Place, Where
from .host.environment import FEATURES, Circumstance

_MARKS = frozenset("\\`*_<>|[]")
_CONDITIONS: Mapping[str, str] = {
    **dict.fromkeys(("mode", "direction", "dtype"), "{}"),
    "size": "{:,} {of}",
    "device": "{}",
    "threads": "{} threads",
    "output": "output {}",
    "cache": "cache {}",
    "input": "inputs {}",
    "shape": "shape {}",
    "row": "rows of {:,}",
    "axis": "along axis {}",
    "layout": "{}",
}
"""The wording per field of a case."""
_SILENT: Mapping[str, Any] = {
    **dict.fromkeys(("mode", "direction", "dtype"), ""),
    "size": 0,
    "device": "cpu",
    "threads": 1,
    **USUAL,
}
"""The usual value of each field, which goes without saying."""


_PLACES = {
    Where.CALL: "one tiny call",
    Where.CACHE: "in cache",
    Where.LAST_LEVEL: "in the last-level cache",
    Where.MEMORY: "from memory",
}
_EIGHTHS = " ▏▎▍▌▋▊▉█"

_TITLES: dict[str, str] = {}
"""The titles of frameworks, as the stored runs that were read give them."""


_UNWRITABLE = re.compile(
    "[^\t\n -~\xa0-\u2029\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
"""Control characters, changes of direction and halves of pairs."""


def circumstance(change: Circumstance) -> str:
    """`JAX: XLA_FLAGS none → --xla_cpu_use_fusion=false.`"""
    return f"{title(change.framework) if change.framework else 'Machine'}: {_changed(change)}."


def besides(changes: Sequence[Circumstance]) -> str:
    """`besides: XLA_FLAGS none → --xla_cpu_use_fusion=false`; empty where nothing changed."""
    return f"besides: {', '.join(map(_changed, changes))}" if changes else ""


def _changed(change: Circumstance) -> str:
    """`CPU quota none → 1.5`; of CPU features, those that came or went."""
    if change.what == FEATURES:
        before, after = (set((text or "").split()) for text in (change.before, change.after))
        gone = [f"without {name}" for name in sorted(before - after)]
        come = [f"with {name}" for name in sorted(after - before)]
        return f"{change.what}: {' '.join([*gone, *come])}"
    return f"{change.what} {change.before or 'none'} → {change.after or 'none'}"


def writable(text: str) -> str:
    """Text with U+FFFD in place of what no page can hold and no terminal should obey."""
    return text if text.isprintable() else _UNWRITABLE.sub("\ufffd", text)


def know(titles: Mapping[str, str]) -> None:
    """Remember the titles of a stored run's frameworks, by name."""
    _TITLES.update(titles)


def title(framework: str) -> str:
    """The title of a framework from stored runs, else from `impls/`; else its bare name."""
    known = frameworks().get(framework)
    return _TITLES.get(framework) or (known.title if known else framework)


def place_words(place: Place) -> str:
    """`in cache`; `from memory, into fresh pages` where outputs are mapped anew in each call."""
    fresh = place.outputs is Outputs.FRESH_PAGES
    return f"{_PLACES[place.where]}{', into fresh pages' if fresh else ''}"


def named(case: Case, of: str = "elements") -> str:
    """`PyTorch gelu native, eager, forward, float32, 4,096 elements`."""
    subject = f"{title(case.framework)} {case.activation} {case.form}"
    return ", ".join(filter(None, (subject, conditions(case.as_dict(), of), rows_of(case))))


def conditions(fields: Mapping[str, Any], of: str = "elements") -> str:
    """`forward, float32, 64 elements, 2 threads`: some fields of a case in words."""
    return ", ".join(
        text.format(fields[name], of=of)
        for name, text in _CONDITIONS.items()
        if fields.get(name, _SILENT[name]) != _SILENT[name]
    )


def of_input(case: Any) -> str:
    """The unusual properties of the input of a case or setting: `inputs subnormal, rows of 257`."""
    return conditions({name: getattr(case, name) for name in OF_INPUT})


def rows_of(case: Case) -> str:
    """`rows of 256` for a case whose function takes rows, unless the case says so; else empty."""
    name = case.activation.partition("(")[0]
    if not case.size or case.row or name not in REFERENCES or not REFERENCES[name].rowwise:
        return ""
    return f"rows of {case.length:,}"


def number(value: float | None) -> str:
    """Three significant digits: `0.0123`, `1.20`, `65,500`, `1.2e9`, `∞`."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    rounded = float(f"{value:.3g}")
    size = abs(rounded)
    if size >= 1e6 or size < 1e-3:
        return f"{rounded:.2e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
    decimals = max(0, 2 - math.floor(math.log10(size)))
    return f"{rounded:,.{decimals}f}"


def duration(nanoseconds: float) -> str:
    """A time in the unit that suits it."""
    for factor, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if nanoseconds >= factor:
            return f"{number(nanoseconds / factor)} {unit}"
    return f"{number(nanoseconds)} ns"


def plus_minus(value: float, half_width: float) -> str:
    """`2.44 ±0.05`: a value and its half-width, given as a share, with as many decimals."""
    if math.isinf(half_width):
        return f"{number(value)} ±?"
    shown = number(value)
    decimals = len(shown.partition(".")[2])
    half = f"{half_width * value:.{decimals}f}"
    return f"{shown} ±{half if float(half) or not half_width else number(half_width * value)}"


def bar(share: float, letters: int = 10) -> str:
    """A bar of at most so many letters, with a resolution of an eighth of a letter."""
    eighths = max(1, round(share * letters * 8))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def counted(amount: int, noun: str, plural: str = "") -> str:
    """`1 case`, `2,000 cases`."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"


def listing(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""


def capital(text: str) -> str:
    """The text with a capital first, and the rest unchanged."""
    return f"{text[:1].upper()}{text[1:]}"


def short_hex(text: str) -> str:
    """A hexadecimal float without trailing zeros: `0x1p-3`."""
    return re.sub(r"\.?0+(?=p)", "", text) if "." in text else text


def tally(kinds: Iterable[str], order: Sequence[str]) -> str:
    """`1 slower, 2,000 same`, in the given order; empty where there is nothing to count."""
    counts = Counter(kinds)
    return ", ".join(f"{counts[kind]:,} {kind}" for kind in order if counts[kind])


def changed(old: float, new: float) -> str:
    """`0.5 → 0.812`: three significant digits, more where needed to differ; or counts."""
    if all(float(end).is_integer() and abs(end) < 1e15 for end in (old, new)):
        return f"{old:,.0f} → {new:,.0f}"
    digits = next((n for n in range(3, 18) if f"{old:.{n}g}" != f"{new:.{n}g}"), 3)
    return f"{old:.{digits}g} → {new:.{digits}g}"


@dataclass(frozen=True)
class Table:
    """Rows of text below a head."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def text(self, head: bool = True) -> list[str]:
        """The lines for a terminal, with aligned columns."""
        rows = [*([self.head] if head else ()), *self.rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]

    def markdown(self) -> list[str]:
        """The lines in Markdown, cells escaped; no lines without rows."""
        rows = [self.head, ["---"] * len(self.head), *(map(escaped, row) for row in self.rows)]
        return [f"| {' | '.join(row)} |" for row in rows] if self.rows else []


def escaped(text: str) -> str:
    """Text on one line, escaped for Markdown."""
    return " ".join("".join(f"\\{mark}" if mark in _MARKS else mark for mark in text).split())


def finite(record: Any) -> Any:
    """A record for JSON, with null for infinities and NaN."""
    if isinstance(record, Mapping):
        return {name: finite(value) for name, value in record.items()}
    if isinstance(record, list | tuple):
        return [finite(value) for value in record]
    return None if isinstance(record, float) and not math.isfinite(record) else record
