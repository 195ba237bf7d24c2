"""Synthetic runs, written through the store: plausible numbers, seeded, no framework needed."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from actbench.bench.catalog import cases
from actbench.bench.catalog.activations import CATALOG
from actbench.bench.catalog.cases import Case
from actbench.bench.catalog.frameworks import frameworks
from actbench.bench.host.machine import Machine
from actbench.bench.results import claims
from actbench.bench.results.claims import Judged
from actbench.bench.results.facts import RunFacts, WorkerFacts
from actbench.bench.results.rows import Against, Cause, Other, Point, Row, Why, described
from actbench.bench.results.status import Status
from actbench.bench.results.store import RunWriter
from actbench.bench.run.request import known_frameworks
from actbench.report.read.evidence import Evidence
from actbench.report.read.rows import read

from ..claims import EVERY
from ..conftest import run_facts

CHEAP = {"max": 1.0, "algebraic": 1.4, "exp": 6.0, "primitive": 0.7}
PUBLISHED = Path(__file__).parents[2] / "results" / "published"
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&"
CLASSES = {
    "launch": 64,
    "l1": 1024,
    "between": 8192,
    "l2": 65536,
    "last_level": 2**20,
    "memory": 2**23,
}
MODES = {
    "numpy": ("eager",),
    "torch": ("eager", "compiled"),
    "jax": ("eager", "compiled"),
    "tensorflow": ("eager", "compiled"),
}


def facts(**changes: Any) -> RunFacts:
    """The facts of a finished run on an ordinary machine, with changes as run.json has them."""
    finished = run_facts(
        command="actbench run --profile standard",
        most=12,
        blocks=16,
        size_classes={"cpu": CLASSES, "cuda": CLASSES},
        asked={"frameworks": []},
        inputs="normal(0, 1) in the function's domain",
        machine=Machine(
            cpu="Example CPU",
            cores=2,
            memory_gib=23.4,
            caches={"L1d": "48K", "L2": "1M"},
            load=0.4,
            virtual=True,
        ),
        frameworks=known_frameworks(),
        workers={"torch": WorkerFacts("torch", versions={"torch": "2.13.0"}, python="3.11.7")},
        seconds={"timing": 61.2, "agreement": 30.5},
        finished="2025-01-31T10:05:00Z",
        state="finished",
        timed_share=0.71,
        seconds_a_case=0.031,
        compile_seconds=412.0,
        spoilt_samples=3,
    )
    return TypeAdapter(RunFacts).validate_python({**asdict(finished), **changes})


def timing_rows(case: Case, ns: float, width: float, relu: float | None) -> list[Row]:
    """The rows of one timed case; `relu` is the time that its cost is over."""
    low, high = ns * (1 - width), ns * (1 + width)
    rows = [
        Row(case, "time_per_call", ns, low, high),
    ]
    unit = Against(Other.UNIT, "relu", "native")
    if relu is None:
        missing = Row(case, "relative_cost", None, status=Status.UNSUPPORTED, against=unit)
        return [*rows, replace(missing, cause=Cause(Why.NO_UNIT, ("relu",)))]
    cost = (ns / relu, low / relu, high / relu) if ns != relu else (1.0, 1.0, 1.0)
    return [*rows, Row(case, "relative_cost", *cost, against=unit)]


def normal_rows(
    seed: int = 7, modes: dict[str, tuple[str, ...]] = MODES, sizes: tuple[int, ...] = (1024, 65536)
) -> list[Row]:
    """Every activation and form in every framework, forward and backward, with their exactness."""
    dice = random.Random(seed)
    rows: list[Row] = []
    for framework, words in modes.items():
        for mode in words:
            for direction in ("forward", "backward"):
                for size in sizes:
                    rows += _setting_rows(dice, framework, mode, direction, size)
                rows += _exact_rows(dice, framework, mode, direction)
    return rows


def _forms(name: str) -> tuple[str, ...]:
    native = () if name in ("squareplus", "crelu", "maxout", "shifted_relu") else ("native",)
    return (*native, *CATALOG[name].forms)


def _setting_rows(
    dice: random.Random, framework: str, mode: str, direction: str, size: int
) -> list[Row]:
    relu, launch = size * dice.uniform(0.08, 0.3), dice.uniform(500, 9000)
    rows = []
    for name, record in CATALOG.items():
        factor = CHEAP[record.family] * dice.lognormvariate(0, 0.5)
        for form in _forms(name):
            case = Case(framework, name, form, mode, direction, "cpu", "float32", size, 1)
            if form == "wide" and name == "mish":
                reason = f"{framework} has no wide mish"
                rows.append(
                    Row(case, "time_per_call", None, status=Status.UNSUPPORTED, reason=reason)
                )
                continue
            baseline = name == "relu" and form == "native"
            ns = launch + relu * (1.0 if baseline else factor * dice.uniform(0.8, 2.5))
            rows += timing_rows(case, ns, dice.uniform(0.005, 0.06), launch + relu)
    return rows


def _exact_rows(dice: random.Random, framework: str, mode: str, direction: str) -> list[Row]:
    rows = []
    for name, record in CATALOG.items():
        for form in _forms(name):
            case = Case(framework, name, form, mode, direction, "cpu", "float32", 5000, 1)
            ulp = 0.5 if record.family == "max" else round(dice.lognormvariate(1, 1.5), 3)
            ulp = float("inf") if (form, name) == ("textbook", "squareplus") else ulp
            worst = Point(dice.uniform(-20, 20).hex(), got=0.125, exact=0.1250001)
            rows += [
                Row(case, "max_ulp", ulp, worst=worst),
                Row(case, "max_ulp_flushed", ulp),
                Row(case, "nan_mismatches", float(form == "textbook" and name == "softplus")),
            ]
            if framework == "torch" and form == "native":
                other, first = Against(Other.FRAMEWORK, "jax"), (Point("0x1p-3"),)
                rows.append(Row(case, "max_ulp_between", 2.0, against=other, points=first))
                rows.append(Row(case, "equal_bits", 0.93, against=other, points=first))
    return rows


_PER_ELEMENT = {
    "relu": 0.05,
    "squareplus": 0.1,
    "silu": 0.3,
    "gelu": 0.5,
    "mish": 2.0,
    "copy": 0.04,
    "exp": 0.25,
}
SPLIT_SIZES = (64, 1024, 8192, 65536, 2**20, 2**23)


def split_rows(framework: str = "torch", mode: str = "eager", **where: str) -> list[Row]:
    """A few activations at every size class, with the parts of their cost: launch hides it all."""
    rows = []
    for name, slope in _PER_ELEMENT.items():
        form = "native" if name != "squareplus" else "textbook"
        for size in SPLIT_SIZES:
            case = split_case(name, framework, mode, form=form, size=size, **where)
            relu = 10_000 + 0.05 * size
            rows += timing_rows(case, 10_000 + slope * size, 0.01, relu)
        rows += part_rows(replace(case, size=0), slope - 0.04, 10_000.0)
    return rows


def split_case(name: str, framework: str = "torch", mode: str = "eager", **changes: Any) -> Case:
    """A forward case in float32 on the CPU."""
    fields = {"form": "native", "direction": "forward", "device": "cpu", "dtype": "float32"}
    fields |= {"size": 65536, "threads": 1, **changes}
    return Case(framework, name, mode=mode, **fields)


def part_rows(case: Case, arithmetic: float, launch: float) -> list[Row]:
    """The parts of one line: arithmetic ±0.01, launch ±10 %, and a line that fits to 2 %."""

    def part(metric: str, size: int, value: float, width: float) -> Row:
        return Row(replace(case, size=size), metric, value, value - width, value + width)

    return [
        part("launch", 64, launch, launch * 0.1),
        part("handoff", 1024, 250.0, 500.0),
        part("copy_floor", 65536, 0.04, 0.005),
        part("arithmetic", 65536, arithmetic, 0.01),
        part("fit_error", 8192, 0.02, 0.01),
        part("memory", 2**23, 0.2, 0.02),
        part("allocation", 2**23, 1.5, 0.1),
    ]


def model_rows() -> list[Row]:
    """Predictions that hold, one surprise, a line that does not fit, and a refused case."""
    line, mish = split_case("silu"), split_case("mish")
    refused = split_case("gelu", "jax", "compiled", size=2**22)
    late = "returns before its work is done: 90% of it (12 µs) came after the call had returned"
    reused = split_case("relu", size=2**23, output="reused")
    return [
        *timing_rows(reused, 1.0, 0.01, None),
        Row(line, "predicted_arithmetic", 0.25, operations={"add": 1, "exp": 1}),
        Row(mish, "predicted_arithmetic", 0.5, operations={"add": 1, "exp": 1, "tanh": 1}),
        Row(mish, "surprise", 3.7, 3.6, 3.8, cause=Cause(Why.BRANCH, figure=5.0)),
        Row(split_case("gelu", size=8192), "fit_error", -0.31, -0.35, -0.25),
        Row(refused, "time_per_call", None, status=Status.REFUSED, reason=late),
    ]


def write_run(folder: Path, rows: list[Row], **changes: Any) -> Path:
    """A run folder with these rows."""
    RunWriter(folder, facts(**changes)).finish(described(rows))
    return folder


def failing_rows() -> list[Row]:
    """A run in which cases failed, and TensorFlow is not installed."""
    rows = normal_rows(modes={"torch": ("eager",)}, sizes=(65536,))
    case = Case("torch", "gelu", "native", "compiled", "forward", "cpu", "float32", 65536, 1)
    rows.append(
        Row(case, "time_per_call", None, status=Status.ERROR, reason="RuntimeError: no compiler")
    )
    rows.append(
        Row(replace(case, size=2**26), "time_per_call", None, status=Status.OOM, reason="64 GiB")
    )
    rows.append(Row(replace(case, size=0), "max_ulp", None, status=Status.TIMEOUT, reason="60 s"))
    return rows


MISSING_TENSORFLOW = {
    "tensorflow": {
        "framework": "tensorflow",
        "status": "unsupported",
        "reason": "tensorflow is not installed here",
    }
}


def single_rows() -> list[Row]:
    """One case and no relu beside it."""
    case = Case("torch", "gelu", "native", "eager", "forward", "cpu", "float32", 65536, 1)
    return timing_rows(case, 16_400.0, 0.02, None)


def hostile_rows() -> list[Row]:
    """Names, reasons and details that try to break out of the page."""
    case = Case(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, 65536, 1)
    quoting = Case("torch", "gelu'; touch owned; '", "native", "eager", *case_tail())
    relu = Case("torch", "relu", "native", "eager", *case_tail())
    long = Case("torch", "x" * 300, "native", "eager", *case_tail())
    rows = [
        row
        for hostile in (case, quoting, relu, long)
        for row in timing_rows(hostile, 9e3, 0.1, 9e3)
    ]
    rows += [Row(hostile, "max_ulp", 1.0) for hostile in (case, quoting, relu, long)]
    rows.append(Row(relu, "max_ulp_between", 1.0, against=Against(Other.FRAMEWORK, HOSTILE)))
    failed = replace(case, size=8)
    rows.append(Row(failed, "time_per_call", None, status=Status.ERROR, reason=HOSTILE))
    formula = '=1+1,"quoted"\nnext line'
    rows.append(
        Row(replace(case, size=10), "time_per_call", None, status=Status.OOM, reason=formula)
    )
    rows.append(
        Row(replace(case, size=9), "time_per_call", None, status=Status.REFUSED, reason=HOSTILE)
    )
    for hostile in (case, quoting, long):
        rows += part_rows(replace(hostile, size=0), 0.1, 100.0)
        rows.append(Row(hostile, "predicted_arithmetic", 0.1, operations={HOSTILE: 1}))
        cause = Cause(Why.NO_PRIMITIVES, (HOSTILE,))
        rows.append(Row(hostile, "surprise", 4.0, 3.0, 5.0, cause=cause))
    gelu = replace(relu, activation="gelu")
    rows += timing_rows(gelu, 9e3, 0.1, 9e3)
    return [*rows, *part_rows(replace(gelu, size=0), 0.1, 100.0)]


def plain_form(framework: str, activation: str) -> str:
    """The form that people take first, as the catalogue has it."""
    return cases.plain_form(CATALOG[activation], frameworks()[framework])


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Writes a run of given rows: `make_run(rows, name="run", **facts)`."""

    def make(rows: list[Row], name: str = "run", **changes: Any) -> Path:
        return write_run(tmp_path / name, rows, **changes)

    return make


