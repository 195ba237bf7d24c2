"""Whole gates of NumPy forms with planted faults, in a repository of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from actbench.bench import __main__ as command
from actbench.bench.catalog.asked import Name
from actbench.bench.catalog.cases import Selection
from actbench.bench.catalog.frameworks import IMPLS
from actbench.bench.gate import trees, words
from actbench.bench.gate.gate import Request, Result, check, gate
from actbench.bench.gate.select import Part
from actbench.bench.host.errors import UsageError
from actbench.bench.host.progress import Reporter
from actbench.bench.results.status import Status
from actbench.bench.timing.decisions import Decision, Design
from actbench.bench.worker.protocol import Failure

from ...answers import held

_CHOSEN = Selection(
    frameworks=("numpy",),
    activations=("relu", "softsign", "elu", "gelu"),
    directions=("forward",),
    dtypes=("float32",),
    sizes=(65536,),
)
_ONE = replace(_CHOSEN, activations=("relu",), forms=("max",))
_WIDE = Design(zone=0.5, screening=(4,), confirmation=(4,))
_FEW = Design(zone=0.5, screening=(2,), confirmation=(2,))
_MAX = "return np.maximum(x, 0)\n"
_ABS = "return (x + np.abs(x)) / 2\n"
_WHERE = "return np.where(x > 0, x, 0)\n"
_SOFTSIGN = "return x / (1 + np.abs(x))\n"
_GELU = "return 0.5 * x * (1 + erf(x * _ROOT_HALF))\n"
_RAISES = 'raise ValueError("planted <b>|fault|</b>")\n'
_DIES = "import os; os.kill(os.getpid(), 9)\n"


def _git(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True)


def _repository(root: Path) -> Path:
    """NumPy's forms in the last commit of a new repository."""
    (root / "impls").mkdir(parents=True)
    for name in ("__init__", "_adapter", "_numpy_kernels", "numpy"):
        shutil.copy(IMPLS / f"{name}.py", root / "impls")
    _git(root, "init", "--quiet")
    _commit(root)
    return root


def _commit(root: Path) -> None:
    _git(root, "add", ".")
    _git(root, "commit", "--quiet", "--message", "a version")


def _edit(root: Path, *changes: tuple[str, str], file: str = "numpy") -> None:
    path = root / "impls" / f"{file}.py"
    text = path.read_text()
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    path.write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return _repository(tmp_path / "project")


def _gate(root: Path, **changes: object) -> Result:
    request = Request("HEAD", _CHOSEN, design=_WIDE, budget=2.0, python=sys.executable)
    return gate(replace(request, **changes), Reporter(quiet=True), root)  # type: ignore[arg-type]


def _by_form(result: Result) -> dict[str, Decision]:
    return {
        f"{decision.case.activation}_{decision.case.form}": decision for decision in result.timed
    }


# --- nothing is measured where nothing differs ----------------------------------------------------


def test_nothing_changed_is_nothing_measured(root: Path) -> None:
    result = _gate(root)
    assert (result.timed, result.exact, result.processes) == ([], [], 0)
    assert words.exit_status(result, strict=True) == 0
    assert "nothing was measured" in words.for_people(result)
    check(result)


def test_another_layout_is_nothing_measured(root: Path) -> None:
    _edit(root, (_MAX, "# a remark\n    return np.maximum(\n        x, 0\n    )\n"))
    result = _gate(root)
    assert result.candidate.dirty
    assert (result.timed, result.exact) == ([], [])


def test_what_is_gone_is_broken_unless_that_is_meant(root: Path) -> None:
    _edit(root, ("def relu_max(", "def relu_least("))
    result = _gate(root, parts=())
    assert result.new == (Part("numpy", "relu_least"),)
    assert result.gone == (Part("numpy", "relu_max"),)
    assert words.exit_status(result) == 1
    assert "1 gone: NumPy relu_max; 1 new" in words.sentence(result)
    for name in ("relu", "relu[max]", "relu_max"):
        meant = _gate(root, parts=(), accepted=(name, "elu"))
        assert meant.gone == (Part("numpy", "relu_max", accepted=True),)
        assert words.exit_status(meant) == 0
        assert "1 gone: NumPy relu_max (accepted)" in words.sentence(meant)
        assert "Nothing needed --accept elu." in words.for_people(meant)


