"""Samples that count: a failure does until what failed succeeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actbench.bench.catalog.cases import Case
from actbench.bench.results.rows import Against, Other
from actbench.bench.results.samples import Comparison, Missing, Paired, standing, trusted
from actbench.bench.results.status import Status

_CASES = [
    Case("numpy", name, "max", "eager", "forward", "cpu", "float32", 64, 1)
    for name in ("relu", "elu")
]
_OTHER = Comparison(_CASES[0], Against(Other.TAIL), 0.0, 1.0)


def _sample(case: Case, status: Status | None, process: int) -> Any:
    if status:
        return Missing(case, "time_per_call", status, "why")
    return Paired(case, process, "max", 1, 1, (1,), (1,), (False,), (0,))


_TRIES = st.lists(
    st.tuples(st.sampled_from(_CASES), st.sampled_from([None, Status.REFUSED, Status.ERROR]))
)


@given(_TRIES)
def test_a_failure_counts_until_what_failed_succeeds(
    tries: list[tuple[Case, Status | None]],
) -> None:
    samples = [_sample(*tried, process) for process, tried in enumerate(tries)]
    left = standing([*samples, _OTHER])
    assert left[-1] is _OTHER
    for case in _CASES:
        own = [sample for sample in samples if sample.case == case]
        failed = [at for at, sample in enumerate(own) if isinstance(sample, Missing)]
        mended = bool(failed) and failed[-1] < len(own) - 1
        kept = [sample for sample in left[:-1] if sample.case == case]
        assert kept == (own[failed[-1] + 1 :] if mended else own)


def test_a_case_that_was_refused_has_no_times_until_it_is_tried_again() -> None:
    case = _CASES[0]
    before, refused = _sample(case, None, 0), _sample(case, Status.REFUSED, 1)
    assert trusted([before, refused]) == []
    assert trusted([before, refused, _sample(case, None, 2)]) == [_sample(case, None, 2)]
    other = replace(case, size=128)
    assert trusted([_sample(other, None, 0), refused]) == [_sample(other, None, 0)]
