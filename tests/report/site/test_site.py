"""The site: what it lists, what it leaves out, and when it says that something changed."""

from __future__ import annotations

import json
import math
import os
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin

import pytest
from click.testing import CliRunner, Result

from actbench.bench.catalog.activations import CATALOG
from actbench.bench.catalog.cases import Case
from actbench.bench.host.machine import Gpu, Machine, Project
from actbench.bench.results.estimate import Estimate
from actbench.bench.results.facts import RunFacts, WorkerFacts
from actbench.bench.results.rows import Row, described
from actbench.bench.results.status import Status
from actbench.bench.results.store import RunWriter
from actbench.bench.run.request import known_frameworks
from actbench.commands import cli
from actbench.report.page import render
from actbench.report.read.evidence import Evidence, Timed
from actbench.report.read.rows import read
from actbench.report.site.build import build
from actbench.report.site.changes import changes, least_beside, runs_needed
from actbench.report.site.feed import feed
from actbench.report.site.runs import Listed, differences, listed, machine_of, moment
from actbench.report.site.trends import History, sentences, trends

from ...answers import held
from ...conftest import run_facts
from ..conftest import normal_rows

NAMES = ("leaky_relu", "squareplus", "gelu")


def call(*words: object) -> Result:
    return CliRunner().invoke(cli, ["site", *[str(word) for word in words]])


def started(number: int) -> str:
    return f"2025-01-{number:02d}T10:00:00Z"


def facts(number: int = 1, version: str = "2.13.0", **changed: Any) -> RunFacts:
    """The facts of a finished run, each on a day of its own."""
    finished = run_facts(
        started=started(number),
        machine=Machine("Example CPU", cores=2, caches={"L1d": "48K"}, virtual=True),
        frameworks=known_frameworks(),
        workers={"torch": WorkerFacts("torch", versions={"torch": version}, python="3.11.7")},
        finished=started(number),
        state="finished",
    )
    return replace(finished, **changed)


def case_of(name: str, framework: str = "torch", mode: str = "eager", **changed: Any) -> Case:
    """A case as it is followed: forward, float32, one thread, 2^16 elements, the plain form."""
    form = "textbook" if name == "squareplus" else "native"
    fields = {"form": form, "direction": "forward", "device": "cpu", "dtype": "float32"}
    return Case(framework, name, mode=mode, **{**fields, "size": 65536, "threads": 1, **changed})


def cases() -> list[Case]:
    """The cases that are followed of one framework and mode."""
    return [case_of(name) for name in NAMES]


def run(number: int, costs: dict[Case, float], version: str = "2.13.0", **changed: Any) -> Listed:
    """A listed run whose costs have intervals of ±3 %."""
    of_run = facts(number, version, **changed.pop("of_facts", {}))
    listed = Listed(
        name=f"run-{number}",
        page=f"run-{number}.html",
        facts=of_run,
        started=moment(of_run.started),
        kind="measuring run, profile standard",
        verdict="A verdict.",
        excluded="",
        machine=machine_of(of_run),
        costs={case: timed(case, cost) for case, cost in costs.items()},
    )
    return replace(listed, **changed)


def timed(case: Case, cost: float) -> Timed:
    """A case with this cost ±3 %, in the form that people take first unless it is wide."""
    estimate = Estimate(cost, cost * 0.97, cost * 1.03)
    plain = case.form != "wide"
    family = CATALOG[case.activation].family
    return Timed("run", case, family, False, plain, {"relative_cost": estimate})


def series_of_runs(levels: Sequence[float], noise: float = 0.01, jump: int = 99) -> list[Listed]:
    """Runs in which gelu has these levels and the others stay; torch is new at the run `jump`."""
    dice = random.Random(3)
    runs = []
    for number, level in enumerate(levels, start=1):
        wanted = dict(zip(cases(), (1.1, 1.5, level), strict=True))
        costs = {case: cost * dice.lognormvariate(0, noise) for case, cost in wanted.items()}
        runs.append(run(number, costs, "2.13.0" if number < jump else "2.14.0"))
    return runs


def gelu(runs: Sequence[Listed]) -> History:
    histories = [
        history
        for trend in trends(runs)
        for history in trend.followed
        if history.case.activation == "gelu"
    ]
    assert len(histories) == 1
    return histories[0]


# --- changes


