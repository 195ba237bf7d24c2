"""The cases that are compared, and their reasons."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from actbench.bench.catalog.activations import find
from actbench.bench.catalog.cases import Selection, plain_form
from actbench.bench.catalog.frameworks import IMPLS, frameworks
from actbench.bench.gate.select import Chosen, Part, choose
from actbench.bench.host.errors import UsageError

_NUMPY = Selection(frameworks=("numpy",))
Edit = Callable[[str, str], None]


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Chosen]:
    """Choose between the real tree and one with an edited module."""

    def of(
        *changes: tuple[str, str], asked: Selection = _NUMPY, everything: bool = False
    ) -> Chosen:
        folder = tmp_path / "impls"
        shutil.copytree(IMPLS, folder)
        text = (folder / "numpy.py").read_text()
        for before, after in changes:
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        (folder / "numpy.py").write_text(text)
        return choose(IMPLS, folder, asked, everything)

    return of


def _functions(chosen: Chosen) -> set[str]:
    return {f"{find(case.activation).name}_{case.form}" for case in chosen.cases}


def test_nothing_is_chosen_where_nothing_differs(edited: Callable[..., Chosen]) -> None:
    chosen = edited(asked=Selection())
    assert (dict(chosen.cases), chosen.notes, chosen.apart) == ({}, (), frozenset())


def test_a_changed_form_is_compared_at_every_size_and_direction(
    edited: Callable[..., Chosen],
) -> None:
    chosen = edited(("return np.maximum(x, 0)\n", "return np.maximum(0, x)\n"))
    assert _functions(chosen) == {"relu_max"}
    assert {case.direction for case in chosen.cases} == {"forward", "backward"}
    assert len({case.size for case in chosen.cases}) == 2
    assert set(chosen.cases.values()) == {"changed"}


def test_a_changed_helper_is_named_as_the_reason(edited: Callable[..., Chosen]) -> None:
    chosen = edited(
        ("_GELU_TANH = math.sqrt(2 / math.pi)", "_GELU_TANH = math.sqrt(2.5 / math.pi)")
    )
    assert _functions(chosen) == {
        *("gelu_tanh_textbook", "gelu_tanh_wide", "gelu_tanh_stable", "gelu_tanh_blocked"),
    }
    assert set(chosen.cases.values()) == {"through _GELU_TANH"}


def test_a_form_that_changed_with_its_helper_says_both(edited: Callable[..., Chosen]) -> None:
    chosen = edited(
        ("_GELU_TANH = math.sqrt(2 / math.pi)", "_GELU_TANH = math.sqrt(2.5 / math.pi)"),
        ("return 0.5 * x * (1 + np.tanh(_GELU_TANH", "return x * 0.5 * (1 + np.tanh(_GELU_TANH"),
    )
    whys = {case.form: why for case, why in chosen.cases.items()}
    assert whys["textbook"] == "changed and through _GELU_TANH"


def test_all_are_compared_where_that_is_asked_for(edited: Callable[..., Chosen]) -> None:
    chosen = edited(everything=True)
    assert _functions(chosen) == frameworks()["numpy"].functions & _functions(chosen)
    assert len(_functions(chosen)) > 80
    assert set(chosen.cases.values()) == {"all were asked for"}


def test_of_what_reaches_everything_the_plain_forms_stand(edited: Callable[..., Chosen]) -> None:
    change = ('np.seterr(all="ignore")', 'np.seterr(all="warn")')
    chosen = edited(change)
    numpy = frameworks()["numpy"]
    assert {(case.activation, case.form) for case in chosen.cases} == {
        (case.activation, plain_form(find(case.activation), numpy)) for case in chosen.cases
    }
    assert set(chosen.cases.values()) == {"Adapter reaches every case"}
    assert "the plain forms are compared" in chosen.notes[0]


def test_one_package_more_is_compared_in_the_plain_forms_alone(
    edited: Callable[..., Chosen],
) -> None:
    """Every function differs by it alike."""
    chosen = edited(("import numpy as np\n", "import numpy as np\nimport scipy\n"))
    numpy = frameworks()["numpy"]
    assert {case.form for case in chosen.cases} <= {
        plain_form(find(case.activation), numpy) for case in chosen.cases
    }
    assert set(chosen.cases.values()) == {"the packages that are imported reaches every case"}
    assert (chosen.apart, chosen.evaluated_apart) == (frozenset(), {"numpy"})


def test_versions_that_set_up_their_process_differently_have_one_each(
    edited: Callable[..., Chosen],
) -> None:
    """A shared process would run the base with the candidate's settings."""
    chosen = edited(('TITLE = "NumPy"\n', 'np.exp = np.log\nTITLE = "NumPy"\n'))
    assert (chosen.apart, chosen.evaluated_apart) == ({"numpy"}, {"numpy"})
    assert any("the versions run in separate processes" in note for note in chosen.notes)


