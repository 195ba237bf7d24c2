"""The wide forms against the exact value: forward and gradient, finite inputs, ±∞ and NaN."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import CATALOG, find
from actbench.bench.catalog.cases import Case
from actbench.bench.exactness import sweep, ulp
from actbench.bench.exactness.judge import errors_of
from actbench.bench.exactness.problem import Problem, problem_of
from actbench.bench.results.samples import Agreement
from actbench.bench.workers.supervised import SupervisedWorker

BOUNDS = {"float16": 1.0, "bfloat16": 1.0, "float32": 2.0}
WIDE = [
    variant.label
    for record in CATALOG.values()
    if "wide" in record.forms
    for variant in (record, *(record.with_parameters(**each) for each in record.variants))
]
TUNED = [
    "leaky_relu(alpha=0.3)",
    "shifted_relu(alpha=0.3)",
    "elu(alpha=0.5)",
    "elu(alpha=1.5)",
    "celu(alpha=0.5)",
    "celu(alpha=3)",
    "softplus(k=0.1)",
    "softplus(k=3)",
    "squareplus(b=0)",
    "squareplus(b=0.25)",
    "isru(alpha=3)",
    "isrlu(alpha=0.25)",
]

# XLA runs the processor with subnormals flushed to zero, inputs as well as results, and so do
# TensorFlow's kernels: no form can give what the primitive `identity` already loses. Their errors
# are measured with subnormals contracted to one ulp, and the loss itself is pinned below.
FLUSHES = ("jax", "tensorflow")


ELEMENTWISE = [label for label in [*WIDE, *TUNED] if not find(label).rowwise]
ROWWISE = [label for label in WIDE if find(label).rowwise]


@cache
def _problem(label: str, direction: str, dtype: str) -> Problem:
    """What a form is tried on: every input there is in 16 bits, some of every binade elsewhere."""
    return problem_of(find(label), direction, dtype, 2 if dtype == "float64" else 8, seed=1)


def _case(framework: str, label: str, form: str, mode: str, direction: str, dtype: str) -> Case:
    return Case(framework, label, form, mode, direction, "cpu", dtype, 0, 1)


def _measured(worker: SupervisedWorker, case: Case) -> Agreement:
    worker.failures.clear()
    problem = _problem(case.activation, case.direction, case.dtype)
    found = sweep.measure(case, [problem], worker.evaluate)
    assert found is not None, worker.failures
    [(sample, _)] = found
    return sample


def _error(sample: Agreement, metric: str, label: str) -> float:
    """The largest error; in rows without the results that nearly cancel, as a logsumexp near 0."""
    found = sample.certificate
    away = found.max_ulp_away if find(label).rowwise else np.inf
    return min(float(getattr(found, metric)), away)


def _assert_right(worker: SupervisedWorker, case: Case) -> None:
    """Value and gradient, which a case of both directions gives in one call, are within bounds."""
    worker.failures.clear()
    directions = ("forward", "backward")
    problems = [_problem(case.activation, direction, case.dtype) for direction in directions]
    outputs = sweep.outputs_of(case, problems, worker.evaluate, sweep.shape_of(case))
    assert outputs is not None, worker.failures
    bound = BOUNDS[case.dtype]
    for direction, problem, output in zip(directions, problems, outputs, strict=True):
        errors = errors_of(problem, output)
        assert not errors.mismatched.any(), direction
        error = errors.flushed if case.framework in FLUSHES else errors.plain
        if find(case.activation).rowwise:
            away = errors.plain[~problem.beside_zero]
            assert min(error.max(), away.max()) <= bound, (direction, error.argmax())
            continue
        wrong = np.where(np.isfinite(problem.x), error, 0) > bound
        assert not wrong.any(), (direction, problem.x[wrong][:3], error[wrong][:3])
        assert errors.plain[np.isinf(problem.x)].max() <= bound, direction


@pytest.mark.slow
@pytest.mark.parametrize("label", [*WIDE, *TUNED])
def test_wide_is_within_two_ulp_in_float32(
    framework: str, worker: SupervisedWorker, label: str, mode: str
) -> None:
    _assert_right(worker, _case(framework, label, "wide", mode, "both", "float32"))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("label", ELEMENTWISE)
def test_wide_is_within_one_ulp_at_every_input_in_sixteen_bits(
    framework: str, worker: SupervisedWorker, label: str, mode: str, dtype: str
) -> None:
    if (framework, dtype) == ("numpy", "bfloat16"):
        pytest.skip("NumPy has no bfloat16")
    _assert_right(worker, _case(framework, label, "wide", mode, "both", dtype))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("label", ROWWISE)
def test_wide_rows_are_within_one_ulp_in_sixteen_bits(
    framework: str, worker: SupervisedWorker, label: str, dtype: str
) -> None:
    if (framework, dtype) == ("numpy", "bfloat16"):
        pytest.skip("NumPy has no bfloat16")
    _assert_right(worker, _case(framework, label, "wide", "eager", "both", dtype))


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("label", WIDE)
def test_wide_holds_at_every_input_in_float64(
    framework: str, worker: SupervisedWorker, label: str, direction: str
) -> None:
    """No overflow, no NaN and no lost digits; the argument's own rounding may cost some in a tail.

    erfc(x) and exp(x) turn an error of half an ulp in their argument into up to |x|² and |x| ulp:
    2,000 in float64, where no wider format is at hand. Beside a zero of the slope, as that of silu
    near −1.28, none of the digits are left in float64.
    """
    sample = _measured(worker, _case(framework, label, "wide", "eager", direction, "float64"))
    assert sample.certificate.nan_mismatches == 0, sample
    if _error(sample, "max_ulp_flushed", label) <= 3000:
        return
    problem = _problem(label, direction, "float64")
    outputs = sweep.outputs_of(sample.case, [problem], worker.evaluate, sweep.shape_of(sample.case))
    assert outputs is not None
    errors = errors_of(problem, outputs[0]).flushed[~problem.beside_zero]
    assert errors[np.isfinite(errors)].max() <= 3000, sample


def test_flushing_frameworks_are_blamed_for_what_they_lose(
    framework: str, worker: SupervisedWorker
) -> None:
    """The primitive to blame, with its measured error: relu(x) = x loses every subnormal."""
    if framework not in FLUSHES:
        pytest.skip(f"{framework} keeps subnormals")
    case = _case(framework, "relu", "native", "compiled", "forward", "float32")
    found = _measured(worker, case).certificate
    assert found.max_ulp == pytest.approx(2**23, rel=1e-3), found
    assert found.worst is not None
    assert found.worst.x < 2.0**-126
    assert found.max_ulp_flushed <= 1


@pytest.mark.parametrize(
    "label",
    [
        *("hard_sigmoid", "hard_swish", "elu", "selu", "celu", "sigmoid", "softplus", "silu"),
        *("gelu", "mish", "squareplus", "softsign", "isru", "isrlu"),
    ],
)
def test_wide_returns_the_limits(framework: str, worker: SupervisedWorker, label: str) -> None:
    x = np.array([-np.inf, np.inf])
    bits = inputs.to_bits(np.tile(x, 128).reshape(1, -1), "float32")
    outputs = worker.evaluate(_case(framework, label, "wide", "eager", "forward", "float32"), bits)
    assert outputs is not None, worker.failures
    got = inputs.from_bits(outputs[0], "float32").ravel()[:2]
    low = dict.fromkeys(("elu", "celu", "softsign", "isru", "isrlu"), -1.0)
    low["selu"] = float(np.float32(-1.7580993408473768))
    high = dict.fromkeys(("sigmoid", "hard_sigmoid", "softsign", "isru"), 1.0)
    assert list(got) == [low.get(label, 0.0), high.get(label, np.inf)]


@pytest.mark.parametrize(
    "label",
    [
        *("relu", "relu6", "squared_relu", "crelu", "maxout", "shifted_relu", "hardtanh"),
        *("prelu", "prelu(per_channel=true)"),
    ],
)
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_comparisons_are_exact_on_normal_inputs(
    framework: str, worker: SupervisedWorker, label: str, direction: str
) -> None:
    record = find(label)
    problem = _problem(label, direction, "float32")
    case = _case(framework, label, record.forms[0], "eager", direction, "float32")
    outputs = sweep.outputs_of(case, [problem], worker.evaluate, sweep.shape_of(case))
    assert outputs is not None, worker.failures
    errors = ulp.measure(outputs[0], problem.exact, "float32")
    if record.rowwise:
        assert errors.plain.max() <= 0.5
        return
    size = np.abs(inputs.from_bits(problem.bits, "float32"))
    # max(x, 0) has gradient 1 at 0 in TensorFlow, and keeps no more than the kink's own slopes.
    least = 2.0**-62 if label == "squared_relu" else 2.0**-120
    assert errors.plain[np.isfinite(size) & (size >= least)].max() <= 0.5


@pytest.mark.slow
@pytest.mark.parametrize("label", ["gelu", "prelu", "softmax"])
def test_both_directions_at_once_are_the_two_of_them(
    framework: str, mode: str, worker: SupervisedWorker, label: str
) -> None:
    worker.failures.clear()
    bits = inputs.timing((4, 256), "float32", 3)
    upstream = inputs.timing((4, 256), "float32", 4)
    outputs = {}
    for direction in ("forward", "backward", "both"):
        case = _case(framework, label, "wide", mode, direction, "float32")
        found = worker.evaluate(case, bits, upstream)
        assert found is not None, worker.failures
        outputs[direction] = [inputs.from_bits(each, "float32") for each in found]
    separate = [*outputs["forward"], *outputs["backward"]]
    assert len(outputs["both"]) == len(separate) == (3 if label == "prelu" else 2)
    for one, other in zip(outputs["both"], separate, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("label", ["prelu", "prelu(per_channel=true)"])
def test_learned_slope_has_its_gradient(
    framework: str, mode: str, worker: SupervisedWorker, label: str, dtype: str
) -> None:
    """A sum over 64 to 16,384 terms of one sign, rounded once."""
    if (framework, dtype) == ("numpy", "bfloat16"):
        pytest.skip("NumPy has no bfloat16")
    worker.failures.clear()
    case = _case(framework, label, "wide", mode, "backward", dtype)
    problem = problem_of(find(label), "backward", dtype, 1, seed=1)
    found = sweep.measure(case, [problem], worker.evaluate)
    assert found is not None, worker.failures
    [(sample, _)] = found
    learned = sample.certificate.max_ulp_parameter
    assert learned is not None
    assert 0 <= learned <= BOUNDS[dtype], sample


def test_learned_slope_of_the_plain_form_has_its_gradient(
    framework: str, worker: SupervisedWorker
) -> None:
    for label in ("prelu", "prelu(per_channel=true)"):
        sample = _measured(worker, _case(framework, label, "where", "eager", "backward", "float32"))
        # A sum over 64 to 16,384 terms of one sign, in pairwise or blocked order.
        learned = sample.certificate.max_ulp_parameter
        assert learned is not None
        assert 0 <= learned <= 64, sample
