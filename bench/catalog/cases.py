"""Cases: what is measured, one at a time, and the profiles that choose them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from ..host import machine
from ..host.errors import UsageError
from .activations import CATALOG, Activation, find, find_reference, nearest
from .dtypes import DTYPES
from .frameworks import Framework, frameworks
from .shell import command
from .sizes import CLASSES, size_classes

MODES = ("eager", "compiled")
DIRECTIONS = ("forward", "backward", "both")
DEVICES = ("cpu", "cuda")
OUTPUTS = ("fresh", "reused")
"""The memory of a result: the call's own, or where the last call wrote."""
CACHES = ("warm", "cold")
"""The caches before a call: as the last call left them, or without anything of its input."""
_LEAST_SECONDS = 15.0
_SECONDS_A_CASE = 0.1
ALL_THREADS = "all"
ROW_LENGTH = 256
"""Elements on the last axis of a timing input, where its size allows."""


@dataclass(frozen=True)
class Case:
    """One thing to measure. Its fields are the first columns of every row."""

    framework: str
    activation: str
    form: str
    mode: str
    direction: str
    device: str
    dtype: str
    size: int
    threads: int
    output: str = "fresh"
    cache: str = "warm"

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, ready for JSON."""
        return dict(vars(self))

    @property
    def command(self) -> str:
        """The command that measures this case again."""
        return command("run", **self.as_dict())


@dataclass(frozen=True)
class Plan:
    """A block of cases: the product of its fields. `forms` of None are all that there are.

    `plain` stands for the form that people take first: native, or the first one written out where
    the framework has none.
    """

    activations: tuple[str, ...]
    forms: tuple[str, ...] | None = None
    modes: tuple[str, ...] | None = None
    directions: tuple[str, ...] = ("forward",)
    devices: tuple[str, ...] = ("cpu",)
    dtypes: tuple[str, ...] = ("float32",)
    sizes: tuple[int | str, ...] = ("l2",)
    threads: tuple[int | str, ...] = (1,)
    outputs: tuple[str, ...] = ("fresh",)
    caches: tuple[str, ...] = ("warm",)


@dataclass(frozen=True)
class Profile:
    """The extent of a run: which cases, how often, and how dense the accuracy grid is.

    Every case is timed with its unit in `epochs` fresh processes: a visit is `blocks` blocks of a
    batch of about `batch` seconds of both. Those whose cost is wider than ±`precision` are timed in
    further processes, `most` in all, for `seconds` more.
    `per_binade` random inputs are tried in each binade and sign. Exactness is that of the cases, or
    of value and gradient of each form in `agreement_dtypes`. `conditions` says whether results are
    compared with those of other processes, threads and short arrays.
    """

    name: str
    plans: tuple[Plan, ...]
    epochs: int
    most: int
    batch: float
    blocks: int
    precision: float
    seconds: float
    per_binade: int
    title: str
    agreement_dtypes: tuple[str, ...] = ()
    conditions: bool = False

    def budget(self, cases: int) -> float:
        """Seconds for further processes of so many cases."""
        return min(self.seconds, _LEAST_SECONDS + _SECONDS_A_CASE * cases)


def with_variants() -> tuple[str, ...]:
    """Every activation of the catalogue and its variants, by label."""
    return tuple(
        label.label
        for record in CATALOG.values()
        for label in (record, *(record.with_parameters(**values) for values in record.variants))
    )


_FEW = ("relu", "gelu", "squareplus", "copy")
_ALL = tuple(CATALOG)
_PRIMITIVES = tuple(name for name, record in CATALOG.items() if record.family == "primitive")
_NAMES = tuple(name for name in _ALL if name not in _PRIMITIVES and CATALOG[name].standard)
_ANSWER = ("launch", "l2", "memory")
"""The places of the answer: one tiny call, in cache, from memory."""

PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            name="smoke",
            plans=(
                Plan(_FEW, forms=("plain",), sizes=("launch", "l1", "l2")),
                Plan(_FEW, forms=("plain",), directions=("backward",)),
            ),
            epochs=2,
            most=2,
            batch=0.0003,
            blocks=8,
            precision=0.03,
            seconds=0,
            per_binade=2,
            title="one activation per family, in a minute, to see whether everything works here",
        ),
        Profile(
            name="ask",
            plans=(Plan(_NAMES, forms=("plain",), directions=("forward", "backward")),),
            epochs=3,
            most=10,
            batch=0.0002,
            blocks=32,
            precision=0.03,
            seconds=12,
            per_binade=8,
            agreement_dtypes=("float32",),
            title="what --activation names, forward and backward, in cache: half a minute for two "
            "in one framework",
        ),
        Profile(
            name="standard",
            plans=(
                Plan(_NAMES, forms=("plain",), sizes=(*_ANSWER, "l1")),
                Plan(_NAMES, forms=("textbook", "blocked")),
                Plan(_NAMES, forms=("plain",), directions=("backward",), sizes=_ANSWER),
                Plan(_NAMES, forms=("plain",), dtypes=("bfloat16",)),
            ),
            epochs=2,
            most=12,
            batch=0.0002,
            blocks=32,
            precision=0.03,
            seconds=90,
            per_binade=8,
            title="the answer: every activation in the form that people take first (native, or the "
            "first one written out) and as its formula is printed, in every framework and mode, "
            "forward and backward, as one tiny call, in cache and from memory; exactness of just "
            "these. Four minutes once compile caches are warm, six before. Left to full: other "
            "forms, dtypes, sizes and variants, both directions at once, cold caches, threads",
        ),
        Profile(
            name="full",
            plans=(
                Plan(
                    with_variants(),
                    dtypes=("float32", "float64", "float16", "bfloat16"),
                    sizes=CLASSES,
                ),
                Plan(_ALL, sizes=("last_level", "memory"), outputs=("reused",)),
                Plan(_ALL, forms=("plain",), sizes=("l2", "memory"), threads=(ALL_THREADS,)),
                Plan(_ALL, forms=("plain",), sizes=("l2", "last_level"), caches=("cold",)),
                # A backward case keeps its own saved values alive: larger ones fill the memory.
                Plan(
                    with_variants(),
                    directions=("backward", "both"),
                    dtypes=("float32", "float64", "float16", "bfloat16"),
                    sizes=("launch", "l1", "l2"),
                ),
            ),
            epochs=3,
            most=12,
            batch=0.0005,
            blocks=16,
            precision=0.03,
            seconds=7200,
            per_binade=16,
            conditions=True,
            title="every form and variant in four dtypes at every size class, both directions at "
            "once, cold caches, all threads, and the compiled gradient of every form; hours",
        ),
    )
}


@dataclass(frozen=True)
class Selection:
    """A person's choices: each field that is not empty replaces the profile's own."""

    frameworks: tuple[str, ...] = ()
    activations: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    sizes: tuple[int | str, ...] = ()
    threads: tuple[int | str, ...] = ()
    outputs: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()

    def checked(self) -> Selection:
        """The same with canonical activation labels.

        Raises UsageError, with the nearest valid names, for a name that does not exist.
        """
        _check("framework", self.frameworks, tuple(frameworks()))
        _check("form", self.forms, all_forms())
        _check("mode", self.modes, MODES)
        _check("direction", self.directions, DIRECTIONS)
        _check("device", self.devices, DEVICES)
        _check("dtype", self.dtypes, tuple(DTYPES))
        _check("output", self.outputs, OUTPUTS)
        _check("cache", self.caches, CACHES)
        return replace(
            self,
            activations=tuple(find(label).label for label in self.activations),
            sizes=tuple(map(_size, self.sizes)),
            threads=tuple(map(_threads, self.threads)),
        )


def _size(text: int | str) -> int | str:
    """A number of elements, or the name of a size class."""
    if text in CLASSES:
        return text
    try:
        number = int(text)
    except ValueError:
        raise UsageError(
            f"unknown size {text!r}: a number of elements, or {nearest(str(text), CLASSES)}"
        ) from None
    if number < 1:
        raise UsageError(f"--size must be at least 1, not {number}")
    return number


def _threads(text: int | str) -> int:
    """A number of threads; `all` are as many as there are CPUs."""
    if text == ALL_THREADS:
        return machine.cores()
    if not str(text).isdigit() or int(text) < 1:
        raise UsageError(f"--threads must be a number from 1, or {ALL_THREADS}, not {text}")
    return int(text)


def _check(kind: str, words: Sequence[str], known: tuple[str, ...]) -> None:
    for word in words:
        if word not in known:
            raise UsageError(f"unknown {kind} {word!r}: {nearest(word, known)}")


def all_forms() -> tuple[str, ...]:
    """Every form that some activation has, native first."""
    forms = (form for record in CATALOG.values() for form in record.forms)
    return tuple(dict.fromkeys(("native", *forms)))


def forms_of(activation: Activation) -> tuple[str, ...]:
    """Every form of an activation, the framework's own first."""
    return ("native", *activation.forms)


