"""Runs at addresses: brought whole, bounded and removed, or one sentence on what is wrong."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from fsspec.registry import known_implementations

from actbench.bench.commands import main
from actbench.bench.host.errors import StoreError, UsageError
from actbench.bench.results import elsewhere, parcel, store
from actbench.bench.results.store import RunWriter
from tests.conftest import run_facts

FILES = ("run.json", "rows.jsonl", "samples.jsonl")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of no rows."""
    RunWriter(tmp_path / "runs/mine", run_facts(state="finished")).finish([])
    return tmp_path / "runs/mine"


@pytest.fixture
def addresses(run: Path) -> Iterator[dict[str, str]]:
    """The same run at several addresses, by protocol."""
    memory, archive = fsspec.filesystem("memory"), run.parent.parent / "runs.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in FILES:
            memory.pipe(f"/runs/mine/{name}", (run / name).read_bytes())
            file.write(run / name, f"runs/mine/{name}")
    yield {
        "memory": "memory://runs/mine",
        "zip": f"zip://runs/mine::{archive}",
        "zip in memory": "zip://runs/mine::memory://runs.zip",
        "file": f"file://{run}",
    }
    memory.store.clear()


@pytest.mark.parametrize("protocol", ["memory", "zip", "file"])
def test_a_run_at_an_address_is_brought_whole_and_removed(
    addresses: dict[str, str], run: Path, protocol: str
) -> None:
    address = addresses[protocol]
    with elsewhere.brought(address) as folder:
        assert folder.name == "mine"
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
            name: (run / name).read_bytes() for name in FILES
        }
    assert folder.exists() == (protocol == "file"), "what lies here is left where it is"
    [found] = elsewhere.runs(address.replace("runs/mine", "runs", 1))
    assert found == (str(run) if protocol == "file" else address)


def test_an_archive_at_an_address_is_looked_into(addresses: dict[str, str], run: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name in FILES:
            file.write(run / name, name)
    fsspec.filesystem("memory").pipe("/runs.zip", archive.getvalue())
    [found] = elsewhere.runs("zip://::memory://runs.zip")
    with elsewhere.brought(found) as folder:
        assert store.load(folder).facts == store.load(run).facts


@pytest.mark.parametrize(
    ("address", "error", "reason"),
    [
        ("nowhere://bucket/run", UsageError, "nothing here opens nowhere://"),
        ("github://organisation:repository@main/run", StoreError, ""),
        ("memory://no/such", StoreError, "no run at memory://no/such"),
        ("zip://run::file:///no/such.zip", StoreError, "No such file"),
    ],
)
def test_what_cannot_be_brought_is_a_sentence(
    address: str, error: type[Exception], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.socket.connect", _refused)
    with pytest.raises((error, UsageError)) as raised, elsewhere.brought(address):
        pass
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)


def _refused(*_: object) -> None:
    raise ConnectionRefusedError("no network in a test")


def test_a_protocol_whose_package_is_missing_is_named_with_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        known_implementations,
        "cupboard",
        {"class": "no_such_package.Cupboard", "err": "Install no_such_package to open cupboards"},
    )
    assert main(["export", "cupboard://run"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "Install no_such_package to open cupboards" in line


def test_no_more_bytes_are_taken_than_any_run_has(
    addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcel, "MOST", 1000)
    with (
        pytest.raises(StoreError, match="more than 0 MiB"),
        elsewhere.brought("memory://runs/mine"),
    ):
        pass


def test_a_run_that_is_packed_is_the_same_when_it_is_laid(run: Path, tmp_path: Path) -> None:
    packed = parcel.packed(run)
    assert packed.keys() == {"run.json", "rows.jsonl.gz", "samples.jsonl.gz"}
    laid = parcel.laid(packed, tmp_path / "laid")
    assert store.load(laid).facts == store.load(run).facts
    assert parcel.packed(laid) == packed
    with pytest.raises(StoreError, match="which no run has"):
        parcel.laid({**packed, "/etc/passwd": b""}, tmp_path / "other")
    assert not (tmp_path / "other").exists()