def test_what_is_gone_and_was_not_asked_for_is_nobodys_concern(root: Path) -> None:
    _edit(root, ("def relu_max(", "def relu_least("))
    for chosen in ({"forms": ("abs",)}, {"activations": ("gelu",)}):
        result = _gate(root, parts=(), selection=replace(_CHOSEN, **chosen))
        assert (result.gone, words.exit_status(result)) == ((), 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [(_MAX, "new", 0), ("return 0 * x\n", "wrong", 1), (_RAISES, "unmeasured", 1)],
)
def test_what_is_new_passes_only_if_it_is_right(
    root: Path, body: str, kind: str, status: int
) -> None:
    _edit(root, ("def relu_max(", "def relu_least("))
    _commit(root)
    _edit(root, ("def relu_least(", "def relu_max("), (_MAX, body))
    result = _gate(root, accepted=("relu_least",))
    assert {compared.kind for compared in result.exact} == {kind}
    assert result.timed == []
    assert words.exit_status(result) == status
    assert "relu_max" in words.sentence(result)


@pytest.mark.slow
@pytest.mark.parametrize("accepted", [(), ("relu[max]",), ("relu[abs]",)])
def test_what_is_slower_or_less_exact_can_be_meant(root: Path, accepted: tuple[str, ...]) -> None:
    slow = "[np.sort(x, axis=None) for _ in range(3)]\n    return np.maximum(x, 0) + 1e-6\n"
    _edit(root, (_MAX, slow))
    result = _gate(root, selection=_ONE, accepted=accepted)
    meant = accepted == ("relu[max]",)
    assert [(one.verdict, one.accepted) for one in result.timed] == [("slower", meant)]
    assert {(one.kind, one.accepted) for one in result.exact} == {("worse", meant)}
    assert words.exit_status(result) == (0 if meant else 1)
    assert result.unneeded == (accepted if not meant else ())


@pytest.mark.parametrize("name", ["unknown", "", "HEAD~1"])
def test_a_base_that_is_not_there_is_a_sentence(root: Path, name: str) -> None:
    with pytest.raises(UsageError):
        _gate(root, base=name)


def test_a_base_that_is_no_python_is_a_sentence(root: Path) -> None:
    (root / "impls" / "_adapter.py").write_text("def f(:\n")
    _commit(root)
    shutil.copy(IMPLS / "_adapter.py", root / "impls")
    with pytest.raises(
        UsageError, match=r"the base's impls/_adapter.py is not valid Python: line 1"
    ):
        _gate(root)


