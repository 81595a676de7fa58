"""A stand-in for CuPy without a device: arrays on the host that say they are not.

Whatever NumPy can do with its arrays, `cupy` here does with arrays that only it can
read. `RawModule` launches kernels that the host's compiler has made. `TRANSFERS` lists
every look from the host at the values of an array, and every array that is sent; those
are what make a real device wait.
"""

import functools
import sys
import types
from contextlib import contextmanager
from importlib import import_module

import numpy as np
import scipy.special

from support import fake_streams
from support.host_kernels import HostKernels

TRANSFERS = []
LAUNCHES = []
MODULES = ("cupy", "cupyx", "array_api_compat.cupy", "varlayers_backends.cupy")
HOST_DATA = (np.ndarray, list, tuple, int, float, bool)


class Device:
    """The only device."""

    id = 0

    def __init__(self, device=None):
        assert device is None or device == 0 or isinstance(device, Device)

    def __eq__(self, other):
        return isinstance(other, Device)

    def __hash__(self):
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


class ndarray:
    """An array whose values stay where they are."""

    __module__ = "cupy"
    __array_ufunc__ = None
    device = Device()

    def __init__(self, host):
        self._host = np.asarray(host)

    def get(self):
        _looked("get")
        return self._host.copy()

    def item(self):
        _looked("item")
        return self._host.item()

    def tolist(self):
        _looked("tolist")
        return self._host.tolist()

    def __array__(self, *_, **__):
        msg = "Implicit conversion to a NumPy array is not allowed."
        raise TypeError(msg)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self._host, name)
        return lifted(found) if callable(found) else raised(found)

    @property
    def data(self):
        return types.SimpleNamespace(ptr=self._host.ctypes.data)

    def __setitem__(self, index, value):
        given = self._host, lowered(index), lowered(value)
        done(np.ndarray.__setitem__, given, {})

    def __repr__(self):
        return f"<an array {self._host.shape} of the stand-in for CuPy>"


def raised(result):
    """Return NumPy's arrays and scalars as this library's, also those of a tuple."""
    if isinstance(result, np.ndarray | np.generic):
        return ndarray(result)
    if isinstance(result, tuple | list):
        parts = map(raised, result)
        named = hasattr(result, "_fields")
        return type(result)(*parts) if named else type(result)(parts)
    return result


def lowered(argument):
    """Return this library's arrays as NumPy's; refuse NumPy's own, as CuPy does."""
    if isinstance(argument, ndarray):
        return argument._host
    if isinstance(argument, np.ndarray):
        msg = f"Unsupported type {type(argument)}"
        raise TypeError(msg)
    if type(argument) in (tuple, list):
        return type(argument)(map(lowered, argument))
    return argument


def lifted(function):
    """Return a function of NumPy's arrays as one of this library's."""

    @functools.wraps(function, updated=())
    def call(*arguments, **options):
        named = {name: lowered(value) for name, value in options.items()}
        return done(function, tuple(map(lowered, arguments)), named)

    return call


@np.errstate(all="ignore")  # a device warns of nothing
def done(function, arguments, options):
    """Call a function of the host's arrays; keep the call, if a stream is captured."""
    if not fake_streams.is_capturing():
        return raised(function(*arguments, **options))
    if function in BY_CUBLAS or getattr(function, "__module__", "") == "numpy.linalg":
        msg = "calling cuBLAS API during stream capture is currently unsupported"
        raise NotImplementedError(msg)
    if function in IN_PLACE or options.get("out") is not None:
        fake_streams.keep(lambda: function(*arguments, **options))
        return raised(options.get("out"))
    result = raised(function(*arguments, **options))
    if result is not NotImplemented:
        fake_streams.keep(
            functools.partial(_again, result, function, arguments, options)
        )
    return result


IN_PLACE = (np.copyto, np.ndarray.__setitem__)
BY_CUBLAS = (np.ndarray.__matmul__, np.matmul, np.dot, np.tensordot, np.einsum)


def _again(result, function, arguments, options):
    """Let what a function returned have what it returns now; views have it."""
    new = function(*arguments, **options)
    both = (result, new) if isinstance(result, tuple) else ((result,), (new,))
    for old, each in zip(*both, strict=True):
        if isinstance(old, ndarray) and not any(_shares(old, x) for x in arguments):
            old._host[...] = each


def _shares(array, x):
    if isinstance(x, tuple | list):
        return any(_shares(array, each) for each in x)
    return isinstance(x, np.ndarray) and np.shares_memory(array._host, x)


def _operator(name):
    def apply(self, *others):
        in_place = name.startswith("__i") and name not in ("__invert__",)
        method, given = getattr(np.ndarray, name), tuple(map(lowered, others))
        if fake_streams.is_capturing() and in_place:
            fake_streams.keep(lambda: method(self._host, *given))
            return self
        result = done(method, (self._host, *given), {})
        return self if in_place and result is not NotImplemented else result

    return apply


def _reader(name):
    def read(self):
        _looked(name)
        return getattr(self._host, name)()

    return read


def _looked(name):
    """Note a transfer; a stream that is captured allows none."""
    if fake_streams.is_capturing():
        msg = "The current stream is capturing."
        raise RuntimeError(msg)
    TRANSFERS.append(name)


