"""The documentation lists the claims that there are, and each example of it is one."""

from __future__ import annotations

import re

from actbench.bench.claims.claim import claims
from actbench.bench.results.claims import Verdict
from tools.claims_list import PAGE, page

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_documentation_lists_every_claim() -> None:
    assert page(TEXT) == TEXT, "python -m tools.claims_list writes the list anew"


def test_the_documentation_explains_every_verdict() -> None:
    assert all(f" {verdict} |" in TEXT for verdict in Verdict)


def test_a_claim_that_is_named_exists() -> None:
    named = set(re.findall(r"actbench claims ([a-z]+-[a-z-]+)", TEXT))
    assert named
    assert named <= claims().keys()
