"""Runs at addresses: brought whole, bounded and removed, or one sentence on what is wrong."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import known_implementations

from actbench.bench.commands import main
from actbench.bench.host.errors import StoreError, UsageError
from actbench.bench.results import elsewhere, parcel, store
from actbench.bench.results.addresses import borrowed as written
from actbench.bench.results.addresses import is_brought, named
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


@pytest.fixture
def borrowed(addresses: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a run that can be written, from another folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return addresses["memory"]


def _there() -> dict[str, bytes]:
    """The files of the run at its address, by name."""
    memory = fsspec.filesystem("memory")
    return {path.rpartition("/")[2]: memory.cat_file(path) for path in memory.find("/runs/mine")}


def _copies() -> list[Path]:
    return list(Path("results").glob("*/*"))


def _refuse(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Have the address refuse a file."""
    pipe_file = MemoryFileSystem.pipe_file

    def full(self: MemoryFileSystem, path: str, *rest: object, **options: object) -> None:
        if path.endswith(name):
            raise PermissionError("the bucket is full")
        pipe_file(self, path, *rest, **options)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", full)


def _change(folder: Path) -> None:
    """What a command may do to a run: add to a file, add one, remove one."""
    with (folder / "samples.jsonl").open("a") as file:
        file.write("\n")
    (folder / "claims.json").write_text("{}")
    (folder / "worker-numpy.log").write_text("said")
    (folder / "rows.jsonl").unlink()


@pytest.mark.parametrize("ended", [False, True], ids=["done", "interrupted"])
def test_what_has_changed_in_a_borrowed_run_is_brought_back(borrowed: str, ended: bool) -> None:
    before = _there()
    with pytest.raises(KeyboardInterrupt) if ended else nullcontext(), written(borrowed):
        [folder] = _copies()
        assert named(str(folder.resolve())) == borrowed
        _change(folder)
        if ended:
            raise KeyboardInterrupt
    assert _there() == {
        "run.json": before["run.json"],
        "samples.jsonl": before["samples.jsonl"] + b"\n",
        "claims.json": b"{}",
        "worker-numpy.log": b"said",
    }
    assert not _copies()


def test_of_a_borrowed_run_nothing_is_written_but_what_has_changed(
    borrowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    pipe_file = MemoryFileSystem.pipe_file

    def noted(self: MemoryFileSystem, path: str, *rest: object, **options: object) -> None:
        names.append(path.rpartition("/")[2])
        pipe_file(self, path, *rest, **options)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", noted)
    with written(borrowed):
        pass
    assert names == ["actbench-probe.tmp"]
    with written(borrowed) as folder:
        (folder / "claims.json").write_text("{}")
    assert names[2:] == ["claims.json"]
    assert "actbench-probe.tmp" not in _there()


@pytest.mark.parametrize("failing", ["samples.jsonl", "claims.json", "worker-numpy.log"])
def test_a_borrowed_run_that_cannot_be_brought_back_is_kept_and_named(
    borrowed: str, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _there()
    _refuse(monkeypatch, failing)
    with pytest.raises(StoreError) as raised, written(borrowed) as folder:
        _change(folder)
    assert f"cannot write {borrowed}: the bucket is full" in str(raised.value)
    assert f"kept in {folder}:" in named(str(raised.value))
    assert (folder / "samples.jsonl").read_bytes() == before["samples.jsonl"] + b"\n"
    assert (folder / "claims.json").read_text() == "{}"
    assert _there().keys() >= before.keys(), "nothing is removed where something is not written"


def _claim(folder: Path, text: str, beside: str) -> None:
    """Write claims into a borrowed run, while another command writes others."""
    (folder / "claims.json").write_text(text)
    with written("memory://runs/mine") as other:
        (other / "claims.json").write_text(beside)


def test_a_run_that_another_has_changed_meanwhile_is_not_overwritten(borrowed: str) -> None:
    with (
        pytest.raises(StoreError, match="another has changed it meanwhile"),
        written(borrowed) as folder,
    ):
        _claim(folder, "first", beside="second")
    assert _there()["claims.json"] == b"second"
    [kept] = _copies()
    assert (kept / "claims.json").read_text() == "first"


def test_what_cannot_be_written_is_not_borrowed(
    addresses: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said before anything is measured, with the command that makes a copy."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError) as raised, written(addresses["zip"]):
        raise AssertionError("nothing is measured")
    assert str(raised.value).endswith(f": actbench publish {addresses['zip']}")
    assert not _copies()


def test_a_run_of_this_machine_is_borrowed_where_it_is(
    addresses: dict[str, str], run: Path
) -> None:
    for name in (addresses["file"], str(run)):
        with written(name) as folder:
            assert folder == run
            assert not is_brought(folder)


def test_a_run_is_put_beside_others_once(run: Path) -> None:
    memory = fsspec.filesystem("memory")
    try:
        assert elsewhere.put(run, "memory://runs/") == "memory://runs/mine"
        assert _there() == {name: (run / name).read_bytes() for name in FILES}
        with pytest.raises(UsageError, match="memory://runs/mine is already there"):
            elsewhere.put(run, "memory://runs")
        memory.pipe("/other/deep/down/run.json", b"{}")
        assert elsewhere.runs("memory://", depth=2) == []
        assert elsewhere.runs("memory://runs", depth=2) == ["memory://runs/mine"]
        assert len(elsewhere.runs("memory://")) == 2
    finally:
        memory.store.clear()


def test_a_run_that_is_put_in_part_is_no_run(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _refuse(monkeypatch, "run.json")
    with pytest.raises(StoreError, match="cannot write memory://runs/mine: the bucket is full"):
        elsewhere.put(run, "memory://runs")
    assert not elsewhere.runs("memory://runs")
    fsspec.filesystem("memory").store.clear()
