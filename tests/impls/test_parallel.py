"""The four modules read side by side: same functions, same order, same parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from actbench.bench.catalog.activations import CATALOG, PRIMITIVES
from actbench.bench.catalog.cases import forms_of
from actbench.bench.catalog.frameworks import IMPLS, frameworks


def _functions(framework: str) -> dict[str, ast.FunctionDef]:
    body = ast.parse((IMPLS / f"{framework}.py").read_text(encoding="utf-8")).body
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def _expected() -> Iterator[str]:
    for name, record in CATALOG.items():
        for form in forms_of(record):
            yield f"{name}_{form}"


@pytest.mark.parametrize("name", list(frameworks()))
def test_forms_are_complete_and_in_the_order_of_the_catalogue(name: str) -> None:
    defined = [each for each in _functions(name) if not each.startswith("_")]
    expected = [each for each in _expected() if each in defined]
    assert [each for each in defined if each in expected] == expected
    absent = set(_expected()) - set(defined)
    written = {f"{each}_{form}" for each in PRIMITIVES for form in CATALOG[each].forms}
    written -= {"tanh_textbook", "tanh_wide", "tanh_stable"}
    # A compiler or the framework's own kernels do elsewhere what NumPy's blocked forms do by hand.
    optional = ("_native",) if name == "numpy" else ("_native", "_blocked")
    assert all(each.endswith(optional) for each in absent - written), absent


@pytest.mark.parametrize("name", list(frameworks()))
def test_a_primitive_is_one_function(name: str) -> None:
    """The framework's own, or one written out in its place; tanh is an activation as well."""
    for each in set(PRIMITIVES) - {"tanh"}:
        forms = [form for form in forms_of(CATALOG[each]) if frameworks()[name].offers(each, form)]
        assert len(forms) == 1, (each, forms)
    assert frameworks()[name].offers("tanh", "native")


@pytest.mark.parametrize("name", list(frameworks()))
def test_parameters_and_defaults_are_those_of_the_catalogue(name: str) -> None:
    functions = _functions(name)
    for activation, record in CATALOG.items():
        for form in forms_of(record):
            if f"{activation}_{form}" not in functions:
                continue
            arguments = functions[f"{activation}_{form}"].args
            names = [argument.arg for argument in arguments.args]
            tuned = [key for key in record.parameters if key != "per_channel"]
            assert names == ["x", *tuned], f"{name}.{activation}_{form}"
            defaults = [ast.literal_eval(default) for default in arguments.defaults]
            expected = [record.parameters[key] for key in tuned if key not in record.learnable]
            assert defaults == expected, f"{name}.{activation}_{form}"


@pytest.mark.parametrize("name", list(frameworks()))
def test_every_form_has_its_formula(name: str) -> None:
    """One line; but for the wide forms, each of which finds its own way, the same everywhere."""
    for form, function in _functions(name).items():
        if form.startswith("_"):
            continue
        formula = ast.get_docstring(function)
        assert formula, form
        assert "\n" not in formula, form
        others = (_functions(other).get(form) for other in frameworks())
        formulas = {ast.get_docstring(other) for other in others if other}
        assert formulas == {formula} or form.endswith("_wide"), (form, formulas)


@pytest.mark.parametrize("name", list(frameworks()))
def test_no_function_is_defined_twice(name: str) -> None:
    body = ast.parse((IMPLS / f"{name}.py").read_text(encoding="utf-8")).body
    names = [node.name for node in body if isinstance(node, ast.FunctionDef)]
    assert len(names) == len(set(names))