_BINARY = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"),
    *("lshift", "rshift", "and", "or", "xor"),
)
_OTHER = ("eq", "ne", "lt", "le", "gt", "ge", "neg", "pos", "abs", "invert", "getitem")
for _name in (
    *(f"__{prefix}{name}__" for prefix in ("", "r", "i") for name in _BINARY),
    *(f"__{name}__" for name in _OTHER),
):
    setattr(ndarray, _name, _operator(_name))
for _name in ("__float__", "__int__", "__bool__", "__index__", "__complex__"):
    setattr(ndarray, _name, _reader(_name))
ndarray.__len__ = lambda self: len(self._host)
ndarray.__hash__ = object.__hash__
ndarray.__iter__ = lambda self: map(raised, self._host)


def asarray(data, dtype=None, **options):
    """Return an array; one that comes from the host is counted."""
    if isinstance(data, HOST_DATA):
        _looked("asarray")
        return ndarray(np.array(data, dtype, **options))
    return done(np.asarray, (lowered(data), dtype), options)


def array(data, dtype=None, copy=True, **options):
    if isinstance(data, ndarray):
        return done(np.array, (data._host, dtype), {"copy": copy, **options})
    return asarray(data, dtype, **options)


def empty(shape, dtype=float, order="C"):
    """Return an array of garbage, which nobody must use."""
    made = np.empty(shape, dtype, order)
    made.fill(np.nan if made.dtype.kind == "f" else 113)
    return ndarray(made)


def empty_like(x, dtype=None):
    return empty(x.shape, dtype or x.dtype)


def asnumpy(x):
    return x.get()


class RawModule:
    """Kernels that run on the host."""

    def __init__(self, *, code, options=()):
        defined = (o.removeprefix("-D") for o in options if o.startswith("-D"))
        self._kernels = HostKernels(code, dict(each.split("=") for each in defined))

    def get_function(self, name):
        assert name in self._kernels.signatures, name

        def launch(grid, block, arguments):
            LAUNCHES.append(name)
            given = [a._host if isinstance(a, ndarray) else a for a in arguments]
            pointers = [k for k in self._kernels.signatures[name] if k.endswith("*")]
            arrays = [a for a in arguments if isinstance(a, ndarray | None)]
            assert len(arrays) == len(pointers), f"{name}: a pointer from the host"
            run = functools.partial(self._kernels.launch, name, grid, block, given)
            fake_streams.keep(run) if fake_streams.is_capturing() else run()

        return launch


class Generator:
    """The generator of `cupy.random`."""

    def __init__(self, seed):
        self._host = np.random.default_rng(seed)

    def random(self, shape, dtype):
        return ndarray(self._host.random(shape, dtype))

    def standard_normal(self, shape, dtype):
        return ndarray(self._host.standard_normal(shape, dtype))


def _module(name, source, **own):
    module = types.ModuleType(name)
    for each in dir(source):
        value = getattr(source, each)
        function = callable(value) and not isinstance(value, type)
        if not each.startswith("_"):
            setattr(module, each, lifted(value) if function else value)
    for each, value in own.items():
        setattr(module, each, value)
    module.__all__ = [each for each in vars(module) if not each.startswith("_")]
    return module


def _no():
    return False


@functools.cache
def _modules():
    own = (ndarray, asarray, array, empty, empty_like, asnumpy, RawModule)
    parts = {
        "linalg": _module("cupy.linalg", np.linalg),
        "fft": _module("cupy.fft", np.fft),
        "cuda": _module("cupy.cuda", fake_streams, Device=Device, is_available=_no),
        "random": _module("cupy.random", None, default_rng=Generator),
    }
    named = {each.__name__: each for each in own}
    cupy = _module("cupy", np, **named, **parts, bool_=np.bool_, matrix=None)
    special = _module("cupyx.scipy.special", scipy.special)
    scipy_ = _module("cupyx.scipy", None, special=special)
    return {
        "cupy": cupy,
        **{f"cupy.{name}": part for name, part in parts.items()},
        "cupy.cuda.device": _module("cupy.cuda.device", None, Device=Device),
        "cupyx": _module("cupyx", None, scipy=scipy_),
        "cupyx.scipy": scipy_,
        "cupyx.scipy.special": special,
    }


_LOADED = {}


@contextmanager
def installed():
    """Let `import cupy` find the stand-in, and no longer afterwards."""
    real = _taken_out()
    _put_in({**_modules(), **_LOADED})
    try:
        yield sys.modules["cupy"]
    finally:
        _LOADED.update(_taken_out())
        _put_in(real)


def _taken_out():
    modules = {name: sys.modules.pop(name) for name in _affected()}
    for name in modules:
        package, _, module = name.rpartition(".")
        if package in sys.modules:
            vars(sys.modules[package]).pop(module, None)
    return modules


def _put_in(modules):
    sys.modules.update(modules)
    for name, module in modules.items():
        package, _, attribute = name.rpartition(".")
        if package:
            setattr(sys.modules[package], attribute, module)


def _affected():
    return sorted(name for name in sys.modules if name.startswith(MODULES))


def kernels_class():
    """Return `CupyKernels`, imported with the stand-in."""
    with installed():
        return import_module("varlayers_backends.cupy").CupyKernels