def expand(profile: Profile, selection: Selection = Selection()) -> list[Case]:
    """The cases of a profile with a person's choices in place of its own, each case once.

    Raises UsageError for unknown names and for a selection that holds no case at all.
    """
    asked = selection.checked()
    cases = dict.fromkeys(
        case for plan in profile.plans for case in _expand_plan(_chosen(plan, asked), asked)
    )
    if not cases:
        raise UsageError(
            f"nothing to measure: none of {', '.join(asked.activations) or 'the activations'} "
            f"has the form {', '.join(asked.forms)}; see actbench list"
        )
    return list(cases)


def _chosen(plan: Plan, asked: Selection) -> Plan:
    names = [field for field in Plan.__dataclass_fields__ if hasattr(asked, field)]
    return replace(plan, **{name: getattr(asked, name) for name in names if getattr(asked, name)})


def _expand_plan(plan: Plan, asked: Selection) -> Iterator[Case]:
    for name in asked.frameworks or frameworks():
        framework = frameworks()[name]
        modes = asked.modes or tuple(mode for mode in plan.modes or framework.modes)
        for label, form in _subjects(framework, plan):
            for mode, rest in product(modes, _conditions(plan)):
                yield Case(framework.name, label, form, mode, **rest)


def _subjects(framework: Framework, plan: Plan) -> Iterator[tuple[str, str]]:
    """Labels and forms: those of a plan, or a function of the user's own alone."""
    if framework.callable:
        yield framework.activation, framework.callable
        return
    for record in map(find, plan.activations):
        for form in _forms(record, framework, plan):
            yield record.label, form


