"""CuPy's kernels without a device: the CUDA source, on the host, keeps the contracts.

`support.fake_cupy` stands for CuPy. With a device, `test_parity.py` runs the real one.
"""

import inspect
import re
import subprocess
import sys

import numpy as np
import pytest
from support import fake_cupy
from support.cuda import launcher
from support.host_kernels import needs_compiler
from support.kernel_cases import CASES, KEY, Inputs
from support.libraries import missing_cupy
from support.parity import FACTS, check_cases, moved, overrides, uncovered

from varlayers.kernels import Kernels

CLASS = fake_cupy.kernels_class()
METHODS = overrides(CLASS)
MISSING = missing_cupy()


@pytest.fixture(autouse=True)
def cupy():
    """The stand-in, where `import cupy` finds it."""
    needs_compiler()
    with fake_cupy.installed() as module:
        yield module


@pytest.fixture
def kernels():
    return CLASS()


def contiguous(x):
    return fake_cupy.ndarray(np.array(x, order="C"))


def strided(x):
    return contiguous(np.stack([x, x], axis=-1))[..., 0]


def transposed(x):
    return contiguous(np.array(x.T, order="C")).T


LAYOUTS = {layout.__name__: layout for layout in (contiguous, strided, transposed)}


@pytest.mark.parametrize("method", METHODS)
def test_override_keeps_the_contract(cupy, kernels, method):
    if method in FACTS:
        for dtype in ("float32", "float64"):
            like = contiguous(np.ones(1, dtype))
            FACTS[method](kernels, like, cupy.random.default_rng(3))
    else:
        check_cases(kernels, method, LAYOUTS)


def test_every_override_is_checked():
    assert not uncovered(CLASS)


@pytest.mark.parametrize("method", METHODS)
def test_override_has_the_signature_of_the_base(method):
    generic = inspect.signature(getattr(Kernels, method)).parameters.values()
    own = inspect.signature(getattr(CLASS, method)).parameters.values()
    named = [p.name for p in own if p.kind != p.VAR_KEYWORD]
    passed_on = len(named) < len(own)
    assert named == [
        p.name for p in generic if not (passed_on and p.kind == p.KEYWORD_ONLY)
    ]


BY_CUPY = {
    *("digamma", "erf", "gammaln", "matmul", "ndtri"),
    *("asarray", "compile", "native_normal", "native_uniform", "to_numpy"),
}


@pytest.mark.parametrize("method", sorted({*METHODS} - BY_CUPY))
def test_override_launches_kernels(kernels, method):
    fake_cupy.LAUNCHES.clear()
    check_cases(kernels, method, {"contiguous": contiguous}, ((3, 5),))
    assert fake_cupy.LAUNCHES


FLAWS = {
    "words": ("rotations[round % 8]", "rotations[round % 7]"),
    "signs": ("? -1 : 1", "? 1 : -1"),
    "normal": ("2 * j + 1 < n", "2 * j + 2 < n"),
    "scale_normal": ("exp(x > 0 ? -x : x)", "exp(x)"),
    "add_kl_normal_": ("i % loc_period", "0"),
    "cross_entropy": ("t[i] == 0 ? 0 : t[i]", "t[i]"),
    "log_softmax": ("half > 0; half /= 2", "half > 1; half /= 2"),
    "adam_": ("add2 * (g * g)", "add2 * g"),
    "conv": ("if (++i[2] < s.out[2])", "if (++i[2] <= s.out[2])"),
    "conv_adjoint_x": ("- 1 - t[axis]", "- t[axis]"),
    "conv_flipped": ("entry / o % c", "entry % c"),
    "max_pool": ("value > best", "value >= best"),
}


QUICK = {"adam_", "conv", "signs"}  # each flaw has the source compiled again


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(method, marks=() if method in QUICK else pytest.mark.slow)
        for method in FLAWS
    ],
)
def test_flaw_in_the_source_is_caught(kernels, method, monkeypatch):
    launch = launcher()
    source = launch.source()
    assert FLAWS[method][0] in source
    flawed = source.replace(*FLAWS[method])
    monkeypatch.setattr(launch, "source", lambda: flawed)
    launch._function.cache_clear()
    launch._module.cache_clear()
    try:
        with pytest.raises(AssertionError, match=method):
            check_cases(kernels, method, LAYOUTS)
    finally:
        launch._function.cache_clear()
        launch._module.cache_clear()


