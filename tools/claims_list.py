"""The list of claims in docs/claims.md, made from the claims themselves.

    python -m tools.claims_list

writes it anew, between its two marks.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from actbench.bench.claims.claim import claims
from actbench.bench.results.claim_words import heading
from actbench.bench.results.claims import Topic
from actbench.bench.words import escaped

PAGE = Path(__file__).resolve().parents[1] / "docs" / "claims.md"
BEGIN, END = "<!-- the claims -->", "<!-- the end of the claims -->"


def listed() -> str:
    """Every claim by topic, with its name and its source."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    for topic in Topic:
        alike = [claim for claim in claims().values() if claim.topic is topic]
        yield from ["", f"### {heading(topic)}", ""] if alike else []
        for claim in alike:
            yield f"- {escaped(claim.sentence)} ({escaped(claim.source)}) `{claim.name}`"
    yield ""


def page(text: str) -> str:
    """The text of docs/claims.md with the list as it should be."""
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    return f"{before}{BEGIN}\n{listed()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
