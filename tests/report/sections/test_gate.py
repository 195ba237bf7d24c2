"""The page of a run that measured the regression gate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from actbench.bench.catalog.cases import Case
from actbench.bench.results.store import RunWriter, read_facts
from actbench.bench.run import summary
from actbench.bench.run.summary import Trial
from actbench.report.commands.page import make

_CASE = Case("numpy", "relu", "max", "eager", "forward", "cpu", "float32", 64, 1)


def _trial(gate: int, verdict: str, share: float = 0.0, **changes: object) -> Trial:
    plain = {"hogs": "none", "how": "work" if share else "", "phase": "screening", "cycle": 0}
    ends = {"value": 1 + share, "low": 0.99 + share, "high": 1.01 + share}
    counts = {"processes": 3, "blocks": 96, "spoilt": 0, "timed": 8.0, "wall": 20.0}
    fields = {**plain, **ends, **counts, **changes}
    return Trial(case=_CASE, gate=gate, verdict=verdict, share=share, **fields)  # type: ignore[arg-type]


def _page(run: Path) -> str:
    return make((run,), run / "page.html")[1].read_text(encoding="utf-8")


def test_the_page_shows_calls_of_the_gate_and_of_its_rival(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    trials = [
        _trial(0, "same", rival={"pytest-benchmark min:5%": True}),
        _trial(1, "same"),
        _trial(2, "slower", 0.05),
    ]
    lines = summary.summary(trials)
    any_facts = read_facts(next(iter(runs.values())))
    run_facts = replace(any_facts, selftest=lines, command="actbench selftest <x>")
    writer = RunWriter(tmp_path / "run", run_facts)
    writer.finish(summary.rows(trials))
    page = _page(tmp_path / "run")
    assert "How often the regression gate is wrong" in page
    assert "Of 2 gates on the same code, 0 raised a false alarm." in page
    assert "1 of 1 (2.5–100.0%)" in page
    assert "actbench selftest &lt;x&gt;" in page
    assert "<li>Of 2 gates on the same code, 0 raised a false alarm.</li>" in page
    assert '<details id="gate"' in page
    assert "was not measured: not asked for" not in page


def test_beside_a_run_of_activations_the_gate_comes_after_the_answer(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    lines = summary.summary([_trial(0, "same")])
    run_facts = replace(read_facts(runs["normal"]), selftest=lines)
    RunWriter(tmp_path / "run", run_facts).finish(summary.rows([_trial(0, "same")]))
    printed, path = make((runs["single"], tmp_path / "run"), tmp_path / "page.html")
    page = path.read_text()
    assert printed.endswith("Of 1 gate on the same code, 0 raised a false alarm.")
    assert page.index("GELU takes 16.4 µs") < page.index("<li>Of 1 gate") < page.index('id="gate"')


def test_without_a_line_of_the_gate_there_is_no_table(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    lines = summary.summary([_trial(0, "same", rival={"pytest-benchmark min:5%": True})])
    rival = [line for line in lines if line.tool != summary.GATE]
    assert rival
    run_facts = replace(read_facts(runs["normal"]), selftest=rival)
    RunWriter(tmp_path / "run", run_facts).finish([])
    assert 'id="gate"' not in _page(tmp_path / "run")


def test_other_pages_have_no_such_section(pages: dict[str, Path]) -> None:
    assert not any('id="gate"' in page.read_text(encoding="utf-8") for page in pages.values())
