"""The source text of a form, as `impls/` has it: no framework is imported."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache

from ...bench.catalog.frameworks import IMPLS
from ...bench.catalog.frameworks import names as modules


def source(framework: str, activation: str, form: str) -> str:
    """The function of a form with its decorators; empty where it no longer exists."""
    name = activation.partition("(")[0]
    return _functions(framework).get(f"{name}_{form}", "")


@cache
def _functions(framework: str) -> Mapping[str, str]:
    if framework not in modules():
        return {}
    text = (IMPLS / f"{framework}.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    return {
        node.name: "\n".join(lines[_first(node) - 1 : node.end_lineno])
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }


def _first(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
