"""Packed tables: smaller, and the page shows what it would have shown."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from actbench.report.tables.packing import by_column, packed

TIME = [94610.6, 81726.2, 107695.0]


def table(element: Any, bandwidth: Any, call: Any = TIME) -> dict[str, Any]:
    keys = ("call", "size", "element", "bandwidth")
    columns = [{"key": key} for key in keys]
    return {"columns": columns, "rows": [[call, 4096, element, bandwidth]], "no_command": []}


def cells(made: dict[str, Any]) -> dict[str, Any]:
    return {column["key"]: column["cells"][0] for column in by_column(made)["columns"]}


def test_what_follows_from_a_call_is_a_number() -> None:
    found = cells(table([23.0983, 19.9527, 26.2926], [0.346346, 0.30427, 0.400949]))
    assert found["element"] == 1
    assert found["bandwidth"] == 8
    assert found["call"] == TIME


@pytest.mark.parametrize(
    ("element", "call"),
    [
        ([23.2, 19.9527, 26.2926], TIME),
        ([23.0983, None, 26.2926], TIME),
        ([23.0983, 19.9527, "inf"], [94610.6, 81726.2, "inf"]),
        ([23.0983, 19.9527, 26.2926], None),
        (None, TIME),
    ],
)
def test_what_does_not_follow_stays(element: Any, call: Any) -> None:
    bandwidth = [0.346346, 0.3, 0.4]
    found = cells(table(element, bandwidth, call))
    assert found["element"] == element
    assert found["bandwidth"] == bandwidth


def test_times_without_an_interval_are_followed() -> None:
    found = cells(table([23.0983, None, None], [0.346346, None, None], [94610.6, None, None]))
    assert (found["element"], found["bandwidth"]) == (1, 8)


def test_packing_loses_nothing_and_says_the_same_each_time() -> None:
    content = {"a": ["</script>", 1.5, None]}
    assert json.loads(gzip.decompress(base64.b64decode(packed(content)))) == content
    assert packed(content) == packed(content)
    assert by_column({"columns": [], "rows": [], "no_command": []})["columns"] == []
