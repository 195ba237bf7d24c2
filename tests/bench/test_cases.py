"""Cases: profiles, selections, and what the source says cannot be measured."""

from __future__ import annotations

import pytest

from bench.cases import PROFILES, Case, Selection, expand, row_length, unsupported
from bench.catalog import CATALOG
from bench.errors import UsageError
from bench.frameworks import frameworks

SMOKE = PROFILES["smoke"]


@pytest.mark.parametrize("name", list(PROFILES))
def test_every_profile_has_every_framework_and_no_case_twice(name: str) -> None:
    cases = expand(PROFILES[name])
    assert len(set(cases)) == len(cases)
    assert {case.framework for case in cases} == set(frameworks())


def test_standard_has_every_activation_form_and_mode() -> None:
    cases = expand(PROFILES["standard"])
    for framework in frameworks().values():
        for name, record in CATALOG.items():
            for form in ("native", *record.forms):
                for mode in framework.modes:
                    found = [
                        case
                        for case in cases
                        if (case.framework, case.activation, case.form, case.mode)
                        == (framework.name, name, form, mode)
                    ]
                    assert found, f"{framework.name} {name} {form} {mode}"


def test_a_selection_replaces_what_the_profile_says() -> None:
    chosen = Selection(
        frameworks=("jax",),
        activations=("mish",),
        forms=("textbook",),
        sizes=(100, 7),
        dtypes=("float64",),
    )
    cases = expand(PROFILES["standard"], chosen)
    assert {case.framework for case in cases} == {"jax"}
    assert {(case.activation, case.form, case.dtype) for case in cases} == {
        ("mish", "textbook", "float64")
    }
    assert {case.size for case in cases} == {100, 7}
    assert {case.mode for case in cases} == {"eager", "compiled"}


@pytest.mark.parametrize(
    ("selection", "sentence"),
    [
        (Selection(frameworks=("pytorch",)), "unknown framework 'pytorch'.*torch"),
        (Selection(activations=("reul",)), "unknown activation 'reul'.*relu"),
        (Selection(forms=("stabel",)), "unknown form 'stabel'.*stable"),
        (Selection(modes=("jit",)), "unknown mode 'jit'"),
        (Selection(directions=("back",)), "unknown direction 'back'.*backward"),
        (Selection(devices=("gpu",)), "unknown device 'gpu'.*c"),
        (Selection(dtypes=("fp32",)), "unknown dtype 'fp32'"),
        (Selection(sizes=(0,)), "--size must be at least 1"),
        (Selection(activations=("tanh",), forms=("stable",)), "nothing to measure"),
    ],
)
def test_a_name_that_does_not_exist_is_refused_with_the_nearest(
    selection: Selection, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        expand(SMOKE, selection)


def _case(
    framework: str, activation: str, form: str, mode: str = "eager", size: int = 1024
) -> Case:
    return Case(framework, activation, form, mode, "forward", "cpu", "float32", size, 1)


def test_what_cannot_be_measured_says_why() -> None:
    assert unsupported(_case("numpy", "gelu", "native")) == "NumPy has no native gelu"
    assert "compiled" in unsupported(_case("numpy", "gelu", "stable", "compiled"))
    assert "2 groups" in unsupported(_case("torch", "maxout", "textbook", size=25))
    assert unsupported(_case("torch", "maxout(k=4)", "textbook")) == ""


@pytest.mark.parametrize(("size", "length"), [(65536, 256), (1000, 8), (7, 1), (768, 256)])
def test_row_length_divides_the_size(size: int, length: int) -> None:
    assert row_length(size) == length


def test_a_command_names_every_field() -> None:
    command = _case("torch", "squareplus(b=0)", "stable").command
    assert "--activation 'squareplus(b=0)'" in command
    for option in ("framework", "form", "mode", "direction", "device", "dtype", "size", "threads"):
        assert f"--{option} " in command
