"""Loops and passes, one after another, as compiled functions.

    run(table) -> 0; not so if a loop raised, >= 2³² if it returned that it failed

The table has the address of each base. A loop is called as numba compiled it, with all
that its arguments are, shapes and strides and numbers, written into the code. A pass is
written as a nest of loops, and left to LLVM to make of vectors. The code is text in
LLVM's own language: a network's step is a hundred calls, ready in a few milliseconds.

numba's functions return a status, 0 if all went well, and take where to put a result
and an error, then their arguments, each as the numbers that make it up:

    array    ptr owner, ptr parent, i64 elements, i64 size of one, ptr data,
             i64 length of each axis, i64 stride of each axis
    tuple    its entries
"""

import ctypes
from itertools import count
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numba import typeof, types
from numba.core.registry import cpu_target
from numba.np.numpy_support import from_dtype

from varlayers.types import Shape
from varlayers_backends.numba_passes_code import Passes, stored
from varlayers_backends.numba_tape import Loop, Number, Part, Pass

__all__ = ["Segments"]

_FEW = 4096  # elements, in all passes, that are done before they are vectorized
_HEAD = """declare float @llvm.sqrt.f32(float)
declare double @llvm.sqrt.f64(double)"""


class Segments:
    """Compiled functions, called without the interpreter's lock.

    Args:
        groups: the operations of each.

    Attributes:
        runs: the functions, to be called as long as this object lives.
    """

    def __init__(self, groups: list[list[Any]]) -> None:
        passes = Passes()
        codes = [_Code(f"run{i}", group, passes) for i, group in enumerate(groups)]
        texts = [_HEAD, *passes.texts, *(code.text() for code in codes)]
        module, machine = llvm.parse_assembly("\n".join(texts)), _machine()
        if passes.elements > _FEW:
            options = llvm.create_pipeline_tuning_options(speed_level=2)
            options.loop_vectorization = True
            builder = llvm.create_pass_builder(machine, options)
            builder.getModulePassManager().run(module, builder)
        self._engine = llvm.create_mcjit_compiler(module, machine)
        self._engine.finalize_object()
        kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
        names = [code.name for code in codes]
        self.runs = [kind(self._engine.get_function_address(name)) for name in names]


