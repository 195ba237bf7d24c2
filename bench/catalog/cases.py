"""Cases: what is measured, one at a time, and the profiles that choose them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from itertools import product
from typing import Any

from ..host import machine
from ..host.errors import UsageError
from . import given
from .activations import CATALOG, Activation, find, find_reference, nearest
from .dtypes import DTYPES
from .frameworks import Framework, frameworks
from .sizes import CLASSES, size_classes

MODES = ("eager", "compiled")
DIRECTIONS = ("forward", "backward", "both")
DEVICES = ("cpu", "cuda")
OUTPUTS = ("fresh", "reused")
"""The memory of a result: allocated by the call, or reused from the last call."""
CACHES = ("warm", "cold")
"""The state of the caches before a call: as the last call left them, or empty of its input."""
_LEAST_SECONDS = 15.0
_SECONDS_A_CASE = 0.1
ALL_THREADS = "all"
ROW_LENGTH = 256
"""The elements on the last axis of a timing input, where its size allows."""
_SHORTEST_ROW = 32
"""The smallest common divisor with it for which a size is split into such rows."""


@dataclass(frozen=True)
class Case:
    """One thing to measure. Its fields are the first columns of every row.

    What is timed is an `input` (`catalog.given`) of `size` elements: of a `shape`, or else in rows
    of `row` elements, as many as a size gives by itself where that is 0. Functions of rows take
    those along an `axis`. `layout` says how its elements lie in memory.
    """

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
    input: str = given.NORMAL
    shape: str = ""
    row: int = 0
    axis: int = given.LAST
    layout: str = given.CONTIGUOUS

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, ready for JSON."""
        return dict(vars(self))

    @property
    def said(self) -> dict[str, Any]:
        """The fields by name, without those of the input that have their usual values."""
        return {
            name: value
            for name, value in vars(self).items()
            if name not in OF_INPUT or value != USUAL[name]
        }

    @property
    def has_usual_input(self) -> bool:
        """Return whether the input is the usual one, which goes without saying."""
        return self.said.keys().isdisjoint(OF_INPUT)

    @property
    def lengths(self) -> tuple[int, ...]:
        """The shape of its timing input."""
        if self.shape:
            return given.dimensions(self.shape)
        length = self.row or row_length(self.size)
        return self.size // length, length

    @property
    def length(self) -> int:
        """The elements of a row of its timing input."""
        record = _record(self.activation)
        own = record.axis if record and self.axis == given.LAST else self.axis
        return self.lengths[own]

    @property
    def anywhere(self) -> Case:
        """The case without its timing input: exactness is tested on inputs of its own."""
        return replace(
            self, size=0, **{name: USUAL[name] for name in ("output", "cache", *OF_INPUT)}
        )

    def of(self, activation: str, form: str) -> Case:
        """Return the case of another function on the same input; only functions of rows have an
        axis."""
        return replace(self, activation=activation, form=form, axis=given.LAST)


def _record(label: str) -> Activation | None:
    """The record of a label, if there is one."""
    try:
        return find_reference(label)
    except UsageError:
        return None


USUAL: Mapping[str, Any] = {
    field.name: field.default for field in fields(Case) if field.default is not MISSING
}
"""The fields of a case that may go without saying, and their usual values."""
OF_INPUT = ("input", "shape", "row", "axis", "layout")
"""The fields that give the values, the shape and the layout of a timing input."""


