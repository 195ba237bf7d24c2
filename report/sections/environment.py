"""Everything that is known of each run besides its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from ...bench.results.facts import RunFacts
from ..read.evidence import Evidence
from ..words import counted, machine

ORDER = 80
TITLE = "Environment"


def SUMMARY(evidence: Evidence) -> str:
    """The machines of the runs."""
    machines = dict.fromkeys(machine(run.facts.machine) for run in evidence.runs.values())
    return f"{'; '.join(machines)}: versions, settings and the command of each run."


def content(evidence: Evidence) -> Mapping[str, Any]:
    """The facts of each run as keys and texts."""
    return {"runs": [(name, _facts(run.facts)) for name, run in evidence.runs.items()]}


def _facts(facts: RunFacts) -> list[tuple[str, str]]:
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
            f"{counted(facts.epochs, 'process', 'processes')} or more per case, batches of about "
            f"{facts.batch} s; "
            f"{facts.per_binade} random inputs in each binade; until ±{facts.precision:.0%} or "
            f"{facts.budget:g} s in all",
        ),
        *_flat("size classes, elements", facts.size_classes),
        *_flat("project", vars(facts.project)),
        *((f"asked: {key}", _text(value) or "all") for key, value in facts.asked.items()),
        *_flat("seconds", facts.seconds),
        *_flat("loop overhead, ns", facts.loop_overhead_ns),
        *_flat("machine", vars(facts.machine)),
        *_flat("worker", facts.workers),
    ]


def _flat(prefix: str, content: Mapping[str, Any]) -> list[tuple[str, str]]:
    known = {key: value for key, value in content.items() if value is not None}
    return [(f"{prefix}: {key}", _text(value) or "none") for key, value in known.items()]


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_text(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    if is_dataclass(value):
        known = {field.name: getattr(value, field.name) for field in fields(value)}
        return _text({name: part for name, part in known.items() if part not in (None, "")})
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
