"""The CUDA sources compile, without a device, for every architecture that matters."""

from pathlib import Path

import pytest
from support import nvrtc
from support.cuda import launcher
from support.host_kernels import signatures
from support.house_rules import MAX_FILE

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "backends" / "varlayers_backends" / "cuda"


def compiled(architecture, dtype, more=""):
    launch = launcher()
    return nvrtc.compiled(launch.source() + more, architecture, launch.options(dtype))


ENDS = (nvrtc.ARCHITECTURES[0], nvrtc.ARCHITECTURES[-1])


@pytest.mark.parametrize(
    ("architecture", "dtype"),
    [
        *((architecture, "float32") for architecture in nvrtc.ARCHITECTURES),
        *((architecture, "float16") for architecture in ENDS),
        (nvrtc.ARCHITECTURES[0], "float64"),
    ],
)
def test_every_kernel_compiles(architecture, dtype):
    if architecture not in nvrtc.architectures():
        pytest.skip(f"this NVRTC does not know {architecture}")
    code = compiled(architecture, dtype)
    for name in signatures(launcher().source()):
        assert f".text.{name}\0".encode() in code


@pytest.mark.parametrize(
    ("planted", "message"),
    [
        ("KERNEL wrong(", "expected"),
        ("KERNEL wrong(int n) { n = missing; }", "missing"),
        ("#include <math.h>", "math.h"),
    ],
)
def test_planted_error_is_caught(planted, message):
    nvrtc.library()
    with pytest.raises(SyntaxError, match=message):
        nvrtc.compiled(
            launcher().source() + planted, "sm_80", launcher().options("float32")
        )


def test_sources_are_all_of_them_and_short():
    paths = {path.stem: path for path in FOLDER.glob("*")}
    assert set(launcher().SOURCES) == paths.keys()
    for path in paths.values():
        assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE
