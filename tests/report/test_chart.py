"""The command `chart`: its figures hold the rows, its files are the same twice, and its errors."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from actbench.commands import cli
from actbench.report.draw import paper
from actbench.report.matrix.chart import Choice, costs, times
from actbench.report.matrix.model import matrix
from actbench.report.read.evidence import Evidence
from actbench.report.words import spelled, title

from .conftest import split_case, timing_rows

KINDS = {".svg": b"<?xml", ".pdf": b"%PDF-", ".png": b"\x89PNG"}


def call(*words: object) -> Result:
    return CliRunner().invoke(cli, ["chart", *map(str, words)])


def one_sentence(result: Result, status: int) -> str:
    assert result.exit_code == status, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def drawn(evidence: Evidence, choice: Choice) -> Figure:
    return paper.rows(*costs(evidence, matrix(evidence), choice))


def marks(axes: Axes) -> list[tuple[float, float, bool]]:
    """The places and heights of markers, and whether each is filled."""
    return [
        (float(x), float(y), line.get_markerfacecolor() != "white")
        for line in axes.get_lines()
        if line.get_linestyle() == "None"
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    ]


def spans(axes: Axes) -> set[tuple[float, float]]:
    """The ends of horizontal intervals."""
    return {
        (float(segment[0][0]), float(segment[1][0]))
        for lines in axes.collections
        if isinstance(lines, LineCollection)
        for segment in lines.get_segments()
    }


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_a_figure_of_costs_holds_every_plain_cost_and_its_interval(
    evidence: dict[str, Evidence], direction: str
) -> None:
    normal = evidence["normal"]
    figure = drawn(normal, Choice("cache", direction, "float32"))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    for axes in figure.axes:
        rows = [
            timed
            for timed in normal.timed
            if title(timed.case.framework) == axes.get_title()
            and (timed.case.direction, timed.case.size) == (direction, 65536)
            and timed.plain
            and timed.family != "primitive"
            and timed.cost
        ]
        shown = {(names[round(y)], filled): x for x, y, filled in marks(axes)}
        assert shown == {
            (spelled(timed.case.activation), timed.case.mode == "compiled"): timed.cost.value
            for timed in rows
            if timed.cost
        }
        assert spans(axes) == {(t.cost.low, t.cost.high) for t in rows if t.cost}
    assert [axes.get_title() for axes in figure.axes] == ["JAX", "NumPy", "PyTorch", "TensorFlow"]


def test_rows_stand_by_family_the_cheapest_first(evidence: dict[str, Evidence]) -> None:
    normal = evidence["normal"]
    figure = drawn(normal, Choice(frameworks=("numpy",)))
    [axes] = figure.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    family = {spelled(t.case.activation): "row" if t.rowwise else t.family for t in normal.timed}
    order = ["max", "algebraic", "exp", "row"]
    assert [family[name] for name in names] == sorted(map(family.get, names), key=order.index)
    values = {names[round(y)]: x for x, y, _ in marks(axes)}
    for kind in order:
        known = [values[name] for name in names if family[name] == kind]
        assert known == sorted(known)
        assert known
    assert axes.get_xscale() == "log"
    assert [1, 1] in [list(line.get_xdata()) for line in axes.get_lines()]


def test_chosen_frameworks_activations_and_modes_alone(evidence: dict[str, Evidence]) -> None:
    choice = Choice(frameworks=("torch",), activations=("gelu", "relu"), modes=("eager",))
    [axes] = drawn(evidence["normal"], choice).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ReLU", "GELU"]
    assert [filled for *_, filled in marks(axes)] == [True, True]


def test_each_family_has_a_marker_and_a_colour_of_its_own(evidence: dict[str, Evidence]) -> None:
    axes = drawn(evidence["normal"], Choice(modes=("eager",))).axes[0]
    looks = [(line.get_marker(), line.get_color()) for line in axes.get_lines()[1:]]
    assert len({marker for marker, _ in looks}) == len({colour for _, colour in looks}) == 4


def test_a_figure_over_size_holds_every_time_and_the_floor(evidence: dict[str, Evidence]) -> None:
    split = evidence["split"]
    wanted = ("gelu", "mish")
    figure = paper.lines(*times(split, matrix(split), Choice(activations=wanted)))
    assert [axes.get_title() for axes in figure.axes] == ["JAX compiled", "PyTorch eager"]
    for axes, framework in zip(figure.axes, ("jax", "torch"), strict=True):
        lines = {line.get_label(): line for line in axes.get_lines()}
        assert list(lines) == ["copy", "GELU", "Mish"]
        for label, name in zip(lines, ("copy", *wanted), strict=True):
            known = {
                timed.case.size: timed.time.value
                for timed in split.timed
                if (timed.case.framework, timed.case.activation) == (framework, name)
            }
            x, y = lines[label].get_xdata(), lines[label].get_ydata()
            assert dict(zip(x, y, strict=True)) == known
            assert list(x) == sorted(known)
        assert lines["copy"].get_linestyle() == "--"
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_the_foot_names_machine_versions_and_run(evidence: dict[str, Evidence]) -> None:
    figure = drawn(evidence["normal"], Choice(frameworks=("torch",)))
    title_text, _, foot = (text.get_text().replace("\n", " ") for text in figure.texts)
    assert title_text == "Cost over ReLU, in cache, forward, float32, 1 thread"
    for words in ("95 % intervals", "Example CPU, 2 cores", "PyTorch 2.13", "run normal"):
        assert words in foot
    assert "JAX" not in foot


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("kind", ["cost", "size"])
def test_a_file_of_each_suffix_the_same_twice(
    runs: dict[str, Path], tmp_path: Path, suffix: str, kind: str
) -> None:
    first, second = (tmp_path / f"{name}{suffix}" for name in ("first", "second"))
    for out in (first, second):
        result = call(runs["split"], "--kind", kind, "--activation", "silu", "--out", out)
        assert (result.exit_code, result.stdout) == (0, f"{out}\n")
    assert first.read_bytes().startswith(KINDS[suffix])
    assert first.read_bytes() == second.read_bytes()


def test_beside_the_run_and_for_any_name(
    runs: dict[str, Path], make_run: Callable[..., Path], hostile_text: str
) -> None:
    strange = [
        replace(row, plain=True)
        for name in ("$x^", "\\frac{", hostile_text, "x" * 300)
        for row in timing_rows(split_case(name, hostile_text), 3e5, 0.01, 1e5)
    ]
    for run in (make_run(strange, "$r^"), runs["hostile"]):
        with warnings.catch_warnings(action="error"):
            result = call(run)
        assert result.exit_code == 0, result.output
        assert (run / "costs.svg").is_file()


def test_no_other_command_imports_matplotlib() -> None:
    code = (
        "import sys; from actbench.commands import cli; cli(['list'], standalone_mode=False); "
        "sys.exit('matplotlib' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("run", "options", "status", "words"),
    [
        ("empty", (), 2, "nothing to draw"),
        ("single", (), 2, "nothing to draw: the run has no cost over ReLU"),
        ("normal", ("--place", "memory"), 2, "nothing to draw of what was chosen: the run has"),
        ("split", ("--activation", "elu", "--activation", "gelu"), 2, "nothing to draw of elu"),
        ("split", ("--framework", "numpy"), 2, "nothing to draw of numpy"),
        ("normal", ("--activation", "gulu"), 2, "did you mean glu, gelu"),
        ("normal", ("--out", "costs.jpg"), 2, "unknown suffix '.jpg' of --out"),
        ("normal", ("--out", "costs"), 2, "choose from .svg, .pdf, .png"),
        ("normal", ("--kind", "size", "--place", "cache"), 2, "--place is for --kind cost"),
        ("normal", ("--out", "nowhere/costs.svg"), 4, "cannot write nowhere/costs.svg"),
    ],
)
def test_errors(
    runs: dict[str, Path], run: str, options: tuple[str, ...], status: int, words: str
) -> None:
    assert words in one_sentence(call(runs[run], *options), status)


def test_an_unknown_run() -> None:
    assert "no run at nowhere" in one_sentence(call("nowhere"), 4)


def test_a_full_disk(runs: dict[str, Path], tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    out = tmp_path / "full.png"
    out.symlink_to("/dev/full")
    assert f"cannot write {out}" in one_sentence(call(runs["normal"], "--out", out), 4)


def test_help_has_examples() -> None:
    assert "Examples:" in call("--help").stdout