def test_other_modes_are_reported(edited: Callable[..., Chosen]) -> None:
    chosen = edited(('MODES = ("eager",)', 'MODES = ("eager", "compiled")'))
    assert chosen.notes == ("NumPy: MODES differs; the modes of the working tree are compared.",)


def test_variants_are_compared_as_well(edited: Callable[..., Chosen]) -> None:
    asked = Selection(frameworks=("numpy",), directions=("forward",), sizes=("launch",))
    chosen = edited(asked=asked, everything=True)
    labels = {case.activation for case in chosen.cases}
    assert {"softmax", "softmax(with_zero=true)", "prelu(per_channel=true)"} <= labels


def test_a_framework_that_is_gone_is_reported(tmp_path: Path) -> None:
    base = tmp_path / "impls"
    shutil.copytree(IMPLS, base)
    shutil.copy(IMPLS / "numpy.py", base / "lost.py")
    chosen = choose(base, IMPLS, Selection(), False)
    assert {part.framework for part in chosen.gone} == {"lost"}
    public = {name for name in frameworks()["numpy"].functions if not name.startswith("_")}
    assert {part.function for part in chosen.gone} == public
    assert not choose(base, IMPLS, _NUMPY, False).gone


def test_what_no_framework_has_is_a_sentence() -> None:
    asked = Selection(frameworks=("numpy",), modes=("compiled",))
    with pytest.raises(UsageError, match="no framework has what was chosen"):
        choose(IMPLS, IMPLS, asked, True)


def test_forms_that_are_named_are_compared_where_everything_is_reached(
    edited: Callable[..., Chosen],
) -> None:
    asked = Selection(frameworks=("numpy",), activations=("relu",), forms=("where",))
    chosen = edited(('np.seterr(all="ignore")', 'np.seterr(all="warn")'), asked=asked)
    assert _functions(chosen) == {"relu_where"}


def test_an_environment_that_differs_is_reported(edited: Callable[..., Chosen]) -> None:
    chosen = edited(("ENVIRONMENT: dict[str, str] = {}", 'ENVIRONMENT = {"A": "1"}'))
    assert chosen.apart == {"numpy"}
    assert chosen.notes[0].startswith("NumPy: ENVIRONMENT differs")
    assert chosen.cases


def test_what_one_tree_alone_has_is_reported_and_never_compared(
    edited: Callable[..., Chosen],
) -> None:
    chosen = edited(("def relu_max(", "def relu_least("), everything=True)
    assert "relu_max" not in _functions(chosen)
    assert chosen.new == (Part("numpy", "relu_least"),)
    assert chosen.gone == (Part("numpy", "relu_max"),)
    assert chosen.gone[0].names == {"relu_max", "relu[max]", "relu"}


def test_a_mode_that_is_gone_is_reported(tmp_path: Path) -> None:
    base = tmp_path / "impls"
    shutil.copytree(IMPLS, base)
    path = base / "numpy.py"
    more = path.read_text().replace('MODES = ("eager",)', 'MODES = ("eager", "compiled")')
    path.write_text(more)
    chosen = choose(base, IMPLS, _NUMPY, False)
    assert chosen.gone == (Part("numpy", mode="compiled"),)
    assert not choose(base, IMPLS, replace(_NUMPY, modes=("eager",)), False).gone


def test_other_frameworks_are_not_looked_at(edited: Callable[..., Chosen]) -> None:
    chosen = edited(
        ("return np.maximum(x, 0)\n", "return -x\n"), asked=Selection(frameworks=("torch",))
    )
    assert not chosen.cases


def test_unknown_names_are_a_sentence() -> None:
    with pytest.raises(UsageError, match="did you mean glu, gelu"):
        choose(IMPLS, IMPLS, Selection(activations=("gleu",)), False)
