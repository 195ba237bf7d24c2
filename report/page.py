"""The page, put together: one file with everything in it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..bench.exactness.special import BOUND
from ..bench.results.metrics import METRICS
from .compare.pairs import NAMED
from .questions import asked as questions
from .read.evidence import COARSE, Evidence, with_device
from .sections import (
    answers,
    conditions,
    exactness,
    expcost,
    findings,
    gate,
    glance,
    overview,
    parts,
    special,
    trust,
    wide,
)
from .sections.figures import figures
from .tables import flags, tables
from .words import counted, writable

TEMPLATES = Path(__file__).parent / "templates"

WORDS: Mapping[str, str] = {
    "family": "max (comparison and addition), exp (needs a transcendental function), algebraic "
    "(+ − × ÷ √ only); primitive is a single operation, which explains what the others cost and "
    "is in no comparison of families",
    "form": "how an activation is written: native is the framework's own function, textbook the "
    "formula as the literature prints it, wide one that holds for every input, computed in the "
    "next wider format and rounded once, blocked one in blocks that stay in the cache; max, abs, "
    "where and logaddexp are named after the operation they rest on",
    "mode": "eager, operation by operation, or compiled as a whole, where the framework can",
    "direction": "forward is the function, backward the gradient alone, both the two in one call",
    "setting": "what cases must share to be compared: framework, mode, direction, device, dtype, "
    "size, threads, output and cache",
    "output": "fresh: each call returns memory of its own; reused: it writes where the last one "
    "wrote. Sentences and charts speak of fresh outputs only",
    "cache": "warm: a call finds its input where the last one left it; cold: nothing of it is in "
    "any cache. Sentences and charts speak of warm ones only",
    "size class": "a number of elements chosen from the caches of the machine: launch (the call "
    "itself decides), l1, l2 (arithmetic decides), last_level (the shared cache), memory (DRAM); "
    "between tests the line from l1 to l2",
    "plain form": "the form that people take first: native, or the first one written out where "
    "the framework has none",
    "refused": "timed, but the time would mislead, for a check failed: the reason is given",
    "ulp": "unit in the last place: the distance between neighbouring numbers of the dtype at the "
    "exact value",
    "interval": "95 % confidence interval; two activations count as different only if their "
    "intervals do not touch, which errs on the side of not telling them apart",
}

PARTS: Mapping[str, str] = {
    "copy-floor": "copy floor",
    "arithmetic": "arithmetic",
    "memory": "memory",
    "allocation": "allocation",
    "launch": "launch",
    "handoff": "handoff",
}
"""The parts of a cost by the colour they have in charts."""


def render(evidence: Evidence) -> str:
    """The page as HTML text. The same rows give the same text."""
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    made = tables.all_tables(evidence)
    notes = flags.notes(evidence)
    gate_alone = all(run.facts.selftest for run in evidence.runs.values())
    template = environment().get_template("page.html.j2")
    return template.render(
        title=_title(evidence),
        headlines=glance.headlines(evidence),
        verdict=glance.verdict(evidence),
        glance=glance.figure(evidence),
        by_framework=glance.sentences(evidence),
        absent=[*glance.absent(evidence), *([] if gate_alone else answers.absent(evidence))],
        tally=answers.verdict(evidence),
        sound_verdict=answers.sound_verdict(evidence),
        groups=answers.groups(evidence),
        rowwise=sorted({each.case.activation for each in evidence.timed if each.rowwise}),
        exactness=exactness.sentences(evidence),
        coarse=f"{COARSE:,.0f}",
        trust=trust.state(evidence),
        unfinished=trust.unfinished(evidence),
        warnings=trust.warnings(evidence),
        refusals=trust.refusals(evidence),
        none_missing=trust.none_missing(evidence),
        exp_tables=expcost.tables(evidence),
        exp_headlines=expcost.headlines(evidence),
        named=NAMED,
        part_figures=parts.figures(evidence),
        part_names=PARTS,
        fit=parts.fit_sentence(evidence),
        model_figures=parts.model_figures(evidence),
        model=parts.model_sentences(evidence),
        primitives=parts.primitives(evidence),
        gates=gate.tables(evidence),
        gate_alone=gate_alone,
        wide=wide.pivots(evidence),
        findings=findings.section(evidence),
        special=special.pivots(evidence),
        conditions=conditions.sentences(evidence),
        bound=BOUND,
        views=overview.views(evidence),
        tables={name: len(table["rows"]) for name, table in made.items()},
        runs=[(name, _facts(run.facts)) for name, run in evidence.runs.items()],
        paths=[writable(str(run.path / "rows.jsonl")) for run in evidence.runs.values()],
        metrics=METRICS.values(),
        words=WORDS,
        style=style(),
        script=Markup(script),
        script_hash=_hash(script),
        notes=notes,
        mixture=tables.mixture(evidence),
        measure=partial(with_device, evidence),
        data=packed(
            {
                "tables": made,
                "commands": tables.commands(),
                "notes": {table: [each.key for each in found] for table, found in notes.items()},
                "headers": tables.headers(),
                "file": _file(evidence),
            }
        ),
        questions=questions.answers(evidence),
        figures=figures(evidence),
    )


def packed(content: Any) -> str:
    """JSON, compressed and in base 64: a tenth of its length, and no markup in it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def environment() -> Environment:
    """The templates: everything is escaped, and a name that is not there is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["counted"] = counted
    return made


def style(*more: str) -> Markup:
    """The style of every page, then that of other files beside it."""
    names = ("page.css", *more)
    return Markup("".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names))


def _title(evidence: Evidence) -> str:
    return f"What an activation costs, and how right it is: {', '.join(evidence.runs)}"


def _file(evidence: Evidence) -> str:
    """The first part of the name of every file that the page makes."""
    names = "-".join(Path(name).name for name in evidence.runs)
    return f"actbench-{re.sub(r'[^A-Za-z0-9.-]+', '-', names)[:80]}"


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _facts(facts: Any) -> list[tuple[str, str]]:
    """Everything that is known of a run, flattened to words."""
    return [
        ("command", facts.command),
        ("state", facts.state),
        ("started", facts.started),
        ("finished", facts.finished or "never"),
        ("profile", facts.profile),
        ("seed", str(facts.seed)),
        ("inputs", facts.inputs),
        (
            "sampling",
            f"{counted(facts.rounds, 'round')} in each of "
            f"{counted(facts.epochs, 'process', 'processes')}, batches of about {facts.batch} s; "
            f"{facts.per_binade} random inputs in each binade; until ±{facts.precision:.0%} or "
            f"{facts.budget:g} s in all",
        ),
        *_flat("size classes, elements", facts.size_classes),
        *_flat("project", facts.project),
        *((f"asked: {key}", _written(value) or "all") for key, value in facts.asked.items()),
        *_flat("seconds", facts.seconds),
        *_flat("loop overhead, ns", facts.loop_overhead_ns),
        *_flat("machine", facts.machine),
        *_flat("worker", facts.workers),
    ]


def _flat(prefix: str, content: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(f"{prefix}: {key}", _written(value) or "none") for key, value in content.items()]


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_written(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_written, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
