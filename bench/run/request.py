"""The request for a run, and what is known of the run before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ..catalog import inputs, plugins
from ..catalog.again import interpreters
from ..catalog.cases import DEVICES, Profile, Selection
from ..catalog.frameworks import Framework, frameworks
from ..catalog.sizes import places, size_classes
from ..exactness.reproduction import differentiates
from ..host import machine
from ..host.caches import caches
from ..host.errors import StoreError, UsageError
from ..results.door import first_of
from ..results.facts import FrameworkFacts, RunFacts
from ..results.store import SCHEMA

PARTS = ("agreement", "timing")


@dataclass(frozen=True)
class Request:
    """The request for a run.

    `pythons` maps a framework to the interpreter that runs it. `budget` is the seconds for further
    processes, None for those of the profile. What is measured is added to the run `into`, if there
    is one. `own` are functions of the user's own, `plugins` the files of activations that a stored
    request names.
    """

    profile: Profile
    selection: Selection
    seed: int
    out: Path | None
    pythons: Mapping[str, str]
    python: str
    timeout: float
    command: str
    parts: tuple[str, ...] = PARTS
    into: Path | None = None
    budget: float | None = None
    own: tuple[Framework, ...] = ()
    plugins: tuple[str, ...] = ()

    @property
    def timing(self) -> bool:
        """Return whether cases are timed."""
        return "timing" in self.parts

    @property
    def agreement(self) -> bool:
        """Return whether cases are checked against the exact values."""
        return "agreement" in self.parts

    def python_of(self, framework: str) -> str:
        """The interpreter that runs a framework, or a user's function on its arrays."""
        return self.pythons.get(frameworks()[framework].module, self.python)

    def as_record(self) -> dict[str, Any]:
        """The request as JSON, with its plug-ins and without the folders of its command."""
        plans = tuple(replace(plan, activations=plan.labels) for plan in self.profile.plans)
        profile = replace(self.profile, plans=plans)
        asked = replace(self, profile=profile, out=None, into=None, plugins=plugins.paths())
        record: dict[str, Any] = _REQUESTS.dump_python(asked, mode="json")
        return record

    def facts(self, started: datetime) -> RunFacts:
        """The facts of the run that are known before it begins."""
        profile = self.profile
        return RunFacts(
            schema=SCHEMA,
            command=self.command,
            profile=profile.name,
            seed=self.seed,
            started=started.isoformat(timespec="seconds"),
            epochs=profile.epochs,
            most=profile.most,
            batch=profile.batch,
            blocks=profile.blocks,
            precision=profile.precision,
            budget=profile.seconds if self.budget is None else self.budget,
            size_classes={device: dict(size_classes(device)) for device in DEVICES},
            places={device: dict(places(device)) for device in DEVICES},
            caches=caches(),
            per_binade=profile.per_binade,
            pythons=interpreters(self.pythons),
            asked={key: list(value) for key, value in asdict(self.selection).items() if value},
            inputs=inputs.TIMING_INPUTS,
            machine=machine.facts(),
            project=machine.project(),
            frameworks=known_frameworks(),
        )


_REQUESTS = TypeAdapter(Request)


def request_of(facts: RunFacts, folder: Path) -> Request:
    """The request of a stored run; nothing that it names is loaded.

    Raises UsageError where the run has none, StoreError where it is malformed.
    """
    if not facts.request:
        raise UsageError(
            f"{folder} does not say what was asked for, so that nothing can go on with it: measure "
            "it again"
        )
    try:
        return _REQUESTS.validate_python(facts.request)
    except ValidationError as error:
        raise StoreError(
            f"{folder / 'run.json'} is malformed: request.{first_of(error)}; measure it again"
        ) from None


def known_frameworks() -> dict[str, FrameworkFacts]:
    """The facts of each framework that a reader of a run needs."""
    return {
        name: FrameworkFacts(
            framework.title,
            framework.modes,
            differentiates(name),
            framework.callable,
            framework.arrays,
            framework.dims,
            framework.activation,
            framework.gradient,
            framework.reference_gradient,
        )
        for name, framework in frameworks().items()
    }
