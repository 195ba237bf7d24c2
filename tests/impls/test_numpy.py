"""NumPy's blocked forms and its own erf: how exact they are, and what they do with any array."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx

from actbench.bench.catalog import inputs
from actbench.bench.catalog.activations import CATALOG, find
from actbench.bench.catalog.cases import Case
from actbench.bench.exactness import sweep, ulp
from actbench.bench.exactness.problem import Problem, problem_of
from actbench.bench.worker.operations import Worker
from actbench.bench.worker.protocol import Evaluate
from actbench.bench.workers.requests import call_of
from actbench.impls import _numpy_kernels as kernels
from actbench.impls import numpy as impl

Array = np.ndarray[Any, Any]
BLOCKED = [record.name for record in CATALOG.values() if "blocked" in record.forms]
ELEMENTWISE = [name for name in BLOCKED if not CATALOG[name].rowwise]
ROWWISE = [name for name in BLOCKED if CATALOG[name].rowwise]
VARIANTS = [
    variant.label
    for name in BLOCKED
    for variant in (
        CATALOG[name],
        *(CATALOG[name].with_parameters(**each) for each in CATALOG[name].variants),
    )
]
TUNED = [
    *("elu(alpha=0.5)", "elu(alpha=1.5)", "celu(alpha=0.5)", "leaky_relu(alpha=2)"),
    *("softplus(k=3)", "isru(alpha=3)", "isrlu(alpha=0.25)"),
]

# Forward and gradient in ulp of the exact value, subnormals contracted, where the form keeps the
# relative accuracy of its tails. gelu's argument x²/2 is rounded before the exponential; the
# gradients of mish, gelu and softmax cross 0. hard_swish's too, where its sum is exact.
ULP = {
    "relu": (0, 0),
    "leaky_relu": (1, 0.5),
    "leaky_relu(alpha=2)": (0.5, 0.5),
    "prelu": (0.5, 0.5),
    "prelu(per_channel=true)": (0.5, 0.5),
    "shifted_relu": (0, 0),
    "crelu": (0, 0),
    "maxout": (0, 0),
    "relu6": (0, 0),
    "squared_relu": (0.5, 0),
    "hard_sigmoid": (2, 0.5),
    "hard_swish": (2.5, 3),
    "elu": (3, 3),
    "elu(alpha=0.5)": (3, 3),
    "elu(alpha=1.5)": (3, 3),
    "selu": (3, 3),
    "celu": (3, 3),
    "sigmoid": (3, 4),
    "softplus": (3, 3),
    "silu": (3, np.inf),
    "gelu": (64, np.inf),
    "mish": (4, np.inf),
    "softsign": (2, 4),
    "isru": (3, 6),
    "isrlu": (3, 6),
    "hardtanh": (0, 0),
    "logsigmoid": (3, 3),
    "logsumexp": (1, np.inf),
    "logsumexp(with_zero=true)": (1, np.inf),
}

# Where x² or e⁻ˣ overflows they are 0, as textbook.
REACH = {"isru": 1e19, "isrlu": 1e19, "silu": 88.7, "mish": 88.7}


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """As in the harness, whose adapter lets NumPy overflow without a warning."""
    with np.errstate(all="ignore"):
        yield


@cache
def _problem(label: str, direction: str, dtype: str) -> Problem:
    """Inputs of every binade, of which float64 has eight times as many as float32."""
    return problem_of(find(label), direction, dtype, 2 if dtype == "float64" else 8, seed=1)


def _evaluated(label: str, direction: str, dtype: str) -> tuple[Array, Problem]:
    problem = _problem(label, direction, dtype)
    case = Case("numpy", label, "blocked", "eager", direction, "cpu", dtype, 0, 1)
    worker = Worker(impl, "cpu", 1)

    def evaluate(
        case: Case, bits: Array, upstream: Array | None = None, apart: bool = False
    ) -> Any:
        return worker.evaluate(Evaluate(call_of(case, bits.shape[-1]), bits, upstream, apart))

    outputs = sweep.outputs_of(case, [problem], evaluate, sweep.shape_of(case))
    assert outputs is not None
    return outputs[0], problem


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("label", ULP)
def test_blocked_forms_keep_the_tails_that_they_claim(label: str, direction: str) -> None:
    bits, problem = _evaluated(label, direction, "float32")
    errors = ulp.measure(bits, problem.exact, "float32").flushed
    if find(label).rowwise:
        errors = errors[~problem.beside_zero]
    else:
        size = np.abs(inputs.from_bits(problem.bits, "float32"))
        errors = errors[size < REACH.get(label, np.inf)]
    assert errors.max() <= ULP[label][direction == "backward"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("label", [*VARIANTS, *TUNED])
def test_blocked_forms_are_right_to_the_rounding_of_input_and_result(
    label: str, direction: str, dtype: str
) -> None:
    """Within 4 roundings of 1, the input or the result, whichever is largest, up to 10,000.

    In the slope of x·s, 1 − s cancels, and x times the slope of the gate multiplies what is lost:
    for gelu_tanh's gate, a cubic, that is more than x. A log_softmax is the difference of its input
    and a logarithm.
    """
    bits, problem = _evaluated(label, direction, dtype)
    got, exact = inputs.from_bits(bits, dtype), _nearest(problem)
    size = np.abs(exact)
    inside = np.ones(got.shape, bool)
    if not find(label).rowwise:
        x = np.abs(inputs.from_bits(problem.bits, dtype))
        inside, size = x <= 1e4, np.maximum(size, x)
    elif (label, direction) == ("log_softmax", "forward"):
        size = np.maximum(size, np.abs(problem.x))
    roundings = 12 if (label, direction) == ("gelu_tanh", "backward") else 4
    slack = roundings * np.finfo(dtype).eps * np.maximum(size, 1)
    kink = (got >= problem.exact.lowest) & (got <= problem.exact.highest)
    right = (got == exact) | (np.abs(got - exact) <= slack)  # a log_softmax of −∞ is −∞
    assert right[inside & ~kink].all()


def _nearest(problem: Problem) -> Array:
    exponent = np.clip(problem.exact.exponent, -3000, 3000).astype(np.int32)
    found: Array = np.ldexp(problem.exact.high, exponent)
    return found


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_nan_stays_nan(name: str, dtype: str) -> None:
    x = np.array([1, np.nan, -1, -np.nan], dtype)
    assert list(np.isnan(_call(name, "blocked", x))) == [False, True, False, True]


LIMITS = {
    **dict.fromkeys(("relu", "squared_relu", "softplus", "softplus_approximation"), (0, np.inf)),
    **dict.fromkeys(("elu", "celu"), (-1, np.inf)),
    "relu6": (0, 6),
    "hard_sigmoid": (0, 1),
    "selu": (pytest.approx(-1.7580993), np.inf),
    "gelu": (0, np.inf),
}


@pytest.mark.parametrize("label", LIMITS)
def test_limits_that_cost_nothing_are_kept(label: str) -> None:
    got = _call(label, "blocked", np.array([-np.inf, np.inf], np.float32))
    assert tuple(got) == LIMITS[label]


def _learnable(name: str, x: Array) -> list[Array]:
    return [np.full(x.shape[-1:], 0.25, x.dtype) for _ in CATALOG[name].learnable]


def _call(name: str, form: str, x: Array, **more: Any) -> Array:
    function: Callable[..., Array] = getattr(impl, f"{name}_{form}")
    return function(x, *_learnable(name, x), **more)


def _gradient(name: str, upstream: Array, x: Array) -> Any:
    return getattr(impl, f"{name}_blocked").gradient(upstream, x, *_learnable(name, x))


def _arrays(dtype: str) -> dict[str, Array]:
    """Of every kind of size and layout; the last axis splits into maxout's two groups."""
    random = np.random.default_rng(5)
    long = kernels.BLOCK // np.dtype(dtype).itemsize + 6
    shapes = {"empty": (0, 8), "odd": (3, 6), "three": (2, 3, 4), "rows": (long // 8 + 1, 8)}
    made = {key: random.standard_normal(shape).astype(dtype) for key, shape in shapes.items()}
    made["one"] = random.standard_normal(2).astype(dtype)
    made["long"] = random.standard_normal((2, long)).astype(dtype)
    made["strided"] = random.standard_normal((5, 16)).astype(dtype)[::2, ::-2]
    made["turned"] = random.standard_normal((8, 5)).astype(dtype).T[:, :4]
    return made


WITH_OUT = [
    (name, form)
    for name, record in CATALOG.items()
    for form in ("native", *record.forms)
    if "out" in inspect.signature(getattr(impl, f"{name}_{form}", abs)).parameters
]


def test_every_blocked_form_takes_an_output_and_so_does_tanh() -> None:
    assert {(name, "blocked") for name in BLOCKED} <= set(WITH_OUT)
    assert ("tanh", "native") in WITH_OUT


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("name", "form"), WITH_OUT)
def test_out_receives_what_a_fresh_call_returns(name: str, form: str, dtype: str) -> None:
    for kind, x in _arrays(dtype).items():
        before = x.copy()
        fresh = _call(name, form, x)
        assert fresh.dtype == x.dtype
        for out in (np.full_like(fresh, 7), np.full((*fresh.shape, 2), 7, dtype)[..., 0]):
            assert _call(name, form, x, out=out) is out
            np.testing.assert_array_equal(out, fresh, err_msg=kind)
        np.testing.assert_array_equal(x, before)
        if fresh.shape == x.shape:
            assert _call(name, form, before, out=before) is before
            np.testing.assert_array_equal(before, fresh, err_msg=kind)


@pytest.mark.parametrize("name", BLOCKED)
def test_blocks_and_layouts_make_no_difference(name: str) -> None:
    for kind, x in _arrays("float32").items():
        upstream = np.ones_like(_call(name, "blocked", x))
        whole = _gradient(name, upstream, x)
        if CATALOG[name].learnable:
            assert whole[1].shape == x.shape[-1:]
            whole = whole[0]
        assert whole.shape == x.shape
        rows = zip(upstream, x, strict=True)
        for place, (pull, row) in enumerate(rows if len(x) < 100 and x.ndim > 1 else ()):
            one = _gradient(name, np.ascontiguousarray(pull), np.ascontiguousarray(row))
            one = one[0] if CATALOG[name].learnable else one
            np.testing.assert_allclose(whole[place], one, rtol=1e-5, atol=1e-6, err_msg=kind)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_numbers_without_an_axis_are_taken(name: str) -> None:
    x = np.array(0.5, np.float32)
    extra = [np.array(0.25, np.float32) for _ in CATALOG[name].learnable]
    if not extra:
        assert getattr(impl, f"{name}_blocked")(x).shape == ()


@pytest.mark.parametrize("form", ["where", "blocked"])
def test_the_gradient_of_one_learnable_number_is_an_array(form: str) -> None:
    """The harness asks where it lies in memory, which a NumPy scalar does not tell."""
    x, alpha = np.array([[-2.0, 3.0]], np.float32), np.array(0.25, np.float32)
    _, along = getattr(impl, f"prelu_{form}").gradient(np.ones_like(x), x, alpha)
    assert isinstance(along, np.ndarray)
    assert along == -2


@pytest.mark.parametrize("name", BLOCKED)
def test_an_output_that_does_not_fit_is_refused(name: str) -> None:
    x = np.ones((2, 4), np.float32)
    with pytest.raises(ValueError, match="out must be float32"):
        _call(name, "blocked", x, out=np.empty((3, 3), np.float32))


def test_threads_do_not_share_intermediate_results() -> None:
    arrays = [np.random.default_rng(i).standard_normal(2**15, np.float32) for i in range(8)]
    alone = [impl.gelu_blocked(x) for x in arrays]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            for one, other in zip(alone, pool.map(impl.gelu_blocked, arrays), strict=True):
                np.testing.assert_array_equal(one, other)


def test_without_a_vector_expm1_the_sum_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.linspace(-80, 80, 999, dtype=np.float32)
    before = impl.sigmoid_blocked(x)
    monkeypatch.setattr(kernels, "_EXPM1_IS_VECTOR", not kernels._EXPM1_IS_VECTOR)
    np.testing.assert_allclose(impl.sigmoid_blocked(x), before, rtol=5e-7)


def test_sign_chooses_bit_by_bit() -> None:
    x = np.array([-1, 1, -0.0, 0.0, -np.inf, np.inf], np.float32)
    below, above = np.full(6, np.inf, np.float32), np.full(6, np.nan, np.float32)
    assert list(np.isnan(kernels.by_sign(x, below, above))) == [False, True] * 3


def _ratio(coefficients: Any, x: arb) -> arb:
    above, below = (
        sum((arb(float(c)) * x**i for i, c in enumerate(each)), arb(0)) for each in coefficients
    )
    return above / below


def _mills(a: arb) -> arb:
    return (a * a / 2).exp() * (a / arb(2).sqrt()).erfc() / 2


def _erf_over(square: arb) -> arb:
    return square.sqrt().erf() / square.sqrt()


@pytest.mark.parametrize(
    ("coefficients", "exact", "top", "bound"),
    [
        (kernels._MILLS["float32"], _mills, 15.0, 3e-8),
        (kernels._MILLS["float64"], _mills, 42.0, 2e-16),
        (kernels._ERF_TO_4, _erf_over, 16.0, 2.5e-8),
        (kernels._ERF_TO_1, _erf_over, 1.0, 2e-17),
    ],
)
def test_rational_approximations_are_as_close_as_they_say(
    coefficients: Any, exact: Callable[[arb], arb], top: float, bound: float
) -> None:
    ctx.prec = 200
    points = [arb(top) * i / 4000 for i in range(1, 4001)]
    apart = [abs(_ratio(coefficients, x) / exact(x) - 1) for x in points]
    assert max(float(each) for each in apart) <= bound
    assert all(float(c) > 0 for each in coefficients for c in each)


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 0.92), ("float64", 4.0)])
def test_erf_is_within_its_bound(dtype: str, bound: float) -> None:
    ctx.prec = 120
    z = inputs.stratified(dtype, 40, seed=3).view(dtype)
    dense = np.random.default_rng(4).uniform(-4, 4, 20_000).astype(dtype)
    z = np.concatenate([z[np.isfinite(z)], dense])
    exact = np.array([float(arb(float(each)).erf()) for each in z])
    spacing = np.maximum(
        np.spacing(np.abs(exact).astype(dtype)), np.finfo(dtype).smallest_subnormal
    )
    # An ulp of 1 − ε is that below 1, whatever 1 − ε rounds to.
    spacing = np.minimum(spacing, np.finfo(dtype).eps / 2)
    assert (np.abs(kernels.erf(z) - exact) / spacing).max() <= bound
    assert np.isnan(kernels.erf(np.array([np.nan], dtype))).all()


def test_normal_tail_in_double_is_exact_to_its_exponential() -> None:
    ctx.prec = 120
    size = np.linspace(0, 37, 2001)
    out, density, spare = (np.empty_like(size) for _ in range(3))
    kernels.normal_tail(size, density, out, spare)
    exact = np.array([float((arb(float(a)) / arb(2).sqrt()).erfc() / 2) for a in size])
    assert (np.abs(out / exact - 1) <= (8 + size * size) * 2.0**-53).all()


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("with_zero", [False, True])
def test_a_blocked_softmax_goes_along_any_axis(axis: int, with_zero: bool) -> None:
    x, upstream = np.random.default_rng(3).standard_normal((2, 3, 4, 5))
    near = {"rtol": 1e-12, "atol": 1e-15}
    plain = impl.softmax_textbook(x, with_zero, axis)
    np.testing.assert_allclose(impl.softmax_blocked(x, with_zero, axis), plain, **near)
    slopes = [
        form.gradient(upstream, x, with_zero, axis)
        for form in (impl.softmax_blocked, impl.softmax_textbook)
    ]
    np.testing.assert_allclose(*slopes, **near)
