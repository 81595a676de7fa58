"""CUDA kernels compiled by the host's C++ compiler, and launched on NumPy arrays."""

import ctypes
import hashlib
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

SHIM = Path(__file__).with_name("host_cuda.h")
FLAGS = ("-O1", "-std=c++17", "-shared", "-fPIC", "-U_FORTIFY_SOURCE", "-w")
SCALARS = {"u32": np.uint32, "i64": np.int64, "int": np.int32}
DTYPES = {"Half": "float16", "float": "float32", "double": "float64"}
STRUCTS = {"Sliding": 19 * 4, "Line": 512 * 4}  # bytes
ENTRIES = {"u32": "uint32", "int": "int32", "unsigned char": "uint8"}


def needs_compiler():
    """Skip the test where there is no C++ compiler."""
    if shutil.which("g++") is None:
        pytest.skip("the CUDA kernels run on the host through g++, which is missing")


class HostKernels:
    """The kernels of a source, as the definitions of HELD and REAL compile them."""

    def __init__(self, source, definitions):
        self.signatures = signatures(source)
        self.dtypes = {
            name.lower(): np.dtype(DTYPES[kind]) for name, kind in definitions.items()
        }
        self.library = _library(source, tuple(definitions.items()))

    def launch(self, name, grid, block, arguments):
        """Run a kernel; refuse what a device would misread, or CUDA would not start."""
        types = self.signatures[name]
        assert len(types) == len(arguments), f"{name} expects {types}"
        assert 0 < np.prod(block) <= 1024, block
        assert all(0 < size < limit for size, limit in zip(grid, LIMITS, strict=False))
        given = [
            self._argument(name, number, *both)
            for number, both in enumerate(zip(types, arguments, strict=True))
        ]
        pointers = (ctypes.c_void_p * len(given))(*map(ctypes.addressof, given))
        run = self.library[f"launch_{name}"]
        run.restype = ctypes.c_char_p
        problem = run(_three(grid), _three(block), pointers)
        assert problem is None, f"{name}: {problem.decode()}"

    def _argument(self, name, number, kind, value):
        where = f"{name}, argument {number}: {kind} from {value!r}"
        if kind.endswith("*"):
            entry = kind.removeprefix("const").strip(" *")
            if value is None and kind.startswith("const"):
                return ctypes.c_void_p(None)
            assert isinstance(value, np.ndarray), where
            assert value.dtype == (self.dtypes.get(entry) or ENTRIES[entry]), where
            assert value.flags.c_contiguous, where
            assert value.flags.writeable or kind.startswith("const"), where
            return ctypes.c_void_p(value.ctypes.data)
        if kind in STRUCTS:
            assert value.dtype.names, where
            assert value.nbytes == STRUCTS[kind], where
        else:
            expected = self.dtypes["real"].type if kind == "real" else SCALARS[kind]
            assert type(value) is expected, where
        return ctypes.create_string_buffer(value.tobytes(), value.nbytes)


LIMITS = (2**31, 65536, 65536)


def signatures(text):
    """Return the types of the arguments of every kernel, by name."""
    found = re.findall(r"^KERNEL (\w+)\(([^)]*)\)", text, re.MULTILINE)
    return {
        name: [
            " ".join(re.sub(r"\w+$", "", argument.strip()).split())
            for argument in arguments.split(",")
        ]
        for name, arguments in found
    }


def _with_barriers(source, name):
    body = re.search(rf"^KERNEL {name}\(.*?^}}", source, re.MULTILINE | re.DOTALL)[0]
    return "__syncthreads" in body or "block_" in body


def _three(sizes):
    return (ctypes.c_uint * 3)(*sizes, *[1] * (3 - len(sizes)))


def _wrapper(source, name, types):
    passed = ", ".join(f"*({kind}*)given[{i}]" for i, kind in enumerate(types))
    barriers = str(_with_barriers(source, name)).lower()
    return (
        f"static void call_{name}(void **given) {{ {name}({passed}); }}\n"
        f'extern "C" const char *launch_{name}'
        "(const unsigned *grid, const unsigned *block, void **given)\n"
        f"{{ return run(call_{name}, {barriers}, grid, block, given); }}\n"
    )


@cache
def _library(source, definitions):
    needs_compiler()
    shim = SHIM.read_text(encoding="utf-8")
    wrappers = [_wrapper(source, *item) for item in signatures(source).items()]
    defined = [f"#define {name} {kind}" for name, kind in definitions]
    text = "\n".join([shim, *defined, source, *wrappers])
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    folder = Path(tempfile.mkdtemp(prefix=f"varlayers-{digest}-"))
    try:
        path = folder / "kernels.cpp"
        path.write_text(text, encoding="utf-8")
        command = ["g++", *FLAGS, "-o", str(folder / "kernels.so"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return ctypes.CDLL(str(folder / "kernels.so"))
    finally:
        shutil.rmtree(folder)