# --- one gate with a fault of every kind ----------------------------------------------------------


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Slower, raising, killing its process and less exact; raising and dying only in the base."""
    root = _repository(tmp_path_factory.mktemp("gate") / "project")
    _edit(root, (_WHERE, _RAISES), ("return np.where(x > 0, x, alpha * (np.exp(x) - 1))\n", _DIES))
    _commit(root)
    shutil.copy(IMPLS / "numpy.py", root / "impls")
    _edit(
        root,
        (_MAX, "[np.sort(x, axis=None) for _ in range(3)]\n    " + _MAX),
        (_ABS, _RAISES),
        (_SOFTSIGN, _DIES),
        (_GELU, "return 0.5 * x * (1 + np.tanh(erf(x * _ROOT_HALF)))\n"),
    )
    return _gate(root)


@pytest.mark.slow
def test_only_what_the_changes_reach_is_measured(faulty: Result) -> None:
    assert set(_by_form(faulty)) == {
        *("relu_max", "relu_abs", "relu_where"),
        *("softsign_textbook", "elu_textbook", "gelu_textbook"),
    }
    assert {decision.why for decision in faulty.timed} == {"changed"}


@pytest.mark.slow
def test_every_fault_has_its_verdict_and_costs_no_other_case(faulty: Result) -> None:
    verdicts = {name: decision.verdict for name, decision in _by_form(faulty).items()}
    assert verdicts.pop("gelu_textbook") in ("same", "undecided", "slower")
    assert verdicts == {
        "relu_max": "slower",
        "relu_abs": "broken",
        "relu_where": "mended",
        "softsign_textbook": "broken",
        "elu_textbook": "mended",
    }


@pytest.mark.slow
def test_a_slower_case_is_confirmed_apart(faulty: Result) -> None:
    slower = _by_form(faulty)["relu_max"]
    assert slower.phase == "confirmation"
    assert slower.ratio.low > 1.22
    assert slower.processes == 4


@pytest.mark.slow
def test_results_are_compared_whatever_becomes_of_the_process(faulty: Result) -> None:
    by_form = {
        f"{compared.case.activation}_{compared.case.form}": compared for compared in faulty.exact
    }
    assert {name: compared.kind for name, compared in by_form.items()} == {
        "relu_max": "identical",
        "relu_abs": "broken",
        "relu_where": "mended",
        "softsign_textbook": "broken",
        "elu_textbook": "mended",
        "gelu_textbook": "worse",
    }
    assert by_form["relu_abs"].failures["candidate"].reason.startswith("ValueError: planted")
    died = Failure(Status.ERROR, "the worker was killed by SIGKILL")
    assert by_form["elu_textbook"].failures == {"base": died}
    assert by_form["gelu_textbook"].shown


@pytest.mark.slow
def test_the_verdict_and_its_exit_status(faulty: Result) -> None:
    assert words.exit_status(faulty) == 1
    check(faulty)
    text = words.for_people(faulty)
    assert "1 slower" in text
    assert "2 broken" in text
    assert "slower   NumPy      relu" in text
    case = "--framework numpy --activation relu --form max --mode eager"
    assert f"To repeat one for longer: actbench gate {case}" in text
    assert "--base HEAD --all --dead-zone 0.5" in text
    assert ", 0 elements" not in text


@pytest.mark.slow
def test_json_has_everything(faulty: Result) -> None:
    record = held("answer-gate", words.for_machines(faulty))
    assert record["exit_status"] == 1
    assert len(record["timing"]) == 6
    assert len(record["exactness"]) == 6
    assert (record["base"]["dirty"], record["candidate"]["dirty"]) == (False, True)
    assert record["base"]["commit"] == record["candidate"]["commit"] != ""
    assert (record["dead_zone"], record["family_wise_error"]) == (0.5, 0.01)
    assert record["versions"]["numpy"]["numpy"]
    assert record["processes"] >= 8
    assert {"timing", "exactness", "timed"} <= record["seconds"].keys()
    [broken] = [row for row in record["timing"] if row["form"] == "abs"]
    assert broken["ratio"] == {"value": None, "low": 0.0, "high": None, "processes": 0}


@pytest.mark.slow
def test_markdown_cannot_be_led_astray(faulty: Result) -> None:
    hostile = replace(faulty, base=trees.Tree(Path(), "a [b](c) <img> | `d`"))
    text = words.markdown(hostile)
    assert text.startswith("### actbench gate: slower or less exact")
    assert "planted \\<b\\>\\|fault\\|\\</b\\>" in text
    outside = "\n".join(line for line in text.splitlines() if "To repeat" not in line)
    outside = outside.replace("<sub>", "").replace("</sub>", "")
    assert not any(mark in outside.replace(f"\\{mark}", "") for mark in "<`[")


# --- a module that cannot be loaded ---------------------------------------------------------------

_LOAD = {
    "raises": "raise RuntimeError('planted')\n",
    "missing in a package": "from numpy import no_such_name\n",
    "missing module": "import no_such_module\n",
    "its adapter raises": "class Adapter:\n    def __init__(self, *_): raise OSError('planted')\n",
    "ends its process": "raise SystemExit('planted')\n",
    "kills its process": "import os; os.kill(os.getpid(), 9)  # planted\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("how", _LOAD)
def test_a_module_that_cannot_be_loaded_any_more_is_broken(root: Path, how: str) -> None:
    with (root / "impls" / "numpy.py").open("a") as file:
        file.write(_LOAD[how])
    chosen = replace(_CHOSEN, activations=("relu",), forms=("max",))
    result = _gate(root, selection=chosen, everything=True, design=_FEW)
    assert [decision.verdict for decision in result.timed] == ["broken"]
    assert [compared.kind for compared in result.exact] == ["broken"]
    assert words.exit_status(result) == 1
    text = words.sentence(result)
    assert any(word in text for word in ("planted", "no_such", "SIGKILL"))


@pytest.mark.slow
def test_a_base_that_could_not_be_loaded_is_mended(root: Path) -> None:
    path = root / "impls" / "numpy.py"
    path.write_text(path.read_text() + _LOAD["raises"])
    _commit(root)
    shutil.copy(IMPLS / "numpy.py", path)
    chosen = replace(_CHOSEN, activations=("relu",), forms=("max",))
    result = _gate(root, selection=chosen, everything=True, design=_FEW)
    assert [decision.verdict for decision in result.timed] == ["mended"]
    assert words.exit_status(result) == 0
    check(result)


@pytest.mark.slow
def test_what_fails_in_both_trees_is_nobodys_fault(root: Path) -> None:
    """Either arm dies first in every second process, so that neither is seen to fail alone."""
    _edit(root, (_MAX, _DIES))
    _commit(root)
    _edit(root, (_DIES, "pass\n    " + _DIES))
    result = _gate(root)
    assert [decision.verdict for decision in result.timed] == ["unmeasured"]
    assert [compared.kind for compared in result.exact] == ["unmeasured"]
    assert words.exit_status(result) == words.exit_status(result, strict=True) == 1
    assert Name("framework", "numpy") in result.lacking
    with pytest.raises(UsageError, match="nothing could be compared"):
        check(result)


@pytest.mark.slow
def test_results_that_do_not_fit_are_broken_and_the_rest_is_compared(root: Path) -> None:
    _edit(root, (_MAX, "return np.maximum(x, 0)[:1]\n"), (_ABS, "return x.astype(float)\n"))
    _edit(root, (_WHERE, "return np.where(~(x > 0), 0, x)\n"))
    result = _gate(root, parts=("exactness",))
    by_form = {compared.case.form: compared for compared in result.exact}
    assert {form: compared.kind for form, compared in by_form.items()} == {
        "max": "broken",
        "abs": "broken",
        "where": "identical",
    }
    assert "it must return one like its input" in by_form["max"].failures["candidate"].reason
    assert "returns float64 for float32" in by_form["abs"].failures["candidate"].reason


# --- faults that show while the case is timed -----------------------------------------------------

_LATER = """global _calls
    _calls += 1
    if _calls > 2000:
        {}
    return np.maximum(x, 0)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "text"),
    [("os.kill(os.getpid(), 9)", "SIGKILL"), ("raise ValueError('planted')", "planted")],
)
def test_what_fails_after_some_calls_is_its_arms_fault_and_costs_no_other_case(
    root: Path, fault: str, text: str
) -> None:
    _edit(
        root,
        (_MAX, _LATER.format(fault)),
        ("import numpy as np\n", "import os\n\nimport numpy as np\n"),
    )
    _edit(root, (_ABS, "return (np.abs(x) + x) / 2\n"))
    path = root / "impls" / "numpy.py"
    path.write_text(f"{path.read_text()}\n_calls = 0\n")
    chosen = replace(_CHOSEN, activations=("relu",), forms=("max", "abs"), sizes=(64,))
    by_form = _by_form(_gate(root, selection=chosen, parts=("timing",)))
    assert by_form["relu_max"].verdict == "broken"
    [(arm, failure)] = by_form["relu_max"].failures.items()
    assert arm == "candidate"
    assert text in failure.reason
    assert by_form["relu_abs"].verdict in ("same", "undecided")
    assert by_form["relu_abs"].logs


