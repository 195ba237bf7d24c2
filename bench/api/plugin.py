"""The plug-in for pytest: assertions as fixtures, with the options of a session.

A suite that does not use them pays nothing: modules that measure are imported on use.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a session."""
    group = parser.getgroup("actbench")
    group.addoption(
        "--actbench-budget",
        type=float,
        default=20.0,
        metavar="SECONDS",
        help="Seconds that one comparison of times may take.",
    )
    group.addoption(
        "--actbench-strict",
        action="store_true",
        help="Fail where a comparison of times stays undecided.",
    )


@pytest.fixture
def assert_ulp() -> Callable[..., None]:
    """`actbench.assert_ulp`: assert that a function is within so many ulp of the exact values."""
    from .asserting import assert_ulp

    return assert_ulp


@pytest.fixture
def assert_not_slower(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`actbench.assert_not_slower`, with the budget of the session."""
    from .asserting import assert_not_slower

    options: dict[str, Any] = {
        "budget": request.config.getoption("--actbench-budget"),
        "strict": request.config.getoption("--actbench-strict"),
    }
    return partial(assert_not_slower, **options)
