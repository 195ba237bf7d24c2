"""The recording of a run's samples as its workers answer, from several threads at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock

from ..catalog.cases import Case
from ..results.facts import RunFacts
from ..results.samples import Missing, Sample
from ..results.store import RunWriter
from ..worker.protocol import Failure


class Recorder:
    """A recorder that appends samples to a run, with one failure per failed case."""

    def __init__(self, writer: RunWriter) -> None:
        self._writer = writer
        self._failed: set[Case] = set()
        self._lock = Lock()

    @property
    def facts(self) -> RunFacts:
        """The facts of the run, to be added to."""
        return self._writer.facts

    @property
    def samples(self) -> Sequence[Sample]:
        """The samples of the run so far, read back."""
        return self._writer.samples

    def append(self, sample: Sample) -> None:
        """Append one sample."""
        with self._lock:
            if isinstance(sample, Missing):
                self._failed.add(sample.case)
            self._writer.append(sample)

    def fail(self, case: Case, metric: str, failure: Failure) -> None:
        """Record why a case does not have a metric."""
        self.append(Missing(case, metric, failure.status, failure.reason))

    def fail_all(self, failures: Mapping[Case, Failure], metric: str) -> None:
        """Record the same for each case that has no failure yet."""
        for case, failure in failures.items():
            if case not in self._failed:
                self.fail(case, metric, failure)

    def pass_over(self, case: Case) -> None:
        """Record no failure of a case: others stand for it."""
        self._failed.add(case)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Add the seconds of this context to those of a phase."""
        started = time.monotonic()
        try:
            yield
        finally:
            seconds = self.facts.seconds
            seconds[phase] = round(seconds.get(phase, 0.0) + time.monotonic() - started, 4)

    def flush(self) -> None:
        """Hand everything appended so far to the operating system."""
        self._writer.flush()

    def write_facts(self) -> None:
        """Write the facts as they are now."""
        self._writer.write_facts()