@pytest.mark.slow
def test_a_form_whose_times_would_mislead_is_broken(root: Path) -> None:
    """A form that writes to its input: much faster, and not an activation."""
    _edit(root, (_MAX, "return np.maximum(x, 0, out=x)\n"))
    [decision] = _gate(root, selection=_ONE, parts=("timing",)).timed
    assert decision.verdict == "broken"
    assert list(decision.failures) == ["candidate"]


@pytest.mark.slow
def test_what_one_version_does_to_its_process_is_not_done_to_the_other(root: Path) -> None:
    path = root / "impls" / "numpy.py"
    path.write_text(f"{path.read_text()}\nnp.maximum = np.minimum\n")
    result = _gate(root, selection=_ONE, parts=("exactness",))
    assert [compared.kind for compared in result.exact] == ["worse"]
    assert any("the versions run in separate processes" in note for note in result.notes)


@pytest.mark.slow
def test_the_same_version_twice_is_the_same_in_every_framework(framework: str) -> None:
    """Both in one process, whatever the framework keeps per process; copy has a gradient too."""
    chosen = Selection(
        frameworks=(framework,),
        activations=("relu", "copy"),
        forms=("native",),
        dtypes=("float32",),
        sizes=(64,),
    )
    result = _gate(trees.ROOT, base=trees.WORKTREE, selection=chosen, design=_FEW)
    assert result.exact
    assert {compared.kind for compared in result.exact} == {"identical"}
    verdicts = {decision.case: decision.verdict for decision in result.timed}
    nothing = [case for case, verdict in verdicts.items() if verdict == "unsupported"]
    assert all((case.activation, case.direction) == ("copy", "backward") for case in nothing)
    assert set(verdicts.values()) <= {"same", "undecided", "unsupported"}
    assert words.exit_status(result) == 0


