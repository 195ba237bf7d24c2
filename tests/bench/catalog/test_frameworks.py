"""What is read from the source text of `impls/` without an import."""

from __future__ import annotations

from pathlib import Path

import pytest

from actbench.bench.catalog.frameworks import IMPLS, frameworks
from actbench.bench.host.errors import UsageError


def test_the_real_modules_are_read_the_plainest_first() -> None:
    found = list(frameworks(IMPLS).values())
    assert found[0].name == "numpy"
    assert all(each.offers("relu", "max") for each in found)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"TITLE = 1\ndef f(:\n", "impls/example.py is no Python: line 2"),
        (b"TITLE = '\xff'\n", "impls/example.py is no Python"),
        (b"TITLE = '\0'\n", "impls/example.py is no Python"),
        (
            b"shared = 1\n",
            "impls/example.py has no TITLE: give it one, or, if it is not a framework",
        ),
        (b"TITLE = 'A'\nMODES = tuple(x)\n", "impls/example.py: MODES is computed: write it out"),
        (
            b"TITLE = 'A'\nMODES = ()\nENVIRONMENT = {}\nSCRIPT = {'tensr': ''}\n",
            "impls/example.py: SCRIPT: Script.__init__() got an unexpected keyword",
        ),
    ],
)
def test_what_is_no_framework_is_a_sentence(tmp_path: Path, text: bytes, sentence: str) -> None:
    (tmp_path / "example.py").write_bytes(text)
    with pytest.raises(UsageError) as error:
        frameworks(tmp_path)
    assert str(error.value).startswith(sentence)
