"""Cases: profiles, selections, and what the source says cannot be measured."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog.activations import CATALOG
from actbench.bench.catalog.again import again
from actbench.bench.catalog.cases import (
    OF_INPUT,
    PROFILES,
    USUAL,
    Case,
    Plan,
    Selection,
    expand,
    forms_of,
    plain_form,
    row_length,
    unsupported,
)
from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.catalog.sizes import size_classes
from actbench.bench.commands.options import _field
from actbench.bench.host import machine
from actbench.bench.host.errors import UsageError
from actbench.bench.timing.parts import floors

SMOKE = PROFILES["smoke"]


@pytest.mark.parametrize("name", list(PROFILES))
def test_every_profile_has_every_framework_and_no_case_twice(name: str) -> None:
    cases = expand(PROFILES[name])
    assert len(set(cases)) == len(cases)
    assert {case.framework for case in cases} == set(frameworks())


def test_full_has_every_activation_form_and_mode() -> None:
    found = {
        (case.framework, case.activation, case.form, case.mode) for case in expand(PROFILES["full"])
    }
    for framework, (name, record) in product(frameworks().values(), CATALOG.items()):
        for form, mode in product(forms_of(record), framework.modes):
            assert (framework.name, name, form, mode) in found


def test_standard_has_each_of_its_activations_in_every_place_and_direction() -> None:
    """In its plain form; as it is printed, in cache; and half as wide, forward."""
    found, classes = set(expand(PROFILES["standard"])), size_classes("cpu")
    for framework, (name, record) in product(frameworks().values(), CATALOG.items()):
        if record.primitive or not record.standard:
            continue
        plain = plain_form(record, framework)
        for mode, direction, place in product(
            framework.modes, ("forward", "backward"), ("launch", "l2", "memory")
        ):
            case = Case(
                *(framework.name, name, plain, mode, direction, "cpu", "float32"), classes[place], 1
            )
            assert case in found
            if place == "l2" and direction == "forward":
                assert replace(case, dtype="bfloat16") in found
                if "textbook" in forms_of(record):
                    assert replace(case, form="textbook") in found


@pytest.mark.parametrize("name", ["smoke", "standard", "full"])
def test_a_profile_of_everything_can_split_a_cost(name: str) -> None:
    """Each has relu, and a copy beside it, at the sizes between which the line is drawn."""
    asked, classes = expand(PROFILES[name]), size_classes("cpu")
    cases = [*asked, *floors(asked)]
    for framework, activation in product(frameworks(), ("relu", "copy")):
        sizes = {
            case.size
            for case in cases
            if (case.framework, case.activation, case.direction, case.dtype)
            == (framework, activation, "forward", "float32")
        }
        assert {classes["launch"], classes["l1"], classes["l2"]} <= sizes


def test_what_is_asked_by_name_is_plain_in_cache_and_both_ways() -> None:
    cases = expand(PROFILES["ask"], Selection(frameworks=("torch",), activations=("gelu",)))
    found = {(case.mode, case.direction, case.form, case.size) for case in cases}
    size = size_classes("cpu")["l2"]
    both = product(("eager", "compiled"), ("forward", "backward"))
    assert found == {(*mode_and_direction, "native", size) for mode_and_direction in both}


def test_a_size_class_is_so_many_elements_of_the_device() -> None:
    chosen = Selection(devices=("cpu", "cuda"), sizes=("memory", "l2", "77"))
    cases = expand(SMOKE, chosen)
    for device in ("cpu", "cuda"):
        classes = size_classes(device)
        sizes = {case.size for case in cases if case.device == device}
        assert sizes == {classes["memory"], classes["l2"], 77}


def test_a_class_and_its_number_are_one_case() -> None:
    number = str(size_classes("cpu")["l2"])
    one = Selection(frameworks=("numpy",), sizes=("l2",))
    assert expand(SMOKE, replace(one, sizes=("l2", number))) == expand(SMOKE, one)


def test_outputs_and_caches_are_chosen_like_everything_else() -> None:
    chosen = Selection(frameworks=("numpy",), outputs=("reused",), caches=("warm", "cold"))
    cases = expand(SMOKE, chosen)
    assert {(case.output, case.cache) for case in cases} == {("reused", "warm"), ("reused", "cold")}


def test_a_plain_form_is_native_or_the_first_written_out() -> None:
    plan = Plan(("gelu", "relu"), forms=("plain",), sizes=(64,))
    forms = {
        (case.framework, case.activation): case.form
        for case in expand(replace(SMOKE, plans=(plan,)))
        if case.framework in ("numpy", "torch")
    }
    assert forms == {
        ("numpy", "gelu"): "textbook",
        ("numpy", "relu"): "max",
        ("torch", "gelu"): "native",
        ("torch", "relu"): "native",
    }


def test_all_threads_are_as_many_as_there_are_cpus_of_the_fastest_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "cores", lambda: 7)
    monkeypatch.setattr(machine, "most_threads", lambda: 5)
    chosen = Selection(frameworks=("numpy",), threads=("1", "all"), sizes=("l2",))
    threads = {case.threads for case in expand(PROFILES["smoke"], chosen)}
    assert threads == {1, 5}


def test_more_threads_than_cpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "most_threads", lambda: 2)
    assert Selection(threads=("2",)).checked().threads == (2,)
    sentence = "more than the CPUs of one kind that may be used here: give 2 at most, or all"
    with pytest.raises(UsageError, match=sentence):
        Selection(threads=("8",)).checked()


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
        (Selection(forms=("wode",)), "unknown form 'wode'.*wide"),
        (Selection(modes=("jit",)), "unknown mode 'jit'"),
        (Selection(directions=("back",)), "unknown direction 'back'.*backward"),
        (Selection(devices=("gpu",)), "unknown device 'gpu'.*c"),
        (Selection(dtypes=("fp32",)), "unknown dtype 'fp32'"),
        (Selection(sizes=(0,)), "--size must be at least 1"),
        (Selection(sizes=("-5",)), "--size must be at least 1, not -5"),
        (Selection(sizes=("1.5",)), "unknown size '1.5': a number of elements, or"),
        (Selection(sizes=("memroy",)), "unknown size 'memroy'.*did you mean memory"),
        (Selection(threads=(0,)), "--threads must be a number from 1, or all, not 0"),
        (Selection(outputs=("resued",)), "unknown output 'resued': did you mean reused"),
        (Selection(caches=("could",)), "unknown cache 'could': did you mean cold"),
        (Selection(activations=("relu",), forms=("wide",)), "nothing to measure"),
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
    assert "compiled" in unsupported(_case("numpy", "gelu", "wide", "compiled"))
    assert "2 groups" in unsupported(_case("torch", "maxout", "textbook", size=25))
    assert unsupported(_case("torch", "maxout(k=4)", "textbook")) == ""
    backward = replace(_case("torch", "gelu", "native"), direction="backward", output="reused")
    assert unsupported(backward) == "gradients are always written to fresh memory"


@pytest.mark.parametrize(
    ("size", "length"),
    [(65536, 256), (768, 256), (64, 32), (96, 32), (1000, 500), (257, 257), (50257, 50257), (2, 1)],
)
def test_a_row_has_what_a_size_shares_with_256_or_all_of_it(size: int, length: int) -> None:
    """No row is so short that a function of rows does nothing, as 1000 = 125 rows of 8 would be."""
    assert row_length(size) == length


@given(st.integers(1, 2**24))
def test_rows_fill_their_size_and_none_is_short(size: int) -> None:
    length = row_length(size)
    assert size % length == 0
    assert length >= min(32, size // 2)
    assert size % 2 or size // length >= 2


def test_a_command_names_every_field_that_is_said() -> None:
    case = replace(_case("torch", "squareplus(b=0)", "wide"), output="reused", cache="cold")
    words = shlex.split(again([case]))
    usual = {**USUAL, "device": "cpu", "threads": 1}
    for name, value in case.as_dict().items():
        said = words[words.index(f"--{name}") + 1] if f"--{name}" in words else usual[name]
        assert str(said) == str(value)


def test_the_caches_of_a_device_are_not_emptied() -> None:
    case = expand(PROFILES["smoke"], Selection(frameworks=("torch",), caches=("cold",)))[0]
    assert unsupported(case) == ""
    assert "only a CPU's caches" in unsupported(replace(case, device="cuda"))


# --- inputs ---------------------------------------------------------------------------------------

_ROWS = Selection(frameworks=("torch",), activations=("relu",), modes=("eager",))


def _lengths(chosen: Selection) -> set[tuple[int, ...]]:
    return {case.lengths for case in expand(PROFILES["ask"], chosen)}


def test_rows_are_as_long_as_they_are_asked_for_and_as_many_as_the_size_has() -> None:
    sizes = ("257", "100000")
    assert _lengths(replace(_ROWS, rows=(50257,), sizes=sizes)) == {(1, 50257)}
    assert _lengths(replace(_ROWS, rows=(100,), sizes=sizes)) == {(2, 100), (1000, 100)}


def test_what_is_usual_is_not_said() -> None:
    """So that a case is the same one however it was asked for, and that of an older run."""
    usual = set(expand(PROFILES["ask"], replace(_ROWS, sizes=("65536",))))
    for chosen in (
        replace(_ROWS, sizes=("65536",), rows=(256,)),
        replace(_ROWS, shapes=("256x256",)),
        replace(_ROWS, sizes=("65536",), inputs=("normal",), layouts=("contiguous",), axes=(1,)),
    ):
        assert set(expand(PROFILES["ask"], chosen)) == usual
    assert all(case.said.keys().isdisjoint(OF_INPUT) for case in usual)


def test_an_axis_is_that_of_a_function_of_rows() -> None:
    chosen = replace(_ROWS, activations=("relu", "crelu"), shapes=("2x3x5",))
    for axis, row in ((1, 3), (-2, 3), (0, 2), (2, 5), (-1, 5)):
        cases = expand(PROFILES["ask"], replace(chosen, axes=(axis,), directions=("forward",)))
        relu, crelu = cases
        assert (relu.axis, relu.length) == (-1, 5)
        assert crelu.length == row
        assert ("last axis" in unsupported(crelu)) == (row != 5)
    [_, beyond] = expand(PROFILES["ask"], replace(chosen, axes=(7,), directions=("forward",)))
    assert unsupported(beyond) == "a shape of 3 axes has no axis 7"


def test_a_layout_is_there_or_the_reason_why_not(framework: str) -> None:
    having = frameworks()[framework].layouts
    image = replace(_case(framework, "relu", "max", size=96), shape="2x3x4x4")
    for layout in ("strided", "channels_last"):
        assert (unsupported(replace(image, layout=layout)) == "") == (layout in having)
    flat = replace(_case("torch", "relu", "max"), layout="channels_last")
    assert unsupported(flat).startswith("channels_last is for four axes, not 2")


def test_a_file_has_its_own_size_and_shape(tmp_path: Path) -> None:
    list_, table = str(tmp_path / "list.npy"), str(tmp_path / "table.npy")
    np.save(list_, np.zeros(768, np.float32))
    np.save(table, np.zeros((6, 128), np.float32))
    assert _lengths(replace(_ROWS, inputs=(list_,))) == {(3, 256)}
    assert _lengths(replace(_ROWS, inputs=(list_,), rows=(16,))) == {(48, 16)}
    assert _lengths(replace(_ROWS, inputs=(list_,), shapes=("2x3x128",))) == {(2, 3, 128)}
    assert _lengths(replace(_ROWS, inputs=(table,))) == {(6, 128)}
    for words, reason in (
        ({"rows": (7,)}, "has the shape 768, not rows of 7"),
        ({"shapes": ("5x5",)}, "has the shape 768, not 5x5"),
        ({"sizes": ("64",)}, "has 768 elements, not 64"),
    ):
        with pytest.raises(UsageError, match=reason):
            expand(PROFILES["ask"], replace(_ROWS, inputs=(list_,), **words))
    with pytest.raises(UsageError, match="has the shape 6x128, not 3x256"):
        expand(PROFILES["ask"], replace(_ROWS, inputs=(table,), shapes=("3x256",)))


def test_the_command_of_a_case_makes_the_same_case(tmp_path: Path) -> None:
    path = str(tmp_path / "values.npy")
    np.save(path, np.linspace(-1, 1, 96))
    for words in (
        {"rows": (50257,)},
        {"shapes": ("2x3x4x4",), "layouts": ("channels_last",)},
        {"inputs": (path,), "shapes": ("2x48",)},
        {"inputs": ("uniform:-3,0.1", "subnormal"), "layouts": ("strided",)},
    ):
        for case in expand(PROFILES["ask"], replace(_ROWS, **words)):
            options = dict(zip(*[iter(shlex.split(again([case]))[2:])] * 2, strict=True))
            fields = {_field(name.removeprefix("--")): value for name, value in options.items()}
            chosen = {
                name: (int(value) if name in ("rows", "axes") else value,)
                for name, value in fields.items()
            }
            assert expand(PROFILES["ask"], Selection(**chosen)) == [case]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"inputs": ("odd",)}, "unknown input 'odd': take normal, subnormal, saturated, uniform:"),
        ({"layouts": ("strided2",)}, "unknown layout 'strided2'"),
        ({"rows": (0,)}, "--row must be at least 1, not 0"),
        ({"shapes": ("2x0",)}, "cannot read the shape '2x0'"),
        ({"shapes": ("2x3",), "rows": (3,)}, "--shape says the size and the rows"),
        ({"shapes": ("2x3",), "sizes": ("l2",)}, "--shape says the size and the rows"),
        ({"shapes": ("2x3",), "sizes": ("7",)}, "the shape 2x3 has 6 elements, not 7"),
    ],
)
def test_what_is_no_input_is_refused(words: dict[str, tuple[Any, ...]], reason: str) -> None:
    with pytest.raises(UsageError, match=re.escape(reason)):
        expand(PROFILES["ask"], replace(_ROWS, **words))
