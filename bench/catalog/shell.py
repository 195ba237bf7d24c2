"""Command lines that people paste into a shell."""

from __future__ import annotations

import shlex

PROGRAM = "actbench"


def command(verb: str, *words: object, **options: object) -> str:
    """`actbench verb words --option value …`, quoted for a POSIX shell.

    An option with a tuple or list of values is written once per value, one of True as a flag; one
    of None, False or no values is left out.
    """
    parts = [PROGRAM, verb, *map(str, words)]
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            parts.append(flag)
        elif value is not None and value is not False:
            values = value if isinstance(value, tuple | list) else (value,)
            parts += [word for item in values for word in (flag, str(item))]
    return shlex.join(parts)