def _machine() -> Any:
    """Return the processor of this machine, for LLVM."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    features = llvm.get_host_cpu_features().flatten()
    cpu = llvm.get_host_cpu_name()
    return target.create_target_machine(cpu=cpu, features=features, opt=2, jit=True)


class _Code:
    """A function that is being written, for some operations."""

    def __init__(self, name: str, operations: list[Any], passes: Passes) -> None:
        self.name, self._passes = name, passes
        self._bases: dict[int, str] = {}
        self._lines: list[str] = []
        self._statuses: list[str] = []
        self._names = count()
        for operation in operations:
            if isinstance(operation, Loop):
                self._loop(operation)
            else:
                self._one_by_one(operation)

    def text(self) -> str:
        """Return the whole."""
        loads = [
            f"  %at{base} = getelementptr i64, ptr %table, i64 {base}\n"
            f"  {name} = load ptr, ptr %at{base}"
            for base, name in self._bases.items()
        ]
        failed = "0"
        for status in self._statuses:
            failed = self._let(f"or i64 {failed}, {status}")
        head = [f"define i64 @{self.name}(ptr %table) {{", "entry:"]
        places = ["  %result = alloca i64", "  %error = alloca ptr", *loads]
        lines = [*head, *places, "  br label %begin", "begin:", *self._lines]
        return "\n".join([*lines, f"  ret i64 {failed}", "}"])

    def _let(self, code: str) -> str:
        """Write a line that defines a value; return its name."""
        name = f"%v{next(self._names)}"
        self._lines.append(f"  {name} = {code}")
        return name

    def _pointer(self, part: Part) -> str:
        """Return a pointer to the first element of a part."""
        base = self._bases.setdefault(part.base, f"%base{part.base}")
        if not part.offset:
            return base
        return self._let(f"getelementptr i8, ptr {base}, i64 {part.offset}")

    # ---- loops -----------------------------------------------------------------

    def _loop(self, loop: Loop) -> None:
        """Call a loop."""
        address, returned, expected = _found(loop)
        given = ["ptr %result", "ptr %error"]
        for argument in loop.arguments:
            given += self._passed(argument)
        if [text.partition(" ")[0] for text in given] != expected:
            msg = f"{loop.compiled} takes {expected}, which is not as expected."
            raise NotImplementedError(msg)
        if returned == types.boolean:  # what raises returns nothing
            self._lines.append("  store i8 0, ptr %result")
        callee = f"inttoptr (i64 {address} to ptr)"
        status = self._let(f"call i32 {callee}({', '.join(given)})")
        self._statuses.append(self._let(f"zext i32 {status} to i64"))
        if returned == types.boolean:
            failed = self._let("load i8, ptr %result")
            failed = self._let(f"zext i8 {failed} to i64")
            self._statuses.append(self._let(f"shl i64 {failed}, 32"))

    def _passed(self, x: Any) -> list[str]:
        """Return what a loop is given for an argument."""
        if isinstance(x, Part):
            return _array(self._pointer(x), x.shape, x.strides, x.dtype.itemsize)
        if isinstance(x, Number):
            return [self._number(x)]
        if isinstance(x, np.ndarray):
            pointer = f"inttoptr (i64 {x.__array_interface__['data'][0]} to ptr)"
            return _array(pointer, x.shape, x.strides, x.itemsize)
        if isinstance(x, tuple):
            return [text for each in x for text in self._passed(each)]
        if isinstance(x, bool):
            return [f"i8 {int(x)}"]
        return [f"double {_float(x)}" if isinstance(x, float) else f"i64 {int(x)}"]

    def _number(self, number: Number) -> str:
        pointer, dtype = self._pointer(number.part), number.part.dtype
        if dtype.kind == "f":
            return f"double {self._let(f'load double, ptr {pointer}')}"
        kind = stored(dtype)
        value = self._let(f"load {kind}, ptr {pointer}")
        if kind != "i64":
            extend = "sext" if dtype.kind == "i" else "zext"
            value = self._let(f"{extend} {kind} {value} to i64")
        return f"i64 {value}"

    # ---- passes ----------------------------------------------------------------

    def _one_by_one(self, operation: Pass) -> None:
        """Combine elements, by the function for operations of this form."""
        if 0 in operation.out.shape:
            return
        name, numbers = self._passes.call(operation)
        parts = (*operation.inputs, operation.out)
        pointers = [f"ptr {self._pointer(part)}" for part in parts]
        given = ", ".join([*pointers, *(f"i64 {number}" for number in numbers)])
        self._lines.append(f"  call void @{name}({given})")


def _found(loop: Loop) -> tuple[int, Any, list[str]]:
    """Return the address of a loop for its arguments, what it returns, and takes."""
    compiled = loop.compiled
    kinds = [_type_of(x) for x in loop.arguments]
    code = compiled.py_func.__code__
    if code.co_flags & 4:  # its last argument takes all that is left
        rest = types.BaseTuple.from_types(tuple(kinds[code.co_argcount :]))
        kinds = [*kinds[: code.co_argcount], rest]
    result = compiled.overloads[tuple(kinds)]
    description, context = result.fndesc, cpu_target.target_context
    function = context.call_conv.get_function_type(
        description.restype, description.argtypes
    )
    address = result.library.get_pointer_to_function(description.llvm_func_name)
    takes = [_kind(argument) for argument in function.args]
    return address, description.restype, takes


def _kind(argument: Any) -> str:
    text = str(argument)
    return "ptr" if text.endswith("*") else text


def _type_of(x: Any) -> Any:
    """Return numba's type of an argument."""
    if isinstance(x, Part):
        return types.Array(from_dtype(x.dtype), len(x.shape), "C")
    return typeof(x.value if isinstance(x, Number) else x)


def _array(pointer: str, shape: Shape, strides: Shape, itemsize: int) -> list[str]:
    size = 1
    for length in shape:
        size *= length
    numbers = [f"i64 {n}" for n in (*shape, *strides)]
    head = ["ptr null", "ptr null", f"i64 {size}", f"i64 {itemsize}"]
    return [*head, f"ptr {pointer}", *numbers]


def _float(x: float) -> str:
    """Return a number by its bits, as LLVM reads it exactly."""
    return f"0x{np.float64(x).view(np.uint64):016X}"
