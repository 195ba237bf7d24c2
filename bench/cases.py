"""Cases: what is measured, one at a time, and the profiles that choose them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

from .catalog import CATALOG, Activation, find, nearest
from .dtypes import DTYPES
from .errors import UsageError
from .frameworks import Framework, frameworks

MODES = ("eager", "compiled")
DIRECTIONS = ("forward", "backward", "both")
DEVICES = ("cpu", "cuda")
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

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, ready for JSON."""
        return asdict(self)

    @property
    def command(self) -> str:
        """The command that measures this case again."""
        return (
            f"python -m bench run --framework {self.framework} --activation '{self.activation}' "
            f"--form {self.form} --mode {self.mode} --direction {self.direction} "
            f"--device {self.device} --dtype {self.dtype} --size {self.size} "
            f"--threads {self.threads}"
        )


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
    sizes: tuple[int, ...] = (2**16,)
    threads: tuple[int, ...] = (1,)


@dataclass(frozen=True)
class Profile:
    """How much is measured: which cases, how often, and how dense the accuracy grid is.

    Every case is sampled `rounds` times in each of `epochs` fresh processes, in batches of about
    `batch` seconds; `per_binade` random inputs are tried in each binade and sign.
    """

    name: str
    plans: tuple[Plan, ...]
    rounds: int
    epochs: int
    batch: float
    per_binade: int
    agreement_dtypes: tuple[str, ...]
    title: str


def _everything() -> tuple[str, ...]:
    """Every activation of the catalogue and its variants, by label."""
    return tuple(
        label.label
        for record in CATALOG.values()
        for label in (record, *(record.with_parameters(**values) for values in record.variants))
    )


_FEW = ("relu", "gelu", "squareplus")
_NAMES = tuple(CATALOG)

PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile(
            name="smoke",
            plans=(Plan(_FEW, forms=("native", "max", "textbook", "stable")),),
            rounds=5,
            epochs=1,
            batch=0.005,
            per_binade=2,
            agreement_dtypes=("float32",),
            title="one activation a family, one size, under a minute: does everything work here?",
        ),
        Profile(
            name="standard",
            plans=(
                Plan(_NAMES),
                Plan(_NAMES, forms=("native", "max", "textbook"), sizes=(2**10, 2**20)),
                Plan(_NAMES, forms=("plain",), directions=("backward",)),
                Plan(_NAMES, forms=("stable",), modes=("eager",), directions=("backward",)),
            ),
            rounds=5,
            epochs=2,
            batch=0.004,
            per_binade=8,
            agreement_dtypes=("float32",),
            title="every activation and form forward at 2^16, native and textbook ones at 2^10 and "
            "2^20 too; backward the plain form (native, or the first one written out) and, eager, "
            "the stable one; a few minutes",
        ),
        Profile(
            name="full",
            plans=(
                Plan(
                    _everything(),
                    dtypes=("float32", "float64"),
                    sizes=(2**10, 2**16, 2**20, 2**24),
                ),
                # Each backward case keeps its own saved values alive: larger ones fill the memory.
                Plan(
                    _everything(),
                    directions=("backward", "both"),
                    dtypes=("float32", "float64"),
                    sizes=(2**10, 2**16),
                ),
            ),
            rounds=10,
            epochs=3,
            batch=0.01,
            per_binade=16,
            agreement_dtypes=("float32", "float64"),
            title="adds the variants, float64, every form backward and in both directions at once, "
            "2^24, and the compiled gradient of every form; an hour or more",
        ),
    )
}


@dataclass(frozen=True)
class Selection:
    """What a person asked for: each field that is not empty replaces the profile's own."""

    frameworks: tuple[str, ...] = ()
    activations: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    threads: tuple[int, ...] = ()

    def checked(self) -> Selection:
        """The same with canonical activation labels.

        Raises UsageError, with the nearest valid names, for a name that does not exist.
        """
        _check("framework", self.frameworks, tuple(frameworks()))
        _check("form", self.forms, _all_forms())
        _check("mode", self.modes, MODES)
        _check("direction", self.directions, DIRECTIONS)
        _check("device", self.devices, DEVICES)
        _check("dtype", self.dtypes, tuple(DTYPES))
        for name, values in (("size", self.sizes), ("threads", self.threads)):
            for value in values:
                if value < 1:
                    raise UsageError(f"--{name} must be at least 1, not {value}")
        return replace(self, activations=tuple(find(label).label for label in self.activations))


def _check(kind: str, words: Sequence[str], known: tuple[str, ...]) -> None:
    for word in words:
        if word not in known:
            raise UsageError(f"unknown {kind} {word!r}: {nearest(word, known)}")


def _all_forms() -> tuple[str, ...]:
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
            f"has the form {', '.join(asked.forms)}; see python -m bench list"
        )
    return list(cases)


def _chosen(plan: Plan, asked: Selection) -> Plan:
    names = ("activations", "forms", "modes", "directions", "devices", "dtypes", "sizes", "threads")
    return replace(plan, **{name: getattr(asked, name) for name in names if getattr(asked, name)})


def _expand_plan(plan: Plan, asked: Selection) -> Iterator[Case]:
    for name in asked.frameworks or frameworks():
        framework = frameworks()[name]
        modes = asked.modes or tuple(mode for mode in plan.modes or framework.modes)
        for label in plan.activations:
            record = find(label)
            forms = _forms(record, framework, plan)
            for form, mode, rest in product(forms, modes, _conditions(plan)):
                yield Case(framework.name, record.label, form, mode, **rest)


def _forms(record: Activation, framework: Framework, plan: Plan) -> list[str]:
    if plan.forms == ("plain",):
        return ["native" if framework.offers(record.name, "native") else record.forms[0]]
    return [form for form in forms_of(record) if not plan.forms or form in plan.forms]


def _conditions(plan: Plan) -> list[dict[str, Any]]:
    names = ("direction", "device", "dtype", "size", "threads")
    values = (plan.directions, plan.devices, plan.dtypes, plan.sizes, plan.threads)
    return [dict(zip(names, chosen, strict=True)) for chosen in product(*values)]


def row_length(size: int) -> int:
    """Elements on the last axis of an input of `size` elements: what it shares with 256."""
    return math.gcd(size, ROW_LENGTH)


def unsupported(case: Case) -> str:
    """Why a case cannot be measured, as far as the source says; empty if it can."""
    framework: Framework = frameworks()[case.framework]
    activation = find(case.activation)
    if not framework.offers(activation.name, case.form):
        return f"{framework.title} has no {case.form} {activation.name}"
    if case.mode not in framework.modes:
        return f"{framework.title} has no {case.mode} mode"
    groups = activation.parameters.get("k") if activation.name == "maxout" else None
    if groups and row_length(case.size) % groups:
        return f"rows of {row_length(case.size)} features do not split into {groups} groups"
    return ""
