"""The functions that differ between two trees: nothing that a case could notice may be missed."""

from __future__ import annotations

import ast
import shutil
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actbench.bench.catalog.frameworks import IMPLS, frameworks
from actbench.bench.gate.changes import Changes, changes
from actbench.bench.host.errors import UsageError

_COMMON = """
import math
import numpy as np

TITLE = "Example"
MODES = ("eager",)
ENVIRONMENT: dict[str, str] = {}

class Adapter:
    pass
"""


def _tree(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"__init__": "", **files}.items():
        path = folder / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return folder


def _changes(folder: Path, before: str, after: str, **common: str) -> Changes:
    """Between two bodies of a module beside the same neighbours."""
    base, candidate = (
        _tree(folder / name, example=_COMMON + textwrap.dedent(body), **common)
        for name, body in (("base", before), ("candidate", after))
    )
    return changes(base, candidate, "example")


# --- edits without effect -------------------------------------------------------------------------


class _Annotated(ast.NodeTransformer):
    """The same program with other docstrings and annotations."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = ast.Name("Other")
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        node.body = [ast.Expr(ast.Constant("Said otherwise.")), *node.body]
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = ast.Name("Another")
        return node


def _retold(text: str) -> str:
    return ast.unparse(ast.fix_missing_locations(_Annotated().visit(ast.parse(text))))


@pytest.mark.parametrize("layout", [lambda text: ast.unparse(ast.parse(text)), _retold])
def test_the_real_modules_laid_out_and_documented_otherwise_are_the_same(
    tmp_path: Path, layout: object
) -> None:
    assert callable(layout)
    for path in IMPLS.glob("*.py"):
        (tmp_path / path.name).write_text(layout(path.read_text()))
    for framework in frameworks():
        assert changes(IMPLS, tmp_path, framework) == Changes()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(x): return x + 1", "def f(\n    x,\n):\n    # a remark\n    return (x + 1)"),
        ("def f(x): return x", 'def f(x: int) -> int:\n    "It says."\n    return x'),
        ("def f(x):\n    y: int = x\n    return y", "def f(x):\n    y = x\n    return y"),
        ("A = 1\ndef f(x): return A", "A: int = 1\ndef f(x): return A"),
        ("A = int\ndef f(x: A): return x", "A = float\ndef f(x: A): return x"),
        ("def f(x): return x\ndef g(x): return 2", "def g(x): return 2\ndef f(x): return x"),
        ("import math, cmath\ndef f(x): return x", "import cmath\ndef f(x): return x"),
        ("'one'\ndef f(x): return x", "'other'\ndef f(x): return x"),
        ("class C:\n    'one'\ndef f(x): return C", "class C:\n    'two'\ndef f(x): return C"),
        ("async def h(x: int): ...\ndef f(x): return h", "async def h(x): ...\ndef f(x): return h"),
    ],
)
def test_layout_words_and_annotations_are_no_change(
    tmp_path: Path, before: str, after: str
) -> None:
    assert _changes(tmp_path, before, after) == Changes()


# --- what is one ----------------------------------------------------------------------------------

_OTHER = "\ndef other(x): return x\n"

_NOTICED = {
    "its own body": ("def f(x): return x + 1", "def f(x): return x + 2"),
    "a local name": ("def f(x):\n    y = x\n    return y", "def f(x):\n    z = x\n    return z"),
    "a helper's helper": (
        "def _a(x): return 1\ndef _b(x): return _a(x)\ndef f(x): return _b(x)",
        "def _a(x): return 2\ndef _b(x): return _a(x)\ndef f(x): return _b(x)",
    ),
    "a decorator": (
        "def _d(f): return f\n@_d\ndef f(x): return 1",
        "def _d(f): return abs\n@_d\ndef f(x): return 1",
    ),
    "what a decorator is given": (
        "def _d(g): return lambda f: f\n@_d(lambda x: 1)\ndef f(x): return 1",
        "def _d(g): return lambda f: f\n@_d(lambda x: 2)\ndef f(x): return 1",
    ),
    "a constant": ("A = 1\ndef f(x): return A", "A = 2\ndef f(x): return A"),
    "one of two constants": ("A, B = 1, 2\ndef f(x): return B", "A, B = 1, 3\ndef f(x): return B"),
    "a base class": (
        "class A: y = 1\nclass B(A): pass\ndef f(x): return B.y",
        "class A: y = 2\nclass B(A): pass\ndef f(x): return B.y",
    ),
    "a field of a class": (
        "class A:\n    y: int\ndef f(x): return A",
        "class A:\n    y: str\ndef f(x): return A",
    ),
    "a default": ("A = 1\ndef f(x, y=A): return y", "A = 2\ndef f(x, y=A): return y"),
    "a lambda": ("_h = lambda x: 1\ndef f(x): return _h(x)",
                 "_h = lambda x: 2\ndef f(x): return _h(x)"),
    "a name in a nested function": (
        "A = 1\ndef f(x):\n    def g():\n        return A\n    return g()",
        "A = 2\ndef f(x):\n    def g():\n        return A\n    return g()",
    ),
    "a second definition": ("def f(x): return 1", "def f(x): return 1\ndef f(x): return 2"),
    "a definition replaced later": (
        "def f(x): return 1\nf = abs", "def f(x): return 2\nf = abs"
    ),
    "a shadowed builtin": ("def f(x): return abs(x)", "abs = len\ndef f(x): return abs(x)"),
    "a name bound in an expression": (
        "A = (B := 1)\ndef f(x): return B", "A = (B := 2)\ndef f(x): return B"
    ),
    "a global that is set for the sake of another name": (
        "def _set():\n    global A\n    A = 2\nB = _set()\ndef f(x): return A",
        "def _set():\n    global A\n    A = 3\nB = _set()\ndef f(x): return A",
    ),
    "a table that is written to": (
        "T = {}\nT['a'] = 1\ndef f(x): return T", "T = {}\nT['a'] = 2\ndef f(x): return T"
    ),
    "a table that is written to in passing": (
        "T = {}\n_ = T.update(a=1)\ndef f(x): return T",
        "T = {}\n_ = T.update(a=2)\ndef f(x): return T",
    ),
    "a registered function": (
        "T = {}\ndef _keep(g):\n    T[g.__name__] = g\n    return g\n"
        "@_keep\ndef g(x): return 1\ndef f(x): return T['g'](x)",
        "T = {}\ndef _keep(g):\n    T[g.__name__] = g\n    return g\n"
        "@_keep\ndef g(x): return 2\ndef f(x): return T['g'](x)",
    ),
    "a table that another form writes to": (
        "T = {}\ndef g(x): T['a'] = 1\ndef f(x): return T",
        "T = {}\ndef g(x): T['a'] = 2\ndef f(x): return T",
    ),
    "an attribute of a function": (
        "def _h(x): return 1\n_h.y = 1\ndef f(x): return _h.y",
        "def _h(x): return 1\n_h.y = 2\ndef f(x): return _h.y",
    ),
    "the order of a rebinding": (
        "A = 1\nB = A\nA = 2\ndef f(x): return B", "A = 1\nA = 2\nB = A\ndef f(x): return B"
    ),
    "a name looked up by its text": (
        "def _h(x): return 1\ndef f(x): return globals()['_h'](x)",
        "def _h(x): return 2\ndef f(x): return globals()['_h'](x)",
    ),
    "a name that is neither public nor private": (
        "def f(x): return TITLE\nTITLE = 1", "def f(x): return TITLE\nTITLE = 2"
    ),
    "a local declared by an annotation": (
        "def f(x):\n    y: int\n    return y", "def f(x):\n    return y"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", _NOTICED)
def test_what_a_function_could_notice_is_a_change_of_it(tmp_path: Path, what: str) -> None:
    before, after = (_OTHER + version for version in _NOTICED[what])
    changed = _changes(tmp_path, before, after)
    assert "f" in changed.functions
    loose = {"code at module level", "the order of statements"}
    if not loose & set(changed.functions["f"]):
        assert "other" not in changed.functions, "it reaches none of this"


_EVERYONE = {
    "an operation on a package": ("", "np.exp = np.log"),
    "one for the sake of its result": ("", "_old = np.seterr(all='raise')"),
    "one in a function that is called": (
        "def _quiet(): return np.seterr(all='raise')\n_old = _quiet()",
        "def _quiet(): return np.seterr(all='warn')\n_old = _quiet()",
    ),
    "one in a decorator": (
        "def _d(f):\n    np.exp = abs\n    return f",
        "def _d(f):\n    np.exp = abs\n    return f\n@_d\ndef _g(x): return x",
    ),
    "one in a tuple": ("A = 1", "(A, np.pi) = (1, 3)"),
    "a condition": ("if np: A = 1", "if np: A = 2"),
    "a conditional definition": (
        "if np:\n    def _h(x): return 1",
        "if np:\n    def _h(x): return 2",
    ),
    "an import that may fail": (
        "try:\n    import a\nexcept ImportError:\n    a = None",
        "try:\n    import a\nexcept ImportError:\n    a = 1",
    ),
    "an augmented assignment": ("A = 1\nA += 1", "A = 1\nA += 2"),
    "a package that is not Python's own": ("", "import scipy"),
    "one within a function": ("", "def _h():\n    from scipy import special"),
    "a global": (
        "A = 1\ndef _set():\n    global A\n    A = 2\n_set()",
        "A = 1\ndef _set():\n    global A\n    A = 3\n_set()",
    ),
    "a deletion": ("A = 1", "A = 1\ndel A"),
    "a loop": ("for A in (1, 2): pass", "for A in (1, 3): pass"),
}


@pytest.mark.parametrize("what", _EVERYONE)
def test_what_may_reach_every_function_is_a_change_of_every_one(tmp_path: Path, what: str) -> None:
    before, after = (_OTHER + version for version in _EVERYONE[what])
    changed = _changes(tmp_path, before, after)
    assert set(changed.functions) == {"other"}
    assert changed.everywhere


_IMPORTS = {
    "by name": ("from ._helper import h\ndef f(x): return h(x)", True),
    "under another name": ("from ._helper import h as k\ndef f(x): return k(x)", True),
    "as a whole": ("from . import _helper\ndef f(x): return _helper.h(x)", True),
    "with everything": ("from ._helper import *\ndef f(x): return h(x)", False),
    "in a function": ("def f(x):\n    from ._helper import h\n    return h(x)", True),
    "if it is there": (
        "try:\n    from ._helper import h\nexcept ImportError: pass\ndef f(x): return h(x)",
        False,
    ),
    "through another": ("from ._middle import h\ndef f(x): return h(x)", True),
    "through the package": ("from . import h\ndef f(x): return h(x)", False),
    "from a folder": ("from .inner.deep import h\ndef f(x): return h(x)", True),
}


@pytest.mark.parametrize("how", _IMPORTS)
def test_a_neighbours_change_reaches_who_uses_it(tmp_path: Path, how: str) -> None:
    body, alone = _IMPORTS[how]
    module = _COMMON + _OTHER + body
    package = "from ._helper import h" if how == "through the package" else ""
    for name, number in (("base", 1), ("candidate", 2)):
        helper = f"def h(x): return {number}\ndef unused(x): return 0\n"
        _tree(
            tmp_path / name,
            example=module,
            _helper=helper,
            _middle="from ._helper import h",
            __init__=package,
            **{"inner.__init__": "", "inner.deep": "from .._helper import h"},
        )
    changed = changes(tmp_path / "base", tmp_path / "candidate", "example")
    assert "f" in changed.functions
    assert not alone or "other" not in changed.functions


@pytest.mark.parametrize("named", ["__init__", "_patches"])
def test_what_a_neighbour_does_at_import_reaches_everything(tmp_path: Path, named: str) -> None:
    for name, number in (("base", 1), ("candidate", 2)):
        patches = {named: f"import numpy as np\nnp.exp = {number}\n"}
        common = {"_patches": "", **patches}
        _tree(tmp_path / name, example=_COMMON + _OTHER + "from . import _patches", **common)
    changed = changes(tmp_path / "base", tmp_path / "candidate", "example")
    assert set(changed.functions) == {"other"}


def test_a_neighbour_that_keeps_functions_reaches_who_looks_them_up(tmp_path: Path) -> None:
    keeper = "T = {}\ndef keep(g):\n    T[g.__name__] = g\n    return g\ndef find(n): return T[n]\n"
    body = "from ._keeper import keep, find\n@keep\ndef g(x): return {}\ndef f(x): return find('g')"
    changed = _changes(tmp_path, body.format(1), body.format(2), _keeper=keeper)
    assert {"f", "g"} <= changed.functions.keys()


def test_neighbours_that_import_each_other_are_read(tmp_path: Path) -> None:
    common = {"_a": "from . import _b\ndef a(x): return _b", "_b": "from ._a import a\nB = 1"}
    body = "from ._a import a\ndef f(x): return {}"
    assert _changes(tmp_path, body.format(1), body.format(1), **common) == Changes()
    assert set(_changes(tmp_path, body.format(1), body.format(2), **common).functions) == {"f"}


def test_names_and_their_reasons_are_reported(tmp_path: Path) -> None:
    body = "A = {}\ndef f(x): return A\ndef g(x): return f(x)\ndef h(x): return 1"
    changed = _changes(tmp_path, body.format(1), body.format(2))
    assert changed.functions == {"f": ("A",), "g": ("A",)}
    assert not changed.everywhere
    changed = _changes(tmp_path, body.format(1), body.format(1).replace("return A", "return -A"))
    assert changed.functions == {"f": ("f",), "g": ("f",)}


def test_new_and_gone_are_reported_and_a_private_name_is_no_form(tmp_path: Path) -> None:
    changed = _changes(tmp_path, "def f(x): ...\ndef _p(x): ...", "def g(x): ...\ndef _q(x): ...")
    assert changed == Changes(new=frozenset("g"), gone=frozenset("f"))


def test_a_module_on_one_side_is_all_new_or_all_gone(tmp_path: Path) -> None:
    empty, full = _tree(tmp_path / "a"), _tree(tmp_path / "b", example=_COMMON + _OTHER)
    assert changes(empty, full, "example") == Changes(new=frozenset({"other"}))
    assert changes(full, empty, "example") == Changes(gone=frozenset({"other"}))
    assert changes(empty, empty, "example") == Changes()


def test_the_environment_and_the_adapter_are_distinguished(tmp_path: Path) -> None:
    changed = _changes(tmp_path, _OTHER, _OTHER + 'ENVIRONMENT = {"A": "1"}')
    assert changed.settings == ("ENVIRONMENT",)
    changed = _changes(tmp_path, _OTHER, _OTHER + "class Adapter:\n    number = 1")
    assert not changed.functions
    assert changed.everywhere[0] == "Adapter"


_WRONG = {"colon": b"def f(:\n", "null": b"a = 1\0\n", "coding": b"a = '\xff'\n"}


@pytest.mark.parametrize("kind", _WRONG)
@pytest.mark.parametrize("file", ["example.py", "_helper.py"])
def test_what_is_no_python_is_a_sentence_about_its_tree(
    tmp_path: Path, kind: str, file: str
) -> None:
    text = _COMMON + "from ._helper import h\ndef f(x): return h(x)"
    right, wrong = (_tree(tmp_path / n, example=text, _helper="h = abs") for n in "rw")
    (wrong / file).write_bytes(_WRONG[kind])
    with pytest.raises(UsageError, match=f"the base's impls/{file} is not valid Python: line"):
        changes(wrong, right, "example")
    [reason] = changes(right, wrong, "example").everywhere
    assert reason.startswith(f"impls/{file} is not valid Python: line")


@pytest.mark.parametrize(
    ("before", "after", "reached"),
    [
        (
            *("density *= -0.5", "density *= -0.25"),
            {"gelu_wide", "gelu_stable", "gelu_blocked", "geglu_wide", "geglu_stable"},
        ),
        ("1.1283791392817715", "1.12837913928177", set()),
    ],
)
def test_a_change_of_numpys_kernels_reaches_the_forms_that_use_them(
    tmp_path: Path, before: str, after: str, reached: set[str]
) -> None:
    candidate = tmp_path / "impls"
    shutil.copytree(IMPLS, candidate)
    path = candidate / "_numpy_kernels.py"
    assert path.read_text().count(before) == 1
    path.write_text(path.read_text().replace(before, after))
    difference = changes(IMPLS, candidate, "numpy")
    by_erf = {"erf_textbook", "gelu_textbook", "geglu_textbook"}
    assert set(difference.functions) == {*reached, *by_erf}
    assert not difference.everywhere
    for framework in set(frameworks()) - {"numpy"}:
        assert changes(IMPLS, candidate, framework) == Changes()


# --- a property -----------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_change_reaches_exactly_who_calls_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Functions that call earlier ones at random; the oracle is the closure of who calls whom."""
    count = data.draw(st.integers(2, 7))
    calls = [data.draw(st.sets(st.integers(0, i - 1))) if i else set() for i in range(count)]
    target = data.draw(st.integers(0, count - 1))

    def body(edited: int | None) -> str:
        return "".join(
            f"def f{i}(x): return {'-' * (i == edited)}(x{''.join(f' + f{j}(x)' for j in used)})\n"
            for i, used in enumerate(calls)
        )

    reached = {target}
    for i, used in enumerate(calls):
        if used & reached:
            reached.add(i)
    changed = _changes(tmp_path_factory.mktemp("trees"), body(None), body(target))
    assert changed.functions == {f"f{i}": (f"f{target}",) for i in sorted(reached)}