@pytest.mark.parametrize(
    "mixed",
    ["longdouble", "a scalar", "a prior of another dtype", "a weight in an array"],
)
def test_other_arguments_go_to_the_generic_body(kernels, mixed):
    dtype = "longdouble" if mixed == "longdouble" else "float32"
    arrays = [np.full((3, 4), 0.5, dtype) for _ in range(5)]
    prior, weight = (0.0, 1.0), 0.3
    if mixed == "a scalar":
        arrays[1] = arrays[1][:1]
    if mixed == "a prior of another dtype":
        prior = (np.zeros(4), np.ones(4))
    if mixed == "a weight in an array":
        weight = np.array(0.3, dtype)
    generic = Kernels(np).add_kl_normal_(*arrays[:3], *prior, weight, *arrays[3:])
    fake_cupy.LAUNCHES.clear()
    placed = [contiguous(array) for array in arrays]
    told = [contiguous(x) if isinstance(x, np.ndarray) else x for x in (*prior, weight)]
    own = kernels.add_kl_normal_(*placed[:3], *told, *placed[3:])
    assert not fake_cupy.LAUNCHES
    for one, other in zip(own, generic, strict=True):
        np.testing.assert_allclose(one.get(), other, rtol=1e-6)


@pytest.mark.parametrize("method", sorted({*METHODS} - BY_CUPY))
def test_half_precision_is_computed_in_float32(kernels, method):
    fake_cupy.LAUNCHES.clear()
    for case in CASES[method]:
        for shape in ((5,), (3, 50)):
            given = case.arguments(Inputs(np.random.default_rng(0), shape, "float16"))
            wide = (moved(argument, as_float32) for argument in given)
            expected = getattr(Kernels(np), method)(*wide, **dict(case.options))
            placed = (moved(argument, contiguous) for argument in given)
            actual = getattr(kernels, method)(*placed, **dict(case.options))
            for one, other in zip(tuple_of(actual), tuple_of(expected), strict=True):
                if other is not None:
                    dtype = "float16" if other.dtype == "float32" else other.dtype
                    assert one.dtype == dtype
                    unit = 2.0**-9 * max(1, np.max(np.abs(other)))
                    np.testing.assert_allclose(one.get(), other, rtol=0, atol=unit)
    assert fake_cupy.LAUNCHES


def test_half_uniforms_have_the_bits_of_the_generic_ones(kernels):
    like = np.zeros(0, "float16")
    expected = Kernels(np).uniform(KEY, (5000,), like)
    drawn = kernels.uniform(KEY, (5000,), contiguous(like)).get()
    np.testing.assert_array_equal(drawn, expected)


def as_float32(x):
    return x.astype("float32") if x.dtype == "float16" else x


def tuple_of(result):
    return result if isinstance(result, tuple) else (result,)


def test_donated_arrays_come_back(kernels):
    param, grad, m, v = (contiguous(np.ones((3, 4), "float32")) for _ in range(4))
    options = {"rate": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "decay": 0.1}
    results = kernels.adam_(param, grad, m, v, **options, step=3)
    assert all(one is other for one, other in zip(results, (param, m, v), strict=True))


def test_clip_takes_its_bounds_from_the_host(kernels):
    x = contiguous(np.array([-1.0, 0.5, 2.0, np.nan], "float32"))
    fake_cupy.TRANSFERS.clear()
    both, low = kernels.xp.clip(x, 0.0, 1.0), kernels.xp.clip(x, max=1.0)
    assert not fake_cupy.TRANSFERS
    np.testing.assert_array_equal(both.get(), np.float32([0, 0.5, 1, np.nan]))
    np.testing.assert_array_equal(low.get(), np.float32([-1, 0.5, 1, np.nan]))


def test_run_on_cupy_says_what_is_missing():
    if MISSING is None:
        pytest.skip("nothing is missing")
    command = [sys.executable, "-m", "pytest", "-n0", "--backend", "cupy", __file__]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert re.search("--backend cupy: CuPy (is not installed|finds no)", done.stderr)
