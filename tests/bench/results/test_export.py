"""Tables of a run for other tools, and the lines of the README that make one."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pandas.testing import assert_frame_equal

from actbench.bench.catalog.cases import Case
from actbench.bench.host.errors import UsageError
from actbench.bench.results.claims import write
from actbench.bench.results.export import DOWN, flattened, of_claims, table, write_table
from actbench.bench.results.store import Run, load

from ...answers import held
from ...claims import EVERY

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = max((ROOT / "results/published").glob("*-standard"))


@pytest.fixture(scope="module")
def run() -> Run:
    return load(PUBLISHED)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_lines_of_the_readme_make_the_table_of_costs(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    [lines] = [block for block in blocks if "import pandas" in block]
    names: dict[str, Any] = {}
    exec(lines.replace("results/NAME", str(PUBLISHED)), names)
    # pandas reads a number of JSON to its last digit but one.
    assert_frame_equal(names["costs"], table(run, "relative_cost"), rtol=1e-12)
    assert "squareplus" in capsys.readouterr().out


def test_a_table_has_every_figure_where_it_belongs(run: Run) -> None:
    costs = table(run, "relative_cost")
    rows = [row for row in run.records if row.metric == "relative_cost" and row.ok]
    assert costs.count().sum() == len(rows)
    for row in rows[:: len(rows) // 50]:
        line = tuple(getattr(row.case, name) for name in costs.index.names)
        assert costs.loc[line, (row.case.framework, row.case.mode)] == row.value


def test_both_formats_hold_the_same_figures(run: Run) -> None:
    costs = table(run, "relative_cost")
    written = {form: io.StringIO() for form in ("csv", "json")}
    for form, stream in written.items():
        write_table(flattened(costs), form, stream)
    lines = list(csv.DictReader(io.StringIO(written["csv"].getvalue())))
    records = json.loads(written["json"].getvalue())
    assert len(lines) == len(records) == len(costs)
    assert (
        [*lines[0]]
        == [*records[0]]
        == [*costs.index.names, *(" ".join(names) for names in costs.columns)]
    )
    for line, record in zip(lines, records, strict=True):
        for name, value in record.items():
            text = "" if value is None else str(value)
            assert line[name] == text or math.isclose(float(line[name]), value, rel_tol=1e-12)


@pytest.mark.parametrize(
    ("metric", "why"),
    [("gate_coverage", "has no gate_coverage"), ("gradient_at_kink", "a case has several figures")],
)
def test_what_makes_no_table_says_why(run: Run, metric: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        table(run, metric)


def test_lines_and_columns_are_all_of_a_case() -> None:
    assert {*DOWN, "framework", "mode"} == set(Case.__dataclass_fields__)


def test_a_table_of_claims_has_a_line_per_figure(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no claims: actbench claims --run"):
        of_claims(replace(run, path=tmp_path))
    write(tmp_path, EVERY)
    lines = of_claims(replace(run, path=tmp_path))
    assert list(lines.claim) == [
        claim.name for claim in EVERY.judged for _ in claim.figures or (None,)
    ]
    stream = io.StringIO()
    write_table(lines, "json", stream)
    records = held("answer-export-claims", stream.getvalue())
    assert records[0]["figure"] == "tanh over ReLU"
    assert [record["value"] for record in records[:2]] == [1.2, 1.25]
    [without] = [record for record in records if record["claim"] == "it-cannot-be-had"]
    assert without["figure"] is None
    assert any(record["value"] == math.inf for record in records)
