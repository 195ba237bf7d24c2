"""Functions of a running program, made importable for another process.

What a module on the path holds by name is imported from there. Anything else, a lambda, a closure,
a function of a notebook or of a test, is sent by value: `cloudpickle` writes it into a module in a
folder of its own.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import re
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ..host import temporary
from ..host.errors import UsageError

Function = Callable[..., Any]
_LIBRARIES = ("stdlib", "platstdlib", "purelib", "platlib")
_MODULE = """\
import base64
try:
    import cloudpickle
except ImportError as error:
    raise ImportError(
        f"{{error}}: it reads functions that are sent by value; install it in this interpreter, or "
        "give a function that a module holds by name"
    ) from None
{names} = cloudpickle.loads(base64.b64decode({text!r}))
"""


@dataclass(frozen=True)
class Importable:
    """Addresses of functions, `module:function`, and the folders where a process finds them."""

    addresses: tuple[str, ...]
    folders: tuple[str, ...]


@contextmanager
def importable(functions: Sequence[Function]) -> Iterator[Importable]:
    """Make functions importable for another process within this context.

    Raises UsageError for one that can neither be imported nor sent.
    """
    with temporary.folder() as made:
        folder = made.path
        addresses = [address_of(function) for function in functions]
        sent = [function for function, known in zip(functions, addresses, strict=True) if not known]
        written = iter(_written(sent, folder) if sent else ())
        yield Importable(
            tuple(known or next(written) for known in addresses), (str(folder), *_path())
        )


def address_of(function: Function) -> str:
    """The address of a function in a module on the path; "" where it has none."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if not (isinstance(module, str) and isinstance(name, str)) or module == "__main__":
        return ""
    loaded: Any = sys.modules.get(module)
    if loaded is None or not _is_found(module, loaded):
        return ""
    held: Any = loaded
    for part in name.split("."):
        held = getattr(held, part, None)
    return f"{module}:{name}" if held is function else ""


def _is_found(module: str, loaded: ModuleType) -> bool:
    """Return whether the path leads to a loaded module, and not to another of its name.

    A module that is still being imported may be asking: another process would ask the same, and so
    on.
    """
    if getattr(loaded.__spec__, "_initializing", False):
        return False
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin == getattr(loaded.__spec__, "origin", None)


def _path() -> list[str]:
    """The folders of the path that are not libraries of the interpreter."""
    folders = [Path(folder or ".").absolute() for folder in sys.path]
    own = [sysconfig.get_path(library) for library in _LIBRARIES]
    others = (folder for folder in folders if not any(map(folder.is_relative_to, own)))
    return [str(folder) for folder in others if folder.is_dir()]


def _written(functions: Sequence[Function], folder: Path) -> list[str]:
    """The addresses of functions, after writing them into a module."""
    try:
        pickled = _by_value(functions)
    except Exception as error:
        who = " and ".join(map(_name, functions))
        raise UsageError(
            f"cannot send {who} to another process ({error}): define it at the top of a module "
            "that can be imported"
        ) from None
    module = f"given_{hashlib.sha256(pickled).hexdigest()[:8]}"
    names = list(map(_name, functions))
    if len(set(names)) < len(names):
        names = [f"{name}_{number}" for number, name in enumerate(names, 1)]
    text = base64.b64encode(pickled).decode()
    source = _MODULE.format(names=f"[{', '.join(names)}]", text=text)
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    return [f"{module}:{name}" for name in names]


def _name(function: Function) -> str:
    """The name of a function as an identifier: `lambda_` for one without a name."""
    name = getattr(function, "__name__", type(function).__name__)
    text = re.sub(r"\W", "", str(name)) or "function"
    return "lambda_" if text == "lambda" else text


def _by_value(functions: Sequence[Function]) -> bytes:
    """The functions, pickled with everything that their own unimportable modules hold.

    Such modules are hidden meanwhile: what they have imported is found where it comes from.
    """
    import cloudpickle

    names = {str(getattr(function, "__module__", None)) for function in functions} - {"__main__"}
    loaded = {name: sys.modules[name] for name in names if name in sys.modules}
    hidden = {name: module for name, module in loaded.items() if not _is_found(name, module)}
    for name in hidden:
        del sys.modules[name]
    try:
        pickled: bytes = cloudpickle.dumps(list(functions))
    finally:
        sys.modules.update(hidden)
    return pickled