# --- an interrupt ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupt_ends_everything_and_leaves_nothing(tmp_path: Path, how: int) -> None:
    asked = ["--base", "WORKTREE", "--framework", "numpy", "--activation", "relu"]
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", "gate", *asked, "--only", "timing"],
        cwd=trees.ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), _MARK: str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while process.poll() is None and not _marked_workers(tmp_path):
        time.sleep(0.05)
    process.send_signal(how)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert not _marked_workers(tmp_path)
    assert not list(tmp_path.glob("actbench-*"))


_MARK = "ACTBENCH_TEST_OF_AN_INTERRUPT"


def _marked_workers(folder: Path) -> list[str]:
    """The workers of a command that was started with a folder as its mark."""
    names = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command, variables = (
                (process / name).read_bytes().decode(errors="replace").split("\0")
                for name in ("cmdline", "environ")
            )
            if f"{_MARK}={folder}" in variables and "bench.worker" in command:
                names.append(process.name)
    return names


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def here(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command line in the small repository."""
    monkeypatch.setattr(gate, "__defaults__", (root,))
    return root


def _main(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        status = command.main(["gate", "--framework", "numpy", *arguments])
    except SystemExit as end:
        status = int(end.code or 0)
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("--base", "HEAD", "--activation", "gleu"), 2, "did you mean glu, gelu"),
        (("--base", "nothing"), 2, "no commit, branch, tag or folder is named 'nothing'"),
        (("--base", ""), 2, "--base is empty"),
        (("--base", "HEAD", "--cache", "cold"), 2, "leave out --cache cold"),
        (("--base", "HEAD", "--dead-zone", "0"), 2, "--dead-zone"),
        (("--base", "HEAD", "--markdown", "/nowhere/comment.md"), 4, "/nowhere/comment.md"),
        ((), 2, "--base"),
    ],
)
def test_bad_usage_is_a_sentence(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    status: int,
    sentence: str,
) -> None:
    answer, out, err = _main(capsys, *arguments)
    assert (answer, out) == (status, "")
    assert sentence in err
    assert "Traceback" not in err


def test_a_quiet_gate_writes_what_it_is_asked_for(
    here: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    comment = tmp_path / "comment.md"
    status, out, _ = _main(capsys, "--base", "HEAD", "--json", "--markdown", str(comment))
    assert status == 0
    assert held("answer-gate", out)["timing"] == []
    assert comment.read_text().startswith("### actbench gate: nothing slower or less exact\n")
    assert set(os.listdir(here)) == {".git", "impls"}