def _forms(record: Activation, framework: Framework, plan: Plan) -> list[str]:
    plain = plain_form(record, framework)
    wanted = {plain if form == "plain" else form for form in plan.forms or forms_of(record)}
    return [form for form in forms_of(record) if form in wanted]


def plain_form(activation: Activation, framework: Framework) -> str:
    """The form that people take first: native, or else the first one written out.

    Of what a function of the user's should be, that function.
    """
    if framework.callable and activation.label == framework.activation:
        return framework.callable
    native = framework.offers(activation.name, "native") or not activation.forms
    return "native" if native else activation.forms[0]


def _conditions(plan: Plan) -> list[dict[str, Any]]:
    names = ("direction", "device", "dtype", "size", "threads", "output", "cache")
    threads = tuple(map(_threads, plan.threads))
    values = product(
        *(plan.directions, plan.devices, plan.dtypes, plan.sizes),
        *(threads, plan.outputs, plan.caches),
    )
    chosen: list[dict[str, Any]] = [
        dict(zip(names, condition, strict=True)) for condition in values
    ]
    return [
        {**condition, "size": _elements(condition["size"], condition["device"])}
        for condition in chosen
    ]


def _elements(size: int | str, device: str) -> int:
    return size_classes(device)[size] if isinstance(size, str) else size


def directions_of(case: Case) -> tuple[Case, ...]:
    """The case of each direction that a swept one stands for: value and gradient of `both`."""
    if case.direction != "both":
        return (case,)
    return tuple(replace(case, direction=direction) for direction in ("forward", "backward"))


def row_length(size: int) -> int:
    """Elements on the last axis of an input of `size` elements: what it shares with 256.

    At least two rows where the size is even: compilers treat a side of one as a case of its own.
    """
    length = math.gcd(size, ROW_LENGTH)
    return length // 2 if length == size and size % 2 == 0 else length


def unsupported(case: Case) -> str:
    """The reason why a case cannot be measured, as far as the source says; empty if it can."""
    framework: Framework = frameworks()[case.framework]
    activation = find_reference(case.activation)
    if not framework.offers(activation.name, case.form):
        return f"{framework.title} has no {case.form} {activation.name}"
    if case.mode not in framework.modes:
        return f"{framework.title} has no {case.mode} mode"
    if case.direction != "forward" and not framework.has_gradient(case.form):
        return f"nothing differentiates {framework.title}: give its --gradient"
    if case.output == "reused" and case.direction != "forward":
        return "gradients are always written to fresh memory"
    if case.cache == "cold" and case.device != "cpu":
        return "only a CPU's caches are emptied between calls"
    return activation.indivisible(row_length(case.size))