def test_the_bound_is_that_of_all_windows_of_all_series() -> None:
    assert least_beside(8, 1) == 4
    assert 2 / math.comb(8, 4) <= 0.05 < 2 / math.comb(6, 3)
    for runs, series in ((8, 1), (12, 3), (30, 21), (60, 200)):
        beside = least_beside(runs, series)
        assert beside is not None
        windows = runs - 2 * beside + 1
        assert series * windows * 2 / math.comb(2 * beside, beside) <= 0.05
        assert least_beside(runs_needed(series) - 1, series) is None


def test_useless_intervals_make_false_claims_in_no_more_than_the_share_stated() -> None:
    dice = random.Random(11)
    claims = 0
    for _ in range(300):
        values = [dice.lognormvariate(0, 0.2) for _ in range(9)]
        claims += bool(changes([Estimate(cost, cost, cost) for cost in values], 1))
    # 15 of 300 is the bound; 27 is three standard deviations above it.
    assert claims <= 27


def test_a_jump_is_found_at_its_run_and_named() -> None:
    levels = [2.0] * 8 + [2.6] * 7
    history = gelu(series_of_runs(levels, jump=9))
    assert [history.measured[change.at].run for change in history.changes] == [9]
    change = history.changes[0]
    assert change.rose
    assert change.before[1] < 2.3 < change.after[0]
    trend = trends(series_of_runs(levels, jump=9))[0]
    (sentence,) = sentences(trend)
    assert "higher from run 9 on: " in sentence
    assert "With it changed: torch 2.13.0 → 2.14.0; that is no proof" in sentence


def test_a_fall_beside_which_nothing_changed() -> None:
    (sentence,) = sentences(trends(series_of_runs([2.6] * 7 + [2.0] * 8))[0])
    assert "lower from run 8 on" in sentence
    assert "No version or setting" in sentence


def test_a_jump_within_the_intervals_is_no_change() -> None:
    runs = series_of_runs([2.0] * 10 + [2.08] * 10, noise=0.001)
    assert gelu(runs).changes == ()


def test_flat_and_noisy_is_no_change() -> None:
    runs = series_of_runs([2.0] * 24, noise=0.2)
    trend = trends(runs)[0]
    assert all(history.changes == () for history in trend.followed)
    assert sentences(trend) == ["No change of level in 3 series of up to 24 runs."]