@pytest.fixture(scope="session")
def hostile_text() -> str:
    """The text that the hostile run has wherever text can stand."""
    return HOSTILE


def case_tail() -> tuple[str, str, str, int, int]:
    """Direction, device, dtype, size and threads of an ordinary case."""
    return "forward", "cpu", "float32", 65536, 1


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every synthetic run by name."""
    root = tmp_path_factory.mktemp("runs")
    machine = {"cpu": HOSTILE, "system": HOSTILE, "caches": {HOSTILE: HOSTILE}}
    worker = {HOSTILE: {"framework": HOSTILE, "reason": HOSTILE, "versions": {HOSTILE: HOSTILE}}}
    made = {
        "normal": write_run(root / "normal", normal_rows()),
        "failing": write_run(
            root / "failing",
            failing_rows(),
            workers=MISSING_TENSORFLOW,
            state="interrupted",
            machine={"cpu": "Another CPU", "cores": 1},
        ),
        "single": write_run(root / "single", single_rows()),
        "split": write_run(
            root / "split", [*split_rows(), *split_rows("jax", "compiled"), *model_rows()]
        ),
        "empty": write_run(root / "empty", []),
        "hostile": write_run(
            root / "hostile",
            hostile_rows(),
            machine=machine,
            workers=worker,
            command=HOSTILE,
            size_classes={"cpu": {HOSTILE: 65536}, HOSTILE: {HOSTILE: 65536}},
        ),
    }
    claims.write(made["split"], EVERY)
    claims.write(made["hostile"], replace(EVERY, judged=tuple(hostile_claims())))
    return made


def hostile_claims() -> Iterator[Judged]:
    """Claims whose words try to break out of the page."""
    for claim in EVERY.judged:
        said = dict.fromkeys(("sentence", "source", "method", "why", "reason"), HOSTILE)
        fields = dict.fromkeys(("name", "unit", "framework", "mode", "place"), HOSTILE)
        figures = tuple(replace(figure, **fields) for figure in claim.figures)  # type: ignore[arg-type]
        yield replace(claim, figures=figures, **said)


@pytest.fixture(scope="session")
def evidence(runs: dict[str, Path]) -> dict[str, Evidence]:
    """The evidence of every synthetic run."""
    return {name: read([path]) for name, path in runs.items()}


@pytest.fixture(scope="session")
def published() -> Evidence:
    """The evidence of the latest published run of the standard profile."""
    return read([sorted(PUBLISHED.glob("*-standard"))[-1]])


@pytest.fixture(scope="session")
def pages(runs: dict[str, Path]) -> dict[str, Path]:
    """The page of every synthetic run, and of two together, as the command line writes them."""
    from actbench.report.commands.page import make

    alone = {name: make((path,), None)[1] for name, path in runs.items()}
    both = runs["split"].parent / "two.html"
    return {**alone, "two": make((runs["split"], runs["failing"]), both)[1]}


def chromium() -> str | None:
    """The browser to test with."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium, or a skip that says how to get one."""
    path = chromium()
    if path is None:
        message = "no chromium: install it (Debian: apt-get install chromium) or set CHROMIUM"
        if os.environ.get("ACTBENCH_REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    quiet += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=quiet)
        yield started
        started.close()


UNFOLD = "document.querySelectorAll('details.section').forEach((fold) => { fold.open = true; })"


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page from disk, and its sections unless they are to stay folded.

    A console message or a request for anything else fails the test.
    """
    contexts, complaints = [], []

    def go(
        path: Path,
        hash_text: str = "",
        ready: str = "html[data-ready=yes]",
        folded: bool = False,
        **options: Any,
    ) -> Any:
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                complaints.append(request.url)
                if not request.url.startswith(path.as_uri()) and request.url != "data:,"
                else None
            ),
        )
        page.goto(path.as_uri() + hash_text)
        if options.get("java_script_enabled", True):
            page.locator(ready).wait_for()
        if not folded:
            page.evaluate(UNFOLD)
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []
