"""The command that measures cases again: what it names is what the cases are."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog.activations import UNKNOWN
from actbench.bench.catalog.again import again, interpreters
from actbench.bench.catalog.cases import Case
from actbench.bench.catalog.frameworks import own

_SETTING = ("eager", "forward", "cpu", "float32", 64, 1)
_OWN = Case("mine.k:f-torch", "squareplus(b=0)", "mine.k:f", *_SETTING)
_RELU = Case("torch", "relu", "native", *_SETTING)


def _options(text: str) -> dict[str, list[str]]:
    words = shlex.split(text)[2:]
    options: dict[str, list[str]] = {}
    for name, value in zip(words[::2], words[1::2], strict=True):
        options.setdefault(name.removeprefix("--"), []).append(value)
    return options


def test_a_function_of_the_users_is_named_in_place_of_a_form() -> None:
    text = again([_OWN])
    assert text.startswith("actbench run --callable mine.k:f --reference 'squareplus(b=0)' --fram")
    assert _options(text)["framework"] == ["torch"]
    assert _options(text).keys().isdisjoint({"activation", "form"})
    for other in (
        replace(_OWN, activation=UNKNOWN.name),
        replace(_OWN, activation="relu", form="native"),
    ):
        assert again([other]).startswith(
            "actbench run --callable mine.k:f --framework torch --mode"
        )


def test_what_is_known_of_a_function_is_named_with_it() -> None:
    known = replace(
        own("mine.k:f", "mine.exact:f", "torch", "mine.k:df", 1), reference_gradient="mine.exact:df"
    )
    unit = replace(_OWN, activation="relu", form="native")
    options = _options(again([unit], "gate", functions={known.name: known}, base="v1"))
    assert options == {
        "callable": ["mine.k:f"],
        "reference": ["mine.exact:f"],
        "reference-gradient": ["mine.exact:df"],
        "gradient": ["mine.k:df"],
        "dims": ["1"],
        "framework": ["torch"],
        "mode": ["eager"],
        "direction": ["forward"],
        "dtype": ["float32"],
        "size": ["64"],
        "base": ["v1"],
    }


def test_several_functions_stand_beside_forms_of_frameworks() -> None:
    other = replace(_OWN, framework="mine.k:g-jax", form="mine.k:g")
    options = _options(again([_OWN, other, _RELU]))
    assert options["callable"] == ["mine.k:f", "mine.k:g"]
    assert options["reference"] == ["squareplus(b=0)"]
    assert options["framework"] == ["torch", "jax"]
    assert (options["activation"], options["form"]) == (["relu"], ["native"])


@given(
    st.lists(st.sampled_from(["eager", "compiled"]), min_size=1),
    st.lists(st.sampled_from([0, 257, 50257]), min_size=1),
    st.lists(st.sampled_from(["normal", "/tmp/my values.npy@0123456789ab"]), min_size=1),
)
def test_every_value_of_every_field_is_named_once(
    modes: list[str], rows: list[int], inputs: list[str]
) -> None:
    several = zip(modes, rows, inputs, strict=False)
    cases = [replace(_RELU, mode=mode, row=row, input=input) for mode, row, input in several]
    options = _options(again(cases))
    assert options["mode"] == list(dict.fromkeys(case.mode for case in cases))
    assert options.get("row", []) == [str(r) for r in dict.fromkeys(c.row for c in cases) if r]
    named = list(dict.fromkeys(case.input for case in cases))
    assert options.get("input", ["normal"]) == named
    assert options.keys().isdisjoint({"device", "threads", "output", "cache", "shape", "layout"})


@pytest.mark.parametrize(
    ("pythons", "words"),
    [
        ({"": sys.executable}, []),
        ({"": "/env/bin/python", "torch": sys.executable}, ["/env/bin/python", "torch="]),
    ],
)
def test_interpreters_are_named_as_they_were(pythons: dict[str, str], words: list[str]) -> None:
    given = [word if "/" in word else f"{word}{sys.executable}" for word in words]
    assert interpreters(pythons) == given