def test_too_few_runs_say_how_many_are_needed() -> None:
    needed = runs_needed(3)
    trend = trends(series_of_runs([2.0, 2.0, 9.0, 9.0]))[0]
    assert sentences(trend) == [
        f"No change can be claimed yet: it takes {needed} runs, and there are 4."
    ]
    assert gelu(series_of_runs([2.0] * (needed // 2) + [9.0] * (needed - needed // 2))).changes


def test_a_run_without_the_framework_leaves_a_gap() -> None:
    runs = series_of_runs([2.0] * 8 + [2.6] * 8, jump=10)
    reason = "torch is not installed here"
    missing = {"torch": WorkerFacts("torch", Status.UNSUPPORTED, reason)}
    for at in (4, 8):
        runs[at] = replace(runs[at], costs={}, facts=replace(runs[at].facts, workers=missing))
    history = gelu(runs)
    assert 9 not in [point.run for point in history.points]
    assert [history.measured[change.at].run for change in history.changes] == [10]
    assert "torch 2.13.0 → 2.14.0" in sentences(trends(runs)[0])[0]


def without_interval(cost: Timed) -> Timed:
    assert cost.cost
    return replace(cost, estimates={"relative_cost": Estimate(cost.cost.value)})


def test_costs_without_an_interval_are_shown_and_never_decide() -> None:
    runs = series_of_runs([2.0] * 8 + [2.6] * 8)
    bare = [
        replace(
            listed_run,
            costs={case: without_interval(cost) for case, cost in listed_run.costs.items()},
        )
        for listed_run in runs
    ]
    history = gelu(bare)
    assert len(history.points) == 16
    assert history.changes == ()


# --- machines, what is followed


def test_hosts_of_a_fleet_that_are_alike_are_kept_apart(
    tmp_path: Path, make_run: Callable[..., Path]
) -> None:
    for name in ("n1", "n2"):
        make_run(normal_rows(), f"published/{name}", host=name)
    index = build(str(tmp_path / "published"), tmp_path / "site").path.read_text()
    assert re.findall(r'<h2 id="machine-\d+">(.*?)</h2>', index) == [
        "n1: Example CPU", "n2: Example CPU",
    ]  # fmt: skip


def test_machines_are_kept_apart() -> None:
    runs = series_of_runs([2.0] * 8 + [2.6] * 8)
    other = replace(runs[0].facts.machine, cpu="Other CPU")
    moved = [
        replace(listed_run, facts=replace(listed_run.facts, machine=other))
        if at >= 8
        else listed_run
        for at, listed_run in enumerate(runs)
    ]
    moved = [replace(listed_run, machine=machine_of(listed_run.facts)) for listed_run in moved]
    by_machine = trends(moved)
    assert [len(trend.runs) for trend in by_machine] == [8, 8]
    assert not any(trend.changed for trend in by_machine)


@pytest.mark.parametrize(
    ("fact", "value", "same"),
    [
        ("load", 9.0, True),
        ("system", "Linux 7", True),
        ("cores", 4, False),
        ("virtual", False, False),
        ("caches", {"L1d": "32K"}, False),
        ("gpus", (Gpu("A GPU", "1.0"),), False),
    ],
)
def test_what_makes_another_machine(fact: str, value: object, same: bool) -> None:
    one = facts()
    other = facts(machine=replace(one.machine, **{fact: value}))  # type: ignore[arg-type]
    assert (machine_of(one).key == machine_of(other).key) is same


def test_a_driver_is_a_version_not_a_machine() -> None:
    machines = [replace(facts().machine, gpus=(Gpu("A GPU", each),)) for each in ("1", "2")]
    one, other = (facts(machine=machine) for machine in machines)
    assert machine_of(one).key == machine_of(other).key
    runs = [replace(run(1, {}), facts=of_run) for of_run in (one, other)]
    assert differences(*runs, "torch") == ["driver 1 → 2"]


def test_one_activation_a_family_is_followed_whatever_it_costs() -> None:
    extra = {replace(cases()[2], activation=name): 0.01 for name in ("silu", "elu", "mish")}
    elsewhere = {replace(cases()[2], size=2**20): 7.0, replace(cases()[2], form="wide"): 7.0}
    costs = dict.fromkeys(cases(), 2.0) | extra | elsewhere
    (trend,) = trends([run(1, costs), run(2, costs)])
    assert [history.case for history in trend.followed] == cases()


# --- the feed


def test_the_feed_has_what_version_1_1_requires() -> None:
    content = feed([run(1, {}), run(2, {})], "https://example.org/a/")
    assert content["version"] == "https://jsonfeed.org/version/1.1"
    assert isinstance(content["title"], str)
    assert content["feed_url"] == urljoin(content["home_page_url"], "feed.json")
    assert [item["id"] for item in content["items"]] == ["run-2", "run-1"]
    for item in content["items"]:
        assert isinstance(item["id"], str)
        assert item["content_text"]
        assert item["url"].startswith("https://example.org/a/runs/")
        assert datetime.fromisoformat(item["date_published"]).tzinfo
        assert all(isinstance(tag, str) for tag in item["tags"])


def test_without_an_address_the_feed_has_none() -> None:
    content = feed([replace(run(1, {}), started=None, facts=facts(finished="soon"))])
    assert not {"home_page_url", "feed_url"} & content.keys()
    assert not {"url", "date_published"} & content["items"][0].keys()


# --- the whole site


def small_rows(cost: float = 2.0) -> list[Row]:
    """relu in 1 µs and the followed cases in so many, ±1 %."""
    rows = []
    for case, times in ((case_of("relu"), 1.0), *((case, cost) for case in cases())):
        ends = (times * 0.99, times * 1.01)
        rows.append(Row(case, "time_per_call", 1000 * times, *(1000 * end for end in ends)))
        rows.append(Row(case, "relative_cost", times, *(ends if times != 1 else (1.0, 1.0))))
    return rows


def write_run(folder: Path, number: int, rows: list[Row], **changed: Any) -> None:
    RunWriter(folder, facts(number, **changed)).finish(described(rows))


STRANGE = "a run\"'&<b>#%41?"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, hostile_text: str) -> Path:
    """Runs of every kind, one with hostile text wherever text can stand, and one malformed."""
    root = tmp_path_factory.mktemp("published")
    write_run(root / "run-1", 1, small_rows())
    write_run(root / "run-2", 2, small_rows(3.0))
    write_run(root / "stopped", 3, small_rows(), state="interrupted")
    write_run(root / "short", 4, small_rows(), profile="smoke", epochs=1)
    exact = replace(cases()[2], size=5000)
    write_run(root / "exact", 5, [Row(exact, "max_ulp", 1.0)])
    gate_rows = [Row(cases()[2], "gate_coverage", 1.0)]
    write_run(root / "gate", 6, gate_rows, profile="selftest", state="interrupted")
    named = {hostile_text: hostile_text}
    versions = {"torch": hostile_text, **named}
    worker = WorkerFacts("torch", Status.ERROR, hostile_text, versions=versions)
    write_run(
        root / STRANGE,
        7,
        small_rows(),
        machine=Machine(hostile_text, caches=named, gpus=(Gpu(hostile_text, hostile_text),)),
        workers={"torch": worker, hostile_text: worker},
        project=Project(hostile_text, hostile_text),
        profile=hostile_text,
        command=hostile_text,
        inputs=hostile_text,
    )
    write_run(root / "undated", 8, small_rows(), started=hostile_text, state="failed")
    (root / "torn").mkdir()
    (root / "torn" / "run.json").write_text("{", encoding="utf-8")
    (root / "README.md").write_text("no run", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def site(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of these runs; one of them is malformed, so that the status is not 0."""
    out = tmp_path_factory.mktemp("out") / "site"
    result = call("--published", published, "--out", out, "--base-url", "https://example.org/a")
    assert result.exit_code == 4, result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "torn" in errors[0]
    sentence, path = result.stdout.splitlines()
    assert Path(path) == out / "index.html"
    assert sentence.startswith("8 runs of 2 machines; 3 of them in the trends.")
    assert "1 folder could not be read" in sentence
    return out


def test_every_run_is_listed_with_its_kind_and_why_it_is_in_no_trend(site: Path) -> None:
    text = re.sub(r"\s+", " ", (site / "index.html").read_text(encoding="utf-8"))
    for words in (
        "Not in the trends: it is interrupted, not finished.",
        "Not in the trends: a smoke run is too short for its numbers to be compared.",
        "Not in the trends: it has no cost over relu.",
        "a selftest times the gate, not activations; it is interrupted, not finished.",
        "exactness alone",
        "as run 2 of this machine",
        "could not be read and has no report",
    ):
        assert words in text
    left_out = (site / "trends.html").read_text(encoding="utf-8").partition('id="left-out"')[2]
    for name in ("stopped", "short", "exact", "gate", "undated"):
        assert f"{name}</a>" in left_out


def test_links_lead_to_files(site: Path) -> None:
    pages = {
        name: (site / name).read_text(encoding="utf-8") for name in ("index.html", "trends.html")
    }
    for text in pages.values():
        links = re.findall(r'href="([^"]*)"', text)
        inside = [link for link in links if not link.startswith(("#", "data:"))]
        assert len(inside) > 5
        for link in inside:
            assert (site / unquote(link)).is_file(), link
    items = json.loads((site / "feed.json").read_text(encoding="utf-8"))["items"]
    assert len(items) == 8
    for item in items:
        assert (site / unquote(item["url"].removeprefix("https://example.org/a/"))).is_file()


def test_hostile_text_is_escaped(site: Path) -> None:
    for name in ("index.html", "trends.html"):
        text = (site / name).read_text(encoding="utf-8")
        assert "<script" not in text
        assert "<img" not in text
        assert "<b>" not in text
        assert "&lt;/script&gt;" in text
        assert "default-src 'none'" in text
    pages = [path.name for path in (site / "runs").iterdir()]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", page) for page in pages)
    assert len(pages) == 8


def test_a_page_needs_nothing_from_elsewhere(site: Path) -> None:
    for name in ("index.html", "trends.html"):
        text = (site / name).read_text(encoding="utf-8")
        assert not re.search(r'(?:src|href)="(?:https?:)?//|url\(\s*["\']?http|@import', text)


def test_names_that_no_page_can_hold_have_one(tmp_path: Path) -> None:
    """Hostile names of folders, and versions, which the trends draw."""
    for number, name in ((1, b"ru\xffn"), (2, b"ru\x1bn"), (3, b"plain")):
        folder = tmp_path / "in" / os.fsdecode(name)
        write_run(folder, number, small_rows(), version=f"2.{number}\x01")
    result = call("--published", tmp_path / "in", "--out", tmp_path / "site")
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "site" / "runs").iterdir())) == 3
    index = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert index.count("ru\ufffdn</a>") == 2
    assert "2.3\ufffd" in (tmp_path / "site" / "trends.html").read_text(encoding="utf-8")


def test_a_run_that_no_page_can_be_made_of_costs_no_other_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in ((1, "bad"), (2, "good")):
        write_run(tmp_path / "in" / name, number, small_rows())

    def failing(evidence: Evidence) -> str:
        if "bad" in evidence.runs:
            raise ZeroDivisionError("division by zero")
        return render(evidence)

    monkeypatch.setattr("actbench.report.site.build.render", failing)
    result = call("--published", tmp_path / "in", "--out", tmp_path / "site")
    assert result.exit_code == 4
    [error] = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert "bad: ZeroDivisionError('division by zero'); actbench report" in error
    assert [path.name for path in (tmp_path / "site" / "runs").iterdir()] == ["good.html"]
    index = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "<strong>bad</strong> could not be read and has no report" in index


def test_building_again_removes_reports_of_runs_that_are_gone(
    published: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "run-1").symlink_to(published / "run-1")
    out = tmp_path / "site"
    (out / "runs").mkdir(parents=True)
    (out / "runs" / "gone.html").write_text("old", encoding="utf-8")
    result = call("--published", tmp_path / "in", "--out", out, "--json")
    assert result.exit_code == 0, result.output
    assert [path.name for path in (out / "runs").iterdir()] == ["run-1.html"]
    printed = held("answer-site", result.stdout)
    assert printed["runs"] == printed["in_trends"] == ["run-1"]
    assert printed["unread"] == {}
    assert printed["changes"] == []
    assert "<svg" not in (out / "trends.html").read_text(encoding="utf-8")


def test_nothing_published_is_a_site_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    result = call("--published", tmp_path / "in", "--out", tmp_path / "site")
    assert result.exit_code == 0
    assert result.stdout.startswith("No run is published yet.")
    assert "actbench publish RUN" in (tmp_path / "site" / "index.html").read_text()
    assert "no trend yet" in (tmp_path / "site" / "trends.html").read_text()
    assert json.loads((tmp_path / "site" / "feed.json").read_text())["items"] == []


@pytest.mark.parametrize(
    "address", ["example.org", "file:///a", "https://", "http://a/?b", "http://["]
)
def test_an_address_that_is_none(tmp_path: Path, address: str) -> None:
    result = call("--published", tmp_path, "--out", tmp_path / "site", "--base-url", address)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "site").exists()


def test_a_folder_that_is_no_site_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    result = call("--published", tmp_path, "--out", tmp_path)
    assert result.exit_code == 2
    assert "thesis.txt" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_folders_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    missing = call("--published", tmp_path / "none", "--out", tmp_path / "site")
    assert missing.exit_code == 4
    assert "bench publish" in missing.stderr
    blocked = call("--published", tmp_path, "--out", tmp_path / "file" / "site")
    assert blocked.exit_code == 4
    assert "cannot write" in blocked.stderr


def test_help_has_examples_and_names_bench_publish() -> None:
    result = call("--help")
    assert result.exit_code == 0
    assert "Examples:" in result.stdout
    assert "actbench publish RUN" in " ".join(result.stdout.split())


def test_what_a_run_is_comes_from_its_rows(published: Path) -> None:
    kinds = {
        name: listed(name, read((published / name,))).kind
        for name in ("run-1", "exact", "gate", "short")
    }
    assert kinds == {
        "run-1": "measuring run, profile standard",
        "exact": "exactness alone",
        "gate": "selftest of the gate",
        "short": "measuring run, profile smoke",
    }


@pytest.mark.browser
@pytest.mark.parametrize("page_name", ["index.html", "trends.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_opens_from_disk_quietly_and_fits_a_phone(
    visit: Callable[..., Any], site: Path, hostile_text: str, page_name: str, scheme: str
) -> None:
    view = {"width": 360, "height": 740}
    page = visit(site / page_name, ready="footer", viewport=view, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    shade = sum(int(part) for part in paper[4:-1].split(",")) / 3
    assert shade < 60 if scheme == "dark" else shade > 200
    assert page.title() != "owned"
    assert page.locator("img, script").count() == 0
    assert page.get_by_text(hostile_text).count() > 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    if page_name == "trends.html":
        assert page.locator("figure svg").count() > 0