@dataclass(frozen=True)
class Plan:
    """A block of cases: the product of its fields.

    `forms` is None for all that there are; `plain` stands for the form that people take first:
    native, or the first one written out where the framework has none.
    """

    activations: tuple[str, ...] | Callable[[], tuple[str, ...]]
    forms: tuple[str, ...] | None = None
    modes: tuple[str, ...] | None = None
    directions: tuple[str, ...] = ("forward",)
    devices: tuple[str, ...] = ("cpu",)
    dtypes: tuple[str, ...] = ("float32",)
    sizes: tuple[int | str, ...] = ("l2",)
    threads: tuple[int | str, ...] = (1,)
    outputs: tuple[str, ...] = ("fresh",)
    caches: tuple[str, ...] = ("warm",)
    inputs: tuple[str, ...] = (given.NORMAL,)
    shapes: tuple[str, ...] = ("",)
    rows: tuple[int, ...] = (0,)
    axes: tuple[int, ...] = (given.LAST,)
    layouts: tuple[str, ...] = (given.CONTIGUOUS,)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of its activations at this moment: plug-ins add to the catalogue."""
        return self.activations() if callable(self.activations) else self.activations


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
        """The seconds for further processes that so many cases get together."""
        return min(self.seconds, _LEAST_SECONDS + _SECONDS_A_CASE * cases)


def with_variants() -> tuple[str, ...]:
    """Every activation of the catalogue and its variants, by label."""
    return tuple(
        label.label
        for record in CATALOG.values()
        for label in (record, *(record.with_parameters(**values) for values in record.variants))
    )


_FEW = ("relu", "gelu", "squareplus", "copy")


def everything() -> tuple[str, ...]:
    """Every activation of the catalogue, by name."""
    return tuple(CATALOG)


def _names() -> tuple[str, ...]:
    """The names of activations that belong to the answer: no single operations."""
    return tuple(
        name for name, record in CATALOG.items() if record.family != "primitive" and record.standard
    )


_FEW_OF_ALL = ("relu", "elu", "gelu", "silu", "softplus", "squareplus")
"""Activations whose order may change on subnormal and saturated inputs."""
_ANSWER = ("launch", "l2", "memory")
"""The places of the answer: one tiny call, in cache, from memory."""
_OF_CLAIMS = (
    *("relu", "leaky_relu", "prelu", "hardtanh", "hard_sigmoid", "hard_swish", "elu", "sigmoid"),
    *("tanh", "softplus", "softplus_approximation", "silu", "gelu", "gelu_tanh", "gelu_sigmoid"),
    *("mish", "squareplus", "isru", "isrlu"),
)
"""Activations whose cost the literature makes claims about."""
LARGE = ("relu", "elu", "sigmoid", "tanh", "softplus", "silu", "gelu", "squareplus")
"""Activations that the literature says are limited by memory."""
_OF_TABLE = ("relu", "elu", "softplus", "silu", "squareplus")
"""The rows of Table 1 of Barron 2021, arXiv 2112.11687, timed there with a million inputs."""
DELICATE = tuple(name for name, record in CATALOG.items() if "stable" in record.forms)
"""Activations whose printed formula overflows, cancels or vanishes, or is said to."""

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
            plans=(Plan(_names, forms=("plain",), directions=("forward", "backward")),),
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
                Plan(_names, forms=("plain",), sizes=(*_ANSWER, "l1")),
                Plan(_names, forms=("textbook", "blocked")),
                Plan(_names, forms=("plain",), directions=("backward",), sizes=_ANSWER),
                Plan(_names, forms=("plain",), dtypes=("bfloat16",)),
                Plan(_FEW_OF_ALL, forms=("plain",), modes=("eager",), inputs=given.DRAWN[1:]),
            ),
            epochs=2,
            most=12,
            batch=0.0002,
            blocks=32,
            precision=0.03,
            seconds=90,
            per_binade=8,
            title="every activation in the form that people take first, and as its formula is "
            "printed, in every framework and mode, forward and backward, as one tiny call, in "
            "cache and from memory, with the exactness of these. Six to seven minutes with warm "
            "compile caches, nine with cold ones",
        ),
        Profile(
            name="claims",
            plans=(
                Plan(_OF_CLAIMS, forms=("plain",), directions=("forward", "backward")),
                Plan(LARGE, forms=("plain",), sizes=("memory",)),
                Plan(_OF_TABLE, forms=("plain",), sizes=(1_000_000,)),
                Plan(DELICATE),
            ),
            epochs=2,
            most=6,
            batch=0.0002,
            blocks=24,
            precision=0.05,
            seconds=30,
            per_binade=4,
            title="the cases by which `actbench claims` judges claims of cost; a few minutes",
        ),
        Profile(
            name="full",
            plans=(
                Plan(
                    with_variants,
                    dtypes=("float32", "float64", "float16", "bfloat16"),
                    sizes=CLASSES,
                ),
                Plan(everything, sizes=("last_level", "memory"), outputs=("reused",)),
                Plan(everything, forms=("plain",), sizes=("l2", "memory"), threads=(ALL_THREADS,)),
                Plan(everything, forms=("plain",), sizes=("l2", "last_level"), caches=("cold",)),
                Plan(_names, forms=("plain",), inputs=given.DRAWN[1:]),
                Plan(("softmax", "log_softmax"), forms=("plain",), rows=(50257,)),
                # A backward case keeps its own saved values alive: larger ones fill the memory.
                Plan(
                    with_variants,
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
            title="every form and variant, in four dtypes, at every size class, with cold caches "
            "and on all threads too; hours",
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
    inputs: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    axes: tuple[int, ...] = ()
    layouts: tuple[str, ...] = ()

    def checked(self) -> Selection:
        """Return the selection with canonical activation labels.

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
        _check("layout", self.layouts, given.LAYOUTS)
        sizes = tuple(map(_size, self.sizes))
        if self.shapes and (self.rows or any(isinstance(size, str) for size in sizes)):
            raise UsageError("--shape says the size and the rows: leave --size and --row out")
        if any(row < 1 for row in self.rows):
            raise UsageError(f"--row must be at least 1, not {min(self.rows)}")
        return replace(
            self,
            inputs=tuple(map(given.values, self.inputs)),
            shapes=tuple(given.written(given.dimensions(shape)) for shape in self.shapes),
            activations=tuple(find(label).label for label in self.activations),
            sizes=sizes,
            threads=tuple(map(_threads, self.threads)),
        )


