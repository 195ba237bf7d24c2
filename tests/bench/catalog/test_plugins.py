"""Entries of one's own: from a file to the page, and what is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from actbench.bench.catalog import activations, frameworks, plugins
from actbench.bench.catalog.activations import CATALOG, REFERENCES, find, find_reference
from actbench.bench.catalog.again import again
from actbench.bench.catalog.cases import PROFILES, Selection, expand
from actbench.bench.host.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]
GOOD = """
ACTIVATIONS = [{"name": "softcap", "formula": "c*tanh(x/c)", "parameters": {"c": 30.0}}]


def softcap_textbook_numpy(x, c=30.0):
    return x
"""


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """A function that names a plug-in by its text and loads it; all is forgotten afterwards."""
    kept = [dict(held) for held in (CATALOG, REFERENCES, frameworks._extended)]
    taken = set(activations._taken)
    monkeypatch.setenv(plugins.VARIABLE, "")

    def load(text: str) -> Path:
        path = tmp_path / f"mine{len(list(tmp_path.iterdir()))}.py"
        path.write_text(text, encoding="utf-8")
        plugins.name(str(path))
        activations.load_plugins()
        return path

    yield load
    for held, before in zip((CATALOG, REFERENCES, frameworks._extended), kept, strict=True):
        held.clear()
        held.update(before)  # type: ignore[arg-type]
    activations._taken.clear()
    activations._taken.update(taken)
    find.cache_clear()
    find_reference.cache_clear()


def test_a_record_follows_from_its_formula(loaded: Callable[[str], Path]) -> None:
    path = loaded(GOOD)
    record = find("softcap(c=2)")
    assert (record.family, record.forms, record.source) == ("exp", ("textbook",), str(path))
    assert dict(record.operations) == {"multiply": 2, "tanh": 1}
    assert frameworks.frameworks()["numpy"].offers("softcap", "textbook")
    assert not frameworks.frameworks()["torch"].offers("softcap", "textbook")
    cases = expand(PROFILES["standard"], Selection(activations=("softcap",)))
    assert {case.form for case in cases} >= {"textbook"}
    assert "softcap" in {case.activation for case in expand(PROFILES["standard"])}
    assert find_reference("2*softcap(x, c=3)").kinks() == ()
    assert f"--plugin {path} " in again(cases[:1])
    own = replace(cases[0], framework="mine:f-numpy", form="mine:f")
    formula = again([replace(own, activation="2*softcap(x, c=3)")], "gate", base="v1")
    assert formula.startswith(f"actbench gate --plugin {path} --callable mine:f ")
    assert "--plugin" not in again(expand(PROFILES["smoke"])[:1])


def test_parameters_of_a_formula_reach_the_functions_that_it_calls(
    loaded: Callable[[str], Path],
) -> None:
    loaded(
        GOOD.replace('"c*tanh(x/c)"', '"shifted_relu(x, alpha=c)"').replace(
            '{"c": 30.0}}', '{"c": 30.0}, "bounds": {"c": {"above": 0}}, "variants": [{"c": 5}]}'
        )
    )
    assert find("softcap").kinks(c=30.0) == (-30.0,)
    assert find("softcap(c=5)").kinks(c=5.0) == (-5.0,)
    with pytest.raises(UsageError, match="c must be above 0"):
        find("softcap(c=0)")


BALLS = """
ACTIVATIONS = [
    {
        "name": "cubed",
        "formula": "max(0, x)³",
        "family": "max",
        "exact": lambda x: x * x * x * 0.5 + abs(x * x * x) * 0.5,
        "derivative": lambda x: SLOPE,
        "forms": {"textbook": {"numpy": "math:sqrt"}},
    }
]
"""


def test_a_form_belongs_to_the_longest_name_that_it_begins_with(
    loaded: Callable[[str], Path],
) -> None:
    text = GOOD.replace("softcap", "soft_cap")
    text = text.replace("}}]", '}}, {"name": "soft", "formula": "x/2"}]')
    loaded(f"{text}\n\ndef soft_textbook_numpy(x):\n    return x / 2\n")
    assert find("soft").forms == find("soft_cap").forms == ("textbook",)


def test_functions_of_balls_take_the_place_of_a_formula(loaded: Callable[[str], Path]) -> None:
    loaded(BALLS.replace("SLOPE", "1.5 * x * x + 1.5 * x * abs(x)"))
    assert (find("cubed").operations, find("cubed").forms) == ({}, ("textbook",))


BAD = {
    "a syntax error": ("ACTIVATIONS = [\n  {]", ":2: "),
    "an exception": ("import math\n\nmath.sqrt(-1)", ":3: ValueError"),
    "an end": ("raise SystemExit(3)", ":1: SystemExit"),
    "no records": ("x = 1", "ACTIVATIONS must be a list"),
    "records of another kind": ("ACTIVATIONS = ['softcap']", "ACTIVATIONS must be a list"),
    "no name": ("ACTIVATIONS = [{}]", "a name that is a word"),
    "no word": ('ACTIVATIONS = [\n{"name": "a b"}]', ":2: a record has a name that is a word"),
    "no formula": ('\nACTIVATIONS = [{"name": "a"}]', ":2: a has no formula"),
    "a name of the catalogue": (GOOD.replace("softcap", "gelu"), ":2: gelu is in the catalogue"),
    "no form": (GOOD.partition("def")[0], ":2: softcap has no form: define softcap_textbook_numpy"),
    "another field": (GOOD.replace('"parameters"', '"paramters"'), ":2: .*did you mean parameters"),
    "rows": (
        GOOD.replace('"parameters"', '"rowwise": True, "parameters"'),
        ":2: softcap has rowwise, which is for functions of rows: a plug-in is of functions of one",
    ),
    "an unknown framework": (
        GOOD.replace("_numpy", "_numpi"), ":5: .*unknown framework 'numpi': did you mean numpy",
    ),
    "another default": (
        GOOD.replace("x, c=30.0", "x, c=3.0"), ":5: softcap_textbook_numpy must take its record's "
    ),
    "no parameter": (GOOD.replace("x, c=30.0", "x"), r":5: .*numpy\(x, c=30.0\)"),
    "an unreadable formula": (
        GOOD.replace("c*tanh(x/c)", "d*tanh(x/c)"),
        ":2: softcap: cannot read the formula at character 1, .*unknown name 'd'",
    ),
    "a bound of another kind": (
        GOOD.replace("30.0}}", '30.0}, "bounds": {"c": {"below": 1}}}'), ":2: .*at least",
    ),
    "a variant out of bounds": (
        GOOD.replace("30.0}}", '30.0}, "variants": [{"d": 1}]}'), ":2: .*no parameter 'd'",
    ),
    "a wrong derivative": (
        BALLS.replace("SLOPE", "x * x"), r":4: cubed: its derivative at -7.3 is 53.3, the slope",
    ),
    "no derivative": (
        BALLS.replace('"derivative": lambda x: SLOPE,', ""), ":4: .*exact needs derivative beside"
    ),
    "a derivative of a formula": (
        GOOD.replace("30.0}}", '30.0}, "derivative": lambda x, c: 1}'),
        ":2: softcap: derivative needs exact beside it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_one_sentence_with_file_and_line(
    name: str, loaded: Callable[[str], Path]
) -> None:
    text, sentence = BAD[name]
    with pytest.raises(UsageError, match=sentence) as caught:
        loaded(text)
    assert re.match(r"/.*mine0\.py:", str(caught.value))
    assert "\n" not in str(caught.value)


def test_two_plug_ins_cannot_have_one_name(loaded: Callable[[str], Path]) -> None:
    loaded(GOOD)
    with pytest.raises(UsageError, match=r"mine1\.py:2: softcap is in the catalogue already"):
        loaded(GOOD)


def test_no_file_is_said(loaded: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(plugins.VARIABLE, "/nowhere/mine.py")
    with pytest.raises(UsageError, match=r"no plug-in /nowhere/mine\.py"):
        activations.load_plugins()


def test_a_process_that_was_not_told_finds_what_the_variable_names(
    loaded: Callable[[str], Path], tmp_path: Path
) -> None:
    path = tmp_path / "late.py"
    path.write_text(GOOD, encoding="utf-8")
    plugins.name(str(path))
    assert find("softcap").name == "softcap"


def test_an_installed_package_names_a_module_that_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "somebody"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "entries.py").write_text(GOOD)
    folder = tmp_path / "somebody-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: somebody\nVersion: 1\n")
    (folder / "entry_points.txt").write_text(f"[{plugins.GROUP}]\nmine = somebody.entries\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins._installed.cache_clear()
    try:
        assert plugins.paths() == (str(package / "entries.py"),)
    finally:
        plugins._installed.cache_clear()
    loose = EntryPoint("mine", "json.decoder", plugins.GROUP)
    assert plugins._place(loose).endswith("json/decoder.py")


# --- the example of the documentation, from the list to the page ----------------------------------


def _example() -> str:
    text = (ROOT / "docs/own.md").read_text(encoding="utf-8")
    section = text.split("## An entry of your own", 1)[1]
    found = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the user's, with folders of its own that are called as ours are."""
    folder = tmp_path_factory.mktemp("user")
    for name in ("bench", "report", "impls"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("raise RuntimeError('not yours')")
    (folder / "softcap.py").write_text(_example(), encoding="utf-8")
    return folder


def _ran(home: Path, *words: str, status: int = 0, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "actbench", *words],
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def test_the_example_has_ten_lines_and_is_listed(home: Path) -> None:
    assert len(list(filter(str.strip, _example().splitlines()))) <= 10
    for words, variables in (
        (("--plugin", "softcap.py"), {}),
        ((), {plugins.VARIABLE: str(home / "softcap.py")}),
    ):
        records = json.loads(_ran(home, "list", "--json", *words, **variables))
        having = {
            record["framework"]
            for record in records
            if (record["activation"], record["status"]) == ("softcap", "ok")
        }
        assert having == {"numpy", "torch"}
    assert "softcap" not in _ran(home, "list")


@pytest.fixture(scope="module")
def run(home: Path) -> Path:
    """A run of the example in NumPy."""
    out = home / "run"
    words = ("--activation", "softcap", "--framework", "numpy", "--size", "4096", "--epochs", "2")
    _ran(
        home,
        *("run", "--plugin", "softcap.py", *words, "--budget", "0", "--direction", "forward"),
        *("--out", str(out)),
    )
    return out


@pytest.mark.slow
def test_it_is_timed_and_judged(run: Path) -> None:
    lines = (run / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["activation"] == "softcap"]
    values = {row["metric"]: row for row in rows if row["form"] == "textbook"}
    assert values["relative_cost"]["value"] > 0
    assert 0 < values["max_ulp"]["value"] < 100
    assert (values["max_ulp"]["family"], values["max_ulp"]["plain"]) == ("exp", True)


@pytest.mark.slow
def test_a_run_is_read_without_the_plug_in(home: Path, run: Path) -> None:
    _ran(home, "report", str(run))
    [page] = run.glob("*.html")
    assert "softcap" in page.read_text(encoding="utf-8")
    _ran(home, "findings", str(run))
    assert "softcap" in _ran(home, "export", str(run), "--table", "relative_cost")


@pytest.mark.slow
def test_it_agrees_with_its_formula_at_every_input_of_a_format(home: Path) -> None:
    words = ("--framework", "numpy", "--exhaustive", "--dtype", "float16", "--json")
    text = _ran(
        home, "agree", "--plugin", "softcap.py", "--activation", "softcap(c=2)", *words,
        "--direction", "forward", "--out", str(home / "agreed"),
    )  # fmt: skip
    assert "65536" in text
    assert "softcap(c=2)" in text


@pytest.mark.slow
def test_the_gate_compares_it_with_its_version_in_git(home: Path) -> None:
    git = ("git", "-C", str(home), "-c", "user.name=A", "-c", "user.email=a@example.org")
    for words in (("init", "-q"), ("add", "softcap.py"), ("commit", "-q", "-m", "a version")):
        subprocess.run([*git, "-c", "commit.gpgsign=false", *words], check=True)
    path = home / "softcap.py"
    path.write_text(_example().replace("c * numpy", "1.001 * c * numpy"), encoding="utf-8")
    words = ("--base", "HEAD", "--activation", "softcap", "--framework", "numpy")
    text = _ran(
        home, "gate", "--plugin", "softcap.py", *words, "--only", "exactness", "--dtype", "float16",
        "--direction", "forward", status=1,
    )  # fmt: skip
    path.write_text(_example(), encoding="utf-8")
    assert text.startswith("worse: NumPy softcap textbook")


def test_a_framework_at_the_top_of_a_plug_in_is_refused(home: Path) -> None:
    (home / "torch.py").write_text("")  # one that is imported in no time
    (home / "heavy.py").write_text(f"import os\nimport torch\n{_example()}", encoding="utf-8")
    text = _ran(home, "list", "--plugin", "heavy.py", status=2, PYTHONSAFEPATH="")
    (home / "torch.py").unlink()
    assert "heavy.py:2: imports torch at its top" in text
    assert "Traceback" not in text
