"""Changes of what chose the code stand beside the cases that became slower."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from actbench.bench.catalog.cases import Case
from actbench.bench.compare import circumstances, words
from actbench.bench.compare.runs import compare
from actbench.bench.host.environment import FEATURES, Circumstance, Environment
from actbench.bench.host.machine import Cpus, Machine
from actbench.bench.results.facts import RunFacts, WorkerFacts
from actbench.bench.results.rows import Against, Ended, Other, Row, Sampling
from actbench.bench.results.store import Run

from ...answers import held
from ...conftest import run_facts

SAMPLING = Sampling(processes=5, samples=45, dropped=0, ended=Ended.NARROW)
CASES = [
    Case(framework, name, "native", "eager", "forward", "cpu", "float32", size, 1)
    for framework in ("torch", "jax")
    for name in ("relu", "gelu", "silu", "mish", "elu", "squareplus")
    for size in (64, 4096)
]


def _facts(environment: Environment | None, quota: float | None = None) -> RunFacts:
    machine = Machine("Example", cores=2, cpus=Cpus((0, 1), quota))
    workers = {
        "torch": WorkerFacts("torch", python="3.11.7", environment=environment),
        "jax": WorkerFacts("jax", python="3.11.7", environment=Environment()),
    }
    return run_facts(machine=machine, workers=workers, state="finished")


def _run(facts: RunFacts, slower: float = 1.0) -> Run:
    rows = []
    for case in CASES:
        factor = slower if (case.framework, case.activation) == ("torch", "gelu") else 1.0
        cost = factor if case.activation == "relu" else 2 * factor
        for metric, value in (("time_per_call", 1e4 * factor), ("relative_cost", cost)):
            row = Row(case, metric, value, value / 1.001, value * 1.001, sampling=SAMPLING)
            unit = Against(Other.UNIT, "relu", "native")
            rows.append(replace(row, against=unit) if metric == "relative_cost" else row)
    return Run(Path("run"), facts, rows)


PLAIN = Environment({"OMP_NUM_THREADS": "1"}, ("SSE", "AVX2", "AVX512F"))
CHANGED = Environment(
    {"OMP_NUM_THREADS": "1", "NPY_DISABLE_CPU_FEATURES": "AVX512F"}, ("SSE", "AVX2")
)


def test_each_change_of_what_chose_the_code_is_typed() -> None:
    base, candidate = _facts(PLAIN), _facts(CHANGED, quota=1.5)
    assert circumstances.changes(base, candidate) == [
        Circumstance("", "CPU quota", None, "1.5"),
        Circumstance("torch", FEATURES, "SSE AVX2 AVX512F", "SSE AVX2"),
        Circumstance("torch", "NPY_DISABLE_CPU_FEATURES", None, "AVX512F"),
    ]
    assert circumstances.changes(base, base) == []
    assert circumstances.changes(_facts(None), candidate)[1:] == [], "an older run does not say"


def test_it_stands_beside_what_became_slower_of_that_framework() -> None:
    comparison = compare(_run(_facts(PLAIN)), _run(_facts(CHANGED), slower=1.5))
    slower = [entry for entry in words.entries(comparison) if entry.verdict == "slower"]
    of_cases = [entry for entry in slower if "gelu" in entry.what]
    assert of_cases
    for entry in of_cases:
        assert "besides: " in entry.why
        assert "NPY_DISABLE_CPU_FEATURES none → AVX512F" in entry.why
        assert "without AVX512F" in entry.why
    said = words.for_people(comparison, 20)
    assert "PyTorch: NPY_DISABLE_CPU_FEATURES none → AVX512F." in said
    record = held("answer-compare", words.for_machines(comparison, False))
    besides = {
        (timing["case"]["activation"], timing["verdict"], len(timing["besides"]))
        for timing in record["times"]["timings"]
        if timing["case"]["framework"] == "torch"
    }
    assert ("gelu", "slower", 2) in besides
    assert all(count == 0 for _, verdict, count in besides if verdict not in ("slower", "faster"))
    assert "NPY_DISABLE_CPU_FEATURES" in {each["what"] for each in record["circumstances"]}


def test_nothing_is_said_where_nothing_changed() -> None:
    comparison = compare(_run(_facts(PLAIN)), _run(_facts(PLAIN), slower=1.5))
    assert all("besides" not in entry.why for entry in words.entries(comparison))