def _size(text: int | str) -> int | str:
    """A number of elements, or the one that the name of a size class stands for."""
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
    """A number of threads; `all` stands for the number of CPUs."""
    if text == ALL_THREADS:
        return machine.most_threads()
    if not str(text).isdigit() or int(text) < 1:
        raise UsageError(f"--threads must be a number from 1, or {ALL_THREADS}, not {text}")
    if int(text) > machine.most_threads():
        raise UsageError(
            f"--threads {text} is more than the CPUs of one kind that may be used here: give "
            f"{machine.most_threads()} at most, or {ALL_THREADS}"
        )
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
    """Return the cases of a profile, changed by a person's choices, each case once.

    Raises UsageError for unknown names and for a selection that holds no case at all.
    """
    asked = selection.checked()
    cases = dict.fromkeys(
        case for plan in profile.plans for case in _expand_plan(chosen(plan, asked), asked)
    )
    if not cases:
        raise UsageError(
            f"nothing to measure: none of {', '.join(asked.activations) or 'the activations'} "
            f"has the form {', '.join(asked.forms)}; see actbench list"
        )
    return list(cases)


def chosen(plan: Plan, asked: Selection) -> Plan:
    """Return a plan with a person's choices in place of its own fields."""
    names = [field for field in Plan.__dataclass_fields__ if hasattr(asked, field)]
    return replace(plan, **{name: getattr(asked, name) for name in names if getattr(asked, name)})


def _expand_plan(plan: Plan, asked: Selection) -> Iterator[Case]:
    conditions = input_conditions(plan)
    for name in asked.frameworks or frameworks():
        framework = frameworks()[name]
        modes = asked.modes or tuple(mode for mode in plan.modes or framework.modes)
        for label, form in _subjects(framework, plan):
            for mode, rest in product(modes, conditions):
                yield along(Case(framework.name, label, form, mode, **rest))


def _subjects(framework: Framework, plan: Plan) -> Iterator[tuple[str, str]]:
    """The labels and forms of a plan, or of a user's function alone."""
    if framework.callable:
        yield framework.activation, framework.callable
        return
    for record in map(find, plan.labels):
        for form in _forms(record, framework, plan):
            yield record.label, form


def _forms(record: Activation, framework: Framework, plan: Plan) -> list[str]:
    plain = plain_form(record, framework)
    wanted = {plain if form == "plain" else form for form in plan.forms or forms_of(record)}
    return [form for form in forms_of(record) if form in wanted]


def plain_form(activation: Activation, framework: Framework) -> str:
    """The form that people take first: native, or else the first one written out.

    For the activation that a user's function implements, it is that function.
    """
    if framework.callable and activation.label == framework.activation:
        return framework.callable
    native = framework.offers(activation.name, "native") or not activation.forms
    return "native" if native else activation.forms[0]


def input_conditions(plan: Plan) -> list[dict[str, Any]]:
    """The conditions of each case of a plan: direction, device, dtype and input.

    Raises UsageError for sizes and shapes that do not match those of a file.
    """
    names = ("direction", "device", "dtype", "size", "threads", *USUAL)
    threads = tuple(map(_threads, plan.threads))
    values = product(
        *(plan.directions, plan.devices, plan.dtypes, plan.sizes),
        *(threads, plan.outputs, plan.caches),
        *(plan.inputs, plan.shapes, plan.rows, plan.axes, plan.layouts),
    )
    chosen = [dict(zip(names, condition, strict=True)) for condition in values]
    return [{**condition, **_laid_out(condition)} for condition in chosen]


