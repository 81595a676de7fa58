"""Importing varlayers is cheap, needs no framework, and changes nothing elsewhere.

Each test runs in an interpreter of its own. No time is measured here: what is imported
decides it. `benchmarks/import_time.py` prints the milliseconds.
"""

import importlib.util
import subprocess
import sys

import pytest

BLOCK = """
import sys

BLOCKED = {
    "cupy", "jax", "jaxlib", "matplotlib", "numba", "safetensors", "sklearn", "torch",
    "tqdm",
}

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
"""

USE_EVERY_NAME = """
import varlayers as vl

assert vl.__all__
for name in vl.__all__:
    getattr(vl, name)
"""

TRAIN_ONE_STEP = """
import numpy as np
import varlayers as vl

x, targets = np.ones((4, 3), np.float32), np.array([0, 1, 1, 0])
for estimator in ("reparameterization", "local", "flipout"):
    model = vl.Sequential([vl.Dense(3, 2, estimator=estimator), vl.Activation("relu")])
    elbo = vl.ELBO(model, vl.Categorical(), num_data=4)
    params = elbo.init(vl.key(0), like=x)
    loss, grads = elbo.value_and_grad(params, x, targets, vl.key(1))
    assert np.isfinite(loss.loss)
"""

OURS = "allowed = {'varlayers', 'array_api_compat', *sys.stdlib_module_names}"


def run(*parts):
    """Run the parts as one program in a fresh interpreter."""
    program = "\n".join(parts)
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_import_works_with_every_optional_library_blocked():
    run(BLOCK, USE_EVERY_NAME, "assert not BLOCKED & set(sys.modules)")


def test_training_step_works_with_every_optional_library_blocked():
    run(BLOCK, TRAIN_ONE_STEP, "assert not BLOCKED & set(sys.modules)")


@pytest.mark.parametrize("use", ["import varlayers", USE_EVERY_NAME])
def test_import_adds_little_to_numpy(use):
    run(
        "import sys, numpy",
        "before = set(sys.modules)",
        use,
        OURS,
        "added = {name.partition('.')[0] for name in set(sys.modules) - before}",
        "assert added <= allowed, added - allowed",
    )


def test_blocked_libraries_cannot_be_imported():
    run(
        BLOCK,
        "for name in BLOCKED:",
        "    try:",
        "        __import__(name)",
        "    except ModuleNotFoundError:",
        "        continue",
        "    raise SystemExit(f'{name} was imported')",
    )


def test_unknown_name_is_an_attribute_error():
    run(
        "import varlayers",
        "try:",
        "    varlayers.Dence",
        "except AttributeError as error:",
        "    assert \"no attribute 'Dence'\" in str(error), error",
        "else:",
        "    raise SystemExit('no error')",
    )


IMPORT_EVERY_MODULE = """
import importlib, pkgutil
import varlayers, varlayers_backends

for package in (varlayers, varlayers_backends):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not (found.name.startswith(SKIPPED) or found.name.endswith("__main__")):
            importlib.import_module(found.name)
"""

NUMPY_STATE = """
import warnings
import numpy as np

def state():
    random = np.random.get_state(legacy=False)
    words = random["state"]["key"].tolist(), random["state"]["pos"]
    return np.geterr(), np.get_printoptions(), words, list(warnings.filters)
"""

TORCH_STATE = """
import torch, torch.distributions

def state():
    return {
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "grad": (torch.is_grad_enabled(), torch.is_anomaly_enabled()),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "precision": torch.get_float32_matmul_precision(),
        "random": torch.get_rng_state().tolist(),
        "validate": torch.distributions.Distribution._validate_args,
        "kl": len(torch.distributions.kl._KL_REGISTRY),
    }
"""

JAX_STATE = """
import jax

def state():
    return dict(jax.config.values), jax.numpy.zeros(1).dtype, jax.default_backend()
"""


@pytest.mark.parametrize(
    ("library", "state"),
    [("numpy", NUMPY_STATE), ("torch", TORCH_STATE), ("jax", JAX_STATE)],
)
def test_importing_every_module_changes_nothing_in(library, state):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    others = {"cupy", "jax", "torch"} - {library}
    run(
        state,
        "before = state()",
        f"SKIPPED = tuple('varlayers_backends.' + name for name in {others})",
        IMPORT_EVERY_MODULE,
        "import sys",
        f"assert 'varlayers_backends.{library}' in sys.modules",
        "assert state() == before, (before, state())",
    )
