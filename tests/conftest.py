"""Fixtures that every test may use."""

import os

# The suite's products are small, and threads that wait for each other cost more than
# they bring, above all beside another worker. Before NumPy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import array_api_strict
import pytest
from support.libraries import LIBRARY_NAMES, make_library


@pytest.fixture(scope="session", autouse=True)
def _strictest_flags():
    """Forbid what the standard leaves optional, for the whole session."""
    array_api_strict.set_array_api_strict_flags(
        boolean_indexing=False, data_dependent_shapes=False
    )


@pytest.fixture(params=LIBRARY_NAMES)
def library(request):
    """Each array library in turn."""
    return make_library(request.param)