def _laid_out(condition: Mapping[str, Any]) -> dict[str, Any]:
    """The size, the shape and the row length of an input, as the fields of a case.

    A shape implies the size, and so does a file; otherwise the size is split into rows.
    """
    size, row, values = (condition[name] for name in ("size", "row", "input"))
    lengths = given.dimensions(condition["shape"]) if condition["shape"] else ()
    if given.is_file(values):
        lengths = _of_file(given.stored(values), lengths, row)
    elif row:
        lengths = (max(_elements(size, condition["device"]) // row, 1), row)
    if not lengths:
        return {"size": _elements(size, condition["device"])}
    if isinstance(size, int) and size != math.prod(lengths) and not row:
        shape = given.written(lengths)
        raise UsageError(f"the shape {shape} has {math.prod(lengths):,} elements, not {size:,}")
    return _named(lengths, condition["axis"])


def _named(lengths: tuple[int, ...], axis: int) -> dict[str, Any]:
    """A shape as fields of a case: two axes are rows, which may be the usual ones."""
    size = math.prod(lengths)
    if len(lengths) != 2 or axis not in (given.LAST, 1):
        return {"size": size, "shape": given.written(lengths), "row": 0}
    usual = lengths[1] == row_length(size)
    return {"size": size, "shape": "", "row": 0 if usual else lengths[1]}


def _of_file(file: given.Stored, lengths: tuple[int, ...], row: int) -> tuple[int, ...]:
    """The shape in which a file is read: its own, unless it has one axis. Raises UsageError."""
    size = math.prod(file.shape)
    length = row or row_length(size)
    split = (size // length, length) if row or len(file.shape) == 1 else file.shape
    shape = lengths or split
    if math.prod(shape) != size or (len(file.shape) > 1 and shape != file.shape):
        wanted = f"rows of {row}" if row and not lengths else given.written(shape)
        held = given.written(file.shape)
        raise UsageError(f"{file.path} has the shape {held}, not {wanted}: leave that out")
    return shape


def _elements(size: int | str, device: str) -> int:
    return size_classes(device)[size] if isinstance(size, str) else size


def along(case: Case) -> Case:
    """Return the case with an axis only where its rows lie along one that is not the last."""
    record = _record(case.activation)
    if case.axis == given.LAST:
        return case
    axes = len(case.lengths)
    axis = case.axis + axes if -axes <= case.axis < 0 else case.axis
    last = axis == axes - 1 or not (record and record.rowwise)
    return replace(case, axis=given.LAST if last else axis)


def directions_of(case: Case) -> tuple[Case, ...]:
    """The cases that a swept case stands for, one per direction: value and gradient for `both`."""
    if case.direction != "both":
        return (case,)
    return tuple(replace(case, direction=direction) for direction in ("forward", "backward"))


def row_length(size: int) -> int:
    """The elements on the last axis of an input of `size` elements, unless it is given.

    It is the common divisor with 256; where that is small, the input is one row, or two. There are
    at least two rows where the size is even: compilers treat an axis of length 1 as a special case.
    """
    length = math.gcd(size, ROW_LENGTH)
    if length != size and length >= _SHORTEST_ROW:
        return length
    return size // 2 if size % 2 == 0 else size


def unsupported(case: Case) -> str:
    """The reason why a case cannot be measured, as far as the source shows; empty if it can."""
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
    return no_such_input(framework, case) or _unsplit(activation, case)


def no_such_input(framework: Framework, case: Case) -> str:
    """The reason why a framework has no such array; empty if it has one."""
    axes = len(case.lengths)
    if case.layout != given.CONTIGUOUS and case.layout not in framework.layouts:
        return f"{framework.title} has no {case.layout} arrays: its elements lie one after another"
    if case.layout == given.CHANNELS_LAST and axes != 4:
        return f"channels_last is for four axes, not {axes}: give a --shape such as 8x64x32x32"
    return ""


def _unsplit(activation: Activation, case: Case) -> str:
    """The reason why an activation cannot take the rows of an input; empty if it can."""
    axes = len(case.lengths)
    if not -axes <= case.axis < axes:
        return f"a shape of {axes} axes has no axis {case.axis}"
    if case.axis != given.LAST and "axis" not in activation.parameters:
        return f"{activation.name} is written for rows on the last axis"
    return activation.indivisible(case.length)
