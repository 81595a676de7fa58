"""The faces are there when they are asked for, and not before."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import varlayers
for name in varlayers.__all__:
    getattr(varlayers, name)
loaded = [name for name in sys.modules if name.startswith("varlayers.compat")]
assert not loaded, loaded
from varlayers.compat import FACE
"""


@pytest.mark.parametrize("face", ["bnn", "tfl", "tfn"])
def test_import_is_lazy(face):
    command = [sys.executable, "-W", "error", "-c", PROGRAM.replace("FACE", face)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
