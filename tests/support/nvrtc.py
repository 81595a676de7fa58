"""NVIDIA's run-time compiler, called by ctypes: it needs a wheel and no device."""

import ctypes
import importlib.util
from functools import cache
from pathlib import Path

import pytest

ARCHITECTURES = ("sm_75", "sm_80", "sm_90", "sm_100", "sm_120")


def library():
    """Return the compiler, or skip the test where its wheel is not installed."""
    found = _library()
    if found is None:
        pytest.skip("NVRTC is not installed: pip install nvidia-cuda-nvrtc")
    return found


@cache
def _library():
    spec = importlib.util.find_spec("nvidia")
    folders = spec.submodule_search_locations if spec else ()
    paths = [path for folder in folders for path in Path(folder).rglob("libnvrtc.so*")]
    return ctypes.CDLL(str(max(paths, key=lambda path: path.name))) if paths else None


def architectures():
    """Return those of ARCHITECTURES that this version compiles for."""
    nvrtc, count = library(), ctypes.c_int()
    nvrtc.nvrtcGetNumSupportedArchs(ctypes.byref(count))
    known = (ctypes.c_int * count.value)()
    nvrtc.nvrtcGetSupportedArchs(known)
    return [name for name in ARCHITECTURES if int(name.removeprefix("sm_")) in known]


def compiled(source, architecture, options):
    """Return the machine code of a CUDA source.

    Raises:
        SyntaxError: with the compiler's log.
    """
    nvrtc, program, size = library(), ctypes.c_void_p(), ctypes.c_size_t()
    _check(
        nvrtc.nvrtcCreateProgram(
            ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None
        )
    )
    try:
        given = [f"--gpu-architecture={architecture}", *options]
        array = (ctypes.c_char_p * len(given))(*(each.encode() for each in given))
        failed = nvrtc.nvrtcCompileProgram(program, len(given), array)
        nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        nvrtc.nvrtcGetProgramLog(program, log)
        if failed:
            raise SyntaxError(log.value.decode())
        _check(nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size)))
        code = ctypes.create_string_buffer(size.value)
        _check(nvrtc.nvrtcGetCUBIN(program, code))
        return code.raw
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _check(status):
    assert status == 0, f"NVRTC's status is {status}"
