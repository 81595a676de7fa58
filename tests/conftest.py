"""Fixtures that every test may use."""

import os
import zlib
from pathlib import Path

# The suite's products are small, and threads that wait for each other cost more than
# they bring, above all beside another worker. Before NumPy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# JAX compiles every operation for every shape, most of its tests' time; what it has
# compiled is kept for the other worker and the next run.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache/jax")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

import array_api_strict
import pytest
from support import fake_cupy
from support.libraries import BACKENDS, LIBRARY_NAMES, make_library


@pytest.fixture(scope="session", autouse=True)
def _strictest_flags():
    """Forbid what the standard leaves optional, for the whole session."""
    array_api_strict.set_array_api_strict_flags(
        boolean_indexing=False, data_dependent_shapes=False
    )


def pytest_addoption(parser):
    """Let `pytest --backend cupy` run what takes any library on CuPy, too."""
    parser.addoption(
        "--backend",
        choices=tuple(BACKENDS),
        help="an array library to add to those of every run",
    )


def pytest_configure(config):
    """Refuse a library that cannot run, before anything does."""
    name = config.getoption("--backend")
    problem = BACKENDS[name]() if name else None
    if problem:
        msg = f"--backend {name}: {problem}"
        raise pytest.UsageError(msg)


def pytest_generate_tests(metafunc):
    """Give every library in turn to a test that takes one and names none."""
    marks = metafunc.definition.iter_markers("parametrize")
    if "library" in metafunc.fixturenames and not any(
        "library" in mark.args[0] for mark in marks
    ):
        more = filter(None, [metafunc.config.getoption("--backend")])
        metafunc.parametrize("library", (*LIBRARY_NAMES, *more), indirect=True)


# Grids of every part with every other and every library. NumPy's cells always run; of
# other libraries' and under jit the default run takes a quarter, of JAX's without jit,
# which compiles every operation, an eighth, always the same; `-m slow` takes the rest.
GRIDS = (
    *("test_divergences.py", "test_estimators.py", "test_layers.py"),
    *("test_likelihoods.py", "test_posteriors.py", "test_priors.py"),
)

OTHERS = ("jax", "numpy-readonly", "strict", "torch")

# Here only JAX's cells are thinned out, to a quarter: its compiler takes most time.
COMPILED = (
    *("test_convolution_kernels.py", "test_kernels.py", "test_pooling_kernels.py"),
    *("test_prediction.py", "test_random.py", "test_removal.py", "test_shrinking.py"),
    *("test_loop.py", "test_sliding_kernels.py", "test_step.py", "test_trial.py"),
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark what the default run leaves out of the grids."""
    for item in items:
        name = item.nodeid.partition("::")[2]
        function, _, values = name.partition("[")
        others = any(map(values.__contains__, OTHERS)) or "jit" in function
        in_grid = item.path.name in GRIDS and others
        share = 8 if in_grid and "jax" in values else 4
        thinned = in_grid or (item.path.name in COMPILED and "jax" in values)
        if thinned and zlib.crc32(name.encode()) % share:
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def library(request):
    """An array library."""
    if request.param != "cupy-on-host":
        yield make_library(request.param)
        return
    with fake_cupy.installed():
        yield make_library(request.param)
